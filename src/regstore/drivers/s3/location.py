"""Where a store of objects lies: a bucket, and a prefix in it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from regstore.errors import ConfigurationError

_URL = re.compile(r"s3a?://(arn:[^/]+[:/](?:accesspoint|bucket)[:/][^/]+|[^/]+)(/.*)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Location:
    """A root in a bucket.

    :ivar root: what every key begins with; empty, or ends with a slash.
    """

    bucket: str
    root: str = ""

    @classmethod
    def of(cls, url: str) -> Location:
        """Return what an ``s3://bucket/prefix`` names.

        The bucket may be the ARN of an access point. No query is understood.

        :raises ConfigurationError: there is no bucket, or the prefix has empty or dot segments.
        """
        match = _URL.fullmatch(url)
        if match is None:
            raise ConfigurationError("name a bucket, and a prefix if you like: s3://bucket/prefix")
        prefix = (match[2] or "").strip("/")
        if prefix and {"", ".", ".."} & set(prefix.split("/")):
            raise ConfigurationError("the prefix in s3://bucket/prefix has empty or dot segments")
        return cls(match[1], f"{prefix}/" if prefix else "")

    def key(self, path: str) -> str:
        """Return the bucket's name for *path*."""
        return f"{self.root}{path}"

    def path(self, key: str) -> str:
        """Return the root's name for *key*, which lies below it."""
        return key[len(self.root) :]
