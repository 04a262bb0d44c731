"""What a user may hand in wrongly is told in words, at once, and before anything is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import regstore
from regstore.errors import InvalidPathError, NameUnknownError


def registry() -> regstore.Registry:
    return regstore.open("memory://")


def test_a_path_object_is_a_url(tmp_path: Path) -> None:
    regstore.open(tmp_path).repository("a").blobs.put(b"x")
    assert regstore.open(str(tmp_path)).repository("a").blobs.exists(regstore.Digest.of(b"x"))


@pytest.mark.parametrize("missing", [True, False])
def test_a_directory_that_is_there_or_not_yet_is_well(tmp_path: Path, *, missing: bool) -> None:
    regstore.open(tmp_path / "later" if missing else tmp_path).ping()


def test_a_root_that_can_never_work_is_not_well(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"")
    with pytest.raises(InvalidPathError, match="not a directory"):
        regstore.open(file).ping()


@pytest.mark.parametrize("body", [None, "text", {"schemaVersion": 2}, Path("file"), 7])
def test_what_is_no_body_begins_nothing(body: Any) -> None:  # noqa: ANN401
    repo = registry().repository("a")
    for put in (repo.blobs.put, repo.manifests.put):
        with pytest.raises(TypeError, match="a body is bytes"):
            put(body)
    assert not list(repo.uploads.all())


def test_rules_of_another_type_are_named() -> None:
    wrong: Any = regstore.ImmutableTags("v*")
    with pytest.raises(TypeError, match=r"Policy\(tags="):
        regstore.open("memory://", policy=wrong)
    with pytest.raises(TypeError, match="notify"):
        regstore.open("memory://", observer=wrong)


def test_expecting_none_is_told_from_expecting_absence() -> None:
    wrong: Any = None
    with pytest.raises(TypeError, match="ABSENT"):
        registry().repository("a").tags.delete("latest", expect=wrong)


def test_a_prefix_of_names_is_no_repository() -> None:
    store = registry()
    store.repository("my/app").blobs.put(b"x")
    assert list(store.repository("my/app").tags.all()) == []
    for name in ("my", "zz"):
        with pytest.raises(NameUnknownError):
            list(store.repository(name).tags.all())


def test_public_names_are_there() -> None:
    assert all(hasattr(regstore, name) for name in regstore.__all__)
