"""A process reads what it has written, at no cost where nothing lags, on virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import TypeVar, cast

import pytest
from typing_extensions import override

from regstore._run import LoopRuntime
from regstore.consistency import (
    Consistency,
    Journal,
    Settled,
    Violation,
    WrapperDriver,
    WrapperReader,
)
from regstore.consistency.settled_reads import CLOCK_ERROR
from regstore.driver import IF_ABSENT, FileInfo, FileReader, StorageDriver
from regstore.drivers.memory import MemoryDriver, MemoryStore
from regstore.errors import NotYetVisibleError, PathExistsError, PathNotFoundError, TransientError
from regstore.testing.faults import (
    Call,
    FaultyDriver,
    InterceptedDriver,
    Lag,
    LaggingDriver,
    RecordingDriver,
)
from regstore.testing.material import collect, write_object
from tests.places import VirtualRuntime

T = TypeVar("T")

BOUND = 4.0


class Bench:
    """A store that lags, what it is asked, and this process's view of it.

    :ivar bare: the truth, and other processes' writes.
    """

    def __init__(self, lag: Lag | None = None, bound: float | None = BOUND) -> None:
        self.lag = Lag(get=1.0, stat=2.0, list=3.0) if lag is None else lag
        self.runtime = VirtualRuntime()
        self.run = self.runtime.run
        self.bare = MemoryDriver(MemoryStore(), self.runtime)
        self.others = LaggingDriver(self.bare, self.lag)
        self.asked = RecordingDriver(self.others)
        self.seen: list[Violation] = []
        self.left: float | None = None
        self.journal = Journal()
        self.driver = self.settled(bound)

    def settled(
        self, bound: float | None = BOUND, consistency: Consistency | None = None
    ) -> Settled:
        return Settled(
            self.asked,
            bound,
            consistency=consistency,
            journal=self.journal,
            hook=self.seen.append,
            left=lambda: self.left,
        )

    def put(self, path: str, data: bytes = b"new") -> str | None:
        return self.run(self.driver.put_content(path, data))

    def get(self, path: str, *, must_exist: bool = False) -> bytes:
        return self.run(self.driver.get_content(path, must_exist=must_exist)).data

    def stat(self, path: str) -> FileInfo:
        return self.run(self.driver.stat(path))

    def names(
        self, path: str = "", after: str | None = None, limit: int | None = None
    ) -> list[str]:
        return self.run(collect(self.driver.list(path, after, limit)))

    def paths(self, path: str = "") -> list[str]:
        return sorted(info.path for info in self.run(collect(self.driver.walk(path))))

    def wait(self, seconds: float) -> None:
        self.run(self.runtime.sleep(seconds))

    def by_others(self, path: str, data: bytes | None) -> None:
        if data is None:
            self.run(self.others.delete_file(path))
        else:
            self.run(self.others.put_content(path, data))


class SlowAnswersDriver(InterceptedDriver):
    """Answers long after it has looked."""

    seconds = 0.0

    @override
    async def through(self, call: Call, effect: Callable[[], Awaitable[T]]) -> T:
        try:
            return await effect()
        finally:
            await self.runtime.sleep(self.seconds)


class HidingDriver(InterceptedDriver):
    """Shows nothing for a while, as a front end does that lags behind the others."""

    until = 0.0

    @override
    async def through(self, call: Call, effect: Callable[[], Awaitable[T]]) -> T:
        if self.runtime.monotonic() < self.until:
            raise PathNotFoundError(call.path, self.name)
        return await effect()


def strong() -> Bench:
    return Bench(Lag(), None)


def test_a_new_object_is_read_once_it_shows() -> None:
    bench = Bench()
    bench.put("a")
    assert bench.get("a") == b"new"
    assert 1.0 <= bench.runtime.clock.seconds < 1.5
    counters = bench.driver.counters
    assert (counters.hits, counters.waits, counters.violations) == (1, 1, 0)
    assert 0.5 < counters.staleness <= 1.0
    assert counters.reads_again == len(bench.asked.calls) - 2


def test_a_replaced_object_is_read_once_it_shows() -> None:
    bench = Bench()
    bench.put("a", b"old")
    bench.wait(10)
    bench.put("a", b"new")
    assert bench.get("a") == b"new"


def test_an_answer_is_as_old_as_its_request() -> None:
    """One that comes after the bound may have been given before it."""
    bench = Bench(Lag(get=BOUND - 0.1))
    slow = SlowAnswersDriver(bench.others)
    driver = Settled(slow, BOUND, hook=bench.seen.append)
    bench.run(bench.bare.put_content("a", b"old"))
    bench.wait(10)
    bench.run(driver.put_content("a", b"new"))
    slow.seconds = BOUND / 2 + 0.1
    assert bench.run(driver.get_content("a")).data == b"new"
    bench.run(driver.put_content("b", b"new"))
    bench.run(driver.move("b", "c"))
    assert not bench.seen


def test_what_others_have_written_is_not_taken_for_older_than_its_absence() -> None:
    """A front end that lags behind others' changes tells nothing of their order."""
    bench = Bench(Lag())
    hiding = HidingDriver(bench.bare)
    driver = Settled(hiding, BOUND)
    bench.run(driver.put_content("a", b"own"))
    bench.wait(BOUND + 1)
    bench.by_others("a", b"other")
    assert bench.run(driver.get_content("a")).data == b"other"
    hiding.until = bench.runtime.monotonic() + 1.0
    with pytest.raises(PathNotFoundError):
        bench.run(driver.get_content("a"))
    bench.wait(1.0)
    assert bench.run(driver.get_content("a")).data == b"other"


@pytest.mark.parametrize("deletes", [False, True])
def test_what_must_exist_is_waited_for_whatever_was_done_long_ago(*, deletes: bool) -> None:
    bench = Bench(Lag())
    hiding = HidingDriver(bench.bare)
    driver = Settled(hiding, BOUND)
    bench.run(driver.put_content("a", b"own"))
    if deletes:
        bench.run(driver.delete_file("a"))
    bench.wait(BOUND + 1)
    bench.by_others("a", b"other")
    hiding.until = bench.runtime.monotonic() + BOUND - 1.0
    assert bench.run(driver.get_content("a", must_exist=True)).data == b"other"


def test_a_deleted_object_is_gone_at_once_or_soon() -> None:
    bench = Bench()
    bench.put("a")
    bench.wait(10)
    bench.run(bench.driver.delete_file("a"))
    for read in (bench.get, bench.stat):
        with pytest.raises(PathNotFoundError):
            read("a")


def test_every_way_to_write_is_read_back() -> None:
    bench = Bench()
    bench.run(write_object(bench.driver, "written", b"w" * 9000))
    bench.put("put", b"p")
    bench.run(bench.driver.copy("put", "copied"))
    bench.run(bench.driver.move("put", "moved"))
    assert [bench.get(each) for each in ("written", "copied", "moved")] == [b"w" * 9000, b"p", b"p"]
    with pytest.raises(PathNotFoundError):
        bench.get("put")
    assert bench.paths() == ["copied", "moved", "written"]


def test_a_plain_miss_costs_one_read() -> None:
    bench = Bench()
    bench.put("other")
    for read in (bench.get, bench.stat):
        bench.asked.calls.clear()
        with pytest.raises(PathNotFoundError):
            read("missing")
        assert len(bench.asked.calls) == 1
    assert bench.runtime.clock.seconds == 0


def test_nothing_is_asked_before_a_write() -> None:
    bench = Bench()
    bench.put("a")
    bench.run(bench.driver.put_content("b", b"", IF_ABSENT))
    assert bench.asked.names == ["put_content a", "put_content b"]


def test_an_absence_is_never_remembered() -> None:
    bench = strong()
    for _ in range(2):
        with pytest.raises(PathNotFoundError):
            bench.get("a")
    bench.by_others("a", b"there")
    assert bench.get("a") == b"there"


def test_what_must_exist_is_waited_for_though_others_wrote_it() -> None:
    bench = Bench()
    bench.by_others("a", b"theirs")
    assert bench.get("a", must_exist=True) == b"theirs"
    assert bench.runtime.clock.seconds >= 1.0


def test_what_must_exist_and_does_not_is_missing_after_the_bound_and_not_sooner() -> None:
    bench = Bench()
    with pytest.raises(PathNotFoundError):
        bench.get("a", must_exist=True)
    assert bench.runtime.clock.seconds == pytest.approx(BOUND)


def test_without_a_known_bound_nothing_of_others_is_waited_for() -> None:
    bench = Bench(bound=None)
    bench.driver = bench.settled(None, Consistency("read-after-write"))
    with pytest.raises(PathNotFoundError):
        bench.get("a", must_exist=True)


def test_a_deadline_that_comes_first_leaves_it_open() -> None:
    bench = Bench()
    bench.left = 0.5
    with pytest.raises(NotYetVisibleError, match="something proves that it exists"):
        bench.get("a", must_exist=True)
    assert bench.runtime.clock.seconds == pytest.approx(0.5)
    bench.run(write_object(bench.driver, "large", b"x" * 9000))
    with pytest.raises(NotYetVisibleError, match="this process has written it"):
        bench.get("large")
    assert bench.driver.counters.not_yet == 2


def test_the_journal_answers_for_small_content_when_time_is_up() -> None:
    bench = Bench()
    version = bench.put("a", b"link")
    bench.left = 0.1
    content = bench.run(bench.driver.get_content("a"))
    assert (content.data, content.version) == (b"link", version)
    assert bench.stat("a").size == 4
    assert bench.driver.counters.from_journal == 2


def test_what_others_deleted_is_missing_after_the_bound() -> None:
    bench = Bench()
    bench.put("a")
    bench.by_others("a", None)
    with pytest.raises(PathNotFoundError):
        bench.get("a")
    assert bench.runtime.clock.seconds == pytest.approx(BOUND)
    assert not bench.seen


def test_what_others_wrote_later_is_accepted_at_once_where_times_tell() -> None:
    bench = Bench(bound=60.0)
    bench.put("a")
    bench.wait(6.0)
    assert bench.get("a") == b"new"
    bench.by_others("a", b"theirs")
    bench.wait(1.0)
    before = bench.runtime.clock.seconds
    assert bench.get("a") == b"theirs"
    assert bench.runtime.clock.seconds == before


@pytest.mark.parametrize("behind", [1.0, 60.0])
def test_a_clock_that_is_behind_neither_hides_what_others_wrote_nor_accuses_the_store(
    behind: float,
) -> None:
    bench = Bench(Lag(), bound=0.0)
    bench.put("a")
    assert bench.get("a") == b"new"
    bench.runtime.clock.ahead = -behind
    bench.by_others("a", b"theirs")
    bench.runtime.clock.ahead = 0.0
    begun = bench.runtime.clock.seconds
    assert bench.get("a") == b"theirs"
    assert (bench.runtime.clock.seconds > begun) == (behind > CLOCK_ERROR.total_seconds())
    assert not bench.seen


def test_an_answer_dated_a_little_later_may_still_be_older() -> None:
    bench = Bench(Lag(get=2.0, flapping=3))
    bench.runtime.clock.ahead = 2.0
    bench.by_others("a", b"theirs")
    bench.runtime.clock.ahead = 0.0
    bench.wait(1.0)
    bench.put("a")
    assert {bench.get("a") for _ in range(12)} == {b"new"}


def test_no_older_version_comes_back_after_a_newer_one() -> None:
    bench = Bench(Lag(get=2.0, flapping=3))
    bench.put("a", b"0")
    for number in range(1, 30):
        bench.put("a", b"%d" % number)
        assert [bench.get("a") for _ in range(3)] == [b"%d" % number] * 3


def test_listings_have_own_writes_and_lack_own_deletions() -> None:
    bench = Bench()
    for path in ("d/old", "d/gone", "d/e/x"):
        bench.put(path)
    bench.wait(10)
    bench.put("d/new")
    bench.put("d/f/y")
    bench.run(bench.driver.delete_file("d/gone"))
    bench.run(bench.driver.delete("d/e"))
    assert bench.names("d") == ["f", "new", "old"]
    assert bench.names("d", "f") == ["new", "old"]
    assert bench.names("d", None, 2) == ["f", "new"]
    assert bench.paths("d") == ["d/f/y", "d/new", "d/old"]
    assert bench.stat("d/f").is_dir
    assert bench.runtime.clock.seconds == 10
    for ask in (bench.names, bench.paths, bench.stat):
        with pytest.raises(PathNotFoundError):
            ask("d/e")


def test_a_page_is_full_although_the_store_still_lists_what_was_deleted() -> None:
    bench = Bench()
    for name in ("a/1", "a/2", "b", "c", "d"):
        bench.put(name)
    bench.wait(10)
    for name in ("a/1", "a/2", "b"):
        bench.run(bench.driver.delete_file(name))
    assert bench.names(limit=2) == ["c", "d"]


def test_a_tree_is_deleted_with_what_a_listing_does_not_show() -> None:
    bench = Bench()
    bench.put("d/a")
    bench.wait(10)
    bench.put("d/b")
    bench.run(bench.driver.delete("d"))
    bench.wait(10)
    assert bench.run(collect(bench.bare.walk(""))) == []
    with pytest.raises(PathNotFoundError):
        bench.run(bench.driver.delete("d"))


def test_a_strong_store_is_asked_nothing_more() -> None:
    bench = strong()
    bench.put("d/a", b"old")
    bench.put("d/a")
    assert (bench.get("d/a"), bench.stat("d/a").size, bench.names("d")) == (b"new", 3, ["a"])
    assert bench.paths() == ["d/a"]
    bench.run(bench.driver.delete_file("d/a"))
    with pytest.raises(PathNotFoundError):
        bench.get("d/a")
    assert len(bench.asked.calls) == 2 + 4 + 2
    assert bench.runtime.clock.seconds == 0
    assert bench.driver.capabilities == bench.bare.capabilities


def test_what_others_do_on_a_strong_store_is_seen_at_once() -> None:
    bench = strong()
    bench.put("a")
    bench.by_others("a", b"theirs")
    assert bench.get("a") == b"theirs"
    bench.run(bench.driver.delete_file("a"))
    bench.by_others("a", b"again")
    assert bench.get("a") == b"again"
    assert bench.runtime.clock.seconds == 0


def test_what_others_delete_on_a_strong_store_is_asked_for_once_more() -> None:
    bench = strong()
    bench.put("a")
    bench.wait(1)
    bench.by_others("a", None)
    before = len(bench.asked.calls)
    with pytest.raises(PathNotFoundError):
        bench.get("a")
    assert len(bench.asked.calls) == before + 2
    assert bench.runtime.clock.seconds == pytest.approx(1)


def test_on_a_strong_store_the_journal_does_not_answer_for_what_others_may_have_deleted() -> None:
    bench = strong()
    bench.put("a")
    bench.by_others("a", None)
    bench.left = 0.1
    with pytest.raises(NotYetVisibleError, match="try again"):
        bench.get("a")


class Repeating(InterceptedDriver):
    """Has somebody delete a path, and write it once more between two looks; versions come again."""

    capabilities = replace(MemoryDriver.capabilities, unique_versions=False)  # property there
    looks = 0

    @override
    async def through(self, call: Call, effect: Callable[[], Awaitable[T]]) -> T:
        if call.method in {"get_content", "list"}:
            self.looks += 1
            if self.looks == 1:
                raise PathNotFoundError(call.path, self.name)
        return await effect()


def test_what_others_may_have_written_again_breaks_no_word() -> None:
    bench = strong()
    driver = Settled(Repeating(bench.bare), hook=bench.seen.append)
    bench.run(driver.put_content("d/a", b"new"))
    assert bench.run(driver.get_content("d/a")).data == b"new"
    driver = Settled(Repeating(bench.bare), hook=bench.seen.append)
    bench.run(driver.put_content("d/a", b"new"))
    assert bench.run(collect(driver.list("d"))) == ["a"]
    assert not bench.seen
    assert driver.capabilities.read_after_write


class Meeting(InterceptedDriver):
    """Has something happen at the second look at a path, and gives what is found then."""

    act: Callable[[], object] = staticmethod(lambda: None)
    after: Callable[[], object] = staticmethod(lambda: None)
    looks = 0

    @override
    async def through(self, call: Call, effect: Callable[[], Awaitable[T]]) -> T:
        if call.method not in {"get_content", "stat"}:
            return await effect()
        self.looks += 1
        if self.looks != 2:
            return await effect()
        self.act()
        try:
            return await effect()
        finally:
            self.after()


def test_an_answer_that_was_under_way_breaks_no_word() -> None:
    bench = strong()
    meeting = Meeting(bench.bare)
    bench.driver = Settled(meeting, hook=bench.seen.append)
    bench.put("a", b"first")
    bench.by_others("a", None)
    meeting.act = lambda: bench.put("a", b"second")

    def later() -> None:
        bench.wait(0.01)
        bench.put("a", b"third")

    meeting.after = later
    bench.get("a")
    assert not bench.seen


def test_what_is_as_large_as_what_was_moved_breaks_no_word() -> None:
    bench = strong()
    meeting = Meeting(bench.bare)
    bench.driver = Settled(meeting, hook=bench.seen.append)
    bench.put("b", b"new")
    bench.run(bench.driver.move("b", "a"))
    bench.by_others("a", None)
    meeting.act = lambda: bench.by_others("a", b"its")
    assert bench.stat("a").size == 3
    assert not bench.seen


def test_a_listing_does_not_take_the_journal_for_the_store() -> None:
    bench = Bench(Lag(get=0.2), None)
    bench.driver = Settled(
        LaggingDriver(bench.bare, bench.lag, claims_strong=True), hook=bench.seen.append
    )
    bench.put("x")
    assert bench.get("x") == b"new"
    bench.put("d/a")
    bench.put("d/b")
    bench.run(bench.bare.delete_file("d/a"))
    assert bench.names("d") == ["b"]
    assert [each.promise for each in bench.seen] == ["read_after_write"]


@pytest.mark.parametrize(
    ("lag", "promise"),
    [
        (Lag(get=0.2), "read_after_write"),
        (Lag(get=0.2), "read_after_overwrite"),
        (Lag(list=0.2), "list_after_write"),
    ],
)
def test_a_store_that_breaks_its_word_is_reported_and_believed_less(lag: Lag, promise: str) -> None:
    bench = strong()
    seen: list[Violation] = []
    driver = Settled(LaggingDriver(bench.bare, lag, claims_strong=True), hook=seen.append)
    bench.driver = driver
    if promise == "read_after_overwrite":
        bench.put("d/a", b"old")
        bench.wait(0.3)
        assert bench.get("d/a") == b"old"
    bench.put("d/a")
    assert bench.names("d") == ["a"]
    assert bench.get("d/a") == b"new"
    assert [(each.path, each.promise) for each in seen] == [("d/a", promise)]
    assert driver.counters.violations == 1
    assert not getattr(driver.capabilities, promise)
    assert driver.capabilities.staleness_bound is None


def test_a_store_that_lags_beyond_its_bound_is_reported() -> None:
    bench = Bench()
    overrated = LaggingDriver(bench.bare, Lag(get=5.0), claims_strong=True)
    bench.driver = Settled(overrated, 1.0, hook=bench.seen.append)
    bench.put("a", b"old")
    bench.wait(10)
    assert bench.get("a") == b"old"
    bench.put("a")
    bench.wait(2)
    assert bench.get("a") == b"new"
    assert [each.promise for each in bench.seen] == ["staleness_bound"]
    assert bench.driver.capabilities.staleness_bound is None


@pytest.mark.parametrize(
    ("bound", "promise"), [(0.0, "read_after_write"), (0.2, "staleness_bound")]
)
def test_what_shows_long_after_it_was_given_up_tells_of_the_store(
    bound: float, promise: str
) -> None:
    bench = Bench()
    bench.driver = Settled(
        LaggingDriver(bench.bare, Lag(get=30.0), claims_strong=True), bound, hook=bench.seen.append
    )
    bench.put("a")
    for _ in range(3):
        with pytest.raises(PathNotFoundError):
            bench.get("a")
        bench.wait(5)
    assert not bench.seen
    bench.wait(20)
    assert bench.get("a") == b"new"
    assert [each.promise for each in bench.seen] == [promise]
    assert bench.seen[0].seconds > 10
    assert bench.get("a") == b"new"
    assert len(bench.seen) == 1


def test_what_others_deleted_and_a_store_shows_again_within_its_bound_accuses_nobody() -> None:
    bench = Bench(Lag(get=3.0, flapping=1))
    bench.put("a")
    bench.wait(10)
    assert bench.get("a") == b"new"
    bench.by_others("a", None)
    answers = []
    for _ in range(40):
        bench.wait(0.1)
        try:
            answers.append(bench.get("a"))
        except PathNotFoundError:
            answers.append(b"")
    shown_again = answers[answers.index(b"") :]
    assert b"new" in shown_again
    assert not bench.seen


def test_what_must_exist_is_waited_for_on_a_store_that_has_broken_its_bound() -> None:
    bench = Bench(Lag(get=5.0, stat=5.0))
    bench.driver = Settled(LaggingDriver(bench.bare, bench.lag, claims_strong=True), 1.0)
    bench.put("a", b"old")
    bench.wait(10)
    bench.put("a")
    bench.wait(2)
    assert bench.get("a") == b"new"
    begun = bench.runtime.clock.seconds
    bench.by_others("b", b"theirs")
    assert bench.get("b", must_exist=True) == b"theirs"
    with pytest.raises(PathNotFoundError):
        bench.get("c", must_exist=True)
    assert bench.runtime.clock.seconds - begun >= 5.0 + 2 * 2.0


def test_what_was_moved_from_who_knows_where_is_not_taken_for_what_was_there() -> None:
    bench = Bench(Lag(get=1.0, stat=1.0))
    bench.by_others("a", b"old")
    bench.by_others("b", b"new")
    bench.wait(10)
    bench.run(bench.driver.move("b", "a"))
    assert bench.get("a") == b"new"


def test_the_journal_is_bounded_and_counts_what_it_forgets() -> None:
    bench = Bench()
    bench.journal = Journal(limit=3)
    bench.driver = bench.settled()
    for number in range(5):
        bench.put(f"{number}")
    assert len(bench.journal) == 3
    assert bench.driver.counters.evicted == 2
    with pytest.raises(PathNotFoundError):
        bench.get("0")
    assert bench.get("4") == b"new"


def test_the_journal_forgets_in_time() -> None:
    bench = Bench()
    for number in range(5):
        bench.put(f"{number}")
    bench.wait(2 * BOUND + 11)
    bench.put("last")
    assert len(bench.journal) == 1
    assert bench.driver.counters.evicted == 0


def _get(bench: Bench) -> None:
    bench.get("others")


def _get_what_must_exist(bench: Bench) -> None:
    bench.get("others", must_exist=True)


def _stat(bench: Bench) -> None:
    bench.stat("others")


def _read(bench: Bench) -> None:
    bench.run(bench.run(bench.driver.reader("others")).aclose())


@pytest.mark.parametrize(
    "read", [_get, _get_what_must_exist, _read, Bench.paths, Bench.names, _stat]
)
def test_the_journal_forgets_in_time_though_all_that_follows_are_reads(
    read: Callable[[Bench], object],
) -> None:
    bench = Bench()
    bench.by_others("others", b"old")
    for number in range(250):
        bench.put(f"{number}")
    bench.wait(2 * BOUND + 9)
    read(bench)
    assert len(bench.journal) == 250
    bench.wait(2)
    for left in (150, 50, 0):
        read(bench)
        assert len(bench.journal) == left
    assert bench.driver.counters.evicted == 0


def test_a_write_with_an_unknown_outcome_is_read_as_either_after_the_bound() -> None:
    for after in (0.0, 1.0):
        bench = Bench()
        faulty = FaultyDriver(bench.others, rate=0, methods={"put_content": 1}, after=after)
        bench.put("a", b"old")
        bench.wait(2)
        driver = Settled(faulty, BOUND, journal=bench.journal)
        with pytest.raises(TransientError) as caught:
            bench.run(driver.put_content("a", b"new"))
        assert caught.value.outcome_unknown == bool(after)
        bench.wait(BOUND)
        assert bench.run(driver.get_content("a")).data == (b"new" if after else b"old")


def test_own_writes_at_the_same_time_may_win_in_any_order() -> None:
    bench = strong()
    journal = bench.journal
    first, second = bench.driver, Settled(bench.asked, journal=journal)
    begun = journal.begin()
    bench.run(second.put_content("a", b"second"))
    version = bench.run(bench.bare.put_content("a", b"first"))
    # As if the first had begun before the second, and its answer came after.
    first._writes.put("a", begun, version, 5, b"first")  # noqa: SLF001 - no other way to overlap
    bench.by_others("b", b"")
    assert bench.get("a") == b"first"
    assert not bench.seen


@pytest.mark.parametrize("put_is_recorded_first", [True, False])
def test_an_own_write_outlasts_the_deletion_of_an_older_version_at_the_same_time(
    put_is_recorded_first: bool,
) -> None:
    bench = Bench()
    old = bench.put("a", b"old")
    bench.wait(2)
    writes, begun = bench.driver._writes, bench.journal.begin()  # noqa: SLF001 - to overlap
    new = bench.run(bench.others.put_content("a", b"new"))
    records: list[Callable[[], None]] = [
        partial(writes.put, "a", begun, new, 3, b"new"),
        partial(writes.deleted, "a", begun, old),
    ]
    for record in records if put_is_recorded_first else reversed(records):
        record()
    assert bench.get("a") == b"new"


def test_a_parked_writer_is_found_again() -> None:
    bench = Bench()

    class Late(RecordingDriver):
        late = 3

        async def writer(self, path: str, **options: object) -> object:  # type: ignore[override]
            if options["append"] and self.late:
                self.late -= 1
                raise PathNotFoundError(path)
            return await super().writer(path, **options)  # type: ignore[arg-type]

    driver: StorageDriver = Settled(Late(bench.bare), BOUND)
    writer = bench.run(driver.writer("a"))
    bench.run(writer.write(b"half"))
    bench.run(writer.park())
    again = bench.run(driver.writer("a", append=True))
    assert again.size == 4
    bench.run(again.commit())
    with pytest.raises((PathNotFoundError, PathExistsError)):
        bench.run(driver.writer("a", append=True))


class Staged(InterceptedDriver):
    """Does something before or after certain reads, which are numbered from 1."""

    def __init__(self, inner: StorageDriver) -> None:
        super().__init__(inner)
        self.reads = 0
        self.before: dict[int, Callable[[], Awaitable[object]]] = {}
        self.after: dict[int, Callable[[], Awaitable[object]]] = {}

    @override
    async def through(self, call: Call, effect: Callable[[], Awaitable[T]]) -> T:
        if call.method != "get_content":
            return await effect()
        self.reads += 1
        number = self.reads
        if number in self.before:
            await self.before[number]()
        result = await effect()
        if number in self.after:
            await self.after[number]()
        return result


def test_an_answer_that_comes_late_after_others_were_told_of_a_deletion_accuses_nobody() -> None:
    async def story() -> list[Violation]:
        store = MemoryDriver(MemoryStore(), LoopRuntime())
        staged, seen = Staged(store), list[Violation]()
        driver = Settled(staged, hook=seen.append)
        is_gone, is_asked, is_told = asyncio.Event(), asyncio.Event(), asyncio.Event()

        async def answer_late() -> None:
            is_asked.set()
            await is_told.wait()

        staged.before[1], staged.after[2] = is_gone.wait, answer_late
        await driver.put_content("a", b"own")
        first, second = (asyncio.ensure_future(driver.get_content("a")) for _ in range(2))
        await is_asked.wait()
        await store.delete_file("a")
        with pytest.raises(PathNotFoundError):
            await driver.get_content("a")
        is_gone.set()
        with pytest.raises(PathNotFoundError):
            await first
        is_told.set()
        assert (await second).data == b"own"
        return seen

    assert not asyncio.run(story())


def test_what_others_have_written_anew_while_one_waits_accuses_nobody() -> None:
    bench = Bench(Lag(), bound=0.0)
    staged = Staged(bench.bare)
    bench.driver = Settled(staged, hook=bench.seen.append)
    bench.put("a")
    bench.run(bench.bare.delete_file("a"))

    async def meet() -> None:
        await bench.bare.put_content("a", b"theirs")
        assert (await bench.driver.get_content("a")).data == b"theirs"
        raise PathNotFoundError("a", "staged")

    staged.before[1] = meet
    assert bench.get("a") == b"theirs"
    assert not bench.seen


def test_a_front_end_that_does_not_show_others_writing_yet_accuses_nobody() -> None:
    bench = Bench(Lag(get=15.0), bound=15.0)
    bench.driver = Settled(bench.bare, 15.0, hook=bench.seen.append, journal=bench.journal)
    bench.put("a")
    assert bench.get("a") == b"new"
    bench.wait(9)
    bench.run(bench.bare.delete_file("a"))
    bench.wait(1)
    bench.run(bench.bare.put_content("a", b"theirs"))
    bench.wait(2)
    assert bench.get("a") == b"theirs"
    bench.wait(4)
    staged = Staged(bench.bare)

    async def behind() -> None:
        raise PathNotFoundError("a", "staged")

    staged.before = dict.fromkeys(range(1, 100), behind)
    again = Settled(staged, 15.0, hook=bench.seen.append, journal=bench.journal)
    with pytest.raises(PathNotFoundError):
        bench.run(again.get_content("a"))
    bench.wait(24)
    assert bench.get("a") == b"theirs"
    assert not bench.seen


def test_a_hook_that_raises_leaves_no_reader_open() -> None:
    is_open: list[bool] = []

    class Tracked(WrapperReader):
        @override
        async def aclose(self) -> None:
            is_open.clear()
            await super().aclose()

    class Opened(WrapperDriver):
        misses = 1

        @override
        async def reader(
            self, path: str, offset: int = 0, length: int | None = None, *, must_exist: bool = False
        ) -> FileReader:
            if self.misses:
                self.misses -= 1
                raise PathNotFoundError(path, "opened")
            is_open.append(True)
            return Tracked(await self._inner.reader(path, offset, length))

    def refuse(violation: Violation) -> None:
        raise RuntimeError(violation)

    bench = Bench(Lag(), bound=0.0)
    bench.driver = Settled(Opened(bench.bare), hook=refuse)
    bench.put("a")
    with pytest.raises(RuntimeError, match="read_after_write"):
        bench.run(bench.driver.reader("a"))
    assert not is_open


class Behind(InterceptedDriver):
    """Answers so many reads with what was there before."""

    def __init__(self, inner: StorageDriver) -> None:
        super().__init__(inner)
        self.shown: list[object] = []

    @override
    async def through(self, call: Call, effect: Callable[[], Awaitable[T]]) -> T:
        result = await effect()
        return (
            cast("T", self.shown.pop()) if call.method == "get_content" and self.shown else result
        )


def test_what_others_have_written_is_waited_for_where_an_older_own_version_shows_again() -> None:
    bench = Bench()
    behind = Behind(bench.bare)
    bench.driver = Settled(behind, 10.0, hook=bench.seen.append)
    bench.put("a", b"own")
    own = bench.run(bench.bare.get_content("a"))
    assert bench.get("a") == b"own"
    bench.wait(12)
    bench.run(bench.bare.put_content("a", b"theirs"))
    assert bench.get("a") == b"theirs"
    behind.shown = [own] * 5
    assert bench.get("a") == b"theirs"
    assert not behind.shown
    assert not bench.seen
