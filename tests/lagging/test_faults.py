"""SeaweedFS, behind a proxy that loses, repeats and refuses: the layer hides what shows without it.

Each test names what it proves of :class:`regstore.consistency.Retrying`.
"""

from __future__ import annotations

from itertools import count

import pytest

from regstore import ANY, Digest
from regstore.consistency.resolve import Resolver
from regstore.errors import ThrottledError, TransientError
from regstore.testing.faults import Lag
from tests.images import make_image
from tests.lagging.place import LONG, SHORT, Place
from tests.s3proxy.damage import Choice, Damage, first, now_and_then
from tests.simulation.protections.protection import nothing, replaced

FIRST, SECOND, THIRD = (make_image(name) for name in ("first", "second", "third"))
IMAGES = [make_image(f"image {number}") for number in range(8)]
CURRENT = "/tags/v1/current/link"
PLACES = {
    "body": f"{FIRST.digest.hex}/data",
    "revision": f"revisions/sha256/{FIRST.digest.hex}/link",
    "tag": CURRENT,
}


def put_to(end: str, damage: Damage) -> Choice:
    """Do *damage* to the first PUT of a key that ends so."""
    return first(lambda method, target: method == "PUT" and target.endswith(end), damage)


def push(place: Place, choose: Choice) -> None:
    """Push an image; it is there afterwards."""
    repo = place.repository()
    place.proxy.begin(choose)
    FIRST.push(repo, "v1")
    assert repo.manifests.get("v1").body == FIRST.manifest


@pytest.mark.parametrize("end", PLACES.values(), ids=PLACES)
def test_a_lost_answer_to_a_manifest_is_made_up_for(end: str, layered: Place) -> None:
    """Lasting paths are written again; of a tag it reads back the same bytes, which is success."""
    push(layered, put_to(end, "lost"))


@pytest.mark.parametrize("end", PLACES.values(), ids=PLACES)
def test_without_the_layer_a_lost_answer_is_raised(end: str, bare: Place) -> None:
    with pytest.raises(TransientError) as caught:
        push(bare, put_to(end, "lost"))
    assert caught.value.outcome_unknown


@pytest.mark.parametrize("damage", ["cut", "cut-body"])
def test_a_lost_request_for_a_blob_is_made_again(damage: Damage, layered: Place) -> None:
    """``put_content`` of lasting paths is repeated."""
    push(layered, put_to("/data", damage))


@pytest.mark.parametrize("damage", ["cut", "cut-body"])
def test_without_the_layer_a_lost_request_is_raised(damage: Damage, bare: Place) -> None:
    with pytest.raises(TransientError):
        push(bare, put_to("/data", damage))


def test_a_tag_that_may_be_written_is_never_written_again(layered: Place) -> None:
    """Other ``put_content`` that is not found to have happened is raised, not repeated."""
    with pytest.raises(TransientError) as caught:
        push(layered, put_to(CURRENT, "cut"))
    assert caught.value.outcome_unknown
    asked = [each for each in layered.proxy.asked if each.target.endswith(CURRENT)]
    assert [each.method for each in asked].count("PUT") == 1


def push_while_busy(place: Place) -> None:
    """Push eight images to a store that refuses one request in twenty."""
    repo = place.repository()
    place.proxy.retry_after = 0
    place.proxy.begin(now_and_then(0.05, 7, "busy"))
    for image in IMAGES:
        image.push(repo, "latest")
        assert repo.manifests.get("latest").body == image.manifest
    assert any(each.damage for each in place.proxy.asked)


def test_of_one_refusal_in_twenty_nobody_notices(layered: Place) -> None:
    """Calls that failed for a moment are repeated."""
    push_while_busy(layered)


def test_without_the_layer_refusals_are_raised(bare: Place) -> None:
    with pytest.raises(ThrottledError):
        push_while_busy(bare)


def move_twice(place: Place, *, expects: bool) -> tuple[list[int], Digest]:
    """Move a tag on and on, and let the first request come again; return how it ends."""
    repo = place.repository()
    for image in (FIRST, SECOND, THIRD):
        image.push(repo)
    repo.tags.set("v1", FIRST.digest)
    place.proxy.begin(put_to(CURRENT, "twice"))
    for old, new in ((FIRST, SECOND), (SECOND, THIRD)):
        repo.tags.set("v1", new.digest, expect=old.digest if expects else ANY)
    return place.proxy.come_again(), repo.tags.get("v1")


def test_a_request_that_comes_again_moves_no_tag_that_was_compared(layered: Place) -> None:
    """Conditions look at what is true, whoever asks and how often."""
    assert move_twice(layered, expects=True) == ([412], THIRD.digest)


def test_without_comparing_a_request_that_comes_again_moves_it_back(bare: Place) -> None:
    assert move_twice(bare, expects=False) == ([200], SECOND.digest)


def set_back_in_vain(place: Place, seconds: float) -> Digest:
    """Move a tag and back, of which the last request is lost on a store that shows what was."""
    repo, puts = place.repository(), count(1)
    for image in (FIRST, SECOND):
        image.push(repo, "v1" if image is FIRST else "other")

    def is_last(method: str, target: str) -> bool:
        return method == "PUT" and target.endswith(CURRENT) and next(puts) == 2

    place.proxy.begin(first(is_last, "cut"), Lag(get=seconds, stat=seconds, list=seconds))
    try:
        for image in (SECOND, FIRST):
            repo.tags.set("v1", image.digest)
    finally:
        place.proxy.begin()
    return place.repository().tags.get("v1")


def test_a_value_of_long_ago_is_not_taken_for_the_one_that_was_lost(layered: Place) -> None:
    """It is looked for once it must show."""
    with pytest.raises(TransientError) as caught:
        set_back_in_vain(layered, SHORT)
    assert caught.value.outcome_unknown


def test_without_waiting_a_lost_write_is_acknowledged(layered: Place) -> None:
    with replaced(Resolver, _until_shown=nothing):
        assert set_back_in_vain(layered, LONG) == SECOND.digest


def test_all_at_once(layered: Place) -> None:
    """A store that lags, whose front ends disagree, and that refuses one request in twenty."""
    layered.proxy.retry_after = 0
    layered.proxy.begin(now_and_then(0.05, 3, "busy"), Lag(get=0.3, stat=0.3, list=0.3, flapping=3))
    repo = layered.repository()
    for image in IMAGES[:3]:
        image.push(repo, "latest", image.digest.hex)
        assert repo.tags.get("latest") == image.digest
        assert repo.manifests.get("latest").body == image.manifest
    assert set(repo.tags.all()) == {"latest", *(image.digest.hex for image in IMAGES[:3])}
