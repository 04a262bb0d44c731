"""Drivers: adapters of the contract to stores."""

from regstore.drivers._open import open_driver

__all__ = ["open_driver"]
