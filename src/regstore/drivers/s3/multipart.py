"""Objects that come in parts: multipart uploads."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from typing_extensions import override

from regstore.driver import ANY, Condition, FileInfo
from regstore.drivers.objects.port import Part, Session
from regstore.drivers.s3.answers import condition_parameters, quoted
from regstore.drivers.s3.requests import RequestingStore
from regstore.errors import PathNotFoundError, RegstoreError


class MultipartStore(RequestingStore):
    """The half of the port that is about sessions."""

    @override
    async def begin(self, key: str, scratch: str) -> Session:
        """See the port. Who is cancelled meanwhile leaves no session behind."""
        made: list[Session] = []
        try:
            await self.runtime.shield(self._create(key, scratch, made))
        except BaseException:
            for session in made:
                # What is under way is an error or a cancellation, which must be heard.
                with suppress(RegstoreError):
                    await self.runtime.shield(self.abort(session, ()))
            raise
        return made[0]

    async def _create(self, key: str, scratch: str, made: list[Session]) -> None:
        call = self._call(key, writing=True)
        answer = await self._send("create_multipart_upload", call, Key=self._location.key(key))
        made.append(Session(key, answer["UploadId"], scratch))

    @override
    async def put_part(self, session: Session, number: int, data: bytes) -> Part:
        call = self._call(session.key, writing=True)
        answer = await self._send(
            "upload_part", call, **self._of(session), PartNumber=number, Body=data
        )
        return Part(number, len(data), self._version(answer, call))

    @override
    async def copy_part(
        self, session: Session, number: int, source: FileInfo, start: int, length: int
    ) -> Part:
        call = replace(self._call(session.key, writing=True), source=source.path, pinned=True)
        answer = await self._send(
            "upload_part_copy",
            call,
            **self._of(session),
            PartNumber=number,
            CopySource=self._source(source.path),
            CopySourceRange=f"bytes={start}-{start + length - 1}",
            CopySourceIfMatch=quoted(source.version),
        )
        return Part(number, length, self._version(answer.get("CopyPartResult", {}), call))

    @override
    async def complete(
        self, session: Session, parts: Sequence[Part], condition: Condition = ANY
    ) -> str:
        call = self._call(session.key, writing=True, condition=condition)
        tags = [{"PartNumber": part.number, "ETag": quoted(part.tag)} for part in parts]
        answer = await self._send(
            "complete_multipart_upload",
            call,
            **self._of(session),
            MultipartUpload={"Parts": tags},
            **condition_parameters(condition),
        )
        return self._version(answer, call)

    @override
    async def abort(self, session: Session, parts: Sequence[Part]) -> None:
        call = self._call(session.key, writing=True)
        with suppress(PathNotFoundError):
            await self._send("abort_multipart_upload", call, **self._of(session))

    @override
    async def sessions(self, prefix: str) -> Sequence[Session]:
        """See the port; one request for each thousand."""
        found: list[Session] = []
        markers: dict[str, object] = {}
        while True:
            answer = await self._send(
                "list_multipart_uploads",
                self._call(prefix),
                Prefix=self._location.key(prefix),
                **markers,
            )
            found += [
                Session(self._location.path(upload["Key"]), upload["UploadId"], "")
                for upload in answer.get("Uploads", ())
            ]
            if not answer.get("IsTruncated"):
                return found
            markers = {
                "KeyMarker": answer["NextKeyMarker"],
                "UploadIdMarker": answer["NextUploadIdMarker"],
            }

    def _of(self, session: Session) -> dict[str, object]:
        return {"Key": self._location.key(session.key), "UploadId": session.token}
