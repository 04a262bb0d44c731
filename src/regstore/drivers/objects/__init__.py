"""Drivers over stores of objects: one driver keeps the contract, a narrow port is the store."""
