"""What keeps data from being lost, each of it to be left out: so that the checkers are seen to see.

A protection is left out by replacing it in the production code for a while, in this process. Never
do that where anything else runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tests.simulation.protections.protection import Protection, replaced
from tests.simulation.protections.reads import READS
from tests.simulation.protections.tags import TAGS
from tests.simulation.protections.uploads import UPLOADS

PROTECTIONS: Final[Mapping[str, Protection]] = {**TAGS, **READS, **UPLOADS}

__all__ = ["PROTECTIONS", "Protection", "replaced"]
