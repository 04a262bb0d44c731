"""Requests whose precondition does not hold: a store that keeps conditions refuses each of them.

Every version that is named is one that the store itself gave, to other content: what a store would
refuse because it is malformed proves nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Final

from regstore.consistency.probe.ground import Ground, read
from regstore.driver import ANY, IF_ABSENT, Condition, FileWriter, if_version
from regstore.errors import (
    PathExistsError,
    PathNotFoundError,
    PreconditionFailedError,
    UnsupportedMethodError,
)


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


Refusal = Callable[[Ground], Coroutine[Any, Any, Verdict]]


async def create_on_existing(ground: Ground) -> Verdict:
    """Create the same key twice."""
    path, wrong = ground.fresh(), ground.body()
    put = ground.driver.put_content
    try:
        await put(path, ground.body(), IF_ABSENT)
    except UnsupportedMethodError:
        return _unsupported("create on an existing key")
    asked = put(path, wrong, IF_ABSENT)
    return await _ask(ground, "create on an existing key", asked, path, wrong)


async def replace_of_another_version(ground: Ground) -> Verdict:
    """Replace an older version than the one that is there."""
    path, old = await _overwritten(ground)
    wrong = ground.body()
    asked = ground.driver.put_content(path, wrong, if_version(old))
    return await _ask(ground, "replace of an older version", asked, path, wrong)


async def replace_of_nothing(ground: Ground) -> Verdict:
    """Replace where nothing is."""
    _, old = await _overwritten(ground)
    path, wrong = ground.fresh(), ground.body()
    asked = ground.driver.put_content(path, wrong, if_version(old))
    return await _ask(ground, "replace of a missing key", asked, path, wrong)


async def delete_of_another_version(ground: Ground) -> Verdict:
    """Delete an older version than the one that is there."""
    path, old = await _overwritten(ground)
    asked = ground.driver.delete_file(path, if_version(old))
    return await _ask(ground, "delete of an older version", asked, path, None)


async def copy_onto_existing(ground: Ground) -> Verdict:
    """Copy where something is, as if nothing were."""
    destination, _ = await _overwritten(ground)
    source, wrong = await _source(ground)
    asked = ground.driver.copy(source, destination, IF_ABSENT)
    return await _ask(ground, "copy onto an existing key", asked, destination, wrong)


async def copy_over_another_version(ground: Ground) -> Verdict:
    """Copy over an older version than the one that is there."""
    destination, old = await _overwritten(ground)
    source, wrong = await _source(ground)
    asked = ground.driver.copy(source, destination, if_version(old))
    return await _ask(ground, "copy over an older version", asked, destination, wrong)


async def copy_of_another_version(ground: Ground) -> Verdict:
    """Copy an older version than the one that is there."""
    source, old = await _overwritten(ground)
    destination = ground.fresh()
    wrong = await read(ground.driver, source)
    asked = ground.driver.copy(source, destination, ANY, old)
    return await _ask(ground, "copy pinned to an older version", asked, destination, wrong or b"")


async def commit_onto_existing(ground: Ground) -> Verdict:
    """Commit a writer where something is, as if nothing were."""
    path, _ = await _overwritten(ground)
    wrong = ground.body()
    asked = _commit(ground, path, wrong, IF_ABSENT)
    return await _ask(ground, "commit onto an existing key", asked, path, wrong)


async def commit_over_another_version(ground: Ground) -> Verdict:
    """Commit a writer over an older version than the one that is there."""
    path, old = await _overwritten(ground)
    wrong = ground.body()
    asked = _commit(ground, path, wrong, if_version(old))
    return await _ask(ground, "commit over an older version", asked, path, wrong)


async def bulky_commit_onto_existing(ground: Ground) -> Verdict:
    """Commit content that went in parts where something is, as if nothing were."""
    path, _ = await _overwritten(ground)
    wrong = ground.bulky_body()
    asked = _commit(ground, path, wrong, IF_ABSENT)
    return await _ask(ground, "commit of parts onto an existing key", asked, path, wrong)


async def bulky_commit_over_another_version(ground: Ground) -> Verdict:
    """Commit content that went in parts over an older version than the one that is there."""
    path, old = await _overwritten(ground)
    wrong = ground.bulky_body()
    asked = _commit(ground, path, wrong, if_version(old))
    return await _ask(ground, "commit of parts over an older version", asked, path, wrong)


async def park_of_the_overtaken(ground: Ground) -> Verdict:
    """Park a writer after another one has gone on from the same size (A7)."""
    path, body = ground.fresh(), ground.body()
    first = await ground.driver.writer(path)
    await first.write(body)
    await first.park()
    older = await ground.driver.writer(path, append=True, at_least=len(body))
    newer = await ground.driver.writer(path, append=True, at_least=len(body))
    await newer.write(ground.body())
    await newer.park()
    try:
        return await refused("park of an overtaken writer", _write_and_park(older, ground.body()))
    finally:
        await older.cancel()


async def ask(refusal: Refusal, ground: Ground) -> Verdict:
    """Ask for one refusal; what the driver does not offer at all is told like a refusal to try."""
    try:
        return await refusal(ground)
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
BULKY: Final[Mapping[str, tuple[Refusal, ...]]] = {
    "conditional_commit": (bulky_commit_onto_existing, bulky_commit_over_another_version),
}
"""The same, where content is large."""


async def _overwritten(ground: Ground) -> tuple[str, str]:
    """Write a fresh key twice; return it and the version that it no longer has."""
    path = ground.fresh()
    old = await ground.put(path)
    await ground.driver.put_content(path, ground.body())
    return path, old


async def _source(ground: Ground) -> tuple[str, bytes]:
    path, body = ground.fresh(), ground.body()
    await ground.driver.put_content(path, body)
    return path, body


async def _commit(ground: Ground, path: str, body: bytes, condition: Condition) -> None:
    writer = await ground.driver.writer(path)
    try:
        await writer.write(body)
        await writer.commit(condition=condition)
    except BaseException:
        await ground.driver.runtime.shield(writer.cancel())
        raise


async def _write_and_park(writer: FileWriter, body: bytes) -> None:
    await writer.write(body)
    await writer.park()


async def _ask(
    ground: Ground, what: str, call: Awaitable[object], path: str, wrong: bytes | None
) -> Verdict:
    """Ask for what must be refused; *wrong* is what *path* must not hold afterwards."""
    verdict = await refused(what, call)

    async def is_untouched() -> bool:
        return await read(ground.driver, path) != wrong

    # Waits, since a store that shows writes late may show what was there before both of them.
    if verdict.refused and await ground.seen_after(is_untouched) is None:
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
