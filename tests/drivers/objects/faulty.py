"""A store of objects in memory whose every request can fail, be cancelled, or be the last one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, TypeVar

from regstore._run import Runtime
from regstore.driver import Content
from regstore.drivers.objects.port import Limits, ObjectStore, Session
from regstore.errors import RegstoreError, ThrottledError, TransientError
from regstore.testing.objects import MemoryObjects

T = TypeVar("T")

Kind = Literal[
    "none",
    "refused",  # nothing has happened, and the caller knows
    "unheard",  # nothing has happened, and the caller does not know
    "lost",  # it has happened, and the caller does not know
    "twice",  # it has happened, and again; the answer is that to the second; not to begin
    "down",  # refused, and so is everything after it
    "blind",  # refused, if it reads a body; and so is everything like it after it
    "mute",  # it has happened, and so does everything after it, but no answer is heard
    "cancel-before",
    "cancel-after",
    "crash-before",
    "crash-after",
    "meet-before",  # somebody else acts first
    "meet-after",  # somebody else acts then
    "meet-lost",  # somebody else acts then, and the caller does not know that it has happened
]
ERRORS: tuple[Kind, ...] = ("refused", "unheard", "lost", "twice", "down", "mute")
CANCELLATIONS: tuple[Kind, ...] = ("cancel-before", "cancel-after")
MEETINGS: tuple[Kind, ...] = ("meet-before", "meet-after", "meet-lost")
CRASHES: tuple[Kind, ...] = ("crash-before", "crash-after")
_REQUESTS = (
    "head",
    "get",
    "open",
    "put",
    "delete",
    "delete_many",
    "list",
    "copy",
    "begin",
    "put_part",
    "copy_part",
    "complete",
    "abort",
    "sessions",
)


class Crash(BaseException):
    """The process is no more."""


@dataclass
class Fault:
    """What happens at which request.

    :ivar at: counted from 1.
    :ivar seen: the requests so far.
    :ivar victim: the task that is cancelled.
    :ivar meeting: what somebody else does.
    """

    kind: Kind = "none"
    at: int = 0
    seen: list[str] = field(default_factory=list)
    victim: asyncio.Task[Any] | None = None
    meeting: Callable[[], Awaitable[object]] | None = None

    @property
    def has_struck(self) -> bool:
        return len(self.seen) >= self.at > 0

    async def around(self, request: str, key: str, effect: Callable[[], Awaitable[T]]) -> T:
        self.seen.append(f"{request} {key}")
        number = len(self.seen)
        await self._before(number, key)
        lost = number == self.at and self.kind in {"lost", "meet-lost"}
        lost = lost or (number >= self.at > 0 and self.kind == "mute")
        if lost:
            with suppress(RegstoreError):
                await effect()
            await self._meet(number, "meet-lost")
            raise TransientError(key, "faulty", "no answer", outcome_unknown=True)
        answer = await effect()
        if number == self.at and self.kind == "twice" and request != "begin":
            answer = await effect()
        await self._after(number)
        return answer

    async def _before(self, number: int, key: str) -> None:
        hit = number == self.at
        if self.kind.startswith("crash") and (
            number > self.at or (hit and self.kind == "crash-before")
        ):
            raise Crash
        if (hit and self.kind == "refused") or (number >= self.at and self.kind == "down"):
            raise ThrottledError(key, "faulty", "slow down", retry_after=1.0)
        if number >= self.at and self.kind == "blind" and self.seen[-1].startswith("open "):
            raise TransientError(key, "faulty", "no body")
        if hit and self.kind == "unheard":
            raise TransientError(key, "faulty", "no answer", outcome_unknown=True)
        await self._meet(number, "meet-before")
        if hit and self.kind == "cancel-before":
            self._cancel()
        await self._suspend()

    async def _after(self, number: int) -> None:
        await self._meet(number, "meet-after")
        if number == self.at and self.kind == "crash-after":
            raise Crash
        if number == self.at and self.kind == "cancel-after":
            self._cancel()
        await self._suspend()

    async def _meet(self, number: int, kind: Kind) -> None:
        if number == self.at and self.kind == kind and self.meeting is not None:
            await self.meeting()

    def _cancel(self) -> None:
        assert self.victim is not None
        self.victim.cancel()

    async def _suspend(self) -> None:
        if self.victim is not None:
            await asyncio.sleep(0)


@dataclass
class Bucket:
    """What is stored, and what is under way, whoever looks at it."""

    contents: dict[str, Content] = field(default_factory=dict)
    sessions: dict[str, tuple[Session, dict[int, bytes]]] = field(default_factory=dict)

    def open(self, limits: Limits, runtime: Runtime, fault: Fault | None = None) -> ObjectStore:
        """Open it as another process would."""
        return _Faulty(self, limits, runtime, fault or Fault())

    def copy(self) -> Bucket:
        sessions = {token: (each, dict(parts)) for token, (each, parts) in self.sessions.items()}
        return Bucket(dict(self.contents), sessions)


class _Faulty(MemoryObjects):
    def __init__(self, bucket: Bucket, limits: Limits, runtime: Runtime, fault: Fault) -> None:
        super().__init__(bucket.contents, bucket.sessions, limits, runtime)
        self.fault = fault


def _through(request: str) -> Callable[..., Awaitable[Any]]:
    method = getattr(MemoryObjects, request)

    async def through(self: _Faulty, *args: Any, **options: Any) -> object:  # noqa: ANN401 - whatever the request takes
        about = args[0]
        key = about.key if isinstance(about, Session) else str(about)
        return await self.fault.around(request, key, partial(method, self, *args, **options))

    return through


for _request in _REQUESTS:
    setattr(_Faulty, _request, _through(_request))
