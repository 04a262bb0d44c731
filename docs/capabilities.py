"""Writes what each driver promises into the table of ``docs/backends.md``, when it is run."""

from __future__ import annotations

import re
import tempfile
from dataclasses import fields
from pathlib import Path

from regstore.driver import Capabilities
from regstore.drivers import open_driver

PAGE = Path(__file__).parent / "backends.md"
TABLE = re.compile(r"(?<=<!-- capabilities -->\n).*?(?=<!-- end -->)", re.DOTALL)
KEY = "DefaultEndpointsProtocol=https;AccountName=example;AccountKey=ZXhhbXBsZQ=="
STORES: dict[str, tuple[str, dict[str, object]]] = {
    "local": (tempfile.gettempdir(), {}),
    "memory": ("memory://", {}),
    "s3": ("s3://bucket", {"key": "example", "secret": "example"}),
    "gcs": ("gs://bucket", {"token": {"private_key": "example"}}),
    "azure": ("abfs://container", {"connection_string": KEY}),
    "sftp": ("sftp://host/srv/registry", {}),
}
"""A URL of each kind, and credentials that may do everything; nothing is connected to."""


def table() -> str:
    """Return a row for each capability, and a column for each store."""
    promised = {
        name: open_driver(url, storage_options=options).capabilities
        for name, (url, options) in STORES.items()
    }
    rows = [["", *promised], ["---"] * (len(promised) + 1)]
    for each in fields(Capabilities):
        values = [getattr(capabilities, each.name) for capabilities in promised.values()]
        rows.append([f"`{each.name}`", *(_shown(each.name, value) for value in values)])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def written(page: str) -> str:
    """Return *page* with the table that holds now."""
    return TABLE.sub(lambda _: f"\n{table()}\n", page)


def _shown(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "-"
    if value is None:
        return "-" if name.startswith("max_") else "unknown"
    if name == "max_object_size" and isinstance(value, int):
        return f"{value / (1 << 40):.3g} TiB"
    return f"{value:g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text("utf-8")), "utf-8")
