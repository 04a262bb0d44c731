from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from regstore._run import LoopRuntime
from regstore.drivers.azure import AzureStore, azure_store
from tests.azure_server import Azurite, azurite

__all__ = ["azurite"]

Run = Callable[[Coroutine[Any, Any, Any]], Any]


@pytest.fixture
def run() -> Iterator[Run]:
    with asyncio.Runner() as runner:
        yield runner.run


@pytest.fixture
def url(azurite: Azurite) -> str:
    return f"{azurite.container()}/some/prefix"


@pytest.fixture
def store(azurite: Azurite, url: str, run: Run) -> Iterator[AzureStore]:
    store = azure_store(url, azurite.options, LoopRuntime())
    yield store
    run(store.aclose())
