"""What is known of the filesystems that fsspec brings, class by class.

The facts about fsspec 2026.9, s3fs 2026.9, gcsfs 2026.10 and adlfs 2026.8 were read in their source
and measured where a server could be had; of what is not in the table nothing is assumed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from urllib.parse import quote

from fsspec import AbstractFileSystem
from fsspec.implementations.dirfs import DirFileSystem

from regstore.driver import Capabilities
from regstore.errors import ConfigurationError

_GENERIC = Capabilities(resume_scope="host", ghost_directories=True)
_STRONG = replace(
    _GENERIC,
    stable_reads=True,
    fenced_writers=True,
    read_after_write=True,
    read_after_overwrite=True,
    list_after_write=True,
    staleness_bound=0.0,
)


@dataclass(frozen=True, slots=True)
class Traits:
    """How a class of filesystem behaves.

    :ivar renames: ``mv`` is one rename, so that content can be put beside its place and moved in.
    :ivar replaces: that rename replaces what is there.
    :ivar copies: ``cp_file`` has copied when it returns, and what it writes appears at once.
    :ivar pipes_only: files being written are visible and break concurrent listings: content is
        written with ``pipe_file`` alone, in one piece.
    :ivar forbidden: bytes that ``pipe_file`` corrupts.
    :ivar directories: directories must be made, and stand in the way of objects of their name.
    :ivar prunes: ``rmdir`` refuses a directory that is not empty. (Arrow's deletes its content.)
    :ivar flat: ``find`` pages through keys instead of asking for every directory.
    :ivar threads: one instance may be used by many threads.
    :ivar keeps: an instance survives a fork, and holds no listings.
    :ivar versions: what ``info`` says changes with every change of content, without a tag too.
    :ivar connection: an instance is one connection, which does not come back when it is lost.
    :ivar listings: the constructor takes ``use_listings_cache``.
    :ivar presigns: ``sign`` takes the parameters of boto's presigned URLs.
    :ivar read_only: nothing can be written.
    """

    renames: bool = False
    replaces: bool = False
    copies: bool = False
    pipes_only: bool = False
    forbidden: bytes | None = None
    directories: bool = True
    prunes: bool = False
    flat: bool = False
    threads: bool = False
    keeps: bool = False
    versions: bool = False
    connection: bool = False
    listings: bool = True
    presigns: bool = False
    read_only: bool = False
    capabilities: Capabilities = field(default=_GENERIC)

    def sign_options(self, method: str, filename: str | None) -> dict[str, str] | None:
        """Return what ``sign`` must be told, or ``None`` where it cannot be told that."""
        options = {} if method == "GET" else {"client_method": f"{method.lower()}_object"}
        if filename is not None:
            disposition = f"attachment; filename*=UTF-8''{quote(filename, safe='')}"
            options["ResponseContentDisposition"] = disposition
        return options if self.presigns or not options else None


_OBJECTS = Traits(directories=False, flat=True, threads=True)

_KNOWN: dict[str, Traits] = {
    "fsspec.implementations.local.LocalFileSystem": Traits(
        renames=True,
        replaces=True,
        prunes=True,
        threads=True,
        keeps=True,
        versions=True,
        # Not atomic_put: pipe_file syncs nothing. Not atomic_move: across devices mv is a copy.
        capabilities=_STRONG,
    ),
    "fsspec.implementations.memory.MemoryFileSystem": Traits(
        pipes_only=True,
        prunes=True,
        flat=True,
        threads=True,
        keeps=True,
        versions=True,
        capabilities=replace(
            _STRONG,
            atomic_put=True,
            resume_scope="process",
            modified_is_commit_time=True,
            clock_resolution=1e-6,
        ),
    ),
    "s3fs.core.S3FileSystem": replace(
        _OBJECTS,
        copies=True,
        presigns=True,
        capabilities=replace(_STRONG, atomic_put=True, server_side_copy=True, redirect=True),
    ),
    "gcsfs.core.GCSFileSystem": replace(
        _OBJECTS,
        copies=True,
        # The boundary of its multipart uploads is fixed; a body that holds it is cut off there.
        forbidden=b"--==0==",
        capabilities=replace(_STRONG, atomic_put=True, server_side_copy=True, unique_versions=True),
    ),
    # Its cp_file returns while the copy is still pending.
    "adlfs.spec.AzureBlobFileSystem": replace(
        _OBJECTS, capabilities=replace(_STRONG, atomic_put=True)
    ),
    # Its constructor hands every argument to paramiko; its mv is posix-rename@openssh.com. SFTP 3
    # has times in seconds and no inodes, so not stable_reads: large objects that were written in
    # the same second have the same version.
    "fsspec.implementations.sftp.SFTPFileSystem": Traits(
        renames=True,
        replaces=True,
        prunes=True,
        connection=True,
        listings=False,
        capabilities=replace(_STRONG, stable_reads=False),
    ),
    "fsspec.archive.AbstractArchiveFileSystem": Traits(
        read_only=True, versions=True, capabilities=Capabilities()
    ),
}
_CACHES = "fsspec.implementations.cached.CachingFileSystem"


def innermost(fs: AbstractFileSystem) -> AbstractFileSystem:
    """Return the filesystem at the end of a chain of ``dir::``."""
    while isinstance(fs, DirFileSystem):
        fs = fs.fs
    return fs


def traits_of(kind: type[AbstractFileSystem]) -> Traits:
    """Return what is known of filesystems of class *kind*.

    :raises ConfigurationError: it caches content, and so serves links that have changed since.
    """
    names = [f"{each.__module__}.{each.__qualname__}" for each in kind.__mro__]
    if _CACHES in names:
        raise ConfigurationError(
            f"{kind.__name__} serves cached content, so tags that have moved would not be seen: "
            "open the filesystem below it"
        )
    known = next((_KNOWN[name] for name in names if name in _KNOWN), None)
    return known or Traits(renames=kind.mv is not AbstractFileSystem.mv)
