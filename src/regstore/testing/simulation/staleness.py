"""What a lagging store shows instead of the truth."""

from __future__ import annotations

from random import Random  # noqa: TID251 - seeded, so that a run can be repeated

from regstore.driver import Content
from regstore.testing.objects import MemoryObjects
from regstore.testing.simulation.bucket import Bucket
from regstore.testing.simulation.knobs import Knobs
from regstore.testing.simulation.trace import Request


class Staleness:
    """The front ends of a store, each of which lags by itself."""

    def __init__(self, bucket: Bucket, knobs: Knobs, random: Random) -> None:
        self._bucket = bucket
        self._knobs = knobs
        self._random = random.random
        self._missed_until: dict[tuple[int, str], float] = {}

    def object(self, request: Request, now: float) -> MemoryObjects:
        """Return the store that answers *request* about one key: the truth, or what was before."""
        bucket, key = self._bucket, request.key
        newest = request.shown = len(bucket.history.get(key, ()))
        lag = self._knobs.stale_head if request.name == "head" else self._knobs.stale_get
        shown = self._count(key, lag, now)
        if shown == newest:
            return bucket
        request.shown, request.is_stale = shown, True
        return bucket.view([(key, bucket.version(key, shown))])

    def source(self, key: str, now: float) -> Content | None:
        """Return what a copy on the server finds at its source *key*."""
        lag = self._knobs.stale_get
        return self._bucket.version(key, self._count(key, lag, now))

    def _count(self, key: str, lag: float, now: float) -> int:
        """Return how many changes of *key* some front end shows."""
        knobs, bucket = self._knobs, self._bucket
        newest = len(bucket.history.get(key, ()))
        if not lag and not knobs.negative:
            return newest
        front_end = self._front_end()
        shown = bucket.count_at(key, now - lag * self._share(front_end))
        if not shown and knobs.new_is_seen:
            shown = min(1, newest)
        if knobs.negative:
            shown = self._less_missed(front_end, key, shown, now)
        return shown

    def listing(self, request: Request, now: float) -> MemoryObjects:
        """Return the store that answers a listing; each key lags by itself."""
        bucket, lag = self._bucket, self._knobs.stale_list
        if not lag:
            return bucket
        lag *= self._share(self._front_end())
        keys = [key for key in bucket.history if key.startswith(request.key)]
        counts = [(key, bucket.count_at(key, now - lag * self._random())) for key in keys]
        request.is_stale = any(count < len(bucket.history[key]) for key, count in counts)
        return bucket.view((key, bucket.version(key, count)) for key, count in counts)

    def _front_end(self) -> int:
        return int(self._random() * self._knobs.front_ends)

    def _share(self, front_end: int) -> float:
        """Return by how much of what is allowed a front end lags; the last one by all of it."""
        return (front_end + 1) / self._knobs.front_ends

    def _less_missed(self, front_end: int, key: str, shown: int, now: float) -> int:
        """Miss what was missed a moment ago, and remember what is missed now."""
        if now < self._missed_until.get((front_end, key), 0.0):
            return 0
        if self._bucket.version(key, shown) is None:
            self._missed_until[front_end, key] = now + self._knobs.negative
        return shown
