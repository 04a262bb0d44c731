from __future__ import annotations

from pathlib import Path

import regstore
from regstore import Repository
from regstore.layout import BlobData, TagCurrentLink
from tests.cli.conftest import Regstore
from tests.images import make_image, make_index
from tests.places import files_below


def test_repositories_are_listed_one_a_line(run: Regstore, root: Path) -> None:
    registry = regstore.open(str(root))
    for name in ("b", "a", "a/c"):
        make_image(name).push(registry.repository(name), "1")
    assert run("ls", root).out == "a\na/c\nb\n"
    assert run("ls", root, "--json").document == {"repositories": ["a", "a/c", "b"]}


def test_where_nothing_is_a_hint_helps(run: Regstore, root: Path) -> None:
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
