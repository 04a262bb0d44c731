"""The tables that read what fsspec filesystems raise and what their ``info`` says."""

from __future__ import annotations

import errno
from datetime import UTC, datetime, timedelta, timezone

import pytest

from regstore.driver import EPOCH
from regstore.drivers._fserrors import translate
from regstore.drivers.generic.info import file_info, kind_of
from regstore.drivers.generic.traits import Traits
from regstore.errors import (
    DriverError,
    InvalidPathError,
    NoSpaceError,
    PathExistsError,
    PathNotFoundError,
    PermissionDeniedError,
    ThrottledError,
    TransientError,
    UnsupportedMethodError,
)

AT = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)


class HttpError(Exception):
    def __init__(self, code: object) -> None:
        self.code = code
        super().__init__("https://user:secret@host/x")


class ClientConnectionError(Exception):
    """Named as aiohttp's is."""


class ConnectionClosedError(ClientConnectionError):
    """A subclass of it."""


@pytest.mark.parametrize(
    ("error", "reading", "writing"),
    [
        (FileNotFoundError("secret"), PathNotFoundError, PathNotFoundError),
        (FileNotFoundError(errno.ENOENT, "secret"), PathNotFoundError, PathNotFoundError),
        (NotADirectoryError("secret"), PathNotFoundError, InvalidPathError),
        (IsADirectoryError("secret"), PathNotFoundError, InvalidPathError),
        (FileExistsError("secret"), PathExistsError, InvalidPathError),
        (PermissionError("secret"), PermissionDeniedError, PermissionDeniedError),
        (OSError(errno.EROFS, "secret"), PermissionDeniedError, PermissionDeniedError),
        (OSError(errno.ENOSPC, "secret"), NoSpaceError, NoSpaceError),
        (OSError(errno.EBUSY, "secret"), ThrottledError, ThrottledError),
        (OSError(errno.EREMOTEIO, "secret"), TransientError, TransientError),
        (ConnectionResetError("secret"), TransientError, TransientError),
        (TimeoutError(), TransientError, TransientError),
        (NotImplementedError(), UnsupportedMethodError, UnsupportedMethodError),
        (HttpError(403), PermissionDeniedError, PermissionDeniedError),
        (HttpError(404), PathNotFoundError, PathNotFoundError),
        (HttpError(429), ThrottledError, ThrottledError),
        (HttpError(502), TransientError, TransientError),
        (HttpError("403"), DriverError, DriverError),
        (ConnectionClosedError("secret"), TransientError, TransientError),
        (ValueError("secret"), DriverError, DriverError),
    ],
)
def test_errors(error: Exception, reading: type[DriverError], writing: type[DriverError]) -> None:
    for kind, mode in ((reading, False), (writing, True)):
        found = translate(error, "a/b", "test", writing=mode)
        assert type(found) is kind
        assert (found.path, found.driver) == ("a/b", "test")
        assert "secret" not in str(found)
        if isinstance(found, TransientError) and not isinstance(found, ThrottledError):
            assert found.outcome_unknown is mode


def test_errors_of_ours_are_kept() -> None:
    error = NoSpaceError("f", "other")
    assert translate(error, "a/b", "test", writing=True) is error


@pytest.mark.parametrize(
    ("fields", "modified"),
    [
        ({"mtime": AT.timestamp(), "created": 1.0}, AT),
        ({"LastModified": AT.astimezone(timezone(timedelta(hours=2)))}, AT),
        ({"last_modified": AT.replace(tzinfo=None)}, AT),
        ({"updated": "2024-05-06T07:08:09Z"}, AT),
        ({"modify": "20240506070809"}, AT),
        ({"modify": "20240506070809.25"}, AT),
        ({"date_time": (2024, 5, 6, 7, 8, 9)}, AT),
        ({"created": AT}, AT),
        ({"mtime": None, "created": AT}, AT),
        ({"modify": "yesterday"}, EPOCH),
        ({}, EPOCH),
    ],
)
def test_times(fields: dict[str, object], modified: datetime) -> None:
    info = file_info("f", {"size": 3, "type": "file", **fields}, "test")
    assert info.modified == modified
    assert info.modified.utcoffset() == timedelta(0)
    assert info.version


@pytest.mark.parametrize(
    "change",
    [
        {"size": 4},
        {"ino": 2},
        {"mtime": AT.timestamp() + 1e-6},
        {"created": AT.timestamp() + 1e-6},
        {"ETag": '"x"'},
        {"generation": 7},
    ],
)
def test_versions_tell_changes(change: dict[str, object]) -> None:
    before = {"size": 3, "ino": 1, "mtime": AT.timestamp(), "created": AT.timestamp()}
    versions = [file_info("f", each, "test").version for each in (before, before | change)]
    assert versions[0] != versions[1]


def test_versions_are_the_same_however_times_are_given() -> None:
    at = AT.replace(microsecond=123457)
    infos = ({"size": 1, "created": each} for each in (at, at.timestamp()))
    assert len({file_info("f", info, "test").version for info in infos}) == 1


def test_tags_of_the_content_are_versions_whatever_the_times() -> None:
    infos = ({"size": 1, "ETag": '"a"', "LastModified": AT + timedelta(n)} for n in range(2))
    assert len({file_info("f", info, "test").version for info in infos}) == 1


def test_sizes_must_be_known() -> None:
    with pytest.raises(UnsupportedMethodError):
        file_info("f", {"size": None, "type": "file"}, "test")


def test_kinds() -> None:
    assert kind_of({"type": "file", "islink": False}) == "file"
    assert kind_of({"type": "directory"}) == "directory"
    assert kind_of({"type": "file", "islink": True}) == "other"
    assert kind_of({"type": "link"}) == "other"


def test_what_sign_can_be_told() -> None:
    assert Traits().sign_options("GET", None) == {}
    assert Traits().sign_options("HEAD", None) is None
    assert Traits().sign_options("GET", "a") is None
    options = Traits(presigns=True).sign_options("HEAD", 'a "b".tar')
    assert options == {
        "client_method": "head_object",
        "ResponseContentDisposition": "attachment; filename*=UTF-8''a%20%22b%22.tar",
    }
