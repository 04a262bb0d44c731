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


def listed(
    answer: Mapping[str, Any], location: Location, prefix: str, *, delimited: bool
) -> Listing:
    """Return a page of ListObjectsV2; a marker of the root itself is left out.

    SeaweedFS does not fold the directory that ``StartAfter`` points into, so this does.
    """
    objects: dict[str, FileInfo] = {}
    prefixes: set[str] = set()
    for item in (*answer.get("Contents", ()), *answer.get("CommonPrefixes", ())):
        path = location.path(item.get("Key") or item["Prefix"])
        child, slash, deeper = path.removeprefix(prefix).partition("/")
        if delimited and child and slash and (deeper or "Key" not in item):
            prefixes.add(f"{prefix}{child}/")
        elif path and "Key" in item:
            objects[path] = described(path, item, item["Size"])
    token = answer.get("NextContinuationToken") if answer.get("IsTruncated") else None
    return Listing(tuple(objects.values()), tuple(sorted(prefixes)), token)
