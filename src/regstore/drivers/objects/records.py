"""The small records of a driver over objects, as JSON."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass

from regstore.drivers.objects.port import Session
from regstore.errors import DriverError


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes that were parked: an immutable object, named once and never written again."""

    key: str
    size: int
    version: str


@dataclass(frozen=True, slots=True)
class Record:
    """The head record of what is parked at a path: which bytes, in which order (A9).

    :ivar nonce: names this very record, so that a writer knows its own after a lost answer.
    :ivar note: what the caller keeps beside the bytes.
    """

    nonce: str
    chunks: tuple[Chunk, ...] = ()
    note: bytes = b""

    @property
    def size(self) -> int:
        """Bytes that are parked."""
        return sum(chunk.size for chunk in self.chunks)


@dataclass(frozen=True, slots=True)
class Head:
    """A head record as it is stored, and the version that a successor must replace."""

    record: Record
    version: str


def dump_record(record: Record) -> bytes:
    """Return the body of a head record."""
    chunks = [[chunk.key.rpartition("/")[2], chunk.size, chunk.version] for chunk in record.chunks]
    note = base64.b64encode(record.note).decode()
    return json.dumps({"nonce": record.nonce, "chunks": chunks, "note": note}).encode()


def load_record(data: bytes, key: str, driver: str) -> Record:
    """Parse the body of the head record at *key*.

    :raises DriverError: it is none.
    """
    directory = key.rpartition("/")[0]
    try:
        found = json.loads(data)
        chunks = tuple(
            Chunk(f"{directory}/{name}", int(size), str(version))
            for name, size, version in found["chunks"]
        )
        return Record(str(found["nonce"]), chunks, base64.b64decode(found["note"]))
    except (ValueError, KeyError, TypeError) as error:
        raise _unreadable(key, driver) from error


def dump_session(session: Session) -> bytes:
    """Return the body of a session's record."""
    return json.dumps([session.key, session.token, session.scratch]).encode()


def load_session(data: bytes, key: str, driver: str) -> Session:
    """Parse the record of a session at *key*.

    :raises DriverError: it is none.
    """
    try:
        target, token, scratch = map(str, json.loads(data))
    except (ValueError, TypeError) as error:
        raise _unreadable(key, driver) from error
    return Session(target, token, scratch)


def _unreadable(key: str, driver: str) -> DriverError:
    return DriverError(key, driver, "not a record of this driver: delete what lies beside it")
