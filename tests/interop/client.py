"""What tests ask of a stock registry over HTTP."""

from __future__ import annotations

import base64
import hmac
import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from email.message import Message
from urllib.parse import urlencode

from regstore.digest import Digest
from tests.images import Image
from tests.servers import REGISTRY_SECRET, StockRegistry


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Message
    body: bytes


def ask(
    method: str,
    url: str,
    body: bytes | None = None,
    media_type: str = "application/octet-stream",
    accept: str = "*/*",
) -> Answer:
    """Send one request; an error status is an answer too."""
    headers = {"Content-Type": media_type, "Accept": accept}
    request = urllib.request.Request(url, data=body, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return Answer(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as answer:
        with answer:
            return Answer(answer.code, answer.headers, answer.read())


@dataclass
class StockUpload:
    """A blob upload of a stock registry, which says after each step where the next one goes."""

    location: str

    @classmethod
    def begin(cls, stock: StockRegistry, name: str) -> StockUpload:
        answer = ask("POST", f"{stock.url}/v2/{name}/blobs/uploads/", b"")
        assert answer.status == 202, answer
        return cls(answer.headers["Location"])

    @classmethod
    def adopt(cls, stock: StockRegistry, name: str, upload_id: str, offset: int) -> StockUpload:
        """Go on with an upload that something else began, at *offset*.

        The token is what stock would have handed out (``registry/handlers/hmac.go``).
        """
        state = {
            "Name": name,
            "UUID": upload_id,
            "Offset": offset,
            "StartedAt": "2026-01-02T03:04:05Z",
        }
        message = json.dumps(state).encode()
        signature = hmac.digest(REGISTRY_SECRET.encode(), message, "sha256")
        token = base64.urlsafe_b64encode(signature + message).decode()
        query = urlencode({"_state": token})
        return cls(f"{stock.url}/v2/{name}/blobs/uploads/{upload_id}?{query}")

    @property
    def id(self) -> str:
        return self.location.partition("?")[0].rpartition("/")[2]

    def patch(self, chunk: bytes) -> None:
        answer = ask("PATCH", self.location, chunk)
        assert answer.status == 202, answer
        self.location = answer.headers["Location"]

    def put(self, digest: Digest, chunk: bytes = b"") -> Answer:
        return ask("PUT", f"{self.location}&{urlencode({'digest': digest})}", chunk)


def push_blob(stock: StockRegistry, name: str, blob: bytes, algorithm: str = "sha256") -> None:
    answer = StockUpload.begin(stock, name).put(Digest.of(blob, algorithm), blob)
    assert answer.status == 201, answer


def push_image(stock: StockRegistry, name: str, image: Image, reference: str) -> None:
    for blob in image.blobs:
        push_blob(stock, name, blob)
    url = f"{stock.url}/v2/{name}/manifests/{reference}"
    answer = ask("PUT", url, image.manifest, image.media_type)
    assert answer.status == 201, answer


def blob_of(stock: StockRegistry, name: str, digest: Digest) -> Answer:
    return ask("GET", f"{stock.url}/v2/{name}/blobs/{digest}")
