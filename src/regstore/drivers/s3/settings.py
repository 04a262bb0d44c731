"""How the client of S3 is set up, and what it must be able to do.

These are regstore's defaults; what ``storage_options`` say wins, one by one in ``config_kwargs``.
The documentation of ``s3fs.S3FileSystem`` lists the options, that of ``botocore.config.Config``
those of ``config_kwargs``, that of ``boto3.session.Session.client`` those of ``client_kwargs``.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from regstore.drivers.s3._http import CarefulSession
from regstore.errors import ConfigurationError

FILESYSTEM_RETRIES = 1
"""Attempts of s3fs. Its own 5 times botocore's 5 times aiohttp's 2 were 50 for one lost request,
and the second attempt of a conditional write meets what the first one wrote."""

CONFIG: Mapping[str, object] = MappingProxyType(
    {
        # One attempt: whoever knows what a call means decides about a second one.
        "retries": {"mode": "standard", "total_max_attempts": 1},
        # The only one that regions since 2014 and most other stores take; also in signed URLs.
        "signature_version": "s3v4",
        # The body is signed (SHA-256), so the default CRC32 beside it proves nothing more, and
        # stores other than AWS's refuse it, or send sums of ranges that do not match.
        "request_checksum_calculation": "when_required",
        "response_checksum_validation": "when_required",
        # A third of the processor time of a small request; what is sent here has the right types.
        "parameter_validation": False,
        # Every open reader holds one: fewer would let slow readers hold up all others.
        "max_pool_connections": 256,
        "connect_timeout": 5,  # seconds
        # Between two pieces of an answer; completing an upload may take long to begin one.
        "read_timeout": 60,
        # aiohttp sends a PUT again when its connection breaks; this one only reads.
        "http_session_cls": CarefulSession,
    }
)

FIXED: Mapping[str, object] = MappingProxyType(
    {
        "asynchronous": True,
        "loop": None,
        "skip_instance_cache": True,  # an instance belongs to one event loop
        "use_listings_cache": False,  # its entries never expire
    }
)
"""What ``storage_options`` cannot change."""

_CONDITIONS = MappingProxyType(
    {
        "PutObject": ("IfMatch", "IfNoneMatch"),
        "CompleteMultipartUpload": ("IfMatch", "IfNoneMatch"),
        "DeleteObject": ("IfMatch",),
        "CopyObject": ("IfMatch", "IfNoneMatch", "CopySourceIfMatch"),
        "UploadPartCopy": ("CopySourceIfMatch",),
        "GetObject": ("IfMatch",),
    }
)


def filesystem_options(storage_options: Mapping[str, object]) -> dict[str, object]:
    """Return the arguments for ``S3FileSystem``.

    :raises ConfigurationError: ``config_kwargs`` or ``client_kwargs`` are no mappings.
    """
    options = dict(storage_options)
    config = {**CONFIG, **_mapping(options, "config_kwargs")}
    client = _mapping(options, "client_kwargs")
    return {**options, "config_kwargs": config, "client_kwargs": client, **FIXED}


def _mapping(options: Mapping[str, object], name: str) -> dict[str, object]:
    value = options.get(name) or {}
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"the storage option {name} must be a mapping")
    return dict(value)


def check_client(client: Any) -> None:  # noqa: ANN401 - botocore has no types
    """Look whether the installed client can send conditions, which s3fs drops where it can not.

    :raises ConfigurationError: it cannot.
    """
    for operation, conditions in _CONDITIONS.items():
        known = client.meta.service_model.operation_model(operation).input_shape.members
        missing = [condition for condition in conditions if condition not in known]
        if missing:
            raise ConfigurationError(
                f"the installed botocore is too old: its {operation} has no {missing[0]}, and a "
                "write without it would overwrite what it must not: pip install -U 'regstore[s3]'"
            )
