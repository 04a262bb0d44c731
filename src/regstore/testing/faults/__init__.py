"""Drivers that fail, lag, dawdle or take notes: for your own tests of what stands on a store.

Each wraps any driver, asks its ``runtime`` for time, and so works with a virtual clock::

    store = FaultyDriver(MemoryDriver(), rate=0.05, seed=7)
    registry = Registry(Checked(store))

All are deterministic: the same seed and the same calls give the same faults.
"""

from regstore.testing.faults.faulty import FaultyDriver
from regstore.testing.faults.intercepted import Call, InterceptedDriver
from regstore.testing.faults.lagging import Lag, LaggingDriver
from regstore.testing.faults.latency import LatencyDriver, RecordingDriver

__all__ = [
    "Call",
    "FaultyDriver",
    "InterceptedDriver",
    "Lag",
    "LaggingDriver",
    "LatencyDriver",
    "RecordingDriver",
]
