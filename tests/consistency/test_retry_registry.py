"""A registry over a store that fails: a client that repeats what failed has lost nothing."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import TypeVar

import pytest

from regstore import Registry, Repository
from regstore.consistency import Retrying
from regstore.drivers.memory import MemoryDriver, MemoryStore
from regstore.errors import TransientError
from tests.consistency.faulty import Faulty
from tests.places import VirtualRuntime

IMAGES = 25
T = TypeVar("T")


def insistent(call: Callable[[], T]) -> T:
    """Call again what failed for a moment, as clients of a registry do."""
    for _ in range(5):
        try:
            return call()
        except TransientError:
            continue
    pytest.fail("it never succeeds")


def push(repository: Repository, number: int) -> None:
    with repository.uploads.create() as upload:
        upload.write(b"config of ")
        upload.write(str(number).encode())
        upload.park()
    config = repository.blobs.put(f"config of {number}".encode())
    layer = repository.blobs.put(f"layer of {number}".encode())
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": config.digest,
            "size": config.size,
        },
        "layers": [
            {
                "mediaType": "application/vnd.oci.image.layer.v1.tar",
                "digest": layer.digest,
                "size": layer.size,
            }
        ],
    }
    repository.manifests.put(json.dumps(manifest).encode(), tags=[f"v{number}", "latest"])


@pytest.mark.parametrize("seed", range(4))
def test_what_was_pushed_is_there(seed: int) -> None:
    runtime = VirtualRuntime()
    runtime.random = random.Random(seed)
    store = MemoryStore()
    faulty = Faulty(MemoryDriver(store, runtime), rate=0.05, seed=seed)
    retrying = Retrying(faulty)
    repository = Registry(retrying).repository("library/app")
    for number in range(IMAGES):
        insistent(lambda n=number: push(repository, n))  # type: ignore[misc]
    assert retrying.counts.retries
    seen = Registry(MemoryDriver(store)).repository("library/app")
    assert set(seen.tags.all()) == {"latest", *(f"v{number}" for number in range(IMAGES))}
    assert seen.tags.get("latest") == seen.tags.get(f"v{IMAGES - 1}")
    for number in range(IMAGES):
        manifest = json.loads(seen.manifests.get(f"v{number}").body)
        assert seen.blobs.get(manifest["config"]["digest"]) == f"config of {number}".encode()
        assert seen.blobs.get(manifest["layers"][0]["digest"]) == f"layer of {number}".encode()
