"""Everything that a registry does, and what its store is asked for."""

from __future__ import annotations

from random import Random

import pytest

from regstore import ABSENT, Digest, Registry, Repository
from regstore.drivers.memory import MemoryDriver
from regstore.errors import BlobUnknownError, ManifestUnknownError, TagConflictError
from regstore.testing.faults import RecordingDriver
from tests.consistency.traffic import Wrap
from tests.images import make_image
from tests.places import VirtualRuntime

FIRST, SECOND = make_image("first"), make_image("second", layers=2)
CONTENT = b"a layer " * 500


def life(repo: Repository) -> None:
    """Do everything that a registry does, hits and misses."""
    with pytest.raises(ManifestUnknownError):
        repo.manifests.get("v1")
    for image in (FIRST, SECOND):
        image.push(repo, "v1")
    assert repo.manifests.get("v1").body == SECOND.manifest
    repo.tags.set("v1", FIRST.digest, expect=SECOND.digest)
    with pytest.raises(TagConflictError):
        repo.tags.set("v1", SECOND.digest, expect=ABSENT)
    with repo.uploads.create() as upload:
        upload.write(CONTENT[:1000])
    repo.uploads.resume(upload.id).finish(Digest.of(CONTENT), [CONTENT[1000:]], offset=1000)
    assert repo.blobs.get(Digest.of(CONTENT)) == CONTENT
    repo.blobs.delete(Digest.of(CONTENT))
    with pytest.raises(BlobUnknownError):
        repo.blobs.stat(Digest.of(CONTENT))
    assert list(repo.tags.all()) == ["v1"]
    repo.tags.delete("v1")
    repo.manifests.delete(FIRST.digest)
    assert list(repo.manifests.all()) == [SECOND.digest]


def asked(wrap: Wrap) -> list[str]:
    """Return what a store is asked for that shows its writes at once."""
    runtime = VirtualRuntime()
    runtime.random = Random(0)
    store = RecordingDriver(MemoryDriver(runtime=runtime))
    life(Registry(wrap(store)).repository("library/app"))
    assert runtime.clock.seconds == 0, "nothing was waited for"
    return store.names
