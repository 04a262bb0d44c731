"""An upload that nobody goes on with is ended, and one that somebody does is not."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest
from typing_extensions import override

from regstore import Action, AsyncRegistry, Event, Repository, Upload, layout
from regstore._protections import without
from regstore._run import BlockingRuntime, LoopRuntime
from regstore.consistency import Retrying, Settled, deadline
from regstore.consistency.deadline import time_left
from regstore.digest import Digest
from regstore.drivers.memory import MemoryDriver, MemoryStore
from regstore.drivers.objects.driver import ObjectDriver
from regstore.drivers.objects.port import Limits
from regstore.errors import (
    BlobUploadUnknownError,
    PreconditionFailedError,
    ReadOnlyError,
    TransientError,
)
from regstore.testing.faults import Call as FaultCall
from regstore.testing.faults import InterceptedDriver, Lag, LaggingDriver
from regstore.testing.objects import MemoryObjects
from tests import places
from tests.places import Place, VirtualRuntime
from tests.stores.faults import Call, Hooked, Moment, fail_at, once
from tests.unmeasured import Unmeasured

T = TypeVar("T")

NAME = "library/app"
BLOB = b"content" * 1000
DIGEST = Digest.of(BLOB)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@pytest.fixture(params=["memory", "local", "objects", "lagging"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "local":
        return places.local(tmp_path / "store")
    runtime = VirtualRuntime()
    if request.param == "memory":
        return places.memory(runtime)
    objects = ObjectDriver(MemoryObjects(limits=Limits(min_part=1000), runtime=runtime))
    if request.param == "objects":
        return Place(objects)
    return Place(Settled(LaggingDriver(objects, Lag(get=1, stat=1, list=1)), 1))


def later(place: Place, passed: timedelta) -> None:
    """Let time pass: make older what is there."""
    runtime = place.driver.runtime
    if isinstance(runtime, VirtualRuntime):
        runtime.clock.seconds += passed.total_seconds()
    elif place.root is not None:
        for path in place.root.rglob("*"):
            if path.is_file():
                os.utime(path, (path.stat().st_mtime - passed.total_seconds(),) * 2)


def parked(repo: Repository) -> str:
    with repo.uploads.create() as upload:
        upload.write(BLOB)
    return upload.id


def hooked(place: Place, matches: Callable[[Call], bool], act: Callable[[], object]) -> Repository:
    return Place(Hooked(place.driver, once(matches, act)), place.root).repository(NAME)


def removes_start(call: Call) -> bool:
    return call.name == "delete_file" and call.path.endswith("/startedat")


def go_on(repo: Repository, upload_id: str) -> None:
    with repo.uploads.resume(upload_id) as upload:
        upload.write(BLOB)


def test_what_is_old_enough_is_ended_and_leaves_nothing(place: Place) -> None:
    repo = place.repository()
    upload_id = parked(repo)
    later(place, DAY)
    place.observer.events.clear()
    assert repo.uploads.purge_one(upload_id, HOUR)
    assert place.observer.events == [Event(Action.UPLOAD_PURGED, NAME, upload_id=upload_id)]
    later(place, HOUR)
    assert place.files() == {}
    assert list(repo.uploads.all()) == []
    with pytest.raises(BlobUploadUnknownError):
        place.repository().uploads.resume(upload_id).status()
    with pytest.raises(BlobUploadUnknownError):
        repo.uploads.purge_one(upload_id)


def test_what_was_begun_long_ago_and_goes_on_is_left_alone(place: Place) -> None:
    repo = place.repository()
    upload_id = parked(repo)
    later(place, DAY)
    go_on(place.repository(), upload_id)
    later(place, timedelta(seconds=5))
    place.observer.events.clear()
    assert not repo.uploads.purge_one(upload_id, HOUR)
    assert place.observer.events == []
    assert place.repository().uploads.resume(upload_id).commit(Digest.of(2 * BLOB)).size
    later(place, HOUR)
    assert not [path for path in place.files() if "_uploads" in path]


def test_by_default_it_is_ended_whatever_its_age(place: Place) -> None:
    repo = place.repository()
    assert repo.uploads.purge_one(parked(repo))


def test_one_that_was_only_begun_is_ended(place: Place) -> None:
    repo = place.repository()
    upload_id = repo.uploads.create().id
    assert not repo.uploads.purge_one(upload_id, HOUR)
    later(place, DAY)
    assert repo.uploads.purge_one(upload_id, HOUR)
    later(place, HOUR)
    assert place.files() == {}


def test_what_has_no_start_is_litter(place: Place) -> None:
    repo = place.repository()
    upload_id = parked(repo)
    place.delete(layout.UploadStartedAt(NAME, upload_id).path)
    later(place, timedelta(seconds=5))
    assert not repo.uploads.purge_one(upload_id, HOUR)
    later(place, DAY)
    assert repo.uploads.purge_one(upload_id, HOUR)
    later(place, HOUR)
    assert place.files() == {}


def test_who_comes_late_is_refused_and_leaves_nothing(place: Place) -> None:
    repo = place.repository()
    upload_id = parked(repo)
    late = place.repository().uploads.resume(upload_id)
    late.write(BLOB)
    assert repo.uploads.purge_one(upload_id)
    with pytest.raises((BlobUploadUnknownError, PreconditionFailedError)), late:
        late.park()
    later(place, HOUR)
    assert not [path for path in place.files() if path.endswith(("data", "startedat"))]


def test_bytes_that_were_acknowledged_meanwhile_are_kept(place: Place) -> None:
    upload_id = parked(place.repository())
    later(place, DAY)
    repo = hooked(place, removes_start, lambda: go_on(place.repository(), upload_id))
    assert not repo.uploads.purge_one(upload_id, HOUR)
    place.repository().uploads.resume(upload_id).commit(Digest.of(2 * BLOB))


def test_nor_are_they_lost_where_it_is_cut_off_before_it_has_looked(place: Place) -> None:
    upload_id = parked(place.repository())
    later(place, DAY)
    has_begun = False

    def hook(call: Call, moment: Moment) -> None:
        nonlocal has_begun
        if has_begun and call.name == "walk":
            raise TransientError(call.path, "test", "no answer")
        if removes_start(call) and moment == "before":
            go_on(place.repository(), upload_id)
            has_begun = True

    repo = Place(Hooked(place.driver, hook), place.root).repository(NAME)
    with pytest.raises(TransientError):
        repo.uploads.purge_one(upload_id, HOUR)
    later(place, timedelta(seconds=5))
    assert place.repository().uploads.resume(upload_id).status() == 2 * len(BLOB)
    assert [info.upload_id for info in place.repository().uploads.all()] == [upload_id]


def test_nor_where_nobody_knows_whether_it_has_begun(place: Place) -> None:
    upload_id = parked(place.repository())
    later(place, DAY)

    def hook(call: Call, moment: Moment) -> None:
        if removes_start(call) and moment == "before":
            go_on(place.repository(), upload_id)
        elif removes_start(call):
            raise TransientError(call.path, "test", "no answer", outcome_unknown=True)

    repo = Place(Hooked(place.driver, hook), place.root).repository(NAME)
    with pytest.raises(TransientError):
        repo.uploads.purge_one(upload_id, HOUR)
    later(place, timedelta(seconds=5))
    assert place.repository().uploads.resume(upload_id).status() == 2 * len(BLOB)


def test_without_looking_at_the_start_first_they_are_lost(place: Place) -> None:
    upload_id = parked(place.repository())
    later(place, DAY)

    def ends(call: Call) -> bool:
        return call.name == "delete" and call.path == layout.Upload(NAME, upload_id).path

    repo = hooked(place, ends, lambda: go_on(place.repository(), upload_id))
    with without("startedat_first"):
        assert repo.uploads.purge_one(upload_id, HOUR)
    later(place, HOUR)
    with pytest.raises(BlobUploadUnknownError):
        place.repository().uploads.resume(upload_id).status()


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("number", range(1, 12))
def test_what_was_cut_off_is_done_again(tmp_path: Path, number: int, moment: str) -> None:
    place = places.local(tmp_path / "store")
    upload_id = parked(place.repository())
    hook = fail_at(number, moment)  # type: ignore[arg-type]
    repo = Place(Hooked(place.driver, hook), place.root).repository(NAME)
    try:
        repo.uploads.purge_one(upload_id)
    except TransientError:
        with suppress(BlobUploadUnknownError):
            assert place.repository().uploads.purge_one(upload_id)
    assert place.files() == {}


def test_a_parking_that_is_repeated_looks_for_the_start_again(place: Place) -> None:
    def looks_at_start(call: Call) -> bool:
        return call.name == "get_content" and call.path.endswith("/startedat")

    def fail() -> None:
        raise TransientError("startedat", "test", "no answer")

    upload = hooked(place, looks_at_start, fail).uploads.create()
    upload.write(BLOB)
    with pytest.raises(TransientError):
        upload.park()
    assert place.repository().uploads.purge_one(upload.id)
    with pytest.raises(BlobUploadUnknownError):
        upload.park()


def test_nothing_of_no_upload_is_ended(place: Place) -> None:
    for upload_id in ("never-begun", "not/an/id"):
        with pytest.raises(BlobUploadUnknownError):
            place.repository().uploads.purge_one(upload_id)


def test_a_registry_that_is_read_only_ends_nothing(place: Place) -> None:
    upload_id = parked(place.repository())
    with pytest.raises(ReadOnlyError):
        place.open(read_only=True).repository(NAME).uploads.purge_one(upload_id)
    assert place.repository().uploads.resume(upload_id).status() == len(BLOB)


def test_sessions_that_a_store_keeps_are_ended() -> None:
    objects = MemoryObjects(
        limits=Limits(min_part=1000, keeps_sessions=True), runtime=BlockingRuntime()
    )
    place = Place(ObjectDriver(objects))
    repo = place.repository()
    upload = repo.uploads.create()
    upload.write(BLOB)
    assert repo.uploads.purge_one(upload.id)
    assert not objects.open_sessions


def test_a_clock_that_is_wrong_ends_nothing(tmp_path: Path) -> None:
    runtime = VirtualRuntime()
    runtime.clock.seconds = 10 * 365 * DAY.total_seconds()
    place = places.local(tmp_path / "store", runtime)
    repo = place.repository()
    upload_id = parked(repo)
    assert not repo.uploads.purge_one(upload_id, DAY)
    assert repo.uploads.resume(upload_id).status() == len(BLOB)
    assert not place.has(layout.UploadPurging(NAME, upload_id).path)


def test_what_is_young_is_not_touched(place: Place) -> None:
    upload_id = parked(place.repository())
    driver = Hooked(place.driver)
    assert not Place(driver, place.root).repository(NAME).uploads.purge_one(upload_id, DAY)
    assert {call.name for call in driver.calls} <= {"walk", "parked_at"}


@pytest.mark.parametrize(("store", "seconds"), [(LaggingDriver, 2), (Unmeasured, 20)])
def test_where_the_store_lags_it_is_waited_for_who_saw_the_start_a_moment_ago(
    store: type[LaggingDriver], seconds: float
) -> None:
    runtime = VirtualRuntime()
    objects = ObjectDriver(MemoryObjects(limits=Limits(min_part=1000), runtime=runtime))
    settled = Settled(store(objects, Lag(get=1, stat=1, list=1)))
    upload_id = parked(Place(settled).repository())
    times: dict[str, float] = {}

    def note(call: Call, _moment: str) -> None:
        times["start" if removes_start(call) else call.name] = runtime.monotonic()

    assert Place(Hooked(settled, note)).repository(NAME).uploads.purge_one(upload_id)
    assert times["walk"] - times["start"] >= seconds


def test_where_there_is_no_time_to_wait_for_it_an_upload_goes_on_at_once() -> None:
    runtime = VirtualRuntime()
    objects = ObjectDriver(MemoryObjects(limits=Limits(min_part=1000), runtime=runtime))
    behind = LaggingDriver(objects, Lag(get=1, stat=1, list=1))
    settled = Settled(behind, left=partial(time_left, runtime))
    repo = Place(settled).repository(NAME)
    upload_id = parked(repo)
    runtime.clock.seconds += 5
    begun = runtime.monotonic()
    with deadline(runtime, 2.5), pytest.raises(TransientError, match="give it more time"):
        repo.uploads.purge_one(upload_id)
    assert runtime.monotonic() - begun < 2.5
    runtime.clock.seconds += 5
    assert repo.uploads.resume(upload_id).status() > 0


def test_who_never_has_the_time_to_end_it_does_not_keep_it_young() -> None:
    runtime = VirtualRuntime()
    behind = LaggingDriver(MemoryDriver(MemoryStore(), runtime), Lag(get=5, stat=5, list=5))
    uploads = Place(Settled(behind)).repository(NAME).uploads
    upload_id = uploads.create().id
    for _ in range(3):
        runtime.clock.seconds += 3000
        with deadline(runtime, 8), pytest.raises(TransientError, match="give it more time"):
            uploads.purge_one(upload_id, timedelta(minutes=40))
    assert uploads.purge_one(upload_id, timedelta(minutes=40))


def test_one_that_does_not_show_yet_is_not_taken_for_litter() -> None:
    """Of an upload that was just begun a listing may show nothing, and the next one all."""
    runtime = VirtualRuntime()
    objects = ObjectDriver(MemoryObjects(limits=Limits(min_part=1000), runtime=runtime))
    behind = LaggingDriver(objects, Lag(get=1, stat=1, list=1))
    upload_id = Place(Settled(behind)).repository(NAME).uploads.create().id
    assert not Place(Settled(behind)).repository(NAME).uploads.purge_one(upload_id, HOUR)
    runtime.clock.seconds += 5
    assert Place(Settled(behind)).repository(NAME).uploads.resume(upload_id).status() == 0


def test_one_that_somebody_cancels_at_the_same_time_is_unknown(place: Place) -> None:
    repo = place.repository(NAME)
    upload_id = parked(repo)

    def looks_at_its_mark(call: Call) -> bool:
        return call.name == "stat" and call.path.endswith("/purging")

    purging = hooked(place, looks_at_its_mark, lambda: repo.uploads.resume(upload_id).cancel())
    with pytest.raises(BlobUploadUnknownError):
        purging.uploads.purge_one(upload_id)


def grown_while_purged(
    objects: ObjectDriver, act: Callable[[Call, Moment], object]
) -> tuple[str, Hooked]:
    """Return an upload, and a driver by which it is purged: its client parks more meanwhile."""
    repo = Place(objects).repository(NAME)
    upload_id = parked(repo)
    met: list[Call] = []

    def hook(call: Call, moment: Moment) -> None:
        if removes_start(call) and moment == "before" and not met:
            met.append(call)
            with repo.uploads.resume(upload_id) as upload:
                upload.write(BLOB)
        elif met:
            act(call, moment)

    return upload_id, Hooked(objects, hook)


def test_a_purge_whose_time_ends_puts_the_start_back() -> None:
    runtime = VirtualRuntime()
    objects = ObjectDriver(MemoryObjects(limits=Limits(min_part=1000), runtime=runtime))

    def take_long(call: Call, moment: Moment) -> None:
        if call.name == "walk" and moment == "before":
            runtime.clock.seconds += 10

    upload_id, hooked = grown_while_purged(objects, take_long)
    uploads = Place(Retrying(hooked)).repository(NAME).uploads
    with deadline(runtime, 5), pytest.raises(TransientError):
        uploads.purge_one(upload_id)
    assert Place(objects).repository(NAME).uploads.resume(upload_id).status() == 2 * len(BLOB)


def test_a_purge_that_is_cancelled_puts_the_start_back() -> None:
    async def purge() -> int:
        objects = ObjectDriver(MemoryObjects(limits=Limits(min_part=1000), runtime=LoopRuntime()))
        uploads = AsyncRegistry(objects).repository(NAME).uploads
        async with await uploads.create() as upload:
            await upload.write(BLOB)

        class Meeting(InterceptedDriver):
            is_taken = False

            @override
            async def through(self, call: FaultCall, effect: Callable[[], Awaitable[T]]) -> T:
                if call.path.endswith("/startedat"):
                    if call.method == "delete_file":
                        async with uploads.resume(upload.id) as more:
                            await more.write(BLOB)
                        self.is_taken = True
                    elif self.is_taken:
                        purging.cancel()
                        await asyncio.sleep(0)
                return await effect()

        meeting = AsyncRegistry(Meeting(objects)).repository(NAME).uploads
        purging = asyncio.ensure_future(meeting.purge_one(upload.id))
        with suppress(asyncio.CancelledError):
            await purging
        return await uploads.resume(upload.id).status()

    assert asyncio.run(purge()) == 2 * len(BLOB)


@pytest.mark.parametrize(
    "ask",
    [
        lambda upload: upload.status(),
        lambda upload: upload.commit(Digest.of(b"other")),
        lambda upload: upload.cancel(),
    ],
)
def test_who_merely_does_not_see_it_yet_leaves_it_alone(ask: Callable[[Upload], object]) -> None:
    """Nobody knows how far this store lags: a miss of the start proves nothing."""
    runtime = VirtualRuntime()
    store = MemoryDriver(MemoryStore(), runtime)
    prompt = Unmeasured(store, Lag(list=5))
    behind = Unmeasured(store, Lag(get=5, stat=5, list=5, changes=prompt.lag.changes))
    upload_id = parked(Place(Settled(prompt)).repository(NAME))
    with suppress(BlobUploadUnknownError):
        ask(Place(Settled(behind)).repository(NAME).uploads.resume(upload_id))
    runtime.clock.seconds += 30
    assert Place(store).repository(NAME).uploads.resume(upload_id).status() == len(BLOB)
