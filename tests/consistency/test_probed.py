"""``consistency="measured"``: a store is what a probe has found it to be, from the first call."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Callable, Coroutine
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from typer.testing import CliRunner

import regstore
from regstore.cli.app import app
from regstore.consistency import Layers, Probed, Settled
from regstore.consistency.capabilities import Saved
from regstore.driver import IF_ABSENT, Capabilities, StorageDriver
from regstore.drivers import open_driver
from regstore.drivers.memory import MemoryDriver
from regstore.errors import ConfigurationError, UnsupportedMethodError
from regstore.layout import Caps
from regstore.testing.faults import Lag, LaggingDriver, RecordingDriver
from tests.consistency.test_wrapper import CASES
from tests.places import VirtualRuntime

AnyRegistry = regstore.Registry | regstore.AsyncRegistry

CALLS = [case.values[2] for case in CASES if case.values[0] is StorageDriver]


def keep(driver: StorageDriver, capabilities: Capabilities) -> None:
    saved = Saved(driver.name, driver.runtime.now(), capabilities)
    driver.runtime.run(driver.put_content(Caps().path, saved.encode()))


def put_blob(registry: AnyRegistry) -> None:
    """Push a blob through whichever door this is."""
    pushed = registry.repository("app").blobs.put(b"a layer")
    if isinstance(pushed, Coroutine):
        anyio.run(lambda: pushed)


async def call(driver: StorageDriver, name: str) -> None:
    method = getattr(driver, name)
    given = [
        b"" if each.name == "data" else "a/b"
        for each in inspect.signature(method).parameters.values()
        if each.default is each.empty
    ]
    result = method(*given)
    if isinstance(result, AsyncGenerator):
        result = anext(result)
    await result


@pytest.mark.parametrize("name", [name for name in CALLS if name not in {"aclose", "expect_lag"}])
def test_without_a_finding_no_call_goes_through(name: str) -> None:
    store = RecordingDriver(MemoryDriver())
    driver = Probed(store)
    with pytest.raises(ConfigurationError, match="regstore probe --save"):
        store.runtime.run(call(driver, name))
    assert store.names == [f"get_content {Caps().path}"]


def test_what_was_found_is_asked_for_once_and_lowers_what_is_claimed() -> None:
    store = RecordingDriver(MemoryDriver())
    keep(store, replace(store.capabilities, conditional_create=False, list_after_write=False))
    store.calls.clear()
    driver = Probed(store)
    assert driver.capabilities.list_after_write
    driver.runtime.run(driver.put_content("a", b"1"))
    assert not driver.capabilities.list_after_write
    with pytest.raises(UnsupportedMethodError, match="conditional_create"):
        driver.runtime.run(driver.put_content("b", b"1", IF_ABSENT))
    assert store.names == [f"get_content {Caps().path}", "put_content a"]


def test_a_finding_that_cannot_be_read_is_told_from_none() -> None:
    store = MemoryDriver()
    store.runtime.run(store.put_content(Caps().path, b"{bad"))
    with pytest.raises(ConfigurationError, match=r"cannot be read.*regstore probe --save"):
        store.runtime.run(Probed(store).get_content("a"))


def test_a_store_that_was_seen_to_lag_is_waited_for() -> None:
    runtime = VirtualRuntime()
    lagging = LaggingDriver(MemoryDriver(runtime=runtime), Lag(get=3.0, stat=3.0, list=3.0))
    inner = lagging.inner
    keep(inner, replace(lagging.capabilities, staleness_bound=5.0))
    driver = Layers.needed_by(lagging, "measured", remote=False).around(lagging)
    begun = runtime.monotonic()
    runtime.run(driver.put_content("a", b"new"))
    assert runtime.run(driver.get_content("a")).data == b"new"
    assert 3.0 <= runtime.monotonic() - begun < 5.0


def test_a_store_that_was_found_strong_costs_one_read_in_all() -> None:
    store = RecordingDriver(MemoryDriver())
    keep(store, store.capabilities)
    store.calls.clear()
    driver = Layers.needed_by(store, "measured", remote=False).around(store)
    for path in ("a", "b"):
        driver.runtime.run(driver.put_content(path, b"1"))
        driver.runtime.run(driver.get_content(path))
    said = ["put_content a", "get_content a", "put_content b", "get_content b"]
    assert store.names == [f"get_content {Caps().path}", *said]


@pytest.mark.parametrize("opened", [regstore.open, regstore.AsyncRegistry.open])
def test_immutable_tags_are_refused_before_anything_is_written_where_no_conditions_were_found(
    opened: Callable[..., AnyRegistry], tmp_path: Path
) -> None:
    store = open_driver(tmp_path)
    keep(store, replace(store.capabilities, conditional_create=False))
    before = sorted(tmp_path.rglob("*"))
    policy = regstore.Policy(tags=regstore.ImmutableTags("v*"))
    registry = opened(tmp_path, consistency="measured", policy=policy)
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="immutable tags need conditional writes"):
            put_blob(registry)
    assert sorted(tmp_path.rglob("*")) == before
    put_blob(opened(tmp_path, consistency="measured"))


def test_what_a_probe_has_found_may_be_enough_for_immutable_tags(tmp_path: Path) -> None:
    store = open_driver(tmp_path)
    keep(store, store.capabilities)
    policy = regstore.Policy(tags=regstore.ImmutableTags("v*"))
    registry = regstore.open(tmp_path, consistency="measured", policy=policy)
    put_blob(registry)


def test_a_probe_that_was_kept_is_gone_by(tmp_path: Path) -> None:
    url = tmp_path.as_uri()
    with pytest.raises(ConfigurationError, match="regstore probe --save"):
        regstore.open(url, consistency="measured").repository("app").blobs.put(b"a layer")
    result = CliRunner().invoke(app, ["probe", url, "--save"])
    assert result.exit_code == 0, result.output
    registry = regstore.open(url, consistency="measured")
    layer = registry.repository("app").blobs.put(b"a layer")
    assert registry.repository("app").blobs.get(layer.digest) == b"a layer"
    assert isinstance(getattr(registry.driver, "inner", None), Settled)
