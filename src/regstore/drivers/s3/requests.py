"""Requests to one bucket, and what becomes of their answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from regstore._run import Runtime
from regstore.driver import ANY, Condition
from regstore.drivers.objects.port import ObjectStore
from regstore.drivers.s3.answers import version_of
from regstore.drivers.s3.client import S3Client
from regstore.drivers.s3.errors import Call, origin_of, translate
from regstore.drivers.s3.location import Location
from regstore.drivers.s3.traits import CAPABILITIES, LIMITS
from regstore.errors import RegstoreError, TransientError

_NAME = "s3"


class RequestingStore(ObjectStore):
    """What the methods of the port stand on."""

    name = _NAME
    capabilities = CAPABILITIES
    limits = LIMITS

    def __init__(self, location: Location, client: S3Client, runtime: Runtime) -> None:
        self.runtime = runtime
        self._location = location
        self._client = client
        self._bucket_is_known = False

    def __repr__(self) -> str:
        return f"S3Store({self._location.bucket!r}, {self._location.root!r})"

    async def _send(self, operation: str, call: Call, **parameters: object) -> dict[str, Any]:
        try:
            answer = await self._client.call(operation, Bucket=self._location.bucket, **parameters)
        except RegstoreError:
            raise
        except Exception as error:  # noqa: BLE001 - raised again, in our terms
            raise translate(error, call) from origin_of(error)
        self._bucket_is_known = True
        return answer

    def _call(
        self, path: str, *, writing: bool = False, condition: Condition = ANY, offset: int = 0
    ) -> Call:
        return Call(path, self.name, self._location.bucket, writing, condition, offset)

    def _source(self, path: str) -> dict[str, str]:
        return {"Bucket": self._location.bucket, "Key": self._location.key(path)}

    def _version(self, answer: Mapping[str, Any], call: Call) -> str:
        """Return the version that was written.

        S3 may answer 200 before it knows the end; what ends without an ETag has not ended well.
        """
        version = version_of(answer)
        if not version:
            raise TransientError(
                call.path, self.name, "an answer without an ETag", outcome_unknown=True
            )
        return version
