"""X1, X2, X4 to X6: how a driver runs, ends, fails and forks."""

from __future__ import annotations

import gc
import os
import pickle
from collections.abc import Callable, Coroutine
from contextlib import closing, suppress
from functools import partial
from typing import Any

import pytest

from regstore._run import BlockingRuntime, Runtime
from regstore.driver import CHUNK_SIZE, Capabilities, StorageDriver
from regstore.errors import DriverError, PathNotFoundError, RegstoreError
from regstore.testing.material import collect, content, park_object, read_range, same
from regstore.testing.race import beside, in_child
from regstore.testing.suite.base import DriverSuite

FORKS = 3


class RunningTests(DriverSuite):
    """X1, X2, X4 to X6."""

    def test_x1_a_blocking_driver_never_suspends(self, driver: StorageDriver) -> None:
        if not isinstance(driver.runtime, BlockingRuntime):
            pytest.skip("the driver is bound to an event loop")
        self.put("d/f")
        calls: list[Callable[[], Coroutine[Any, Any, object]]] = [
            lambda: driver.stat(self.at("d/f")),
            lambda: driver.copy(self.at("d/f"), self.at("d/g")),
            lambda: driver.move(self.at("d/g"), self.at("d/h")),
            lambda: park_object(driver, self.at("d/i"), b"x"),
            lambda: read_range(driver, self.at("d/f")),
            lambda: collect(driver.list(self.at("d"))),
            lambda: collect(driver.walk(self.at("d"))),
            lambda: driver.delete(self.at("d")),
        ]
        for call in calls:
            with closing(call()) as coro, pytest.raises(StopIteration):
                coro.send(None)

    def test_x2_calls_that_never_ran_leave_nothing(self, driver: StorageDriver) -> None:
        for call in (driver.put_content(self.at("f"), b"x"), driver.writer(self.at("f"))):
            call.close()
        assert self.walked(self.base) == set()

    @pytest.mark.parametrize("how", ["closed", "dropped"])
    def test_x2_reads_may_end_early(self, driver: StorageDriver, how: str) -> None:
        data = content(3 * CHUNK_SIZE)
        self.run(driver.put_content(self.at("f"), data))
        for turn in range(20):
            reader = self.run(driver.reader(self.at("f"), turn))
            assert self.run(reader.read())
            if how == "closed":
                self.run(reader.aclose())
            del reader
        gc.collect()
        self.expect(self.at("f"), data)
        self.run(driver.delete_file(self.at("f")))

    def test_x2_listings_may_end_early(self, driver: StorageDriver) -> None:
        self.put(*(f"{number}" for number in range(20)))
        for _ in range(5):
            names = driver.runtime.iterate(driver.list(self.base))
            assert next(names) == "0"
            names.close()
            files = driver.runtime.iterate(driver.walk(self.base))
            assert next(files).path in self.walked(self.base)
            del files
        gc.collect()
        self.put("again")
        assert len(self.all(driver.list(self.base))) == 21

    def test_x2_listings_that_never_began_may_be_dropped(self, driver: StorageDriver) -> None:
        self.put("f")
        listing, walk = driver.list(self.base), driver.walk(self.base)
        self.run(listing.aclose())
        self.run(walk.aclose())
        assert self.walked(self.base) == {self.at("f")}

    @pytest.mark.parametrize("name", ["stat", "get", "reader", "append", "move", "copy", "delete"])
    def test_x4_errors_name_path_and_driver(self, driver: StorageDriver, name: str) -> None:
        path, other = self.at("missing"), self.at("other")
        calls: dict[str, Callable[[], object]] = {
            "stat": lambda: self.run(driver.stat(path)),
            "get": lambda: self.run(driver.get_content(path)),
            "reader": lambda: self.run(driver.reader(path)),
            "append": lambda: self.run(driver.writer(path, append=True)),
            "move": lambda: self.run(driver.move(path, other)),
            "copy": lambda: self.run(driver.copy(path, other)),
            "delete": lambda: self.run(driver.delete(path)),
        }
        self._names(driver, path, calls[name])

    @pytest.mark.parametrize("name", ["delete_file", "list", "walk", "put", "write"])
    def test_x4_more_errors_name_path_and_driver(self, driver: StorageDriver, name: str) -> None:
        path = self.at("missing") if name not in {"put", "write"} else "../outside"
        calls: dict[str, Callable[[], object]] = {
            "delete_file": lambda: self.run(driver.delete_file(path)),
            "list": lambda: self.all(driver.list(path)),
            "walk": lambda: self.all(driver.walk(path)),
            "put": lambda: self.run(driver.put_content(path, b"")),
            "write": lambda: self.run(driver.writer(path)),
        }
        self._names(driver, path, calls[name])

    def _names(self, driver: StorageDriver, path: str, call: Callable[[], object]) -> None:
        with pytest.raises(RegstoreError) as caught:
            call()
        error = caught.value
        assert isinstance(error, DriverError)
        assert (error.path, error.driver) == (path, driver.name)
        assert driver.name in str(error)
        copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - made one line above
        assert (type(copy), copy.path, str(copy)) == (type(error), path, str(error))

    def test_x4_objects_below_objects_are_an_error_of_ours(self, driver: StorageDriver) -> None:
        self.put("f")
        with suppress(DriverError):
            self.run(driver.put_content(self.at("f/below"), b"x"))
            self.run(driver.delete_file(self.at("f/below")))
        self.put("d/x")
        with suppress(DriverError):
            self.run(driver.put_content(self.at("d"), b"x"))
            self.run(driver.delete_file(self.at("d")))
        assert self.walked(self.base) == {self.at("f"), self.at("d/x")}

    def _work(self, driver: StorageDriver, name: str) -> None:
        """Do a bit of everything."""
        path, data = self.at(f"{name}/f"), content(50_000, name)
        self.run(driver.put_content(path, data))
        same(self.run(read_range(driver, path, 10)), data[10:])
        self.run(park_object(driver, self.at(f"{name}/g"), data))
        writer = self.run(driver.writer(self.at(f"{name}/g"), append=True))
        self.run(writer.commit(path))
        self.expect(path, data)
        assert self.all(driver.list(self.at(name))) == ["f"]

    def test_x5_a_driver_works_after_a_fork(self, driver: StorageDriver) -> None:
        if not hasattr(os, "fork"):
            pytest.skip("no fork here")
        self._work(driver, "before")
        failure = in_child(lambda: self._work(driver, "child"))
        assert not failure, failure
        self._work(driver, "parent")

    def test_x5_a_fork_beside_working_threads(self, driver: StorageDriver) -> None:
        if not hasattr(os, "fork"):
            pytest.skip("no fork here")
        self.put("f")

        def work() -> None:
            with suppress(PathNotFoundError):
                self.run(driver.put_content(self.at("busy/f"), b"x"))
                self.run(driver.stat(self.at("busy/f")))

        def fork() -> None:
            for turn in range(FORKS):
                failure = in_child(partial(self._work, driver, f"child{turn}"))
                assert not failure, failure

        beside(work, fork)

    def test_x6_a_driver_says_what_it_is(self, driver: StorageDriver) -> None:
        assert driver.name
        assert "@" not in driver.name, "names hold no credentials"
        assert isinstance(driver.capabilities, Capabilities)
        assert isinstance(driver.runtime, Runtime)
        assert driver.capabilities.resume_scope in {"object", "process", "host"}
        assert driver.capabilities.clock_resolution > 0

    def test_x6_closing_is_harmless(self, driver: StorageDriver) -> None:
        other = self.another(driver)
        self.put("f")
        assert self.run(other.get_content(self.at("f"))).data == b"f"
        self.run(other.aclose())
        self.run(other.aclose())
        self.expect(self.at("f"), b"f")
