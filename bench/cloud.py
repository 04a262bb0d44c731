"""The S3 driver against other clients, on one SeaweedFS: obstore for large blobs, aiobotocore for
small ones. Run by ``make bench``, or with the repository on ``PYTHONPATH``.

Each side runs in a process of its own, which is warmed first, and takes turns with the other; the
figure is the median over rounds of our speed over the peer's, which hashes with hashlib what it
sends and receives. "Distant" is a proxy that keeps the first byte of each request back.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from bench.remote.server import distant, seaweedfs

SIDE = Path(__file__).parent / "remote" / "side.py"
AT_ONCE = 32
TOGETHER = 4
MOST_MEMORY = 300
numbers = count(1)


@dataclass(frozen=True)
class Taken:
    """What one action took: seconds of time and of the processor, and memory at its peak, MiB."""

    seconds: float
    cpu: float
    peak: float


class Side:
    """A process that does as it is told."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def do(self, command: str, *values: int) -> Taken:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps([command, *values]), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if not answer:
            raise SystemExit(f"the side has ended at {command} {values}")
        return Taken(**json.loads(answer))


@contextmanager
def side(name: str, endpoint: str) -> Iterator[Side]:
    argv = [sys.executable, str(SIDE), name, endpoint]
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, text=True, stdin=pipe, stdout=pipe) as process:
        try:
            yield Side(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=256, help="size of the blob")
    parser.add_argument("--memory-mib", type=int, default=1024, help="size of each of four")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--small", type=int, default=200, help="small blobs in a round")
    parser.add_argument("--delay", type=float, default=30.0, help="milliseconds of each request")
    parser.add_argument("--dir", default=None, help="where to work; a temporary directory else")
    options = parser.parse_args()
    weed = shutil.which("weed", path=str(Path(sys.executable).parent)) or shutil.which("weed")
    if weed is None:
        print("skipped: weed (SeaweedFS) is not installed")
        return
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=options.dir)))
        endpoint = stack.enter_context(seaweedfs(weed, work))
        print(f"{options.mib} MiB blob, {options.rounds} rounds, median of each\n")
        large(endpoint, "", options.mib, options.rounds, (0.8, 0.8))
        with distant(endpoint, options.delay) as far:
            title = f", {options.delay:g} ms distant"
            large(far, title, options.mib, options.rounds, (0.7, 0.9))
        small(endpoint, options.small, options.rounds)
        memory(endpoint, options.memory_mib)


def large(endpoint: str, where: str, mib: int, rounds: int, targets: tuple[float, float]) -> None:
    with side("ours", endpoint) as ours, side("obstore", endpoint) as peer:
        for each in (ours, peer):
            each.do("prepare", 16, 0)
            each.do("up", 16, 0)
            each.do("down", 16, 0)
        ups, downs = [], []
        for _ in range(rounds):
            seed = next(numbers)
            ours.do("prepare", mib, seed)
            ups.append((ours.do("up", mib, seed), peer.do("up", mib, seed)))
            downs.append((ours.do("down", mib, seed), peer.do("down", mib, seed)))
    speed: Callable[[Taken], str] = lambda taken: f"{mib / taken.seconds:6.0f} MiB/s"  # noqa: E731
    compare(f"upload / obstore + sha256{where}", ups, targets[0], speed)
    compare(f"download / obstore + sha256{where}", downs, targets[1], speed)


def small(endpoint: str, number: int, rounds: int) -> None:
    with side("ours", endpoint) as ours, side("aiobotocore", endpoint) as peer:
        pairs = []
        for turn in range(rounds + 1):
            first = 1_000_000 + turn * number
            pair = [each.do("small", first, number, AT_ONCE) for each in (ours, peer)]
            if turn:  # the first one warms
                pairs.append((pair[0], pair[1]))
    title = f"{number} small blobs, {AT_ONCE} at once / aiobotocore"
    compare(title, pairs, 0.9, lambda taken: f"{number / taken.seconds:6.0f} blobs/s")
    requests = 2 * number
    mine, theirs = (
        statistics.median(taken.cpu for taken in taken_by) * 1000 / requests
        for taken_by in zip(*pairs, strict=True)
    )
    print(f"{'processor time of each of their requests':52}          {mine:.2f} / {theirs:.2f} ms")


def memory(endpoint: str, mib: int) -> None:
    with side("ours", endpoint) as ours:
        ours.do("prepare", 1, 0)
        before = ours.do("up", 1, 0).peak
        for number in range(TOGETHER):
            ours.do("prepare", mib, 2_000_000 + number)
        peak = ours.do("together", mib, 2_000_000, TOGETHER).peak
    title = f"peak memory of {TOGETHER} uploads of {mib} MiB at once"
    print(f"{title:52} {peak:6.0f} MiB, {before:.0f} of them before (target {MOST_MEMORY})")


def compare(
    title: str, pairs: list[tuple[Taken, Taken]], target: float, told: Callable[[Taken], str]
) -> None:
    ratio = statistics.median(peer.seconds / ours.seconds for ours, peer in pairs)
    mine, theirs = (
        told(sorted(taken, key=lambda each: each.seconds)[len(taken) // 2])
        for taken in zip(*pairs, strict=True)
    )
    cpu = statistics.median(ours.cpu for ours, _ in pairs)
    peer_cpu = statistics.median(peer.cpu for _, peer in pairs)
    print(
        f"{title:52} {ratio:6.2f}   {mine} / {theirs} (target {target}); "
        f"processor {cpu:.2f} / {peer_cpu:.2f} s"
    )


if __name__ == "__main__":
    main()
