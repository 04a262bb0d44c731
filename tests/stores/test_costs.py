"""What each operation asks of a store: how many requests S3 would see, and in how many round trips.

``docs/costs.md`` says the same in prose.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import anyio
import pytest

from regstore import AsyncRegistry, AsyncRepository, layout, tombstones
from regstore.digest import Digest
from regstore.driver import StorageDriver
from regstore.errors import BlobUnknownError, ManifestBlobUnknownError
from regstore.oci import OCTET_STREAM
from regstore.policy import ImmutableTags, Policy
from tests.images import Image, described, make_image, make_index
from tests.stores.counting import Cost, Counting

NAME = "library/app"
IMAGE = make_image("costs", layers=8)
CHILDREN = 9
PLAIN = make_image("plain", layers=0)
HOUR = timedelta(hours=1)

Work = Callable[[AsyncRepository], Awaitable[object]]


async def push(repo: AsyncRepository, image: Image, *tags: str) -> None:
    for blob in image.blobs:
        await repo.blobs.put(blob)
    await repo.manifests.put(image.manifest, image.media_type, tags=tags)


def cost(
    work: Work,
    *before: Work,
    policy: Policy | None = None,
    driver: Counting | None = None,
    knows: bool = True,
) -> Cost:
    """Return what *work* costs in a repository for which *before* was done.

    :param knows: whether the process has asked of late whether a collector is at work.
    """
    counting = driver or Counting()

    async def measure() -> Cost:
        repo = AsyncRegistry(counting, policy=policy).repository(NAME)
        for step in before:
            await step(repo)
        if knows:
            await tombstones.refresh(repo.blobs._scope)  # noqa: SLF001 - as a push would
        return (await counting.measure(work(repo)))[0]

    return anyio.run(measure)


def seen(cost: Cost) -> tuple[int, int]:
    return cost.requests, cost.round_trips


async def push_image(repo: AsyncRepository) -> None:
    await push(repo, IMAGE, "v1")


async def push_blobs(repo: AsyncRepository) -> None:
    for blob in IMAGE.blobs:
        await repo.blobs.put(blob)


async def put_manifest(repo: AsyncRepository) -> None:
    await repo.manifests.put(IMAGE.manifest, tags=["v1"])


def plant(path: str, body: bytes = b"x") -> Work:
    """Store what other software has written."""

    async def write(repo: AsyncRepository) -> None:
        await driver_of(repo).put_content(path, body)

    return write


def driver_of(repo: AsyncRepository) -> StorageDriver:
    return repo.blobs._scope.driver  # noqa: SLF001 - there is no other way to the store


def test_calls_at_the_same_time_are_one_round_trip() -> None:
    driver = Counting()

    async def measure() -> list[Cost]:
        async def put(number: int) -> None:
            await driver.put_content(f"a/{number}", b"x")

        async def in_turn() -> None:
            for number in range(3):
                await put(number)

        async def at_once() -> None:
            await driver.runtime.map(put, range(16))

        return [(await driver.measure(work()))[0] for work in (in_turn, at_once)]

    in_turn, at_once = anyio.run(measure)
    assert (seen(in_turn), seen(at_once)) == ((3, 3), (16, 1))


def test_a_blob() -> None:
    blob = b"content"
    digest = Digest.of(blob)
    put: Work = lambda repo: repo.blobs.put(blob, digest)  # noqa: E731
    assert seen(cost(put)) == (2, 2)
    assert seen(cost(lambda repo: repo.blobs.stat(digest), put)) == (2, 2)
    assert seen(cost(lambda repo: repo.blobs.get(digest), put)) == (2, 1)
    assert seen(cost(lambda repo: repo.blobs.mount(digest, NAME), put)) == (3, 3)
    assert seen(cost(lambda repo: repo.blobs.delete(digest), put)) == (2, 1)


def test_a_process_asks_once_a_minute_whether_a_collector_is_at_work() -> None:
    put: Work = lambda repo: repo.blobs.put(b"content")  # noqa: E731
    driver = Counting()

    async def wait(_repo: AsyncRepository) -> None:
        driver.clock.seconds += 61

    assert seen(cost(put, knows=False)) == (3, 2)
    assert seen(cost(put, put, knows=False)) == (2, 2)
    assert seen(cost(put, put, wait, driver=driver, knows=False)) == (3, 2)
    assert seen(cost(put_manifest, push_blobs)) == seen(cost(put_manifest, push_blobs, knows=False))
    assert seen(cost(put_manifest, push_blobs, forget, knows=False)) == (2 * CHILDREN + 5, 4)


async def forget(repo: AsyncRepository) -> None:
    repo.blobs._scope.collection.read_at = None  # noqa: SLF001 - as a process that has just begun


def test_what_a_collector_at_work_costs() -> None:
    active = plant(layout.CollectionState().path, layout.Collecting(active=True).body())
    put: Work = lambda repo: repo.blobs.put(b"content")  # noqa: E731
    assert seen(cost(put, active)) == (3, 3)
    assert seen(cost(put_manifest, active, push_blobs)) == (3 * CHILDREN + 5, 6)


def test_old_links_of_layers_cost_no_more_where_a_collector_is_at_work() -> None:
    active = plant(layout.CollectionState().path, layout.Collecting(active=True).body())
    driver = Counting()

    async def wait(_repo: AsyncRepository) -> None:
        driver.clock.seconds += 13 * HOUR.total_seconds()

    made = cost(put_manifest, active, push_blobs, wait, driver=driver)
    assert seen(made) == (3 * CHILDREN + 5, 6)


def test_content_whose_link_leads_nowhere_is_looked_for_once() -> None:
    digest = Digest.of(b"content")
    linked = plant(layout.LayerLink(NAME, digest).path, digest.encode())

    async def miss(repo: AsyncRepository) -> None:
        with pytest.raises(BlobUnknownError):
            await repo.blobs.stat(digest)

    assert cost(miss, linked).calls == {"get_content": 1, "stat, missing": 1, "list": 1, "stat": 0}


def test_a_blob_that_is_not_there() -> None:
    async def miss(repo: AsyncRepository) -> None:
        with pytest.raises(BlobUnknownError):
            await repo.blobs.stat(Digest.of(b"missing"))

    assert seen(cost(miss)) == (1, 1)


def test_a_blob_under_another_digest() -> None:
    alias, target = Digest.of(b"content", "sha512"), Digest.of(b"content")
    before = (
        plant(layout.BlobData(target).path, b"content"),
        plant(layout.LayerLink(NAME, alias).path, target.encode()),
    )

    async def stat(repo: AsyncRepository) -> None:
        assert (await repo.blobs.stat(alias)).size == len(b"content")

    assert seen(cost(stat, *before)) == (2, 2)
    index = make_index()
    body = json.loads(index.manifest) | {
        "manifests": [described(b"content", OCTET_STREAM, "sha512")]
    }
    made = cost(lambda repo: repo.manifests.put(json.dumps(body).encode()), *before)
    assert made.calls == {"get_content": 2, "stat, missing": 1, "stat": 1, "put_content": 2}
    assert made.round_trips == 4


@pytest.mark.parametrize(("reference", "expected"), [("v1", (3, 2)), (IMAGE.digest, (2, 1))])
def test_a_manifest_by_tag_and_by_digest(reference: str, expected: tuple[int, int]) -> None:
    assert seen(cost(lambda repo: repo.manifests.get(reference), push_image)) == expected
    assert seen(cost(lambda repo: repo.manifests.stat(reference), push_image)) == expected
    assert seen(cost(lambda repo: repo.manifests.exists(reference), push_image)) == expected


def test_a_manifest_put() -> None:
    made = cost(put_manifest, push_blobs)
    assert seen(made) == (2 * CHILDREN + 4, 4)


def test_a_manifest_put_where_fresh_links_vouch() -> None:
    made = cost(put_manifest, push_blobs, policy=Policy(fresh_links=HOUR))
    assert seen(made) == (CHILDREN + 4, 4)


def test_a_manifest_put_where_links_are_no_longer_fresh() -> None:
    driver = Counting()

    async def wait(_repo: AsyncRepository) -> None:
        driver.clock.seconds += HOUR.total_seconds()

    made = cost(put_manifest, push_blobs, wait, policy=Policy(fresh_links=HOUR), driver=driver)
    assert seen(made) == (2 * CHILDREN + 4, 5)


def test_a_fresh_link_vouches_though_the_data_is_lost() -> None:
    async def lose(repo: AsyncRepository) -> None:
        await driver_of(repo).delete(layout.BlobData(Digest.of(IMAGE.blobs[1])).path)

    async def refused(repo: AsyncRepository) -> None:
        with pytest.raises(ManifestBlobUnknownError):
            await put_manifest(repo)

    cost(put_manifest, push_blobs, lose, policy=Policy(fresh_links=HOUR))
    cost(refused, push_blobs, lose)


def test_an_index_put() -> None:
    index = make_index(IMAGE, PLAIN)

    async def push_children(repo: AsyncRepository) -> None:
        await push_image(repo)
        await push(repo, PLAIN)

    put: Work = lambda repo: repo.manifests.put(index.manifest, tags=["v1"])  # noqa: E731
    assert seen(cost(put, push_children)) == (2 * 2 + 4, 4)
    assert seen(cost(put, push_children, policy=Policy(fresh_links=HOUR))) == (2 + 4, 4)


def test_an_index_of_other_content() -> None:
    """It may have been pushed as a manifest or as a blob: one link more, in a round trip more."""
    index = make_index()
    body = json.loads(index.manifest) | {"manifests": [described(b"x", OCTET_STREAM)]}
    made = cost(
        lambda repo: repo.manifests.put(json.dumps(body).encode()),
        lambda repo: repo.blobs.put(b"x"),
    )
    assert seen(made) == (3 + 2, 3)


def test_a_manifest_put_with_a_subject() -> None:
    first, second = (
        make_image("referrer", layers=0, subject=PLAIN.described(), annotations={"n": n})
        for n in "12"
    )

    async def put(repo: AsyncRepository) -> None:
        await repo.manifests.put(second.manifest)

    once_per_process = cost(
        lambda repo: repo.manifests.put(first.manifest), push_children_of(first)
    )
    assert seen(once_per_process) == (2 + 2 + 1 + 2, 5)
    made = cost(put, push_children_of(first), lambda repo: repo.manifests.put(first.manifest))
    assert seen(made) == (2 + 2 + 1, 3)


def push_children_of(image: Image) -> Work:
    async def put(repo: AsyncRepository) -> None:
        for blob in image.blobs:
            await repo.blobs.put(blob)

    return put


def test_a_push_in_the_stock_layout_never_looks_at_our_own_state() -> None:
    format_of_the_future = plant(layout.Format().path, b"99")
    assert seen(cost(push_image, format_of_the_future))[0] == 2 * CHILDREN + 2 * CHILDREN + 4


def many_tags(count: int, image: Image = PLAIN) -> Work:
    async def tag(repo: AsyncRepository) -> None:
        await push(repo, image)
        for number in range(count):
            await repo.tags.point(f"v{number:05}", image.digest)

    return tag


def test_a_page_of_tags() -> None:
    made = cost(lambda repo: repo.tags.page(100, "v00500"), many_tags(1200))
    assert made.calls == {"list": 1}


def test_an_untag() -> None:
    made = cost(lambda repo: repo.tags.delete("v1"), push_image)
    assert made.calls == {
        "delete_file": 1,
        "walk": 1,
        "delete_file, missing_ok": 1,
        "get_content": 1,
    }
    assert seen(made) == (5, 4)


def test_an_untag_of_a_tag_that_was_moved_often() -> None:
    async def move(repo: AsyncRepository) -> None:
        for number in range(20):
            await repo.tags.point("v1", Digest.of(str(number).encode()))

    made = cost(lambda repo: repo.tags.delete("v1"), move)
    assert made.calls == {"delete_file": 1, "walk": 1, "delete": 1, "get_content": 1}


def test_a_manifest_delete_with_a_hundred_tags() -> None:
    made = cost(lambda repo: repo.manifests.delete(PLAIN.digest), many_tags(100))
    assert made.calls == {
        "list": 2,
        "get_content": 1 + 2 * 100,
        "delete_file, missing_ok": 2 * 100,
        "walk": 100,
        "delete_file": 1,
    }
    assert made.requests == 505


def test_a_manifest_delete_reads_protected_tags_once_more() -> None:
    async def delete(repo: AsyncRepository) -> None:
        await repo.manifests.delete(IMAGE.digest)

    strict = Policy(tags=ImmutableTags("v*"))
    made = cost(delete, many_tags(10), push_untagged, policy=strict)
    assert made.calls == {"list": 2, "get_content": 3 * 10 + 1, "delete_file": 1}


async def push_untagged(repo: AsyncRepository) -> None:
    await push(repo, IMAGE)


def many_referrers(count: int) -> Work:
    async def refer(repo: AsyncRepository) -> None:
        await push(repo, PLAIN)
        for number in range(count):
            image = make_image(
                "referrer",
                layers=0,
                subject=PLAIN.described(),
                annotations={"number": str(number)},
            )
            await push(repo, image)
        await repo.referrers.reindex()

    return refer


def test_referrers_of_a_subject() -> None:
    async def read(repo: AsyncRepository) -> None:
        found = [each.digest async for each in repo.referrers.all(PLAIN.digest)]
        assert found == sorted(found)
        assert len(found) == 40

    made = cost(read, many_referrers(40))
    assert made.calls == {"list": 2, "get_content": 1 + 40}
    assert made.round_trips == 1 + 1 + 3


def test_a_page_of_referrers() -> None:
    made = cost(lambda repo: repo.referrers.page(PLAIN.digest, 5), many_referrers(40))
    assert made.calls == {"list": 2, "get_content": 1 + 6}
    assert made.round_trips == 3


def catalog_cost(names: list[str], last: str | None, expected: list[str]) -> Cost:
    driver = Counting()

    async def measure() -> Cost:
        for name in names:
            link = layout.RevisionLink(name, PLAIN.digest)
            await driver._inner.put_content(link.path, PLAIN.digest.encode())  # noqa: SLF001
        registry = AsyncRegistry(driver)
        made, page = await driver.measure(registry.repositories.page(100, last))
        assert (list(page.items), page.more) == (expected, True)
        return made

    return anyio.run(measure)


def test_a_page_of_the_catalog() -> None:
    names = [f"r{number:05}" for number in range(10_000)]
    first = catalog_cost(names, None, names[:100])
    assert (first.calls, first.round_trips) == ({"list": 1 + 101}, 1 + 7)
    middle = catalog_cost(names, names[4999], names[5000:5100])
    assert (middle.calls, middle.round_trips) == ({"list": 1 + 1 + 101}, 2 + 7)


def test_a_page_of_the_catalog_of_one_organisation() -> None:
    names = [f"library/r{number:05}" for number in range(2_000)]
    first = catalog_cost(names, None, names[:100])
    assert (first.calls, first.round_trips) == ({"list": 2 + 101}, 2 + 7)
    middle = catalog_cost(names, names[999], names[1000:1100])
    assert (middle.calls, middle.round_trips) == ({"list": 2 + 101}, 2 + 7)


def test_a_directory_of_more_names_than_are_asked_for_at_a_time() -> None:
    """``_manifests`` comes after the digits, and so is not among the first names."""
    names = ["a", *(f"a/{number:04}" for number in range(1_100)), "b"]

    async def read() -> list[str]:
        driver = Counting()
        for name in names:
            link = layout.RevisionLink(name, PLAIN.digest)
            await driver._inner.put_content(link.path, PLAIN.digest.encode())  # noqa: SLF001
        return [name async for name in AsyncRegistry(driver).repositories.all()]

    assert anyio.run(read) == names
    first = catalog_cost(names, None, names[:100])
    assert first.calls == {"list": 1 + 2 + 1 + 100}
    middle = catalog_cost(names, names[499], names[500:600])
    assert middle.calls == {"list": 1 + 1 + 101}


@pytest.mark.parametrize(
    ("age", "vouches"), [(0, True), (3599, True), (3600, False), (-3599, True), (-3600, False)]
)
def test_a_link_is_fresh_by_either_clock(age: int, vouches: bool) -> None:
    now = datetime(2026, 1, 2, tzinfo=UTC)
    modified = now - timedelta(seconds=age)
    assert Policy(fresh_links=HOUR).vouches(modified, now) is vouches
    assert not Policy().vouches(modified, now)
