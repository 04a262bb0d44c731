"""Requests whose precondition does not hold: a store that keeps conditions refuses each of them.

Every version that is named is one that the store itself gave, to other content: what a store would
refuse because it is malformed proves nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from regstore.consistency.probe.ground import put_fresh, read
from regstore.driver import ANY, IF_ABSENT, Condition, FileWriter, StorageDriver, if_version
from regstore.errors import (
    PathExistsError,
    PathNotFoundError,
    PreconditionFailedError,
    UnsupportedMethodError,
)


class Place(Protocol):
    """Where a refusal is asked for."""

    @property
    def driver(self) -> StorageDriver:
        """The driver that is asked."""
        ...

    def fresh(self) -> str:
        """Return a path at which nothing ever lay."""
        ...

    def body(self) -> bytes:
        """Return content that nobody ever wrote."""
        ...


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a request that must be refused.

    :ivar refused: whether the store refused it, and nothing has changed.
    :ivar unsupported: whether the driver refused to ask for it (W4).
    :ivar seen: in words.
    """

    refused: bool
    unsupported: bool
    seen: str


Refusal = Callable[[Place], Coroutine[Any, Any, Verdict]]


async def create_on_existing(place: Place) -> Verdict:
    """Create the same key twice."""
    path, wrong = place.fresh(), place.body()
    put = place.driver.put_content
    try:
        await put(path, place.body(), IF_ABSENT)
    except UnsupportedMethodError:
        return _unsupported("create on an existing key")
    asked = put(path, wrong, IF_ABSENT)
    return await _ask(place, "create on an existing key", asked, path, wrong)


async def replace_of_another_version(place: Place) -> Verdict:
    """Replace an older version than the one that is there."""
    path, old = await _overwritten(place)
    wrong = place.body()
    asked = place.driver.put_content(path, wrong, if_version(old))
    return await _ask(place, "replace of an older version", asked, path, wrong)


async def replace_of_nothing(place: Place) -> Verdict:
    """Replace where nothing is."""
    _, old = await _overwritten(place)
    path, wrong = place.fresh(), place.body()
    asked = place.driver.put_content(path, wrong, if_version(old))
    return await _ask(place, "replace of a missing key", asked, path, wrong)


async def delete_of_another_version(place: Place) -> Verdict:
    """Delete an older version than the one that is there."""
    path, old = await _overwritten(place)
    asked = place.driver.delete_file(path, if_version(old))
    return await _ask(place, "delete of an older version", asked, path, None)


async def copy_onto_existing(place: Place) -> Verdict:
    """Copy where something is, as if nothing were."""
    destination, _ = await _overwritten(place)
    source, wrong = await _source(place)
    asked = place.driver.copy(source, destination, IF_ABSENT)
    return await _ask(place, "copy onto an existing key", asked, destination, wrong)


async def copy_over_another_version(place: Place) -> Verdict:
    """Copy over an older version than the one that is there."""
    destination, old = await _overwritten(place)
    source, wrong = await _source(place)
    asked = place.driver.copy(source, destination, if_version(old))
    return await _ask(place, "copy over an older version", asked, destination, wrong)


async def copy_of_another_version(place: Place) -> Verdict:
    """Copy an older version than the one that is there."""
    source, old = await _overwritten(place)
    destination = place.fresh()
    wrong = await read(place.driver, source)
    asked = place.driver.copy(source, destination, ANY, old)
    return await _ask(place, "copy pinned to an older version", asked, destination, wrong or b"")


async def commit_onto_existing(place: Place) -> Verdict:
    """Commit a writer where something is, as if nothing were."""
    path, _ = await _overwritten(place)
    wrong = place.body()
    asked = _commit(place, path, wrong, IF_ABSENT)
    return await _ask(place, "commit onto an existing key", asked, path, wrong)


async def commit_over_another_version(place: Place) -> Verdict:
    """Commit a writer over an older version than the one that is there."""
    path, old = await _overwritten(place)
    wrong = place.body()
    asked = _commit(place, path, wrong, if_version(old))
    return await _ask(place, "commit over an older version", asked, path, wrong)


async def park_of_the_overtaken(place: Place) -> Verdict:
    """Park a writer after another one has gone on from the same size (A7)."""
    path, body = place.fresh(), place.body()
    first = await place.driver.writer(path)
    await first.write(body)
    await first.park()
    older = await place.driver.writer(path, append=True, at_least=len(body))
    newer = await place.driver.writer(path, append=True, at_least=len(body))
    await newer.write(place.body())
    await newer.park()
    try:
        return await refused("park of an overtaken writer", _write_and_park(older, place.body()))
    finally:
        await older.cancel()


async def ask(refusal: Refusal, place: Place) -> Verdict:
    """Ask for one refusal; what the driver does not offer at all is told like a refusal to try."""
    try:
        return await refusal(place)
    except UnsupportedMethodError as error:
        return _unsupported(error.detail or "asked for what must be refused")


REFUSALS: Final[Mapping[str, tuple[Refusal, ...]]] = {
    "conditional_create": (create_on_existing,),
    "conditional_replace": (replace_of_another_version, replace_of_nothing),
    "conditional_delete": (delete_of_another_version,),
    "conditional_commit": (commit_onto_existing, commit_over_another_version),
    "conditional_copy": (copy_onto_existing, copy_over_another_version),
    "source_pinned_copy": (copy_of_another_version,),
    "fenced_writers": (park_of_the_overtaken,),
}
"""What must be refused by a store that keeps each capability."""


async def _overwritten(place: Place) -> tuple[str, str]:
    """Write a fresh key twice; return it and the version that it no longer has."""
    path = place.fresh()
    old = await put_fresh(place.driver, path)
    await place.driver.put_content(path, place.body())
    return path, old


async def _source(place: Place) -> tuple[str, bytes]:
    path, body = place.fresh(), place.body()
    await place.driver.put_content(path, body)
    return path, body


async def _commit(place: Place, path: str, body: bytes, condition: Condition) -> None:
    writer = await place.driver.writer(path)
    try:
        await writer.write(body)
        await writer.commit(condition=condition)
    except BaseException:
        await place.driver.runtime.shield(writer.cancel())
        raise


async def _write_and_park(writer: FileWriter, body: bytes) -> None:
    await writer.write(body)
    await writer.park()


async def _ask(
    place: Place, what: str, call: Awaitable[object], path: str, wrong: bytes | None
) -> Verdict:
    """Ask for what must be refused; *wrong* is what *path* must not hold afterwards."""
    verdict = await refused(what, call)
    if verdict.refused and await read(place.driver, path) == wrong:
        return Verdict(refused=False, unsupported=False, seen=f"{what}: refused, and done")
    return verdict


async def refused(what: str, call: Awaitable[object]) -> Verdict:
    """Ask for what must be refused, and tell whether it was."""
    try:
        await call
    except UnsupportedMethodError:
        return _unsupported(what)
    except (PathExistsError, PreconditionFailedError):
        return Verdict(refused=True, unsupported=False, seen=f"{what}: refused")
    except PathNotFoundError:
        return Verdict(refused=True, unsupported=False, seen=f"{what}: refused, as not found")
    return Verdict(refused=False, unsupported=False, seen=f"{what}: DONE, without a word")


def _unsupported(what: str) -> Verdict:
    return Verdict(refused=False, unsupported=True, seen=f"{what}: the driver does not offer it")
