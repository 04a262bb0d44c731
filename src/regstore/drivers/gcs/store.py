"""Google Cloud Storage as a store of objects, through its JSON API."""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Literal

from typing_extensions import override

from regstore._run import Runtime
from regstore.driver import ANY, Capabilities, Condition, Content, FileInfo, if_version
from regstore.drivers.gcs.assembly import Assembly, part_key, prefix_of, referring
from regstore.drivers.gcs.body import GcsBody, body_of
from regstore.drivers.gcs.calls import NAME, Call, generation, generation_match
from regstore.drivers.gcs.copying import Copying
from regstore.drivers.gcs.deletion import Deletion
from regstore.drivers.gcs.handing_out import Signer, may_sign
from regstore.drivers.gcs.multipart import related
from regstore.drivers.gcs.place import Place
from regstore.drivers.gcs.promises import CAPABILITIES, LIMITS, METADATA
from regstore.drivers.gcs.resources import FIELDS, from_resource, version_of
from regstore.drivers.gcs.transport import Transport
from regstore.drivers.objects.port import Listing, ObjectStore, Part, Session
from regstore.errors import TransientError, UnsupportedMethodError

_PAGE = f"items({FIELDS}),prefixes,nextPageToken"
_TOKEN_BITS = 96


class GcsStore(ObjectStore):
    """A bucket of Google Cloud Storage, or the part of one below a prefix.

    A version is a *generation*: a number that every write gives anew. Parts are objects in the
    session's scratch directory, put together by ``compose``; a resumable upload of Google's is
    never begun. The time of an object is its ``updated``: when its content or its metadata was
    written last. One object takes about one write a second; more raise :exc:`ThrottledError`.

    :param options: what :func:`~regstore.drivers.gcs.opening.gcs_store` takes as storage options.
    """

    def __init__(self, place: Place, options: Mapping[str, object], runtime: Runtime) -> None:
        self.name = NAME
        self.limits = LIMITS
        self.runtime = runtime
        redirect = may_sign(options.get("token"))
        self.capabilities: Capabilities = replace(CAPABILITIES, redirect=redirect)
        self._place = place
        self._transport = Transport(options, runtime)
        self._deletion = Deletion(self._transport, place, runtime)
        self._assembly = Assembly(self._transport, place, runtime, self._deletion)
        self._copying = Copying(self._transport, place)
        self._signer = Signer(self._transport, place, runtime)

    @override
    async def head(self, key: str) -> FileInfo:
        call = Call("GET", self._place.object(key), key, query={"fields": FIELDS})
        return from_resource(key, await self._transport.resource(call))

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
    ) -> GcsBody:
        condition = ANY if version is None else if_version(version)
        last = "" if length is None else start + length - 1
        whole = start == 0 and length is None
        call = Call(
            "GET",
            self._place.object(key),
            key,
            query={"alt": "media", **generation_match(condition)},
            headers={} if whole else {"Range": f"bytes={start}-{last}"},
            condition=condition,
            start=start,
        )
        response = await self._transport.open(call)
        try:
            return body_of(call, response, length, version)
        except BaseException:
            response.close()
            raise

    @override
    async def put(self, key: str, data: bytes, condition: Condition = ANY) -> str:
        name = self._place.name_of(key)
        kind, body = related({"name": name, **METADATA}, data, self.runtime.random)
        call = Call(
            "POST",
            self._place.objects(),
            key,
            about="bucket",
            service="upload",
            query={
                "uploadType": "multipart",
                "fields": "size,generation",
                **generation_match(condition),
            },
            headers={"Content-Type": kind},
            condition=condition,
            body=body,
        )
        resource = await self._transport.resource(call)
        if resource.get("size") != str(len(data)):
            raise TransientError(key, NAME, "stored with another size", outcome_unknown=True)
        return version_of(key, resource)

    @override
    async def delete(self, key: str, condition: Condition = ANY) -> None:
        if condition.kind == "absent":
            raise UnsupportedMethodError(key, NAME, "what is absent cannot be deleted")
        query = generation_match(condition)
        call = Call("DELETE", self._place.object(key), key, query=query, condition=condition)
        await self._transport.send(call)

    @override
    async def delete_many(self, keys: Sequence[str]) -> None:
        await self._deletion.delete(keys)

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
        query = {
            "prefix": self._place.name_of(prefix),
            "maxResults": str(limit or self.limits.list_page),
            "fields": _PAGE,
        }
        if delimited:
            query["delimiter"] = "/"
        if start_after is not None:
            # It takes in the name itself, which a hint may.
            query["startOffset"] = self._place.name_of(start_after)
        if token is not None:
            query["pageToken"] = token
        call = Call("GET", self._place.objects(), prefix, about="bucket", query=query)
        page = await self._transport.resource(call)
        keyed = [(self._place.key_of(each["name"]), each) for each in page.get("items", ())]
        return Listing(
            tuple(from_resource(key, each) for key, each in keyed if key),
            tuple(self._place.key_of(each) for each in page.get("prefixes", ())),
            page.get("nextPageToken") or None,
        )

    @override
    async def copy(
        self,
        source: str,
        destination: str,
        condition: Condition = ANY,
        source_version: str | None = None,
    ) -> str:
        return await self._copying.copy(source, destination, condition, source_version)

    @override
    async def begin(self, key: str, scratch: str) -> Session:
        token = f"{self.runtime.random.getrandbits(_TOKEN_BITS):0{_TOKEN_BITS // 4}x}"
        return Session(key, token, scratch)

    @override
    async def put_part(self, session: Session, number: int, data: bytes) -> Part:
        version = await self.put(part_key(session, number), data)
        return Part(number, len(data), version)

    @override
    async def copy_part(
        self, session: Session, number: int, source: FileInfo, start: int, length: int
    ) -> Part:
        """Refer to a whole stored object, without a request.

        That it is gone, or has another version, is told when the session is completed.

        :raises UnsupportedMethodError: it is not the whole object that is asked for.
        """
        if start or length != source.size:
            raise UnsupportedMethodError(source.path, NAME, "only whole objects become parts")
        return referring(number, replace(source, version=generation(source.version)))

    @override
    async def complete(
        self, session: Session, parts: Sequence[Part], condition: Condition = ANY
    ) -> str:
        if not parts:
            return await self.put(session.key, b"", condition)
        return await self._assembly.complete(session, parts, condition)

    @override
    async def abort(self, session: Session, parts: Sequence[Part]) -> None:
        """Delete what the session may have stored, told or not, in parts or on the way to one."""
        token: str | None = None
        while True:
            page = await self.list(prefix_of(session), token=token)
            await self._deletion.all([each.path for each in page.objects])
            token = page.token
            if token is None:
                return

    @override
    async def sessions(self, prefix: str) -> builtins.list[Session]:
        return []

    @override
    async def sign(
        self,
        key: str,
        method: Literal["GET", "HEAD"],
        expires: timedelta,
        filename: str | None,
    ) -> str | None:
        return await self._signer.sign(key, method, expires, filename)

    @override
    async def aclose(self) -> None:
        await self._transport.aclose()
