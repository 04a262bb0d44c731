"""Wrappers of drivers: each forwards everything, and each has one worry."""

from regstore.consistency.checked import Checked
from regstore.consistency.journal import Journal
from regstore.consistency.measured import Measured
from regstore.consistency.promise import Consistency
from regstore.consistency.settle import Settled
from regstore.consistency.trust import Settling, Violation
from regstore.consistency.verify import Verified
from regstore.consistency.wrapper import WrapperDriver, WrapperReader, WrapperWriter

__all__ = [
    "Checked",
    "Consistency",
    "Journal",
    "Measured",
    "Settled",
    "Settling",
    "Verified",
    "Violation",
    "WrapperDriver",
    "WrapperReader",
    "WrapperWriter",
]
