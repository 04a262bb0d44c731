"""What must hold whatever is asked."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path, PurePath

import regstore
from regstore import layout
from regstore.digest import Digest
from regstore.driver import RESERVED_PREFIX
from tests.frontends.fuzzing.doors import Answer, Asked

CODES = {
    "BLOB_UNKNOWN",
    "BLOB_UPLOAD_INVALID",
    "BLOB_UPLOAD_UNKNOWN",
    "DENIED",
    "DIGEST_INVALID",
    "MANIFEST_BLOB_UNKNOWN",
    "MANIFEST_INVALID",
    "MANIFEST_UNKNOWN",
    "NAME_INVALID",
    "NAME_UNKNOWN",
    "SIZE_INVALID",
    "TOOMANYREQUESTS",
    "UNAUTHORIZED",
    "UNSUPPORTED",
}
"""Spec, "Error Codes"."""

SECRET = b"what lies beside the store"
BODILESS = {204, 304}


def place(above: Path) -> Path:
    """Return where the store is to lie: deep enough for ``..`` to find something beside it."""
    root = above / "one" / "two" / "root"
    root.mkdir(parents=True)
    for folder in (above, above / "one", above / "one" / "two"):
        (folder / "beside").write_bytes(SECRET)
    return root


def check_answer(asked: Asked, answer: Answer, root: Path) -> None:
    """Whether an answer is fit to be sent, tells no secret, and has the spec's shape."""
    assert 200 <= answer.status < 500, (answer.status, answer.body)
    for name, value in answer.headers:
        assert re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name), name
        assert re.fullmatch(r"[\t\x20-\x7e\x80-\xff]*", value), (name, value)
    told = answer.body + repr(answer.headers).encode()
    assert SECRET not in told
    assert str(root).encode() not in told
    length = answer.header("Content-Length")
    if asked.method != "HEAD" and answer.status not in BODILESS and length is not None:
        assert len(answer.body) == int(length)
    _check_links(answer)
    if answer.status >= 400 and asked.method != "HEAD" and not was_cut(asked):
        check_error(answer)


def was_cut(asked: Asked) -> bool:
    """Whether the client has gone, so that nobody reads the answer."""
    return asked.is_cut or (asked.announced or 0) > len(asked.body)


def check_error(answer: Answer) -> None:
    """Spec, "Error Codes"."""
    assert answer.header("Content-Type") == "application/json", answer
    document = json.loads(answer.body)
    assert document["errors"], document
    for error in document["errors"]:
        assert error["code"] in CODES, error
        assert isinstance(error["message"], str)


def _check_links(answer: Answer) -> None:
    location, link = answer.header("Location"), answer.header("Link")
    if location is not None:
        assert location.startswith("/v2/"), location
    if link is not None:
        assert re.fullmatch(r'</v2/[^<>"\s]*>; rel="next"', link), link


def check_surroundings(above: Path) -> None:
    """Whether nothing was written beside the store."""
    found = {path.relative_to(above).as_posix() for path in _outside(above)}
    beside = {"beside", "one", "one/beside", "one/two", "one/two/beside", "one/two/root"}
    assert found == beside
    assert all(path.read_bytes() == SECRET for path in _outside(above) if path.is_file())


def _outside(above: Path) -> Iterator[Path]:
    return chain(above.iterdir(), (above / "one").iterdir(), (above / "one/two").iterdir())


def check_store(root: Path) -> None:
    """Whether all that lies there has a place in the layout, and all content is what it is."""
    paths = _paths(root)
    known = [path for path in paths if not isinstance(layout.parse(path), layout.Foreign)]
    expected = {above.as_posix() for path in known for above in PurePath(path).parents} | {*known}
    assert [path for path in paths if path not in expected and not _is_drivers(path)] == []
    for path in known:
        found = layout.parse(path)
        if isinstance(found, layout.BlobData):
            assert Digest.of((root / path).read_bytes(), found.digest.algorithm) == found.digest
    assert not [*root.glob(f"{RESERVED_PREFIX}tmp/*")], "temporary files were left"


def _is_drivers(path: str) -> bool:
    return any(part.startswith(RESERVED_PREFIX) for part in path.split("/"))


def check_contents(root: Path) -> None:
    """Whether all that the store links and lists can be read."""
    with regstore.open(str(root)) as registry:
        for path in _paths(root):
            found = layout.parse(path)
            if isinstance(found, layout.LayerLink):
                registry.repository(found.name).blobs.stat(found.digest)
            elif isinstance(found, layout.RevisionLink):
                registry.repository(found.name).manifests.get(found.digest)
        for name in registry.repositories.all():
            repository = registry.repository(name)
            for tag in repository.tags.all():
                repository.manifests.get(tag)


def _paths(root: Path) -> list[str]:
    return [
        Path(folder, entry).relative_to(root).as_posix()
        for folder, folders, files in os.walk(root)
        for entry in (*folders, *files)
    ]
