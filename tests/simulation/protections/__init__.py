"""What keeps data from being lost, each of it to be left out: so that the checkers are seen to see.

A protection is left out by replacing it in the production code for a while, in this process. Never
do that where anything else runs.

Those that a run of the swarm misses are PROTECTIONS. What is missed by two operations alone, or by
one that crashes, is in PLANTED; what takes a scene of its own, in STAGED. Each says what of the
library it is in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tests.simulation.protections.blobs import BLOB_BUGS, BLOBS
from tests.simulation.protections.manifests import MANIFEST_BUGS, MANIFESTS
from tests.simulation.protections.planted import Planted, broken_in
from tests.simulation.protections.protection import LeaveOut, Protection, replaced
from tests.simulation.protections.reads import READS
from tests.simulation.protections.referrers import REFERRER_BUGS, REFERRERS
from tests.simulation.protections.staged import STAGED, Staged
from tests.simulation.protections.tags import TAGS
from tests.simulation.protections.uploads import UPLOADS

PROTECTIONS: Final[Mapping[str, Protection]] = {
    **BLOBS,
    **TAGS,
    **MANIFESTS,
    **READS,
    **REFERRERS,
    **UPLOADS,
}
PLANTED: Final[Mapping[str, Planted]] = {**BLOB_BUGS, **MANIFEST_BUGS, **REFERRER_BUGS}

__all__ = [
    "PLANTED",
    "PROTECTIONS",
    "STAGED",
    "LeaveOut",
    "Planted",
    "Protection",
    "Staged",
    "broken_in",
    "replaced",
]
