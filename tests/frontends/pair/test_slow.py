"""Slow clients, and those that vanish: nobody else waits for them, and they cost little."""

from __future__ import annotations

import random
from contextlib import ExitStack

import pytest

from regstore.digest import Digest
from tests.frontends.client import Repo
from tests.frontends.pair.processes import Pair, settled
from tests.frontends.pair.wire import Wire
from tests.images import make_image

Repos = tuple[Repo, Repo]
CROWD = 64
BIG = random.Random(3).randbytes(32 << 20)
SMALL = BIG[:300_000]
WINDOW = 64 << 10


def work(repos: Repos, seed: str) -> None:
    """What everybody else does meanwhile."""
    image = make_image(seed, layers=2)
    repos[0].push(image, seed)
    assert repos[1].ask("GET", f"manifests/{seed}").content == image.manifest
    for blob in image.blobs:
        assert repos[1].ask("GET", f"blobs/{Digest.of(blob)}").content == blob


def test_slow_pushes_hold_up_nobody(pair: Pair, repos: Repos) -> None:
    digests = []
    with ExitStack() as stack:
        wires = [stack.enter_context(Wire(pair.turn(number))) for number in range(CROWD)]
        for number, wire in enumerate(wires):
            blob = SMALL[number:]
            digests.append(Digest.of(blob))
            path = f"{repos[0].begin()}?digest={digests[-1]}"
            wire.begin("PUT", path, Content_Length=len(blob))
            wire.send(blob[:1000])
        for step in range(1, 6):
            work(repos, f"meanwhile{step}")
            for number, wire in enumerate(wires):
                blob = SMALL[number:]
                wire.send(blob[1000 * step : 1000 * (step + 1)])
        for number, wire in enumerate(wires):
            wire.send(SMALL[number:][6000:])
        assert {wire.status() for wire in wires} == {201}
    for number, digest in enumerate(digests):
        assert repos[number % 2].ask("GET", f"blobs/{digest}").content == SMALL[number:]


def test_connections_that_ask_nothing_hold_up_nobody(pair: Pair, repos: Repos) -> None:
    with ExitStack() as stack:
        for number in range(CROWD):
            wire = stack.enter_context(Wire(pair.turn(number)))
            wire.send(b"GET /v2/ HTTP/1.1\r\nHost: regis"[: number % 31])
        work(repos, "meanwhile")


@pytest.mark.parametrize("part", [{}, {"Range": "bytes=1-"}], ids=["whole", "range"])
def test_slow_pulls_cost_no_memory_and_get_every_byte(
    pair: Pair, repos: Repos, part: dict[str, str]
) -> None:
    path = f"/v2/{repos[0].name}/blobs/{repos[0].push_blob(BIG)}"
    expected = BIG[1:] if part else BIG
    with ExitStack() as stack:
        wires = [stack.enter_context(Wire(pair.turn(number), WINDOW)) for number in range(CROWD)]
        for wire in wires:
            wire.begin("GET", path, **part)
        answers = [wire.answer("GET") for wire in wires]
        beginnings = [answer.read(WINDOW) for answer in answers if answer]
        assert beginnings == [expected[:WINDOW]] * CROWD
        work(repos, "meanwhile")
        for answer in answers[:4]:
            assert answer is not None
            assert answer.read() == expected[WINDOW:]
        for answer in answers:
            assert answer is not None
            answer.close()


def test_who_vanishes_in_the_middle_leaves_nothing(pair: Pair, repos: Repos) -> None:
    digest = Digest.of(BIG)
    for number in range(CROWD):
        query = f"?digest={digest}"
        with Wire(pair.turn(number)) as wire:
            wire.begin(
                "POST", f"/v2/{repos[0].name}/blobs/uploads/{query}", Content_Length=len(BIG)
            )
            wire.send(BIG[: number * 5000])
            wire.reset()
    work(repos, "after")
    assert settled(lambda: not pair.uploads())
    assert repos[0].ask("HEAD", f"blobs/{digest}").status_code == 404
