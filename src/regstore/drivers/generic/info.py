"""What ``info`` of an fsspec filesystem says of size, time and version (R1).

Each filesystem has keys of its own; only name, size and type are common to all.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal

from regstore.driver import EPOCH, FileInfo
from regstore.errors import UnsupportedMethodError

Info = Mapping[str, object]

_TAGS = ("generation", "etag", "ETag", "e_tag", "md5Hash", "sha256", "sha", "checksum", "CRC")
_TIMES = (
    "mtime",
    "LastModified",
    "last_modified",
    "modified",
    "modify",
    "updated",
    "last_write_time",
    "date_time",
    "created",
)
_FTP_TIME = 14
_MICROSECONDS = 1_000_000


def kind_of(info: Info) -> Literal["file", "directory", "other"]:
    """Tell a file from a directory. A symbolic link is neither: it may lead out of the root."""
    if info.get("islink"):
        return "other"
    if info.get("type") == "file":
        return "file"
    return "directory" if info.get("type") == "directory" else "other"


def file_info(path: str, info: Info, driver: str) -> FileInfo:
    """Return what *info* says of the object at *path*.

    :raises UnsupportedMethodError: the filesystem does not know its size.
    """
    size = info.get("size")
    if not isinstance(size, int):
        raise UnsupportedMethodError(path, driver, "this filesystem does not tell sizes")
    return FileInfo(path, size, _modified(info), _version(info))


def has_tag(info: Info) -> bool:
    """Whether the filesystem has a tag of the content, such as an ETag."""
    return any(info.get(key) for key in _TAGS)


def _modified(info: Info) -> datetime:
    """Return the time of the last change, or :data:`EPOCH` where the filesystem knows none."""
    times = (_time(info[key]) for key in _TIMES if key in info)
    return next((time for time in times if time is not None), EPOCH)


def _version(info: Info) -> str:
    """Return a tag of the content, where there is one, else all that changes with it."""
    tag = next((info[key] for key in _TAGS if info.get(key)), None)
    if tag is not None:
        return f"{str(tag).strip(chr(34))}-{info['size']}"
    times = [_time(info[key]) for key in ("mtime", "created") if key in info] or [_modified(info)]
    stamps = [int(time.timestamp() * _MICROSECONDS) for time in times if time is not None]
    return "-".join(str(each) for each in (info.get("ino", 0), info["size"], *stamps))


def _time(value: object) -> datetime | None:
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    if isinstance(value, tuple):  # zip
        year, month, day, hour, minute, second = value[:6]
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    return _parsed(value) if isinstance(value, str) else None


def _parsed(value: str) -> datetime | None:
    digits = value.partition(".")[0]
    try:
        if len(digits) == _FTP_TIME and digits.isdecimal():
            return datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        return _time(datetime.fromisoformat(value))
    except ValueError:
        return None
