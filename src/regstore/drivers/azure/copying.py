"""Copies on the server, seen to their end."""

from __future__ import annotations

from typing import Final

from regstore._run import Runtime
from regstore.driver import Condition
from regstore.drivers.azure.errors import DRIVER, Make
from regstore.drivers.azure.service import Service, conditions, quoted, version_of
from regstore.errors import (
    DriverError,
    PathExistsError,
    PathNotFoundError,
    PreconditionFailedError,
    TransientError,
)

_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 2.0


class Copying:
    """One Copy Blob. The service may answer before it has ended (adlfs then takes it for done)."""

    def __init__(self, service: Service, runtime: Runtime, source: str, destination: str) -> None:
        self._service = service
        self._runtime = runtime
        self._source = source
        self._destination = destination
        self._id = ""

    async def run(self, condition: Condition, source_version: str | None) -> str:
        """Copy, and return the version of the copy.

        Where the copy does not end in the first answer, as may happen between accounts, the
        destination shows an empty blob meanwhile. When it fails, or the caller is cancelled, it is
        aborted.
        """
        headers = {"x-ms-copy-source": self._service.url(self._source), **conditions(condition)}
        if source_version is not None:
            headers["x-ms-source-if-match"] = quoted(source_version)
        answer = await self._service.call(
            "PUT", self._destination, headers=headers, content=b"", codes=self._codes(condition)
        )
        self._id = answer.headers.get("x-ms-copy-id", "")
        if answer.headers.get("x-ms-copy-status") == "success":
            return version_of(answer)
        try:
            return await self._wait()
        except BaseException:
            await self._runtime.shield(self._abort())
            raise

    def _codes(self, condition: Condition) -> dict[str, Make]:
        """Tell failures of the source from those of the destination."""

        def source_gone(_path: str, driver: str, detail: str) -> PathNotFoundError:
            return PathNotFoundError(self._source, driver, detail)

        def source_changed(_path: str, driver: str, detail: str) -> PreconditionFailedError:
            return PreconditionFailedError(self._source, driver, detail)

        codes: dict[str, Make] = {
            "BlobNotFound": source_gone,
            "CannotVerifyCopySource": source_gone,
            "SourceConditionNotMet": source_changed,
        }
        if condition.kind == "absent":
            codes |= {"TargetConditionNotMet": PathExistsError}
        return codes

    async def _wait(self) -> str:
        pause = _FIRST_PAUSE
        while True:
            await self._runtime.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
            seen = await self._service.call("HEAD", self._destination)
            if seen.headers.get("x-ms-copy-id") != self._id:
                detail = "overwritten while it was copied"
                raise PreconditionFailedError(self._destination, DRIVER, detail)
            status = seen.headers.get("x-ms-copy-status", "")
            if status == "success":
                return version_of(seen)
            if status != "pending":
                raise TransientError(self._destination, DRIVER, f"the copy has ended as {status}")

    async def _abort(self) -> None:
        """End the copy, and delete the empty blob that Abort Copy Blob leaves, if it is there."""
        try:
            seen = await self._service.call("HEAD", self._destination)
            if seen.headers.get("x-ms-copy-id") != self._id:
                return
            if seen.headers.get("x-ms-copy-status") == "pending":
                query = {"comp": "copy", "copyid": self._id}
                headers = {"x-ms-copy-action": "abort"}
                await self._service.call(
                    "PUT", self._destination, query=query, headers=headers, content=b""
                )
                seen = await self._service.call("HEAD", self._destination)
            if seen.headers.get("x-ms-copy-status") != "success":
                headers = {"If-Match": quoted(version_of(seen))}
                await self._service.call("DELETE", self._destination, headers=headers)
        except DriverError:
            return  # the error that led here is raised; an empty blob may stay
