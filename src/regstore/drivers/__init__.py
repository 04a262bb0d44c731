"""Drivers: adapters of the contract to stores."""
