"""Layouts in tar archives, plain or compressed with gzip, read where they lie.

A first pass notes where the files of the layout are; then they are read in any order. Members count
only if they are plain files with exactly a layout's names (``./`` before them is ignored), so that
links, devices, absolute names and ``..`` are nothing but other members, which are passed over.
Of two members of one name the later one counts, as when an archive is unpacked.
"""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Final, cast

from typing_extensions import override

from regstore._run import Runtime
from regstore.digest import Digest
from regstore.driver import CHUNK_SIZE
from regstore.drivers._oserrors import reading
from regstore.errors import IncompleteReadError, LayoutInvalidError
from regstore.ocilayout.gunzip import GzipReader, Point
from regstore.ocilayout.index import INDEX_FILE, LAYOUT_FILE, blob_at
from regstore.ocilayout.source import KIND, Source

_GZIP_MAGIC: Final = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class _Member:
    offset: int
    size: int


class TarSource(Source):
    """A layout in a tar archive. Make it with :meth:`open`.

    Each read opens the archive anew, so that several can go on at a time.
    """

    def __init__(self, path: Path, runtime: Runtime) -> None:
        super().__init__(str(path))
        self._path = path
        self._runtime = runtime
        self._members: dict[str, _Member] = {}
        self._points: Sequence[Point] = ()
        self._is_gzip = False

    @classmethod
    async def open(cls, path: Path, runtime: Runtime) -> TarSource:
        """Read the archive's table of contents; one pass over it.

        :raises LayoutInvalidError: it is no tar archive, or is damaged.
        """
        source = cls(path, runtime)
        await runtime.offload(source._scan)
        return source

    @override
    async def size(self, path: str) -> int | None:
        member = self._members.get(path)
        return None if member is None else member.size

    @override
    async def read(self, path: str) -> AsyncGenerator[bytes, None]:
        member = self._members[path]
        file = await self._runtime.offload(partial(self._at, member.offset))
        try:
            left = member.size
            while left:
                chunk = await self._runtime.offload(partial(self._chunk, file, left))
                if not chunk:
                    raise IncompleteReadError(path, KIND, f"{self.place} is cut short")
                left -= len(chunk)
                yield chunk
        finally:
            file.close()

    @override
    async def blobs(self) -> AsyncGenerator[tuple[Digest, int], None]:
        for path, member in self._members.items():
            digest = blob_at(path)
            if digest is not None:
                yield digest, member.size

    def _scan(self) -> None:
        with self._guarded(), self._path.open("rb") as file:
            self._is_gzip = file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
        with self._guarded():
            if not self._is_gzip:
                with self._path.open("rb") as file:
                    self._note(file)
                return
            with GzipReader(self._path.open("rb")) as unzipped:
                self._note(cast("IO[bytes]", unzipped))
                self._points = unzipped.points

    def _note(self, file: IO[bytes]) -> None:
        with tarfile.open(fileobj=file, mode="r:") as archive:
            while (member := archive.next()) is not None:
                archive.members.clear()  # type: ignore[attr-defined] # else it keeps them all
                name = member.name.removeprefix("./")
                if name in (LAYOUT_FILE, INDEX_FILE) or blob_at(name):
                    self._add(name, member)

    def _add(self, name: str, member: tarfile.TarInfo) -> None:
        if member.issparse():
            msg = f"{self.place}: member {name} is sparse: pack the archive without that"
            raise LayoutInvalidError(msg, path=self.place)
        if member.isreg():
            self._members[name] = _Member(member.offset_data, member.size)

    def _at(self, offset: int) -> IO[bytes]:
        with self._guarded():
            raw = self._path.open("rb")
            file = cast("IO[bytes]", GzipReader(raw, self._points)) if self._is_gzip else raw
            file.seek(offset)
        return file

    def _chunk(self, file: IO[bytes], left: int) -> bytes:
        with self._guarded():
            return file.read(min(CHUNK_SIZE, left))

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        with reading(self.place, KIND):
            try:
                yield
            except (tarfile.TarError, zlib.error, EOFError) as error:
                msg = f"{self.place} is no tar archive, plain or gzip, or is damaged: {error}"
                raise LayoutInvalidError(msg, path=self.place) from error
