"""What takes a scene to be missed: the moment at which it matters is met too seldom by chance."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from regstore import links
from regstore.consistency import Settled, settle
from regstore.consistency.journal import Entries, Entry
from regstore.consistency.settled_writes import SettledWrites
from regstore.driver import ANY, Condition
from regstore.errors import PathNotFoundError
from tests.simulation.protections.protection import LeaveOut, Part, nothing, replaced
from tests.simulation.protections.scenes import (
    copied_at_once,
    no_time_left,
    own_race,
    soon_elsewhere,
    swept_repository,
    truncated_links,
)

_put_content = Settled.put_content
_record = Entries.record


@dataclass(frozen=True, slots=True)
class Staged:
    """A protection, and the scene in which it is missed.

    :ivar play: plays the scene that the seed stands for; returns whether there was damage.
    :ivar seeds: among so many there is some without the protection.
    """

    of: Part
    play: Callable[[int], bool]
    seeds: int
    leave_out: LeaveOut


def _in_order(self: Entries, path: str, entry: Entry, begun: int | None = None) -> None:
    del begun
    _record(self, path, entry)


async def _look_first(
    self: Settled, path: str, data: bytes, condition: Condition = ANY
) -> str | None:
    with suppress(PathNotFoundError):
        await self.stat(path)
    return await _put_content(self, path, data, condition)


async def _copy_any(
    self: SettledWrites,
    source: str,
    source_version: str | None,
    copy: Callable[[str | None], Awaitable[str | None]],
) -> str | None:
    del self, source
    return await copy(source_version)


STAGED: Final = {
    "of own writes at the same time any may have won": Staged(
        "Settled", own_race, 10, lambda: replaced(Entries, record=_in_order)
    ),
    "own writes are answered for when time is up": Staged(
        "Settled", no_time_left, 1, lambda: replaced(settle, _content=lambda _: None)
    ),
    "nothing is asked for before it is written": Staged(
        "Settled", soon_elsewhere, 1, lambda: replaced(Settled, put_content=_look_first)
    ),
    "own writes are deleted with the tree they lie in": Staged(
        "Settled", swept_repository, 1, lambda: replaced(SettledWrites, _delete_own=nothing)
    ),
    "what one has written is copied, not what was there before": Staged(
        "Settled", copied_at_once, 1, lambda: replaced(SettledWrites, copied=_copy_any)
    ),
    "links that are empty are read again": Staged(
        "tags", truncated_links, 1, lambda: replaced(links, SETTLE_SECONDS=0.0)
    ),
}
