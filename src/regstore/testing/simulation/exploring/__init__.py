"""Every interleaving of a few operations on one store, as far as interleavings differ.

Each schedule is run from its beginning, on production code: nothing must be undone. What is
explored is every order in which the requests of the processes can arrive, those that one process
sends at the same time included. Two reductions leave out what would teach nothing.

*States* (state memoisation). A schedule is given up where it comes to a state that was explored
before: the same contents of the store, and each task has got the same answers to the same requests.
That is sound because a task does what it does because of the answers that it got (its time and its
randomness are the simulator's), and the store answers because of what it holds: so the same
follows. That requests on different keys commute, and reads of one key, need not be assumed: they
lead to the same state.

*Private requests* (partial-order reduction). One that meets no request that anybody else sends in
any schedule is let through at once: no order is lost, since each schedule can be rearranged so that
it comes first without any answer being another. Requests meet where one writes what the other reads
or writes; a listing reads each key below its prefix, a batch writes each of its keys. Who sends
what is learned on the way, and where a request turns out to meet another after all, the exploration
begins again, knowing more. When it ends, nobody has sent anything in any schedule that a private
request meets; if one could be sent in a schedule that was left out, it would be so in the one that
this was rearranged to, too.

What two tasks of one process tell each other between two requests is taken not to depend on whose
answer came first, except for the names that they draw.

A schedule may also lose answers, as many as are asked for: each to any request that changes
something. The request is repeated once by the production wrapper for that, and what an operation
has then done may stay unknown to its caller.

Not explored: requests that never arrive, and stores that lag (a seeded simulation has those).
Whoever sleeps goes on at once, later: what others do meanwhile is what the schedule says.
"""

from regstore.testing.simulation.exploring.contest import Contest
from regstore.testing.simulation.exploring.contests import PAIRS, STORES, TRIOS
from regstore.testing.simulation.exploring.explorer import Exploration, Failure, explore, replay
from regstore.testing.simulation.exploring.operation import Ending, Operation

__all__ = [
    "PAIRS",
    "STORES",
    "TRIOS",
    "Contest",
    "Ending",
    "Exploration",
    "Failure",
    "Operation",
    "explore",
    "replay",
]
