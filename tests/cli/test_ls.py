from __future__ import annotations

import json
from pathlib import Path

import pytest

import regstore
from regstore import Repository
from regstore.layout import BlobData, LayerLink, RepositoryRoot, TagCurrentLink
from tests.cli.conftest import Regstore
from tests.images import make_image, make_index
from tests.modes import regstore_bound_by_modes
from tests.places import files_below


def test_repositories_are_listed_one_a_line(run: Regstore, root: Path) -> None:
    registry = regstore.open(str(root))
    for name in ("b", "a", "a/c"):
        make_image(name).push(registry.repository(name), "1")
    assert run("ls", root).out == "a\na/c\nb\n"
    assert run("ls", root, "--json").document == {"repositories": ["a", "a/c", "b"]}


def test_where_nothing_is_a_hint_helps(run: Regstore, root: Path) -> None:
    root.mkdir()
    done = run("ls", root, "--json")
    assert (done.code, done.document) == (0, {"repositories": []})
    assert "docker/registry/v2" in done.err


def test_all_that_a_repository_holds(run: Regstore, root: Path, repo: Repository) -> None:
    image = make_image("one")
    bill = make_image("bill", subject=image.described(), artifactType="application/sbom")
    image.push(repo, "1", "latest")
    bill.push(repo)
    with repo.uploads.create() as upload:
        upload.write(b"begun")
    document = run("ls", root, "library/app", "--json").document
    assert document["tags"] == [
        {"tag": "1", "digest": image.digest},
        {"tag": "latest", "digest": image.digest},
    ]
    manifests = document["manifests"]
    assert isinstance(manifests, list)
    assert {each["digest"]: each["tags"] for each in manifests} == {
        image.digest: ["1", "latest"],
        bill.digest: [],
    }
    blobs = document["blobs"]
    assert isinstance(blobs, list)
    assert {each["size"] for each in blobs} == {len(b) for b in (*image.blobs, *bill.blobs)}
    uploads = document["uploads"]
    assert isinstance(uploads, list)
    assert [each["upload"] for each in uploads] == [upload.id]
    assert document["referrers"] == [
        {
            "subject": image.digest,
            "digest": bill.digest,
            "artifactType": "application/sbom",
            "size": len(bill.manifest),
        }
    ]


def test_digests_are_never_cut(run: Regstore, root: Path, repo: Repository) -> None:
    image = make_image("one")
    image.push(repo, "1")
    lines = run("ls", root, "library/app", "--only", "tags").out.splitlines()
    assert lines == ["tags (1)", f"  1  {image.digest}"]


def test_listing_changes_nothing(run: Regstore, root: Path, repo: Repository) -> None:
    image = make_image("one")
    image.push(repo, "1")
    before = files_below(root)
    for target in ("library/app", "library/app:1"):
        assert run("ls", root, target).code == 0
    assert files_below(root) == before


def test_a_manifest_is_taken_apart(run: Regstore, root: Path, repo: Repository) -> None:
    platforms = [make_image(name, architecture=name) for name in ("amd64", "arm64")]
    index = make_index(*platforms)
    for each in platforms:
        each.push(repo)
    index.push(repo, "multi")
    make_image("bill", subject=index.described(), artifactType="application/sbom").push(repo)
    repo.blobs.delete(regstore.Digest.of(platforms[1].blobs[1]))
    by_tag = run("ls", root, "library/app:multi")
    assert by_tag.out == run("ls", root, f"library/app@{index.digest}").out
    lines = by_tag.out.splitlines()
    assert [line.split()[0] for line in lines] == [
        *("manifest", "manifest", "config", "layer", "manifest", "config", "layer", "referrer")
    ]
    assert [line.endswith("missing") for line in lines].index(True) == 6
    assert "linux/arm64" in lines[4]
    document = run("ls", root, "library/app:multi", "--json").document
    assert document["digest"] == index.digest
    references = document["references"]
    assert isinstance(references, list)
    assert [each["platform"] for each in references] == ["linux/amd64", "linux/arm64"]


def test_what_cannot_be_read_is_told_and_the_rest_shown(
    run: Regstore, root: Path, repo: Repository
) -> None:
    good, bad = make_image("good"), make_image("bad")
    good.push(repo, "good")
    bad.push(repo, "bad")
    (root / BlobData(bad.digest).path).write_bytes(b"garbage")
    (root / TagCurrentLink("library/app", "lost").path).parent.mkdir(parents=True)
    done = run("ls", root, "library/app", "--json")
    assert done.code == 1
    manifests = done.document["manifests"]
    assert isinstance(manifests, list)
    errors = {each["digest"]: each.get("error") for each in manifests}
    assert errors[good.digest] is None
    assert "push the manifest again" in str(errors[bad.digest])


def test_what_commands_a_terminal_is_not_shown(run: Regstore, root: Path, repo: Repository) -> None:
    image = make_image("one")
    image.push(repo, "1")
    make_image("evil", subject=image.described(), artifactType="a/b\x1b]0;owned\x07").push(repo)
    for target in ("library/app", "library/app:1"):
        done = run("ls", root, target)
        assert "owned" in done.out
        assert "\x1b" not in done.out
        assert "\x07" not in done.out


@pytest.mark.parametrize("lost", ["blob", "manifest"])
def test_what_is_lost_of_a_manifest_is_a_failure(
    lost: str, run: Regstore, root: Path, repo: Repository
) -> None:
    image = make_image("one")
    index = make_index(image)
    image.push(repo)
    index.push(repo, "1")
    digest = image.digest if lost == "manifest" else regstore.Digest.of(image.blobs[1])
    (root / BlobData(digest).path).unlink()
    done = run("ls", root, "library/app:1")
    assert done.code == 1
    (line,) = [line for line in done.out.splitlines() if "lost" in line]
    assert digest in line.split()
    assert "push it again" in line
    as_json = run("ls", root, "library/app:1", "--json")
    assert as_json.code == 1
    assert "push it again" in as_json.out


def test_unreadable_repositories_are_named_and_the_others_listed(root: Path) -> None:
    registry = regstore.open(str(root))
    for name in ("a", "b/deep", "b/other", "c", "d"):
        make_image(name).push(registry.repository(name), "1")
    closed = [root / RepositoryRoot(name).path for name in ("a", "b/deep", "d")]
    for each in closed:
        each.chmod(0)
    try:
        done = regstore_bound_by_modes("ls", root)
        as_json = regstore_bound_by_modes("ls", root, "--json")
        alone = regstore_bound_by_modes("ls", root, "b/deep")
    finally:
        for each in closed:
            each.chmod(0o755)
    assert (done.returncode, done.stdout) == (1, "b/other\nc\n")
    lines = done.stderr.splitlines()
    paths = [RepositoryRoot(name).path for name in ("a", "b/deep", "d")]
    for path, line in zip(sorted(paths), sorted(lines), strict=True):
        assert line.startswith(f"regstore: local: permission denied: '{path}'")
    assert as_json.returncode == 1
    document = json.loads(as_json.stdout)
    assert document["repositories"] == ["b/other", "c"]
    assert {each["path"] for each in document["unreadable"]} == {*paths}
    assert alone.returncode == 1
    assert f"permission denied: '{paths[1]}" in alone.stderr


def test_unreadable_content_is_named_and_the_rest_listed(root: Path, repo: Repository) -> None:
    image = make_image("one", layers=2)
    image.push(repo, "1")
    layer, config = (regstore.Digest.of(image.blobs[number]) for number in (1, 0))
    link = root / LayerLink("library/app", layer).path
    link.parent.chmod(0)
    data = root / BlobData(config).path
    data.parent.chmod(0)
    try:
        done = regstore_bound_by_modes("ls", root, "library/app", "--json")
        taken_apart = regstore_bound_by_modes("ls", root, "library/app:1", "--json")
    finally:
        link.parent.chmod(0o755)
        data.parent.chmod(0o755)
    assert done.returncode == taken_apart.returncode == 1
    document = json.loads(done.stdout)
    assert [each["tag"] for each in document["tags"]] == ["1"]
    assert len(document["blobs"]) == 2
    (error,) = [each["error"] for each in document["blobs"] if "error" in each]
    assert "permission denied" in error
    (unreadable,) = document["unreadable"]
    assert unreadable["path"] == str(link.parent.relative_to(root))
    references = json.loads(taken_apart.stdout)["references"]
    assert ["error" in each for each in references] == [True, True, False]


def test_a_store_of_which_nothing_can_be_read(root: Path, repo: Repository) -> None:
    make_image("one").push(repo, "1")
    root.chmod(0)
    try:
        done = regstore_bound_by_modes("ls", root)
    finally:
        root.chmod(0o755)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "permission denied" in done.stderr


def test_a_url_that_is_no_directory_is_said_to_be_none(run: Regstore, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    file, nothing = run("ls", tmp_path / "file"), run("ls", tmp_path / "nothing")
    assert file.code == nothing.code == 1
    assert f"{tmp_path / 'file'} is not a directory" in file.err
    assert f"path not found: '{tmp_path / 'nothing'}'" in nothing.err
    assert file.out == nothing.out == ""
