"""What the stores of one registry share: its driver, its rules, and who is told."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from regstore import layout
from regstore._run import Runtime
from regstore.digest import Digest
from regstore.driver import StorageDriver
from regstore.errors import ConfigurationError, PathNotFoundError, ReadOnlyError
from regstore.events import Action, Event, Observer, SilentObserver
from regstore.policy import Policy

FORMAT: Final = 1
"""The newest format of ``docker/registry/regstore`` that this code reads and writes."""


_FORMAT_DIGITS: Final = 9


@dataclass(slots=True)
class _FormatCheck:
    done: bool = False


@dataclass(frozen=True, slots=True)
class Scope:
    """One repository (``name``), or the whole registry where it is ``""``."""

    driver: StorageDriver
    policy: Policy = field(default_factory=Policy)
    observer: Observer = field(default_factory=SilentObserver)
    read_only: bool = False
    name: str = ""
    _format: _FormatCheck = field(default_factory=_FormatCheck)

    @property
    def runtime(self) -> Runtime:
        """How the driver's coroutines are run."""
        return self.driver.runtime

    def repository(self, name: str) -> Scope:
        """Return the scope of the repository *name*."""
        return replace(self, name=name)

    async def writing(self) -> None:
        """Allow a change, or raise.

        :raises ReadOnlyError: the registry was opened read-only.
        :raises ConfigurationError: the store was written by a newer regstore. Asked once.
        """
        if self.read_only:
            msg = "the registry is open read-only: open it without read_only=True to change it"
            raise ReadOnlyError(msg)
        if not self._format.done:
            await self._check_format()
            self._format.done = True

    async def _check_format(self) -> None:
        try:
            content = await self.driver.get_content(layout.Format().path)
        except PathNotFoundError:
            return
        found = content.data.strip()
        if not found.isdigit() or len(found) > _FORMAT_DIGITS or int(found) > FORMAT:
            msg = (
                f"this store has format {found!r} at {layout.Format().path}, and this regstore "
                f"knows formats up to {FORMAT}: upgrade regstore before writing to it"
            )
            raise ConfigurationError(msg)

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
