"""What a registry client does, in the requests of the OCI distribution specification."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import httpx

from regstore.digest import Digest
from tests.images import Image

OCTETS = {"Content-Type": "application/octet-stream"}


def chunked(data: bytes, size: int = 700) -> Iterator[bytes]:
    """A body whose length is not announced."""
    return (data[start : start + size] for start in range(0, len(data), size))


@dataclass(frozen=True)
class Repo:
    """One repository behind a server."""

    http: httpx.Client
    name: str

    def ask(
        self,
        method: str,
        path: str,
        content: bytes | Iterable[bytes] | None = None,
        **headers: str,
    ) -> httpx.Response:
        """Send a request; *path* is a Location, or begins below the repository's name."""
        url = path if path.startswith(("/", "http")) else f"/v2/{self.name}/{path}"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.request(method, url, content=content, headers=named)

    def begin(self, query: str = "") -> str:
        """Begin an upload and return its location."""
        answer = self.ask("POST", f"blobs/uploads/{query}", Content_Length="0")
        assert answer.status_code == 202, answer.text
        return answer.headers["Location"]

    def patch(
        self, location: str, chunk: bytes, content_range: str | None = None
    ) -> httpx.Response:
        extra = {} if content_range is None else {"Content_Range": content_range}
        return self.ask("PATCH", location, chunk, **OCTETS, **extra)

    def finish(
        self, location: str, digest: str, chunk: bytes = b"", **headers: str
    ) -> httpx.Response:
        url = f"{location}{'&' if '?' in location else '?'}digest={digest}"
        return self.ask("PUT", url, chunk, **OCTETS, **headers)

    def push_blob(self, blob: bytes, algorithm: str = "sha256") -> Digest:
        digest = Digest.of(blob, algorithm)
        answer = self.finish(self.begin(), digest, blob)
        assert answer.status_code == 201, answer.text
        return digest

    def put_manifest(self, reference: str, body: bytes, media_type: str) -> httpx.Response:
        return self.ask("PUT", f"manifests/{reference}", body, Content_Type=media_type)

    def push(self, image: Image, *references: str) -> httpx.Response:
        """Push an image, blobs first; by its digest where no other reference is given."""
        for blob in image.blobs:
            self.push_blob(blob)
        answers = [
            self.put_manifest(reference, image.manifest, image.media_type)
            for reference in references or (image.digest,)
        ]
        assert all(answer.status_code == 201 for answer in answers), answers[-1].text
        return answers[-1]

    def tags(self, query: str = "") -> list[str]:
        answer = self.ask("GET", f"tags/list{query}")
        assert answer.status_code == 200, answer.text
        found: list[str] = answer.json()["tags"]
        return found

    def referrers(self, digest: str, query: str = "") -> httpx.Response:
        return self.ask("GET", f"referrers/{digest}{query}")


def codes(answer: httpx.Response) -> list[str]:
    """The error codes in an answer."""
    return [error["code"] for error in answer.json()["errors"]]


def next_page(answer: httpx.Response) -> str | None:
    """Where ``Link`` says that the next page is."""
    link = answer.headers.get("Link")
    if link is None:
        return None
    match = re.fullmatch(r'<([^>]+)>; rel="next"', link)
    assert match, link
    return match[1]
