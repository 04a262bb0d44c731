from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from regstore import AsyncRegistry, AsyncRepository, layout
from regstore._run import BlockingRuntime
from regstore.digest import Digest
from regstore.drivers.objects.naming import ParkedPlace
from regstore.oci import OCI_MANIFEST
from regstore.testing.simulation import Bucket, World
from regstore.testing.simulation.audit import audit, dangles, is_unlisted, litter
from regstore.testing.simulation.exploring.on_tags import manifest

LAYER = Digest.of(b"a layer")
CONFIG = Digest.of(b"{}")
MANIFEST = (
    f'{{"schemaVersion":2,"mediaType":"{OCI_MANIFEST}",'
    f'"config":{{"mediaType":"c","digest":"{CONFIG}","size":2}},'
    f'"layers":[{{"mediaType":"l","digest":"{LAYER}","size":7}}]}}'
).encode()
IMAGE = Digest.of(MANIFEST)
OTHER = Digest.of(b"other")
REFERRER = manifest("a signature", MANIFEST)
UPLOAD = "0" * 8 + "-0000-4000-8000-" + "0" * 12

REVISION = layout.RevisionLink("app", IMAGE).path
LINK = layout.LayerLink("app", LAYER).path
TAG = layout.TagCurrentLink("app", "v1").path
ENTRY = layout.Referrer("app", IMAGE, Digest.of(REFERRER)).path

run = BlockingRuntime().run


async def push(repository: AsyncRepository) -> str:
    """Push an image, and park an upload; return the id of that."""
    await repository.blobs.put(b"a layer")
    await repository.blobs.put(b"{}")
    await repository.manifests.put(MANIFEST, tags=["v1"])
    async with await repository.uploads.create() as upload:
        await upload.receive([b"x" * 200])
    return upload.id


@pytest.fixture
def pushed() -> tuple[Bucket, str]:
    world = World(1)
    process = world.process("pusher")
    repository = AsyncRegistry(world.driver(process)).repository("app")
    upload_id = world.loop.run(world.loop.spawn(push(repository), process, "push"))
    world.loop.close()
    return world.bucket, upload_id


def put(key: str, data: bytes) -> Callable[[Bucket], object]:
    return lambda bucket: run(bucket.put(key, data))


def drop(key: str) -> Callable[[Bucket], object]:
    return lambda bucket: run(bucket.delete(key))


def test_a_sound_store_passes(pushed: tuple[Bucket, str]) -> None:
    bucket, _ = pushed
    assert audit(bucket) == []
    assert litter(bucket) == {}


DAMAGES = {
    "no body": ({REVISION}, drop(layout.BlobData(IMAGE).path)),
    "no data of a layer": ({REVISION, LINK}, drop(layout.BlobData(LAYER).path)),
    "no link of a layer": ({REVISION}, drop(LINK)),
    "no revision": ({TAG}, drop(REVISION)),
}
SCARS = {
    "torn data": ("I4", layout.BlobData(LAYER).path, put(layout.BlobData(LAYER).path, b"a la")),
    "empty link": ("I5", REVISION, put(REVISION, b"")),
    "link to something else": ("I5", REVISION, put(REVISION, OTHER.encode())),
    "garbled tag": ("I5", TAG, put(TAG, b"sha256:")),
    "tag of no manifest": ("I8", TAG, put(TAG, OTHER.encode())),
    "listed too early": ("referrers", ENTRY, put(ENTRY, b"{}")),
    "foreign file": ("I22", "docker/registry/v2/notes", put("docker/registry/v2/notes", b"")),
    "directory with content": ("I22", "docker/registry/v2", put("docker/registry/v2", b"")),
    "hidden among blobs": (
        "I22",
        "docker/registry/v2/blobs/.regstore-parked/data",
        put("docker/registry/v2/blobs/.regstore-parked/data", b""),
    ),
    "hidden but an upload to stock": (
        "I22",
        f"docker/registry/v2/repositories/app/_uploads/x/.regstore-a/{UPLOAD}/b",
        put(f"docker/registry/v2/repositories/app/_uploads/x/.regstore-a/{UPLOAD}/b", b""),
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_must_hold_at_rest_is_missed_when_it_does_not(
    pushed: tuple[Bucket, str], damage: str
) -> None:
    bucket, _ = pushed
    keys, do = DAMAGES[damage]
    do(bucket)
    found = audit(bucket)
    assert {each.invariant for each in found} == {"I3"}
    assert {each.key for each in found} == keys
    assert [each.key for each in found if dangles(each)] == ([TAG] if TAG in keys else [])
    assert audit(bucket, at_rest=False) == []


@pytest.mark.parametrize("scar", SCARS)
def test_what_must_always_hold_is_told_even_when_it_was_repaired(
    pushed: tuple[Bucket, str], scar: str
) -> None:
    bucket, _ = pushed
    invariant, key, do = SCARS[scar]
    before = bucket.contents.get(key)
    do(bucket)
    if before is None:
        run(bucket.delete(key))
    else:
        run(bucket.put(key, before.data))
    found = audit(bucket)
    assert {(each.invariant, each.key) for each in found} == {(invariant, key)}


def test_a_history_that_was_deleted_is_no_violation_but_one_that_never_was_is(
    pushed: tuple[Bucket, str],
) -> None:
    bucket, _ = pushed
    drop(layout.TagIndexLink("app", "v1", IMAGE).path)(bucket)
    assert audit(bucket) == []
    late = layout.TagCurrentLink("app", "late").path
    put(late, IMAGE.encode())(bucket)
    assert [(each.invariant, each.key) for each in audit(bucket)] == [("I8", late)]


def test_an_alias_link_is_as_good_as_any(pushed: tuple[Bucket, str]) -> None:
    bucket, _ = pushed
    alias = Digest.of(b"a layer", "sha512")
    put(layout.LayerLink("app", alias).path, LAYER.encode())(bucket)
    assert audit(bucket) == []


def test_a_revision_with_a_subject_that_a_complete_index_lacks_is_told(
    pushed: tuple[Bucket, str],
) -> None:
    bucket, _ = pushed
    digest = Digest.of(REFERRER)
    revision = layout.RevisionLink("app", digest).path
    put(layout.BlobData(digest).path, REFERRER)(bucket)
    put(revision, digest.encode())(bucket)
    assert audit(bucket) == []
    put(layout.ReferrersComplete("app").path, b"")(bucket)
    (found,) = audit(bucket)
    assert (found.invariant, found.key) == ("referrers", revision)
    assert is_unlisted(found)
    assert audit(bucket, at_rest=False) == []
    put(ENTRY, b"{}")(bucket)
    assert audit(bucket) == []
    drop(revision)(bucket)
    assert audit(bucket) == [], "it may stay listed"


def test_a_missing_chunk_and_a_wrong_hash_of_a_live_upload_are_told(
    pushed: tuple[Bucket, str],
) -> None:
    bucket, upload_id = pushed
    head = ParkedPlace.of(layout.UploadData("app", upload_id).path).head
    chunk = next(key for key in bucket.contents if "/chunk-" in key)
    put(chunk, b"y" * 200)(bucket)
    assert [(each.invariant, each.key) for each in audit(bucket)] == [("I18", head)]
    drop(chunk)(bucket)
    assert [(each.invariant, each.key) for each in audit(bucket)] == [("I17", head)]
    drop(layout.UploadStartedAt("app", upload_id).path)(bucket)
    assert audit(bucket) == []
    assert list(litter(bucket)) == [head]


def test_a_session_is_told_unless_the_purge_of_an_upload_would_end_it(
    pushed: tuple[Bucket, str],
) -> None:
    bucket, upload_id = pushed
    place = ParkedPlace.of(layout.UploadData("app", upload_id).path)
    blob = layout.BlobData(OTHER).path
    run(bucket.begin(blob, place.directory))
    assert [(each.invariant, each.key) for each in audit(bucket)] == [("I20", blob)]
    put(place.session(Random(1)), b"a record")(bucket)
    assert audit(bucket) == []
    chunk = place.chunk(Random(1))
    run(bucket.begin(chunk, place.directory))
    assert audit(bucket) == []
    drop(layout.UploadStartedAt("app", upload_id).path)(bucket)
    assert chunk in litter(bucket)
