"""What a picture is made of: SVG elements, and their colours in the light and in the dark."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import atan2, cos, pi, sin
from typing import Final
from xml.etree.ElementTree import Element, SubElement, indent, tostring

CHARACTER: Final = 6.2
"""About as wide as one is in the font of labels, in pixels."""

_HEAD: Final = 7.0
_UNFIT: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML has no way to write."""

_BANDS: Final = 4
_COLOURS: Final[Mapping[str, tuple[str, str]]] = {
    ".ground": ("fill:#fff", "fill:#0d1117"),
    "text": ("fill:#1f2328;stroke:#fff", "fill:#e6edf3;stroke:#0d1117"),
    "text.soft": ("fill:#59636e", "fill:#9198a1"),
    "text.late": ("fill:#953800", "fill:#f0883e"),
    "text.wrong": ("fill:#b31d28", "fill:#ff7b72"),
    ".life": ("stroke:#afb8c1", "stroke:#484f58"),
    ".ask": ("stroke:#0969da;fill:#0969da", "stroke:#58a6ff;fill:#58a6ff"),
    ".answer": ("stroke:#59636e;fill:#59636e", "stroke:#9198a1;fill:#9198a1"),
    ".stale": ("stroke:#bc4c00;fill:#bc4c00", "stroke:#f0883e;fill:#f0883e"),
    ".bad": ("stroke:#cf222e;fill:#cf222e", "stroke:#ff7b72;fill:#ff7b72"),
    ".band": ("stroke:#fff", "stroke:#0d1117"),
    ".band0": ("fill:#ddf4ff", "fill:#14365c"),
    ".band1": ("fill:#d2f4d9", "fill:#17412a"),
    ".band2": ("fill:#fff3b0", "fill:#4d3c00"),
    ".band3": ("fill:#f3dcff", "fill:#43265f"),
    ".gone": ("fill:#e6eaef", "fill:#262c36"),
}
_SHAPES: Final = """
text{font:11px system-ui,sans-serif;paint-order:stroke;stroke-width:4px;stroke-linejoin:round}
text.on-band{stroke:none}
text.strong{font-weight:600}
.line{stroke-width:1.4px}
.dashed{stroke-dasharray:4 3}
.life{stroke-width:1.5px}
.faint{stroke-dasharray:1 4}
"""


class Picture:
    """An SVG image, drawn from back to front, text before all else. Lengths are in pixels.

    :param title: what it shows, in a few words.
    :param description: the same, told to those who do not see it.
    """

    def __init__(self, width: float, height: float, title: str, description: str) -> None:
        size = {"width": _number(width), "height": _number(height)}
        self._root = Element(
            "svg",
            xmlns="http://www.w3.org/2000/svg",
            viewBox=f"0 0 {_number(width)} {_number(height)}",
            role="img",
            attrib=size,
        )
        self._at = self._root
        self._add("title").text = _fit(title)
        self._add("desc").text = _fit(description)
        self._add("style").text = _style()
        self._add("rect", "ground", **size)
        self._shapes = SubElement(self._root, "g")
        self._labels = SubElement(self._root, "g")
        self._at = self._shapes

    def group(self, tip: str) -> None:
        """Put what is drawn from now on into a group; *tip* is shown on hovering."""
        self._at = SubElement(self._shapes, "g")
        self._add("title").text = _fit(tip)

    def text(self, x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> None:
        """Write *text*, its baseline at *y*."""
        place = {"x": _number(x), "y": _number(y), "text-anchor": anchor}
        if kind:
            place["class"] = kind
        SubElement(self._labels, "text", place).text = _fit(text)

    def line(self, start: tuple[float, float], end: tuple[float, float], kind: str) -> None:
        """Draw a straight line."""
        (x1, y1), (x2, y2) = start, end
        ends = {"x1": _number(x1), "y1": _number(y1), "x2": _number(x2), "y2": _number(y2)}
        self._add("line", f"line {kind}", **ends)

    def arrow(self, start: tuple[float, float], end: tuple[float, float], kind: str) -> None:
        """Draw a straight line with a head at its end."""
        self.line(start, end, kind)
        angle = atan2(end[1] - start[1], end[0] - start[0]) + pi
        sides = [
            (end[0] + _HEAD * cos(angle + turn), end[1] + _HEAD * sin(angle + turn))
            for turn in (-0.4, 0.4)
        ]
        points = " ".join(f"{_number(x)},{_number(y)}" for x, y in (end, *sides))
        self._add("polygon", kind.split(maxsplit=1)[0], points=points)

    def cross(self, x: float, y: float, size: float = 4.0) -> None:
        """Draw a cross."""
        self.line((x - size, y - size), (x + size, y + size), "bad")
        self.line((x - size, y + size), (x + size, y - size), "bad")

    def dot(self, x: float, y: float, kind: str) -> None:
        """Draw a dot."""
        self._add("circle", kind, cx=_number(x), cy=_number(y), r="3")

    def band(self, x: float, y: float, width: float, height: float, colour: int | None) -> None:
        """Draw a box in the *colour* of this number; ``None`` is that of what is gone."""
        kind = "band gone" if colour is None else f"band band{colour % _BANDS}"
        box = {"x": _number(x), "y": _number(y), "width": _number(width)}
        self._add("rect", kind, height=_number(height), **box)

    def svg(self) -> str:
        """Return the image."""
        indent(self._root, "")
        return tostring(self._root, encoding="unicode") + "\n"

    def _add(self, tag: str, kind: str = "", **attributes: str) -> Element:
        if kind:
            attributes["class"] = kind
        return SubElement(self._at, tag, attributes)


def _style() -> str:
    light = "\n".join(f"{selector}{{{light}}}" for selector, (light, _) in _COLOURS.items())
    dark = "\n".join(f"{selector}{{{dark}}}" for selector, (_, dark) in _COLOURS.items())
    return f"\n{light}\n@media (prefers-color-scheme:dark){{\n{dark}\n}}{_SHAPES}"


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _fit(text: str) -> str:
    return _UNFIT.sub("\ufffd", text)
