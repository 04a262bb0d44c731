"""What goes wrong on a store that lies, and what regstore does about it: runs of the simulator.

The diagrams of ``docs/when-the-store-lies.md`` are drawn from these. To draw them into a directory:
``python -m examples.lies DIRECTORY``.
"""

from examples.lies.scenes import PAIRS, Pair, pictures

__all__ = ["PAIRS", "Pair", "pictures"]
