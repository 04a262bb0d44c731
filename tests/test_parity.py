"""The two doors of the registry have the same names, and take the same arguments."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Generator

import pytest

from regstore import blocking
from regstore.blobs import AsyncBlobReader, AsyncBlobs
from regstore.blocking import (
    BlobReader,
    Blobs,
    Manifests,
    Referrers,
    Registry,
    Repositories,
    Repository,
    Tags,
    Upload,
    Uploads,
)
from regstore.catalog import AsyncRepositories
from regstore.manifests import AsyncManifests
from regstore.referrers import AsyncReferrers
from regstore.registry import AsyncRegistry, AsyncRepository
from regstore.tags import AsyncTags
from regstore.upload import AsyncUpload
from regstore.uploads import AsyncUploads
from tests import places

TWINS: dict[type, type] = {
    AsyncRegistry: Registry,
    AsyncRepository: Repository,
    AsyncRepositories: Repositories,
    AsyncBlobs: Blobs,
    AsyncBlobReader: BlobReader,
    AsyncUploads: Uploads,
    AsyncUpload: Upload,
    AsyncManifests: Manifests,
    AsyncTags: Tags,
    AsyncReferrers: Referrers,
}
PAIRS = [pytest.param(core, twin, id=twin.__name__) for core, twin in TWINS.items()]

RENAMED = {
    "aclose": "close",
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "__aiter__": "__iter__",
}
# Nobody calls these at the blocking door; the stores call them on each other.
BETWEEN_STORES: dict[type, set[str]] = {
    AsyncTags: {"listed", "point", "release", "require_deletable", "require_settable"},
    AsyncReferrers: {"add", "remove"},
}
# At the other door these are set when the object is made, so that the class does not show them.
ATTRIBUTES: dict[type, set[str]] = {AsyncBlobReader: {"descriptor"}, AsyncUpload: {"id"}}
# A plain iterator needs no class: __iter__ gives one that calls read.
ONLY_ASYNC: dict[type, set[str]] = {AsyncBlobReader: {"__anext__"}}


def public(cls: type) -> dict[str, object]:
    """What a class shows: its public members, and the protocols that it takes part in."""
    protocols = {*RENAMED, *RENAMED.values(), "__anext__", "__next__"}
    return {
        name: member
        for name, member in vars(cls).items()
        if not name.startswith("_") or name in protocols
    }


def expected_names(core: type) -> set[str]:
    hidden = BETWEEN_STORES.get(core, set()) | ONLY_ASYNC.get(core, set())
    shown = {RENAMED.get(name, name) for name in public(core) if name not in hidden}
    return shown | ATTRIBUTES.get(core, set())


@pytest.mark.parametrize(("core", "twin"), PAIRS)
def test_the_names_are_the_same(core: type, twin: type) -> None:
    assert set(public(twin)) == expected_names(core)


@pytest.mark.parametrize(("core", "twin"), PAIRS)
def test_the_signatures_are_the_same(core: type, twin: type) -> None:
    for name, member in public(core).items():
        counterpart = vars(twin).get(RENAMED.get(name, name))
        if counterpart is not None and name != "__aiter__":
            assert isinstance(member, property) == isinstance(counterpart, property), name
            assert result(member) == result(counterpart), name
            assert arguments(member) == arguments(counterpart), name


def function_of(member: object) -> Callable[..., object]:
    found = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
    return typing.cast("Callable[..., object]", found)


def arguments(member: object) -> list[tuple[str, object, object, object]]:
    function = function_of(member)
    hints = typing.get_type_hints(function)
    return [
        (each.name, each.kind, each.default, plain(hints.get(each.name)))
        for each in inspect.signature(function).parameters.values()
    ]


def result(member: object) -> object:
    return plain(typing.get_type_hints(function_of(member))["return"])


def plain(hint: object) -> object:
    """Tell what *hint* is at the blocking door, where nothing is awaited."""
    if isinstance(hint, type) and hint in TWINS:
        return TWINS[hint]
    origin, given = typing.get_origin(hint), typing.get_args(hint)
    if origin in {AsyncGenerator, Generator}:
        return ("iterates", given[0])
    if origin in {types.UnionType, typing.Union}:
        kept = {plain(each) for each in given if typing.get_origin(each) is not AsyncIterable}
        return kept.pop() if len(kept) == 1 else frozenset(kept)
    return hint


def test_no_class_of_the_blocking_door_is_left_out() -> None:
    defined = {
        member
        for member in vars(blocking).values()
        if inspect.isclass(member) and member.__module__ == blocking.__name__
    }
    assert defined == set(TWINS.values())


def test_the_objects_have_the_same_parts() -> None:
    core = AsyncRegistry(places.memory().driver)
    registry = Registry(places.memory().driver)
    pairs = [(core, registry), (core.repository("a"), registry.repository("a"))]
    for one, other in pairs:
        assert parts(one) == parts(other)


def parts(owner: object) -> dict[str, object]:
    return {
        name: TWINS.get(type(part), type(part))
        for name, part in vars(owner).items()
        if not name.startswith("_")
    }


@pytest.mark.parametrize(("core", "twin"), PAIRS)
def test_everything_is_documented(core: type, twin: type) -> None:
    for cls in (core, twin):
        for name in public(cls):
            documented = inspect.getdoc(getattr(cls, name))
            assert name.startswith("__") or documented, f"{cls.__name__}.{name}"
