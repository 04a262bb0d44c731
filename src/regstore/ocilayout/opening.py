"""Which kind of layout a path means."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Final

from regstore._run import Runtime
from regstore.drivers._oserrors import reading
from regstore.errors import ConfigurationError, PathNotFoundError
from regstore.ocilayout.directory import DirectorySink, DirectorySource
from regstore.ocilayout.sink import Sink
from regstore.ocilayout.source import KIND, Source
from regstore.ocilayout.tar_sink import TarSink
from regstore.ocilayout.tar_source import TarSource

_COMPRESSED: Final = (".tar.gz", ".tgz", ".tar.zst", ".tar.xz", ".tar.bz2")


async def open_source(path: Path, runtime: Runtime) -> Source:
    """Open the layout at *path* for reading: a directory, or else an archive.

    :raises PathNotFoundError: there is nothing, or something else.
    :raises LayoutInvalidError: it is a file, but no tar archive.
    """
    if await runtime.offload(lambda: _is_directory(path)):
        return DirectorySource.open(path, runtime)
    return await TarSource.open(path, runtime)


async def open_sink(path: Path, runtime: Runtime) -> Sink:
    """Begin to write a layout: an archive where the name ends with ``.tar``, else a directory.

    :raises ConfigurationError: what is there must not be overwritten, or the name asks for
        compression.
    """
    if path.name.endswith(_COMPRESSED):
        msg = f"{path}: layers are compressed already; name it .tar, or without that a directory"
        raise ConfigurationError(msg)
    if path.suffix == ".tar":
        return await TarSink.create(path, runtime)
    return await DirectorySink.create(path, runtime)


def _is_directory(path: Path) -> bool:
    with reading(str(path), KIND):
        mode = path.stat().st_mode
    if not stat.S_ISDIR(mode) and not stat.S_ISREG(mode):
        raise PathNotFoundError(str(path), KIND, "neither a file nor a directory")
    return stat.S_ISDIR(mode)
