from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations
from xml.etree import ElementTree as ET

import pytest

from regstore import AsyncRegistry, Digest, layout
from regstore.consistency import Checked, Retrying, Settled
from regstore.errors import RegstoreError
from regstore.testing.simulation import (
    Crashed,
    CrashPoint,
    Knobs,
    Note,
    Process,
    Request,
    Trace,
    World,
)
from regstore.testing.simulation.diagram import draw
from regstore.testing.simulation.diagram.ink import CHARACTER
from regstore.testing.simulation.violations import Violation

SVG = "{http://www.w3.org/2000/svg}"
WILD = Knobs(
    stale_get=2.0,
    stale_head=1.0,
    stale_list=1.0,
    front_ends=2,
    lost_answers=0.1,
    lost_requests=0.1,
    repeated=0.2,
    throttled=0.1,
)
BLOB = b"hello"
LINK = layout.LayerLink("app", Digest.of(BLOB)).path


def wild_run(seed: int) -> Trace:
    def crashing(process: Process, request: Request) -> CrashPoint | None:
        return "after" if process.name == "first" and request.number > 12 else None

    world = World(seed, WILD, crashing)

    async def work(process: Process) -> None:
        driver = Checked(Settled(Retrying(world.driver(process))))
        blobs = AsyncRegistry(driver).repository("app").blobs
        try:
            digest = (await blobs.put(BLOB)).digest
            await blobs.get(digest)
            await blobs.delete(digest)
        except RegstoreError as error:
            world.trace.note(world.loop.time, process.name, type(error).__name__)

    processes = [world.process(name) for name in ("first", "second", "third")]
    for task in [world.loop.spawn(work(process), process, process.name) for process in processes]:
        try:
            world.loop.run(task)
        except Crashed:
            continue
    world.loop.drain()
    world.loop.close()
    return world.trace


class Drawn:
    """What a picture shows, read back from it."""

    def __init__(self, svg: str) -> None:
        self.root = ET.fromstring(svg)  # noqa: S314 - drawn a moment ago
        self.texts = [(each.text or "", each) for each in self.root.iter(f"{SVG}text")]
        self.words = [text for text, _ in self.texts]
        self.groups = {
            title.text or "": group
            for group in self.root.iter(f"{SVG}g")
            if (title := group.find(f"{SVG}title")) is not None
        }

    def lines(self, number: int, kind: str) -> list[ET.Element]:
        group = next(g for tip, g in self.groups.items() if tip.startswith(f"request {number} "))
        return [line for line in group.iter(f"{SVG}line") if kind in (line.get("class") or "")]

    def y(self, text: str) -> float:
        return next(float(each.get("y", "")) for word, each in self.texts if text in word)


def boxes(drawn: Drawn) -> Iterator[tuple[str, float, float, float, float]]:
    for text, each in drawn.texts:
        x, y, width = float(each.get("x", "")), float(each.get("y", "")), CHARACTER * len(text)
        x -= {"start": 0, "middle": width / 2, "end": width}[each.get("text-anchor", "")]
        yield text, x, x + width, y - 8, y


def store_run(*puts: bytes | None) -> Trace:
    """One process writes, or deletes, one key several times."""
    world = World(1)
    process = world.process("one")

    async def work() -> None:
        for data in puts:
            if data is None:
                await world.driver(process).delete_file("a/b")
            else:
                await world.driver(process).put_content("a/b", data)

    world.loop.run(world.loop.spawn(work(), process, "one"))
    world.loop.close()
    return world.trace


@pytest.mark.parametrize("seed", range(5))
def test_every_request_that_was_sent_is_drawn(seed: int) -> None:
    trace = wild_run(seed)
    drawn = Drawn(draw(trace))
    tips = [re.match(r"request (\d+) of (\w+): (\w+) (.*)", tip) for tip in drawn.groups]
    shown = [(int(tip[1]), tip[2], tip[3], tip[4]) for tip in tips if tip]
    assert shown == [(r.number, r.process, r.name, r.key) for r in trace.requests]
    for request in trace.requests:
        assert drawn.lines(request.number, "ask")


@pytest.mark.parametrize("seed", range(5))
def test_what_became_of_a_request_is_told(seed: int) -> None:
    trace = wild_run(seed)
    drawn = Drawn(draw(trace))
    crashed = [event.subject for event in trace.events if event.kind == "crashed"]
    crashes = {note.process: note.time for note in crashed if isinstance(note, Note)}
    fates = {"repeated": 0, "lost": 0, "stale": 0, "unheard": 0}
    for request in trace.requests:
        if request.repeated is not None:
            fates["repeated"] += 1
            assert drawn.lines(request.number, "bad dashed")
        if request.arrived is None and request.answered is None:
            fates["lost"] += 1
            assert len(drawn.lines(request.number, "bad")) == 2, "no cross"
        is_drawn = request.answered is not None or request.sent <= crashes.get(request.process, -1)
        if request.is_stale and is_drawn:
            fates["stale"] += 1
            assert drawn.lines(request.number, "stale")
    assert sum(word.startswith("stale: ") for word in drawn.words) == fates["stale"]
    assert sum(word.endswith(", again") for word in drawn.words) == fates["repeated"]
    assert "crashes" in drawn.words


def test_an_answer_that_a_crash_made_unheard_is_dashed() -> None:
    trace = wild_run(1)
    crash = next(event for event in trace.events if event.kind == "crashed")
    waiting = [
        request.number
        for request in trace.requests
        if request.process == "first"
        and request.sent <= crash.time
        and request.arrived is not None
        and request.arrived > crash.time
    ]
    assert waiting
    assert any(Drawn(draw(trace)).lines(number, "dashed") for number in waiting)


def test_who_has_crashed_gives_up_on_no_answer() -> None:
    world = World(1, crashing=lambda _process, _request: "before")
    process = world.process("one")
    world.loop.spawn(world.driver(process).get_content("a"), process, "one")
    world.loop.drain()
    assert world.trace.events[-1].kind == "given up"
    words = Drawn(draw(world.trace)).words
    assert "crashes" in words
    assert "no answer" not in words


def test_what_is_written_beside_a_process_ends_before_the_line_of_the_store() -> None:
    trace = store_run(b"one")
    trace.note(9.0, "one", "a long note " * 5)
    drawn = Drawn(draw(trace))
    store = max(float(line.get("x2", "")) for line in _asked(drawn))
    assert max(right for text, _, right, *_ in boxes(drawn) if "note" in text) < store


@pytest.mark.parametrize("seed", range(10))
def test_no_label_covers_another(seed: int) -> None:
    violation = Violation("I6", "what was written is not what is read " * 4, LINK)
    drawn = Drawn(draw(wild_run(seed), violations=[violation], keys={LINK}))
    covered = [
        (one[0], two[0])
        for one, two in combinations(boxes(drawn), 2)
        if one[1] < two[2] and two[1] < one[2] and one[3] < two[4] and two[3] < one[4]
    ]
    assert covered == []


@pytest.mark.parametrize("seed", range(10))
def test_nothing_is_cut_off(seed: int) -> None:
    violation = Violation("I6", "what was written is not what is read " * 4, LINK)
    drawn = Drawn(draw(wild_run(seed), violations=[violation], title="A run"))
    width, height = (float(drawn.root.get(side, "")) for side in ("width", "height"))
    for text, left, right, top, bottom in boxes(drawn):
        assert 0 <= left < right <= width, text
        assert 0 <= top < bottom <= height, text


def test_a_violation_stands_at_its_time() -> None:
    trace = store_run(b"one", b"two", b"three")
    second = trace.requests[1]
    violation = Violation("I7", "two was never to be", "a/b", second.answered)
    drawn = Drawn(draw(trace, violations=[violation]))
    assert "I7: two was never to be" in drawn.words
    assert drawn.y("v2") < drawn.y("I7: ") < drawn.y("v3")
    assert "I7: two was never to be" in (drawn.root.findtext(f"{SVG}desc") or "")


def test_a_violation_without_a_time_stands_after_what_was_done_to_its_key_or_at_the_end() -> None:
    trace = wild_run(3)
    of_key = draw(trace, violations=[Violation("I3", "no such body", LINK)], keys={LINK, "other"})
    at_end = draw(trace, violations=[Violation("I3", "no such body", "")])
    for svg in (of_key, at_end):
        drawn = Drawn(svg)
        assert all(drawn.y("I3: ") > float(line.get("y2", "")) for line in _asked(drawn))


def _asked(drawn: Drawn) -> Iterator[ET.Element]:
    return (line for line in drawn.root.iter(f"{SVG}line") if "ask" in (line.get("class") or ""))


def test_the_keys_of_violations_are_shown_and_what_is_left_out_is_counted() -> None:
    trace = wild_run(1)
    drawn = Drawn(draw(trace, violations=[Violation("I3", "no such body", LINK)]))
    about = [r for r in trace.requests if LINK in {r.key, *r.others}]
    lists = [r for r in trace.requests if r.name == "list" and LINK.startswith(r.key)]
    shown = len(about) + len(lists)
    assert 0 < shown < len(trace.requests)
    assert len(drawn.groups) == shown
    assert f"{len(trace.requests) - shown} requests about other keys left out" in drawn.words


def test_notes_are_left_out_with_what_they_are_about() -> None:
    world = World(1)
    process = world.process("one")

    async def work() -> None:
        for key in ("a", "b", "c", "d"):
            world.trace.note(world.loop.time, "one", f"writes {key}")
            await world.driver(process).put_content(key, b"new")
            world.trace.note(world.loop.time, "one", f"wrote {key}")

    world.loop.run(world.loop.spawn(work(), process, "one"))
    world.loop.close()
    words = Drawn(draw(world.trace, keys={"b"})).words
    assert [word for word in words if "w" in word and " " in word] == ["writes b", "wrote b"]


def test_versions_are_counted_and_the_same_content_is_known_again() -> None:
    drawn = Drawn(draw(store_run(b"one", b"two", b"one", None)))
    labels = [word for word, each in drawn.texts if each.get("class") == "on-band"]
    assert labels == ["v1", "v2", "v3 = v1", "deleted"]
    bands = [each.get("class") for each in drawn.root.iter(f"{SVG}rect")][1:]
    assert bands == ["band band0", "band band1", "band band0", "band gone"]


def test_versions_of_a_link_are_called_by_the_digest_that_they_hold() -> None:
    one, two = Digest.of(b"one"), Digest.of(b"two")
    drawn = Drawn(draw(store_run(*(str(each).encode() for each in (one, two, one)))))
    labels = [word for word, each in drawn.texts if each.get("class") == "on-band"]
    assert labels == [one.hex[:8], two.hex[:8], one.hex[:8]]


@pytest.mark.parametrize("seed", range(10))
def test_a_stale_answer_says_which_digest_it_shows(seed: int) -> None:
    trace = wild_run(seed)
    shown = {word for word in Drawn(draw(trace, keys={LINK})).words if word.startswith("stale: ")}
    told = {"stale: nothing", "stale: deleted", f"stale: {Digest.of(BLOB).hex[:8]}"}
    assert shown <= told | {"stale: what was before"}


def test_digests_in_violations_are_short() -> None:
    digest = Digest.of(BLOB)
    violation = Violation("I7", f"it names {digest}, not {digest.hex}", LINK)
    told = f"I7: it names {digest.hex[:8]}, not {digest.hex[:8]}"
    assert str(violation) == told
    drawn = Drawn(draw(wild_run(1), violations=[violation]))
    assert told in drawn.words
    assert told in (drawn.root.findtext(f"{SVG}desc") or "")


def test_steps_of_one_moment_stand_in_their_order() -> None:
    world = World(0, choose=lambda ready: len(ready) - 1)
    processes = [world.process(name) for name in ("one", "two")]
    for process in processes:
        put = world.driver(process).put_content("a", process.name.encode())
        world.loop.spawn(put, process, process.name)
    world.loop.drain()
    drawn = Drawn(draw(world.trace))
    arrived = [e.subject for e in world.trace.events if e.kind == "arrived"]
    tips = {r.number: drawn.lines(r.number, "ask")[0] for r in world.trace.requests}
    heights = [float(tips[r.number].get("y2", "")) for r in arrived if isinstance(r, Request)]
    assert heights == sorted(heights)
    assert len(set(heights)) == 2
    world.loop.close()


def test_any_text_can_be_drawn() -> None:
    trace = store_run(b"one")
    nasty = "</text><script>alert('&amp;')</script>\x00\x1b\ud800"
    trace.note(9.0, "one", nasty)
    violation = Violation("I1", nasty, "")
    drawn = Drawn(draw(trace, violations=[violation], title=nasty))
    shown = nasty.translate(dict.fromkeys((0x00, 0x1B, 0xD800), "\ufffd"))
    assert drawn.words.count(shown) == 2
    assert drawn.root.findtext(f"{SVG}title") == shown
    assert drawn.root.find(f".//{SVG}script") is None


def test_the_same_run_gives_the_same_picture() -> None:
    assert draw(wild_run(4)) == draw(wild_run(4))
    assert draw(wild_run(4)) != draw(wild_run(5))


def test_every_colour_is_given_for_the_light_and_for_the_dark() -> None:
    style = Drawn(draw(store_run(b"one"))).root.findtext(f"{SVG}style") or ""
    light, dark = style.split("@media (prefers-color-scheme:dark)")
    selectors = re.compile(r"^(\S+?)\{", re.MULTILINE)
    assert selectors.findall(light) == selectors.findall(dark.split("\n}\n")[0])


def test_nothing_is_drawn_of_nothing() -> None:
    drawn = Drawn(draw(Trace(), title="Nothing"))
    assert drawn.words == ["Nothing", "store"]
