"""Wrappers of drivers: each forwards everything, and each has one worry."""

from regstore.consistency.wrapper import WrapperDriver, WrapperReader, WrapperWriter

__all__ = ["WrapperDriver", "WrapperReader", "WrapperWriter"]
