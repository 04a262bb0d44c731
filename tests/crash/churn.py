"""What each of several processes does to a directory until it is killed, and what must be left."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from regstore.driver import ANY, IF_ABSENT, Condition, if_version
from regstore.drivers.local import LocalDriver
from regstore.errors import PathExistsError, PathNotFoundError, PreconditionFailedError
from regstore.layout import is_upload_data
from tests.crash.killing import Report

UPLOADS = "docker/registry/v2/repositories/a/_uploads"
COUNTER = "shared/counter"
PARKED = 40_000


def body(author: str, number: int, size: int = 90_000) -> bytes:
    """Return bytes that tell whether they are whole, and whose they are."""
    head = f"{author} {number} ".encode()
    text = head + hashlib.shake_128(head).digest(size)
    return hashlib.sha256(text).digest() + text


def number_of(data: bytes) -> int:
    """Return the number of a body.

    :raises AssertionError: it is not whole.
    """
    assert hashlib.sha256(data[32:]).digest() == data[:32], f"torn: {len(data)} bytes"
    return int(data[32:].split(b" ", 2)[1])


class Churner:
    """Writes, moves and deletes, alone or against others, and reports what it was promised.

    :param author: a name that no other process has.
    """

    def __init__(self, root: Path, author: str, random: Random) -> None:
        self._driver = LocalDriver(root)
        self._run = self._driver.runtime.run
        self._author = author
        self._random = random
        self._number = 0

    def __call__(self, report: Report) -> None:
        acts = [self._overwrite, self._create, self._share, self._count]
        acts += [self._move, self._copy, self._delete, self._upload, self._write]
        while True:
            self._number += 1
            self._random.choice(acts)(report)

    def _name(self) -> str:
        return f"{self._author}-{self._number}"

    def _put(self, path: str, condition: Condition = ANY) -> None:
        data = body(self._author, self._number, self._random.choice((0, 70, 5_000, 200_000)))
        self._run(self._driver.put_content(path, data, condition))

    def _overwrite(self, report: Report) -> None:
        path = f"own/{self._author}/{self._random.randrange(3)}"
        self._put(path)
        report("stored", path, self._number)

    def _create(self, report: Report) -> None:
        path = f"new/{self._number % 5}/{self._name()}/link"
        self._put(path, IF_ABSENT)
        report("stored", path, self._number)

    def _share(self, _: Report) -> None:
        self._put(f"shared/{self._random.randrange(2)}")

    def _count(self, report: Report) -> None:
        try:
            seen = self._run(self._driver.get_content(COUNTER))
            count, condition = number_of(seen.data) + 1, if_version(seen.version)
        except PathNotFoundError:
            count, condition = 1, IF_ABSENT
        try:
            self._run(self._driver.put_content(COUNTER, body("all", count, 10), condition))
        except (PathExistsError, PreconditionFailedError):
            return
        report("counted", count)

    def _move(self, report: Report) -> None:
        source, target = (f"move/{self._number % 3}/{self._name()}/{end}/x" for end in "ab")
        self._put(source)
        report("moving", source, target)
        self._run(self._driver.move(source, target))
        report("stored", target, self._number)

    def _copy(self, report: Report) -> None:
        source, target = (f"copy/{self._number % 3}/{self._name()}/{end}" for end in "ab")
        self._put(source)
        self._run(self._driver.copy(source, target))
        report("stored", target, self._number)

    def _delete(self, report: Report) -> None:
        path = f"gone/{self._number % 2}/{self._name()}"
        self._put(path)
        self._run(self._driver.delete_file(path))
        report("deleted", path)

    def _upload(self, report: Report) -> None:
        path, data = f"{UPLOADS}/{self._name()}/data", body(self._author, self._number)
        writer = self._run(self._driver.writer(path))
        self._run(writer.write(data[:PARKED]))
        self._run(writer.park())
        report("parked", path, self._author, self._number)
        writer = self._run(self._driver.writer(path, append=True, at_least=PARKED))
        self._run(writer.write(data[PARKED:]))
        target = f"blobs/{self._name()}/data"
        report("moving", path, target)
        self._run(writer.commit(target))
        report("stored", target, self._number)

    def _write(self, report: Report) -> None:
        path, data = (
            f"big/{self._random.randrange(3)}/{self._author}",
            body(self._author, self._number),
        )
        writer = self._run(self._driver.writer(path))
        self._run(writer.write(data[:PARKED]))
        self._run(writer.write(data[PARKED:]))
        self._run(writer.commit())
        report("stored", path, self._number)


@dataclass
class Promises:
    """What was acknowledged to processes that are dead now."""

    stored: dict[str, int] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    parked: dict[str, tuple[str, int]] = field(default_factory=dict)
    moving: dict[str, str] = field(default_factory=dict)
    counted: list[int] = field(default_factory=list)

    def take(self, told: list[list[Any]]) -> None:
        """Believe what processes have reported."""
        for what, *details in told:
            match what, details:
                case "stored", [path, number]:
                    self.stored[path] = number
                case "deleted", [path]:
                    self.deleted.append(path)
                case "parked", [path, author, number]:
                    self.parked[path] = (author, number)
                case "moving", [source, target]:
                    self.moving[source] = target
                case "counted", [count]:
                    self.counted.append(count)
                case _:
                    raise AssertionError("\n".join(map(str, details)))

    def check(self, root: Path) -> None:
        """Hold the store to all of it."""
        driver = LocalDriver(root)
        run = driver.runtime.run
        paths = [info.path for info in driver.runtime.iterate(driver.walk(""))]
        whole = [path for path in paths if not is_upload_data(path)]
        found = {path: number_of(run(driver.get_content(path)).data) for path in whole}
        for path, number in self.stored.items():
            assert found.get(path, 0) >= number, f"{path} is lost or old"
        assert not found.keys() & set(self.deleted)
        assert len(self.counted) == len(set(self.counted)), "two counted the same"
        assert found.get(COUNTER, 0) >= max(self.counted, default=0)
        for source, target in self.moving.items():
            assert {source, target} & set(paths), f"{source} is lost on its way"
        for path, (author, number) in self.parked.items():
            if path not in self.moving:
                self._check_parked(driver, path, body(author, number)[:PARKED])

    def _check_parked(self, driver: LocalDriver, path: str, acknowledged: bytes) -> None:
        run = driver.runtime.run
        run(run(driver.writer(path, append=True, at_least=PARKED)).park())
        assert run(driver.get_content(path)).data.startswith(acknowledged)
