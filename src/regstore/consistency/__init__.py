"""Wrappers of drivers: each forwards everything, and each has one worry."""

from regstore.consistency.attempts import RetryCounts
from regstore.consistency.budget import RetryBudget
from regstore.consistency.checked import Checked
from regstore.consistency.deadline import deadline, time_left
from regstore.consistency.journal import Journal
from regstore.consistency.layers import Counters, Layers, counters
from regstore.consistency.measured import Measured
from regstore.consistency.observe import Call, Hook, Observed
from regstore.consistency.outcomes import Failed, Ok, Outcome, Unknown
from regstore.consistency.probed import Probed
from regstore.consistency.promise import Consistency
from regstore.consistency.resolve import is_lasting
from regstore.consistency.retry import Retrying
from regstore.consistency.settle import Settled
from regstore.consistency.throttle import Throttled
from regstore.consistency.trust import Settling, Violation
from regstore.consistency.verify import Verified
from regstore.consistency.wrapper import WrapperDriver, WrapperReader, WrapperWriter

__all__ = [
    "Call",
    "Checked",
    "Consistency",
    "Counters",
    "Failed",
    "Hook",
    "Journal",
    "Layers",
    "Measured",
    "Observed",
    "Ok",
    "Outcome",
    "Probed",
    "RetryBudget",
    "RetryCounts",
    "Retrying",
    "Settled",
    "Settling",
    "Throttled",
    "Unknown",
    "Verified",
    "Violation",
    "WrapperDriver",
    "WrapperReader",
    "WrapperWriter",
    "counters",
    "deadline",
    "is_lasting",
    "time_left",
]
