"""Whose credentials can sign URLs, and the URLs that they sign."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Literal
from urllib.parse import quote

from google.auth.credentials import Credentials

from regstore._run import Runtime
from regstore.drivers.gcs.errors import TOKEN_ERRORS, unauthorised
from regstore.drivers.gcs.place import Place
from regstore.drivers.gcs.sign import Grant, can_sign, signed_url
from regstore.drivers.gcs.transport import Transport

_NEVER = ("anon", "browser", "cache", "cloud")


def may_sign(token: object) -> bool:
    """Return whether the credentials that gcsfs makes of *token* may be able to sign.

    Known for sure only once they are read; a file's name, ``google_default`` and nothing are
    answered with ``True``.
    """
    if isinstance(token, Mapping):
        return "private_key" in token
    if isinstance(token, Credentials):
        return can_sign(token)
    return token not in _NEVER


class Signer:
    """Signs URLs of one place's objects."""

    def __init__(self, transport: Transport, place: Place, runtime: Runtime) -> None:
        self._transport = transport
        self._place = place
        self._runtime = runtime

    async def sign(
        self, key: str, method: Literal["GET", "HEAD"], expires: timedelta, filename: str | None
    ) -> str | None:
        """Return a URL, or ``None`` where the credentials cannot sign.

        :raises PermissionDeniedError: signing is a request, and it was refused.
        :raises TransientError: it was lost.
        """
        endpoint, credentials = await self._transport.signing()
        if not can_sign(credentials):
            return None
        path = f"/{self._place.bucket}/{quote(self._place.name_of(key), safe='/~')}"
        grant = Grant(endpoint, path, method, self._runtime.now(), expires, filename)
        try:
            return await self._runtime.offload(lambda: signed_url(credentials, grant))
        except TOKEN_ERRORS as error:
            raise unauthorised(key, error) from error
