"""The same pushes leave the same tree, whichever registry takes them."""

from __future__ import annotations

import re
from pathlib import Path

import regstore
from regstore import Repository
from regstore.digest import Digest
from tests.images import Image, make_image, make_index
from tests.interop.client import StockUpload, ask, push_image
from tests.interop.conftest import NAME
from tests.places import files_below
from tests.servers import StockRegistry

PARKED = b"half of something" * 1000
_UPLOAD = re.compile(r"(/_uploads/)[0-9a-f-]{36}(/.*)")
_STARTED = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def tree(root: Path) -> dict[str, bytes]:
    """What lies in the field's own tree, with its ids and times blotted out.

    Directories that stock leaves empty are left out, and so are saved hash states: stock keeps one
    for each time that it closed the upload.
    """
    return {
        _UPLOAD.sub(r"\1<id>\2", path): _STARTED.sub(b"<time>", content)
        for path, content in files_below(root / "docker" / "registry" / "v2").items()
        if not path.endswith("/") and "/hashstates/" not in path
    }


def platforms() -> list[Image]:
    return [make_image(name, architecture=name, layers=2) for name in ("amd64", "arm64")]


def push_to_stock(stock: StockRegistry) -> None:
    first, second = platforms()
    push_image(stock, NAME, first, str(first.digest))
    push_image(stock, NAME, second, str(second.digest))
    push_image(stock, NAME, make_index(first, second), "latest")
    push_image(stock, NAME, first, "moved")
    push_image(stock, NAME, second, "moved")
    digest = Digest.of(first.blobs[0])
    mount = f"{stock.url}/v2/other/name/blobs/uploads/?mount={digest}&from={NAME}"
    assert ask("POST", mount, b"").status == 201
    StockUpload.begin(stock, NAME).patch(PARKED)


def push_to_regstore(repo: Repository, other: Repository) -> None:
    first, second = platforms()
    first.push(repo)
    second.push(repo)
    make_index(first, second).push(repo, "latest")
    first.push(repo, "moved")
    second.push(repo, "moved")
    other.blobs.mount(Digest.of(first.blobs[0]), source=NAME)
    with repo.uploads.create() as upload:
        upload.write(PARKED)


def test_the_same_pushes_leave_the_same_tree(stock: StockRegistry, tmp_path: Path) -> None:
    push_to_stock(stock)
    with regstore.open(str(tmp_path / "ours")) as registry:
        push_to_regstore(registry.repository(NAME), registry.repository("other/name"))
    assert tree(tmp_path / "ours") == tree(stock.root)


def test_so_do_chunked_pushes_of_any_cut(stock: StockRegistry, tmp_path: Path) -> None:
    digest = Digest.of(PARKED)
    with regstore.open(str(tmp_path / "ours")) as registry:
        upload = registry.repository(NAME).uploads.create()
        for start in range(0, len(PARKED), 4001):
            upload.write(PARKED[start : start + 4001])
        upload.commit(digest)
    begun = StockUpload.begin(stock, NAME)
    begun.patch(PARKED[:10])
    assert begun.put(digest, PARKED[10:]).status == 201
    assert tree(tmp_path / "ours") == tree(stock.root)
