"""Large blobs pass through, they are never held."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import places
from tests.images import Image, described, make_image
from tests.ocilayout.layouts import Layout, Save, as_directory, as_tar, as_tar_gz

SIZE = 48 << 20
LIMIT = 12 << 20


@contextmanager
def little_memory() -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < LIMIT


def large_image() -> Image:
    small, layer = make_image("large"), bytes(SIZE)
    layers = {"layers": [described(layer, "application/vnd.oci.image.layer.v1.tar")]}
    manifest = json.dumps(json.loads(small.manifest) | layers).encode()
    return Image(manifest, small.media_type, (small.blobs[0], layer))


@pytest.mark.parametrize("save", [as_directory, as_tar, as_tar_gz])
def test_import_holds_little(save: Save, layout: Layout, tmp_path: Path) -> None:
    layout.list(large_image(), "1")
    path = save(layout, tmp_path / "layout")
    layout.files.clear()
    repo = places.local(tmp_path / "store").repository()
    with little_memory():
        repo.import_layout(path)


@pytest.mark.parametrize("name", ["out", "out.tar"])
def test_export_holds_little(name: str, tmp_path: Path) -> None:
    repo = places.local(tmp_path / "store").repository()
    large_image().push(repo, "1")
    with little_memory():
        repo.export_layout(tmp_path / name)
