"""Which requests matter to nobody else, so that it does not matter when they come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from regstore.testing.simulation.exploring.footprints import Footprint, footprint
from regstore.testing.simulation.exploring.schedule import Lineage
from regstore.testing.simulation.loop import Task
from regstore.testing.simulation.trace import Request

_What = tuple[Lineage, str, str, tuple[str, ...]]


class Privacy:
    """What is known of who touches what, from all schedules so far.

    :ivar is_broken: a request was taken for private, and is not: all must begin again.
    """

    def __init__(self) -> None:
        self.is_broken: bool = False
        self._touched: dict[Lineage, Footprint] = {}
        self._beside: dict[Lineage, set[Lineage]] = {}
        self._seen: set[_What] = set()
        self._judged: dict[_What, bool] = {}

    def sent(self, lineage: Lineage, request: Request) -> None:
        """Take note of a request."""
        what = (lineage, request.name, request.key, request.others)
        if what not in self._seen:
            self._seen.add(what)
            self._touched.setdefault(lineage, Footprint()).add(footprint(request))
            self._judge_again()

    def beside(self, waiting: Sequence[Task[Any]]) -> None:
        """Take note of tasks that are about to send requests at the same time."""
        lineages = {task.lineage for task in waiting}
        for lineage in lineages:
            known = self._beside.setdefault(lineage, set())
            if not lineages <= known:
                known |= lineages
                self._judge_again()

    def covers(self, task: Task[Any]) -> bool:
        """Return whether no request that was ever seen beside it meets the one of *task*."""
        request = task.label
        assert isinstance(request, Request)
        what = (task.lineage, request.name, request.key, request.others)
        if what not in self._judged:
            self._judged[what] = self._judge(*what)
        return self._judged[what]

    def _judge_again(self) -> None:
        self._judged = {what: was and self._still(what) for what, was in self._judged.items()}

    def _still(self, what: _What) -> bool:
        is_private = self._judge(*what)
        self.is_broken = self.is_broken or not is_private
        return is_private

    def _judge(self, mine: Lineage, name: str, key: str, others: tuple[str, ...]) -> bool:
        touched = footprint(Request(0, "", name, key, 0.0, others))
        beside = self._beside.get(mine, set())
        return not any(
            touched.meets(other)
            for lineage, other in self._touched.items()
            if lineage != mine and (lineage[0] != mine[0] or lineage in beside)
        )
