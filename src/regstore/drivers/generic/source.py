"""Where a driver gets its filesystem: made when first used, and again in a forked child (X5)."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from fsspec import AbstractFileSystem
from fsspec.implementations.dirfs import DirFileSystem

from regstore.drivers.generic.connection import end, is_alive, is_connection, prepare
from regstore.drivers.generic.traits import Traits, innermost, traits_of
from regstore.drivers.generic.turns import Turns
from regstore.errors import ConfigurationError, DriverError, TransientError

UNCACHED = {"skip_instance_cache": True, "use_listings_cache": False}


@dataclass(frozen=True, slots=True)
class Here:
    """The filesystem of one process, and what keeps its threads apart."""

    pid: int
    fs: AbstractFileSystem
    lock: AbstractContextManager[object]


class Source:
    """Makes filesystems that keep no listings.

    :param make: makes one; called once for each process.
    :param kind: the class of what really stores, at the end of any chain.
    :param name: a short name without credentials.
    """

    def __init__(
        self, make: Callable[[], AbstractFileSystem], kind: type[AbstractFileSystem], name: str
    ) -> None:
        self.traits: Traits = traits_of(kind)
        self.name = name
        self._make = make
        self._here: Here | None = None
        self._inherited: list[Here] = []

    @classmethod
    def of(cls, fs: AbstractFileSystem) -> Source:
        """Take *fs* as the model: another instance with its arguments is used, not *fs* itself.

        Filesystems of this process's memory and disks are used as they are.
        """
        protocol = fs.protocol if isinstance(fs.protocol, str) else fs.protocol[0]
        return cls(lambda: _fresh(fs), type(innermost(fs)), protocol)

    def here(self) -> Here:
        """Return this process's filesystem.

        :raises ConfigurationError: it cannot be made of the arguments given.
        """
        here = self._here
        if here is not None and here.pid != os.getpid():
            # Were it collected here, it would say goodbye on the parent's connection.
            self._inherited.append(here)
            here = None
        if here is None:
            lock = nullcontext() if self.traits.threads else Turns()
            here = self._here = Here(os.getpid(), self._made(), lock)
        return here

    def lost(self, here: Here, failure: DriverError) -> bool:
        """Whether *failure* means the loss of a connection; then the next call makes another."""
        if not is_connection(here.fs):
            return False
        if not isinstance(failure, TransientError) and is_alive(here.fs):
            return False
        if self._here is here:
            self._here = None
        end(here.fs)
        return True

    def close(self) -> None:
        """Let go of the filesystem; its sessions end with it."""
        here, self._here = self._here, None
        if here is not None and here.pid == os.getpid():
            end(here.fs)
        elif here is not None:
            self._inherited.append(here)

    def _made(self) -> AbstractFileSystem:
        try:
            fs = self._make()
            prepare(fs)
        except (DriverError, ConfigurationError):
            raise
        except (FileNotFoundError, ImportError, TypeError, ValueError) as error:
            raise ConfigurationError(
                f"{self.name}: the filesystem cannot be made ({type(error).__name__}): check the "
                "URL and the storage options"
            ) from error
        return fs


def _fresh(fs: AbstractFileSystem) -> AbstractFileSystem:
    if isinstance(fs, DirFileSystem):
        return DirFileSystem(path=fs.path, fs=_fresh(fs.fs), skip_instance_cache=True)
    traits = traits_of(type(fs))
    if traits.keeps:
        return fs
    return type(fs)(*fs.storage_args, **{**fs.storage_options, **uncached(type(fs))})


def uncached(kind: type[AbstractFileSystem]) -> dict[str, bool]:
    """Return the arguments by which an instance of *kind* is new and keeps no listings."""
    if traits_of(kind).listings:
        return UNCACHED
    return {"skip_instance_cache": True}
