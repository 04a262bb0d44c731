"""Content at its digest: stored once for all repositories, given to each by a layer link."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from regstore import layout
from regstore._protections import protections
from regstore.digest import Digest
from regstore.driver import Content, FileInfo, FileWriter
from regstore.errors import BlobUnknownError, CorruptContentError, PathNotFoundError
from regstore.links import read_link, read_versioned_link
from regstore.oci import OCTET_STREAM, Descriptor
from regstore.scope import Scope
from regstore.tombstones import Claim, Link, in_quarantine, is_collecting, is_late, is_stale


def blob_unknown(
    scope: Scope, digest: Digest, why: str = "it was never pushed, or deleted"
) -> BlobUnknownError:
    """Return the error for a blob that this repository lacks."""
    msg = f"repository {scope.name!r} has no blob {digest}: {why}"
    return BlobUnknownError(msg, name=scope.name, digest=str(digest))


def data_lost(scope: Scope, digest: Digest) -> BlobUnknownError:
    """Return the error for a blob whose link leads nowhere, not to a copy either."""
    return blob_unknown(scope, digest, "its link is there but its data is lost; push it again")


async def resolve(scope: Scope, digest: Digest) -> Digest:
    """Return the digest under which the content of *digest* is stored.

    It is another one where the layer link is an alias, as CNCF distribution writes them for every
    algorithm but sha256 (``registry/storage/blobwriter.go``, ``linkBlob``).

    :raises BlobUnknownError: this repository has no link to it.
    """
    try:
        return await read_link(scope.driver, layout.LayerLink(scope.name, digest).path)
    except PathNotFoundError as error:
        raise blob_unknown(scope, digest) from error


async def stat_data(scope: Scope, digest: Digest) -> FileInfo:
    """Describe the stored content of *digest*, whose link exists.

    :raises BlobUnknownError: the content itself is missing. A client that is told so pushes it
        again, which repairs it.
    """
    try:
        return await scope.driver.stat(layout.BlobData(digest).path, must_exist=True)
    except PathNotFoundError as error:
        info = await in_quarantine(scope, digest, scope.driver.stat)
        if info is None:
            raise data_lost(scope, digest) from error
        return info


async def describe(scope: Scope, digest: Digest) -> Descriptor:
    """Return the descriptor of a blob of this repository.

    Costs two requests in two round trips. One that is not there costs a single one: clients ask
    that of every blob before they push it.

    :raises BlobUnknownError: this repository does not have it.
    """
    info = await stat_data(scope, await resolve(scope, digest))
    return Descriptor(OCTET_STREAM, digest, info.size)


async def renew(scope: Scope, digest: Digest) -> Descriptor:
    """Describe a blob of this repository as :func:`describe` does, and promise it anew.

    Who pushes what is there already relies on it from now on, as whoever has pushed it first did
    then: a link that is too old to keep collectors away is written again.

    :raises BlobUnknownError: this repository does not have it, or it was collected meanwhile.
    """
    begun, link = scope.runtime.monotonic(), layout.LayerLink(scope.name, digest)
    try:
        target, read = await read_versioned_link(scope.driver, link.path)
        info = await stat_data(scope, target)
        linked, is_at_work = Linked(link, target, has_data=True), await is_collecting(scope)
        if is_stale(scope, read):
            await linked.claim(scope, begun).hold()
        elif is_at_work or is_late(scope, begun):
            await linked.keep(scope, begun)
    except PathNotFoundError as error:
        raise blob_unknown(scope, digest) from error
    return Descriptor(OCTET_STREAM, digest, info.size)


@dataclass(frozen=True, slots=True)
class Linked:
    """What a link of a repository leads to.

    :ivar digest: under which the content lies.
    :ivar has_data: whether the content is there.
    """

    link: Link
    digest: Digest
    has_data: bool

    def claim(self, scope: Scope, begun: float) -> Claim:
        """Return a claim to it, by the same link."""
        return Claim(scope, self.digest, self.link, begun)

    async def keep(self, scope: Scope, begun: float) -> None:
        """Keep the content from collectors that have condemned it.

        The link does not, however young: to look for them is for whoever has written it, and may
        not have been done yet. Nor must an old one be written again: who condemns the content after
        this looks at everything once more before it is deleted, and sees what the caller writes in
        time. Who is late finds links gone, too.

        :param begun: monotonic seconds of before it was looked at.
        :raises PathNotFoundError: it was collected meanwhile, and nobody has it.
        """
        claim = self.claim(scope, begun)
        if isinstance(self.link, layout.LayerLink) and is_late(scope, begun):
            await claim.hold()
        elif protections().child_check:
            await claim.rescue()


async def find_linked(scope: Scope, *links: Link) -> Linked:
    """Find the first of *links* that is there, and the content that it gives.

    Links and data are asked for together, on the guess that no link is an alias: two requests in
    one round trip; an alias costs more, and so does each link that is not there. With
    ``Policy.fresh_links`` the link is read first, and alone where it vouches for the data.

    :param links: of one digest in one repository.
    :raises PathNotFoundError: none of them is there.
    :raises CorruptContentError: a link holds no digest.
    """
    digest, found = links[0].digest, None
    if scope.policy.fresh_links is None:
        linked, found = await scope.runtime.both(_first(scope, links), _find(scope, digest))
    else:
        linked = await _first(scope, links)
    link, target, read = linked
    lies_at = target if isinstance(link, layout.LayerLink) else digest
    has_data = (
        scope.policy.vouches(read.modified, scope.runtime.now())
        or (found is not None and lies_at == digest)
        or await _find(scope, lies_at, must_exist=True) is not None
    )
    return Linked(link, lies_at, has_data)


async def _first(scope: Scope, links: tuple[Link, ...]) -> tuple[Link, Digest, Content]:
    """Read *links* in turn, and return the first that is there, and what it holds."""
    *others, last = links
    for link in others:
        with suppress(PathNotFoundError):
            return link, *await read_versioned_link(scope.driver, link.path)
    return last, *await read_versioned_link(scope.driver, last.path)


async def store(scope: Scope, digest: Digest, data: bytes) -> None:
    """Put *data*, whose digest it is, in its place; whatever lies there is repaired by it.

    Where a put is not atomic, right-sized content is left alone: readers could see it torn.
    """
    path = layout.BlobData(digest).path
    if scope.driver.capabilities.atomic_put or not await _holds(scope, path, len(data)):
        await scope.driver.put_content(path, data)


async def publish(scope: Scope, writer: FileWriter, digest: Digest) -> str | None:
    """Commit *writer*, whose content has been verified, to the place of its digest.

    What was parked may stay, so that the commit can be repeated until the repository has its link.

    :returns: the version, where the driver tells it and so has seen that all of it arrived.
    """
    path = layout.BlobData(digest).path
    if not scope.driver.capabilities.atomic_put and await _holds(scope, path, writer.size):
        await writer.cancel()
        return None
    return await writer.commit(to=path, keep_parked=True)


async def adopt(scope: Scope, source: str, digest: Digest) -> None:
    """Move the object at *source*, whose content has been verified, to the place of its digest."""
    await scope.driver.move(source, layout.BlobData(digest).path)


async def link_layer(
    scope: Scope,
    digest: Digest,
    begun: float,
    target: Digest | None = None,
    restore: Callable[[], Awaitable[object]] | None = None,
) -> None:
    """Give this repository the blob, and keep its content from collectors.

    :param begun: monotonic seconds of before the content was looked at, or put down.
    :param target: under which digest the content lies, where that is another one.
    :param restore: puts the content there again.
    :raises BlobUnknownError: it was collected meanwhile, and nobody has it.
    """
    link = layout.LayerLink(scope.name, digest)
    try:
        await Claim(scope, target or digest, link, begun, restore).hold()
    except PathNotFoundError as error:
        raise blob_unknown(scope, digest, "it was collected meanwhile; push it again") from error


async def _find(scope: Scope, digest: Digest, *, must_exist: bool = False) -> FileInfo | None:
    try:
        return await scope.driver.stat(layout.BlobData(digest).path, must_exist=must_exist)
    except PathNotFoundError:
        return None


async def _holds(scope: Scope, path: str, size: int) -> bool:
    try:
        return (await scope.driver.stat(path)).size == size
    except PathNotFoundError:
        return False


async def check_size(scope: Scope, digest: Digest, size: int) -> None:
    """Look whether what was published is whole.

    :raises CorruptContentError: it is not.
    """
    info = await scope.driver.stat(layout.BlobData(digest).path, must_exist=True)
    require_size(digest, info.size, size)


def require_size(digest: Digest, actual: int, size: int) -> None:
    """Refuse what was published and is not whole.

    :raises CorruptContentError: it is not.
    """
    if actual != size:
        path = layout.BlobData(digest).path
        msg = f"{path} has {actual} bytes after {size} were committed there: push it again"
        raise CorruptContentError(msg, path=path, digest=str(digest))
