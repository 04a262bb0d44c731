"""Races and forks: how the suite gets several callers onto one driver at the same moment."""

from __future__ import annotations

import os
import signal
import sys
import time  # noqa: TID251 - to give way, not to tell the time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor  # noqa: TID251 - the callers that race
from contextlib import contextmanager
from threading import Barrier, Event  # noqa: TID251 - the callers that race
from types import CodeType, FrameType
from typing import TypeVar

T = TypeVar("T")

CHILD_SECONDS = 30
OFTEN = 10
RARELY = 50


def _giving_way() -> Callable[[FrameType, str, object], None]:
    """Return a hook that lets another thread go on at each call and return of a function.

    Of one that is called again and again only at some: libraries that speak a protocol in Python
    have thousands of calls for one of the driver's, and would do nothing but give way.
    """
    seen: Counter[CodeType] = Counter()

    def give_way(frame: FrameType, _event: str, _argument: object) -> None:
        seen[frame.f_code] += 1
        if seen[frame.f_code] < OFTEN or not seen[frame.f_code] % RARELY:
            time.sleep(0)

    return give_way


@contextmanager
def _taking_turns() -> Iterator[None]:
    """Let another thread go on at many a call and return, so that each race has its chance."""
    before = sys.getprofile()
    sys.setprofile(_giving_way())
    try:
        yield
    finally:
        sys.setprofile(before)


def race(calls: Sequence[Callable[[], T]]) -> list[T | Exception]:
    """Start all *calls* at once, each in a thread; return what each returned or raised."""
    start = Barrier(len(calls))

    def attempt(call: Callable[[], T]) -> T | Exception:
        start.wait()
        try:
            with _taking_turns():
                return call()
        except Exception as error:  # noqa: BLE001 - the outcome of this racer
            return error

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(attempt, calls))


def beside(observe: Callable[[], None], act: Callable[[], None], threads: int = 2) -> None:
    """Call *act* once while *threads* threads call *observe* again and again.

    :raises Exception: whatever either of them raised.
    """
    done = Event()

    def watch() -> None:
        with _taking_turns():
            while not done.is_set():
                observe()

    with ThreadPoolExecutor(threads) as pool:
        watchers = [pool.submit(watch) for _ in range(threads)]
        try:
            with _taking_turns():
                act()
        finally:
            done.set()
        for watcher in watchers:
            watcher.result()


def in_child(act: Callable[[], None]) -> str:
    """Fork, call *act* in the child, and return the traceback of what it raised, or ``""``.

    A child that takes longer than :data:`CHILD_SECONDS` is killed.
    """
    receiving, sending = os.pipe()
    with warnings.catch_warnings():
        # Python 3.12 warns of forks beside threads; whether those work is the question here.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        _live_as_child(act, sending)
    os.close(sending)
    with os.fdopen(receiving) as report:
        text = report.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGALRM:
        lock = "is a lock held across the fork (see os.register_at_fork)?"
        return f"{text}the child did not end within {CHILD_SECONDS} s: {lock}"
    if os.WIFSIGNALED(status):
        return f"{text}the child was ended by signal {os.WTERMSIG(status)}"
    return text


def _live_as_child(act: Callable[[], None], sending: int) -> None:
    sys.setprofile(None)
    try:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(CHILD_SECONDS)
        act()
    except BaseException:  # noqa: BLE001 - told to the parent
        os.write(sending, f"{sys.exception()!r}\n{traceback.format_exc()}".encode())
    finally:
        # Without running what the parent has registered for its own exit.
        os._exit(0)
