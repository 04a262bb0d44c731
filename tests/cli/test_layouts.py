from __future__ import annotations

import json
from pathlib import Path

import pytest

from regstore import Repository
from tests.cli.conftest import Regstore
from tests.images import make_image, make_index
from tests.modes import regstore_bound_by_modes
from tests.ocilayout.layouts import Layout, as_directory, as_tar_gz, path_of
from tests.places import files_below


@pytest.fixture
def layout() -> Layout:
    return Layout()


def test_import_tells_what_came_in(
    run: Regstore, root: Path, repo: Repository, layout: Layout, tmp_path: Path
) -> None:
    image = make_image("one", layers=2)
    layout.list(image, "1")
    archive = as_tar_gz(layout, tmp_path / "x.tar.gz")
    done = run("import", root, "library/app", archive)
    assert (done.code, done.err) == (0, "")
    assert f"library/app:1  {image.digest}" in done.out
    assert "imported 1 manifest: 4 objects" in done.out
    assert repo.tags.get("1") == image.digest
    assert (
        "0 objects (0 bytes) copied, 4 objects" in run("import", root, "library/app", archive).out
    )


def test_import_takes_one_entry_under_other_tags(
    run: Regstore, root: Path, repo: Repository, layout: Layout, tmp_path: Path
) -> None:
    image = make_image("one")
    layout.list(image, "docker.io/library/app:1")
    layout.list(make_image("two"), "2")
    folder = as_directory(layout, tmp_path / "layout")
    options = ["--reference", "docker.io/library/app:1", "--tag", "a", "--tag", "b", "--json"]
    document = run("import", root, "library/app", folder, *options).document
    assert document["tags"] == {"a": image.digest, "b": image.digest}
    assert list(repo.tags.all()) == ["a", "b"]


def test_import_of_a_sparse_index_says_what_it_left_out(
    run: Regstore, root: Path, layout: Layout, tmp_path: Path
) -> None:
    here, elsewhere = make_image("here"), make_image("elsewhere")
    layout.hold(here)
    layout.list(make_index(here, elsewhere), "multi")
    folder = as_directory(layout, tmp_path / "layout")
    refused = run("import", root, "library/app", folder)
    assert refused.code == 1
    assert elsewhere.digest in refused.err
    done = run("import", root, "library/app", folder, "--sparse")
    assert done.code == 0
    assert f"left out, as it is missing: {elsewhere.digest}" in done.out


def test_a_failed_import_says_what_is_wrong(
    run: Regstore, root: Path, layout: Layout, tmp_path: Path
) -> None:
    image = make_image("one")
    layout.list(image, "1")
    layout.files[path_of(image.blobs[1])] = bytes(len(image.blobs[1]))
    folder = as_directory(layout, tmp_path / "layout")
    failed = run("import", root, "library/app", folder, "--json")
    assert failed.code == 1
    assert failed.err.startswith("regstore: ")
    assert failed.err.count("\n") == 1
    assert "fetch the layout again" in failed.err
    error = failed.document["error"]
    assert isinstance(error, dict)
    assert error["type"] == "DigestInvalidError"
    assert error["code"] == "DIGEST_INVALID"
    assert error["message"] in failed.err


@pytest.mark.parametrize("target", ["library/app", "library/app:1", "library/app@{digest}"])
def test_export_of_a_repository_a_tag_or_a_digest(
    target: str, run: Regstore, root: Path, repo: Repository, tmp_path: Path
) -> None:
    image = make_image("one")
    image.push(repo, "1")
    done = run("export", root, target.format(digest=image.digest), tmp_path / "out", "--json")
    assert done.code == 0
    assert done.document["tags"] == ({} if "@" in target else {"1": image.digest})
    index = json.loads((tmp_path / "out/index.json").read_bytes())
    assert [each["digest"] for each in index["manifests"]] == [image.digest]


def test_export_leaves_referrers_out_when_asked(
    run: Regstore, root: Path, repo: Repository, tmp_path: Path
) -> None:
    image = make_image("one")
    image.push(repo, "1")
    make_image("bill", subject=image.described()).push(repo)
    assert "exported 2 manifests" in run("export", root, "library/app", tmp_path / "a").out
    bare = run("export", root, "library/app", tmp_path / "b", "--no-referrers")
    assert "exported 1 manifest:" in bare.out


def test_export_changes_nothing_in_the_registry(
    run: Regstore, root: Path, repo: Repository, tmp_path: Path
) -> None:
    make_image("one").push(repo, "1")
    before = files_below(root)
    run("export", root, "library/app", tmp_path / "out")
    assert files_below(root) == before


def test_a_layout_comes_back_from_an_archive_the_same(
    run: Regstore, root: Path, repo: Repository, tmp_path: Path
) -> None:
    make_image("one", layers=3).push(repo, "1", "latest")
    run("export", root, "library/app", tmp_path / "a.tar")
    run("import", tmp_path / "other", "copy", tmp_path / "a.tar")
    run("export", tmp_path / "other", "copy", tmp_path / "b.tar")
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()


def test_a_layout_without_content_is_to_be_completed(
    run: Regstore, root: Path, layout: Layout, tmp_path: Path
) -> None:
    """No switch helps where it is no manifest of an index that is missing."""
    image = make_image("one")
    layout.list(image, "1")
    del layout.files[path_of(image.blobs[0])]
    failed = run("import", root, "library/app", as_directory(layout, tmp_path / "layout"))
    assert failed.code == 1
    assert "complete it" in failed.err
    assert "sparse" not in failed.err
    layout = Layout()
    layout.list(make_index(image), "multi")
    failed = run("import", root, "library/app", as_directory(layout, tmp_path / "index"))
    assert "complete it, or take sparse indexes (--sparse" in failed.err


def test_of_several_images_one_is_to_be_chosen_by_name(
    run: Regstore, root: Path, layout: Layout, tmp_path: Path
) -> None:
    layout.list(make_image("one"), "first")
    layout.list(make_image("two"), "second")
    folder = as_directory(layout, tmp_path / "layout")
    failed = run("import", root, "library/app", folder, "--tag", "a")
    assert failed.code == 2
    assert failed.err.endswith("choose one as reference (--reference): first, second\n")
    chosen = run("import", root, "library/app", folder, "--tag", "a", "--reference", "first")
    assert chosen.code == 0


def test_refusals_say_whether_the_layout_or_the_registry_refuses(
    root: Path, repo: Repository, layout: Layout, tmp_path: Path
) -> None:
    make_image("one").push(repo, "1")
    layout.list(make_image("two"), "2")
    source = as_directory(layout, tmp_path / "source")
    above = tmp_path / "above"
    above.mkdir()
    refusals = {
        ("import", root, "library/app", source): (source / "index.json", "oci-layout"),
        ("export", root, "library/app", above / "out"): (above, "oci-layout"),
        ("export", root, "library/app", above / "out.tar"): (above, "oci-layout"),
        ("export", root, "library/app", tmp_path / "out"): (root / "docker", "local"),
    }
    for args, (closed, side) in refusals.items():
        mode = closed.stat().st_mode
        closed.chmod(0)
        failed = regstore_bound_by_modes(*args)
        closed.chmod(mode)
        assert failed.returncode == 1
        assert failed.stderr.startswith(f"regstore: {side}: permission denied: ")
        if side == "oci-layout":
            assert str(closed) in failed.stderr
