"""From a URL to the store of its bucket."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from regstore._run import Runtime
from regstore.drivers.gcs.place import parse_url
from regstore.errors import ConfigurationError

if TYPE_CHECKING:
    from regstore.drivers.gcs.store import GcsStore

_ENDPOINT = re.compile(r"https?://[^/@\s]+/?", re.ASCII)
_OURS = ("asynchronous", "loop", "skip_instance_cache", "use_listings_cache")


def gcs_store(url: str, storage_options: Mapping[str, object], runtime: Runtime) -> GcsStore:
    """Return the store that ``gs://bucket/prefix`` names. No I/O is done.

    :param storage_options: what gcsfs takes, such as ``token``, ``project``, ``endpoint_url``,
        ``requester_pays`` and ``session_kwargs``. ``requests_timeout`` is how many seconds the
        store may say nothing; 60 by default.
    :raises ConfigurationError: the URL or the options are no such, or gcsfs is not installed.
    """
    place = parse_url(url)
    endpoint = storage_options.get("endpoint_url")
    if endpoint is not None and not (isinstance(endpoint, str) and _ENDPOINT.fullmatch(endpoint)):
        raise ConfigurationError("endpoint_url must be like http://127.0.0.1:4443")
    taken = [name for name in _OURS if name in storage_options]
    if taken:
        raise ConfigurationError(f"regstore decides on these storage_options: {', '.join(taken)}")
    try:
        # The module, not the package's default: ExtendedGcsFileSystem asks for the kind of bucket
        # over gRPC first, which takes a minute where nobody answers.
        from regstore.drivers.gcs.store import GcsStore
    except ImportError as error:
        raise ConfigurationError("gs:// lacks a package: pip install 'regstore[gcs]'") from error
    return GcsStore(place, storage_options, runtime)
