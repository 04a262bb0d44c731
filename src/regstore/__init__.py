"""The storage layer of a container registry."""
