"""Operations on one store at the same time, and what may come of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from regstore import AsyncRegistry
from regstore.errors import TransientError
from regstore.testing.simulation.audit import audit
from regstore.testing.simulation.bucket import Version
from regstore.testing.simulation.exploring.operation import (
    Check,
    Ending,
    Operation,
    Run,
    failure,
    is_done,
    nothing,
)
from regstore.testing.simulation.knobs import Knobs
from regstore.testing.simulation.violations import Violation
from regstore.testing.simulation.world import World

LATER: Final = 1000.0
"""Seconds after the preparation."""
MOST_STEPS: Final = 20_000
"""More than any schedule has, by far."""


def none_of_it(violation: Violation) -> bool:
    """Allow nothing."""
    del violation
    return False


@dataclass(frozen=True)
class Contest:
    """Operations on one store at the same time.

    :ivar prepare: what happens before, alone.
    :ivar operations: one for each process.
    :ivar check: what must hold besides.
    :ivar fenced: and what else, on a store that claims conditions.
    :ivar about: what distinguishes it from others of the same operations.
    :ivar allows: which violations that :func:`audit` finds are known and documented.
    """

    prepare: Run
    operations: tuple[Operation, ...]
    check: Check = nothing
    fenced: Check = nothing
    allows: Callable[[Violation], bool] = none_of_it
    about: str = ""

    @property
    def name(self) -> str:
        """Which operations they are."""
        names = ", ".join(operation.name for operation in self.operations)
        return f"{names} ({self.about})" if self.about else names

    def violations(self, ending: Ending, knobs: Knobs) -> list[Violation]:
        """Return what is wrong with *ending* on such a store."""
        bucket = ending.bucket
        found = [each for each in audit(bucket) if not self.allows(each)]
        found += [
            Violation("I20", "a session was left open", session.key)
            for session, _ in bucket.open_sessions.values()
        ]
        unknown = (TransientError,) if ending.has_lost else ()
        for operation, result in zip(self.operations, ending.results, strict=True):
            if is_done(result):
                found += operation.holds(ending)
            elif not isinstance(result, (*operation.may_raise, *unknown)):
                found.append(Violation("error", failure(operation.name, result), ""))
        found += self.check(ending)
        if knobs.conditions != "absent":
            found += self.fenced(ending)
        return found


class Stage:
    """A store as operations find it, prepared once.

    :ivar told: what they are told.
    """

    def __init__(self, prepare: Run, knobs: Knobs) -> None:
        world = World(0, knobs)
        world.loop.most_steps = MOST_STEPS
        process = world.process("before")
        preparing = world.loop.spawn(
            prepare(AsyncRegistry(world.driver(process)), ""), process, "before"
        )
        self.told: str = str(world.loop.run(preparing))
        world.loop.drain()
        world.loop.close()
        self._bucket = world.bucket

    def set(self, world: World) -> None:
        """Begin in *world*, whose store is empty, with what was prepared, some time ago."""
        prepared, bucket = self._bucket, world.bucket
        world.loop.time = LATER
        bucket.contents.update(prepared.contents)
        for key, versions in prepared.history.items():
            bucket.history[key] = [Version(0.0, version.content) for version in versions]
        for token, (session, parts) in prepared.open_sessions.items():
            bucket.open_sessions[token] = (session, dict(parts))
