"""Wrappers of drivers: each forwards everything, and each has one worry."""

from regstore.consistency.checked import Checked
from regstore.consistency.measured import Measured
from regstore.consistency.verify import Verified
from regstore.consistency.wrapper import WrapperDriver, WrapperReader, WrapperWriter

__all__ = ["Checked", "Measured", "Verified", "WrapperDriver", "WrapperReader", "WrapperWriter"]
