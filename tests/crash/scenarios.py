"""What is done to a store before the power goes."""

from __future__ import annotations

import pytest

from regstore.driver import IF_ABSENT, if_version
from regstore.errors import PathExistsError, PreconditionFailedError
from tests.crash.session import Changes, Session

UPLOAD = "docker/registry/v2/repositories/a/_uploads/1/data"
BLOB = "docker/registry/v2/blobs/sha256/ab/abcd/data"


def put_new(session: Session) -> None:
    session.do(session.driver.put_content("a/b/c", b"first"), {"a/b/c": b"first"})
    session.do(session.driver.put_content("a/b/d", b"second"), {"a/b/d": b"second"})


def overwrite(session: Session) -> None:
    session.do(session.driver.put_content("a/b", b"first"), {"a/b": b"first"})
    session.do(session.driver.put_content("a/b", b"other one"), {"a/b": b"other one"})


def create(session: Session) -> None:
    session.do(session.driver.put_content("a/b", b"first", IF_ABSENT), {"a/b": b"first"})
    with pytest.raises(PathExistsError):
        session.do(session.driver.put_content("a/b", b"second", IF_ABSENT))
    session.do(session.driver.put_content("a/c", b"x", IF_ABSENT), {"a/c": b"x"})


def swap(session: Session) -> None:
    call = session.driver.put_content("a/b", b"first")
    version = if_version(session.do(call, {"a/b": b"first"}))
    session.do(session.driver.put_content("a/b", b"second", version), {"a/b": b"second"})
    with pytest.raises(PreconditionFailedError):
        session.do(session.driver.put_content("a/b", b"third", version))


def upload_in_place(session: Session) -> None:
    upload(session, UPLOAD, BLOB)


def upload_beside(session: Session) -> None:
    upload(session, "a/b", "c/d")


def upload(session: Session, path: str, target: str) -> None:
    writer = session.do(session.driver.writer(path))
    session.do(writer.write(b"one, "))
    session.do(writer.write(b"two, "))
    session.do(writer.park(), parked={path: b"one, two, "})
    writer = session.do(session.another().writer(path, append=True, at_least=10))
    session.do(writer.write(b"three"))
    files = {target: b"one, two, three"}
    session.do(writer.commit(target), files, {path: None}, kept=files[target])


def commit_over(session: Session) -> None:
    session.do(session.driver.put_content("a/b", b"old"), {"a/b": b"old"})
    writer = session.do(session.driver.writer("a/b"))
    session.do(writer.write(b"something new"))
    session.do(writer.commit(), {"a/b": b"something new"})


def commit_created(session: Session) -> None:
    writer = session.do(session.driver.writer(UPLOAD))
    session.do(writer.write(b"something new"))
    session.do(writer.park(), parked={UPLOAD: b"something new"})
    writer = session.do(session.driver.writer(UPLOAD, append=True))
    files = {BLOB: b"something new"}
    session.do(writer.commit(BLOB, IF_ABSENT), files, {UPLOAD: None}, kept=files[BLOB])


def move(session: Session) -> None:
    session.do(session.driver.put_content("a/b", b"moved"), {"a/b": b"moved"})
    session.do(session.driver.put_content("c/d", b"replaced"), {"c/d": b"replaced"})
    files: Changes = {"a/b": None, "c/d": b"moved"}
    session.do(session.driver.move("a/b", "c/d"), files, kept=b"moved")
    files = {"c/d": None, "e/f/g": b"moved"}
    session.do(session.driver.move("c/d", "e/f/g"), files, kept=b"moved")


def copy(session: Session) -> None:
    session.do(session.driver.put_content("a/b", b"copied"), {"a/b": b"copied"})
    session.do(session.driver.copy("a/b", "c/d"), {"c/d": b"copied"})


def delete(session: Session) -> None:
    session.do(session.driver.put_content("a/b/c", b"first"), {"a/b/c": b"first"})
    session.do(session.driver.put_content("a/b/d", b"second"), {"a/b/d": b"second"})
    session.do(session.driver.delete_file("a/b/c"), {"a/b/c": None})
    session.do(session.driver.delete("a"), {"a/b/d": None})


SCENARIOS = (
    put_new,
    overwrite,
    create,
    swap,
    upload_in_place,
    upload_beside,
    commit_over,
    commit_created,
    move,
    copy,
    delete,
)
