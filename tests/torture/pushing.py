"""A client that pushes over HTTP's three requests, and asks again when one of them fails."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from regstore import Repository
from regstore.digest import Digest
from regstore.drivers.s3 import S3Store
from regstore.errors import BlobUploadUnknownError, DriverError
from tests.s3proxy.damage import Damage, at
from tests.torture.rig import Rig

T = TypeVar("T")
ATTEMPTS = 6
PART = S3Store.limits.min_part
SHAPES: dict[str, tuple[int, tuple[int, ...]]] = {
    "small": (900, (400,)),
    "patched": (2 * PART + 100, (2 * PART + 7,)),
    "patched-twice": (2 * PART + 100, (PART + 7, 2 * PART + 9)),
    "straight": (2 * PART + 100, ()),
}
"""How many bytes, and where the PATCHes end."""


def patiently(act: Callable[[], T]) -> T:
    """Ask again, as often as a client would that is told 500, 503 or 416."""
    for _ in range(ATTEMPTS - 1):
        try:
            return act()
        except DriverError:
            continue
    return act()


@dataclass
class Push:
    """One push of *content*, each request of which may reach another registry.

    :param cuts: where the PATCHes end; the PUT brings the rest.
    :ivar acknowledged: bytes that are not lost, or the test has failed.
    """

    rig: Rig
    content: bytes
    cuts: tuple[int, ...]
    upload_id: str = ""
    acknowledged: int = 0

    def run(self) -> None:
        self.begin()
        for end in self.cuts:
            patiently(lambda end=end: self._patch(end))  # type: ignore[misc]
        patiently(self._put)

    def begin(self) -> None:
        upload = patiently(self.rig.repo(0).uploads.create)
        self.upload_id = upload.id

    def _patch(self, end: int) -> None:
        upload = self.rig.repo(1).uploads.resume(self.upload_id)
        with upload:
            stands = upload.status()
            assert stands >= self.acknowledged, "acknowledged bytes are lost"
            if stands < end:
                upload.receive([self.content[stands:end]], stands, end - stands)
        self.acknowledged = end

    def _put(self) -> None:
        repo: Repository = self.rig.repo(2)
        digest = Digest.of(self.content)
        upload = repo.uploads.resume(self.upload_id)
        try:
            with upload:
                stands = upload.status()
                assert stands >= self.acknowledged, "acknowledged bytes are lost"
                upload.finish(digest, [self.content[stands:]], stands)
        except BlobUploadUnknownError:
            assert repo.blobs.exists(digest), "the upload is gone, and its blob is not there"

    def check(self) -> None:
        """It has arrived whole, and leaves nothing once it is dropped."""
        self.rig.proxy.begin()
        self.rig.check_blob(self.content)
        self.rig.drop(self.upload_id)
        litter = self.rig.litter()
        assert litter == [], litter


def push_damaged(bench: Rig, shape: str, number: int, damage: Damage) -> int:
    """Push, damage one request, check; return how many requests there were."""
    size, cuts = SHAPES[shape]
    push = Push(bench, random.Random(f"{shape} {number} {damage}").randbytes(size), cuts)
    bench.proxy.begin(at(number, damage))
    try:
        push.run()
        asked = len(bench.proxy.asked)
        push.check()
    except BaseException as error:
        told = "\n".join(map(str, bench.proxy.asked))
        error.add_note(f"{damage} at request {number} of a push that is {shape}:\n{told}")
        raise
    return asked
