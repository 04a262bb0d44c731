"""The scenes of the page, each without an answer to the hazard and with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Protocol

from examples.lies.cut import crashed_push, two_writers
from examples.lies.late import flapping_tag, own_write
from examples.lies.lost import ignored_condition, late_duplicate, lost_answer
from examples.lies.stage import Scene
from regstore.testing.simulation.diagram import draw

SEEDS: Final = 100


class Play(Protocol):
    """Runs a scene."""

    def __call__(self, seed: int, *, layer: bool) -> Scene:
        """Run it, with what answers the hazard or without."""
        ...


@dataclass(frozen=True)
class Pair:
    """A scene without an answer to its hazard, and with it.

    :ivar name: of its two pictures.
    :ivar without: a few words about the first.
    :ivar within: a few words about the second.
    :ivar telling: whether a picture shows what there is to see.
    """

    name: str
    play: Play
    without: str = "without regstore's layer"
    within: str = "with regstore's layer"
    telling: Callable[[Scene], bool] = lambda _: True

    def seed(self) -> int:
        """Return the first seed that shows the hazard, and twice all that there is to see.

        :raises LookupError: it shows for none.
        """
        for seed in range(SEEDS):
            without, within = (self.play(seed, layer=layer) for layer in (False, True))
            if without.wrong and self.telling(without) and self.telling(within):
                return seed
        raise LookupError(f"the hazard of {self.name} does not show for any of {SEEDS} seeds")


def flaps(scene: Scene) -> bool:
    """Whether the reader saw the newest version and then an older one."""
    seen = scene.seen["reader"]
    return any(newer and not older for newer, older in pairwise(seen))


PAIRS: Final = (
    Pair("own-write", own_write),
    Pair("flapping-tag", flapping_tag, telling=flaps),
    Pair("lost-answer", lost_answer),
    Pair("late-duplicate", late_duplicate, "set whatever it is", "compare-and-swap"),
    Pair("two-writers", two_writers),
    Pair(
        "ignored-condition",
        ignored_condition,
        "where the store is believed",
        "with regstore's layer",
    ),
    Pair("crashed-push", crashed_push, "the tag first", "regstore's order"),
)


def pictures() -> Iterator[tuple[str, str]]:
    """Yield the name of each picture, and its SVG."""
    for pair in PAIRS:
        seed = pair.seed()
        for layer, suffix, words in ((False, "off", pair.without), (True, "on", pair.within)):
            scene = pair.play(seed, layer=layer)
            title = f"{scene.title}: {words}"
            svg = draw(scene.trace, violations=scene.wrong, keys=scene.keys, title=title)
            yield f"{pair.name}-{suffix}.svg", svg
