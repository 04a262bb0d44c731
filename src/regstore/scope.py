"""What the stores of one registry share: its driver, its rules, and who is told."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from regstore import layout
from regstore._run import Runtime
from regstore.digest import Digest
from regstore.driver import IF_ABSENT, StorageDriver
from regstore.errors import (
    ConfigurationError,
    PathExistsError,
    PathNotFoundError,
    ReadOnlyError,
    UnsupportedMethodError,
)
from regstore.events import Action, Event, Observer, SilentObserver
from regstore.policy import MutableTags, Policy

FORMAT: Final = 1
"""The newest format of ``docker/registry/regstore`` that this code reads and writes."""

_FORMAT_DIGITS: Final = 9


def require_conditions(policy: Policy, driver: StorageDriver) -> None:
    """Refuse immutable tags where *driver*, as far as is known by now, keeps no conditions.

    :raises ConfigurationError: so it is.
    """
    if isinstance(policy.tags, MutableTags) or driver.capabilities.conditional_create:
        return
    msg = (
        f"immutable tags need conditional writes, which {driver.name} does not have: "
        "use another store, or no tag policy"
    )
    raise ConfigurationError(msg)


@dataclass(slots=True)
class _OwnState:
    """What this process knows of the format file."""

    is_known: bool = False
    is_marked: bool = False


@dataclass(slots=True)
class KnownCollection:
    """What this process knows of collectors: only :mod:`regstore.tombstones` changes it.

    :ivar state: what was read last.
    :ivar read_at: when that was asked for; ``None`` where it never was.
    """

    state: layout.Collecting = field(default_factory=lambda: layout.Collecting(active=True))
    read_at: float | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """One repository (``name``), or the whole registry where it is ``""``."""

    driver: StorageDriver
    policy: Policy = field(default_factory=Policy)
    observer: Observer = field(default_factory=SilentObserver)
    read_only: bool = False
    name: str = ""
    collection: KnownCollection = field(default_factory=KnownCollection)
    _own: _OwnState = field(default_factory=_OwnState)

    @property
    def runtime(self) -> Runtime:
        """How the driver's coroutines are run."""
        return self.driver.runtime

    def repository(self, name: str) -> Scope:
        """Return the scope of the repository *name*."""
        return replace(self, name=name)

    async def writing(self) -> None:
        """Allow a change in the stock layout, or raise. Asks the store for nothing.

        :raises ReadOnlyError: the registry was opened read-only.
        """
        if self.read_only:
            msg = "the registry is open read-only: open it without read_only=True to change it"
            raise ReadOnlyError(msg)

    async def writing_own(self) -> None:
        """Allow a change of regstore's own state (``docker/registry/regstore``), or raise.

        Costs one read for all scopes of a registry; what another process upgrades afterwards is
        not seen.

        :raises ReadOnlyError: the registry was opened read-only.
        :raises ConfigurationError: that state was written by a newer regstore.
        """
        await self.writing()
        if not self._own.is_known:
            self._own.is_marked = await self._check_format()
            self._own.is_known = True

    async def mark_own(self) -> None:
        """Do what :meth:`writing_own` does, and say which format what is added has.

        Costs one write more, for the first addition to a store.

        :raises ReadOnlyError: the registry was opened read-only.
        :raises ConfigurationError: that state was written by a newer regstore.
        """
        await self.writing_own()
        if self._own.is_marked:
            return
        path, body = layout.Format().path, str(FORMAT).encode()
        try:
            await self.driver.put_content(path, body, IF_ABSENT)
        except UnsupportedMethodError:
            await self.driver.put_content(path, body)
        except PathExistsError:  # another process was first: what does it write?
            await self._check_format()
        self._own.is_marked = True

    async def _check_format(self) -> bool:
        """Return whether the store says which format it has, and raise where it is not known."""
        try:
            content = await self.driver.get_content(layout.Format().path)
        except PathNotFoundError:
            return False
        found = content.data.strip()
        if not found.isdigit() or len(found) > _FORMAT_DIGITS or int(found) > FORMAT:
            msg = (
                f"this store has format {found!r} at {layout.Format().path}, and this regstore "
                f"knows formats up to {FORMAT}: upgrade regstore before writing to it"
            )
            raise ConfigurationError(msg)
        return True

    def tell(
        self,
        action: Action,
        *,
        digest: Digest | None = None,
        tag: str | None = None,
        size: int | None = None,
        upload_id: str | None = None,
        source: str | None = None,
    ) -> None:
        """Tell the observer what has happened in this repository."""
        self.observer.notify(Event(action, self.name, digest, tag, size, upload_id, source))
