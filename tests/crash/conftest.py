"""Where crash tests keep their directories."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

_MEMORY = "/dev/shm"  # noqa: S108 - a directory of its own is made in it


@pytest.fixture
def room() -> Iterator[Path]:
    """A directory in memory, where there is one: thousands of trees, and syncs prove nothing."""
    with tempfile.TemporaryDirectory(dir=_MEMORY if os.access(_MEMORY, os.W_OK) else None) as name:
        yield Path(name)
