"""The parameters that commands have in common."""

from __future__ import annotations

import json
from typing import Annotated, NamedTuple

import typer

from regstore.errors import ConfigurationError

Url = Annotated[
    str, typer.Argument(metavar="URL", help="The registry's storage.", show_default=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Sparse = Annotated[
    bool, typer.Option("--sparse", help="Take indexes some of whose manifests are missing.")
]
StorageOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--storage-option",
        metavar="KEY=VALUE",
        help="Passed to the fsspec filesystem; KEY:=JSON for other values than text. Repeatable.",
        show_default=False,
    ),
]


def parse_storage_options(given: list[str] | None) -> dict[str, object]:
    """Return what ``--storage-option`` says. Values never appear in an error: they are secrets.

    :raises ConfigurationError: one of them cannot be read.
    """
    options: dict[str, object] = {}
    for number, each in enumerate(given or (), 1):
        key, equals, value = each.partition("=")
        if not equals or not key.strip(":"):
            msg = f"--storage-option number {number} is not KEY=VALUE"
            raise ConfigurationError(msg)
        options[key.removesuffix(":")] = _json(key[:-1], value) if key.endswith(":") else value
    return options


def _json(key: str, value: str) -> object:
    try:
        return json.loads(value)
    except ValueError:
        msg = f"--storage-option {key}: what follows := is no JSON; {key}=... takes plain text"
        raise ConfigurationError(msg) from None


class Target(NamedTuple):
    """A repository, or one manifest of it."""

    name: str
    reference: str | None


def parse_target(given: str) -> Target:
    """Take NAME, NAME:TAG or NAME@DIGEST apart; the parts are checked by who uses them."""
    name, at, digest = given.partition("@")
    if at:
        return Target(name, digest)
    name, colon, tag = given.partition(":")
    return Target(name, tag if colon else None)
