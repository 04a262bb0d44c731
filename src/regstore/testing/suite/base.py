"""What every group of conformance tests stands on: fixtures, override points, the litter check."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Coroutine, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, ClassVar, NoReturn, Protocol, TypeVar

import pytest

from regstore.driver import StorageDriver
from regstore.errors import DriverError, PathNotFoundError, UnsupportedMethodError
from regstore.testing.contract import TITLES, clause_of
from regstore.testing.material import collect, same

T = TypeVar("T")

_REFUSE = "raise UnsupportedMethodError, or claim it"


class BackDoor(Protocol):
    """Raw access to a store, so that a driver does not mark its own homework.

    Paths are relative to the driver's root; what the driver keeps for itself is there too.
    """

    def read(self, path: str) -> bytes:
        """Return the bytes stored at *path*."""
        ...

    def write(self, path: str, data: bytes) -> None:
        """Store *data* at *path*, as other software would."""
        ...

    def paths(self) -> set[str]:
        """Return the path of every file in the store, ``.regstore-*`` included."""
        ...


class DriverSuite:
    """Override points of :class:`regstore.testing.StorageDriverTests`, and what its tests share.

    :ivar base: the directory that this test has to itself.
    :ivar unproved: for emulators only: what they are known to get wrong and the real store does
        not, by the number of a clause (``"M4"``) or the name of a test, with the reason. Those
        tests are skipped, and say so. A driver of which something is true everywhere claims less
        instead, and is proved.
    """

    unproved: ClassVar[Mapping[str, str]] = {}

    base: str
    _driver: StorageDriver
    _others: list[StorageDriver]

    @pytest.fixture
    def driver(self) -> Iterator[StorageDriver]:
        """Override: yield the driver to be proved. Other tests may use the same store."""
        raise NotImplementedError("override the fixture 'driver'")

    @pytest.fixture
    def back_door(self) -> BackDoor | None:
        """Override: raw access to the driver's store."""
        return None

    @pytest.fixture
    def full_driver(self) -> StorageDriver | None:
        """Override: a driver whose store has less than 8 MiB free (W6)."""
        return None

    def reopen(self, driver: StorageDriver) -> StorageDriver | None:  # noqa: ARG002 - to override
        """Override: return another driver on the same store, as another process would have it."""
        return None

    def run(self, coro: Coroutine[Any, Any, T]) -> T:
        """Run *coro* from plain code, in any thread. Override where the runtime cannot."""
        return self._driver.runtime.run(coro)

    def all(self, items: AsyncGenerator[T, None]) -> list[T]:
        """Return all *items* of a listing."""
        return self.run(collect(items))

    def at(self, name: str) -> str:
        """Return the path of *name* in this test's own directory."""
        return f"{self.base}/{name}"

    def expect(self, path: str, data: bytes) -> None:
        """Fail unless the object at *path* holds *data*."""
        same(self.run(self._driver.get_content(path)).data, data)

    def put(self, *names: str) -> None:
        """Store an object at each of *names*, whose content is its name."""
        for name in names:
            self.run(self._driver.put_content(self.at(name), name.encode()))

    def another(self, driver: StorageDriver) -> StorageDriver:
        """Return another driver on the same store; the test is skipped where there is none."""
        drivers = self.observers(driver)
        if len(drivers) == 1:
            pytest.skip("override reopen() to prove this")
        return drivers[1]

    def observers(self, driver: StorageDriver) -> list[StorageDriver]:
        """Return *driver*, and another one on the same store where there is one."""
        other = self.reopen(driver)
        if other is None:
            return [driver]
        self._others.append(other)
        return [driver, other]

    def not_claimed(self, capability: str) -> NoReturn:
        """Skip a test of what this driver does not promise and nobody can ask of it."""
        pytest.skip(f"the driver does not claim {capability}")

    @contextmanager
    def refused(self, capability: str) -> Iterator[None]:
        """Fail unless what needs *capability*, which is not claimed, is refused (W4)."""
        try:
            yield
        except UnsupportedMethodError:
            return
        except DriverError as error:
            pytest.fail(f"{capability} is not claimed: {_REFUSE}; this was raised: {error!r}")
        pytest.fail(f"{capability} is not claimed: {_REFUSE}; this was done all the same")

    def walked(self, path: str) -> set[str]:
        """Return the paths of all objects below *path*, none where nothing lies there."""
        try:
            return {info.path for info in self.all(self._driver.walk(path))}
        except PathNotFoundError:
            return set()

    @pytest.fixture(autouse=True)
    def _without_litter(
        self, request: pytest.FixtureRequest, driver: StorageDriver, back_door: BackDoor | None
    ) -> Iterator[None]:
        """Delete what the test wrote, file by file; what is still there then is litter."""
        self._skip_unproved(request)
        self._driver, self._others = driver, []
        self.base = f"t-{driver.runtime.random.getrandbits(40):010x}"
        before, failures = self._stored(back_door), request.session.testsfailed
        yield
        passed = request.session.testsfailed == failures
        written = self.walked(self.base)
        self.run(driver.runtime.map(driver.delete_file, written))
        litter = self._stored(back_door) - before
        with suppress(PathNotFoundError):
            self.run(driver.delete(self.base))
        for other in self._others:
            self.run(other.aclose())
        if passed and litter:
            pytest.fail(f"litter after every file was deleted: {sorted(litter)}")

    def _skip_unproved(self, request: pytest.FixtureRequest) -> None:
        test: str = request.node.originalname or request.node.name
        unknown = [name for name in self.unproved if not (name in TITLES or hasattr(self, name))]
        if unknown:
            pytest.fail(f"unproved names neither a clause nor a test: {', '.join(unknown)}")
        for name in (test, clause_of(test) or ""):
            if name in self.unproved:
                pytest.skip(f"unproved here: {self.unproved[name]}")

    def _stored(self, back_door: BackDoor | None) -> set[str]:
        return self.walked("") if back_door is None else back_door.paths()
