"""Processes that tell what they were promised, until they are killed in the midst of it."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

Report = Callable[..., None]
"""Tells the parent something, at once: it is read even if the next instruction never runs."""

_PIPE_BYTES = 1 << 20


@dataclass
class Victim:
    """A forked process.

    :ivar pid: its number.
    :ivar pipe: where its reports arrive.
    """

    pid: int
    pipe: int

    def wait_until_ready(self) -> None:
        assert os.read(self.pipe, 1) == b"\n", "it died at once"

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    def reports(self) -> list[list[Any]]:
        """Bury it; return what it has told."""
        with os.fdopen(self.pipe) as pipe:
            told = [json.loads(line) for line in pipe]
        _, status = os.waitpid(self.pid, 0)
        assert os.WIFSIGNALED(status), f"it ended by itself: {told[-1:]}"
        return told


def fork(act: Callable[[Report], None]) -> Victim:
    """Run *act* in another process, again and again until it is killed."""
    receiving, sending = os.pipe()
    if sys.platform == "linux":
        fcntl.fcntl(sending, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    with warnings.catch_warnings():
        # Python 3.12 warns of forks beside threads; the child needs none of theirs.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        _live(act, sending)
    os.close(sending)
    return Victim(pid, receiving)


def _live(act: Callable[[Report], None], pipe: int) -> None:
    def report(*told: object) -> None:
        os.write(pipe, json.dumps(told).encode() + b"\n")

    try:
        os.write(pipe, b"\n")
        act(report)
    except BaseException:  # noqa: BLE001 - told to the parent, whose assertion fails
        report("failed", traceback.format_exc())
    finally:
        os._exit(1)


def massacre(acts: Sequence[Callable[[Report], None]], random: Random) -> list[list[Any]]:
    """Run *acts* side by side, kill each at a moment of its own, and return all their reports."""
    victims = [fork(act) for act in acts]
    for victim in victims:
        victim.wait_until_ready()
    for victim in random.sample(victims, len(victims)):
        time.sleep(random.uniform(0, 0.03))
        victim.kill()
    return [told for victim in victims for told in victim.reports()]
