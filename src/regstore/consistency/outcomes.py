"""How a storage call has ended, as far as anybody here can know: Ok, Failed or Unknown."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Generic, TypeVar

from regstore.errors import DriverError, TransientError

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ok(Generic[T_co]):
    """The call has taken effect; *value* is what it returned."""

    value: T_co


@dataclass(frozen=True, slots=True)
class Failed:
    """The call has not taken effect, and never will."""

    error: DriverError


@dataclass(frozen=True, slots=True)
class Unknown:
    """The call may have taken effect, or may yet: its answer was lost."""

    error: TransientError


Outcome = Ok[T] | Failed | Unknown


def outcome_of(error: DriverError) -> Failed | Unknown:
    """Return what *error* says of the call that raised it (``TransientError.outcome_unknown``)."""
    if isinstance(error, TransientError) and error.outcome_unknown:
        return Unknown(error)
    return Failed(error)


async def outcome(call: Awaitable[T]) -> Outcome[T]:
    """Await *call* and return how it ended; what is no :exc:`DriverError` passes."""
    try:
        return Ok(await call)
    except DriverError as error:
        return outcome_of(error)
