"""What every spec is: a typed place in the tree, whose template serves both directions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from operator import attrgetter
from string import Formatter
from typing import ClassVar, Self, TypeVar

_Spec = TypeVar("_Spec", bound="PathSpec")


@dataclass(frozen=True, slots=True)
class PathSpec:
    """A place in the tree. Two specs are equal when class and fields are.

    Fields are checked when a spec is made, before any of them comes near a path.
    """

    template: ClassVar[str]
    """The path, with ``{field}`` or ``{field.attribute}`` as whole segments."""
    placeholders: ClassVar[tuple[str, ...]]
    """What stands between the braces of :attr:`template`, in order."""
    is_file: ClassVar[bool] = False
    """Whether a file lies here; ``False`` for directories and for what nobody knows."""

    _fields: ClassVar[tuple[str, ...]]
    _format: ClassVar[str]
    _values: ClassVar[attrgetter[object]]

    @property
    def path(self) -> str:
        """The path relative to the driver's root: no leading and no trailing slash."""
        return self._format % self._values(self)

    @classmethod
    def from_segments(cls, segments: Mapping[str, str]) -> Self:
        """Make the spec from what stands at each of :attr:`placeholders` in a path.

        :raises RegstoreError: a field is refused, as when the spec is made by hand.
        :raises ValueError: an offset is no number.
        """
        return cls(**{name: _value(name, segments) for name in cls._fields})


@dataclass(frozen=True, slots=True)
class Foreign(PathSpec):
    """A path that is no part of the layout.

    :param path: the path as it was found, whatever it is; nothing about it is checked.
    :param reason: why it is none of ours, for a person to read; the wording is not promised.
    """

    # A frozen field is as read-only as the property that it stands for.
    path: str = field()  # pyright: ignore[reportIncompatibleMethodOverride]
    reason: str = field()


def _value(name: str, segments: Mapping[str, str]) -> str | int:
    if name == "offset":
        return int(segments[name])
    if name in segments:
        return segments[name]
    return f"{segments[f'{name}.algorithm']}:{segments[f'{name}.hex']}"


def directory(template: str) -> Callable[[type[_Spec]], type[_Spec]]:
    """Place a class of specs in the tree, as a directory."""
    return lambda cls: _place(cls, template, is_file=False)


def file(template: str) -> Callable[[type[_Spec]], type[_Spec]]:
    """Place a class of specs in the tree, as a file."""
    return lambda cls: _place(cls, template, is_file=True)


def _place(cls: type[_Spec], template: str, *, is_file: bool) -> type[_Spec]:
    parsed = list(Formatter().parse(template))
    cls.template = template
    cls.is_file = is_file
    cls.placeholders = tuple(name for _, name, _, _ in parsed if name)
    cls._fields = tuple(each.name for each in fields(cls))
    cls._format = "".join(
        literal + (f"%{width}s" if name else "") for literal, name, width, _ in parsed
    )
    # attrgetter wants a name; where there is none, the empty tuple itself is what to fill in.
    cls._values = attrgetter(*cls.placeholders or ("placeholders",))
    return cls
