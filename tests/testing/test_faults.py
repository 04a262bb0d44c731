"""The drivers for users' own tests do what they say, and the same again with the same seed."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from regstore.consistency import Call as EndedCall
from regstore.consistency import Checked, Observed, Retrying
from regstore.driver import CHUNK_SIZE, StorageDriver
from regstore.drivers.memory import MemoryDriver, MemoryStore
from regstore.errors import (
    DriverError,
    IncompleteReadError,
    NoSpaceError,
    PathNotFoundError,
    TransientError,
)
from regstore.testing import run_conformance
from regstore.testing.faults import (
    Call,
    FaultyDriver,
    Lag,
    LaggingDriver,
    LatencyDriver,
    RecordingDriver,
)
from regstore.testing.faults.intercepted import CALLS
from regstore.testing.material import collect, read_range, write_object
from tests.consistency.test_observe import a_bit_of_everything
from tests.places import VirtualRuntime


async def holds(driver: StorageDriver, path: str) -> bool:
    try:
        await driver.get_content(path)
    except PathNotFoundError:
        return False
    return True


class Store:
    """A memory driver on virtual time."""

    def __init__(self) -> None:
        self.runtime = VirtualRuntime()
        self.run = self.runtime.run
        self.driver = MemoryDriver(MemoryStore(), self.runtime)

    def wait(self, seconds: float) -> None:
        self.run(self.runtime.sleep(seconds))

    def sees(self, driver: StorageDriver, path: str) -> dict[str, object]:
        """Return what each kind of read shows."""

        def ask(coro: Any) -> object:  # noqa: ANN401
            try:
                return self.run(coro)
            except PathNotFoundError:
                return None

        content, info = ask(driver.get_content(path)), ask(driver.stat(path))
        names, infos = ask(collect(driver.list("d"))), ask(collect(driver.walk("d")))
        streamed = ask(read_range(driver, path))
        got = getattr(content, "data", None)
        assert streamed == got
        assert (names is None) == (infos is None)
        return {"get": got, "stat": getattr(info, "size", None), "list": names}


def test_each_kind_of_read_lags_by_its_own_time() -> None:
    store = Store()
    driver = LaggingDriver(store.driver, Lag(get=1, stat=2, list=3))
    store.run(driver.put_content("d/a", b"new"))
    assert store.sees(driver, "d/a") == {"get": None, "stat": None, "list": None}
    store.wait(1)
    assert store.sees(driver, "d/a") == {"get": b"new", "stat": None, "list": None}
    store.wait(1)
    assert store.sees(driver, "d/a") == {"get": b"new", "stat": 3, "list": None}
    store.wait(1)
    assert store.sees(driver, "d/a") == {"get": b"new", "stat": 3, "list": ["a"]}


@pytest.mark.parametrize("how", ["put", "writer", "copy", "move"])
def test_old_content_shows_after_every_kind_of_change(how: str) -> None:
    store = Store()
    driver = LaggingDriver(store.driver, Lag(get=1, stat=1, list=1))
    old = {"get": b"old", "stat": 3, "list": ["a", "b"]}
    for name, data in (("d/a", b"old"), ("d/b", b"other")):
        store.run(driver.put_content(name, data))
    store.wait(1)
    if how == "put":
        store.run(driver.put_content("d/a", b"other"))
    elif how == "writer":
        store.run(write_object(driver, "d/a", b"other"))
    elif how == "copy":
        store.run(driver.copy("d/b", "d/a"))
    else:
        store.run(driver.move("d/b", "d/a"))
    assert store.sees(driver, "d/a") == old
    store.wait(1)
    names = ["a"] if how == "move" else ["a", "b"]
    assert store.sees(driver, "d/a") == {"get": b"other", "stat": 5, "list": names}


@pytest.mark.parametrize("tree", [True, False])
def test_deleted_content_shows_for_a_while(tree: bool) -> None:
    store = Store()
    driver = LaggingDriver(store.driver, Lag(get=1, stat=1, list=1))
    store.run(driver.put_content("d/a", b"old"))
    store.wait(1)
    store.run(driver.delete("d") if tree else driver.delete_file("d/a"))
    assert store.sees(driver, "d/a") == {"get": b"old", "stat": 3, "list": ["a"]}
    store.wait(1)
    assert store.sees(driver, "d/a") == {"get": None, "stat": None, "list": None}


def test_a_miss_may_be_remembered() -> None:
    store = Store()
    driver = LaggingDriver(store.driver, Lag(negative=2))
    assert store.sees(driver, "d/a")["get"] is None
    store.run(driver.put_content("d/a", b"new"))
    assert store.sees(driver, "d/a") == {"get": None, "stat": None, "list": ["a"]}
    store.wait(2)
    assert store.sees(driver, "d/a") == {"get": b"new", "stat": 3, "list": ["a"]}


def test_front_ends_may_disagree_and_do_so_alike_each_time() -> None:
    def shown() -> list[bool]:
        store = Store()
        driver = LaggingDriver(store.driver, Lag(get=1, flapping=5))
        store.run(driver.put_content("d/a", b"new"))
        store.wait(0.5)
        return [store.run(holds(driver, "d/a")) for _ in range(20)]

    assert set(shown()) == {True, False}
    assert shown() == shown()


def test_a_lagging_store_claims_no_more_than_it_keeps() -> None:
    lagging = LaggingDriver(MemoryDriver(), Lag(get=1, stat=2, negative=3)).capabilities
    assert not lagging.read_after_write
    assert not lagging.read_after_overwrite
    assert lagging.list_after_write
    assert lagging.staleness_bound == 5
    prompt = LaggingDriver(MemoryDriver(), Lag())
    assert prompt.capabilities == MemoryDriver.capabilities


def test_a_lagging_store_that_claims_to_be_strong_lags_all_the_same() -> None:
    store = Store()
    driver = LaggingDriver(store.driver, Lag(get=1), claims_strong=True)
    assert driver.capabilities == store.driver.capabilities
    store.run(driver.put_content("a", b"new"))
    with pytest.raises(PathNotFoundError):
        store.run(driver.get_content("a"))


def test_the_conformance_suite_sees_the_hazards_where_nothing_hides_them() -> None:
    store, lag = Store(), Lag(get=0.2, stat=0.3, list=1, negative=0.5)
    clauses = ["R3", "L1"]
    results = run_conformance(lambda: Checked(LaggingDriver(store.driver, lag)), only=clauses)
    assert {each.clause: each.outcome for each in results} == dict.fromkeys(clauses, "broken")


def faults(seed: int, **options: Any) -> tuple[list[tuple[Call, bool]], int]:  # noqa: ANN401
    store = Store()
    driver = FaultyDriver(store.driver, seed=seed, **options)
    told: list[bool] = []
    for number in range(400):
        path = f"{number % 7}"
        try:
            store.run(driver.put_content(path, b"x"))
            store.run(driver.get_content(path))
        except TransientError as error:
            told.append(error.outcome_unknown)
    assert told == [after for _, after in driver.faults]
    return driver.faults, len(store.run(collect(store.driver.list(""))))


def test_faults_come_at_their_rate_before_and_after_the_effect() -> None:
    seen, _ = faults(1, rate=0.3)
    assert 150 < len(seen) < 290
    kinds = Counter((call.method, after) for call, after in seen)
    assert set(kinds) == {("put_content", False), ("put_content", True), ("get_content", False)}


def test_the_same_seed_gives_the_same_faults() -> None:
    assert faults(1) == faults(1)
    assert faults(1) != faults(2)


def test_errors_before_the_effect_have_none_and_errors_after_it_have() -> None:
    assert faults(1, rate=0, methods={"put_content": 1}, after=0)[1] == 0
    assert faults(1, rate=0, methods={"put_content": 1}, after=1)[1] == 7


def test_faults_are_chosen_by_method_down_to_the_steps_of_a_writer() -> None:
    store = Store()

    def full(call: Call, _after: bool) -> DriverError:
        return NoSpaceError(call.path)

    driver = FaultyDriver(store.driver, rate=0, methods={"writer.commit": 1}, after=1, fault=full)
    writer = store.run(driver.writer("a"))
    store.run(writer.write(b"x"))
    with pytest.raises(NoSpaceError):
        store.run(writer.commit())
    store.run(writer.cancel())
    assert [call.method for call, _ in driver.faults] == ["writer.commit"]
    assert store.run(store.driver.get_content("a")).data == b"x"


def listed(store: Store, driver: StorageDriver, kind: str) -> tuple[list[str], bool]:
    """Return what a listing gives, and whether it fails then."""
    seen: list[str] = []

    async def read() -> None:
        items: Any = driver.list("d") if kind == "list" else driver.walk("d")
        async for item in items:
            seen.append(str(getattr(item, "path", item)))  # noqa: PERF401 - until it fails

    try:
        store.run(read())
    except TransientError:
        return seen, True
    return seen, False


@pytest.mark.parametrize("kind", ["list", "walk"])
def test_a_listing_fails_at_once_or_between_its_items(kind: str) -> None:
    store = Store()
    for number in range(20):
        store.run(store.driver.put_content(f"d/{number:02}", b"x"))
    whole, _ = listed(store, store.driver, kind)
    at_once = FaultyDriver(store.driver, rate=0, methods={kind: 1}, after=0)
    assert listed(store, at_once, kind) == ([], True)
    midway = FaultyDriver(store.driver, rate=0, methods={kind: 1}, after=1)
    lengths = set()
    for _ in range(50):
        seen, has_failed = listed(store, midway, kind)
        assert has_failed
        assert seen == whole[: len(seen)]
        lengths.add(len(seen))
    assert lengths == set(range(1, 11))
    assert [(call.method, after) for call, after in midway.faults] == [(kind, True)] * 50
    now_and_then = Retrying(FaultyDriver(store.driver, methods={kind: 0.3}, after=1))
    assert all(listed(store, now_and_then, kind) == (whole, False) for _ in range(20))


def test_a_short_listing_fails_at_its_end() -> None:
    store = Store()
    store.run(store.driver.put_content("d/a", b"x"))
    driver = FaultyDriver(store.driver, methods={"list": 1}, after=1)
    assert all(listed(store, driver, "list") == (["a"], True) for _ in range(20))


def test_a_body_breaks_off_between_its_chunks_and_for_good() -> None:
    store = Store()
    body = bytes(5 * CHUNK_SIZE)
    store.run(store.driver.put_content("a", body))
    driver = FaultyDriver(store.driver, rate=0, methods={"reader.read": 0.3})

    async def read() -> int:
        async with await driver.reader("a") as reader:
            size = 0
            try:
                async for chunk in reader:
                    size += len(chunk)
            except IncompleteReadError:
                with pytest.raises(IncompleteReadError):
                    await reader.read()
                return size
        return -1

    sizes = {store.run(read()) for _ in range(50)}
    assert sizes == {-1, *(number * CHUNK_SIZE for number in range(6))}
    assert len(store.run(read_range(Retrying(driver), "a"))) == len(body)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (
            lambda inner: FaultyDriver(inner, methods={"put_contents": 1}),
            "'put_contents'.*put_content,",
        ),
        (
            lambda inner: FaultyDriver(inner, methods={"put_content": 2}),
            "put_content=2.*from 0 to 1",
        ),
        (lambda inner: FaultyDriver(inner, rate=5), "rate=5.*from 0 to 1"),
        (lambda inner: FaultyDriver(inner, rate=math.nan), "rate=nan.*from 0 to 1"),
        (lambda inner: FaultyDriver(inner, after=-0.1), "after=-0.1.*from 0 to 1"),
        (lambda inner: LatencyDriver(inner, -1), "seconds=-1.*0 or more"),
        (lambda inner: LatencyDriver(inner, jitter=-1), "jitter=-1.*0 or more"),
        (lambda inner: LatencyDriver(inner, methods={"park": 1}), "'park'.*writer.park"),
        (lambda inner: LatencyDriver(inner, methods={"stat": math.inf}), "stat=inf.*finite"),
        (lambda _: Lag(get=-1), "get=-1.*0 or more"),
        (lambda _: Lag(stat=-1), "stat=-1.*0 or more"),
        (lambda _: Lag(list=-1), "list=-1.*0 or more"),
        (lambda _: Lag(negative=math.nan), "negative=nan.*0 or more"),
    ],
)
def test_what_would_never_fail_or_lag_is_refused(
    make: Callable[[StorageDriver], object], told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        make(MemoryDriver())


def test_a_lag_is_no_number() -> None:
    seconds: Any = 0.5
    with pytest.raises(TypeError, match=r"0\.5 is no Lag.*Lag\(get=0\.5"):
        LaggingDriver(MemoryDriver(), seconds)


def test_all_calls_are_known_and_have_one_name_wherever_they_are_told_of() -> None:
    store, ended = Store(), list[EndedCall]()
    recording = RecordingDriver(store.driver)
    store.run(a_bit_of_everything(Observed(recording, ended.append)))
    methods = [call.method for call in recording.calls]
    assert methods == [call.method for call in ended]
    assert set(methods) == CALLS


def test_latency_is_slept_on_the_runtime_of_the_driver() -> None:
    store = Store()
    driver = LatencyDriver(store.driver, 0.5, methods={"stat": 2.0, "list": 0})
    store.run(driver.put_content("a", b"x"))
    assert store.runtime.clock.seconds == 0.5
    store.run(driver.stat("a"))
    store.run(collect(driver.list("")))
    assert store.runtime.clock.seconds == 2.5
    unsteady = LatencyDriver(store.driver, 1.0, jitter=0.5, seed=1)
    store.run(unsteady.stat("a"))
    assert 3.5 < store.runtime.clock.seconds < 4.0


def test_every_call_is_recorded_in_order() -> None:
    store = Store()
    driver = RecordingDriver(store.driver)
    store.run(write_object(driver, "d/a", b"x"))
    store.run(read_range(driver, "d/a"))
    store.run(driver.copy("d/a", "d/b"))
    store.run(driver.move("d/b", "d/c"))
    store.run(collect(driver.list("d")))
    store.run(collect(driver.walk("d")))
    store.run(driver.stat("d/a"))
    store.run(driver.get_content("d/a"))
    store.run(driver.redirect_url("d/a"))
    store.run(driver.local_file("d/a"))
    store.run(driver.delete_file("d/a"))
    store.run(driver.delete("d"))
    assert driver.names == [
        "writer d/a",
        "writer.write d/a",
        "writer.commit d/a",
        "reader d/a",
        "reader.read d/a",
        "reader.read d/a",
        "copy d/a",
        "move d/b",
        "list d",
        "walk d",
        "stat d/a",
        "get_content d/a",
        "redirect_url d/a",
        "local_file d/a",
        "delete_file d/a",
        "delete d",
    ]
    assert [call.number for call in driver.calls] == list(range(1, 17))
