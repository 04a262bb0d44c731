"""``Observed`` tells of every call once: what, where, how long, and how it ended."""

from __future__ import annotations

import pytest

from regstore.consistency import Call, Observed, Retrying
from regstore.driver import StorageDriver
from regstore.drivers.memory import MemoryDriver
from regstore.errors import PathNotFoundError, TransientError
from tests.consistency.faulty import Faulty
from tests.places import VirtualRuntime


class Place:
    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.runtime = VirtualRuntime()
        self.faulty = Faulty(MemoryDriver(runtime=self.runtime))
        self.driver = Observed(self.faulty, self.calls.append)

    def told(self) -> list[tuple[str, str, str]]:
        return [(call.method, call.path, call.outcome) for call in self.calls]


@pytest.fixture
def place() -> Place:
    return Place()


async def a_bit_of_everything(driver: StorageDriver) -> None:
    await driver.put_content("a", b"x")
    await driver.stat("a")
    await driver.get_content("a")
    async with await driver.reader("a") as reader:
        await reader.read()
    writer = await driver.writer("b")
    await writer.write(b"x")
    await writer.park()
    await driver.parked_at("b")
    writer = await driver.writer("b", append=True)
    await writer.commit("c")
    await (await driver.writer("d")).cancel()
    await driver.move("c", "e")
    await driver.copy("e", "f")
    assert [name async for name in driver.list("")] == ["a", "e", "f"]
    assert len([info async for info in driver.walk("")]) == 3
    await driver.redirect_url("a")
    await driver.local_file("a")
    await driver.delete_file("a")
    await driver.delete("e")


def test_every_call_is_told_of_once(place: Place) -> None:
    place.runtime.run(a_bit_of_everything(place.driver))
    assert [call[:2] for call in place.told()] == [
        ("put_content", "a"),
        ("stat", "a"),
        ("get_content", "a"),
        ("reader", "a"),
        ("reader.read", "a"),
        ("writer", "b"),
        ("writer.write", "b"),
        ("writer.park", "b"),
        ("parked_at", "b"),
        ("writer", "b"),
        ("writer.commit", "b"),
        ("writer", "d"),
        ("writer.cancel", "d"),
        ("move", "c"),
        ("copy", "e"),
        ("list", ""),
        ("walk", ""),
        ("redirect_url", "a"),
        ("local_file", "a"),
        ("delete_file", "a"),
        ("delete", "e"),
    ]
    assert {call.outcome for call in place.calls} == {"ok"}
    assert {call.driver for call in place.calls} == {"memory"}


def test_failures_are_told_and_raised(place: Place) -> None:
    with pytest.raises(PathNotFoundError) as caught:
        place.runtime.run(place.driver.stat("a"))
    place.faulty.plan = ["answer lost", "refused"]
    for _ in range(2):
        with pytest.raises(TransientError):
            place.runtime.run(place.driver.put_content("a", b""))
    place.faulty.plan = ["refused"]
    with pytest.raises(TransientError):
        list(place.runtime.iterate(place.driver.list("")))
    assert [call.outcome for call in place.calls] == ["failed", "unknown", "failed", "failed"]
    assert place.calls[0].error is caught.value


def test_a_call_that_was_cancelled_may_have_taken_effect() -> None:
    assert Call("memory", "stat", "a", 0.0, KeyboardInterrupt()).outcome == "unknown"


def test_time_is_that_of_the_store(place: Place) -> None:
    clock = place.runtime.clock
    place.runtime.run(place.driver.put_content("a", b""))
    for _ in place.runtime.iterate(place.driver.list("")):
        clock.seconds += 7
    driver = Observed(Retrying(place.faulty), place.calls.append)
    place.faulty.plan = [TransientError("a")]
    place.runtime.run(driver.stat("a"))
    listed, stat = place.calls[-2:]
    assert listed.seconds == 0
    assert stat.seconds == clock.seconds - 7 > 0


def test_a_listing_that_ends_early_is_told_of(place: Place) -> None:
    place.runtime.run(place.driver.put_content("a", b""))
    names = place.runtime.iterate(place.driver.list(""))
    assert next(names) == "a"
    names.close()
    assert place.told()[-1] == ("list", "", "ok")
