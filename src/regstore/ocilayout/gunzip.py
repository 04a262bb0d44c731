"""Random access to what is inside a gzip file, without unpacking it."""

from __future__ import annotations

import io
import zlib
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

from typing_extensions import Buffer, override

if TYPE_CHECKING:
    _Inflater = zlib._Decompress  # noqa: SLF001 - the class has no public name

SPACING: Final = 16 << 20
"""Bytes between two points from which reading can begin."""
MAX_POINTS: Final = 128
"""How many are kept; each holds about 48 KiB. Beyond, every second one is given up."""
_INPUT: Final = 64 << 10
_SKIP: Final = 256 << 10
_GZIP: Final = 16 + zlib.MAX_WBITS


@dataclass(frozen=True, slots=True)
class Point:
    """A saved state of reading: *position* in the output, *consumed* in the file."""

    position: int
    consumed: int
    inflater: _Inflater


class GzipReader(io.RawIOBase):
    """Reads the content of a gzip file, and seeks in it.

    The first pass leaves points behind from which another reader may begin, so that a seek costs
    the inflating of at most one spacing. Checksums are verified where an end is reached.

    :param file: the compressed file, seekable; owned from here on.
    :param points: those of a reader that has passed the whole before; none are added then.
    """

    def __init__(self, file: BinaryIO, points: Sequence[Point] | None = None) -> None:
        self._file = file
        self._is_first = points is None
        self.points: list[Point] = list(points or ())
        self._spacing = SPACING
        self._restart()

    @override
    def readable(self) -> bool:
        return True

    @override
    def seekable(self) -> bool:
        return True

    @override
    def tell(self) -> int:
        return self._position

    @override
    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to *offset* bytes from the start (or from here); not beyond the end.

        :raises ValueError: *whence* is the end, which is not known.
        """
        if whence == io.SEEK_END:
            msg = "the size of a gzip file's content is not known"
            raise ValueError(msg)
        target = offset + (self._position if whence == io.SEEK_CUR else 0)
        self._approach(target)
        while self._position < target and self._inflate(min(target - self._position, _SKIP)):
            pass
        return self._position

    @override
    def readinto(self, buffer: Buffer) -> int:
        view = memoryview(buffer).cast("B")
        data = self._inflate(len(view)) if view else b""
        view[: len(data)] = data
        return len(data)

    @override
    def close(self) -> None:
        self._file.close()
        super().close()

    def _restart(self) -> None:
        self._file.seek(0)
        self._inflater = zlib.decompressobj(_GZIP)
        self._pending = b""
        self._position = 0

    def _approach(self, target: int) -> None:
        """Go to the last point before *target*, unless that lies behind and *target* ahead."""
        index = bisect_right(self.points, target, key=lambda point: point.position) - 1
        nearest = self.points[index] if index >= 0 else None
        if nearest is not None and not nearest.position <= self._position <= target:
            self._file.seek(nearest.consumed)
            self._inflater = nearest.inflater.copy()
            self._pending = self._inflater.unconsumed_tail
            self._position = nearest.position
        elif target < self._position:
            self._restart()

    def _inflate(self, limit: int) -> bytes:
        """Return the next bytes, at most *limit*; ``b""`` at the end.

        :raises EOFError: the file ends before its content does.
        """
        while not self._inflater.eof or self._next_member():
            data = self._inflater.decompress(self._pending, limit)
            self._pending = self._inflater.unconsumed_tail
            if data:
                self._position += len(data)
                self._remember()
                return data
            if not self._pending and not self._inflater.eof:
                self._pending = self._file.read(_INPUT)
                if not self._pending:
                    msg = "the gzip file is cut short"
                    raise EOFError(msg)
        return b""

    def _next_member(self) -> bool:
        """Go on behind the end of a member: there may be another, or padding."""
        following = self._inflater.unused_data.lstrip(b"\0")
        while not following:
            more = self._file.read(_INPUT)
            if not more:
                return False
            following = more.lstrip(b"\0")
        self._inflater = zlib.decompressobj(_GZIP)
        self._pending = following
        return True

    def _remember(self) -> None:
        last = self.points[-1].position if self.points else 0
        if not self._is_first or self._position < last + self._spacing or self._inflater.eof:
            return
        point = Point(self._position, self._file.tell(), self._inflater.copy())
        self.points.append(point)
        if len(self.points) > MAX_POINTS:
            self.points = self.points[1::2]
            self._spacing *= 2
