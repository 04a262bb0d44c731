"""Draws the scenes into a directory."""

from __future__ import annotations

import sys
from pathlib import Path

from examples.lies.scenes import pictures

for name, svg in pictures():
    (Path(sys.argv[1]) / name).write_text(svg, "utf-8")
