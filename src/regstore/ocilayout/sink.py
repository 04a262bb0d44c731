"""Where a layout is written to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Sequence
from types import TracebackType
from typing import Self

from regstore.oci import Descriptor, Json


class Sink(ABC):
    """A layout that is being written. Leaving its context without :meth:`finish` gives it up.

    :ivar parallel: how many files may be written at a time.
    """

    parallel: int

    @abstractmethod
    async def holds(self, path: str, descriptor: Descriptor) -> bool:
        """Return whether the file *path* is there, with exactly the content of *descriptor*."""

    @abstractmethod
    async def write(self, path: str, size: int, chunks: AsyncGenerator[bytes, None]) -> None:
        """Write a file of *size* bytes; when *chunks* raises, there is none."""

    @abstractmethod
    async def finish(self, entries: Sequence[Json]) -> None:
        """Name what was written, by *entries* of the index."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    @abstractmethod
    async def aclose(self) -> None:
        """Give up what is not finished."""
