"""Answers to conditional writes that are lost: who wins, and whether both sides know it."""

from __future__ import annotations

from random import Random

import pytest

from regstore.errors import TagConflictError, TransientError
from tests.images import Image, make_image
from tests.s3proxy.damage import Damage, first
from tests.torture.rig import Rig

OLD, OURS, THEIRS = (
    make_image("same", layers=0, annotations={"is": name}) for name in ("old", "ours", "theirs")
)


def tag_of(rig: Rig, random: Random) -> str:
    """Return a tag that names the old image."""
    repo = rig.direct.repository("library/tags")
    for image in (OLD, OURS, THEIRS):
        image.push(repo)
    tag = f"t{random.getrandbits(64):x}"
    repo.tags.set(tag, OLD.digest)
    return tag


def lose_answer(rig: Rig, random: Random, damage: Damage) -> None:
    """One sets a tag and hears nothing, another one sets it, the first one asks again."""
    tag = tag_of(rig, random)
    ours = rig.registries[0].repository("library/tags").tags
    theirs = rig.direct.repository("library/tags").tags
    rig.proxy.begin(first(lambda method, target: method == "PUT" and "/current/" in target, damage))
    with pytest.raises(TransientError):
        ours.set(tag, OURS.digest, expect=OLD.digest)
    has_won = theirs.get(tag) == OURS.digest
    assert has_won == (damage in {"lost", "truncated"})
    winner: Image = OURS if has_won else THEIRS
    for act, image in ((theirs, THEIRS), (ours, OURS)):
        if image is winner:
            act.set(tag, image.digest, expect=OLD.digest)
        else:
            with pytest.raises(TagConflictError) as caught:
                act.set(tag, image.digest, expect=OLD.digest)
            assert caught.value.current == winner.digest
    assert theirs.get(tag) == winner.digest


def lose_record(rig: Rig, random: Random, damage: Damage) -> None:
    """An upload is parked, and the answer to its record is lost."""
    content = random.randbytes(5000)
    upload = rig.repo(0).uploads.create()
    with upload:
        upload.write(content[:1000])
    rig.proxy.begin(first(lambda method, target: method == "PUT" and "/head" in target, damage))
    with upload:
        upload.write(content[1000:2000])
        upload.park()  # it looks what is there, and finds its own record
    assert rig.repo(1).uploads.resume(upload.id).status() == 2000
    rig.drop(upload.id)
    assert rig.litter() == []
