"""Link files: what gives a repository its content (``.../link``, whose body is a digest)."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from regstore import layout
from regstore.digest import Digest
from regstore.driver import Content, StorageDriver
from regstore.errors import CorruptContentError, DigestInvalidError, PathNotFoundError

SETTLE_SECONDS: Final = 1.0
"""How long an unreadable link is read again: CNCF distribution up to 3.0 truncates links in place
before it writes them (``registry/storage/driver/filesystem/driver.go``)."""
_PAUSE_SECONDS: Final = 0.05


async def read_link(driver: StorageDriver, path: str, *, must_exist: bool = False) -> Digest:
    """Return the digest that the link at *path* holds.

    :raises PathNotFoundError: there is no link.
    :raises CorruptContentError: it holds no digest, and still does not a second later.
    """
    digest, _ = await read_versioned_link(driver, path, must_exist=must_exist)
    return digest


async def read_versioned_link(
    driver: StorageDriver, path: str, *, must_exist: bool = False
) -> tuple[Digest, Content]:
    """Return what :func:`read_link` does, and the content it was read from."""
    give_up = driver.runtime.monotonic() + SETTLE_SECONDS
    while True:
        content = await driver.get_content(path, must_exist=must_exist)
        try:
            return layout.parse_link(content.data), content
        except DigestInvalidError as error:
            if driver.runtime.monotonic() >= give_up:
                msg = (
                    f"the link at {path} holds {content.data[:100]!r}, which is no digest: "
                    "push the content again, or delete it"
                )
                raise CorruptContentError(msg, path=path, digest=None) from error
        await driver.runtime.sleep(_PAUSE_SECONDS)


async def write_link(driver: StorageDriver, path: str, digest: Digest) -> None:
    """Create or replace the link at *path*, whole."""
    await driver.put_content(path, layout.link_body(digest))


async def link_exists(driver: StorageDriver, path: str, *, must_exist: bool = False) -> bool:
    """Return whether there is a link at *path* that holds a digest.

    :param must_exist: something proves that there was one: a store that lags is waited for.

    :raises CorruptContentError: there is one, but it holds none.
    """
    try:
        await read_link(driver, path, must_exist=must_exist)
    except PathNotFoundError:
        return False
    return True


async def names_in(
    driver: StorageDriver, path: str, start_after: str | None = None, limit: int | None = None
) -> list[str]:
    """Return the names in the directory *path* in byte order; none where there is no directory."""
    try:
        async with aclosing(driver.list(path, start_after, limit)) as names:
            return [name async for name in names]
    except PathNotFoundError:
        return []


async def linked_digests(
    driver: StorageDriver, root: str, kind: type[layout.LayerLink | layout.RevisionLink]
) -> AsyncGenerator[Digest, None]:
    """Yield the digest of every link of *kind* below *root*, in unspecified order."""
    try:
        async with aclosing(driver.walk(root)) as files:
            async for info in files:
                spec = layout.parse(info.path)
                if isinstance(spec, kind):
                    yield spec.digest
    except PathNotFoundError:
        return
