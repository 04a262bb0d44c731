"""What one server begins, the other goes on with."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier

import httpx
import pytest

from regstore.digest import Digest
from tests.frontends.client import Repo, codes
from tests.images import make_image

Repos = tuple[Repo, Repo]
BLOB = random.Random(7).randbytes(1_500_000)

either_pair = pytest.mark.parametrize("pair", ["two", "mixed"], indirect=True)


def at_once(*calls: Callable[[], httpx.Response]) -> list[httpx.Response]:
    """Make *calls* in threads of their own, at the same moment."""
    barrier = Barrier(len(calls))

    def call(each: Callable[[], httpx.Response]) -> httpx.Response:
        barrier.wait()
        return each()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(call, calls))


def push_alternating(repos: Repos, seed: int) -> Digest:
    """Push a blob whose every request goes to the server that the last one did not go to."""
    choose = random.Random(seed)
    blob = choose.randbytes(len(BLOB))
    location, offset, turn = repos[0].begin(), 0, 1
    while offset < len(blob):
        chunk = blob[offset : offset + choose.randint(1, 300_000)]
        last = offset + len(chunk) - 1
        answer = repos[turn % 2].patch(location, chunk, f"{offset}-{last}")
        assert (answer.status_code, answer.headers["Range"]) == (202, f"0-{last}"), answer.text
        standing = repos[(turn + 1) % 2].ask("GET", location)
        assert (standing.status_code, standing.headers["Range"]) == (204, f"0-{last}")
        offset, turn = last + 1, turn + choose.choice([1, 3])
    digest = Digest.of(blob)
    assert repos[turn % 2].finish(location, digest).status_code == 201
    assert [repo.ask("GET", f"blobs/{digest}").content == blob for repo in repos] == [True, True]
    return digest


@either_pair
def test_uploads_change_their_server_at_every_request(repos: Repos) -> None:
    with ThreadPoolExecutor(8) as pool:
        pushed = set(pool.map(lambda seed: push_alternating(repos, seed), range(24)))
    assert len(pushed) == 24


@either_pair
def test_what_one_server_cancels_the_other_forgets(repos: Repos) -> None:
    location = repos[0].begin()
    assert repos[1].patch(location, BLOB[:1000]).status_code == 202
    assert repos[0].ask("DELETE", location).status_code == 204
    for repo in repos:
        gone = repo.patch(location, BLOB[:1000])
        assert (gone.status_code, codes(gone)) == (404, ["BLOB_UPLOAD_UNKNOWN"])


@either_pair
def test_an_upload_that_both_finish_is_finished_once(repos: Repos) -> None:
    for seed in range(20):
        blob = random.Random(seed).randbytes(10_000)
        digest, location = Digest.of(blob), repos[0].begin()
        assert repos[1].patch(location, blob).status_code == 202
        answers = at_once(*(partial(repo.finish, location, digest) for repo in repos))
        assert [answer.status_code for answer in answers] == [201, 201]
        assert repos[0].ask("GET", f"blobs/{digest}").content == blob


@either_pair
def test_of_two_chunks_for_one_place_one_is_taken(repos: Repos) -> None:
    for seed in range(20):
        location = repos[0].begin()
        assert repos[1].patch(location, BLOB[:1000]).status_code == 202
        chunks = [random.Random(f"{seed}{side}").randbytes(400_000) for side in "ab"]
        answers = at_once(
            *(
                partial(repo.patch, location, chunk, "1000-400999")
                for repo, chunk in zip(repos, chunks, strict=True)
            )
        )
        assert sorted(answer.status_code for answer in answers) in ([202, 409], [202, 416])
        taken = BLOB[:1000] + chunks[0 if answers[0].status_code == 202 else 1]
        assert repos[seed % 2].finish(location, Digest.of(taken)).status_code == 201


@either_pair
def test_an_image_is_pushed_and_deleted_half_here_and_half_there(repos: Repos) -> None:
    here, there = repos
    image = make_image("halves", layers=4)
    for number, blob in enumerate(image.blobs):
        repos[number % 2].push_blob(blob)
    assert there.put_manifest("v1", image.manifest, image.media_type).status_code == 201
    sbom = make_image("sbom", subject=image.described())
    here.push(sbom, "sbom")
    assert [repo.tags() for repo in repos] == [["sbom", "v1"]] * 2
    listed = there.referrers(image.digest).json()["manifests"]
    assert [each["digest"] for each in listed] == [sbom.digest]
    mounted = Repo(there.http, f"{there.name}/mounted")
    for blob in image.blobs:
        query = f"?mount={Digest.of(blob)}&from={here.name}"
        assert mounted.ask("POST", f"blobs/uploads/{query}").status_code == 201
    assert here.ask("DELETE", f"manifests/{image.digest}").status_code == 202
    assert there.ask("GET", "manifests/v1").status_code == 404
    assert mounted.push(image, "v1").status_code == 201
