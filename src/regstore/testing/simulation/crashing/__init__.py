"""Every crash of every operation, at each of its requests to a simulated store.

The request at which the process crashes never arrives; arrives unheard; arrives some time after the
restart, as one does that was held up on the way; or arrives, and once more after the restart.
Requests that the process sends at the same time arrive in the one order and in the opposite one.

After the crash another process does the operation again, which must succeed, or say that it was
done before; and once more, where it says that the late request has interfered. Then what must
follow it succeeds, such as the commit after a part of an upload; or nobody ever comes back. In the
end every upload of which anything is left is purged, and the store is audited:
at once after the crash and then, nothing is referred to that is not there, what was acknowledged
before is there, and after the purge nothing is left of uploads, sessions included.
"""

from regstore.testing.simulation.crashing.case import Case
from regstore.testing.simulation.crashing.cases import CASES
from regstore.testing.simulation.crashing.enumeration import Enumeration, enumerate_crashes
from regstore.testing.simulation.crashing.rescues import RESCUES
from regstore.testing.simulation.crashing.trial import Point, Trial

__all__ = ["CASES", "RESCUES", "Case", "Enumeration", "Point", "Trial", "enumerate_crashes"]
