"""A4, A6, A7: commits, the table of states, two writers of one path."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import pytest

from regstore.driver import ANY, IF_ABSENT, Condition, FileWriter, StorageDriver, if_version
from regstore.errors import (
    DriverError,
    PathExistsError,
    PathNotFoundError,
    PreconditionFailedError,
    WriterClosedError,
)
from regstore.testing.material import content, one_of, park_object, write_object
from regstore.testing.race import beside, race
from regstore.testing.suite.base import BackDoor, DriverSuite

STEPS = ("write", "park", "commit", "cancel")
TABLE: dict[str, tuple[str | None, ...]] = {
    "open": ("open", "parked", "committed", "cancelled"),
    "parked": (None, "parked", None, "cancelled"),
    "committed": (None, None, "committed", None),
    "cancelled": (None, None, None, "cancelled"),
}
LEGAL: list[tuple[str, str, str]] = [
    (state, step, after)
    for state, row in TABLE.items()
    for step, after in zip(STEPS, row, strict=True)
    if after is not None
]
ILLEGAL: list[tuple[str, str]] = [
    (state, step)
    for state, row in TABLE.items()
    for step, after in zip(STEPS, row, strict=True)
    if after is None
]


def take(writer: FileWriter, step: str) -> Coroutine[Any, Any, object]:
    """Take one step of a writer."""
    calls: dict[str, Callable[[], Coroutine[Any, Any, object]]] = {
        "write": lambda: writer.write(b"more"),
        "park": writer.park,
        "commit": writer.commit,
        "cancel": writer.cancel,
    }
    return calls[step]()


class CommitTests(DriverSuite):
    """A4, A6 and A7."""

    def _writer_in(self, driver: StorageDriver, state: str) -> FileWriter:
        writer = self.run(driver.writer(self.at("f")))
        self.run(writer.write(b"begun"))
        steps = {"open": (), "parked": ("park",), "committed": ("commit",)}
        for step in steps.get(state, ("cancel",)):
            self.run(take(writer, step))
        return writer

    def _cancel_parked(self, driver: StorageDriver) -> None:
        try:
            self.run(self.run(driver.writer(self.at("f"), append=True)).cancel())
        except (PathNotFoundError, PathExistsError):
            return

    def test_a4_commit_tells_the_version(self, driver: StorageDriver) -> None:
        for name, to in (("f", None), ("g", self.at("g")), ("h", self.at("i"))):
            writer = self.run(driver.writer(self.at(name)))
            self.run(writer.write(b"x"))
            version = self.run(writer.commit(to))
            assert version in {None, self.run(driver.stat(to or self.at(name))).version}

    @pytest.mark.parametrize("parked", [False, True])
    @pytest.mark.parametrize("size", [0, 5, 3_000_000])
    def test_a4_commit_to_another_path(
        self, driver: StorageDriver, back_door: BackDoor | None, size: int, parked: bool
    ) -> None:
        before = self._stored(back_door)
        data = content(size)
        writer = self.run(driver.writer(self.at("up/data")))
        self.run(writer.write(data))
        if parked:
            self.run(writer.park())
            writer = self.run(driver.writer(self.at("up/data"), append=True))
        self.run(writer.commit(self.at("blobs/aa/data")))
        self.expect(self.at("blobs/aa/data"), data)
        assert self.walked(self.base) == {self.at("blobs/aa/data")}
        assert self._stored(back_door) - before == {self.at("blobs/aa/data")}
        with pytest.raises(PathNotFoundError):
            self.run(driver.writer(self.at("up/data"), append=True))

    @pytest.mark.parametrize("to", [None, "other"])
    def test_a4_commit_replaces(self, driver: StorageDriver, to: str | None) -> None:
        self.run(driver.put_content(self.at(to or "f"), b"old, and longer than the new"))
        writer = self.run(driver.writer(self.at("f")))
        self.run(writer.write(b"new"))
        self.run(writer.commit(to and self.at(to)))
        self.expect(self.at(to or "f"), b"new")
        assert self.walked(self.base) == {self.at(to or "f")}

    def test_a4_committed_content_at_the_own_path_goes_with_it(self, driver: StorageDriver) -> None:
        self.run(driver.put_content(self.at("f"), b"old"))
        writer = self.run(driver.writer(self.at("f")))
        self.run(writer.write(b"new"))
        self.run(writer.commit(self.at("g")))
        assert self.walked(self.base) == {self.at("g")}

    def test_a4_an_empty_commit_is_an_empty_object(self, driver: StorageDriver) -> None:
        self.run(driver.put_content(self.at("old"), b"old"))
        for name in ("new", "old"):
            self.run(write_object(driver, self.at(name)))
            assert self.run(driver.stat(self.at(name))).size == 0
            self.expect(self.at(name), b"")

    def test_a4_commits_appear_at_once(self, driver: StorageDriver) -> None:
        path = self.at("f")
        whole = [content(size, size) for size in (200_000, 100)]
        self.run(driver.put_content(path, whole[0]))

        def read() -> None:
            one_of(self.run(driver.get_content(path)).data, whole)

        def write() -> None:
            for turn in range(12):
                self._commit(driver, self.at("up") if turn % 3 else path, path, whole[turn % 2])

        beside(read, write)

    def _commit(
        self,
        driver: StorageDriver,
        path: str,
        to: str,
        data: bytes,
        condition: Condition = ANY,
    ) -> str | None:
        writer = self.run(driver.writer(path))
        try:
            self.run(writer.write(data))
            return self.run(writer.commit(to, condition))
        except DriverError:
            self.run(writer.cancel())
            raise

    @pytest.mark.parametrize("kind", ["absent", "version"])
    def test_a4_conditions_of_commits(self, driver: StorageDriver, kind: str) -> None:
        self.run(driver.put_content(self.at("g"), b"old"))
        failing = IF_ABSENT if kind == "absent" else if_version("never given")
        writer = self.run(driver.writer(self.at("f")))
        self.run(writer.write(b"new"))
        expected = PathExistsError if kind == "absent" else PreconditionFailedError
        is_claimed = driver.capabilities.conditional_commit
        with pytest.raises(expected) if is_claimed else self.refused("conditional_commit"):
            self.run(writer.commit(self.at("g"), failing))
        self.expect(self.at("g"), b"old")
        self.run(writer.write(b"er"))
        self.run(writer.commit(self.at("g")))
        self.expect(self.at("g"), b"newer")
        assert self.walked(self.base) == {self.at("g")}

    def test_a4_conditions_that_hold(self, driver: StorageDriver) -> None:
        if not driver.capabilities.conditional_commit:
            self.not_claimed("conditional_commit")
        self._commit(driver, self.at("f"), self.at("g"), b"first", IF_ABSENT)
        version = if_version(self.run(driver.stat(self.at("g"))).version)
        self._commit(driver, self.at("f"), self.at("g"), b"second", version)
        self.expect(self.at("g"), b"second")

    def test_a4_one_winner_of_conditional_commits(self, driver: StorageDriver) -> None:
        if not driver.capabilities.conditional_commit:
            self.not_claimed("conditional_commit")
        for turn in range(3):
            path = self.at(f"to{turn}")
            outcomes = race(
                [
                    partial(self._commit, driver, self.at(f"f{i}"), path, b"%d" % i, IF_ABSENT)
                    for i in range(6)
                ]
            )
            losers = [each for each in outcomes if isinstance(each, Exception)]
            assert [type(each) for each in losers] == [PathExistsError] * 5
            winner = next(i for i in range(6) if not isinstance(outcomes[i], Exception))
            self.expect(path, b"%d" % winner)

    @pytest.mark.parametrize(("state", "step", "after"), LEGAL)
    def test_a6_legal_steps(self, driver: StorageDriver, state: str, step: str, after: str) -> None:
        writer = self._writer_in(driver, state)
        self.run(take(writer, step))
        if after == "open":
            self.run(writer.write(b"more"))
        else:
            with pytest.raises(WriterClosedError) as caught:
                self.run(writer.write(b"more"))
            assert (caught.value.state, caught.value.step) == (after, "write")
        if after == "open":
            self.run(writer.cancel())
        self._cancel_parked(driver)

    @pytest.mark.parametrize(("state", "step"), ILLEGAL)
    def test_a6_illegal_steps_raise(self, driver: StorageDriver, state: str, step: str) -> None:
        writer = self._writer_in(driver, state)
        for _ in range(2):
            with pytest.raises(WriterClosedError) as caught:
                self.run(take(writer, step))
            assert (caught.value.state, caught.value.step) == (state, step)
            assert caught.value.path == self.at("f")
        if state == "committed":
            self.expect(self.at("f"), b"begun")
        if state == "parked":
            assert self.run(driver.writer(self.at("f"), append=True)).size == len(b"begun")
        self._cancel_parked(driver)

    @pytest.mark.parametrize("to", [None, "other"])
    def test_a6_commit_is_idempotent(self, driver: StorageDriver, to: str | None) -> None:
        target = to and self.at(to)
        writer = self.run(driver.writer(self.at("f")))
        self.run(writer.write(b"data"))
        version = self.run(writer.commit(target))
        assert self.run(writer.commit(target)) == version
        self.run(driver.put_content(target or self.at("f"), b"newer"))
        assert self.run(writer.commit(target)) == version
        self.expect(target or self.at("f"), b"newer")
        with pytest.raises(WriterClosedError):
            self.run(writer.commit(self.at("elsewhere")))
        assert self.walked(self.base) == {target or self.at("f")}

    def _two_writers(self, driver: StorageDriver) -> tuple[FileWriter, FileWriter]:
        """Return an older and a newer writer, both resumed at the same size."""
        self.run(park_object(driver, self.at("f"), b"begun "))
        older = self.run(driver.writer(self.at("f"), append=True))
        return older, self.run(driver.writer(self.at("f"), append=True))

    def test_a7_an_older_writer_is_fenced_off(self, driver: StorageDriver) -> None:
        if not driver.capabilities.fenced_writers:
            self.not_claimed("fenced_writers")
        for step in ("park", "commit"):
            older, newer = self._two_writers(driver)
            self.run(newer.write(b"newer"))
            with pytest.raises(PreconditionFailedError):
                self._write_and(older, step)
            self.run(older.cancel())
            self.run(newer.park())
            resumed = self.run(driver.writer(self.at("f"), append=True, at_least=newer.size))
            self.run(resumed.commit())
            self.expect(self.at("f"), b"begun newer")
            self.run(driver.delete_file(self.at("f")))

    def _write_and(self, writer: FileWriter, step: str) -> None:
        self.run(writer.write(b"older"))
        self.run(take(writer, step))

    @pytest.mark.parametrize("older_first", [False, True])
    def test_a7_two_resumed_writers_never_mix(
        self, driver: StorageDriver, older_first: bool
    ) -> None:
        writers = self._two_writers(driver)
        committed = []
        for turn in range(3):
            for index, writer in enumerate(writers):
                self._try(writer.write(b"%d%d" % (index, turn)))
        order = (0, 1) if older_first else (1, 0)
        for index in order:
            if self._try(writers[index].commit()):
                committed.append(index)
            else:
                self.run(writers[index].cancel())
        commits = len(committed)
        assert commits == 1, f"{commits} of 2 commits succeeded: the one that was overtaken raises"
        expected = b"begun " + b"".join(b"%d%d" % (committed[0], turn) for turn in range(3))
        self.expect(self.at("f"), expected)

    def _try(self, call: Coroutine[Any, Any, object]) -> bool:
        try:
            self.run(call)
        except DriverError:
            return False
        return True

    def test_a7_writers_that_race_never_mix(self, driver: StorageDriver) -> None:
        bodies = [content(60_000, racer) for racer in range(4)]
        for _ in range(3):
            outcomes = race([partial(self._in_pieces, driver, body) for body in bodies])
            assert any(outcome is None for outcome in outcomes), outcomes
            one_of(self.run(driver.get_content(self.at("f"))).data, bodies)
            self._cancel_parked(driver)

    def _in_pieces(self, driver: StorageDriver, body: bytes) -> None:
        writer = self.run(driver.writer(self.at("f")))
        try:
            for start in range(0, len(body), 10_000):
                self.run(writer.write(body[start : start + 10_000]))
            self.run(writer.commit())
        except DriverError:
            self.run(writer.cancel())
            raise
