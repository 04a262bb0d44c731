"""Every public operation that changes a store is among those that are cut short."""

from __future__ import annotations

import inspect
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from functools import cache, wraps
from typing import Any, Final, cast

import pytest

from regstore.blobs import AsyncBlobReader, AsyncBlobs
from regstore.catalog import AsyncRepositories
from regstore.manifests import AsyncManifests
from regstore.referrers import AsyncReferrers
from regstore.registry import AsyncRegistry, AsyncRepository
from regstore.tags import AsyncTags
from regstore.testing.simulation import Knobs, World
from regstore.testing.simulation.crashing import CASES
from regstore.testing.simulation.exploring.contest import Stage
from regstore.testing.simulation.exploring.operation import is_done
from regstore.upload import AsyncUpload
from regstore.uploads import AsyncUploads
from tests.test_parity import BETWEEN_STORES, TWINS, public

Method = Callable[..., Any]

READS: Final[dict[type, set[str]]] = {
    AsyncRegistry: {"ping", "aclose"},
    AsyncRepository: {"export_layout"},
    AsyncRepositories: {"all", "page"},
    AsyncBlobs: {"get", "stat", "exists", "all", "redirect_url"},
    AsyncBlobReader: {"read", "local_file"},
    AsyncUploads: {"all"},
    AsyncManifests: {"get", "stat", "exists", "all"},
    AsyncTags: {"get", "all", "page", "history", "naming"},
}
"""These ask the store for no change."""

ALIKE: Final[dict[type, set[str]]] = {
    AsyncRepositories: {"delete"},  # AsyncRegistry.delete_repository
    AsyncReferrers: {"page"},  # all: each builds the index where it is not complete
}
"""These do what another one does, request by request."""

INDIFFERENT: Final = {"algorithm", "artifact_type", "media_type", "progress", "size"}
"""Arguments on which no request depends that changes a store."""

IS_WITHIN: ContextVar[bool] = ContextVar("is_within", default=False)


def changing() -> Iterator[tuple[type, str, Method]]:
    """Yield every public operation that changes a store, once."""
    for cls in TWINS:
        left_out = [table.get(cls, set()) for table in (READS, ALIKE, BETWEEN_STORES)]
        for name, member in public(cls).items():
            is_awaited = inspect.iscoroutinefunction(member) or inspect.isasyncgenfunction(member)
            if is_awaited and name[0] != "_" and not any(name in names for names in left_out):
                yield cls, name, cast("Method", member)


CHANGING: Final = [pytest.param(each, id=f"{each[0].__name__}.{each[1]}") for each in changing()]


def noting(method: Method, given: set[str]) -> Method:
    """Return *method*; what it is given by whoever is no other method is added to *given*."""

    @wraps(method)
    async def call(*args: object, **named: object) -> object:
        note(*args, **named)
        token = IS_WITHIN.set(True)
        try:
            return await method(*args, **named)
        finally:
            IS_WITHIN.reset(token)

    @wraps(method)
    def iterate(*args: object, **named: object) -> object:
        note(*args, **named)
        return method(*args, **named)

    def note(*args: object, **named: object) -> None:
        if not IS_WITHIN.get():
            given.update(inspect.signature(method).bind(*args, **named).arguments)

    return iterate if inspect.isasyncgenfunction(method) else call


@cache
def arguments() -> dict[tuple[type, str], set[str]]:
    """Return which methods the cases call, and what some case gives them."""
    given: dict[tuple[type, str], set[str]] = defaultdict(set)
    stages = [(case.operation, Stage(case.prepare, Knobs())) for case in CASES]
    with pytest.MonkeyPatch.context() as patch:
        for cls, name, method in changing():
            patch.setattr(cls, name, noting(method, given[cls, name]))
        for operation, stage in stages:
            world = World(1, Knobs(), choose=lambda _: 0)
            stage.set(world)
            process = world.process("only")
            performing = operation.perform(world, process, stage.told)
            assert is_done(world.loop.run(world.loop.spawn(performing, process, "only")))
            world.loop.close()
    return given


@pytest.mark.parametrize("operation", CHANGING)
def test_what_changes_a_store_is_cut_short_with_all_that_it_can_be_given(
    operation: tuple[type, str, Method],
) -> None:
    cls, name, method = operation
    given = arguments()[cls, name]
    assert "self" in given
    assert set(inspect.signature(method).parameters) - INDIFFERENT <= given


def test_what_is_taken_for_a_read_is_not_refused_where_nothing_may_be_changed() -> None:
    for cls, names in READS.items():
        for name in names:
            assert "ReadOnlyError" not in (inspect.getdoc(vars(cls)[name]) or ""), (cls, name)


def test_what_is_refused_where_nothing_may_be_changed_is_cut_short() -> None:
    refused = {
        (cls, name)
        for cls in TWINS
        for name, member in public(cls).items()
        if "ReadOnlyError" in (inspect.getdoc(member) or "") and inspect.isroutine(member)
    }
    known = {(cls, name) for cls, name, _ in changing()}
    known |= {(cls, name) for cls, names in ALIKE.items() for name in names}
    assert refused <= known
    assert {AsyncUpload, AsyncUploads, AsyncTags} <= {cls for cls, _ in refused}
