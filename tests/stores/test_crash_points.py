"""Every operation, cut short at every one of its storage calls, then looked at and done again."""

from __future__ import annotations

import itertools
import random
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from regstore import ABSENT, Registry, Repository, layout
from regstore.digest import Digest
from regstore.driver import StorageDriver
from regstore.drivers.local import LocalDriver
from regstore.drivers.memory import MemoryDriver, MemoryStore
from regstore.errors import (
    BlobUploadUnknownError,
    ManifestUnknownError,
    NameUnknownError,
    RegistryError,
    TransientError,
)
from tests.images import lay_out, make_image
from tests.places import Place, VirtualRuntime
from tests.stores.faults import Call, Crash, Hook, Hooked, crash_at, fail_at

NAME, OTHER = "library/app", "library/other"
BLOB = random.Random(5).randbytes(1500)
HALF = 700
DIGEST, SHA512 = Digest.of(BLOB), Digest.of(BLOB, "sha512")
KEPT, OLD, NEW = (
    make_image("same", layers=0, annotations={"is": name}) for name in ("kept", "old", "new")
)
SIGNATURE, SBOM = (
    make_image("referrer", layers=0, subject=KEPT.described(), artifactType=f"application/{kind}")
    for kind in ("signature", "sbom")
)
FAR = b"far away"
UPLOAD_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

Tree = dict[str, bytes]


@dataclass
class Site:
    """A store with something in it, opened anew as often as need be.

    :ivar upload_id: of an upload in progress.
    """

    reopen: Callable[[], StorageDriver]
    root: Path | None
    images: Path
    upload_id: str = ""

    def place(self) -> Place:
        return Place(self.reopen(), self.root)

    def registry(self) -> Registry:
        return self.place().open()

    def repo(self, name: str = NAME) -> Repository:
        return self.registry().repository(name)

    @property
    def keeps_parked(self) -> bool:
        """Whether what was parked proves what an upload had, until its link is written."""
        return self.reopen().capabilities.parked_notes

    def tree(self) -> Tree:
        return {UPLOAD_ID.sub("<id>", path): body for path, body in self.place().files().items()}


@dataclass(frozen=True)
class Operation:
    """What is done, and what one who does it again may be told.

    :ivar taken: bytes of the upload in progress that were parked before.
    :ivar stateless: whether the hash state of those was lost.
    :ivar finished: what a repetition raises where the first time it was done already.
    :ivar lost: the crash points after which the session is over and its content unproven; each as
        ``moment call path-within-repository``.
    """

    act: Callable[[Registry, Site], object]
    taken: int = HALF
    stateless: bool = False
    finished: type[RegistryError] | tuple[()] = ()
    lost: frozenset[str] = field(default_factory=frozenset)


def put_whole(registry: Registry, _: Site) -> None:
    registry.repository(NAME).blobs.put(BLOB)


def put_chunks(registry: Registry, _: Site) -> None:
    registry.repository(NAME).blobs.put([BLOB[:HALF], BLOB[HALF:]])


def create(registry: Registry, _: Site) -> None:
    with registry.repository(NAME).uploads.create() as upload:
        upload.write(BLOB[:HALF])


def go_on(registry: Registry, site: Site) -> None:
    with registry.repository(NAME).uploads.resume(site.upload_id) as upload:
        upload.write(BLOB[upload.status() :])


def finish(registry: Registry, site: Site) -> None:
    upload = registry.repository(NAME).uploads.resume(site.upload_id)
    with suppress(BlobUploadUnknownError):  # perhaps it was committed
        upload.write(BLOB[upload.status() :])
    upload.commit(DIGEST)


def commit(registry: Registry, site: Site) -> None:
    registry.repository(NAME).uploads.resume(site.upload_id).commit(DIGEST)


def commit_sha512(registry: Registry, site: Site) -> None:
    registry.repository(NAME).uploads.resume(site.upload_id).commit(SHA512)


def cancel(registry: Registry, site: Site) -> None:
    registry.repository(NAME).uploads.resume(site.upload_id).cancel()


def mount(registry: Registry, _: Site) -> None:
    registry.repository(NAME).blobs.mount(Digest.of(FAR), OTHER)


def put_manifest(registry: Registry, _: Site) -> None:
    registry.repository(NAME).manifests.put(SBOM.manifest, tags=["moves", "sbom"])


def set_tag(registry: Registry, _: Site) -> None:
    registry.repository(NAME).tags.set("moves", NEW.digest)


def swap_tag(registry: Registry, _: Site) -> None:
    registry.repository(NAME).tags.set("moves", NEW.digest, expect=OLD.digest)


def claim_tag(registry: Registry, _: Site) -> None:
    registry.repository(NAME).tags.set("claimed", NEW.digest, expect=ABSENT)


def delete_tag(registry: Registry, _: Site) -> None:
    registry.repository(NAME).tags.delete("moves")


def delete_tag_as_expected(registry: Registry, _: Site) -> None:
    registry.repository(NAME).tags.delete("moves", expect=OLD.digest)


def delete_manifest(registry: Registry, _: Site) -> None:
    registry.repository(NAME).manifests.delete(SIGNATURE.digest)


def delete_repository(registry: Registry, _: Site) -> None:
    registry.delete_repository(NAME)


def import_layout(registry: Registry, site: Site) -> None:
    registry.repository("library/imported").import_layout(site.images)


LINK = "_layers/sha256/<hex>/link"
UNPROVEN = frozenset(
    {
        f"crash-before put_content {LINK}",
        "crash-after writer.commit _uploads/<id>/data",
        f"error put_content {LINK}",
        "lost-answer writer.commit _uploads/<id>/data",
    }
)
"""Between publishing what was never parked, so that no hash state proves it, and its link."""

OPERATIONS = {
    "put-whole": Operation(put_whole),
    "put-chunks": Operation(put_chunks),
    "create": Operation(create),
    "go-on": Operation(go_on),
    "finish": Operation(finish, lost=UNPROVEN),
    "commit": Operation(commit, len(BLOB)),
    "commit-without-a-state": Operation(commit, len(BLOB), stateless=True),
    "commit-other-digest": Operation(commit_sha512, len(BLOB)),
    "cancel": Operation(cancel, finished=BlobUploadUnknownError),
    "mount": Operation(mount),
    "put-manifest": Operation(put_manifest),
    "set-tag": Operation(set_tag),
    "swap-tag": Operation(swap_tag),
    "claim-tag": Operation(claim_tag),
    "delete-tag": Operation(delete_tag, finished=ManifestUnknownError),
    "delete-tag-as-expected": Operation(delete_tag_as_expected, finished=ManifestUnknownError),
    "delete-manifest": Operation(delete_manifest, finished=ManifestUnknownError),
    "delete-repository": Operation(delete_repository, finished=NameUnknownError),
    "import-layout": Operation(import_layout),
}
FAULTS: dict[str, Callable[[int], Hook]] = {
    "crash-before": lambda number: crash_at(number, "before"),
    "crash-after": lambda number: crash_at(number, "after"),
    "error": lambda number: fail_at(number, "before"),
    "lost-answer": lambda number: fail_at(number, "after"),
}
# A disk, where each call costs a sync, shows what only files have: uploads, and directories.
ON_DISK = ["put-chunks", "go-on", "finish", "commit", "commit-other-digest", "cancel"]
CASES = [
    *itertools.product(["memory"], OPERATIONS, FAULTS),
    *itertools.product(["local"], [*ON_DISK, "delete-repository"], ["crash-after"]),
    *itertools.product(["local"], ["put-chunks", "finish"], ["error"]),
]


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("images") / "layout"
    lay_out(root, "v1", make_image("imported"))
    return root


@pytest.fixture
def make_site(
    request: pytest.FixtureRequest, tmp_path: Path, images: Path
) -> Callable[[Operation], Site]:
    numbers = itertools.count()
    template = tmp_path / "template"

    def memory(operation: Operation) -> Site:
        store = MemoryStore()
        site = Site(lambda: MemoryDriver(store, runtime=VirtualRuntime()), None, images)
        return furnish(site, operation)

    def local(operation: Operation) -> Site:
        root = tmp_path / str(next(numbers))
        site = Site(lambda: LocalDriver(root, runtime=VirtualRuntime()), root, images)
        if template.exists():
            shutil.copytree(template, root)  # costs less than to furnish: nothing is synced
            site.upload_id = next(iter(site.repo().uploads.all())).upload_id
            return site
        furnish(site, operation)
        shutil.copytree(root, template)
        return site

    return memory if request.param == "memory" else local


def furnish(site: Site, operation: Operation) -> Site:
    repo = site.repo()
    KEPT.push(repo, "kept")
    OLD.push(repo, "moves")
    NEW.push(repo)
    SIGNATURE.push(repo, "signed", "signature")
    list(repo.referrers.all(KEPT.digest))
    other = site.repo(OTHER)
    other.blobs.put(FAR)
    KEPT.push(other, "kept")
    with repo.uploads.create() as upload:
        upload.write(BLOB[: operation.taken])
    site.upload_id = upload.id
    if operation.stateless:
        forget_state(site, operation.taken)
    return site


def forget_state(site: Site, taken: int) -> None:
    """Leave the bytes of the upload in progress without the state of their hash."""
    driver = site.reopen()
    if driver.capabilities.parked_notes:
        data = layout.UploadData(NAME, site.upload_id).path
        writer = driver.runtime.run(driver.writer(data))
        driver.runtime.run(writer.write(BLOB[:taken]))
        driver.runtime.run(writer.park())
    else:
        state = layout.UploadHashState(NAME, site.upload_id, "sha256", taken)
        site.place().delete(state.path)


def cut_short(site: Site, operation: Operation, hook: Hook) -> bool:
    """Do it until it is cut short; return whether it was acknowledged."""
    try:
        operation.act(Registry(Hooked(site.reopen(), hook)), site)
    except (Crash, TransientError):
        return False
    return True


def assert_untorn(site: Site) -> None:
    """Whatever can be seen is whole."""
    for path, body in site.place().files().items():
        spec = None if path.endswith("/") else layout.parse(path)
        if isinstance(spec, layout.BlobData):
            assert Digest.of(body, spec.digest.algorithm) == spec.digest
    registry = site.registry()
    for name in registry.repositories.all():
        repo = registry.repository(name)
        for blob in repo.blobs.all():
            repo.blobs.get(blob)
        for reference in (*repo.manifests.all(), *repo.tags.all(verify=True)):
            document = repo.manifests.get(reference).document
            assert all(repo.blobs.exists(each.descriptor.digest) for each in document.references)
        for referrer in repo.referrers.all(KEPT.digest):
            assert repo.manifests.exists(referrer.digest)


def assert_kept(site: Site, operation: Operation) -> None:
    """What was acknowledged before, and is none of the operation's business, is there."""
    names = [OTHER] if operation.act is delete_repository else [OTHER, NAME]
    for repo in map(site.repo, names):
        assert repo.manifests.get("kept").body == KEPT.manifest
    if operation.act is delete_repository:
        return
    assert repo.manifests.get(NEW.digest).body == NEW.manifest
    tags = set(repo.tags.all(verify=True))
    assert "moves" in tags or operation.finished is ManifestUnknownError
    if "moves" in tags:
        assert repo.tags.get("moves") in {OLD.digest, NEW.digest, SBOM.digest}
    if operation.act in {go_on, create}:
        assert repo.uploads.resume(site.upload_id).status() in {HALF, len(BLOB)}


def repeat(site: Site, operation: Operation) -> bool:
    """Do it again; return whether it was told that the session is over, its content unproven."""
    try:
        operation.act(site.registry(), site)
    except BlobUploadUnknownError:
        return operation.finished is not BlobUploadUnknownError
    except operation.finished:
        return False
    return False


def settle(site: Site, operation: Operation) -> Tree:
    """End the upload that was gone on with, discard those nobody has, and return what is there."""
    registry = site.registry()
    if operation.act is go_on:
        registry.repository(NAME).uploads.resume(site.upload_id).commit(DIGEST)
    if operation.act is delete_manifest:  # a tag whose deletion was cut short is listed still
        for tag in ("signature", "signed"):
            with suppress(ManifestUnknownError):
                registry.repository(NAME).tags.delete(tag)
    with suppress(BlobUploadUnknownError):
        registry.repository(NAME).uploads.resume(site.upload_id).cancel()
    for name in (NAME, "library/imported"):
        uploads = registry.repository(name).uploads
        for info in uploads.all():
            uploads.resume(info.upload_id).cancel()
    assert_untorn(site)
    return site.tree()


def point(call: Call, moment: str) -> str:
    """Say where the call stands, apart from ids and digests."""
    within = UPLOAD_ID.sub("<id>", call.path.rpartition(f"{NAME}/")[2])
    return f"{moment} {call.name} {re.sub(r'(/[0-9a-f]{2})?/[0-9a-f]{64,}', '/<hex>', within)}"


@pytest.mark.parametrize(("make_site", "name", "fault"), CASES, indirect=["make_site"])
def test_cut_short_at_every_call(
    make_site: Callable[[Operation], Site], name: str, fault: str
) -> None:
    operation = OPERATIONS[name]
    undisturbed = make_site(operation)
    watched = Hooked(undisturbed.reopen())
    operation.act(Registry(watched), undisturbed)
    expected = settle(undisturbed, operation)
    lost = set()
    for call in watched.calls:
        site = make_site(operation)
        acknowledged = cut_short(site, operation, FAULTS[fault](call.number))
        assert_untorn(site)
        assert_kept(site, operation)
        if acknowledged:
            assert settle(site, operation) == expected, call
        if repeat(site, operation):
            lost.add(point(call, fault))
            digest = SHA512 if operation.act is commit_sha512 else DIGEST
            assert not any("_uploads" in path for path in site.tree())
            site.repo().blobs.put(BLOB, digest)
        assert settle(site, operation) == expected, call
    may_be_lost = set() if undisturbed.keeps_parked else operation.lost
    assert lost == {each for each in may_be_lost if each.startswith(fault)}
