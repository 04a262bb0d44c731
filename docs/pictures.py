"""Has the simulator draw the diagrams of ``when-the-store-lies.md`` while the site is built."""

from __future__ import annotations

import sys
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add them."""
    sys.path.insert(0, str(Path(__file__).parent.parent))
    from examples.lies import pictures  # noqa: PLC0415 - the examples are not installed

    for name, svg in pictures():
        files.append(File.generated(config, f"pictures/{name}", content=svg))
    return files
