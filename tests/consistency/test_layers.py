"""Which wrappers ``regstore.open`` puts around a driver, and what they tell of themselves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

import pytest
from typing_extensions import override

import regstore
from regstore import AsyncRegistry, Registry
from regstore.consistency import (
    Checked,
    Consistency,
    Counters,
    Layers,
    Measured,
    Probed,
    RetryCounts,
    Retrying,
    Settled,
    Settling,
    Throttled,
    Violation,
    counters,
)
from regstore.driver import IF_ABSENT, Capabilities, StorageDriver
from regstore.drivers.generic import GenericDriver
from regstore.drivers.hopping import HoppingDriver
from regstore.drivers.memory import MemoryDriver
from regstore.drivers.objects import ObjectDriver
from regstore.drivers.threaded import ThreadedDriver
from regstore.errors import ConfigurationError, TransientError
from regstore.testing.faults import Call, InterceptedDriver, Lag, LaggingDriver
from regstore.testing.objects import MemoryObjects
from tests.places import VirtualRuntime

T = TypeVar("T")

S3 = {"key": "x", "secret": "y", "client_kwargs": {"region_name": "us-east-1"}}
REMOTE = [Retrying, Throttled, Measured]


def kinds(driver: StorageDriver | None) -> list[type]:
    found = []
    while driver is not None:
        found.append(type(driver))
        driver = getattr(driver, "inner", None)
    return found


@pytest.mark.parametrize("consistency", [None, "strong"])
def test_nothing_is_added_on_a_strong_store_at_hand(consistency: str | None) -> None:
    registry = regstore.open("memory://", consistency=consistency)
    assert kinds(registry.driver) == [Checked, MemoryDriver]


def test_layers_take_a_class_as_it_is_written() -> None:
    driver = Layers(settled=True, consistency="eventual(1)").around(MemoryDriver())
    assert kinds(driver) == [Checked, Settled, MemoryDriver]
    assert driver.capabilities.staleness_bound == 1
    measured = Layers(consistency="measured").around(MemoryDriver())
    assert kinds(measured) == [Checked, Probed, Measured, MemoryDriver]
    with pytest.raises(ConfigurationError, match="'strong', 'read-after-write'"):
        Layers(settled=True, consistency="weak").around(MemoryDriver())


def test_a_weaker_class_adds_the_layer_below_the_checks() -> None:
    registry = regstore.open("memory://", consistency=Consistency("eventual", 2.0))
    assert kinds(registry.driver) == [Checked, Settled, MemoryDriver]
    assert registry.driver.capabilities.staleness_bound == 2.0


@pytest.mark.parametrize("consistency", [None, "strong", "eventual(2)"])
def test_a_store_behind_a_network_is_measured_bounded_asked_again_and_watched(
    consistency: str | None,
) -> None:
    layers = [Checked, Settled, *REMOTE]
    options = {"storage_options": S3, "consistency": consistency}
    plain = Registry.open("s3://bucket/root", **options)  # type: ignore[arg-type]
    assert kinds(plain.driver) == [*layers, ObjectDriver]
    awaited = regstore.AsyncRegistry.open("s3://bucket/root", **options)  # type: ignore[arg-type]
    assert kinds(awaited.driver) == [*layers, HoppingDriver, ObjectDriver]


@pytest.mark.parametrize(
    ("url", "layers"),
    [
        ("dir::file:///srv", [Checked]),
        ("sftp://host/srv", [Checked]),
        ("ftp://host/srv", [Checked, Settled]),
    ],
)
def test_other_filesystems_are_taken_for_what_is_known_of_them(
    url: str, layers: list[type]
) -> None:
    assert kinds(regstore.open(url).driver) == [*layers, GenericDriver]


def test_a_blocking_driver_is_carried_below_all_layers() -> None:
    awaited = regstore.AsyncRegistry.open("memory://", consistency="eventual(2)")
    assert kinds(awaited.driver) == [Checked, Settled, ThreadedDriver, MemoryDriver]


class LosesAnswers(InterceptedDriver):
    """Loses the answers of the first *count* puts."""

    def __init__(self, inner: StorageDriver, count: int) -> None:
        super().__init__(inner)
        self.left = count

    @override
    async def through(self, call: Call, effect: Callable[[], Awaitable[T]]) -> T:
        result = await effect()
        if call.method == "put_content" and self.left:
            self.left -= 1
            raise TransientError(call.path, self.name, "no answer", outcome_unknown=True)
        return result


def test_counters_tell_what_the_layers_of_a_registry_have_done() -> None:
    lagging = LaggingDriver(MemoryDriver(runtime=VirtualRuntime()), Lag(get=1, stat=1, list=1))
    layers = Layers.needed_by(lagging, remote=True)
    registry = Registry(layers.around(LosesAnswers(lagging, 2)))
    repository = registry.repository("library/app")
    digest = repository.blobs.put(b"content").digest
    assert repository.blobs.get(digest) == b"content"
    seen = counters(registry.driver)
    assert seen.retrying.retries == 2
    assert seen.retrying.gave_up == 0
    assert seen.settled.waits
    assert seen.settled.seconds_waited == pytest.approx(1, abs=1e-4)
    assert seen.settled.violations == 0


def test_a_store_at_hand_has_nothing_to_count() -> None:
    registry = regstore.open("memory://")
    assert counters(registry.driver) == Counters(RetryCounts(), Settling())


@pytest.mark.parametrize("kind", [Registry, AsyncRegistry])
def test_counters_of_a_registry_are_those_of_its_driver(
    kind: type[Registry | AsyncRegistry],
) -> None:
    driver = Retrying(MemoryDriver())
    driver.runtime.run(driver.put_content("a", b"x"))
    assert counters(kind(driver)).retrying.calls == 1


@pytest.mark.parametrize("other", ["memory://", None, regstore, Layers()])
def test_counters_of_anything_else_are_refused(other: object) -> None:
    with pytest.raises(TypeError, match=r"Registry.*its driver"):
        counters(other)  # type: ignore[arg-type]


def overrated() -> LaggingDriver:
    """A store that claims to be strong, and is not."""
    memory = MemoryDriver(runtime=VirtualRuntime())
    return LaggingDriver(memory, Lag(get=0.3, stat=0.3), claims_strong=True)


def test_a_store_that_is_not_as_strong_as_it_claims_is_found_out_and_told_of() -> None:
    seen: list[Violation] = []
    store = overrated()
    layers = Layers.needed_by(store, remote=True)
    registry = Registry(layers.around(store, seen.append))
    repository = registry.repository("library/app")
    digest = repository.blobs.put(b"content").digest
    assert repository.blobs.get(digest) == b"content"
    assert {each.promise for each in seen} == {"read_after_write"}
    assert counters(registry.driver).settled.violations == len(seen)
    assert not registry.driver.capabilities.read_after_write


def test_what_the_hook_raises_reaches_the_reader_and_the_store_is_trusted_less() -> None:
    def hook(violation: Violation) -> None:
        raise ValueError(violation.promise)

    store = overrated()
    registry = Registry(Layers.needed_by(store, remote=True).around(store, hook))
    blobs = registry.repository("library/app").blobs
    digest = blobs.put(b"content").digest
    with pytest.raises(ValueError, match="read_after_write"):
        blobs.get(digest)
    assert counters(registry).settled.violations == 1
    assert not registry.driver.capabilities.read_after_write
    assert blobs.get(digest) == b"content"


@pytest.mark.parametrize("door", [Registry, AsyncRegistry])
def test_a_hook_that_cannot_be_called_is_refused_when_it_is_given(
    door: type[Registry | AsyncRegistry],
) -> None:
    with pytest.raises(TypeError, match="on_violation is called with a Violation"):
        door.open("memory://", on_violation=3)  # type: ignore[arg-type]


def test_of_two_layers_of_a_kind_the_outer_one_tells() -> None:
    store = MemoryDriver()
    inner, outer = Retrying(store), Retrying(Retrying(store))
    store.runtime.run(inner.put_content("a", b"x"))
    store.runtime.run(outer.put_content("b", b"x"))
    assert counters(Checked(outer)).retrying.calls == 1


def test_a_proof_that_lost_its_answer_is_made_again() -> None:
    store = MemoryDriver(runtime=VirtualRuntime())
    driver = Retrying(Measured(LosesAnswers(store, 1)))
    store.runtime.run(driver.put_content("mine", b"x", IF_ABSENT))
    assert driver.counts.retries == 1
    assert store.runtime.run(store.get_content("mine")).data == b"x"


def test_what_is_found_out_of_a_store_lowers_what_every_layer_goes_by() -> None:
    class Forgetful(MemoryDriver):
        capabilities: Capabilities = replace(MemoryDriver.capabilities, read_after_write=False)

    driver = Layers.needed_by(Forgetful(), "eventual(3)", remote=True).around(Forgetful())
    assert driver.capabilities.staleness_bound == 3.0


@pytest.mark.parametrize("consistency", ["eventual(3)", "read-after-write(3)"])
def test_the_driver_is_told_that_its_store_lags_more_than_it_claims(consistency: str) -> None:
    driver = ObjectDriver(MemoryObjects(runtime=VirtualRuntime()))
    assert driver.capabilities.staleness_bound == 0
    Layers.needed_by(driver, consistency, remote=True).around(driver)
    assert driver.capabilities.staleness_bound == 3


def test_the_driver_is_told_that_its_store_has_broken_its_word() -> None:
    store = MemoryObjects(runtime=VirtualRuntime())
    store.capabilities = replace(store.capabilities, unique_versions=True)
    driver = ObjectDriver(store)
    lagging = LaggingDriver(driver, Lag(get=0.3, stat=0.3), claims_strong=True)
    registry = Registry(Layers.needed_by(lagging, remote=True).around(lagging))
    digest = registry.repository("library/app").blobs.put(b"content").digest
    assert registry.repository("library/app").blobs.exists(digest)
    assert driver.capabilities.staleness_bound is None
