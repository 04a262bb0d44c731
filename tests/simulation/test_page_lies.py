"""The scenes of ``docs/when-the-store-lies.md``: hazard and answer, as the page tells them."""

from __future__ import annotations

import re
import runpy
from itertools import count, pairwise
from pathlib import Path
from typing import Final

import pytest

from examples.lies import PAIRS, Pair, pictures
from examples.lies.cut import crashed_push, two_writers
from examples.lies.late import flapping_tag, own_write
from examples.lies.lost import TWO, ZERO, ignored_condition, late_duplicate, lost_answer
from examples.lies.stage import TAG, Scene
from regstore import Digest
from regstore.testing.simulation import CrashPoint, Knobs, Request
from regstore.testing.simulation.knobs import Conditions

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs/when-the-store-lies.md").read_text("utf-8")
SEEDS: Final = range(30)


def told(scene: Scene) -> dict[str, list[str]]:
    """What each process saw."""
    seen: dict[str, list[str]] = {}
    for note in scene.trace.notes:
        seen.setdefault(note.process, []).append(note.text)
    return seen


def requests(scene: Scene, process: str, key: str = TAG) -> list[Request]:
    return [r for r in scene.trace.requests if (r.process, r.key) == (process, key)]


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_each_hazard_shows_without_its_answer_and_never_with_it(pair: Pair) -> None:
    assert pair.play(pair.seed(), layer=False).wrong
    for seed in SEEDS:
        assert pair.play(seed, layer=True).wrong == [], seed


def test_a_process_reads_the_blob_that_it_has_pushed() -> None:
    for seed in SEEDS:
        assert told(own_write(seed, layer=False))["registry"][-1] == "BlobUnknownError"
        assert told(own_write(seed, layer=True))["registry"][-1] == "has read it"


def test_the_wait_ends_with_the_bound() -> None:
    for seed in SEEDS:
        scene = own_write(seed, layer=True)
        stale = [request for request in scene.trace.requests if request.is_stale]
        written = scene.trace.requests[1].arrived
        assert written is not None
        assert stale
        assert all(r.arrived is not None and r.arrived - written <= 0.4 for r in stale)
        asked = [request for request in stale if request.key == stale[0].key]
        pauses = [second.sent - (first.answered or 0) for first, second in pairwise(asked)]
        assert pauses == sorted(pauses)


def test_a_process_sees_its_tag_where_it_put_it() -> None:
    assert any(not all(flapping_tag(seed, layer=False).seen["writer"]) for seed in SEEDS)
    for seed in SEEDS:
        assert all(flapping_tag(seed, layer=True).seen["writer"])


def test_others_may_see_a_tag_go_back_within_the_bound_and_not_after() -> None:
    scenes = [flapping_tag(seed, layer=True) for seed in SEEDS]
    readers = [scene.seen["reader"] for scene in scenes]
    assert any(newer and not older for seen in readers for newer, older in pairwise(seen))
    assert all(seen[-1] for seen in readers)
    for scene in scenes:
        assert len(requests(scene, "reader")) == len(scene.seen["reader"]), "it costs more reads"


def test_a_tag_write_is_not_repeated_blindly() -> None:
    for seed in SEEDS:
        blind, scene = lost_answer(seed, layer=False), lost_answer(seed, layer=True)
        assert blind.final[TAG] != str(TWO).encode()
        assert scene.final[TAG] == str(TWO).encode()
        assert [request.name for request in requests(scene, "first")] == ["put", "get"]
        assert told(scene)["first"] == ["is told: outcome unknown"]


def test_a_late_duplicate_undoes_a_plain_write_and_not_a_swap() -> None:
    undone = 0
    for seed in SEEDS:
        plain, swapped = (late_duplicate(seed, layer=layer) for layer in (False, True))
        for scene in (plain, swapped):
            write = next(r for r in requests(scene, "first") if r.name == "put")
            assert write.repeated is not None
        undone += plain.final[TAG] != str(TWO).encode()
        assert swapped.final[TAG] == str(TWO).encode()
    assert undone > len(SEEDS) / 2


def test_a_swap_costs_one_read() -> None:
    for layer, names in ((False, ["put"]), (True, ["get", "put"])):
        scene = late_duplicate(1, layer=layer)
        assert [request.name for request in requests(scene, "second")] == names


def test_who_was_overtaken_is_refused() -> None:
    for seed in SEEDS:
        scene = two_writers(seed, layer=True)
        assert told(scene)["slow"] == ["PreconditionFailedError"]
        assert told(scene)["quick"][-1] == "has committed"


@pytest.mark.parametrize("conditions", ["absent", "ignored"])
def test_without_conditions_a_lost_chunk_is_found_out(conditions: Conditions) -> None:
    scenes = [two_writers(seed, layer=True, knobs=Knobs(conditions=conditions)) for seed in SEEDS]
    assert any(told(scene)["quick"][-1] == "DigestInvalidError" for scene in scenes)
    for scene in scenes:
        for key, data in scene.final.items():
            if match := re.search(r"/blobs/sha256/../(\w+)/data$", key):
                assert Digest.of(data).hex == match[1]


def test_a_swap_on_a_store_that_ignores_conditions_is_refused() -> None:
    for seed in SEEDS:
        believed, scene = (ignored_condition(seed, layer=layer) for layer in (False, True))
        assert set(map(tuple, told(believed).values())) == {("has swapped",)}
        assert set(map(tuple, told(scene).values())) == {("UnsupportedMethodError",)}
        assert scene.final[TAG] == str(ZERO).encode()


@pytest.mark.parametrize("point", ["before", "after", "late"])
def test_a_push_that_crashes_anywhere_leaves_no_tag_in_the_air(point: CrashPoint) -> None:
    assert crashed_push(1, layer=False, point="before").wrong
    for at in count(1):
        scene = crashed_push(1, layer=True, at=at, point=point)
        assert scene.wrong == []
        assert told(scene)["restarted"] == ["has pushed"]
        if "has pushed" in told(scene).get("pusher", []):
            break
    assert at > 4, "it crashed at hardly any request"


def test_the_page_shows_every_picture_and_no_other() -> None:
    shown = re.findall(r"!\[[^\]]{20,}\]\(pictures/([\w-]+\.svg)\)", PAGE)
    drawn = [name for name, _ in pictures()]
    assert shown == drawn


def test_anybody_can_draw_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "new" / "pictures"
    for _ in range(2):  # a second time, too
        monkeypatch.setattr("sys.argv", ["examples.lies", str(place)])
        runpy.run_module("examples.lies", run_name="__main__")
    assert {path.name: path.read_text("utf-8") for path in place.iterdir()} == dict(pictures())


def test_who_does_not_say_where_to_draw_them_is_told_how(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["examples.lies"])
    with pytest.raises(SystemExit) as caught:
        runpy.run_module("examples.lies", run_name="__main__")
    assert caught.value.code == 2
    assert "usage: python -m examples.lies [-h] DIRECTORY" in " ".join(
        capsys.readouterr().err.split()
    )


def test_the_tag_goes_back_and_forth_in_both_of_its_pictures() -> None:
    pair = next(pair for pair in PAIRS if pair.name == "flapping-tag")
    for layer in (False, True):
        seen = pair.play(pair.seed(), layer=layer).seen["reader"]
        assert any(newer and not older for newer, older in pairwise(seen)), layer


def test_each_key_is_read_as_often_as_the_picture_of_the_own_write_is_said_to_show() -> None:
    pair = next(pair for pair in PAIRS if pair.name == "own-write")
    scene = pair.play(pair.seed(), layer=True)
    reads = [r.key for r in scene.trace.requests if not r.changes and r.key in scene.keys]
    assert {reads.count(key) for key in scene.keys} == {4}
    assert "each read is made again three times" in PAGE


def test_the_tests_that_the_page_names_exist() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)
    assert named
    for path, name in named:
        assert f"def {name}(" in (ROOT / path).read_text("utf-8"), f"{path}::{name}"
    of_page = {name for path, name in named if path == "tests/simulation/test_page_lies.py"}
    scenes = PAGE.split("\n## ")[1 : 1 + len(PAIRS)]
    assert all("Proved by" in scene for scene in scenes)
    assert len(of_page) >= len(PAIRS)
