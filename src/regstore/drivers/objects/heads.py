"""The head record of what is parked at a path: read, replaced by compare-and-swap, removed."""

from __future__ import annotations

from dataclasses import replace

from regstore.driver import ANY, IF_ABSENT, Condition, if_version
from regstore.drivers.objects.lagging import until_shown
from regstore.drivers.objects.naming import ParkedPlace, nonce
from regstore.drivers.objects.port import ObjectStore
from regstore.drivers.objects.records import Chunk, Head, Record, dump_record, load_record
from regstore.errors import (
    PathExistsError,
    PathNotFoundError,
    PreconditionFailedError,
    RegstoreError,
    TransientError,
)

_ATTEMPTS = 5
"""Records written for one: each more needs an earlier answer to have been lost, or to be wrong."""


async def read_head(store: ObjectStore, place: ParkedPlace) -> Head | None:
    """Return what is parked, if anything is."""
    try:
        content = await store.get(place.head)
    except PathNotFoundError:
        return None
    return Head(load_record(content.data, place.head, store.name), content.version)


class HeadClaim:
    """One writer's hold on the head record: whoever replaces it first goes on (A7).

    A store without conditions keeps no two writers apart; what they park is verified against its
    digest by whoever commits it.

    :param head: what the writer went on from; ``None`` where nothing was parked.
    """

    def __init__(
        self, store: ObjectStore, path: str, place: ParkedPlace, head: Head | None
    ) -> None:
        self.head = head
        self._store = store
        self._path = path
        self._place = place
        self._given: set[str] = set()
        self._may_be_named: set[str] = set()
        self._under_way: Record | None = None

    async def replace(self, chunks: tuple[Chunk, ...], note: bytes) -> None:
        """Park *chunks* and *note* instead of what was parked.

        May be repeated after any error: a record of an earlier attempt that arrived after all is
        known by its nonce.

        :raises PreconditionFailedError: another writer has gone on.
        """
        for _ in range(_ATTEMPTS):
            if await self._try(Record(nonce(self._store.runtime.random), chunks, note)):
                return
        detail = f"no answer of the store agreed with it {_ATTEMPTS} times: try again"
        raise TransientError(self._place.head, self._store.name, detail)

    async def remove(self) -> frozenset[str] | None:
        """Remove the head record if it is this writer's, or the one that it went on from.

        May be repeated after any error.

        :returns: ``None``: what it listed is now nobody's. Else the chunks that the record of
            another writer lists, this writer's own among them where that one went on from a record
            of which this writer never heard that it had arrived. Or those of a record that was
            under way when this writer was cancelled, and may arrive yet.
        """
        if await self._remove_known():
            return None
        found = await self._changed(is_certain=bool(self._may_be_named))
        unseen = self._may_be_named if self._is_unsure else set()
        if found is None:
            late = self._under_way
            return frozenset(unseen | _keys(late)) if late or unseen else None
        if found.record.nonce in self._given:
            self.head = found
            if await self._remove_known():
                return None
        return frozenset(unseen | _keys(found.record))

    async def is_held(self) -> bool:
        """Look whether what this writer went on from still is parked, as far as the store shows."""
        return self.head is not None and self._is_untouched(
            await read_head(self._store, self._place)
        )

    async def _try(self, record: Record) -> bool:
        """Write *record* once; return whether it is there."""
        self._given.add(record.nonce)
        try:
            await self._write(record)
        except (PathExistsError, PreconditionFailedError) as error:
            await self._recognize(error)
        except TransientError as error:
            if not error.outcome_unknown:
                raise
            self._may_be_named |= _keys(record)
            await self._recognize(error)
        return self._is_there(record)

    def _is_there(self, record: Record) -> bool:
        """Whether an own record says what *record* does: an earlier attempt may have come."""
        if self.head is None or self.head.record.nonce not in self._given:
            return False
        return replace(self.head.record, nonce=record.nonce) == record

    async def _remove_known(self) -> bool:
        """Delete the record that is known to be this writer's; return whether that settles it."""
        if self.head is None:
            return not self._given
        try:
            await self._store.delete(self._place.head, await self._unchanged(self.head))
        except PathNotFoundError:
            return True
        except PreconditionFailedError:
            return False
        return True

    async def _write(self, record: Record) -> None:
        before, self._under_way = self._under_way, record
        condition = IF_ABSENT if self.head is None else if_version(self.head.version)
        if not self._is_kept(condition):
            condition = ANY
        try:
            version = await self._store.put(self._place.head, dump_record(record), condition)
        except RegstoreError as error:
            if not (isinstance(error, TransientError) and error.outcome_unknown):
                self._under_way = before
            raise
        self._under_way = None
        self.head = Head(record, version)

    def _is_kept(self, condition: Condition) -> bool:
        capabilities = self._store.capabilities
        if condition.kind == "absent":
            return capabilities.conditional_create
        return capabilities.conditional_replace

    async def _recognize(self, error: Exception) -> None:
        """Go on from an own record that arrived although no answer said so.

        :raises PreconditionFailedError: what is there is another writer's.
        """
        is_unknown = isinstance(error, TransientError)
        found = await (read_head(self._store, self._place) if is_unknown else self._changed())
        if found is not None and found.record.nonce in self._given:
            self.head, self._under_way = found, None
            return
        if is_unknown and self._is_untouched(found):
            raise error
        if self._is_unsure and self._is_untouched(found):
            detail = "it has changed, and the store does not show how: try again"
            raise TransientError(self._place.head, self._store.name, detail) from error
        detail = "another writer or a deletion has taken over: resume it again"
        raise PreconditionFailedError(self._path, self._store.name, detail) from error

    async def _changed(self, *, is_certain: bool = False) -> Head | None:
        """Read the record, which has changed; on a store that lags until that shows.

        A miss shows nothing there: front ends differ, and one may be further behind.

        :param is_certain: what is shown must be the newest, too.
        """
        return await until_shown(
            self._store,
            lambda: read_head(self._store, self._place),
            lambda found: not (is_certain or found is None or self._is_untouched(found)),
        )

    @property
    def _is_unsure(self) -> bool:
        """Whether nobody knows when the store must show what is there."""
        return self._store.capabilities.staleness_bound is None

    def _is_untouched(self, found: Head | None) -> bool:
        return (found and found.record.nonce) == (self.head and self.head.record.nonce)

    async def _unchanged(self, head: Head) -> Condition:
        """Return the condition under which *head* may be deleted, as far as the store has one."""
        if self._store.capabilities.conditional_delete:
            return if_version(head.version)
        found = await read_head(self._store, self._place)
        if found is not None and found.record.nonce != head.record.nonce:
            raise PreconditionFailedError(self._place.head, self._store.name)
        return ANY


def _keys(record: Record | None) -> set[str]:
    return set() if record is None else {chunk.key for chunk in record.chunks}
