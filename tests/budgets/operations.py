"""What is counted: each operation as a server or an operator would ask for it."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, cached_property

from regstore import Repository, tombstones
from regstore.digest import Digest
from regstore.policy import Policy
from tests.budgets.stores import Place, Store
from tests.budgets.trees import tag_links
from tests.budgets.wire import Wire, watched
from tests.images import make_image

NAME = "library/app"
BLOB = b"content"
DIGEST = Digest.of(BLOB)
IMAGE = make_image("costs", layers=8)
PLAIN = make_image("plain", layers=0)
REFERRERS = 20
TAGS = 100

_FRESH = Policy(fresh_links=timedelta(hours=1))


@dataclass(frozen=True)
class Stage:
    """A store, and a place in it where an image has been pushed."""

    store: Store

    @cached_property
    def stocked(self) -> Place:
        place = self.store.place()
        with place.open() as registry:
            repo = registry.repository(NAME)
            repo.blobs.put(BLOB)
            IMAGE.push(repo, "v1")
        return place


Operation = Callable[[Stage], Wire]
OPERATIONS: dict[str, Operation] = {}


def _operation(name: str) -> Callable[[Operation], Operation]:
    def keep(operation: Operation) -> Operation:
        OPERATIONS[name] = operation
        return operation

    return keep


def counted(
    place: Place, *steps: Callable[[Repository], object], policy: Policy | None = None
) -> Wire:
    """Count what *steps* send, each through a registry of its own.

    That of each has learnt of late whether a collector is at work: it asks once a minute.
    """
    with ExitStack() as stack:
        registries = [stack.enter_context(place.open(policy)) for _ in steps]
        for registry in registries:
            registry.driver.runtime.run(tombstones.refresh(registry._core._scope))  # noqa: SLF001
        with watched() as wire:
            for step, registry in zip(steps, registries, strict=True):
                step(registry.repository(NAME))
    return wire


@cache
def _content(mib: int) -> tuple[bytes, Digest]:
    content = random.Random(mib).randbytes(mib << 20)
    return content, Digest.of(content)


@_operation("blob of up to 8 MiB from memory")
def small_blob(stage: Stage) -> Wire:
    return counted(stage.store.place(), lambda repo: repo.blobs.put(BLOB, DIGEST))


def _post_patch_put(stage: Stage, mib: int) -> Wire:
    content, digest = _content(mib)
    begun: list[str] = []

    def post(repo: Repository) -> None:
        begun.append(repo.uploads.create().id)

    def patch(repo: Repository) -> None:
        with repo.uploads.resume(begun[0]) as upload:
            upload.receive([content], offset=0)

    def put(repo: Repository) -> None:
        repo.uploads.resume(begun[0]).finish(digest, [])

    return counted(stage.store.place(), post, patch, put)


def _post_put(stage: Stage, mib: int) -> Wire:
    content, digest = _content(mib)
    begun: list[str] = []

    def post(repo: Repository) -> None:
        begun.append(repo.uploads.create().id)

    def put(repo: Repository) -> None:
        repo.uploads.resume(begun[0]).finish(digest, [content])

    return counted(stage.store.place(), post, put)


@_operation("POST, PATCH, PUT of 1 MiB")
def chunked_upload(stage: Stage) -> Wire:
    return _post_patch_put(stage, 1)


@_operation("POST, PATCH, PUT of 20 MiB")
def large_chunked_upload(stage: Stage) -> Wire:
    return _post_patch_put(stage, 20)


@_operation("POST, PUT of 1 MiB")
def monolithic_upload(stage: Stage) -> Wire:
    return _post_put(stage, 1)


@_operation("POST, PUT of 20 MiB")
def large_monolithic_upload(stage: Stage) -> Wire:
    return _post_put(stage, 20)


def _parked(stage: Stage) -> tuple[Place, str]:
    place = stage.store.place()
    with place.open() as registry, registry.repository(NAME).uploads.create() as upload:
        upload.write(BLOB)
    return place, upload.id


@_operation("status of a parked upload")
def status(stage: Stage) -> Wire:
    place, upload_id = _parked(stage)
    return counted(place, lambda repo: repo.uploads.resume(upload_id).status())


@_operation("cancel of a parked upload")
def cancel(stage: Stage) -> Wire:
    place, upload_id = _parked(stage)
    return counted(place, lambda repo: repo.uploads.resume(upload_id).cancel())


@_operation("blob stat")
def blob_stat(stage: Stage) -> Wire:
    return counted(stage.stocked, lambda repo: repo.blobs.stat(DIGEST))


@_operation("blob read")
def blob_read(stage: Stage) -> Wire:
    return counted(stage.stocked, lambda repo: repo.blobs.get(DIGEST))


@_operation("mount")
def mount(stage: Stage) -> Wire:
    return counted(stage.stocked, lambda repo: repo.blobs.mount(DIGEST, NAME))


@_operation("manifest put, 8 layers and a config")
def manifest_put(stage: Stage) -> Wire:
    return counted(stage.stocked, lambda repo: repo.manifests.put(IMAGE.manifest, tags=["v1"]))


@_operation("the same, where fresh links vouch")
def manifest_put_fresh(stage: Stage) -> Wire:
    return counted(
        stage.stocked, lambda repo: repo.manifests.put(IMAGE.manifest, tags=["v1"]), policy=_FRESH
    )


@_operation("manifest by tag")
def manifest_by_tag(stage: Stage) -> Wire:
    return counted(stage.stocked, lambda repo: repo.manifests.get("v1"))


@_operation("manifest by digest")
def manifest_by_digest(stage: Stage) -> Wire:
    return counted(stage.stocked, lambda repo: repo.manifests.get(IMAGE.digest))


@_operation("untag")
def untag(stage: Stage) -> Wire:
    with stage.stocked.open() as registry:
        registry.repository(NAME).tags.set("old", IMAGE.digest)
    return counted(stage.stocked, lambda repo: repo.tags.delete("old"))


@_operation("manifest delete, 100 tags name it")
def manifest_delete(stage: Stage) -> Wire:
    tags = [f"v{number:03}" for number in range(TAGS)]
    place = stage.store.planted(tag_links(NAME, PLAIN.digest, tags))
    with place.open() as registry:
        PLAIN.push(registry.repository(NAME))
    return counted(place, lambda repo: repo.manifests.delete(PLAIN.digest))


@_operation("referrers of a subject, 20 of them")
def referrers(stage: Stage) -> Wire:
    place = stage.store.place()
    with place.open() as registry:
        repo = registry.repository(NAME)
        PLAIN.push(repo)
        repo.referrers.reindex()
        for number in range(REFERRERS):
            numbered = {"number": str(number)}
            image = make_image("plain", layers=0, subject=PLAIN.described(), annotations=numbered)
            repo.manifests.put(image.manifest)
    return counted(place, lambda repo: list(repo.referrers.all(PLAIN.digest)))
