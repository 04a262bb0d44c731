"""Reads back what a power loss left, and compares it with what was promised."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from regstore.drivers.local import LocalDriver
from regstore.errors import NotYetVisibleError, PathNotFoundError
from regstore.layout import is_upload_data
from tests.crash.posix_model import Disk, Event, PosixModel
from tests.crash.session import Step


class Inspector:
    """Looks at every disk that *events* may leave.

    :ivar disks: how many were allowed, at all moments together.
    :ivar distinct: how many of them were different, and read back.
    """

    def __init__(self, room: Path, events: Sequence[Event], steps: Sequence[Step]) -> None:
        self._room = room
        self._events = events
        self._steps = steps
        self.disks = self.distinct = 0

    def violations(self, maybe: dict[str, bytes] | None = None, since: int = 0) -> Iterator[str]:
        """Yield what is wrong after a power loss at any moment.

        :param maybe: what a killed process may or may not have written.
        :param since: the first event after which to look.
        """
        for moment in range(since, len(self._events) + 1):
            before, after = self._around(moment)
            seen: set[Disk] = set()
            for disk in PosixModel(self._events[:moment]).disks():
                self.disks += 1
                if disk not in seen:
                    seen.add(disk)
                    wrong = self._inspect(disk, before, after, maybe or {})
                    yield from (f"after event {moment}: {each}" for each in wrong)
            self.distinct += len(seen)

    def _around(self, moment: int) -> tuple[Step, Step]:
        """Return the last step that is acknowledged, and the one that has begun since."""
        done = max(index for index, step in enumerate(self._steps) if step.end <= moment)
        following = self._steps[done + 1 : done + 2]
        running = [step for step in following if step.begin < moment]
        return self._steps[done], (running or self._steps[done : done + 1])[0]

    def _inspect(
        self, disk: Disk, before: Step, after: Step, maybe: dict[str, bytes]
    ) -> Iterator[str]:
        root = self._room / "disk"
        _materialise(root, disk)
        try:
            survivor = Survivor(root)
            files = survivor.files()
            yield from _compare(files, before.files, after.files, maybe)
            parked = before.parked.items()
            resumed = {path for path, data in parked if survivor.goes_on(path, data)}
            if survivor.files() != files:
                yield f"going on with {resumed} has changed other objects"
            yield from _lost(before, after, files, resumed)
            yield from survivor.leftovers()
        finally:
            shutil.rmtree(root)


class Survivor:
    """A driver on what was left."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._driver = LocalDriver(root)
        self._run = self._driver.runtime.run

    def files(self) -> dict[str, bytes]:
        """Return every object but uploads in progress, and its content."""
        return {
            info.path: self._run(self._driver.get_content(info.path)).data
            for info in self._driver.runtime.iterate(self._driver.walk(""))
            if not is_upload_data(info.path)
        }

    def goes_on(self, path: str, acknowledged: bytes) -> bool:
        """Tell whether a writer at *path* goes on with all that was *acknowledged*."""
        try:
            writer = self._run(self._driver.writer(path, append=True, at_least=len(acknowledged)))
        except (PathNotFoundError, NotYetVisibleError):
            return False
        self._run(writer.write(b"more"))
        self._run(writer.commit("checked"))
        whole = self._run(self._driver.get_content("checked")).data
        self._run(self._driver.delete("checked"))
        return whole.startswith(acknowledged)

    def leftovers(self) -> Iterator[str]:
        """Write once more, and tell what temporary files are there still."""
        self._run(self._driver.put_content("after/wards", b"x"))
        for folder, _, names in os.walk(self._root):
            for name in names:
                if ".regstore-tmp" in folder:
                    yield f"{folder}/{name} is left over"


def _compare(found: dict[str, bytes], *allowed: dict[str, bytes]) -> Iterator[str]:
    for path in sorted(found.keys() | allowed[0].keys() | allowed[1].keys()):
        values = [each.get(path) for each in allowed if path in each or each is not allowed[-1]]
        if found.get(path) not in values:
            yield f"{path} holds {found.get(path)!r}, not one of {values}"


def _lost(before: Step, after: Step, files: dict[str, bytes], resumed: set[str]) -> Iterator[str]:
    for path in before.parked.keys() & after.parked.keys() - resumed:
        yield f"what was parked at {path} is lost"
    if after.kept is not None and after.kept not in files.values() and not resumed:
        yield f"{after.kept!r} is nowhere"


def _materialise(root: Path, disk: Disk) -> None:
    made: dict[int, Path] = {}
    root.mkdir()
    for path, file in disk:
        place = root / path
        if file is None:
            place.mkdir()
        elif file[0] in made:
            os.link(made[file[0]], place)
        else:
            place.write_bytes(file[1])
            made[file[0]] = place
