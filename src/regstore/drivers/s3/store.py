"""The port that stores of objects fill in, filled in for S3."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Literal
from urllib.parse import quote

from typing_extensions import override

from regstore._run import Runtime
from regstore.driver import ANY, Condition, Content, FileInfo
from regstore.drivers.objects.port import Listing
from regstore.drivers.s3.answers import condition_parameters, described, listed, quoted
from regstore.drivers.s3.body import S3Body
from regstore.drivers.s3.client import S3Client
from regstore.drivers.s3.errors import Call, refusal, translate
from regstore.drivers.s3.location import Location
from regstore.drivers.s3.multipart import MultipartStore
from regstore.errors import InvalidOffsetError, RegstoreError, UnsupportedMethodError

_LONGEST_URL = timedelta(days=7)  # S3 API reference, "Authenticating Requests: Query Parameters"


def s3_store(url: str, storage_options: Mapping[str, object], runtime: Runtime) -> S3Store:
    """Return the store that ``s3://bucket/prefix`` names; no I/O is done.

    :param storage_options: those of ``s3fs.S3FileSystem``; see :mod:`regstore.drivers.s3.settings`.
    :raises ConfigurationError: the URL names no bucket, or an option cannot be one.
    """
    return S3Store(Location.of(url), S3Client(storage_options), runtime)


class S3Store(MultipartStore):
    """A prefix of a bucket. One method is one request, unless it says otherwise."""

    @override
    async def head(self, key: str) -> FileInfo:
        """See the port; the first one of all may be two requests.

        S3 answers HEAD in a bucket that does not exist as it does for an absent object, so as long
        as nobody has seen the bucket the object's first byte is read instead.
        """
        if not self._bucket_is_known:
            try:
                body = await self.open(key, 0, 1)
            except InvalidOffsetError:
                self._bucket_is_known = True
            else:
                await body.aclose()
                return body.info
        answer = await self._send("head_object", self._call(key), Key=self._location.key(key))
        return described(key, answer, answer["ContentLength"])

    @override
    async def get(self, key: str) -> Content:
        body = await self.open(key)
        try:
            pieces = []
            while piece := await body.read():
                pieces.append(piece)
        finally:
            await body.aclose()
        return Content(b"".join(pieces), body.info.version, body.info.modified)

    @override
    async def open(
        self, key: str, start: int = 0, length: int | None = None, version: str | None = None
    ) -> S3Body:
        call = self._call(key, offset=start)
        parameters: dict[str, object] = {"Key": self._location.key(key)}
        if start or length is not None:
            end = "" if length is None else start + length - 1
            parameters["Range"] = f"bytes={start}-{end}"
        if version is not None:
            parameters["IfMatch"] = quoted(version)
        answer = await self._send("get_object", call, **parameters)
        return self._body(key, answer, call, ranged="Range" in parameters)

    def _body(self, key: str, answer: dict[str, Any], call: Call, *, ranged: bool) -> S3Body:
        length: int | None = answer.get("ContentLength")
        if not ranged:
            size = length or 0
        elif answer.get("ContentRange"):
            size = int(answer["ContentRange"].rpartition("/")[2])
        else:
            answer["Body"].close()
            raise UnsupportedMethodError(key, self.name, "this store ignores ranges")
        return S3Body(described(key, answer, size), answer["Body"], length, call)

    @override
    async def put(self, key: str, data: bytes, condition: Condition = ANY) -> str:
        call = self._call(key, writing=True, condition=condition)
        answer = await self._send(
            "put_object",
            call,
            Key=self._location.key(key),
            Body=data,
            **condition_parameters(condition),
        )
        return self._version(answer, call)

    @override
    async def delete(self, key: str, condition: Condition = ANY) -> None:
        if condition.kind == "absent":
            raise UnsupportedMethodError(key, self.name, "what is absent cannot be deleted")
        call = replace(self._call(key, writing=True, condition=condition), deleting=True)
        await self._send(
            "delete_object", call, Key=self._location.key(key), **condition_parameters(condition)
        )

    @override
    async def delete_many(self, keys: Sequence[str]) -> None:
        if not keys:
            return
        objects = [{"Key": self._location.key(key)} for key in keys]
        call = self._call(keys[0], writing=True)
        answer = await self._send(
            "delete_objects", call, Delete={"Objects": objects, "Quiet": True}
        )
        for refused in answer.get("Errors", ()):
            if refused.get("Code") != "NoSuchKey":
                path = self._location.path(refused.get("Key", ""))
                raise refusal(refused.get("Code", ""), self._call(path, writing=True))

    @override
    async def list(
        self,
        prefix: str,
        *,
        delimited: bool = False,
        start_after: str | None = None,
        token: str | None = None,
        limit: int | None = None,
    ) -> Listing:
        parameters: dict[str, object] = {"Prefix": self._location.key(prefix)}
        if delimited:
            parameters["Delimiter"] = "/"
        if start_after is not None:
            parameters["StartAfter"] = self._location.key(start_after)
        if token is not None:
            parameters["ContinuationToken"] = token
        if limit is not None:
            parameters["MaxKeys"] = min(limit, self.limits.list_page)
        answer = await self._send("list_objects_v2", self._call(prefix), **parameters)
        return listed(answer, self._location, prefix, delimited=delimited)

    @override
    async def copy(
        self,
        source: str,
        destination: str,
        condition: Condition = ANY,
        source_version: str | None = None,
    ) -> str:
        pin = {} if source_version is None else {"CopySourceIfMatch": quoted(source_version)}
        call = replace(
            self._call(destination, writing=True, condition=condition),
            source=source,
            pinned=source_version is not None,
        )
        answer = await self._send(
            "copy_object",
            call,
            Key=self._location.key(destination),
            CopySource=self._source(source),
            **condition_parameters(condition),
            **pin,
        )
        return self._version(answer.get("CopyObjectResult", {}), call)

    @override
    async def sign(
        self, key: str, method: Literal["GET", "HEAD"], expires: timedelta, filename: str | None
    ) -> str | None:
        """See the port; no request, and at most a week."""
        seconds = int(min(expires, _LONGEST_URL).total_seconds())
        if seconds < 1:
            return None
        parameters: dict[str, object] = {"Key": self._location.key(key)}
        if filename is not None:
            name = quote(filename, safe="")
            parameters["ResponseContentDisposition"] = f"attachment; filename*=UTF-8''{name}"
        operation = "get_object" if method == "GET" else "head_object"
        try:
            return await self._client.sign(
                operation, seconds, Bucket=self._location.bucket, **parameters
            )
        except RegstoreError:
            raise
        except Exception as error:
            raise translate(error, self._call(key)) from error

    @override
    async def aclose(self) -> None:
        await self._client.aclose()
