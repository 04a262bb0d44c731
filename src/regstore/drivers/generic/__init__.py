"""Any filesystem of fsspec as a driver."""

from regstore.drivers.generic.driver import GenericDriver
from regstore.drivers.generic.source import Source, uncached

__all__ = ["GenericDriver", "Source", "uncached"]
