"""Where a layout is read from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from regstore.digest import Digest
from regstore.errors import LayoutInvalidError
from regstore.ocilayout.index import (
    INDEX_FILE,
    LAYOUT_FILE,
    MAX_INDEX_SIZE,
    Entry,
    check_marker,
    parse_index,
)

KIND: Final = "oci-layout"
"""How errors of files of a layout name their driver."""


class Source(ABC):
    """The files of one layout, by their names in it.

    :param place: how errors call it.
    """

    def __init__(self, place: str) -> None:
        self.place = place

    @abstractmethod
    async def size(self, path: str) -> int | None:
        """Return the size of the file *path* in bytes, ``None`` where there is none."""

    @abstractmethod
    def read(self, path: str) -> AsyncGenerator[bytes, None]:
        """Yield the content of the file *path*, which exists.

        :raises IncompleteReadError: it ends early.
        """

    @abstractmethod
    def blobs(self) -> AsyncGenerator[tuple[Digest, int], None]:
        """Yield digest and size of every file that is named as a blob, in unspecified order."""

    async def entries(self) -> list[Entry]:
        """Return what the layout's index lists.

        :raises LayoutInvalidError: it is no layout.
        """
        check_marker(await self._small(LAYOUT_FILE), self.place)
        return parse_index(await self._small(INDEX_FILE), self.place)

    async def whole(self, path: str) -> bytes:
        """Return the content of a small file."""
        async with aclosing(self.read(path)) as chunks:
            return b"".join([chunk async for chunk in chunks])

    async def _small(self, path: str) -> bytes:
        size = await self.size(path)
        if size is None:
            msg = (
                f"{self.place} is no OCI image layout: it has no {path} (archives that Docker "
                "before 25 saved have none; skopeo copy docker-archive:... oci-archive:... adds it)"
            )
            raise LayoutInvalidError(msg, path=self.place)
        if size > MAX_INDEX_SIZE:
            msg = f"{self.place}: {path} has {size} bytes, more than {MAX_INDEX_SIZE} are not read"
            raise LayoutInvalidError(msg, path=self.place)
        return await self.whole(path)
