"""Data as Python that makes it again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any


def literal(value: object) -> str:
    """Return an expression for *value*: dataclasses and tuples of what ``repr`` tells in full.

    Of a dataclass only those fields are told that differ from their defaults.
    """
    if isinstance(value, tuple):
        items = [literal(item) for item in value]
        return f"({', '.join(items)}{',' if len(items) == 1 else ''})"
    if not is_dataclass(value):
        return repr(value)
    told = (f"{name}={literal(of)}" for name, of in _told(value))
    return f"{type(value).__name__}({', '.join(told)})"


def imports(value: object) -> list[str]:
    """Return the lines that import what :func:`literal` names."""
    names: dict[str, set[str]] = {}
    for each in _types(value):
        names.setdefault(each.__module__, set()).add(each.__name__)
    return [f"from {module} import {', '.join(sorted(names[module]))}" for module in sorted(names)]


def _types(value: object) -> Iterator[type]:
    if isinstance(value, tuple):
        for item in value:
            yield from _types(item)
    elif is_dataclass(value):
        yield type(value)
        for _, of in _told(value):
            yield from _types(of)


def _told(value: Any) -> Iterator[tuple[str, object]]:  # noqa: ANN401 - any dataclass
    """Yield the fields that differ from their defaults."""
    for field in fields(value):
        of = getattr(value, field.name)
        if of != _default(field):
            yield field.name, of


def _default(field: Field[Any]) -> object:
    return field.default if field.default_factory is MISSING else field.default_factory()
