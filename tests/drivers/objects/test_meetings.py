"""Two who go on with one upload: whatever the moment at which they meet, they never mix."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace

import pytest

from regstore.digest import Digest
from regstore.errors import PreconditionFailedError, RegistryError, TransientError
from regstore.registry import Core
from regstore.upload import AsyncUpload
from tests.drivers.objects.faulty import MEETINGS, Bucket, Fault, Kind
from tests.drivers.objects.scenes import LIMITS, NAME, Scene, furnish, open_core, purge
from tests.places import VirtualRuntime

OURS, THEIRS = b"o" * 400, b"t" * 330
KEEPING = replace(LIMITS, keeps_sessions=True)
BEFORE = {"nothing": (), "little": (30,), "much": (320,)}
ATTEMPTS = 3


@dataclass
class Meeting:
    """What two do with one upload.

    :ivar taken: what was acknowledged, in this order: where it began, and the bytes.
    :ivar committed: what was told to be a blob.
    """

    scene: Scene
    commits: bool
    runtime: VirtualRuntime = field(default_factory=VirtualRuntime)
    taken: list[tuple[int, bytes]] = field(default_factory=list)
    committed: list[bytes] = field(default_factory=list)

    async def add(self, data: bytes, fault: Fault | None = None) -> None:
        """Go on with the upload as a patient client does, until told that somebody else has."""
        core = open_core(self.scene.driver(self.runtime, fault))
        upload = core.repository(NAME).uploads.resume(self.scene.upload_id)
        with suppress(PreconditionFailedError, RegistryError):
            async with upload:  # whoever was overtaken lets go of what it had
                await self._take(upload, await _standing(upload), data)

    async def _take(self, upload: AsyncUpload, start: int, data: bytes) -> None:
        whole = self.scene.blob[: self.scene.parked] + data
        for _ in range(ATTEMPTS):
            with suppress(TransientError):
                if rest := data[await upload.status() - start :]:
                    await upload.write(rest, upload.offset)
                if self.commits and start == len(whole) - len(data):
                    await upload.commit(Digest.of(whole))
                    self.committed.append(whole)
                else:
                    await upload.park()
                    self.taken.append((start, data))
                return
        pytest.fail("nobody answers")

    async def check(self) -> None:
        core = open_core(self.scene.driver(self.runtime))
        for blob in self.committed:
            assert await core.repository(NAME).blobs.get(Digest.of(blob)) == blob
        if not self.commits:
            await self._check_taken(core)

    async def _check_taken(self, core: Core) -> None:
        upload = core.repository(NAME).uploads.resume(self.scene.upload_id)
        size = await upload.status()
        before = self.scene.blob[: self.scene.parked]
        unmixed = [before + OURS, before + THEIRS, before + OURS + THEIRS, before + THEIRS + OURS]
        whole = {len(each): each for each in unmixed}
        for candidate in [whole[size]] if size != len(before + OURS + THEIRS) else unmixed[2:]:
            if all(candidate[start:].startswith(data) for start, data in self.taken):
                await upload.commit(Digest.of(candidate))
                return
        pytest.fail(f"{size} bytes, after {[(start, data[:1]) for start, data in self.taken]}")


async def _standing(upload: AsyncUpload) -> int:
    for _ in range(ATTEMPTS):
        with suppress(TransientError):
            return await upload.status()
    pytest.fail("nobody answers")


@pytest.mark.parametrize("kind", MEETINGS)
@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("commits", [False, True], ids=["park", "commit"])
def test_they_never_mix(kind: Kind, before: str, commits: bool) -> None:
    furnished = Scene(Bucket(), KEEPING)
    runtime = VirtualRuntime()
    runtime.run(furnish(furnished, open_core(furnished.driver(runtime)), BEFORE[before]))
    at = 0
    while True:
        at += 1
        meeting = Meeting(furnished.copy(), commits)
        fault = Fault(kind, at)
        fault.meeting = lambda meeting=meeting: meeting.add(THEIRS)
        try:
            runtime.run(meeting.add(OURS, fault))
            assert meeting.taken or meeting.committed, "both have lost"
            runtime.run(meeting.check())
            runtime.run(purge(meeting.scene, runtime))
            assert meeting.scene.litter() == []
        except BaseException as error:
            error.add_note(f"{kind} at {at}: {fault.seen[at - 1 : at]}; all: {fault.seen}")
            raise
        if not fault.has_struck:
            break
