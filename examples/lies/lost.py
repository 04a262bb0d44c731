"""Scenes of requests whose answer is lost, that arrive twice, or whose conditions are ignored."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from examples.lies.stage import TAG, Scene, Stage, index, is_nth
from regstore import ANY, AsyncRepository, Digest
from regstore.driver import if_version
from regstore.errors import (
    PreconditionFailedError,
    TransientError,
    UnsupportedMethodError,
)
from regstore.testing.simulation import Knobs, Process

ZERO, ONE, TWO = (Digest.of(index(note)) for note in ("zero", "one", "two"))
Part = Callable[[Process], Coroutine[Any, Any, None]]
"""What one process does."""

_SET_BACK = "An answered write stays until somebody changes it"


def _link(digest: Digest) -> bytes:
    return str(digest).encode()


async def _push_all(repository: AsyncRepository) -> None:
    for note in ("one", "two"):
        await repository.manifests.put(index(note))
    await repository.manifests.put(index("zero"), tags=["latest"])


def lost_answer(seed: int, *, layer: bool) -> Scene:
    """Show a tag that is set, unheard, and set by somebody else before the client asks again."""
    chosen = is_nth(1, "first", "put", TAG)
    fate = Knobs(lost_answers=1.0, timeout=3.0)
    stage = Stage(Knobs(), seed=seed, chosen=chosen, fate=fate)

    async def set_one(process: Process) -> None:
        repository = stage.repository(process, layer=layer)
        await stage.sleep_until(1)
        try:
            await repository.tags.set("latest", ONE)
        except TransientError as error:
            if layer and error.outcome_unknown:
                stage.note(process, "is told: outcome unknown")
                return
            stage.note(process, "tries again, blindly")
            await repository.tags.set("latest", ONE)

    async def set_two(process: Process) -> None:
        repository = stage.repository(process, layer=layer)
        await stage.sleep_until(2)
        await repository.tags.set("latest", TWO)
        stage.note(process, "has set the tag")

    return _two_writers(stage, set_one, set_two, "The answer to a tag write is lost")


def late_duplicate(seed: int, *, layer: bool) -> Scene:
    """Show a tag write that arrives once more, after the next one; with conditions or without."""
    chosen = is_nth(1, "first", "put", TAG)
    fate = Knobs(repeated=1.0, repeat_after=20.0)
    stage = Stage(Knobs(), seed=seed, chosen=chosen, fate=fate)

    async def set_tag(process: Process, time: float, digest: Digest, expected: Digest) -> None:
        repository = stage.repository(process, layer=True)
        await stage.sleep_until(time)
        await repository.tags.set("latest", digest, expect=expected if layer else ANY)
        stage.note(process, "has set the tag")

    return _two_writers(
        stage,
        lambda process: set_tag(process, 1, ONE, ZERO),
        lambda process: set_tag(process, 2, TWO, ONE),
        "A tag write arrives twice",
    )


def _two_writers(stage: Stage, set_one: Part, set_two: Part, title: str) -> Scene:
    setup = stage.process("setup")
    stage.run((setup, _push_all(stage.repository(setup, layer=True))))
    first, second = stage.process("first"), stage.process("second")
    stage.run((first, set_one(first)), (second, set_two(second)))
    stage.rest()
    if stage.content(TAG) != _link(TWO):
        text = "the tag is back where it was before second moved it, and nobody is told"
        stage.break_promise(_SET_BACK, text)
    return stage.scene(title, TAG)


def ignored_condition(seed: int, *, layer: bool) -> Scene:
    """Show two compare-and-swaps of one tag on a store that ignores conditions without a word."""
    stage = Stage(Knobs(conditions="ignored"), seed=seed)
    setup = stage.process("setup")
    stage.run((setup, _push_all(stage.repository(setup, layer=True))))
    won: list[bool] = []

    async def swap_plainly(process: Process, digest: Digest) -> None:
        driver = stage.driver(process, layer=False)
        found = await driver.get_content(TAG)
        await stage.sleep_until(1)
        put = driver.put_content(TAG, _link(digest), if_version(found.version))
        won.append(await stage.attempt(process, put, "has swapped", PreconditionFailedError))

    async def swap(process: Process, digest: Digest) -> None:
        repository = stage.repository(process, layer=True)
        await stage.sleep_until(1)
        put = repository.tags.set("latest", digest, expect=ZERO)
        won.append(await stage.attempt(process, put, "has swapped", UnsupportedMethodError))

    first, second = stage.process("first"), stage.process("second")
    act = swap if layer else swap_plainly
    stage.run((first, act(first, ONE)), (second, act(second, TWO)))
    if won == [True, True]:
        text = "both are told that they replaced the same value: one write is lost"
        stage.break_promise("Of two swaps from one value one wins", text)
    probe = {r.key for r in stage.world.trace.requests if "/probe" in r.key}
    return stage.scene("Two swaps of one tag", TAG, *sorted(probe))
