"""Every wrapper forwards every method, with every argument, and gives what it is answered."""

from __future__ import annotations

import inspect
from abc import ABC
from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest

from regstore._run import BlockingRuntime
from regstore.consistency import Observed, Retrying, Throttled
from regstore.driver import EPOCH, Capabilities, FileInfo, FileReader, FileWriter, StorageDriver
from tests.consistency.test_wrapper import CASES as CONTRACT

run = BlockingRuntime().run
INFO = FileInfo("a", 1, EPOCH, "1")


def observed(driver: StorageDriver) -> StorageDriver:
    return Observed(driver, lambda _: None)


class Inner:
    """Any part of the contract: notes what it is asked, and answers with its own kind."""

    name = "inner"
    capabilities = Capabilities()
    runtime = BlockingRuntime()
    info = INFO
    size = 0
    note = b""

    def __init__(self, contract: type[ABC]) -> None:
        self.calls: list[dict[str, object]] = []
        self.answers: list[object] = []
        self._contract = contract

    def __getattr__(self, name: str) -> object:
        signature = inspect.signature(getattr(self._contract, name))
        parts: dict[str, type[ABC]] = {"reader": FileReader, "writer": FileWriter}

        async def call(*args: object, **named: object) -> object:
            self._note(name, signature.bind(self, *args, **named))
            answer: object = Inner(parts[name]) if name in parts else object()
            answer = b"chunk" if name == "read" else answer
            self.answers.append(answer)
            return answer

        async def listing(*args: object, **named: object) -> AsyncGenerator[object, None]:
            self._note(name, signature.bind(self, *args, **named))
            self.answers.append(INFO)
            yield INFO

        def tell(*args: object, **named: object) -> None:
            self._note(name, signature.bind(self, *args, **named))

        if name in {"list", "walk"}:
            return listing
        return call if inspect.iscoroutinefunction(getattr(self._contract, name)) else tell

    def _note(self, name: str, bound: inspect.BoundArguments) -> None:
        bound.apply_defaults()
        given = dict(list(bound.arguments.items())[1:])
        self.calls.append({"method": name, **given})


def value_for(name: str) -> object:
    return {"offset": 3, "length": 5, "limit": 7, "data": b"data", "note": b"note"}.get(name, name)


WRAPPERS = {"Retrying": Retrying, "Throttled": Throttled, "Observed": observed}
CASES = [
    pytest.param(case.values[0], wrap, case.values[2], id=f"{name}-{case.id}")
    for name, wrap in WRAPPERS.items()
    for case in CONTRACT
]


def wrapped(
    contract: type[ABC], wrap: Callable[[Any], StorageDriver]
) -> tuple[Inner, StorageDriver | FileReader | FileWriter]:
    inner: Any = Inner(StorageDriver)
    driver = wrap(inner)
    if contract is StorageDriver:
        return inner, driver
    part: Any = run(driver.reader("a") if contract is FileReader else driver.writer("a"))
    return inner.answers[0], part


def innermost(answer: object) -> object:
    inner = getattr(answer, "_inner", None)
    return answer if inner is None else innermost(inner)


@pytest.mark.parametrize(("contract", "wrap", "name"), CASES)
def test_arguments_and_answers_are_forwarded(
    contract: type[ABC], wrap: Callable[[Any], StorageDriver], name: str
) -> None:
    inner, wrapper = wrapped(contract, wrap)
    parameters = list(inspect.signature(getattr(contract, name)).parameters.values())[1:]
    given = {each.name: value_for(each.name) for each in parameters}
    positional = [given[p.name] for p in parameters if p.kind is not p.KEYWORD_ONLY]
    named = {p.name: given[p.name] for p in parameters if p.kind is p.KEYWORD_ONLY}
    answer = getattr(wrapper, name)(*positional, **named)
    if name in {"list", "walk"}:
        assert list(BlockingRuntime().iterate(answer)) == [INFO]
        assert inner.calls == [{"method": name, **given}]
        return
    answer = run(answer) if inspect.iscoroutine(answer) else answer
    assert inner.calls == [{"method": name, **given}]
    if inspect.signature(getattr(contract, name)).return_annotation == "None":
        assert answer is None
    else:
        assert innermost(answer) is inner.answers[-1]


@pytest.mark.parametrize(("contract", "wrap", "name"), CASES)
def test_signatures_and_defaults_are_those_of_the_contract(
    contract: type[ABC], wrap: Callable[[Any], StorageDriver], name: str
) -> None:
    _, wrapper = wrapped(contract, wrap)
    expected = inspect.signature(getattr(contract, name))
    assert inspect.signature(getattr(type(wrapper), name)) == expected


@pytest.mark.parametrize("wrap", WRAPPERS.values(), ids=WRAPPERS)
def test_attributes_are_forwarded(wrap: Callable[[Any], StorageDriver]) -> None:
    inner, driver = wrapped(StorageDriver, wrap)
    assert isinstance(driver, StorageDriver)
    assert (driver.name, driver.capabilities) == (inner.name, inner.capabilities)
    assert driver.runtime is inner.runtime
    for contract in (FileReader, FileWriter):
        inner, part = wrapped(contract, wrap)
        for name in ("info",) if contract is FileReader else ("size", "note"):
            assert getattr(part, name) == getattr(inner, name)
