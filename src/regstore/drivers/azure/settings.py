"""What a URL and its storage options say, before anything is connected."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from regstore.errors import ConfigurationError

CONNECT_SECONDS = 20.0
"""How long a connection may take to open: storage option ``connection_timeout``."""
READ_SECONDS = 60.0
"""How long the service may be silent within an answer: storage option ``read_timeout``."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Where a store lies, and what adlfs is to be told.

    :ivar container: its name.
    :ivar prefix: what stands before every key, ending in a slash; or empty.
    :ivar options: keyword arguments of ``AzureBlobFileSystem``; may hold credentials, so that they
        are left out of the representation.
    """

    container: str
    prefix: str = ""
    options: Mapping[str, object] = field(default_factory=dict, repr=False)

    @classmethod
    def parse(cls, url: str, storage_options: Mapping[str, object] | None = None) -> Settings:
        """Read ``abfs://container/prefix`` and its kin as adlfs does.

        ``az://`` and ``abfss://`` mean the same; the account may stand in the URL, as in
        ``abfss://container@account.dfs.core.windows.net/prefix``.

        :raises ConfigurationError: no container or no account is named, or adlfs is missing.
        """
        try:
            from adlfs import AzureBlobFileSystem
        except ImportError as error:
            raise ConfigurationError("Azure needs a package: pip install 'regstore[azure]'") from (
                error
            )
        if "?" in url or "#" in url:
            raise ConfigurationError("the URL of an Azure container takes no query and no fragment")
        path: str = AzureBlobFileSystem._strip_protocol(url)  # noqa: SLF001 - fsspec's own name
        named = AzureBlobFileSystem._get_kwargs_from_urls(url)  # noqa: SLF001 - fsspec's own name
        container, *prefix = path.strip("/").split("/")
        settings = cls(
            container,
            "/".join([*filter(None, prefix), ""]) if prefix else "",
            {**named, **(storage_options or {})},
        )
        settings.check()
        return settings

    def check(self) -> None:
        """Refuse what cannot be connected to.

        :raises ConfigurationError: no container, or no account.
        """
        if not self.container:
            raise ConfigurationError("name a container, as in abfs://container/prefix")
        if not (self.option("account_name") or self.option("connection_string")):
            raise ConfigurationError(
                "name the account: storage option account_name, connection_string, or a URL like "
                "abfss://container@account.dfs.core.windows.net/prefix"
            )

    def option(self, name: str) -> object:
        """Return a storage option, or the environment variable that adlfs takes instead."""
        return self.options.get(name) or os.environ.get(f"AZURE_STORAGE_{name.upper()}")

    def seconds(self, name: str, default: float) -> float:
        """Return a storage option that is a time.

        :raises ConfigurationError: it is no number.
        """
        value = self.options.get(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ConfigurationError(f"storage option {name} is a number of seconds")
        return float(value)

    @property
    def can_sign(self) -> bool:
        """Whether these credentials sign URLs: an account key does, and a token of Entra ID.

        A shared access signature cannot make another one. In the order in which adlfs takes them.
        """
        connection = self.option("connection_string")
        if connection:
            return "accountkey=" in str(connection).lower()
        credential = self.options.get("credential")
        if credential is not None:
            return not _is_sas(credential)
        if self.option("account_key") or self.option("client_id"):
            return True
        return not self.option("sas_token") and not self._is_anonymous

    @property
    def _is_anonymous(self) -> bool:
        anonymous = self.options.get("anon")
        if anonymous is None:
            return os.environ.get("AZURE_STORAGE_ANON", "").lower() not in {"", "0", "f", "false"}
        return bool(anonymous)


def _is_sas(credential: object) -> bool:
    if isinstance(credential, str):
        return "sig=" in credential
    return hasattr(credential, "signature")  # azure.core.credentials.AzureSasCredential
