from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from regstore import layout
from regstore.digest import Digest
from regstore.errors import DigestInvalidError
from regstore.layout import PathSpec, parse

Cases = dict[str, list[dict[str, Any]]]

CASES = Path(__file__).parent.parent.parent / "shared" / "cases" / "path_layout.json"

# distribution's names for the specs, and its arguments' names, against ours. Its paths begin with
# "/", ours are relative to the driver's root.
STOCK_SPECS: dict[str, type[PathSpec]] = {
    "repositoriesRootPathSpec": layout.RepositoriesRoot,
    "manifestsPathSpec": layout.ManifestsRoot,
    "manifestRevisionsPathSpec": layout.RevisionsRoot,
    "manifestRevisionPathSpec": layout.Revision,
    "manifestRevisionLinkPathSpec": layout.RevisionLink,
    "manifestTagsPathSpec": layout.TagsRoot,
    "manifestTagPathSpec": layout.Tag,
    "manifestTagCurrentPathSpec": layout.TagCurrentLink,
    "manifestTagIndexPathSpec": layout.TagIndex,
    "manifestTagIndexEntryPathSpec": layout.TagIndexEntry,
    "manifestTagIndexEntryLinkPathSpec": layout.TagIndexLink,
    "layersPathSpec": layout.LayersRoot,
    "layerLinkPathSpec": layout.LayerLink,
    "uploadDataPathSpec": layout.UploadData,
    "uploadStartedAtPathSpec": layout.UploadStartedAt,
    "uploadHashStatePathSpec": layout.UploadHashState,
    "blobsPathSpec": layout.BlobsRoot,
    "blobPathSpec": layout.Blob,
    "blobDataPathSpec": layout.BlobData,
    "blobLinkPath": layout.LayerLink,
    "manifestRevisionLinkPath": layout.RevisionLink,
}
STOCK_FIELDS = {"revision": "digest", "id": "upload_id", "alg": "algorithm", "repo": "name"}


@pytest.fixture(scope="module")
def cases() -> Cases:
    if not CASES.exists():
        pytest.skip("the tables of cases are not here: ../shared/cases/path_layout.json")
    loaded: Cases = json.loads(CASES.read_text("utf-8"))
    return loaded


def stock_spec(name: str, arguments: dict[str, Any]) -> PathSpec:
    fields = {STOCK_FIELDS.get(key, key): value for key, value in arguments.items()}
    if fields.pop("list", False):
        del fields["offset"]
        return layout.UploadHashStates(**fields)
    return STOCK_SPECS[name](**fields)


def test_stock_paths_are_ours(cases: Cases) -> None:
    table = [*cases["path_for"], *cases["derived"]]
    assert table
    for case in table:
        spec = stock_spec(case["spec"], case["args"])
        assert f"/{spec.path}" == case["expected"]
        assert parse(spec.path) == spec


def test_stock_links_are_ours(cases: Cases) -> None:
    assert cases["link_path_funcs"]
    for case in cases["link_path_funcs"]:
        spec = stock_spec(case["func"], {"repo": case["repo"], "digest": case["digest"]})
        assert f"/{spec.path}" == case["expected"]


def test_stock_digests_are_read_off_paths(cases: Cases) -> None:
    assert cases["digest_from_path"]
    for case in cases["digest_from_path"]:
        found = parse(case["path"].removeprefix("/"))
        assert found == layout.BlobData(Digest(case["expected"]))


def test_stock_refuses_an_empty_digest_and_so_do_we(cases: Cases) -> None:
    assert cases["errors"]
    for case in cases["errors"]:
        with pytest.raises(DigestInvalidError):
            stock_spec(case["spec"], case["args"] | {"revision": ""})
