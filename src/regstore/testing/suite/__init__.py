"""The conformance tests, one module per part of the contract."""
