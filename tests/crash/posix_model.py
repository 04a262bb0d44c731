"""What POSIX allows a disk to hold after a power loss.

A file system is inodes: files with bytes, directories with names. Every change is seen at once, but
is durable only after ``fsync``: of a file for its bytes and size, of a directory for the names in
it. What is not durable at a power loss may have got to the disk or not, each effect by itself:

- a name in a directory stands as it was at the last sync of that directory, or as after any later
  change of it;
- a file holds what it held at its last sync, what it held after any later write, the head of what
  was written, or zeros in its place (its size is written before its blocks).

One thing is taken from file systems with a journal, since POSIX is silent: the old name of a
renamed file does not vanish from the disk before the new one is there. It may vanish later.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

ROOT = 0


@dataclass(frozen=True)
class Name:
    """A name was set to an inode, or taken away; ``after`` is the other half of a rename."""

    directory: int
    name: str
    inode: int | None
    is_directory: bool = False
    after: tuple[int, str] | None = None


@dataclass(frozen=True)
class Write:
    inode: int
    offset: int
    data: bytes


@dataclass(frozen=True)
class Truncate:
    inode: int
    size: int


@dataclass(frozen=True)
class Sync:
    inode: int


Event = Name | Write | Truncate | Sync
File = tuple[int, bytes]
"""Its inode and its bytes: the same inode twice is a hard link."""
Disk = tuple[tuple[str, File | None], ...]
"""Every path on a disk, sorted, with its file, or ``None`` for a directory."""


@dataclass
class Slot:
    """A name: what it stood for, at the last sync first, and when that was set."""

    values: list[tuple[int, Name | None]] = field(default_factory=lambda: [(-1, None)])


class PosixModel:
    """The file system after some *events*."""

    def __init__(self, events: Sequence[Event]) -> None:
        self._slots: dict[int, dict[str, Slot]] = {ROOT: {}}
        self._contents: dict[int, list[bytes]] = {}
        for moment, event in enumerate(events):
            self._apply(moment, event)

    def disks(self) -> Iterator[Disk]:
        """Yield every disk that a power loss may leave; the same one more than once, too."""
        slots = [(key, slot) for key, slot in self._all_slots() if len(slot.values) > 1]
        keys = [key for key, _ in slots]
        for picked in itertools.product(*(range(len(slot.values)) for _, slot in slots)):
            choice = dict(zip(keys, picked, strict=True))
            if self._is_allowed(choice):
                yield from self._fill(self._names(choice))

    def _all_slots(self) -> Iterator[tuple[tuple[int, str], Slot]]:
        for inode, names in self._slots.items():
            for name, slot in names.items():
                yield (inode, name), slot

    def _apply(self, moment: int, event: Event) -> None:
        match event:
            case Name():
                self._set(moment, event)
            case Write(inode, offset, data):
                live = self._contents[inode][-1].ljust(offset, b"\0")
                self._contents[inode].append(live[:offset] + data + live[offset + len(data) :])
            case Truncate(inode, size):
                self._contents[inode].append(self._contents[inode][-1][:size].ljust(size, b"\0"))
            case Sync(inode):
                self._sync(inode)

    def _set(self, moment: int, event: Name) -> None:
        if event.inode is not None:
            known = self._slots if event.is_directory else self._contents
            if event.inode not in known:
                if event.is_directory:
                    self._slots[event.inode] = {}
                else:
                    self._contents[event.inode] = [b""]
        slot = self._slots[event.directory].setdefault(event.name, Slot())
        slot.values.append((moment, event))

    def _sync(self, inode: int) -> None:
        if inode in self._contents:
            del self._contents[inode][:-1]
        for slot in self._slots.get(inode, {}).values():
            del slot.values[:-1]

    def _is_allowed(self, choice: dict[tuple[int, str], int]) -> bool:
        for key, slot in self._all_slots():
            moment, event = slot.values[choice.get(key, 0)]
            if event is None or event.after is None:
                continue
            other = self._slots[event.after[0]][event.after[1]]
            if other.values[choice.get(event.after, 0)][0] < moment - 1:
                return False
        return True

    def _names(self, choice: dict[tuple[int, str], int]) -> dict[str, Name]:
        found: dict[str, Name] = {}
        waiting = [(ROOT, "")]
        while waiting:
            directory, prefix = waiting.pop()
            for name, slot in self._slots[directory].items():
                _, event = slot.values[choice.get((directory, name), 0)]
                if event is not None and event.inode is not None:
                    found[prefix + name] = event
                    if event.is_directory:
                        waiting.append((event.inode, f"{prefix}{name}/"))
        return found

    def _fill(self, names: dict[str, Name]) -> Iterator[Disk]:
        files = sorted({each.inode for each in names.values() if each.inode in self._contents})
        for contents in itertools.product(*(self._variants(inode) for inode in files)):
            held = dict(zip(files, contents, strict=True))
            yield tuple(
                (path, None if each.is_directory else (each.inode or 0, held[each.inode or 0]))
                for path, each in sorted(names.items())
            )

    def _variants(self, inode: int) -> list[bytes]:
        seen = self._contents[inode]
        if len(seen) == 1:
            return seen
        synced, live = seen[0], seen[-1]
        written = max(0, len(live) - len(synced))
        head = live[: len(live) - (written + 1) // 2]
        zeros = live[: len(live) - written] + bytes(written)
        return list(dict.fromkeys([*seen, head, head.ljust(len(live), b"\0"), zeros]))
