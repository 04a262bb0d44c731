"""Writers over objects, where a store contradicts itself or callers change their mind."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

import pytest
from typing_extensions import override

from regstore._run import LoopRuntime
from regstore.consistency import Retrying
from regstore.digest import Digest
from regstore.driver import ANY, Condition, Content
from regstore.drivers.objects.driver import PARTS_IN_FLIGHT, ObjectDriver
from regstore.drivers.objects.port import Part, Session
from regstore.errors import (
    BlobUploadUnknownError,
    PathExistsError,
    PathNotFoundError,
    PreconditionFailedError,
    SizeInvalidError,
    TransientError,
    UnsupportedMethodError,
)
from regstore.testing.objects import MemoryObjects
from tests.drivers.objects.faulty import Bucket, Fault
from tests.drivers.objects.scenes import (
    BLOB,
    DIGEST,
    LIMITS,
    NAME,
    TINY,
    Scene,
    furnish,
    open_core,
    purge,
)
from tests.places import VirtualRuntime

KEEPING = replace(LIMITS, keeps_sessions=True)
PART = LIMITS.part_size
PATH = "up/data"


class Contradicting(MemoryObjects):
    """Takes every record, and says that somebody else was first."""

    @override
    async def put(self, key: str, data: bytes, condition: Condition = ANY) -> str:
        version = await super().put(key, data)
        if condition.kind != "any":
            raise PathExistsError(key, self.name)
        return version + "?"


def test_a_head_record_whose_answer_is_wrong_is_known_by_its_nonce() -> None:
    store = Contradicting(limits=KEEPING, runtime=VirtualRuntime())
    driver = ObjectDriver(store)
    writer = driver.runtime.run(driver.writer(PATH))
    driver.runtime.run(writer.write(b"taken"))
    driver.runtime.run(writer.park())
    resumed = driver.runtime.run(driver.writer(PATH, append=True))
    assert resumed.size == 5


class Repeating(MemoryObjects):
    """Takes whatever is put twice, each time as another version; of the second nobody hears."""

    @override
    async def put(self, key: str, data: bytes, condition: Condition = ANY) -> str:
        versions = []
        with suppress(PathExistsError, PreconditionFailedError):
            for turn in "12":
                versions.append(await super().put(key, data, condition) + turn)
                self.contents[key] = replace(self.contents[key], version=versions[-1])
        return versions[0]


def test_a_chunk_that_arrives_twice_is_what_the_record_names() -> None:
    driver = ObjectDriver(Repeating(limits=KEEPING, runtime=VirtualRuntime()))
    run = driver.runtime.run
    writer = run(driver.writer(PATH))
    run(writer.write(TINY))
    run(writer.park())
    run(run(driver.writer(PATH, append=True)).commit("blob"))
    assert run(driver.get_content("blob")).data == TINY


class Hanging(MemoryObjects):
    """Takes no part."""

    @override
    async def put_part(self, session: Session, number: int, data: bytes) -> Part:
        await asyncio.Event().wait()
        raise AssertionError


def test_parts_that_are_cancelled_before_they_begin_give_their_places_back() -> None:
    async def push() -> None:
        store = Hanging(limits=KEEPING, runtime=LoopRuntime())
        driver = ObjectDriver(store)
        for _ in range(PARTS_IN_FLIGHT + 1):
            writer = await driver.writer(PATH)
            await writer.write(bytes(PART + 1))
            await writer.cancel()
        assert not store.open_sessions

    asyncio.run(asyncio.wait_for(push(), 60))


def test_what_was_parked_after_a_finish_that_failed_is_kept() -> None:
    scene, runtime = Scene(Bucket(), KEEPING), VirtualRuntime()
    core = open_core(scene.driver(runtime))
    runtime.run(furnish(scene, core, ()))
    upload = core.repository(NAME).uploads.resume(scene.upload_id)
    with pytest.raises(SizeInvalidError):
        runtime.run(upload.finish(DIGEST, [scene.blob[:400]], size=len(scene.blob)))
    assert upload.offset == 0
    assert not scene.bucket.sessions
    for end in (200, 500):
        runtime.run(upload.write(scene.blob[upload.offset : end]))
        runtime.run(upload.park())
        again = core.repository(NAME).uploads.resume(scene.upload_id)
        assert runtime.run(again.status()) == end


@pytest.mark.parametrize("before", [(), (320,)])
def test_a_commit_that_failed_while_it_read_again_can_be_parked(before: tuple[int, ...]) -> None:
    scene, runtime = Scene(Bucket(), KEEPING, TINY if not before else BLOB), VirtualRuntime()
    runtime.run(furnish(scene, open_core(scene.driver(runtime)), before))
    fault = Fault()
    core = open_core(scene.driver(runtime, fault))
    upload = core.repository(NAME).uploads.resume(scene.upload_id)
    runtime.run(upload.write(scene.blob[runtime.run(upload.status()) :]))
    fault.kind = "blind"
    with pytest.raises(TransientError):
        runtime.run(upload.commit(Digest.of(scene.blob, "sha512")))
    fault.kind = "none"
    runtime.run(upload.park())
    again = open_core(scene.driver(runtime)).repository(NAME).uploads.resume(scene.upload_id)
    assert runtime.run(again.status()) == len(scene.blob)
    runtime.run(again.commit(Digest.of(scene.blob)))


def test_parts_of_an_upload_that_was_purged_tell_that_somebody_was_first() -> None:
    scene, runtime = Scene(Bucket(), KEEPING), VirtualRuntime()
    core = open_core(scene.driver(runtime))
    runtime.run(furnish(scene, core, ()))
    upload = core.repository(NAME).uploads.resume(scene.upload_id)
    runtime.run(upload.write(scene.blob[: 2 * PART]))
    runtime.run(purge(scene, runtime))
    with pytest.raises(PreconditionFailedError):
        runtime.run(upload.write(scene.blob[2 * PART :]))
    with pytest.raises(PreconditionFailedError):
        runtime.run(upload.park())
    with pytest.raises(BlobUploadUnknownError):
        runtime.run(upload.cancel())
    assert scene.litter() == []


class KeepsStrays(MemoryObjects):
    """Fails to delete anything, once."""

    fails = True

    @override
    async def delete_many(self, keys: Sequence[str]) -> None:
        if keys and self.fails:
            self.fails = False
            raise TransientError(keys[0], self.name, "no answer", outcome_unknown=True)
        await super().delete_many(keys)


def test_what_was_parked_is_not_parked_anew_when_only_tidying_is_repeated() -> None:
    store = KeepsStrays(limits=KEEPING, runtime=VirtualRuntime())
    driver = ObjectDriver(store)
    run = driver.runtime.run
    writer = run(driver.writer(PATH))
    run(writer.write(TINY))
    run(writer.park(b"first"))
    writer = run(driver.writer(PATH, append=True))
    run(writer.write(TINY))
    with pytest.raises(TransientError):
        run(writer.park(b"second"))
    head = next(key for key in store.contents if key.endswith("/head"))
    before = store.contents[head]
    run(writer.park(b"second"))
    assert store.contents[head] == before
    assert sum("chunk-" in key for key in store.contents) == 1
    assert run(driver.writer(PATH, append=True)).note == b"second"


class Unheard(MemoryObjects):
    """Takes the first record, does not answer, and shows it late."""

    records = looks = 0

    @override
    async def get(self, key: str) -> Content:
        self.looks += self.records == 1
        if self.looks == 1:
            raise PathNotFoundError(key, self.name)
        return await super().get(key)

    @override
    async def put(self, key: str, data: bytes, condition: Condition = ANY) -> str:
        version = await super().put(key, data, condition)
        self.records += key.endswith("/head")
        if key.endswith("/head") and self.records == 1:
            raise TransientError(key, self.name, "no answer", outcome_unknown=True)
        return version


def test_a_record_that_has_come_is_not_written_anew() -> None:
    store = Unheard(limits=KEEPING, runtime=VirtualRuntime())
    driver = ObjectDriver(store)
    writer = driver.runtime.run(driver.writer(PATH))
    driver.runtime.run(writer.write(TINY))
    with pytest.raises(TransientError):
        driver.runtime.run(writer.park())
    driver.runtime.run(writer.park())
    assert store.records == 1


def test_what_is_parked_is_kept_where_the_store_alone_has_lost_what_was_sent() -> None:
    """As a gateway does that is restarted, or a rule of a bucket that ends what takes too long."""
    scene, runtime = Scene(Bucket(), KEEPING), VirtualRuntime()
    core = open_core(scene.driver(runtime))
    runtime.run(furnish(scene, core, (320,)))

    async def send() -> None:
        async with core.repository(NAME).uploads.resume(scene.upload_id) as upload:
            await upload.write(scene.blob[320:])
            scene.bucket.sessions.clear()

    with pytest.raises(TransientError, match="go on from what is parked"):
        runtime.run(send())
    again = core.repository(NAME).uploads.resume(scene.upload_id)
    assert runtime.run(again.status()) == 320


class Stale(MemoryObjects):
    """Shows the record that was there before for long, and loses one answer."""

    is_losing = False
    before: Content | None = None

    @override
    async def get(self, key: str) -> Content:
        if self.before is not None and key.endswith("/head"):
            return self.before
        return await super().get(key)

    @override
    async def put(self, key: str, data: bytes, condition: Condition = ANY) -> str:
        before = self.contents.get(key)
        version = await super().put(key, data, condition)
        if key.endswith("/head") and self.is_losing:
            self.is_losing, self.before = False, before
            raise TransientError(key, self.name, "no answer", outcome_unknown=True)
        return version


def test_an_unheard_record_that_does_not_show_is_not_another_writers() -> None:
    """Where nobody knows how long that may take; its chunks are what it names."""
    store = Stale(limits=KEEPING, runtime=VirtualRuntime())
    store.capabilities = replace(store.capabilities, staleness_bound=None)
    driver = ObjectDriver(store)
    run = driver.runtime.run
    writer = run(driver.writer(PATH))
    run(writer.write(BLOB[:400]))
    run(writer.park())
    writer = run(driver.writer(PATH, append=True))
    run(writer.write(BLOB[400:]))
    store.is_losing = True
    for _ in range(2):
        with pytest.raises(TransientError):
            run(writer.park())
    run(writer.cancel())
    store.before = None
    resumed = run(driver.writer(PATH, append=True))
    assert resumed.size == len(BLOB)
    run(resumed.commit())
    assert store.contents[PATH].data == BLOB


class Refusing(MemoryObjects):
    """Refuses the first record of a session, and ends the process after the first session."""

    refused = ended = False

    @override
    async def put(self, key: str, data: bytes, condition: Condition = ANY) -> str:
        if "/session-" in key and not self.refused:
            self.refused = True
            raise TransientError(key, self.name, "not now")
        if self.ended:
            raise KeyboardInterrupt
        return await super().put(key, data, condition)

    @override
    async def begin(self, key: str, scratch: str) -> Session:
        session = await super().begin(key, scratch)
        self.ended = True
        return session

    @override
    async def abort(self, session: Session, parts: Sequence[Part]) -> None:
        if self.ended:
            raise KeyboardInterrupt
        await super().abort(session, parts)


def test_the_record_of_a_session_comes_first_also_where_it_is_repeated() -> None:
    store = Refusing(limits=KEEPING, runtime=VirtualRuntime())
    driver = ObjectDriver(store)
    run = driver.runtime.run
    writer = run(driver.writer(PATH, destination="blob"))
    with pytest.raises(TransientError):
        run(writer.write(bytes(2 * PART)))
    with pytest.raises(KeyboardInterrupt):
        run(writer.write(bytes(2 * PART)))
    store.ended = False
    run(driver.delete("up"))
    assert not store.open_sessions


def test_more_parts_than_a_session_takes_are_several_chunks() -> None:
    store = MemoryObjects(
        limits=replace(KEEPING, max_parts=6, copy_size=1000), runtime=VirtualRuntime()
    )
    driver = ObjectDriver(store)
    run = driver.runtime.run
    content = BLOB * 4
    writer = run(driver.writer(PATH))
    run(writer.write(content))
    run(writer.park())
    writer = run(driver.writer(PATH, append=True))
    assert writer.size == len(content)
    run(writer.commit())
    assert store.contents[PATH].data == content
    assert not store.open_sessions


def test_more_parts_than_a_session_takes_do_not_go_straight() -> None:
    store = MemoryObjects(limits=replace(KEEPING, max_parts=3), runtime=VirtualRuntime())
    driver = ObjectDriver(store)
    writer = driver.runtime.run(driver.writer(PATH, destination="blob"))
    with pytest.raises(UnsupportedMethodError, match="send it in several requests"):
        driver.runtime.run(writer.write(BLOB))
    driver.runtime.run(writer.cancel())
    assert not store.open_sessions


class FailsOnce(MemoryObjects):
    """Does not complete the first session, once; counts parts."""

    has_failed = False
    parts = 0

    @override
    async def put_part(self, session: Session, number: int, data: bytes) -> Part:
        self.parts += 1
        return await super().put_part(session, number, data)

    @override
    async def complete(
        self, session: Session, parts: Sequence[Part], condition: Condition = ANY
    ) -> str:
        if not self.has_failed:
            self.has_failed = True
            raise TransientError(session.key, self.name, "not now")
        return await super().complete(session, parts, condition)


def test_a_full_chunk_that_could_not_be_ended_is_ended_before_more_is_taken() -> None:
    limits = replace(KEEPING, max_parts=6, copy_size=1000)
    store = FailsOnce(limits=limits, runtime=VirtualRuntime())
    driver = Retrying(ObjectDriver(store))
    run = driver.runtime.run
    writer = run(driver.writer(PATH))
    run(writer.write(BLOB * 4))
    run(writer.commit())
    assert store.contents[PATH].data == BLOB * 4


def test_nothing_more_is_sent_into_a_session_that_is_lost() -> None:
    store = FailsOnce(limits=KEEPING, runtime=VirtualRuntime())
    store.has_failed = True
    driver = Retrying(ObjectDriver(store))
    run = driver.runtime.run
    writer = run(driver.writer(PATH))
    run(writer.write(BLOB))
    run(writer.park())
    writer = run(driver.writer(PATH, append=True))
    run(writer.write(BLOB[: 2 * PART]))
    store.open_sessions.clear()
    store.parts = refused = 0
    for _ in range(50):
        try:
            run(writer.write(bytes(PART)))
        except TransientError:
            refused += 1
    assert refused >= 48
    assert store.parts <= 2
