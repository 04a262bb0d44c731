"""A blocking driver for asynchronous callers: its calls run in worker threads."""

from __future__ import annotations

from regstore.driver import StorageDriver
from regstore.drivers.carried import CarriedDriver
from regstore.drivers.threads import ThreadCarrier


class ThreadedDriver(CarriedDriver):
    """Offers a blocking driver to any asyncio or trio loop; one of it serves many loops.

    One call is one worker thread's work, of which anyio runs 40 at a time for a loop
    (:func:`anyio.to_thread.current_default_thread_limiter` changes that); a listing is fetched in
    batches. Cancelled callers wait for their thread, so that nothing stays open and no writer ever
    runs two steps at a time. Wrappers stand outside of this one: in its threads only *inner* runs.

    :param inner: a driver whose coroutines never suspend; closing this one closes it.
    """

    def __init__(self, inner: StorageDriver) -> None:
        super().__init__(inner, ThreadCarrier(inner.runtime))
