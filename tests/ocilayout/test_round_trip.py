"""What goes out and comes in again is the same, whatever it is."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regstore import Repository
from regstore.digest import Digest
from regstore.oci import OCI_INDEX, OCI_MANIFEST
from tests import places
from tests.images import Json, described

LAYER = "application/vnd.oci.image.layer.v1.tar"
FOREIGN = "application/vnd.oci.image.layer.nondistributable.v1.tar"
ALGORITHMS = st.sampled_from(["sha256", "sha384", "sha512"])
BLOBS = st.sampled_from([b"", b"{}", b"layer", bytes(100_000)])


@dataclass(frozen=True)
class Pushed:
    """A manifest of the repository, as other manifests describe it."""

    descriptor: Json


def put(repo: Repository, fields: Json, media_type: str, algorithm: str) -> Pushed:
    body = json.dumps({"schemaVersion": 2, "mediaType": media_type} | fields).encode()
    descriptor = described(body, media_type, algorithm)
    repo.manifests.put(body, media_type, str(descriptor["digest"]))
    return Pushed(descriptor)


@st.composite
def repositories(draw: st.DrawFn) -> Repository:
    """A repository with images, indexes of those and of indexes, referrers of any, and tags."""
    repo = places.memory().repository()
    pushed: list[Pushed] = []
    for number in range(draw(st.integers(1, 7))):
        kind = draw(st.sampled_from(["image", "index"])) if pushed else "image"
        fields: Json = {"annotations": {"number": str(number)}}
        refers = draw(st.booleans())
        if pushed and refers:
            fields["subject"] = draw(st.sampled_from(pushed)).descriptor
        if kind == "image":
            fields |= {"config": _blob(draw, repo), "layers": _layers(draw, repo)}
            pushed.append(put(repo, fields, OCI_MANIFEST, draw(ALGORITHMS)))
        else:
            chosen = draw(st.lists(st.sampled_from(pushed), max_size=3))
            fields["manifests"] = [each.descriptor for each in chosen]
            pushed.append(put(repo, fields, OCI_INDEX, draw(ALGORITHMS)))
    for tag in draw(st.sets(st.sampled_from(["1", "latest", "v1.0_x"]), min_size=1)):
        repo.tags.set(tag, str(draw(st.sampled_from(pushed)).descriptor["digest"]))
    return repo


def _blob(draw: st.DrawFn, repo: Repository) -> Json:
    content, algorithm = draw(BLOBS), draw(ALGORITHMS)
    descriptor = described(content, LAYER, algorithm)
    repo.blobs.put(content, str(descriptor["digest"]))
    return descriptor


def _layers(draw: st.DrawFn, repo: Repository) -> list[Json]:
    layers = [_blob(draw, repo) for _ in range(draw(st.integers(0, 3)))]
    if draw(st.booleans()):
        urls = {"urls": ["https://example.com/layer"]}
        layers.append(described(b"elsewhere", FOREIGN) | urls)
    return layers


def summary(repo: Repository, roots: list[str]) -> dict[str, object]:
    """Everything that can be read of *repo*, from the tags and digests in *roots* on."""
    manifests = {digest: repo.manifests.get(digest).body for digest in repo.manifests.all()}
    return {
        "roots": {root: repo.manifests.get(root).digest for root in roots},
        "manifests": manifests,
        "blobs": {digest: repo.blobs.get(digest) for digest in repo.blobs.all()},
        "referrers": {digest: list(repo.referrers.all(digest)) for digest in manifests},
    }


@pytest.mark.parametrize("name", ["layout", "layout.tar"])
@settings(max_examples=60)  # each one is a whole repository, and there are three of these
@given(original=repositories())
def test_all_of_a_repository_comes_back(name: str, original: Repository) -> None:
    roots = [*original.tags.all(), *original.manifests.all()]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        original.export_layout(path, roots)
        copy = places.memory().repository("another/name")
        copy.import_layout(path)
        assert summary(copy, roots) == summary(original, roots)
        copy.export_layout(Path(folder) / "again.tar", roots)
        original.export_layout(Path(folder) / "once.tar", roots)
        assert (Path(folder) / "again.tar").read_bytes() == (Path(folder) / "once.tar").read_bytes()


@settings(max_examples=60)  # each one is a whole repository, and there are three of these
@given(original=repositories())
def test_what_hangs_on_the_tags_comes_back_and_nothing_else(original: Repository) -> None:
    tags = list(original.tags.all())
    with tempfile.TemporaryDirectory() as folder:
        result = original.export_layout(Path(folder) / "layout")
        copy = places.memory().repository("another/name")
        copy.import_layout(Path(folder) / "layout")
    assert list(copy.tags.all()) == tags
    assert set(copy.manifests.all()) == {each.digest for each in result.manifests}
    needed = {Digest(digest) for digest in reachable(original, tags)}
    assert set(copy.manifests.all()) | set(copy.blobs.all()) == needed


def reachable(repo: Repository, references: list[str]) -> set[str]:
    """Every digest that hangs on *references*; written as the specification says it."""
    found: set[str] = set()
    pending = [str(repo.manifests.get(reference).digest) for reference in references]
    while pending:
        digest = pending.pop()
        if digest in found:
            continue
        found.add(digest)
        fields = json.loads(repo.manifests.get(digest).body)
        pending += [each["digest"] for each in fields.get("manifests", [])]
        pending += [str(each.digest) for each in repo.referrers.all(digest)]
        blobs = [*fields.get("layers", []), *([fields["config"]] if "config" in fields else [])]
        found |= {blob["digest"] for blob in blobs if blob["mediaType"] != FOREIGN}
    return found
