"""Links: stock registries truncate them before they write, so that an empty one is read again."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from regstore import ABSENT, Repository, layout
from regstore.digest import Digest
from regstore.errors import CorruptContentError
from regstore.links import SETTLE_SECONDS
from tests.images import make_image
from tests.places import Place, VirtualRuntime

NAME = "library/app"
IMAGE, OTHER = make_image("x", layers=0), make_image("other", layers=0)
BLOB = Digest.of(IMAGE.blobs[0])
TORN = [b"", b"sha", IMAGE.digest.encode()[:-1], IMAGE.digest.encode() + b"\n", b"\xff" * 71]

CURRENT = layout.TagCurrentLink(NAME, "v1").path
REVISION = layout.RevisionLink(NAME, IMAGE.digest).path
LAYER = layout.LayerLink(NAME, BLOB).path

READS: dict[str, tuple[str, Callable[[Repository], object]]] = {
    "tag": (CURRENT, lambda repo: repo.tags.get("v1")),
    "manifest": (REVISION, lambda repo: repo.manifests.get(IMAGE.digest).body),
    "manifest exists": (REVISION, lambda repo: repo.manifests.exists(IMAGE.digest)),
    "blob": (LAYER, lambda repo: repo.blobs.get(BLOB)),
    "blob exists": (LAYER, lambda repo: repo.blobs.exists(BLOB)),
    "mount": (LAYER, lambda repo: repo.blobs.mount(BLOB, source=NAME)),
    "swap": (CURRENT, lambda repo: repo.tags.set("v1", IMAGE.digest, expect=ABSENT)),
    "set": (REVISION, lambda repo: repo.tags.set("v1", IMAGE.digest)),
}


@pytest.fixture
def repo(virtual: Place) -> Repository:
    repo = virtual.repository(NAME)
    IMAGE.push(repo, "v1")
    return repo


@pytest.mark.parametrize(("path", "read"), READS.values(), ids=READS.keys())
def test_a_torn_link_is_read_again(
    virtual: Place,
    runtime: VirtualRuntime,
    repo: Repository,
    path: str,
    read: Callable[[Repository], object],
) -> None:
    expected, whole = read(repo), virtual.read(path)
    for torn in TORN:
        virtual.write(path, torn)
        whole_again = runtime.clock.seconds + SETTLE_SECONDS * 0.9
        runtime.plans.append((whole_again, lambda: virtual.write(path, whole)))
        assert read(repo) == expected
        assert not runtime.plans, "it was read before it was whole"


@pytest.mark.parametrize(("path", "read"), READS.values(), ids=READS.keys())
def test_a_link_that_stays_torn_is_corrupt(
    virtual: Place,
    runtime: VirtualRuntime,
    repo: Repository,
    path: str,
    read: Callable[[Repository], object],
) -> None:
    for torn in TORN:
        virtual.write(path, torn)
        begin = runtime.clock.seconds
        with pytest.raises(CorruptContentError) as caught:
            read(repo)
        assert caught.value.path == path
        assert SETTLE_SECONDS <= runtime.clock.seconds - begin < SETTLE_SECONDS * 1.2


def test_a_link_that_is_gone_in_the_end_is_gone(
    virtual: Place, runtime: VirtualRuntime, repo: Repository
) -> None:
    virtual.write(LAYER, b"")
    runtime.plans.append((0.5, lambda: virtual.delete(LAYER)))
    assert not repo.blobs.exists(BLOB)


def test_a_whole_link_is_read_without_waiting(runtime: VirtualRuntime, repo: Repository) -> None:
    repo.manifests.get("v1")
    assert runtime.clock.seconds == 0


def test_a_torn_tag_is_left_out_and_stops_nothing(virtual: Place, repo: Repository) -> None:
    OTHER.push(repo, "v2")
    virtual.write(layout.TagCurrentLink(NAME, "v2").path, b"")
    assert list(repo.tags.all(verify=True)) == ["v1"]
    assert repo.tags.naming(IMAGE.digest) == ["v1"]
    repo.manifests.delete(IMAGE.digest)
    assert list(repo.tags.all()) == ["v2"]


def test_what_is_torn_is_repaired_by_pushing_it_again(virtual: Place, repo: Repository) -> None:
    for path in (CURRENT, REVISION, LAYER):
        virtual.write(path, b"")
    IMAGE.push(repo, "v1")
    assert repo.manifests.get("v1").body == IMAGE.manifest
    assert repo.blobs.get(BLOB) == IMAGE.blobs[0]


def test_a_torn_tag_can_be_deleted(virtual: Place, repo: Repository) -> None:
    virtual.write(CURRENT, b"")
    repo.tags.delete("v1")
    assert list(repo.tags.all()) == []
