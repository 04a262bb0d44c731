"""The simulated store as one process sees it, over whatever network and front end it meets."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from datetime import timedelta
from typing import Any, Literal, TypeVar

from typing_extensions import override

from regstore._run import BlockingRuntime, Runtime
from regstore.driver import ANY, Capabilities, Condition, Content, FileInfo
from regstore.drivers.objects.port import Limits, Listing, ObjectBody, ObjectStore, Part, Session
from regstore.errors import (
    IncompleteReadError,
    PreconditionFailedError,
    TransientError,
    UnsupportedMethodError,
)
from regstore.testing.objects import MemoryObjects
from regstore.testing.simulation.bucket import Bucket
from regstore.testing.simulation.knobs import Knobs
from regstore.testing.simulation.network import DRIVER, Network
from regstore.testing.simulation.runtime import SimulatedRuntime
from regstore.testing.simulation.staleness import Staleness
from regstore.testing.simulation.trace import Request, Trace

T = TypeVar("T")

Ask = Callable[[MemoryObjects], Coroutine[Any, Any, T]]
"""A request, to whichever store answers it: the truth or an older view."""

_at_once = BlockingRuntime().run


class SimulatedStore(ObjectStore):
    """A client of the simulated store; each process has one of its own.

    :param conditions: see :attr:`Knobs.conditions`.
    """

    name = DRIVER

    def __init__(
        self,
        bucket: Bucket,
        knobs: Knobs,
        network: Network,
        staleness: Staleness,
        runtime: SimulatedRuntime,
        trace: Trace,
    ) -> None:
        self.runtime: Runtime = runtime
        self.limits: Limits = bucket.limits
        self.capabilities: Capabilities = knobs.capabilities
        self._bucket = bucket
        self._knobs = knobs
        self._network = network
        self._staleness = staleness
        self._process = runtime.process
        self._loop = runtime.loop
        self._trace = trace

    @override
    async def head(self, key: str) -> FileInfo:
        return await self._read("head", key, lambda store: store.head(key))

    @override
    async def get(self, key: str) -> Content:
        return await self._read("get", key, lambda store: store.get(key))

    @override
    async def open(
        self, key: str, start: int = 0, length: int | None = None, version: str | None = None
    ) -> ObjectBody:
        body = await self._read("open", key, lambda store: store.open(key, start, length, version))
        rate = self._knobs.cut_bodies
        return _CutBody(body) if rate and self._random() < rate else body

    @override
    async def list(
        self,
        prefix: str,
        *,
        delimited: bool = False,
        start_after: str | None = None,
        token: str | None = None,
        limit: int | None = None,
    ) -> Listing:
        request = self._trace.request(self._process.name, "list", prefix, self._loop.time)

        def effect() -> Listing:
            store = self._staleness.listing(request, self._loop.time)
            return _at_once(
                store.list(
                    prefix, delimited=delimited, start_after=start_after, token=token, limit=limit
                )
            )

        return await self._network.carry(self._process, request, effect)

    @override
    async def put(self, key: str, data: bytes, condition: Condition = ANY) -> str:
        data, kept = bytes(data), self._kept(key, condition)
        return await self._change(
            "put", key, lambda store: store.put(key, data, kept), condition=kept
        )

    @override
    async def delete(self, key: str, condition: Condition = ANY) -> None:
        kept = self._kept(key, condition)
        await self._change("delete", key, lambda store: store.delete(key, kept))

    @override
    async def delete_many(self, keys: Sequence[str]) -> None:
        first, *others = keys
        await self._change(
            "delete_many", first, lambda store: store.delete_many(keys), tuple(others)
        )

    @override
    async def copy(
        self,
        source: str,
        destination: str,
        condition: Condition = ANY,
        source_version: str | None = None,
    ) -> str:
        kept = self._kept(destination, condition)
        pin = source_version if self._knobs.conditions == "enforced" else None
        return await self._change(
            "copy",
            destination,
            self._from_shown(source, lambda store: store.copy(source, destination, kept, pin)),
            (source,),
            kept,
        )

    @override
    async def begin(self, key: str, scratch: str) -> Session:
        return await self._change("begin", key, lambda store: store.begin(key, scratch))

    @override
    async def put_part(self, session: Session, number: int, data: bytes) -> Part:
        data = bytes(data)
        return await self._change(
            "put_part", session.key, lambda store: store.put_part(session, number, data)
        )

    @override
    async def copy_part(
        self, session: Session, number: int, source: FileInfo, start: int, length: int
    ) -> Part:
        return await self._change(
            "copy_part",
            session.key,
            self._from_shown(
                source.path, lambda store: store.copy_part(session, number, source, start, length)
            ),
            (source.path,),
        )

    @override
    async def complete(
        self, session: Session, parts: Sequence[Part], condition: Condition = ANY
    ) -> str:
        kept = self._kept(session.key, condition)
        return await self._change(
            "complete",
            session.key,
            lambda store: store.complete(session, parts, kept),
            condition=kept,
        )

    @override
    async def abort(self, session: Session, parts: Sequence[Part]) -> None:
        await self._change("abort", session.key, lambda store: store.abort(session, parts))

    @override
    async def sessions(self, prefix: str) -> Sequence[Session]:
        return await self._read("sessions", prefix, lambda store: store.sessions(prefix))

    @override
    async def sign(
        self, key: str, method: Literal["GET", "HEAD"], expires: timedelta, filename: str | None
    ) -> None:
        """Sign nothing: nobody can reach a simulation."""

    @override
    async def aclose(self) -> None:
        """Do nothing: there is nothing to release."""

    async def _read(self, name: str, key: str, ask: Ask[T]) -> T:
        request = self._trace.request(self._process.name, name, key, self._loop.time)

        def effect() -> T:
            return _at_once(ask(self._staleness.object(request, self._loop.time)))

        return await self._network.carry(self._process, request, effect)

    async def _change(
        self,
        name: str,
        key: str,
        ask: Ask[T],
        others: tuple[str, ...] = (),
        condition: Condition = ANY,
    ) -> T:
        request = self._trace.request(self._process.name, name, key, self._loop.time, others)

        def effect() -> T:
            try:
                self._refuse_race(request, condition)
                return _at_once(ask(self._bucket))
            finally:
                request.shown = len(self._bucket.history.get(key, ()))

        return await self._network.carry(self._process, request, effect)

    def _from_shown(self, source: str, ask: Ask[T]) -> Ask[T]:
        """Return *ask*, which copies, as this store does it: from what it shows of *source*."""

        async def copy(store: MemoryObjects) -> T:
            found = self._staleness.source(source, self._loop.time)
            with self._bucket.showing(source, found):
                return await ask(store)

        return copy if self._knobs.stale_copies else ask

    def _refuse_race(self, request: Request, condition: Condition) -> None:
        """Refuse a conditional write beside another change of its object.

        :raises TransientError: it was to create, and may be sent again.
        :raises PreconditionFailedError: it was to replace what may be something else by now.
        """
        rate, key = self._knobs.conflicts, request.key
        if condition.kind == "any" or not rate or self._random() >= rate:
            return
        bucket = self._bucket
        if len(bucket.history.get(key, ())) > bucket.count_at(key, request.sent):
            kind = TransientError if condition.kind == "absent" else PreconditionFailedError
            raise kind(key, self.name, "it was changed meanwhile")

    def _kept(self, key: str, condition: Condition) -> Condition:
        """Return as much of *condition* as this store keeps."""
        if condition.kind == "any" or self._knobs.conditions == "enforced":
            return condition
        if self._knobs.conditions == "absent":
            raise UnsupportedMethodError(key, self.name)
        return ANY

    def _random(self) -> float:
        return self._process.random.random()


class _CutBody(ObjectBody):
    """Ends in the midst of what was announced."""

    def __init__(self, inner: ObjectBody) -> None:
        self.info = inner.info
        self._inner = inner
        self._is_cut = False

    @override
    async def read(self) -> bytes:
        chunk = b"" if self._is_cut else await self._inner.read()
        if not chunk:
            raise IncompleteReadError(self.info.path, DRIVER)
        self._is_cut = True
        return chunk[: len(chunk) // 2]

    @override
    async def aclose(self) -> None:
        await self._inner.aclose()
