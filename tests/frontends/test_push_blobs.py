"""OCI distribution specification, "Pushing blobs": monolithic, in chunks, cancelled, mounted."""

from __future__ import annotations

import random
import re
from urllib.parse import urlsplit

import httpx
import pytest

from regstore.digest import Digest
from tests.frontends.client import OCTETS, Repo, chunked, codes

BLOB = random.Random(8).randbytes(3000)
DIGEST = Digest.of(BLOB)
WRONG = Digest.of(b"something else")
UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
ALGORITHMS = ["sha256", "sha512"]
INVALID_DIGESTS = ["", "sha256:short", "sha256", "nonsense", f"md5:{'0' * 32}", f"x:{DIGEST.hex}"]


def assert_created(repo: Repo, answer: httpx.Response, blob: bytes, digest: Digest) -> None:
    assert answer.status_code == 201, answer.text
    pulled = repo.ask("GET", answer.headers["Location"])
    assert (pulled.status_code, pulled.content) == (200, blob)
    assert answer.headers["Docker-Content-Digest"] == digest
    assert repo.ask("HEAD", f"blobs/{digest}").status_code == 200


def standing(repo: Repo, location: str) -> str:
    answer = repo.ask("GET", location)
    assert answer.status_code == 204
    assert urlsplit(answer.headers["Location"]).path == urlsplit(location).path
    value: str = answer.headers["Range"]
    return value


# POST then PUT


def test_post_then_put_begins_with_a_session_of_its_own(repo: Repo) -> None:
    answers = [repo.ask("POST", "blobs/uploads/") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    locations = {answer.headers["Location"] for answer in answers}
    assert len(locations) == 2
    assert all(re.search(UUID, location) for location in locations)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("size", [0, 1, 3000, 1_500_000])
def test_post_then_put(repo: Repo, algorithm: str, size: int) -> None:
    blob = random.Random(size).randbytes(size)
    digest = Digest.of(blob, algorithm)
    assert_created(repo, repo.finish(repo.begin(), digest, blob), blob, digest)


def test_post_then_put_without_a_length(repo: Repo) -> None:
    url = f"{repo.begin()}?digest={DIGEST}"
    answer = repo.ask("PUT", url, chunked(BLOB), **OCTETS)
    assert_created(repo, answer, BLOB, DIGEST)


@pytest.mark.parametrize("digest", [WRONG, *INVALID_DIGESTS])
def test_post_then_put_with_an_invalid_digest(repo: Repo, digest: str) -> None:
    answer = repo.finish(repo.begin(), digest, BLOB)
    assert (answer.status_code, codes(answer)) == (400, ["DIGEST_INVALID"])
    assert repo.ask("HEAD", f"blobs/{DIGEST}").status_code == 404


def test_post_then_put_without_a_digest(repo: Repo) -> None:
    answer = repo.ask("PUT", repo.begin(), BLOB, **OCTETS)
    assert (answer.status_code, codes(answer)) == (400, ["DIGEST_INVALID"])


def test_post_then_put_to_a_session_that_is_not_there(repo: Repo, other: Repo) -> None:
    elsewhere = other.begin().rpartition("/")[2]
    for session in ("00000000-0000-4000-8000-000000000000", "nonsense", elsewhere):
        location = f"/v2/{repo.name}/blobs/uploads/{session}"
        for answer in (
            repo.finish(location, DIGEST, BLOB),
            repo.patch(location, BLOB),
            repo.ask("GET", location),
            repo.ask("DELETE", location),
        ):
            assert (answer.status_code, codes(answer)) == (404, ["BLOB_UPLOAD_UNKNOWN"])


# Single POST


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("blob", [b"", b"{}", BLOB])
def test_single_post(repo: Repo, algorithm: str, blob: bytes) -> None:
    digest = Digest.of(blob, algorithm)
    answer = repo.ask("POST", f"blobs/uploads/?digest={digest}", blob, **OCTETS)
    assert_created(repo, answer, blob, digest)


@pytest.mark.parametrize("digest", [WRONG, *INVALID_DIGESTS])
def test_single_post_with_an_invalid_digest(repo: Repo, digest: str) -> None:
    answer = repo.ask("POST", f"blobs/uploads/?digest={digest}", BLOB, **OCTETS)
    assert (answer.status_code, codes(answer)) == (400, ["DIGEST_INVALID"])
    assert repo.ask("HEAD", f"blobs/{DIGEST}").status_code == 404


# Pushing a blob in chunks


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("last_by_put", [True, False])
@pytest.mark.parametrize("is_told", [True, False])
def test_pushing_a_blob_in_chunks(
    repo: Repo, algorithm: str, last_by_put: bool, is_told: bool
) -> None:
    location = repo.begin(f"?digest-algorithm={algorithm}" if is_told else "")
    for start in (0, 1000):
        answer = repo.patch(location, BLOB[start : start + 1000], f"{start}-{start + 999}")
        assert answer.status_code == 202
        assert answer.headers["Range"] == f"0-{start + 999}"
        location = answer.headers["Location"]
    if not last_by_put:
        location = repo.patch(location, BLOB[2000:], "2000-2999").headers["Location"]
        answer = repo.finish(location, Digest.of(BLOB, algorithm))
    else:
        digest = Digest.of(BLOB, algorithm)
        answer = repo.finish(location, digest, BLOB[2000:], Content_Range="2000-2999")
    assert_created(repo, answer, BLOB, Digest.of(BLOB, algorithm))


def test_pushing_a_blob_in_chunks_with_an_unsupported_algorithm(repo: Repo) -> None:
    answer = repo.ask("POST", "blobs/uploads/?digest-algorithm=md5")
    assert (answer.status_code, codes(answer)) == (400, ["DIGEST_INVALID"])


def test_pushing_a_blob_in_one_stream(repo: Repo) -> None:
    location = repo.begin()
    answer = repo.ask("PATCH", location, chunked(BLOB), **OCTETS)
    assert (answer.status_code, answer.headers["Range"]) == (202, "0-2999")
    assert_created(repo, repo.finish(answer.headers["Location"], DIGEST), BLOB, DIGEST)


@pytest.mark.parametrize("start", [0, 500, 1001, 2000])
def test_pushing_a_blob_in_chunks_out_of_order(repo: Repo, start: int) -> None:
    location = repo.patch(repo.begin(), BLOB[:1000], "0-999").headers["Location"]
    answer = repo.patch(location, BLOB[start : start + 1000], f"{start}-{start + 999}")
    assert answer.status_code == 416
    assert answer.headers["Range"] == "0-999"
    assert standing(repo, location) == "0-999"
    answer = repo.finish(answer.headers["Location"], DIGEST, BLOB[1000:], Content_Range="1000-2999")
    assert_created(repo, answer, BLOB, DIGEST)


def test_pushing_a_blob_in_chunks_must_begin_at_zero(repo: Repo) -> None:
    location = repo.begin()
    assert repo.patch(location, BLOB[1:], "1-2999").status_code == 416
    assert repo.patch(location, BLOB, "0-2999").status_code == 202


def test_pushing_a_large_chunk_out_of_order_is_answered(repo: Repo) -> None:
    chunk = bytes(8 << 20)
    location = repo.begin()
    answer = repo.patch(location, chunk, f"1-{len(chunk)}")
    assert answer.status_code == 416


def test_closing_the_session_with_a_chunk_out_of_order(repo: Repo) -> None:
    location = repo.patch(repo.begin(), BLOB[:1000], "0-999").headers["Location"]
    answer = repo.finish(location, DIGEST, BLOB[2000:], Content_Range="2000-2999")
    assert (answer.status_code, answer.headers["Range"]) == (416, "0-999")
    answer = repo.finish(location, DIGEST, BLOB[1000:], Content_Range="1000-2999")
    assert_created(repo, answer, BLOB, DIGEST)


@pytest.mark.parametrize("content_range", ["0-", "-5", "a-b", "bytes 0-9", "0-9/10", "5-0", ""])
def test_pushing_a_chunk_whose_range_is_malformed(repo: Repo, content_range: str) -> None:
    location = repo.begin()
    answer = repo.patch(location, BLOB[:10], content_range)
    assert (answer.status_code, codes(answer)) == (400, ["BLOB_UPLOAD_INVALID"])
    assert standing(repo, location) == "0-0"


@pytest.mark.parametrize("content_range", ["0-8", "0-10"])
def test_pushing_a_chunk_whose_range_is_not_its_length(repo: Repo, content_range: str) -> None:
    location = repo.begin()
    answer = repo.patch(location, BLOB[:10], content_range)
    assert (answer.status_code, codes(answer)) == (400, ["SIZE_INVALID"])
    answer = repo.ask("PATCH", location, chunked(BLOB[:10], 4), Content_Range=content_range)
    assert (answer.status_code, codes(answer)) == (400, ["SIZE_INVALID"])
    offset = int(standing(repo, location).removeprefix("0-")) + 1
    assert offset <= 10
    repo.ask("DELETE", location)


@pytest.mark.parametrize("by_stream", [True, False])
def test_closing_the_session_with_another_digest(repo: Repo, by_stream: bool) -> None:
    body = chunked(BLOB) if by_stream else BLOB
    location = repo.ask("PATCH", repo.begin(), body, **OCTETS).headers["Location"]
    answer = repo.finish(location, WRONG)
    assert (answer.status_code, codes(answer)) == (400, ["DIGEST_INVALID"])
    assert repo.ask("HEAD", f"blobs/{WRONG}").status_code == 404


def test_closing_the_session_twice(repo: Repo) -> None:
    location = repo.patch(repo.begin(), BLOB).headers["Location"]
    assert_created(repo, repo.finish(location, DIGEST), BLOB, DIGEST)
    assert_created(repo, repo.finish(location, DIGEST), BLOB, DIGEST)


def test_the_current_status_of_an_upload(repo: Repo) -> None:
    location = repo.begin()
    assert standing(repo, location) == "0-0"
    for end in (700, 1400):
        location = repo.patch(location, BLOB[end - 700 : end]).headers["Location"]
        assert standing(repo, location) == f"0-{end - 1}"
    assert_created(repo, repo.finish(location, DIGEST, BLOB[1400:]), BLOB, DIGEST)


# Cancel a blob upload


@pytest.mark.parametrize("taken", [0, 1000])
def test_cancel_a_blob_upload(repo: Repo, taken: int) -> None:
    location = repo.begin()
    if taken:
        location = repo.patch(location, BLOB[:taken]).headers["Location"]
    assert repo.ask("DELETE", location, Content_Length="0").status_code == 204
    for answer in (repo.ask("GET", location), repo.patch(location, BLOB)):
        assert (answer.status_code, codes(answer)) == (404, ["BLOB_UPLOAD_UNKNOWN"])


# Mounting a blob from another repository


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("is_named", [True, False])
def test_mounting_a_blob(repo: Repo, other: Repo, algorithm: str, is_named: bool) -> None:
    digest = other.push_blob(BLOB + algorithm.encode(), algorithm)
    source = f"&from={other.name}" if is_named else ""
    answer = repo.ask("POST", f"blobs/uploads/?mount={digest}{source}")
    assert_created(repo, answer, BLOB + algorithm.encode(), digest)


@pytest.mark.parametrize("source", ["", "&from=library/nowhere", "&from=..%2Fup", "&from="])
def test_mounting_a_blob_that_is_not_there_begins_an_upload(repo: Repo, source: str) -> None:
    blob = random.Random(source).randbytes(100)
    digest = Digest.of(blob)
    answer = repo.ask("POST", f"blobs/uploads/?mount={digest}{source}")
    assert answer.status_code == 202
    finished = repo.finish(answer.headers["Location"], digest, blob)
    assert_created(repo, finished, blob, digest)


def test_mounting_a_blob_whose_digest_is_invalid(repo: Repo, other: Repo) -> None:
    answer = repo.ask("POST", f"blobs/uploads/?mount=sha256:short&from={other.name}")
    assert (answer.status_code, codes(answer)) == (400, ["DIGEST_INVALID"])
