"""A registry on a lagging store: the layer hides the hazards that show without it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest
from typing_extensions import override

from regstore import ABSENT, Descriptor, Digest, Registry, Repository, Uploads, layout
from regstore.consistency import Checked, Settled, deadline
from regstore.driver import Capabilities, StorageDriver
from regstore.drivers.memory import MemoryDriver, MemoryStore
from regstore.errors import (
    DigestInvalidError,
    PathNotFoundError,
    RegstoreError,
    TransientError,
)
from regstore.testing.faults import Call, InterceptedDriver, Lag, LaggingDriver
from tests import places
from tests.places import VirtualRuntime
from tests.unmeasured import Unmeasured

T = TypeVar("T")

EMPTY = b'{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}'
LAYER = b"a layer" * 100


def lag(flapping: int | None = None) -> Lag:
    return Lag(get=0.5, stat=0.7, list=2.0, negative=0.3, flapping=flapping)


class Place:
    """A lagging store on virtual time; each registry over it is a process."""

    def __init__(self, lag: Lag, *, layer: bool = True) -> None:
        self.runtime = VirtualRuntime()
        self.lag = lag
        self.layer = layer
        self.store = MemoryStore()

    def driver(self) -> StorageDriver:
        return LaggingDriver(MemoryDriver(self.store, self.runtime), self.lag)

    def repository(self) -> Repository:
        driver = self.driver()
        if self.layer:
            driver = Settled(driver, self.lag.bound)
        return Registry(Checked(driver)).repository("library/app")


def manifest(repo: Repository, note: str = "", subject: Descriptor | None = None) -> bytes:
    config, layer = repo.blobs.put(EMPTY), repo.blobs.put(LAYER)
    described = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": str(config.digest),
            "size": config.size,
        },
        "layers": [
            {
                "mediaType": "application/vnd.oci.image.layer.v1.tar",
                "digest": str(layer.digest),
                "size": layer.size,
            }
        ],
        "annotations": {"note": note},
    }
    if subject is not None:
        described["subject"] = subject.to_json()
    return json.dumps(described).encode()


def push_and_pull(place: Place) -> None:
    repo = place.repository()
    pushed = repo.manifests.put(manifest(repo), tags=["latest"])
    assert repo.tags.get("latest") == pushed.descriptor.digest
    assert repo.manifests.get("latest").digest == pushed.descriptor.digest
    assert list(repo.tags.all()) == ["latest"]


def push_in_chunks(place: Place) -> None:
    repo = place.repository()
    upload = repo.uploads.create()
    upload.write(LAYER[:300])
    upload.park()
    upload = repo.uploads.resume(upload.id)
    upload.write(LAYER[300:])
    blob = upload.commit(Digest.of(LAYER))
    assert repo.blobs.get(blob.digest) == LAYER


def move_a_tag(place: Place) -> None:
    repo = place.repository()
    first = repo.manifests.put(manifest(repo, "first"), tags=["t"]).descriptor.digest
    second = repo.manifests.put(manifest(repo, "second")).descriptor.digest
    repo.tags.set("t", second, expect=first)
    assert repo.tags.get("t") == second
    repo.tags.delete("t", expect=second)
    assert list(repo.tags.all()) == []
    repo.tags.set("t", first, expect=ABSENT)
    assert repo.tags.get("t") == first


def delete(place: Place) -> None:
    repo = place.repository()
    digest = repo.manifests.put(manifest(repo), tags=["t"]).descriptor.digest
    place.runtime.run(place.runtime.sleep(10))
    repo.manifests.delete(digest)
    assert not repo.manifests.exists(digest)
    assert list(repo.tags.all()) == []
    layer = repo.blobs.put(LAYER)
    repo.blobs.delete(layer.digest)
    assert not repo.blobs.exists(layer.digest)


STORIES = [push_and_pull, push_in_chunks, move_a_tag, delete]


@pytest.mark.parametrize("story", STORIES)
@pytest.mark.parametrize("seed", [None, *range(1, 9)])
def test_a_process_never_sees_less_than_it_did(
    story: Callable[[Place], None], seed: int | None
) -> None:
    story(Place(lag(seed)))


@pytest.mark.parametrize("story", STORIES)
def test_without_the_layer_the_hazards_show(story: Callable[[Place], None]) -> None:
    with pytest.raises((RegstoreError, AssertionError)):
        story(Place(lag(), layer=False))


def test_another_process_pulls_what_its_tag_shows() -> None:
    place = Place(lag(3))
    here, there = place.repository(), place.repository()
    for number in range(10):
        pushed = here.manifests.put(manifest(here, f"{number}"), tags=["t"]).descriptor.digest
        place.runtime.run(place.runtime.sleep(place.lag.bound))
        assert there.tags.get("t") == pushed
        assert json.loads(there.manifests.get(pushed).body)["annotations"] == {"note": f"{number}"}
        assert there.blobs.get(Digest.of(LAYER)) == LAYER


class LateDriver(InterceptedDriver):
    """Shows one path later than all the others."""

    path = ""
    until = 0.0

    @override
    async def through(self, call: Call, effect: Callable[[], Awaitable[T]]) -> T:
        if call.path == self.path and self.runtime.monotonic() < self.until:
            raise PathNotFoundError(call.path, self.name)
        return await effect()


def test_the_manifest_that_a_tag_names_is_waited_for() -> None:
    """Its revision was there before the tag, and may show after it."""
    place = Place(Lag())
    late = LateDriver(MemoryDriver(place.store, place.runtime))
    there = Registry(Checked(Settled(late, 2.0))).repository("library/app")
    here = place.repository()
    pushed = here.manifests.put(manifest(here), tags=["t"]).descriptor.digest
    late.path = layout.RevisionLink("library/app", pushed).path
    late.until = place.runtime.monotonic() + 1.0
    assert there.manifests.get("t").digest == pushed


def test_a_swap_that_finds_its_value_long_gone_does_not_take_it_for_success() -> None:
    place = Place(lag())
    here, there = place.repository(), place.repository()
    first = here.manifests.put(manifest(here, "first"), tags=["t"]).descriptor.digest
    second = here.manifests.put(manifest(here, "second")).descriptor.digest
    place.runtime.run(place.runtime.sleep(10))
    here.tags.set("t", second)
    there.tags.set("t", first, expect=second)
    place.runtime.run(place.runtime.sleep(10))
    assert here.tags.get("t") == first


class Stuck(LaggingDriver):
    """Lags for much longer than it says."""

    @property
    @override
    def capabilities(self) -> Capabilities:  # type: ignore[override] # as in WrapperDriver
        return replace(super().capabilities, staleness_bound=3.0)


def test_a_swap_does_not_wait_for_the_truth_beyond_its_deadline_or_for_ever() -> None:
    """A store that never shows what is true refuses each change of what it shows."""
    place = Place(Lag(get=600.0, stat=600.0))
    here = place.repository()
    first = here.manifests.put(manifest(here, "first"), tags=["t"]).descriptor.digest
    second = here.manifests.put(manifest(here, "second")).descriptor.digest
    place.runtime.run(place.runtime.sleep(1000))
    place.repository().tags.set("t", second)
    driver = Stuck(MemoryDriver(place.store, place.runtime), place.lag)
    stuck = Registry(Checked(Settled(driver))).repository("library/app")
    for limit, least, most in ((1.0, 0.0, 1.0), (60.0, 3.0, 12.0)):
        begun = place.runtime.monotonic()
        with deadline(place.runtime, limit), pytest.raises(TransientError, match="again and again"):
            stuck.tags.set("t", second, expect=first)
        assert least <= place.runtime.monotonic() - begun <= most


def test_wrong_content_is_refused_as_such_where_others_may_have_taken_more(
    tmp_path: Path,
) -> None:
    runtime = VirtualRuntime()

    def uploads() -> Uploads:
        driver = Settled(places.local(tmp_path, runtime).driver, 0.3)
        return Registry(Checked(driver)).repository("library/app").uploads

    with uploads().create() as upload:
        upload.write(b"one")
    resumed = uploads().resume(upload.id)
    resumed.write(b"two", 3)
    with pytest.raises(DigestInvalidError):
        resumed.commit(Digest.of(b"other"))
    assert uploads().resume(upload.id).status() == 6


def test_a_reindex_keeps_what_does_not_show_yet_however_long_that_takes() -> None:
    runtime = VirtualRuntime()
    store = MemoryDriver(MemoryStore(), runtime)
    prompt = Unmeasured(store, Lag(list=1))
    here = Registry(Settled(prompt)).repository("library/app")
    subject = here.manifests.put(manifest(here)).descriptor
    here.referrers.reindex()
    runtime.clock.seconds += 60
    behind = Unmeasured(store, Lag(get=5, stat=5, changes=prompt.lag.changes))
    referrer = here.manifests.put(manifest(here, subject=subject)).descriptor.digest
    runtime.clock.seconds += 2
    Registry(Settled(behind)).repository("library/app").referrers.reindex()
    others = Registry(store).repository("library/app")
    assert [each.digest for each in others.referrers.all(subject.digest)] == [referrer]


@pytest.mark.parametrize(("seconds", "left"), [(None, 0), (5.0, 3)])
def test_a_reindex_waits_once_for_all_that_is_gone_and_within_its_deadline(
    seconds: float | None, left: int
) -> None:
    runtime = VirtualRuntime()
    store = MemoryDriver(MemoryStore(), runtime)
    here = Registry(store).repository("library/app")
    subject = here.manifests.put(manifest(here)).descriptor
    for note in "abc":
        digest = here.manifests.put(manifest(here, note, subject=subject)).descriptor.digest
        runtime.run(store.delete_file(layout.RevisionLink("library/app", digest).path))
    unmeasured = Unmeasured(store, Lag(get=1, stat=1))
    begun = runtime.monotonic()
    with nullcontext() if seconds is None else deadline(runtime, seconds):
        Registry(Settled(unmeasured)).repository("library/app").referrers.reindex()
    assert runtime.monotonic() - begun == (20 if seconds is None else 0)
    assert len(list(here.referrers.all(subject.digest))) == left
