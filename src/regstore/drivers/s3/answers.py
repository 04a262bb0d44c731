"""What S3 answers, in the terms of the port."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from regstore.driver import Condition, FileInfo
from regstore.drivers.objects.port import Listing
from regstore.drivers.s3.location import Location


def version_of(answer: Mapping[str, Any]) -> str:
    """Return the ETag without its quotes, which some stores leave out in some answers."""
    return str(answer.get("ETag") or "").strip('"')


def quoted(version: str) -> str:
    """Return a version as S3 takes it in conditions and lists of parts."""
    return f'"{version}"'


def condition_parameters(condition: Condition) -> dict[str, str]:
    """Return what a request carries so that it takes effect under *condition* only."""
    if condition.kind == "absent":
        return {"IfNoneMatch": "*"}
    if condition.kind == "version":
        return {"IfMatch": quoted(condition.version)}
    return {}


def described(path: str, answer: Mapping[str, Any], size: int) -> FileInfo:
    """Return what an answer tells of the object at *path*, whose whole has *size* bytes."""
    return FileInfo(path, size, modified_of(answer), version_of(answer))


def modified_of(answer: Mapping[str, Any]) -> datetime:
    """Return the time of LastModified, in UTC."""
    modified: datetime = answer["LastModified"]
    return modified.astimezone(UTC)


def listed(answer: Mapping[str, Any], location: Location) -> Listing:
    """Return a page of ListObjectsV2; a marker of the root itself is left out."""
    objects = tuple(
        described(location.path(item["Key"]), item, item["Size"])
        for item in answer.get("Contents", ())
        if item["Key"] != location.root
    )
    prefixes = tuple(
        location.path(item["Prefix"])
        for item in answer.get("CommonPrefixes", ())
        if item["Prefix"] != location.root
    )
    token = answer.get("NextContinuationToken") if answer.get("IsTruncated") else None
    return Listing(objects, prefixes, token)
