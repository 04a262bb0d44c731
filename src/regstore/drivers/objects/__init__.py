"""Drivers over stores of objects: one driver keeps the contract, a narrow port is the store."""

from regstore.drivers.objects.driver import ObjectDriver
from regstore.drivers.objects.port import ObjectStore

__all__ = ["ObjectDriver", "ObjectStore"]
