"""Random histories find what single calls find, and what only their order shows."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from regstore.consistency import WrapperDriver
from regstore.driver import StorageDriver
from regstore.drivers.memory import MemoryDriver
from regstore.testing.stateful import StorageDriverMachine
from tests.testing import broken


class ForgetsParkedOnCopy(WrapperDriver):
    """Breaks only where a copy follows a park: a history that no single test has."""

    async def copy(self, source: str, destination: str, *conditions: object) -> str | None:
        version = await super().copy(source, destination, *conditions)  # type: ignore[arg-type] # as given
        await (await super().writer(destination)).cancel()
        return version


def histories(driver: StorageDriver) -> None:
    numbers = itertools.count()

    def machine() -> StorageDriverMachine:
        return StorageDriverMachine(driver, f"h{next(numbers)}")

    run_state_machine_as_test(
        machine,  # type: ignore[arg-type] # a function that makes one does as well
        settings=settings(
            max_examples=1000,
            database=None,
            deadline=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.parametrize(
    "kind",
    [
        broken.AppendsToCommitted,
        broken.DeletesPrefixes,
        broken.IgnoresConditions,
        broken.IgnoresLength,
        broken.KeepsEmptyDirectories,
        broken.ListsInKeyOrder,
        broken.NoZeros,
        broken.ParksNothing,
        broken.StartsAtWhatExists,
        ForgetsParkedOnCopy,
    ],
)
def test_histories_catch(kind: type[WrapperDriver]) -> None:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever the history saw
        histories(kind(MemoryDriver()))
    assert "state = StorageDriverMachine()" in "\n".join(caught.value.__notes__)
