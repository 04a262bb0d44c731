"""What happened in a registry, told to whoever wants to know."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from regstore.digest import Digest


class Action(Enum):
    """What was done. Reads are ``pulled`` when content is opened, not when it is described."""

    UPLOAD_STARTED = "upload_started"
    UPLOAD_CANCELLED = "upload_cancelled"
    UPLOAD_PURGED = "upload_purged"
    BLOB_PUSHED = "blob_pushed"
    BLOB_MOUNTED = "blob_mounted"
    BLOB_PULLED = "blob_pulled"
    BLOB_DELETED = "blob_deleted"
    MANIFEST_PUSHED = "manifest_pushed"
    MANIFEST_PULLED = "manifest_pulled"
    MANIFEST_DELETED = "manifest_deleted"
    TAG_SET = "tag_set"
    TAG_DELETED = "tag_deleted"
    REPOSITORY_DELETED = "repository_deleted"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened, after it took effect.

    :ivar name: the repository.
    :ivar size: bytes, where the action knows them.
    :ivar source: the repository that a blob was mounted from.
    """

    action: Action
    name: str
    digest: Digest | None = None
    tag: str | None = None
    size: int | None = None
    upload_id: str | None = None
    source: str | None = None


class Observer(Protocol):
    """Is told of every event, in the thread or loop of the call that caused it.

    Over a store that needs an event loop, plain code's calls run in regstore's I/O thread, and so
    does this: there it cannot call a ``Registry``. It must return quickly. What it raises reaches
    the caller although the change is done. Delivery is at most once: a crash between the change and
    the call loses the event.
    """

    def notify(self, event: Event) -> None:
        """Take note of *event*."""


class SilentObserver:
    """Takes no note."""

    def notify(self, event: Event) -> None:
        """Do nothing."""
