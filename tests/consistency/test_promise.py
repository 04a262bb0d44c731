"""What ``consistency=`` takes, and what it refuses."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

import regstore
from regstore.consistency import Consistency
from regstore.driver import Capabilities
from regstore.drivers.memory import MemoryDriver
from regstore.errors import ConfigurationError

STRONG = MemoryDriver.capabilities
RAW = replace(STRONG, read_after_overwrite=False, list_after_write=False, staleness_bound=None)
EVENTUAL = replace(RAW, read_after_write=False)
UNKNOWN = Capabilities()


@pytest.mark.parametrize(
    ("text", "kind", "bound"),
    [
        ("strong", "strong", 0.0),
        ("read-after-write", "read-after-write", None),
        ("read-after-write(3)", "read-after-write", 3.0),
        ("eventual(0.5)", "eventual", 0.5),
        (" eventual( 30 ) ", "eventual", 30.0),
    ],
)
def test_each_class_is_read_and_written(text: str, kind: Any, bound: float | None) -> None:  # noqa: ANN401
    parsed = Consistency.parse(text)
    assert parsed == Consistency(kind, bound)
    assert Consistency.parse(str(parsed)) == parsed
    assert Consistency.parse(parsed) is parsed


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("eventual", r"eventual\(5\)"),
        (Consistency("eventual"), r"eventual\(5\)"),
        ("eventual()", "'strong', 'read-after-write'"),
        ("weak", "'strong', 'read-after-write'"),
        ("", "'strong', 'read-after-write'"),
        ("strong(5)", "'strong', 'read-after-write'"),
        (5, r"'strong', 'read-after-write'.*'eventual\(seconds\)'.*not 5"),
        ("eventual(soon)", "no number of seconds"),
        ("eventual(5s)", r"'eventual\(seconds\)'.*: '5s' is no number of seconds"),
        ("eventual(0)", "'strong'"),
        ("eventual(-1)", "above 0"),
        ("eventual(inf)", "above 0"),
        ("eventual(nan)", "above 0"),
        ("read-after-write(0)", "above 0"),
    ],
)
def test_what_says_nothing_is_refused_with_advice(text: Any, advice: str) -> None:  # noqa: ANN401
    with pytest.raises(ConfigurationError, match=advice):
        Consistency.parse(text)


@pytest.mark.parametrize(
    ("kind", "bound", "told"),
    [
        ("weak", None, "not 'weak'"),
        ("weak", 5, "not 'weak'"),
        ("strong", 5, r"not 'strong\(5\)'"),
        ("strong", math.nan, r"not 'strong\(nan\)'"),
    ],
)
def test_no_class_is_made_that_is_none(kind: Any, bound: float | None, told: str) -> None:  # noqa: ANN401
    with pytest.raises(ConfigurationError, match=f"'strong', 'read-after-write'.*{told}"):
        Consistency(kind, bound)


@pytest.mark.parametrize(
    ("capabilities", "claimed"),
    [
        (STRONG, "strong"),
        (RAW, "read-after-write"),
        (replace(RAW, staleness_bound=7.0), "read-after-write(7)"),
        (replace(EVENTUAL, staleness_bound=7.0), "eventual(7)"),
        (UNKNOWN, "eventual"),
    ],
)
def test_claims_are_read_as_a_class(capabilities: Capabilities, claimed: str) -> None:
    assert str(Consistency.claimed_by(capabilities)) == claimed


@pytest.mark.parametrize(
    ("capabilities", "text"),
    [
        (RAW, "strong"),
        (UNKNOWN, "strong"),
        (UNKNOWN, "read-after-write"),
        (EVENTUAL, "read-after-write(5)"),
        (replace(EVENTUAL, staleness_bound=30.0), "eventual(5)"),
    ],
)
def test_more_than_is_claimed_is_refused(capabilities: Capabilities, text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"driver store claims.*give"):
        Consistency.parse(text).require_claim(capabilities, "store")


@pytest.mark.parametrize(
    ("capabilities", "text", "bound"),
    [
        (STRONG, "read-after-write", None),
        (STRONG, "read-after-write(2)", 2.0),
        (STRONG, "eventual(2)", 2.0),
        (UNKNOWN, "eventual(2)", 2.0),
        (replace(RAW, staleness_bound=30.0), "read-after-write", 30.0),
        (replace(EVENTUAL, staleness_bound=30.0), "eventual(60)", 60.0),
    ],
)
def test_claims_are_lowered_to_the_class(
    capabilities: Capabilities, text: str, bound: float | None
) -> None:
    promise = Consistency.parse(text)
    promise.require_claim(capabilities, "store")
    lowered = promise.lowered(capabilities)
    assert lowered.staleness_bound == bound
    assert Consistency.claimed_by(lowered) == replace(promise, bound=bound)
    assert lowered.conditional_create == capabilities.conditional_create


@pytest.mark.parametrize(
    ("given", "advice"), [("eventual", "needs a bound"), (5, "consistency is 'strong'")]
)
def test_both_doors_refuse_alike(given: Any, advice: str) -> None:  # noqa: ANN401
    for door in (regstore.Registry, regstore.AsyncRegistry):
        with pytest.raises(ConfigurationError, match=advice):
            door.open("memory://", consistency=given)


def test_a_registry_works_over_each_class() -> None:
    for consistency in ("strong", "read-after-write", "read-after-write(1)", "eventual(1)"):
        with regstore.open("memory://", consistency=consistency) as registry:
            repository = registry.repository("library/app")
            blob = repository.blobs.put(b"content")
            assert repository.blobs.get(blob.digest) == b"content"
            repository.blobs.delete(blob.digest)
            assert not repository.blobs.exists(blob.digest)
