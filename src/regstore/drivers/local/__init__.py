"""Files on a local disk."""

from regstore.drivers.local.driver import LocalDriver

__all__ = ["LocalDriver"]
