"""The suite as a command: prove a live store, and tell clause by clause what was seen."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import pytest

from regstore.driver import StorageDriver
from regstore.drivers import open_driver
from regstore.errors import ConfigurationError, PathNotFoundError
from regstore.testing.contract import TITLES, UNTESTED, clause_of
from regstore.testing.prefix import PrefixDriver

MakeDriver = Callable[[], StorageDriver]
Progress = Callable[[int, int], None]

MOST_SEEN = 3
_UNWANTED = ("cacheprovider", "faulthandler", "terminal", "threadexception", "unraisableexception")
_OPTIONS = (
    "--pyargs",
    "regstore.testing._live",
    "--noconftest",
    f"--config-file={os.devnull}",
    f"--rootdir={Path(__file__).parent}",
    "--import-mode=importlib",
    *(f"-pno:{plugin}" for plugin in _UNWANTED),
)


@dataclass(frozen=True, slots=True)
class ClauseResult:
    """What a run has shown of one clause.

    :ivar clause: its number, such as ``"W1"``, or ``"ALL"`` for the random histories.
    :ivar title: what it says, in a few words.
    :ivar outcome: whether every test of it that ran has passed.
    :ivar seen: which test failed and how, or why nothing was tested.
    :ivar passed: how many tests passed.
    :ivar failed: how many failed.
    :ivar skipped: how many had nothing to test.
    :ivar seconds: how long they took together.
    """

    clause: str
    title: str
    outcome: Literal["kept", "broken", "not tested"]
    seen: str
    passed: int
    failed: int
    skipped: int
    seconds: float = 0.0


class Target:
    """The store that is proved, under a fresh prefix.

    :param make: makes a driver; each call gives another one on the same store.
    """

    def __init__(self, make: MakeDriver) -> None:
        self._make = make
        inner = make()
        self.prefix: str = f"regstore-conformance-{inner.runtime.random.getrandbits(64):016x}"
        self.driver: StorageDriver = PrefixDriver(inner, self.prefix)

    def open(self) -> StorageDriver:
        """Return another driver on the same store."""
        return PrefixDriver(self._make(), self.prefix)

    def touch(self) -> None:
        """Write and delete one object: what fails here says nothing of any clause."""
        run = self.driver.runtime.run
        run(self.driver.put_content("begun", b""))
        run(self.driver.delete_file("begun"))

    def close(self) -> None:
        """Remove everything below the prefix, and close the driver."""
        run = self.driver.runtime.run
        inner = self._make()
        with suppress(PathNotFoundError):
            run(inner.delete(self.prefix))
        run(inner.aclose())
        run(self.driver.aclose())


@dataclass(slots=True)
class _Seen:
    passed: int = 0
    seconds: float = 0.0
    failures: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)


class _Recorder:
    """A pytest plugin: hands the target to the tests, and keeps what they report."""

    def __init__(self, target: Target, progress: Progress | None) -> None:
        self._target = target
        self._progress = progress
        self._total = self._done = 0
        self.seen: dict[str, _Seen] = {}
        self.problems: list[str] = []

    @pytest.fixture
    def conformance_target(self) -> Target:
        return self._target

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._total = len(session.items)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.problems.append(report.longreprtext)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        test = report.nodeid.rpartition("::")[2]
        seen = self.seen.setdefault(test, _Seen())
        seen.seconds += report.duration
        if report.failed:
            seen.failures.append(f"{test}: {_message(report)}")
        elif report.skipped:
            seen.reasons.append(_message(report))
        elif report.when == "call":
            seen.passed += 1
        if report.when == "teardown":
            self._done += 1
            if self._progress:
                self._progress(self._done, self._total)


def _message(report: pytest.TestReport) -> str:
    """Return the first lines of what a test saw, or the reason for which it was skipped."""
    if isinstance(report.longrepr, tuple):
        return report.longrepr[2].removeprefix("Skipped: ")
    crash = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash else report.longreprtext
    lines = text.removeprefix("Failed: ").removeprefix("AssertionError: ").splitlines()
    return " ".join(line.strip() for line in lines[:3])


def run_conformance(
    store: str | MakeDriver, *, only: Collection[str] = (), progress: Progress | None = None
) -> list[ClauseResult]:
    """Prove a store against the contract; return what was seen of each clause.

    Everything happens below a fresh prefix, ``regstore-conformance-...``, which is removed at the
    end. Nothing else in the store is touched.

    :param store: a URL, or a function that makes a driver; called again, it gives another driver
        on the same store, as another process would have it.
    :param only: the clauses to prove, such as ``["W1", "A8"]``; by default all.
    :param progress: called after each test with how many are done, and of how many.
    :raises ConfigurationError: the store cannot be opened, or is private to one driver; or there is
        no such clause.
    :raises DriverError: the store takes not even one object.
    """
    if store in {"memory:", "memory://"}:
        raise ConfigurationError(
            "memory:// is private to each driver: name it, as in memory://name"
        )
    unknown = sorted(set(only) - TITLES.keys())
    if unknown:
        raise ConfigurationError(f"there is no clause {', '.join(unknown)}")
    chosen = [clause for clause in TITLES if not only or clause in only]
    make: MakeDriver = (lambda: open_driver(store)) if isinstance(store, str) else store
    target = Target(make)
    try:
        target.touch()
        recorder = _run(target, chosen, progress)
    finally:
        target.close()
    return [_result(clause, recorder) for clause in chosen]


def _run(target: Target, chosen: Collection[str], progress: Progress | None) -> _Recorder:
    tests = " or ".join(f"test_{clause.lower()}_" for clause in chosen)
    recorder = _Recorder(target, progress)
    good = {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED}
    with _undisturbed():
        code = pytest.main([*_OPTIONS, "-k", tests], plugins=[recorder])
    if code == pytest.ExitCode.INTERRUPTED and not recorder.problems:
        raise KeyboardInterrupt
    if code not in good:
        raise RuntimeError(
            "\n".join(["pytest could not run the suite", str(code), *recorder.problems])
        )
    return recorder


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Keep plugins and options that the user has for other tests out of this run."""
    with TemporaryDirectory() as scratch, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        patch.delenv("PYTEST_ADDOPTS", raising=False)
        patch.setenv("HYPOTHESIS_STORAGE_DIRECTORY", scratch)
        yield


def _result(clause: str, recorder: _Recorder) -> ClauseResult:
    """Sum up what the tests of *clause* saw."""
    tests = [seen for test, seen in recorder.seen.items() if clause_of(test) == clause]
    failures = [failure for seen in tests for failure in seen.failures]
    reasons = sorted({reason for seen in tests for reason in seen.reasons})
    passed = sum(seen.passed for seen in tests if not seen.failures)
    return ClauseResult(
        clause,
        TITLES[clause],
        "broken" if failures else "kept" if passed else "not tested",
        _shorten(failures or reasons) or UNTESTED.get(clause, ""),
        passed,
        sum(bool(seen.failures) for seen in tests),
        sum(bool(seen.reasons) for seen in tests),
        round(sum(seen.seconds for seen in tests), 3),
    )


def _shorten(seen: list[str]) -> str:
    more = [f"and {len(seen) - MOST_SEEN} more"] if len(seen) > MOST_SEEN else []
    return "; ".join(seen[:MOST_SEEN] + more)
