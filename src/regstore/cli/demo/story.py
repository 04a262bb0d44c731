"""What the demo does, step by step; each step says in one line what it has proved."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from regstore import ABSENT, Registry
from regstore.cli.demo.image import Image, Layer, build_bill, build_image
from regstore.digest import Digest
from regstore.errors import DigestInvalidError, TagConflictError

NAME: Final = "demo/python"
CHUNK: Final = 64 << 10


class DemoError(Exception):
    """Something that must hold did not; this is a bug in regstore."""


class Story:
    """Plays through the life of an image.

    :param root: where *registry* lies, for the second process.
    """

    def __init__(self, registry: Registry, root: Path) -> None:
        self._root = root
        self._registry = registry
        self._repository = registry.repository(NAME)

    def tell(self) -> Iterator[str]:
        """Do one step after the other, and yield what each has proved.

        :raises DemoError: it was not so.
        """
        first, second = build_image("1"), build_image("2")
        yield self._built(first)
        small, large = first.layers
        yield self._push(small.blob, f"layer {small.package}")
        yield self._refuse(large)
        yield self._resume(large)
        yield self._push(first.config, "config")
        yield self._tag(first)
        yield self._swap(first, second)
        yield self._lose(first, second, build_image("3"))
        yield self._read_back(second)
        yield self._attach(second)

    def _built(self, image: Image) -> str:
        files = sum(layer.files for layer in image.layers)
        size = sum(len(layer.blob) for layer in image.layers)
        return (
            f"Built an image of {len(image.layers)} layers with {files} files of this Python, "
            f"{size:,} bytes: {_short(image.digest)}."
        )

    def _push(self, blob: bytes, what: str) -> str:
        descriptor = self._repository.blobs.put(blob)
        _hold(self._repository.blobs.exists(Digest.of(blob)))
        return f"Pushed the {what}, {descriptor.size:,} bytes: {_short(descriptor.digest)}."

    def _refuse(self, layer: Layer) -> str:
        wrong = Digest.of(b"something else")
        upload = self._repository.uploads.create()
        upload.write(layer.blob)
        try:
            upload.commit(wrong)
        except DigestInvalidError as error:
            _hold(error.actual == layer.digest)
        _hold(not self._repository.blobs.exists(wrong))
        _hold(not list(self._repository.uploads.all()))
        return "Refused to commit other content under a digest, and nothing was left of it."

    def _resume(self, layer: Layer) -> str:
        half = len(layer.blob) // 2
        with self._repository.uploads.create(layer.digest) as upload:
            for start in range(0, half, CHUNK):
                upload.write(layer.blob[start : min(start + CHUNK, half)])
        _hold(not self._repository.blobs.exists(layer.digest))
        _hold([each.upload_id for each in self._repository.uploads.all()] == [upload.id])
        found = self._second_process(upload.id, layer.digest, layer.blob[half:])
        _hold(found["offset"] == half)
        _hold(found["hashed"] == Digest.of(layer.blob[:half]))
        _hold(found["size"] == len(layer.blob))
        _hold(self._repository.blobs.exists(layer.digest))
        return (
            f"Pushed half of layer {layer.package} in chunks and parked it, unseen; process "
            f"{found['pid']} (this is {os.getpid()}) went on at byte {half:,} from the saved hash "
            f"and committed: {_short(layer.digest)}."
        )

    def _second_process(self, upload_id: str, digest: Digest, rest: bytes) -> dict[str, object]:
        module = "regstore.cli.demo.second"
        argv = [sys.executable, "-m", module, str(self._root), NAME, upload_id, digest]
        done = subprocess.run(argv, input=rest, capture_output=True, check=False)  # noqa: S603
        if done.returncode:
            printed = done.stderr.decode(errors="replace")
            raise DemoError(f"the second process ended with {done.returncode}: {printed}")
        answer: dict[str, object] = json.loads(done.stdout)
        return answer

    def _tag(self, image: Image) -> str:
        result = self._repository.manifests.put(image.manifest, tags=["1"])
        self._repository.tags.set("latest", image.digest, expect=ABSENT)
        _hold(self._repository.tags.get("latest") == result.descriptor.digest == image.digest)
        return f"Pushed its manifest as {NAME}:1, and as latest because there was none yet."

    def _swap(self, first: Image, second: Image) -> str:
        self._repository.manifests.put(second.manifest, tags=["2"])
        self._repository.tags.set("latest", second.digest, expect=first.digest)
        _hold(self._repository.tags.get("latest") == second.digest)
        was, becomes = _short(first.digest), _short(second.digest)
        return f"Moved latest by compare-and-swap: it was {was}, now it is {becomes}."

    def _lose(self, first: Image, second: Image, third: Image) -> str:
        self._repository.manifests.put(third.manifest, tags=["3"])
        try:
            self._repository.tags.set("latest", third.digest, expect=first.digest)
        except TagConflictError as error:
            _hold(error.current == second.digest)
            _hold(self._repository.tags.get("latest") == second.digest)
            return (
                f"Another writer, who expected {_short(first.digest)} there too, lost and was told."
            )
        raise DemoError("two writers have won the same compare-and-swap")

    def _read_back(self, image: Image) -> str:
        manifest = self._repository.manifests.get("latest")
        _hold(manifest.body == image.manifest)
        parts = manifest.document.references
        contents = [self._repository.blobs.get(part.descriptor.digest) for part in parts]
        _hold(contents == [image.config, *(layer.blob for layer in image.layers)])
        size = sum(map(len, contents)) + len(manifest.body)
        history = [_short(change.digest) for change in self._repository.tags.history("latest")]
        return (
            f"Read latest back, {size:,} bytes, all with the digests that name them; "
            f"its history: {', '.join(history)}."
        )

    def _attach(self, image: Image) -> str:
        bill, manifest = build_bill(image)
        for blob in (bill, b"{}"):
            self._repository.blobs.put(blob)
        pushed = self._repository.manifests.put(manifest)
        found = list(self._repository.referrers.all(image.digest))
        _hold([each.digest for each in found] == [pushed.descriptor.digest])
        return (
            f"Attached a bill of materials; the referrers of {_short(image.digest)} are: "
            f"{_short(found[0].digest)} ({found[0].artifact_type})."
        )


def _hold(condition: object) -> None:
    if not condition:
        raise DemoError("a promise was not kept")


def _short(digest: str) -> str:
    return digest[: len("sha256:") + 12]
