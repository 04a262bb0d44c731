"""Resumable hashing: hash a part today, save the state, go on elsewhere."""

from regstore.hashing.hasher import Hasher

__all__ = ["Hasher"]
