"""Two processes that go on with one upload, each with bytes of its own, until they are killed."""

from __future__ import annotations

import json
import os
import select
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Any

from regstore import layout
from regstore.digest import Digest
from regstore.drivers.objects.naming import ParkedPlace
from regstore.drivers.objects.records import load_record
from regstore.drivers.s3 import S3Store
from regstore.errors import DriverError, RegistryError
from tests.crash.killing import Report, Victim, fork
from tests.object_servers import BUCKET, S3Server
from tests.torture.rig import NAME, Rig, open_registry

SIZES = (1, 30_000)
PATIENCE = 60.0


@dataclass(frozen=True)
class Segment:
    """What a rival adds: told before it is parked, and again when that was acknowledged."""

    start: int
    seed: str
    size: int

    @property
    def data(self) -> bytes:
        return Random(self.seed).randbytes(self.size)


def rival(rig: Rig, upload_id: str, name: str) -> Callable[[Report], None]:
    """Return what the process *name* does."""
    server, url = rig.server, rig.url

    def act(report: Report) -> None:
        _go_on(server, url, upload_id, name, report)

    return act


def _go_on(server: S3Server, url: str, upload_id: str, name: str, report: Report) -> None:
    random = Random(name)
    registry = open_registry(server, url, server.endpoint, S3Store.limits)
    number = 0
    while True:
        number += 1
        upload = registry.repository(NAME).uploads.resume(upload_id)
        with suppress(DriverError, RegistryError), upload:
            segment = Segment(upload.status(), f"{name} {number}", random.randint(*SIZES))
            report("begun", segment.start, segment.seed, segment.size)
            upload.write(segment.data, segment.start)
            upload.park()
            report("taken", segment.start, segment.seed, segment.size)


def fight(acts: Sequence[Callable[[Report], None]], random: Random) -> list[list[Any]]:
    """Let them fight; kill them one after the other in the midst of it; return what they told."""
    victims = [fork(act) for act in acts]
    told: dict[int, bytes] = {victim.pipe: b"" for victim in victims}
    last_words = b""
    for victim in random.sample(victims, len(victims)):
        wanted = sum(map(_count, told.values())) + random.randint(6, 12)
        while sum(map(_count, told.values())) < wanted:
            _listen(told)
        victim.kill()
        last_words += _bury(victim, told.pop(victim.pipe))
    lines = last_words.split(b"\n")
    return [json.loads(line) for line in lines if line.startswith(b"[") and line.endswith(b"]")]


def _listen(told: dict[int, bytes]) -> None:
    ready, _, _ = select.select([*told], [], [], PATIENCE)
    assert ready, "nobody gets on"
    for pipe in ready:
        data = os.read(pipe, 1 << 16)
        assert data, f"it ended by itself: {told[pipe][-2000:]!r}"
        told[pipe] += data


def _count(told: bytes) -> int:
    return told.count(b"\n")


def _bury(victim: Victim, told: bytes) -> bytes:
    """Wait for its end; return all that it has told, of which the last may be cut."""
    while data := os.read(victim.pipe, 1 << 16):
        told += data
    _, status = os.waitpid(victim.pid, 0)
    assert os.WIFSIGNALED(status), told[-2000:]
    os.close(victim.pipe)
    return told + b"\n"


def parked(rig: Rig, upload_id: str) -> bytes:
    """Return what is parked, as botocore alone tells it."""
    place = ParkedPlace.of(layout.UploadData(NAME, upload_id).path)
    head = load_record(_read(rig, place.head), place.head, "")
    return b"".join(_read(rig, chunk.key) for chunk in head.chunks)


def _read(rig: Rig, key: str) -> bytes:
    answer = rig.client.get_object(Bucket=BUCKET, Key=f"{rig.prefix}{key}")
    with answer["Body"] as body:
        data: bytes = body.read()
    return data


def race(rig: Rig, random: Random) -> int:
    """Let two fight for an upload; return how much of what they told was acknowledged."""
    beginning = random.randbytes(2000)
    with rig.direct.repository(NAME).uploads.create() as upload:
        upload.write(beginning)
    names = [f"{random.random()}" for _ in range(2)]
    told = fight([rival(rig, upload.id, name) for name in names], random)
    assert not [each for each in told if each[0] == "failed"], told
    content = parked(rig, upload.id)
    segments = [(kind, Segment(*rest)) for kind, *rest in told]
    assert content.startswith(beginning)
    taken = [segment for kind, segment in segments if kind == "taken"]
    for segment in taken:
        lies = content[segment.start : segment.start + segment.size]
        assert lies == segment.data, f"{segment} was acknowledged, and is not there"
    _check_unmixed(content, len(beginning), [segment for _, segment in segments])
    rig.direct.repository(NAME).uploads.resume(upload.id).commit(Digest.of(content))
    rig.check_blob(content)
    rig.drop(upload.id)
    litter = rig.litter()
    assert litter == [], litter
    return len(taken)


def _check_unmixed(content: bytes, at: int, segments: list[Segment]) -> None:
    """What was added is whole segments, one behind the other."""
    while at < len(content):
        fitting = [s for s in segments if s.start == at and content[at:].startswith(s.data)]
        assert fitting, f"what lies at {at} was never sent"
        at += fitting[0].size
