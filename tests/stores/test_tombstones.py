"""Beside a collector no writer loses what it was told is there, and no reader misses it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

import pytest
from typing_extensions import override

from regstore import ANYWHERE, Registry, Repository, layout
from regstore._protections import Waits, waiting, without
from regstore._run import BlockingRuntime
from regstore.consistency import deadline
from regstore.digest import Digest
from regstore.driver import StorageDriver
from regstore.errors import (
    BlobUnknownError,
    ManifestBlobUnknownError,
    ManifestUnknownError,
    PreconditionFailedError,
    TransientError,
)
from regstore.layout.verdicts import GRACE
from regstore.testing.faults import Call, InterceptedDriver, RecordingDriver
from regstore.testing.race import race
from tests.images import make_image, make_index
from tests.places import VirtualRuntime
from tests.stores.collecting import LAG, LEASE, NAME, Collector, Site, make_site

T = TypeVar("T")

BLOB = b"content"
DIGEST = Digest.of(BLOB)
DATA = layout.BlobData(DIGEST).path
LINK = layout.LayerLink(NAME, DIGEST).path
IMAGE = make_image("collected", layers=1)
LAYER = Digest.of(IMAGE.blobs[1])


class Between(InterceptedDriver):
    """Does something before the first call of a kind whose path ends so."""

    def __init__(
        self, inner: StorageDriver, name: str, end: str, act: Callable[[], object]
    ) -> None:
        super().__init__(inner)
        self._plan: tuple[str, str, Callable[[], object]] | None = (name, end, act)

    @override
    async def through(self, call: Call, effect: Callable[[], Awaitable[T]]) -> T:
        if self._plan and self._plan[0] == call.method and call.path.endswith(self._plan[1]):
            act, self._plan = self._plan[2], None
            act()
        return await effect()


@pytest.fixture(params=["fenced", "unfenced", "lagging"])
def site(request: pytest.FixtureRequest) -> Site:
    return make_site(request.param, VirtualRuntime())


@pytest.fixture
def clock(site: Site) -> VirtualRuntime:
    runtime = site.truth.runtime
    assert isinstance(runtime, VirtualRuntime)
    return runtime


def test_a_commit_that_finds_old_content_promises_it_anew(
    site: Site, clock: VirtualRuntime
) -> None:
    def linked_at() -> datetime:
        return clock.run(site.truth.stat(LINK)).modified

    put_whole(site.repository())
    first = linked_at()
    clock.run(clock.sleep(GRACE / 4))
    gone = site.repository().uploads.resume("5bc0866c-b930-4a00-8862-1c438d9d2b5b")
    assert gone.commit(DIGEST).size == len(BLOB)
    assert linked_at() == first
    clock.run(clock.sleep(GRACE / 2))
    again = site.repository().uploads.resume(gone.id)
    assert again.commit(DIGEST).size == len(BLOB)
    assert linked_at() - first > timedelta(seconds=GRACE / 2)


def test_how_old_is_too_old_is_for_the_collector_to_say(site: Site, clock: VirtualRuntime) -> None:
    put_whole(site.repository())
    state = layout.Collecting(active=False, grace=3600.0)
    site.put(layout.CollectionState().path, state.body())
    clock.run(clock.sleep(2400))
    site.repository().uploads.resume("5bc0866c-b930-4a00-8862-1c438d9d2b5b").commit(DIGEST)
    assert age(site, LINK) < timedelta(minutes=1)


def put_whole(repo: Repository) -> None:
    repo.blobs.put(BLOB, DIGEST)


def upload(repo: Repository) -> None:
    with repo.uploads.create() as begun:
        begun.write(BLOB)
        begun.commit(DIGEST)


PUSHES = [put_whole, upload]


@pytest.mark.parametrize("push", PUSHES)
@pytest.mark.parametrize("stage", ["condemned", "rescued", "quarantined", "deleting", "new", ""])
def test_what_is_pushed_stays_whatever_a_collector_was_about_to_do(
    site: Site, stage: str, push: Callable[[Repository], None]
) -> None:
    collector, other = Collector(site), Collector(site, "host-2")
    for each in (collector, other):
        each.said(DIGEST, stage)
    push(site.repository())
    assert site.read(DATA) == BLOB
    assert site.read(LINK) == DIGEST.encode()
    for each in (collector, other):
        if site.fenced and stage in {"condemned", "quarantined", "deleting"}:
            assert each.stage(DIGEST) == "rescued"
        elif stage in {"new", ""}:
            assert each.stage(DIGEST) == "unknown"
        else:
            assert each.stage(DIGEST) == stage
    is_saved = site.has(layout.SavedDigest(DIGEST).path)
    assert is_saved == (stage != "rescued" and not site.fenced)


@pytest.mark.parametrize("push", PUSHES)
def test_a_writer_waits_for_a_collector_that_is_deleting(
    site: Site, clock: VirtualRuntime, push: Callable[[Repository], None]
) -> None:
    collector = Collector(site)
    collector.said(DIGEST, "deleting")
    delete = partial(collector.deletes, DIGEST)
    clock.plans.append((clock.monotonic() + LAG + 10, delete))
    push(site.repository())
    assert not clock.plans
    assert site.read(DATA) == BLOB
    assert site.read(LINK) == DIGEST.encode()


@pytest.mark.parametrize("push", PUSHES)
def test_a_writer_that_sees_the_truth_late_waits_for_it(
    site: Site, clock: VirtualRuntime, push: Callable[[Repository], None]
) -> None:
    collector = Collector(site)
    collector.said(DIGEST, "condemned")
    collector.says(DIGEST, "deleting")
    clock.plans.append((clock.monotonic() + site.lag + 1, partial(collector.deletes, DIGEST)))
    push(site.repository())
    assert not clock.plans
    assert site.read(DATA) == BLOB
    assert site.read(LINK) == DIGEST.encode()


def test_a_collector_that_was_done_meanwhile_has_left_nothing(
    site: Site, clock: VirtualRuntime
) -> None:
    collector = Collector(site)
    collector.said(DIGEST, "purging")

    def finish() -> None:
        collector.deletes(DIGEST)
        collector.purges(DIGEST)

    clock.plans.append((clock.monotonic() + site.lag + 10, finish))
    site.repository().blobs.put(BLOB)
    assert site.read(DATA) == BLOB
    assert site.read(LINK) == DIGEST.encode()


def test_content_is_back_before_a_collector_is_told_so() -> None:
    site = make_site("fenced", VirtualRuntime())
    site.repository().blobs.put(BLOB)
    collector = Collector(site)
    collector.deletes(DIGEST, "library/none")
    seen: list[bool] = []

    def look() -> None:
        seen.append(site.has(DATA))

    driver = Between(site.driver, "put_content", collector.name, look)
    Registry(driver).repository("library/other").blobs.mount(DIGEST, NAME)
    assert seen == [True]


def test_without_the_check_a_push_is_lost(site: Site, clock: VirtualRuntime) -> None:
    collector = Collector(site)
    collector.said(DIGEST, "deleting")
    with without("tombstone_check"):
        site.repository().blobs.put(BLOB, DIGEST)
    collector.deletes(DIGEST)
    clock.clock.seconds += LAG
    with pytest.raises(BlobUnknownError):
        site.repository().blobs.get(DIGEST)


def test_a_collector_meets_the_claim_of_a_writer_that_cannot_swap(site: Site) -> None:
    collector = Collector(site)
    collector.said(DIGEST, "condemned")
    site.repository().blobs.put(BLOB, DIGEST)
    assert not collector.begins_to_delete(DIGEST)


@pytest.mark.parametrize("kind", ["unfenced", "lagging"])
def test_without_the_claim_it_does_not(kind: str) -> None:
    site = make_site(kind, VirtualRuntime())
    collector = Collector(site)
    collector.said(DIGEST, "condemned")
    with without("saved_claim"):
        site.repository().blobs.put(BLOB, DIGEST)
    assert collector.begins_to_delete(DIGEST)


def test_how_long_collectors_wait_is_for_a_simulation_to_say() -> None:
    clock = VirtualRuntime()
    site, tombstone = make_site("fenced", clock), layout.Tombstone(DIGEST, "host-1").path
    repo = site.repository()
    with waiting(Waits(state=1.0, reach=10.0)):
        repo.blobs.put(b"other")  # learns that no collector is at work
        clock.clock.seconds += 2
        site.put(layout.CollectionState().path, layout.Collecting(active=True).body())
        site.put(tombstone, layout.Verdict("condemned", fenced=True).body())
        repo.blobs.put(BLOB)
    assert layout.Verdict.parse(site.read(tombstone)).stage == "rescued"


def test_a_writer_waits_no_longer_than_the_lease(site: Site, clock: VirtualRuntime) -> None:
    Collector(site).said(DIGEST, "deleting")
    before = clock.monotonic()
    site.repository().blobs.put(BLOB, DIGEST)
    assert LEASE <= clock.monotonic() - before <= LEASE + 4 * LAG + 3


def test_a_writer_in_a_hurry_is_told_to_come_back(site: Site, clock: VirtualRuntime) -> None:
    Collector(site).said(DIGEST, "deleting")
    before = clock.monotonic()
    with deadline(clock, 3), pytest.raises(TransientError, match="in a minute"):
        site.repository().blobs.put(BLOB, DIGEST)
    assert clock.monotonic() <= before + 3


def test_who_loses_the_race_for_a_tombstone_waits_and_restores() -> None:
    site = make_site("fenced", VirtualRuntime())
    runtime = site.truth.runtime
    assert isinstance(runtime, VirtualRuntime)
    collector = Collector(site)
    collector.said(DIGEST, "condemned")

    def begin() -> None:
        assert collector.begins_to_delete(DIGEST)
        delete = partial(collector.deletes, DIGEST)
        runtime.plans.append((runtime.monotonic() + 1, delete))

    driver = Between(site.driver, "put_content", collector.name, begin)
    Registry(driver).repository(NAME).blobs.put(BLOB)
    assert collector.stage(DIGEST) == "rescued"
    assert (site.read(DATA), site.read(LINK)) == (BLOB, DIGEST.encode())


def test_a_store_that_turns_out_to_ignore_conditions_is_told_by_a_claim() -> None:
    site = make_site("unfenced", VirtualRuntime())
    collector = Collector(site)
    site.fenced = True
    collector.said(DIGEST, "condemned")
    site.repository().blobs.put(BLOB)
    assert collector.stage(DIGEST) == "condemned"
    assert site.has(layout.SavedDigest(DIGEST).path)


def mount(site: Site) -> None:
    site.repository("library/other").blobs.mount(DIGEST, NAME)


@pytest.mark.parametrize("copies", [True, False])
def test_a_mount_restores_what_is_in_quarantine(
    site: Site,
    clock: VirtualRuntime,
    copies: bool,
) -> None:
    site.repository().blobs.put(BLOB)
    collector = Collector(site)
    collector.said(DIGEST, "deleting")

    def delete() -> None:
        collector.deletes(DIGEST, "library/other")
        if not copies:
            site.delete(layout.Quarantined(DIGEST, collector.name).path)

    clock.plans.append((clock.monotonic() + LAG + 10, delete))
    if copies:
        mount(site)
        assert site.read(DATA) == BLOB
        assert site.read(layout.LayerLink("library/other", DIGEST).path) == DIGEST.encode()
    else:
        with pytest.raises(BlobUnknownError, match="collected meanwhile"):
            mount(site)


def test_a_writer_that_was_away_for_long_looks_whether_its_content_is_still_there() -> None:
    site = make_site("fenced", VirtualRuntime())
    runtime = site.truth.runtime
    assert isinstance(runtime, VirtualRuntime)

    def stall() -> None:
        site.delete(DATA)
        runtime.clock.seconds += 8 * 60

    def push() -> None:
        driver = Between(site.driver, "put_content", "/link", stall)
        Registry(driver).repository(NAME).blobs.put(BLOB)

    push()
    assert site.read(DATA) == BLOB
    with without("tombstone_check"):
        push()
    assert not site.has(DATA)


def test_a_collector_at_work_is_noticed_within_a_minute(site: Site) -> None:
    repo = site.repository()
    repo.blobs.put(b"before")
    collector = Collector(site)
    collector.said(DIGEST, "condemned")
    repo.blobs.put(BLOB)
    assert site.has(layout.SavedDigest(DIGEST).path) or collector.stage(DIGEST) == "rescued"


def test_a_process_asks_no_more_than_once_a_minute_whether_a_collector_is_at_work() -> None:
    runtime = VirtualRuntime()
    driver = RecordingDriver(make_site("fenced", runtime).driver)
    registry = Registry(driver)

    def asked() -> int:
        return driver.names.count(f"get_content {layout.CollectionState().path}")

    for number in range(3):
        registry.repository(f"a/{number}").blobs.put(BLOB)
        assert asked() == 1
    runtime.clock.seconds += 61
    registry.repository("a").blobs.put(BLOB)
    registry.repository("a").blobs.get(DIGEST)
    assert asked() == 2


def quarantined(site: Site) -> Repository:
    """Return a repository whose links are there, and whose content is not."""
    repo = site.repository()
    IMAGE.push(repo, "v1")
    collector = Collector(site)
    for digest in (LAYER, IMAGE.digest):
        collector.deletes(digest, "library/none")
    runtime = site.truth.runtime
    assert isinstance(runtime, VirtualRuntime)
    runtime.clock.seconds += LAG
    return site.repository()


def test_a_reader_is_given_what_is_in_quarantine(site: Site) -> None:
    repo = quarantined(site)
    layer = IMAGE.blobs[1]
    assert repo.blobs.get(LAYER) == layer
    assert repo.blobs.stat(LAYER).size == len(layer)
    assert repo.blobs.exists(LAYER)
    with repo.blobs.open(LAYER, 3, 4) as reader:
        assert (reader.size, b"".join(reader)) == (len(layer), layer[3:7])
    assert repo.manifests.get("v1").body == IMAGE.manifest
    assert repo.manifests.stat(IMAGE.digest).size == len(IMAGE.manifest)
    assert repo.manifests.exists(IMAGE.digest)


def test_nobody_is_given_what_is_in_quarantine_and_not_linked(site: Site) -> None:
    quarantined(site)
    other = site.repository("library/other")
    for missing in (partial(other.blobs.get, LAYER), partial(other.blobs.stat, LAYER)):
        with pytest.raises(BlobUnknownError):
            missing()
    with pytest.raises(ManifestUnknownError):
        other.manifests.get(IMAGE.digest)


def test_without_quarantine_a_reader_misses_it(site: Site) -> None:
    repo = quarantined(site)
    with without("quarantine_read"):
        with pytest.raises(BlobUnknownError):
            repo.blobs.get(LAYER)
        with pytest.raises(BlobUnknownError):
            repo.blobs.stat(LAYER)
        with pytest.raises(ManifestUnknownError):
            repo.manifests.get("v1")


def test_a_manifest_push_restores_itself_and_its_layers(site: Site) -> None:
    repo = quarantined(site)
    repo.manifests.put(IMAGE.manifest, tags=["v2"])
    assert site.read(layout.BlobData(LAYER).path) == IMAGE.blobs[1]
    assert site.read(layout.BlobData(IMAGE.digest).path) == IMAGE.manifest


def test_a_manifest_push_refuses_layers_that_nobody_has(site: Site) -> None:
    repo = quarantined(site)
    site.delete(layout.Quarantined(LAYER, "host-1").path)
    runtime = site.truth.runtime
    assert isinstance(runtime, VirtualRuntime)
    runtime.clock.seconds += LAG
    with pytest.raises(ManifestBlobUnknownError) as caught:
        repo.manifests.put(IMAGE.manifest)
    assert caught.value.missing == (str(LAYER),)


def age(site: Site, path: str) -> timedelta:
    info = site.truth.runtime.run(site.truth.stat(path))
    return site.truth.runtime.now() - info.modified


def crashed(site: Site, link: str, digest: Digest) -> Collector:
    """Condemn *digest*, and let a writer of its link crash before it looks for that."""
    runtime = site.truth.runtime
    assert isinstance(runtime, VirtualRuntime)
    runtime.clock.seconds += 25 * 3600
    collector = Collector(site)
    collector.said(digest, "condemned")
    site.put(link, digest.encode())
    runtime.clock.seconds += LAG
    return collector


@pytest.mark.parametrize("checks", [True, False])
def test_a_manifest_push_trusts_no_link_whose_writer_may_have_crashed(
    site: Site, *, checks: bool
) -> None:
    repo = site.repository()
    for blob in IMAGE.blobs:
        repo.blobs.put(blob)
    collector = crashed(site, layout.LayerLink(NAME, LAYER).path, LAYER)
    with nullcontext() if checks else without("child_check"):
        repo.manifests.put(IMAGE.manifest)
    assert collector.begins_to_delete(LAYER) != checks


@pytest.mark.parametrize("checks", [True, False])
def test_nor_does_the_push_of_an_index(site: Site, *, checks: bool) -> None:
    repo = site.repository()
    IMAGE.push(repo)
    collector = crashed(site, layout.RevisionLink(NAME, IMAGE.digest).path, IMAGE.digest)
    with nullcontext() if checks else without("child_check"):
        repo.manifests.put(make_index(IMAGE).manifest)
    assert collector.begins_to_delete(IMAGE.digest) != checks


@pytest.mark.parametrize("is_purged", [True, False])
def test_a_manifest_push_that_was_away_for_long_looks_for_its_layers_again(
    site: Site, clock: VirtualRuntime, *, is_purged: bool
) -> None:
    def stall() -> None:
        collector = Collector(site)
        collector.said(LAYER, "condemned")
        clock.clock.seconds += 3600
        collector.deletes(LAYER)
        clock.clock.seconds += 3600
        if is_purged:
            collector.purges(LAYER)

    repo = site.repository()
    for blob in IMAGE.blobs:
        repo.blobs.put(blob)
    clock.clock.seconds += 25 * 3600
    link = layout.RevisionLink(NAME, IMAGE.digest).path
    driver = Between(site.driver, "put_content", link, stall)
    put = partial(Registry(driver).repository(NAME).manifests.put, IMAGE.manifest, tags=["v1"])
    if is_purged:
        with pytest.raises(ManifestBlobUnknownError):
            put()
        assert not list(repo.tags.all())
    else:
        put()
        assert site.read(layout.BlobData(LAYER).path) == IMAGE.blobs[1]
        assert site.has(layout.LayerLink(NAME, LAYER).path)


@pytest.mark.parametrize("is_collecting", [True, False])
def test_a_manifest_push_leaves_old_links_of_layers_as_they_are(
    site: Site, clock: VirtualRuntime, *, is_collecting: bool
) -> None:
    repo = site.repository()
    IMAGE.push(repo)
    clock.clock.seconds += 13 * 3600
    if is_collecting:
        Collector(site)
    repo.manifests.put(IMAGE.manifest)
    assert age(site, layout.LayerLink(NAME, LAYER).path) >= timedelta(hours=13)


def test_a_mount_from_anywhere_is_no_way_around(site: Site) -> None:
    site.repository().blobs.put(BLOB)
    collector = Collector(site)
    collector.said(DIGEST, "condemned")
    site.repository("library/other").blobs.mount(DIGEST, ANYWHERE)
    assert not collector.begins_to_delete(DIGEST)


def test_one_of_two_that_race_for_a_tombstone_wins_and_nothing_is_lost() -> None:
    for number in range(20):
        site = make_site("fenced", BlockingRuntime())
        collector = Collector(site)
        collector.said(DIGEST, "condemned")
        repo = site.repository()
        begun: list[bool] = []

        def collect(collector: Collector = collector, begun: list[bool] = begun) -> None:
            begun.append(collector.begins_to_delete(DIGEST))
            if begun[0]:
                collector.deletes(DIGEST)

        racers: list[Callable[[], None]] = [partial(put_whole, repo), collect]
        ended = race(racers if number % 2 else racers[::-1])
        failures = [each for each in ended if each is not None]
        assert all(isinstance(each, PreconditionFailedError) for each in failures), failures
        assert site.read(DATA) == BLOB
        assert site.read(LINK) == DIGEST.encode()
        assert collector.stage(DIGEST) == "rescued"
