"""Where in Google Cloud Storage a store lies."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

from regstore.errors import ConfigurationError

# https://cloud.google.com/storage/docs/buckets#naming
_URL = re.compile(r"(?:gs|gcs)://([a-z0-9][a-z0-9._-]{1,220}[a-z0-9])(?:/([^?#]*))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Place:
    """A bucket, or the part of one that lies below a prefix.

    :ivar prefix: what every object's name begins with; empty, or ends in a slash.
    """

    bucket: str
    prefix: str = ""

    def name_of(self, key: str) -> str:
        """Return the name that the object *key* has in the bucket."""
        return self.prefix + key

    def key_of(self, name: str) -> str:
        """Return what an object's name, or a common prefix, is below this place."""
        return name.removeprefix(self.prefix)

    def objects(self) -> str:
        """Return the path, below the API's version, of the bucket's objects."""
        return f"b/{quote(self.bucket, safe='')}/o"

    def object(self, key: str) -> str:
        """Return the path, below the API's version, of the object *key*."""
        return f"{self.objects()}/{quote(self.name_of(key), safe='')}"


def parse_url(url: str) -> Place:
    """Return the place that ``gs://bucket/prefix`` names, or ``gcs://``.

    :raises ConfigurationError: the URL is no such; its text is not repeated.
    """
    match = _URL.fullmatch(url)
    if match is None:
        raise ConfigurationError(
            "name a bucket and, if it is not to be the whole of it, a prefix: gs://bucket/prefix; "
            "credentials go into storage_options"
        )
    prefix = (match[2] or "").strip("/")
    if any(segment in {"", ".", ".."} for segment in prefix.split("/")) and prefix:
        raise ConfigurationError("the prefix after gs://bucket/ has an empty, '.' or '..' segment")
    return Place(match[1], f"{prefix}/" if prefix else "")
