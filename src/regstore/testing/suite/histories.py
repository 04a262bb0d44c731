"""Every clause at once: random histories."""

from __future__ import annotations

import itertools

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from regstore.driver import StorageDriver
from regstore.testing.stateful import StorageDriverMachine
from regstore.testing.suite.base import DriverSuite

MOST_EXAMPLES = 40


class HistoryTests(DriverSuite):
    """All clauses, in random order."""

    def histories(self) -> settings:
        """Override: how many histories to try. By default the profile says so, up to a bound."""
        return settings(
            deadline=None,
            max_examples=min(settings().max_examples, MOST_EXAMPLES),
            stateful_step_count=50,
            phases=set(Phase) - {Phase.explain},
            suppress_health_check=list(HealthCheck),
        )

    def test_all_histories_agree_with_a_dictionary(self, driver: StorageDriver) -> None:
        numbers = itertools.count()

        def machine() -> StorageDriverMachine:
            return StorageDriverMachine(driver, self.at(f"h{next(numbers)}"), self.run)

        run_state_machine_as_test(
            machine,  # type: ignore[arg-type] # a function that makes one does as well
            settings=self.histories(),
        )
