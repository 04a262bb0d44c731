"""Check content against the digest in its path while it is read."""

from __future__ import annotations

from typing_extensions import override

from regstore.consistency.wrapper import WrapperDriver, WrapperReader
from regstore.digest import Digest, new_hash
from regstore.driver import Content, FileReader, StorageDriver
from regstore.errors import CorruptContentError, DigestInvalidError
from regstore.layout import BlobData, Quarantined, TrashRoot, parse

_TRASH = TrashRoot().path + "/"
_OFFLOAD_FROM = 64 * 1024
"""Bytes from which hashing takes longer than handing it to another thread."""


class Verified(WrapperDriver):
    """Lets content through only if it is what the digest in its path says.

    ``get_content`` checks before it returns. A ``reader`` of a whole object hashes as it streams
    and holds the last chunk back until digest and size are right, so that wrong content is never
    given in full. Adds no request and one chunk of memory.

    Not checked: files that are not content (links, uploads: a :class:`~regstore.layout.BlobData`
    alone carries its digest), ranges that leave out a part of the object, and what leaves by
    another door (``local_file``, ``redirect_url``, ``copy``).

    Reading raises, beyond what the driver raises:

    :raises CorruptContentError: the content does not have the digest or size that it should.
    :raises UnsupportedAlgorithmError: the digest cannot be computed here; see
        :func:`regstore.digest.new_hash`.
    """

    @override
    async def get_content(self, path: str, *, must_exist: bool = False) -> Content:
        content = await self._inner.get_content(path, must_exist=must_exist)
        digest = digest_in(path)
        if digest is not None:
            check = _Check(self._inner, path, digest)
            await check.update(content.data)
            check.finish(len(content.data), len(content.data))
        return content

    @override
    async def reader(
        self, path: str, offset: int = 0, length: int | None = None, *, must_exist: bool = False
    ) -> FileReader:
        digest = digest_in(path)
        check = None if digest is None or offset else _Check(self._inner, path, digest)
        reader = await self._inner.reader(path, offset, length, must_exist=must_exist)
        if check is None or (length is not None and length < reader.info.size):
            return reader
        return VerifiedReader(reader, check)


class VerifiedReader(WrapperReader):
    """Reads one chunk ahead, so that the last one is given only after the check."""

    def __init__(self, inner: FileReader, check: _Check) -> None:
        super().__init__(inner)
        self._check = check
        self._held: bytes | None = None
        self._given = 0

    @override
    async def read(self) -> bytes:
        if self._held is None:
            self._held = await self._ahead()
        if not self._held:
            return b""
        following = await self._ahead()
        chunk, self._held = self._held, following
        self._given += len(chunk)
        return chunk

    async def _ahead(self) -> bytes:
        chunk = await self._inner.read()
        if chunk:
            await self._check.update(chunk)
        else:
            # Counted here and not where it is hashed: a chunk that was hashed in a read that was
            # then cancelled has not been given to anybody.
            self._check.finish(self._given + len(self._held or b""), self.info.size)
        return chunk


class _Check:
    def __init__(self, driver: StorageDriver, path: str, digest: Digest) -> None:
        self._runtime = driver.runtime
        self._path = path
        self._digest = digest
        self._hash = new_hash(digest.algorithm)

    async def update(self, data: bytes) -> None:
        if len(data) < _OFFLOAD_FROM:
            self._hash.update(data)
        else:
            await self._runtime.offload(lambda: self._hash.update(data))

    def finish(self, size: int, announced: int) -> None:
        if size != announced:
            raise self._corrupt(f"{size} bytes came, {announced} were announced")
        actual = self._hash.hexdigest()
        if actual != self._digest.hex:
            raise self._corrupt(f"its digest is {self._digest.algorithm}:{actual}")

    def _corrupt(self, seen: str) -> CorruptContentError:
        message = f"{self._path}: {seen}; run fsck to find all such content and what refers to it"
        return CorruptContentError(message, path=self._path, digest=str(self._digest))


def digest_in(path: str) -> Digest | None:
    """Return the digest that the content at *path* must have, if its path tells one."""
    if not path.endswith("/data") or path.count("/") < BlobData.template.count("/"):
        return None
    if path.startswith(_TRASH):
        spec = parse(path)
        return spec.digest if isinstance(spec, Quarantined) else None
    # Guess and compare: `layout.parse` says the same, at more than the cost of hashing a manifest.
    *_, algorithm, _, encoded, _ = path.split("/")
    try:
        digest = Digest(f"{algorithm}:{encoded}")
    except DigestInvalidError:
        return None
    return digest if BlobData(digest).path == path else None
