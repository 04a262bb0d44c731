"""Errors that nothing explains are found, and those that something explains are not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, Final

import pytest

from regstore.blobs import AsyncBlobs
from regstore.errors import (
    BlobUnknownError,
    BlobUploadUnknownError,
    CorruptContentError,
    DigestInvalidError,
    IncompleteReadError,
    ManifestBlobUnknownError,
    ManifestUnknownError,
    NotYetVisibleError,
    PathNotFoundError,
    PreconditionFailedError,
    ReadOnlyError,
    RegstoreError,
    TagConflictError,
    ThrottledError,
    TransientError,
    UnsupportedMethodError,
    UploadOffsetError,
)
from regstore.manifests import AsyncManifests
from regstore.tags import AsyncTags
from regstore.testing.simulation import Knobs
from regstore.testing.simulation.keyspace import IMAGES
from regstore.testing.simulation.operations import Operation
from regstore.testing.simulation.running import Result, Run, draw, simulate
from regstore.testing.simulation.scenario import Plan, Scenario, Step, Verb
from regstore.upload import AsyncUpload
from tests.simulation.protections import replaced

FAULTS: Final[Mapping[str, Any]] = {
    "lost_requests": 0.02,
    "lost_answers": 0.02,
    "throttled": 0.02,
    "cut_bodies": 0.02,
}
CONTENT: Final = frozenset({"get blob", "get manifest", "get tag", "put blob", "mount blob"})


def does(verb: Verb, *, is_founded: bool = True, knobs: Knobs | None = None) -> Result:
    plan = Plan("somebody-1", (Step(verb, 1.0),))
    return simulate(Run(1, knobs or Knobs(), Scenario((plan,), is_founded=is_founded)))


def told(result: Result) -> set[str]:
    return {violation.invariant for violation in result.violations}


def liar(error: RegstoreError) -> Callable[..., Awaitable[Any]]:
    async def lie(*args: object, **settings: object) -> None:
        del args, settings
        raise error

    return lie


@pytest.mark.parametrize(
    ("owner", "method", "verb", "error"),
    [
        (AsyncManifests, "get", "pull", CorruptContentError("", path="", digest=None)),
        (AsyncManifests, "get", "pull", ManifestUnknownError("", name="app", reference="")),
        (AsyncManifests, "get", "pull", TransientError("")),
        (AsyncManifests, "get", "pull", ThrottledError("")),
        (AsyncManifests, "get", "pull", NotYetVisibleError("")),
        (AsyncManifests, "get", "pull", PathNotFoundError("")),
        (AsyncManifests, "get", "pull", ReadOnlyError("")),
        (AsyncManifests, "put", "push", ManifestBlobUnknownError("", name="app", missing=())),
        (AsyncBlobs, "get", "pull", BlobUnknownError("", name="app", digest="")),
        (AsyncBlobs, "get", "pull", IncompleteReadError("")),
        (AsyncBlobs, "get", "pull", PreconditionFailedError("")),
        (AsyncBlobs, "get", "pull", DigestInvalidError("", digest="", actual=None)),
        (AsyncTags, "get", "pull tag", ManifestUnknownError("", name="app", reference="v1")),
        (AsyncTags, "set", "swap tag", UnsupportedMethodError("")),
        (AsyncTags, "set", "tag", TagConflictError("", name="app", tag="v1", current=None)),
        (
            AsyncTags,
            "set",
            "swap tag",
            TagConflictError("", name="app", tag="v1", current=str(IMAGES[1].digest)),
        ),
        (AsyncUpload, "write", "begin upload", UploadOffsetError("", offset=1, given=0)),
        (AsyncUpload, "write", "begin upload", BlobUploadUnknownError("", name="app")),
    ],
)
def test_what_nothing_explains_is_found(
    owner: type, method: str, verb: Verb, error: RegstoreError
) -> None:
    assert not told(does(verb))
    with replaced(owner, **{method: liar(error)}):
        assert "error" in told(does(verb))


@pytest.mark.parametrize(
    ("verb", "error", "knobs"),
    [
        ("pull", ManifestUnknownError, Knobs()),
        ("mount", BlobUnknownError, Knobs()),
        ("tag", ManifestUnknownError, Knobs()),
        ("push manifest", ManifestBlobUnknownError, Knobs()),
        ("push", TransientError, Knobs(lost_requests=1.0)),
        ("push", ThrottledError, Knobs(throttled=1.0)),
    ],
)
def test_what_something_explains_is_not(
    verb: Verb, error: type[RegstoreError], knobs: Knobs
) -> None:
    result = does(verb, is_founded=False, knobs=knobs)
    assert error in {type(each.error) for each in result.ledger.operations}
    assert not told(result)


def test_a_refused_condition_is_explained_by_a_store_without_any() -> None:
    result = does("swap tag", knobs=Knobs(conditions="absent"))
    assert UnsupportedMethodError in {type(each.error) for each in result.ledger.operations}
    assert not told(result)


def test_the_swarm_finds_content_that_is_called_corrupt() -> None:
    lie = liar(CorruptContentError("", path="", digest=None))
    with replaced(AsyncManifests, get=lie):
        assert any("error" in told(simulate(draw(seed, "strong"))) for seed in range(1, 6))


def test_where_one_request_of_fifty_fails_in_each_way_no_caller_hears_of_it() -> None:
    """Of 5,300 such calls at that rate none failed, 1 at 3 percent, 5 at 5, and 34 at 10."""
    calls = [call for seed in range(1, 21) for call in repeatable(disturbed(seed))]
    assert len(calls) > 300
    assert not [f"{call}: {call.error}" for call in calls if is_passing(call.error)]


def disturbed(seed: int) -> Run:
    """Return a run without deadlines and crashes, in which some of everything fails."""
    run = draw(seed, "conditional", steps=4, kinds=("puller", "pusher", "mounter"))
    plans = [
        replace(plan, steps=tuple(replace(step, limit=None) for step in plan.steps))
        for plan in run.scenario.actors
    ]
    scenario = replace(run.scenario, actors=tuple(plans), crashes=())
    return replace(run, knobs=replace(run.knobs, **FAULTS), scenario=scenario)


def repeatable(run: Run) -> list[Operation]:
    return [each for each in simulate(run).ledger.operations if each.kind in CONTENT]


def is_passing(error: BaseException | None) -> bool:
    return isinstance(error, TransientError | IncompleteReadError)


@pytest.mark.parametrize(
    ("store", "seed"),
    [
        ("conditional", 17958815220),  # a chunk arrives again, and its upload is committed
        ("ignoring", 17958815654),  # a deletion discards the parts of a blob that is pushed
        ("ignoring", 17959116039),  # who deletes a tag crashes between two that it forgets at once
        ("eventual", 67958816243),  # two have overwritten each other's bytes, and both are shown
    ],
)
def test_what_explains_it_is_known(store: str, seed: int) -> None:
    assert not told(simulate(draw(seed, store, 4, 4)))
