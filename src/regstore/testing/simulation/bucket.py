"""The truth of a simulated store, and what it was before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from typing_extensions import override

from regstore.driver import ANY, Condition, Content, FileInfo
from regstore.drivers.objects.naming import is_hidden
from regstore.drivers.objects.port import Limits, Part, Session
from regstore.errors import PathNotFoundError
from regstore.testing.objects import MemoryObjects
from regstore.testing.simulation.knobs import Knobs
from regstore.testing.simulation.runtime import START, SimulatedRuntime
from regstore.testing.simulation.trace import Change, Trace

_PART_BYTES: Final = 64
"""So small that a few words are an assembly of several parts."""


@dataclass(frozen=True, slots=True)
class Version:
    """What a key was from one moment on; ``content`` is ``None`` where it was deleted.

    :ivar is_torn: whether the store has put down less than it was told to, or a copy of such.
    """

    time: float
    content: Content | None
    is_torn: bool = False


class Bucket(MemoryObjects):
    """The objects of one run, with the past of each key. Every request to it takes effect at once.

    :ivar history: by key, the oldest version first; a key that was never there has none.
    """

    def __init__(self, knobs: Knobs, runtime: SimulatedRuntime, trace: Trace) -> None:
        limits = Limits(
            part_size=_PART_BYTES,
            min_part=_PART_BYTES,
            list_page=knobs.list_page,
            keeps_sessions=True,
        )
        super().__init__(limits=limits, runtime=runtime)
        self.history: dict[str, list[Version]] = {}
        self._knobs = knobs
        self._trace = trace
        self._monotonic = runtime.monotonic
        self._random = runtime.random
        self._begun: dict[str, datetime] = {}  # by session
        self._dated: datetime | None = None
        self._source: tuple[str, Content | None] | None = None
        self._copied: dict[str, bool] = {}  # sessions with copied parts, and whether of torn ones
        self._is_tearing = self._is_torn = False

    def count_at(self, key: str, time: float) -> int:
        """Return how often *key* had changed by *time*."""
        versions = self.history.get(key, [])
        count = len(versions)
        while count and versions[count - 1].time > time:
            count -= 1
        return count

    def version(self, key: str, count: int) -> Content | None:
        """Return what *key* was after its first *count* changes."""
        return self.history[key][count - 1].content if count else None

    def view(self, contents: Iterable[tuple[str, Content | None]]) -> MemoryObjects:
        """Return a store that shows *contents* instead of the truth."""
        shown = {key: content for key, content in contents if content is not None}
        return MemoryObjects(shown, self.open_sessions, self.limits, self.runtime)

    @contextmanager
    def showing(self, key: str, content: Content | None) -> Iterator[None]:
        """Let copies meanwhile find *content* at their source *key*, if anything."""
        self._source = key, content
        try:
            yield
        finally:
            self._source = None

    @override
    async def begin(self, key: str, scratch: str) -> Session:
        session = await super().begin(key, scratch)
        if self._knobs.dated_from_begin:
            self._begun[session.token] = self._modified()
        return session

    @override
    async def copy(
        self,
        source: str,
        destination: str,
        condition: Condition = ANY,
        source_version: str | None = None,
    ) -> str:
        with self._tearing(self._knobs.torn_copies, is_torn=self._has_torn(source)):
            return await super().copy(source, destination, condition, source_version)

    @override
    async def copy_part(
        self, session: Session, number: int, source: FileInfo, start: int, length: int
    ) -> Part:
        is_torn = self._copied.get(session.token, False) or self._has_torn(source.path)
        self._copied[session.token] = is_torn
        return await super().copy_part(session, number, source, start, length)

    @override
    async def complete(
        self, session: Session, parts: Sequence[Part], condition: Condition = ANY
    ) -> str:
        rate, is_torn = self._knobs.torn_copies, self._copied.get(session.token)
        if is_torn is None:
            rate = 0.0 if is_hidden(session.key) else self._knobs.torn_assemblies
        self._dated = self._begun.get(session.token)
        try:
            with self._tearing(rate, is_torn=bool(is_torn)):
                return await super().complete(session, parts, condition)
        finally:
            self._dated = None

    def _has_torn(self, key: str) -> bool:
        return any(version.is_torn for version in self.history.get(key, ())[-1:])

    @contextmanager
    def _tearing(self, rate: float, *, is_torn: bool) -> Iterator[None]:
        """Tear what is put down meanwhile, or not; a copy of what is torn is torn, too."""
        self._is_tearing = rate > 0 and self._random.random() < rate
        self._is_torn = is_torn or self._is_tearing
        try:
            yield
        finally:
            self._is_tearing = self._is_torn = False

    @override
    def _find(self, key: str) -> Content:
        if self._source is None or self._source[0] != key:
            return super()._find(key)
        if self._source[1] is None:
            raise PathNotFoundError(key, self.name)
        return self._source[1]

    @override
    def _store(self, key: str, data: bytes, suffix: str = "") -> str:
        if self._is_tearing:
            data = data[: int(len(data) * self._random.random())]
        if self._knobs.unique_versions:
            suffix += f"@{len(self.history.get(key, ()))}"
        version = super()._store(key, data, suffix)
        self.contents[key] = Content(bytes(data), version, self._dated or self._modified())
        self._remember(key)
        return version

    @override
    def _remove(self, key: str) -> None:
        if key in self.contents:
            super()._remove(key)
            self._remember(key)

    def _remember(self, key: str) -> None:
        version = Version(self._monotonic(), self.contents.get(key), self._is_torn)
        versions = self.history.setdefault(key, [])
        versions.append(version)
        change = Change(key, len(versions), version.content)
        self._trace.record(version.time, "changed", change)

    def _modified(self) -> datetime:
        skew, resolution = self._knobs.clock_skew, self._knobs.clock_resolution
        seconds = self._monotonic()
        if skew:
            seconds += self._random.uniform(-skew, skew)
        if resolution:
            seconds = seconds // resolution * resolution
        return START + timedelta(seconds=seconds)
