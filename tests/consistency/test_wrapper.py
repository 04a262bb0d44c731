"""A wrapper forwards everything: proved by introspection, so that new methods are caught."""

from __future__ import annotations

import inspect
from abc import ABC
from collections.abc import Callable
from typing import Any

import pytest

from regstore._run import BlockingRuntime
from regstore.consistency.wrapper import WrapperDriver, WrapperReader, WrapperWriter
from regstore.driver import Capabilities, FileReader, FileWriter, StorageDriver
from regstore.errors import PathNotFoundError

run = BlockingRuntime().run
PAIRS: list[tuple[type[ABC], Callable[[Any], Any]]] = [
    (StorageDriver, WrapperDriver),
    (FileReader, WrapperReader),
    (FileWriter, WrapperWriter),
]
DEFAULTED = {"expect_lag", "parked_at"}
CASES = [
    pytest.param(contract, wrapper, name, id=f"{contract.__name__}.{name}")
    for contract, wrapper in PAIRS
    for name in sorted({*contract.__abstractmethods__, *(DEFAULTED & {*vars(contract)})})
    if inspect.isfunction(getattr(contract, name))
]
ATTRIBUTES = [
    pytest.param(contract, wrapper, name, id=f"{contract.__name__}.{name}")
    for contract, wrapper in PAIRS
    for name in sorted(
        {*inspect.get_annotations(contract)}
        | {n for n in contract.__abstractmethods__ if isinstance(getattr(contract, n), property)}
    )
]


class Recorder:
    """An implementation of any part of the contract that notes what it is asked."""

    def __init__(self, contract: type[ABC]) -> None:
        self.calls: list[dict[str, object]] = []
        self.answer: object = object()
        self.error: Exception | None = None
        self._contract = contract

    def __getattr__(self, name: str) -> object:
        method = getattr(self._contract, name, None)
        if not inspect.isfunction(method):
            return f"the {name} of the inner one"
        signature = inspect.signature(method)

        def call(*args: object, **named: object) -> object:
            bound = signature.bind(self, *args, **named)
            bound.apply_defaults()
            self.calls.append({"method": name, **bound.arguments})
            return self._answer() if inspect.iscoroutinefunction(method) else self.answer

        return call

    async def _answer(self) -> object:
        if self.error:
            raise self.error
        return self.answer


def ask(target: Any, name: str, *args: object, **named: object) -> object:  # noqa: ANN401
    answer = getattr(target, name)(*args, **named)
    return run(answer) if inspect.iscoroutine(answer) else answer


def test_every_part_of_the_contract_is_among_the_cases() -> None:
    found = {f"{contract.__name__}.{name}" for contract, _ in PAIRS for name in vars(contract)}
    assert {"StorageDriver.walk", "FileReader.read", "FileWriter.commit"} <= found
    assert len(CASES) == 16 + 2 + 4
    assert len(ATTRIBUTES) == 3 + 1 + 2


@pytest.mark.parametrize(("contract", "wrapper", "name"), CASES)
def test_arguments_and_answers_are_forwarded(
    contract: type[ABC], wrapper: Callable[[Any], Any], name: str
) -> None:
    inner = Recorder(contract)
    parameters = list(inspect.signature(getattr(contract, name)).parameters.values())[1:]
    given = {each.name: f"a value for {each.name}" for each in parameters}
    positional = [given[p.name] for p in parameters if p.kind is not p.KEYWORD_ONLY]
    named = {p.name: given[p.name] for p in parameters if p.kind is p.KEYWORD_ONLY}
    answer = ask(wrapper(inner), name, *positional, **named)
    assert inner.calls == [{"method": name, "self": inner, **given}]
    returns = inspect.signature(getattr(contract, name)).return_annotation
    assert answer is (None if returns == "None" else inner.answer)


@pytest.mark.parametrize(("contract", "wrapper", "name"), CASES)
def test_signatures_and_defaults_are_those_of_the_contract(
    contract: type[ABC], wrapper: type[Any], name: str
) -> None:
    assert inspect.signature(getattr(wrapper, name)) == inspect.signature(getattr(contract, name))


@pytest.mark.parametrize(("contract", "wrapper", "name"), ATTRIBUTES)
def test_attributes_are_forwarded(
    contract: type[ABC], wrapper: Callable[[Any], Any], name: str
) -> None:
    assert getattr(wrapper(Recorder(contract)), name) == f"the {name} of the inner one"


def test_errors_pass() -> None:
    inner: Any = Recorder(StorageDriver)
    inner.error = PathNotFoundError("a")
    with pytest.raises(PathNotFoundError) as caught:
        run(WrapperDriver(inner).stat("a"))
    assert caught.value is inner.error


def test_capabilities_are_asked_for_each_time() -> None:
    inner: Any = Recorder(StorageDriver)
    wrapper = WrapperDriver(inner)
    for lowered in (Capabilities(atomic_put=True), Capabilities()):
        inner.capabilities = lowered
        assert wrapper.capabilities is lowered
