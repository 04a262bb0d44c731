"""Shared access signatures: URLs that read one blob, for a while."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote

from azure.storage.blob import BlobSasPermissions, UserDelegationKey, generate_blob_sas

from regstore._run import Runtime
from regstore.drivers.azure.connection import Connection
from regstore.drivers.azure.service import Service, translated
from regstore.errors import PermissionDeniedError

_LONGEST: Final = timedelta(days=7)
"""A user delegation key is valid no longer (Get User Delegation Key)."""
_KEY_LIFE: Final = timedelta(hours=6)
_SKEW: Final = timedelta(minutes=15)


class Signer:
    """Signs with the account key, or with a user delegation key where the client has a token.

    A delegation key is asked for at the first URL and kept as long as it outlives what it signs.
    Where the identity may not have one, nothing is signed from then on.
    """

    def __init__(self, service: Service, runtime: Runtime) -> None:
        self._service = service
        self._runtime = runtime
        self._key: UserDelegationKey | None = None
        self._key_expires: datetime | None = None
        self._refused = False

    async def read_url(
        self, key: str, expires: timedelta, filename: str | None = None
    ) -> str | None:
        """Return a URL that reads *key*, or ``None`` where these credentials sign nothing.

        At most seven days long with a user delegation key.
        """
        connection = self._service.connection
        credential = connection.service.credential
        account_key = getattr(credential, "account_key", None)
        delegation = None
        if account_key is None:
            if not hasattr(credential, "get_token") or self._refused:
                return None
            expires = min(expires, _LONGEST - _KEY_LIFE)
            delegation = await self._delegation(connection, self._runtime.now() + expires)
            if delegation is None:
                return None
        signature = generate_blob_sas(
            connection.service.account_name or "",
            self._service.settings.container,
            self._service.blob_name(key),
            account_key=account_key,
            user_delegation_key=delegation,
            permission=BlobSasPermissions(read=True),
            expiry=self._runtime.now() + expires,
            content_disposition=None if filename is None else attachment(filename),
        )
        return f"{self._service.url(key)}?{signature}"

    async def source_headers(self, key: str) -> dict[str, str]:
        """Return the headers that name *key* as a source and prove that it may be read.

        Unlike Copy Blob, Put Block From URL does not take the request's own credentials for it.
        """
        connection = self._service.connection
        credential = connection.service.credential
        if hasattr(credential, "get_token"):
            with translated(key, writing=False):
                token = await credential.get_token("https://storage.azure.com/.default")
            return {
                "x-ms-copy-source": self._service.url(key),
                "x-ms-copy-source-authorization": f"Bearer {token.token}",
            }
        signed = await self.read_url(key, timedelta(hours=1))
        return {"x-ms-copy-source": signed or self._service.url(key)}

    async def _delegation(
        self, connection: Connection, until: datetime
    ) -> UserDelegationKey | None:
        if self._key is not None and self._key_expires is not None and until <= self._key_expires:
            return self._key
        expires = until + _KEY_LIFE
        try:
            with translated("", writing=False):
                self._key = await connection.service.get_user_delegation_key(
                    self._runtime.now() - _SKEW, expires
                )
        except PermissionDeniedError:
            self._refused = True
            return None
        self._key_expires = expires
        return self._key


def attachment(filename: str) -> str:
    """Return a Content-Disposition (RFC 6266) that names *filename*, whatever it holds."""
    plain = "".join(
        c if c.isascii() and c.isprintable() and c not in '"\\' else "_" for c in filename
    )
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"
