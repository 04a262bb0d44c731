"""What the actors of a run have asked of the registry, and what they were told."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from regstore.errors import (
    RegistryError,
    TransientError,
    UnsupportedMethodError,
)
from regstore.testing.simulation.loop import Loop
from regstore.testing.simulation.trace import Trace

T = TypeVar("T")

Kind = Literal[
    "put blob",
    "mount blob",
    "get blob",
    "delete blob",
    "put manifest",
    "get manifest",
    "get by tag",
    "delete manifest",
    "set tag",
    "get tag",
    "delete tag",
    "begin upload",
    "append",
    "append again",
    "commit upload",
    "cancel upload",
    "purge upload",
    "list tags",
    "list manifests",
    "list repositories",
    "list referrers",
    "reindex",
]

Outcome = Literal["running", "ok", "failed", "unknown"]
"""``"failed"``: whoever asked was told that nothing has changed, and nothing will."""


@dataclass(slots=True)
class Operation:
    """One call of the registry. Times are in seconds since the start.

    :ivar process: who called.
    :ivar subject: the digest, tag or upload that it is about.
    :ivar value: the digest that a tag is set to; of uploads that of the content.
    :ivar tags: those that a pushed manifest gets.
    :ivar expect: what a tag must be for it to change: a digest; ``""``: absent; ``None``: any.
    :ivar data: of uploads, the content of which the next piece was sent.
    :ivar older_than: of purges, seconds for which an upload must have been left alone.
    :ivar limit: seconds within which it must end, if any.
    :ivar returned: when it ended; of one that a crash ended, when that was.
    :ivar found: what it returned; of what was sent to uploads, where that began (``None`` where the
        upload was over), and of appends where it ended, too.
    :ivar error: what it raised.
    :ivar first: the number of the first request that may be its own.
    :ivar last: the number of the last one.
    """

    process: str
    kind: Kind
    repository: str
    subject: str
    value: str = ""
    tags: tuple[str, ...] = ()
    expect: str | None = None
    data: bytes = b""
    older_than: float = 0.0
    limit: float | None = None
    invoked: float = 0.0
    returned: float = 0.0
    outcome: Outcome = "running"
    found: Any = None
    error: BaseException | None = None
    first: int = 0
    last: int = 0

    def __str__(self) -> str:
        value = f" = {self.value[7:15]}" if self.value else ""
        subject = self.subject[7:15] if ":" in self.subject else self.subject[:8]
        tags = f" as {', '.join(self.tags)}" if self.tags else ""
        return f"{self.kind} {self.repository}/{subject}{value}{tags}"


@dataclass(slots=True)
class Ledger:
    """All operations of a run, in the order in which they began.

    :ivar loop: tells the time.
    :ivar trace: gets a note at both ends of each.
    """

    loop: Loop
    trace: Trace
    operations: list[Operation] = field(default_factory=list)

    async def record(self, operation: Operation, call: Awaitable[T]) -> T:
        """Await *call*, which is *operation*, and write down how it went."""
        operation.invoked = self.loop.time
        operation.first = len(self.trace.requests) + 1
        self.operations.append(operation)
        self.trace.note(self.loop.time, operation.process, str(operation))
        try:
            operation.found = result = await call
        except BaseException as error:
            operation.error = error
            operation.outcome = _outcome_of(error)
            raise
        else:
            operation.outcome = "ok"
            return result
        finally:
            operation.returned = self.loop.time
            operation.last = len(self.trace.requests)
            self.trace.note(self.loop.time, operation.process, f"{operation}: {told(operation)}")

    def of(self, *kinds: Kind) -> list[Operation]:
        """Return the operations of *kinds*."""
        return [operation for operation in self.operations if operation.kind in kinds]


def told(operation: Operation) -> str:
    """Return what the caller was told, in a few words."""
    if operation.outcome == "ok":
        found = operation.found
        return f"ok {str(found)[7:15]}" if isinstance(found, str) else "ok"
    return f"{operation.outcome}, {type(operation.error).__name__}"


def _outcome_of(error: BaseException) -> Outcome:
    """Return what *error* says of the call that raised it."""
    if isinstance(error, TransientError):
        return "unknown" if error.outcome_unknown else "failed"
    if isinstance(error, RegistryError | UnsupportedMethodError):
        return "failed"
    return "unknown"
