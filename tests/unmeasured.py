"""A store of which nobody knows how long it lags."""

from __future__ import annotations

from dataclasses import replace

from typing_extensions import override

from regstore.driver import Capabilities
from regstore.testing.faults import LaggingDriver


class Unmeasured(LaggingDriver):
    """Lags, and does not say how long."""

    @property
    @override
    def capabilities(self) -> Capabilities:  # type: ignore[override] # as in WrapperDriver
        return replace(super().capabilities, staleness_bound=None)
