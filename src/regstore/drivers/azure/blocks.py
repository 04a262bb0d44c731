"""Blocks: how Azure takes a blob in parts.

A block is sent to the blob's own name, unseen until a list of blocks is committed. The service
discards all uncommitted blocks of a blob at each commit of a list and at each Put Blob, those of
other writers too, and a week after the last one came. All names of a blob's uncommitted blocks have
one length. (Put Block and Put Block List, learn.microsoft.com/rest/api/storageservices.)
"""

from __future__ import annotations

import random
from base64 import b64encode
from collections.abc import Sequence

from regstore.drivers.objects.port import Part


def session_token(rng: random.Random) -> str:
    """Return a name for a session; all have one length."""
    return f"{rng.getrandbits(128):032x}"


def block_name(token: str, number: int) -> str:
    """Return the name of one block of a session; all have one length."""
    return f"{token}.{number:06d}"


def block_id(name: str) -> str:
    """Return a block's name as the service wants it."""
    return b64encode(name.encode()).decode()


def block_list(parts: Sequence[Part]) -> bytes:
    """Return the body that commits *parts* in this order, and only ones that are uncommitted."""
    blocks = "".join(f"<Uncommitted>{block_id(part.tag)}</Uncommitted>" for part in parts)
    return f'<?xml version="1.0" encoding="utf-8"?><BlockList>{blocks}</BlockList>'.encode()
