"""Random histories of a driver, compared step by step with a dictionary that knows no driver."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from regstore.driver import (
    IF_ABSENT,
    Condition,
    FileWriter,
    StorageDriver,
    if_version,
    write_stream,
)
from regstore.errors import (
    DriverError,
    PathExistsError,
    PathNotFoundError,
    PreconditionFailedError,
    UnsupportedMethodError,
)
from regstore.testing.material import chunks, collect, content, read_range, same

T = TypeVar("T")

# No path lies below another one that is an object; many begin alike.
PATHS = ("a", "ab", "a-b", "d/x", "d/xy", "d/e/f", "d-e/x", "d.x")
DIRECTORIES = ("", "d", "d/e", "d-e", "a", "missing")
MARKS = (None, "", "a", "a-", "d", "d-", "e", "x", "zzz")

paths: st.SearchStrategy[str] = st.sampled_from(PATHS)
contents: st.SearchStrategy[bytes] = st.builds(
    content, st.sampled_from((0, 1, 7, 1000, 70_000)), st.integers(0, 9)
)
gaps: st.SearchStrategy[int] = st.sampled_from((0, 0, 1, 5000))


class StorageDriverMachine(RuleBasedStateMachine):
    """Any history of calls, each answered as the oracle says.

    The oracle is three dictionaries: committed objects, parked content, content of open writers.

    :param driver: the driver; it may hold other things outside *prefix*.
    :param prefix: a directory that nobody else uses, for this history alone.
    :param run: runs a coroutine; the driver's runtime by default.
    """

    def __init__(
        self,
        driver: StorageDriver,
        prefix: str,
        run: Callable[[Coroutine[Any, Any, Any]], Any] | None = None,
    ) -> None:
        super().__init__()
        self.driver = driver
        self.prefix = prefix
        self._run = run or driver.runtime.run
        self.objects: dict[str, bytes] = {}
        self.parked: dict[str, bytes] = {}
        self.writers: dict[str, tuple[FileWriter, bytes]] = {}
        self.replaced: dict[str, str] = {}

    def run(self, coro: Coroutine[Any, Any, T]) -> T:
        """Run *coro* to its end."""
        result: T = self._run(coro)
        return result

    def at(self, path: str) -> str:
        """Return *path* below the prefix."""
        return f"{self.prefix}/{path}" if path else self.prefix

    def fails(self, error: type[DriverError], coro: Coroutine[Any, Any, object]) -> None:
        """Fail unless *coro* raises *error*."""
        try:
            self.run(coro)
        except error:
            return
        raise AssertionError(f"no {error.__name__}")

    def hidden(self, path: str) -> bool:
        """Whether *path* shows nothing, or something uncommitted: nothing can be asked of it."""
        live = path in self.parked or path in self.writers
        return live and path not in self.objects and self.driver.capabilities.uncommitted_visible

    def _hidden(self) -> set[str]:
        return {each for each in (*self.parked, *self.writers) if self.hidden(each)}

    def version(self, path: str) -> str:
        """Return the version stored now, ``""`` if there is nothing."""
        return self.run(self.driver.stat(self.at(path))).version if path in self.objects else ""

    def changed(self, path: str, data: bytes, before: str) -> None:
        """Note that *path* now holds *data*; fail if its version is still *before*."""
        unchanged = self.objects.get(path) == data
        self.objects[path] = data
        after = self.version(path)
        assert unchanged or after != before
        self.replaced[path] = before

    def condition(self, path: str, *, kept: bool) -> Condition:
        """Return a condition on the version at *path* that holds, or one that does not."""
        current, before = self.version(path), self.replaced.get(path)
        if kept and current:
            return if_version(current)
        return if_version(before if before and before != current else "never-given")

    # Objects

    @rule(path=paths, data=contents)
    def put(self, path: str, data: bytes) -> None:
        if not self.hidden(path):
            before = self.version(path)
            self.run(self.driver.put_content(self.at(path), data))
            self.changed(path, data, before)

    @rule(path=paths, data=contents)
    def put_if_absent(self, path: str, data: bytes) -> None:
        if self.hidden(path):
            return
        call = self.driver.put_content(self.at(path), data, IF_ABSENT)
        if not self.driver.capabilities.conditional_create:
            self.fails(UnsupportedMethodError, call)
        elif path in self.objects:
            self.fails(PathExistsError, call)
        else:
            self.run(call)
            self.changed(path, data, "")

    @rule(path=paths, data=contents, kept=st.booleans())
    def put_if_version(self, path: str, data: bytes, kept: bool) -> None:
        if self.hidden(path):
            return
        before, condition = self.version(path), self.condition(path, kept=kept)
        call = self.driver.put_content(self.at(path), data, condition)
        if not self.driver.capabilities.conditional_replace:
            self.fails(UnsupportedMethodError, call)
        elif condition == if_version(before):
            self.run(call)
            self.changed(path, data, before)
        else:
            self.fails(PreconditionFailedError, call)

    @rule(path=paths, offset=st.integers(0, 1200), length=st.none() | st.integers(0, 1200))
    def read(self, path: str, offset: int, length: int | None) -> None:
        if self.hidden(path):
            return
        if path not in self.objects:
            self.fails(PathNotFoundError, self.driver.get_content(self.at(path)))
            self.fails(PathNotFoundError, self.driver.reader(self.at(path)))
            self.fails(PathNotFoundError, self.driver.stat(self.at(path)))
            return
        data = self.objects[path]
        offset = min(offset, len(data))
        expected = data[offset:] if length is None else data[offset : offset + length]
        same(self.run(read_range(self.driver, self.at(path), offset, length)), expected)
        same(self.run(self.driver.get_content(self.at(path))).data, data)
        assert self.run(self.driver.stat(self.at(path))).size == len(data)

    @rule(source=paths, destination=paths)
    def move(self, source: str, destination: str) -> None:
        if self.hidden(source) or self.hidden(destination):
            return
        before = self.version(destination)
        call = self.driver.move(self.at(source), self.at(destination))
        if source not in self.objects:
            self.fails(PathNotFoundError, call)
        else:
            self.run(call)
            if source != destination:
                self.changed(destination, self.objects.pop(source), before)

    @rule(source=paths, destination=paths)
    def copy(self, source: str, destination: str) -> None:
        if self.hidden(source) or self.hidden(destination) or source == destination:
            return
        before = self.version(destination)
        call = self.driver.copy(self.at(source), self.at(destination))
        if source not in self.objects:
            self.fails(PathNotFoundError, call)
        else:
            self.run(call)
            self.changed(destination, self.objects[source], before)

    @rule(path=paths, data=contents, offset=st.sampled_from((0, 1, 7, 8, 1500)))
    def write_stream(self, path: str, data: bytes, offset: int) -> None:
        if path in self.writers or self.hidden(path):
            return
        before, old = self.version(path), self.objects.get(path, b"")
        taken = self.run(write_stream(self.driver, self.at(path), offset, chunks([data])))
        assert taken == len(data)
        self.parked.pop(path, None)
        new = old[:offset].ljust(offset, b"\0") + data + old[offset + len(data) :]
        self.changed(path, new, before)

    @rule(path=paths, missing_ok=st.booleans())
    def delete_file(self, path: str, missing_ok: bool) -> None:
        if self.hidden(path):
            return
        call = self.driver.delete_file(self.at(path), missing_ok=missing_ok)
        if path in self.objects or missing_ok:
            self.run(call)
            self.objects.pop(path, None)
        else:
            self.fails(PathNotFoundError, call)

    @rule(path=paths, kept=st.booleans())
    def delete_file_if_version(self, path: str, kept: bool) -> None:
        if self.hidden(path):
            return
        before, condition = self.version(path), self.condition(path, kept=kept)
        call = self.driver.delete_file(self.at(path), condition)
        if not self.driver.capabilities.conditional_delete:
            self.fails(UnsupportedMethodError, call)
        elif not before:
            self.fails(PathNotFoundError, call)
        elif condition == if_version(before):
            self.run(call)
            del self.objects[path]
        else:
            self.fails(PreconditionFailedError, call)

    @rule(path=st.sampled_from((*PATHS, "d", "d/e", "missing")))
    def delete(self, path: str) -> None:
        if any(self._covers(path, each) for each in self.writers):
            return
        gone = [each for each in {*self.objects, *self.parked} if self._covers(path, each)]
        call = self.driver.delete(self.at(path))
        if not gone:
            self.fails(PathNotFoundError, call)
            return
        self.run(call)
        for each in gone:
            self.objects.pop(each, None)
            self.parked.pop(each, None)

    def _covers(self, path: str, below: str) -> bool:
        return path in {"", below} or below.startswith(f"{path}/")

    # Writers

    @rule(path=paths, data=contents)
    def begin(self, path: str, data: bytes) -> None:
        if path not in self.writers:
            writer = self.run(self.driver.writer(self.at(path)))
            self.parked.pop(path, None)
            self.run(writer.write(data))
            self.writers[path] = writer, data

    @rule(path=paths)
    def resume(self, path: str) -> None:
        if path in self.writers:
            return
        size = len(self.parked.get(path, b""))
        call = self.driver.writer(self.at(path), append=True, at_least=size)
        if path not in self.parked and self.objects.get(path):
            self.fails(PathExistsError, call)
        elif path not in self.parked and path not in self.objects:
            self.fails(PathNotFoundError, call)
        else:
            writer = self.run(call)
            self.writers[path] = writer, self.parked.pop(path, b"")
            assert writer.size == size

    @precondition(lambda self: self.parked)
    @rule(data=st.data(), more=contents)
    def resume_parked(self, data: st.DataObject, more: bytes) -> None:
        path = data.draw(st.sampled_from(sorted(self.parked)))
        self.resume(path)
        writer, written = self.writers[path]
        self.run(writer.write(more))
        self.writers[path] = writer, written + more

    @precondition(lambda self: self.writers)
    @rule(data=st.data(), more=contents, gap=gaps)
    def write(self, data: st.DataObject, more: bytes, gap: int) -> None:
        path = data.draw(st.sampled_from(sorted(self.writers)))
        writer, written = self.writers[path]
        self.run(writer.write(more, len(written) + gap if gap else None))
        written += bytes(gap) + more
        assert writer.size == len(written)
        self.writers[path] = writer, written

    @precondition(lambda self: self.writers)
    @rule(data=st.data())
    def park(self, data: st.DataObject) -> None:
        path = data.draw(st.sampled_from(sorted(self.writers)))
        writer, written = self.writers.pop(path)
        self.run(writer.park())
        self.parked[path] = written

    @precondition(lambda self: self.writers)
    @rule(data=st.data(), to=st.none() | paths)
    def commit(self, data: st.DataObject, to: str | None) -> None:
        path = data.draw(st.sampled_from(sorted(self.writers)))
        target = to or path
        if target != path and self.hidden(target):
            return
        before = self.version(target)
        writer, written = self.writers.pop(path)
        self.run(writer.commit(to and self.at(to)))
        if target != path:
            self.objects.pop(path, None)
        self.changed(target, written, before)

    @precondition(lambda self: self.writers)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        path = data.draw(st.sampled_from(sorted(self.writers)))
        self.run(self.writers.pop(path)[0].cancel())

    # Listings

    @rule(
        path=st.sampled_from(DIRECTORIES),
        mark=st.sampled_from(MARKS),
        limit=st.none() | st.integers(1, 4),
    )
    def list(self, path: str, mark: str | None, limit: int | None) -> None:
        certain = {self._name(path, each) for each in self.objects} - {""}
        possible = {self._name(path, each) for each in self._listable()} - {""}
        try:
            names = self.run(collect(self.driver.list(self.at(path), mark, limit)))
        except PathNotFoundError:
            assert not certain
            return
        assert possible, "a list of nothing raises"
        assert names == sorted(set(names) & possible)
        assert all(mark is None or name > mark for name in names)
        assert len(names) <= (limit or len(names))
        whole = limit is None or len(names) < limit
        assert {
            name
            for name in certain
            if (mark is None or name > mark) and (whole or name <= names[-1])
        } <= set(names)

    def _listable(self) -> set[str]:
        """Return the paths whose names a listing may show: not all of them must be objects."""
        ghosts = self.driver.capabilities.ghost_directories
        return {*self.objects, *self._hidden(), *(each for each in PATHS if ghosts and "/" in each)}

    def _name(self, directory: str, path: str) -> str:
        """Return the name in *directory* under which *path* is listed, or ``""``."""
        if directory and not path.startswith(f"{directory}/"):
            return ""
        return path[len(directory) :].strip("/").split("/")[0]

    @rule(path=st.sampled_from(("d", "d/e", "d-e", "missing")))
    def stat_directory(self, path: str) -> None:
        below = any(self._covers(path, each) for each in self.objects)
        try:
            info = self.run(self.driver.stat(self.at(path)))
        except PathNotFoundError:
            assert not below
            return
        assert (info.path, info.size, info.is_dir) == (self.at(path), 0, True)
        assert below or any(self._covers(path, each) for each in self._hidden())

    @rule(path=st.sampled_from(DIRECTORIES))
    def walk(self, path: str) -> None:
        below = {
            self.at(each): len(data)
            for each, data in self.objects.items()
            if self._name(path, each)
        }
        try:
            found = self.run(collect(self.driver.walk(self.at(path))))
        except PathNotFoundError:
            assert not below
            return
        sizes = {info.path: info.size for info in found}
        assert len(sizes) == len(found), "an object twice"
        hidden = {self.at(each) for each in self._hidden()}
        assert {each: size for each, size in sizes.items() if each not in hidden} == below
        assert sizes, "a walk of nothing raises"

    def teardown(self) -> None:
        """Read everything once more, then leave nothing."""
        for path, data in self.objects.items():
            same(self.run(self.driver.get_content(self.at(path))).data, data)
        for writer, _ in self.writers.values():
            self.run(writer.cancel())
        for path in self.parked:
            self.run(self.run(self.driver.writer(self.at(path), append=True)).cancel())
        for path in self.objects:
            self.run(self.driver.delete_file(self.at(path)))
