"""An operation that a crash cuts short, and what is done with what is left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from regstore.testing.simulation.exploring.contest import none_of_it
from regstore.testing.simulation.exploring.operation import Check, Operation, Run, nothing
from regstore.testing.simulation.knobs import Knobs
from regstore.testing.simulation.violations import Violation
from regstore.testing.simulation.world import World


def at_rest(world: World) -> None:
    """Let nobody else do anything."""
    del world


@dataclass(frozen=True)
class Case:
    """An operation that a crash cuts short.

    :ivar prepare: what happens before, acknowledged.
    :ivar then: what must still succeed after the operation has been repeated.
    :ivar ends: what must hold in the end, besides what the operations say.
    :ivar needs_conditions: it is refused by stores without.
    :ivar about: what distinguishes it from others of the same operation.
    :ivar allows: which violations that the audit finds are known and documented.
    :ivar meanwhile: plans what others do later.
    """

    prepare: Run
    operation: Operation
    then: Operation | None = None
    ends: Check = nothing
    needs_conditions: bool = False
    about: str = ""
    allows: Callable[[Violation], bool] = none_of_it
    meanwhile: Callable[[World], None] = at_rest

    @property
    def name(self) -> str:
        """Which operation it is."""
        name = self.operation.name
        return f"{name} ({self.about})" if self.about else name

    def runs_on(self, knobs: Knobs) -> bool:
        """Whether such a store does not refuse it."""
        return knobs.conditions != "absent" or not self.needs_conditions
