"""What a protection is, and how it is left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from regstore.driver import StorageDriver

LeaveOut = Callable[[], AbstractContextManager[object]]
"""Makes a context in which a protection is not there."""

Part = Literal[
    "blobs",
    "uploads",
    "manifests",
    "tags",
    "referrers",
    "Settled",
    "Retrying",
    "Measured",
]
"""What of the library a protection is in: a store of the registry, or a wrapper of drivers."""


@dataclass(frozen=True, slots=True)
class Protection:
    """Something without which data is lost, or promises are broken.

    :ivar of: what it is in.
    :ivar store: the class of stores on which it is missed.
    :ivar kinds: the kinds of actors that miss it.
    :ivar breaks: the invariants that are broken without it.
    :ivar runs: within so many, that is seen.
    :ivar leave_out: see :data:`LeaveOut`.
    :ivar faults: knobs that are not drawn, so that it is seen soon.
    :ivar is_founded: images are there from the start, so that it is seen soon.
    """

    of: Part
    store: str
    kinds: tuple[str, ...]
    breaks: frozenset[str]
    runs: int
    leave_out: LeaveOut
    faults: Mapping[str, Any] = field(default_factory=dict)
    is_founded: bool = False


@contextmanager
def replaced(owner: object, **values: object) -> Iterator[None]:
    """Let the attributes of *owner* be *values* in this context."""
    before = {name: getattr(owner, name) for name in values}
    for name, value in values.items():
        setattr(owner, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(owner, name, value)


def no_wrapper(inner: StorageDriver, **settings: object) -> StorageDriver:
    """Stand where a wrapper is left out."""
    del settings
    return inner


@contextmanager
def all_of(*left_out: AbstractContextManager[object]) -> Iterator[None]:
    """Leave out several things in this context."""
    with ExitStack() as stack:
        for each in left_out:
            stack.enter_context(each)
        yield


async def nothing(*args: object, **settings: object) -> None:
    """Stand where a step is left out."""
    del args, settings
