"""Objects as the store has them, and as they are shown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from urllib.parse import quote, urlencode
from xml.etree import ElementTree as ET

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from multidict import CIMultiDict

from tests.object_servers import BUCKET, KEY, REGION, SECRET
from tests.s3proxy.upstream import Answer, Question, Upstream, refusal

_TOLD = ("Size", "ETag", "LastModified")
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


@dataclass(frozen=True)
class Listed:
    """What a listing tells of an object; the time as listings have it."""

    size: str
    etag: str
    modified: str


@dataclass(frozen=True)
class Stored:
    """An object, with the headers of its GET."""

    body: bytes
    headers: CIMultiDict[str]

    @property
    def listed(self) -> Listed:
        modified = parsedate_to_datetime(self.headers["Last-Modified"])
        return Listed(
            str(len(self.body)), self.headers["ETag"], modified.strftime("%Y-%m-%dT%H:%M:%S.000Z")
        )

    def shown(self, question: Question) -> Answer:
        """Return how it answers a GET or HEAD."""
        is_head = question.method == "HEAD"
        if question.headers.get("If-Match", self.headers["ETag"]) != self.headers["ETag"]:
            return refusal(412, "PreconditionFailed", is_head=is_head)
        body, headers, status = self.body, self.headers.copy(), 200
        if match := _RANGE.fullmatch(question.headers.get("Range", "")):
            start = int(match[1])
            if start >= len(self.body):
                return refusal(416, "InvalidRange", is_head=is_head)
            body = self.body[start : int(match[2]) + 1 if match[2] else None]
            end = start + len(body) - 1
            headers["Content-Range"] = f"bytes {start}-{end}/{len(self.body)}"
            status = 206
        if is_head:
            headers["Content-Length"] = str(len(body))
        return Answer(status, b"" if is_head else body, headers)


class Truth:
    """Reads the store with requests of its own."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._auth = S3SigV4Auth(Credentials(KEY, SECRET), "s3", REGION)

    async def get(self, key: str) -> Stored | None:
        answer = await self._ask(f"{BUCKET}/{key}")
        if answer.status == 404:
            return None
        _require(answer)
        return Stored(answer.body, answer.headers)

    async def below(self, prefix: str) -> dict[str, Listed]:
        """Return all objects whose keys begin with *prefix*."""
        found: dict[str, Listed] = {}
        token: str | None = ""
        while token is not None:
            query = {"list-type": "2", "prefix": prefix}
            answer = await self._ask(
                BUCKET, query | ({"continuation-token": token} if token else {})
            )
            _require(answer)
            page = ET.fromstring(answer.body)  # noqa: S314 - the tests' own server
            for each in page.iterfind("{*}Contents"):
                told = (each.findtext(f"{{*}}{name}", "") for name in _TOLD)
                found[each.findtext("{*}Key", "")] = Listed(*told)
            token = page.findtext("{*}NextContinuationToken") or None
        return found

    async def _ask(self, path: str, query: Mapping[str, str] = MappingProxyType({})) -> Answer:
        # Quoted as signatures have it, slashes too.
        target = f"/{quote(path)}"
        if query:
            target += f"?{urlencode(query, quote_via=quote, safe='')}"
        request = AWSRequest("GET", self._upstream.endpoint + target)
        self._auth.add_auth(request)
        return await self._upstream.ask(Question("GET", target, dict(request.headers), b""))


def _require(answer: Answer) -> None:
    if answer.status != 200:
        raise AssertionError(f"the proxy may not read: {answer.status} {answer.body!r}")
