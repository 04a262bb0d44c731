"""Bodies that are cut in the middle, and continued at the other server from where that stands."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlencode

import pytest

from regstore.digest import Digest
from tests.frontends.client import Repo
from tests.frontends.pair.processes import Pair
from tests.frontends.pair.wire import Wire

Repos = tuple[Repo, Repo]
Cut = Callable[[Wire], None]

BEGINNING = 1000
CUTS = 8
MOST_REFUSALS = 50
OUT_OF_STEP = {409, 416}
"""What a server answers while the other still takes in what came before the cut."""


@dataclass
class Pusher:
    """Pushes one blob over connections that break, and asks either server how far it came.

    :ivar known: how far the servers have said that the upload came.
    """

    pair: Pair
    repos: Repos
    choose: random.Random
    cut: Cut
    known: int = BEGINNING
    turn: int = 0

    def __post_init__(self) -> None:
        self.blob = self.choose.randbytes(3_000_000)
        self.digest = Digest.of(self.blob)
        self.location = self.repos[0].begin()

    def push(self) -> int:
        """Push it all, and return how much arrived in bodies that were cut."""
        begun = self.repos[1].patch(self.location, self.blob[:BEGINNING])
        assert begun.status_code == 202, begun.text
        for _ in range(CUTS):
            self.send_part(self.standing())
        arrived = self.standing() - BEGINNING
        self.finish()
        return arrived

    def standing(self) -> int:
        """Ask the next server how far the upload came; what was said once holds for ever."""
        self.turn += 1
        answer = self.repos[self.turn % 2].ask("GET", self.location)
        assert answer.status_code == 204, answer.text
        offset = int(answer.headers["Range"].removeprefix("0-")) + 1
        assert self.known <= offset <= len(self.blob)
        self.known = offset
        return offset

    def send_part(self, offset: int) -> None:
        """Announce all that is missing, send some of it, and go away."""
        left = len(self.blob) - offset
        whole, place = {"digest": self.digest}, f"{offset}-{len(self.blob) - 1}"
        method, query = self.choose.choice([("PATCH", ""), ("PUT", f"?{urlencode(whole)}")])
        with Wire(self.pair.turn(self.turn)) as wire:
            path = self.location + query
            wire.begin(method, path, Content_Length=left, Content_Range=place)
            wire.send(self.blob[offset:][: self.choose.randint(0, left // 2)])
            self.cut(wire)

    def finish(self) -> None:
        """Send what is missing, as often as the servers say that they are elsewhere."""
        for _ in range(MOST_REFUSALS):
            offset = self.standing()
            place = {"Content_Range": f"{offset}-{len(self.blob) - 1}"}
            rest = self.blob[offset:]
            repo = self.repos[self.turn % 2]
            answer = repo.finish(self.location, self.digest, rest, **(place if rest else {}))
            if answer.status_code not in OUT_OF_STEP:
                assert answer.status_code == 201, answer.text
                return
        pytest.fail("the servers never agree on where the upload stands")


def hang_up(wire: Wire) -> None:
    wire.end()


def hang_up_and_hear(wire: Wire) -> None:
    wire.end()
    wire.status()


@pytest.mark.parametrize("pair", ["two", "mixed"], indirect=True)
@pytest.mark.parametrize("cut", [hang_up, hang_up_and_hear, Wire.reset])
def test_a_cut_body_goes_on_at_the_other_server(pair: Pair, repos: Repos, cut: Cut) -> None:
    pushers = [Pusher(pair, repos, random.Random(seed), cut) for seed in range(12)]
    with ThreadPoolExecutor(6) as pool:
        arrived = list(pool.map(Pusher.push, pushers))
    assert sum(arrived) > 0
    for pusher in pushers:
        for repo in repos:
            assert repo.ask("GET", f"blobs/{pusher.digest}").content == pusher.blob


@pytest.mark.parametrize("pair", ["two", "mixed"], indirect=True)
def test_what_was_cut_is_given_up(pair: Pair, repos: Repos) -> None:
    for seed in range(12):
        pusher = Pusher(pair, repos, random.Random(seed), Wire.reset)
        pusher.send_part(0)
        assert repos[seed % 2].ask("DELETE", pusher.location).status_code == 204
