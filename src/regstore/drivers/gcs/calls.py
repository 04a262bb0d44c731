"""One request to Google Cloud Storage, and its answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from regstore.driver import ANY, Condition

NAME = "gcs"
"""The name that errors and logs know the driver by."""

_GENERATION = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)
_NEVER_GIVEN = str((1 << 63) - 1)


@dataclass(frozen=True, slots=True)
class Call:
    """One request.

    :ivar service: the part of the API: ``""`` for resources, ``"upload"`` or ``"batch"``.
    :ivar path: below the API's version; quoted.
    :ivar key: what errors name.
    :ivar about: what a status of 404 says is missing.
    :ivar condition: what a status of 412 says does not hold.
    :ivar start: the first byte of the range that is asked for.
    :ivar body: what is sent; ``None`` for nothing.
    """

    method: Literal["GET", "POST", "DELETE"]
    path: str
    key: str
    about: Literal["object", "bucket"] = "object"
    service: Literal["", "upload", "batch"] = ""
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    condition: Condition = ANY
    start: int = 0
    body: bytes | None = field(default=None, repr=False)

    @property
    def writing(self) -> bool:
        """Whether the request may change something."""
        return self.method != "GET"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


def generation_match(condition: Condition) -> dict[str, str]:
    """Return the query that makes a write depend on *condition*.

    https://cloud.google.com/storage/docs/request-preconditions
    """
    if condition.kind == "any":
        return {}
    if condition.kind == "absent":
        return {"ifGenerationMatch": "0"}
    return {"ifGenerationMatch": generation(condition.version)}


def generation(version: str) -> str:
    """Return *version* if it can be one of this store, else one that nothing has.

    Sent as it is, ``0`` would ask for absence, and what is no number would be refused as such.
    """
    return version if _GENERATION.fullmatch(version) else _NEVER_GIVEN
