"""What this driver calls itself, and the hidden names that it gives."""

from __future__ import annotations

import hashlib

from regstore.driver import RESERVED_PREFIX

NAME = "local"
"""The name that errors and logs know the driver by."""

SCRATCH = f"{RESERVED_PREFIX}tmp"
"""Directory of temporary files, one in the root and one in each allowed root."""


def part_name(name: str) -> str:
    """Return the name, beside *name*, of what was written to it and is not committed."""
    return f"{RESERVED_PREFIX}part-{hashlib.blake2b(name.encode(), digest_size=16).hexdigest()}"
