"""Draws the scenes into a directory."""

from __future__ import annotations

import argparse
from pathlib import Path

from examples.lies.scenes import pictures


def main() -> None:
    """Draw them."""
    parser = argparse.ArgumentParser(prog="python -m examples.lies", description=__doc__)
    parser.add_argument("directory", metavar="DIRECTORY", type=Path, help="made if it is not there")
    directory: Path = parser.parse_args().directory
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, svg in pictures():
            (directory / name).write_text(svg, "utf-8")
    except OSError as error:
        parser.error(f"cannot draw into {directory}: {error.strerror}")


if __name__ == "__main__":
    main()
