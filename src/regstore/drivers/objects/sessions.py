"""Assemblies, known or recorded, so that whoever deletes what they were begun for ends them."""

from __future__ import annotations

from regstore.drivers.objects.naming import ParkedPlace
from regstore.drivers.objects.port import ObjectStore, Part, Session
from regstore.drivers.objects.records import dump_session, load_session
from regstore.errors import PathNotFoundError, TransientError


class KnownSession:
    """An assembly of *key*, begun for what is parked at *place*, that is never left to nobody.

    Where sessions that nobody ends stay (``Limits.keeps_sessions``) a record says first for which
    key one may have been begun, and then which one it is. A crash between the two, and an answer
    that was lost, leave a session that its key alone tells: to end it is to end all for that key,
    and whoever assembles the same content at the same time must send it again.

    :param is_recorded: ``False`` where whoever deletes what is parked finds *key* by itself.
    :ivar session: once it was begun.
    :ivar record: the key of the record, while there may be one.
    """

    def __init__(
        self, store: ObjectStore, key: str, place: ParkedPlace, *, is_recorded: bool = True
    ) -> None:
        self.key = key
        self.session: Session | None = None
        self.record: str | None = None
        self._store = store
        self._place = place
        self._is_recorded = is_recorded and store.limits.keeps_sessions
        self._is_announced = False
        self._has_unheard = False

    @property
    def litter(self) -> set[str]:
        """The record, which is of no use once the assembly has been completed."""
        return set() if self.record is None else {self.record}

    async def begin(self) -> Session:
        """Begin it. May be repeated after any error.

        Who is cancelled meanwhile is heard when it has been begun, so that it is known.
        """
        if self._is_recorded and not self._is_announced:
            self.record = self.record or self._place.session(self._store.runtime.random)
            await self._write(self.record, Session(self.key, "", self._place.directory))
            self._is_announced = True
        session = self.session
        if session is None:
            session = await self._store.runtime.shield(self._begin())
        if self.record is not None and not self._has_unheard:
            await self._write(self.record, session)
        return session

    async def end(self, parts: list[Part]) -> None:
        """Leave nothing of it, also where it has been completed. May be repeated."""
        if self.session is not None:
            await self._store.abort(self.session, parts)
            self.session = None
        await self.forget()

    async def forget(self) -> None:
        """Remove the record of what has been completed. May be repeated."""
        await self.settle()
        if self.record is not None:
            await self._store.delete_many([self.record])
            self.record, self._is_announced = None, False

    async def settle(self) -> None:
        """End those that were begun without an answer, if any were."""
        if not self._has_unheard:
            return
        for session in await sessions_for(self._store, self.key):
            if self.session is None or session.token != self.session.token:
                await self._store.abort(session, [])
        self._has_unheard = False

    async def _begin(self) -> Session:
        try:
            session = await self._store.begin(self.key, self._place.directory)
        except TransientError as error:
            self._has_unheard = self._has_unheard or error.outcome_unknown
            raise
        self.session = session
        return session

    async def _write(self, record: str, session: Session) -> None:
        await self._store.put(record, dump_session(session))


async def recorded_at(store: ObjectStore, record: str) -> list[Session]:
    """Return what the record at *record* tells of, as far as it has not ended."""
    try:
        content = await store.get(record)
    except PathNotFoundError:
        return []
    session = load_session(content.data, record, store.name)
    return [session] if session.token else await sessions_for(store, session.key)


async def sessions_for(store: ObjectStore, key: str) -> list[Session]:
    """Return the sessions under way for *key* alone."""
    return [session for session in await store.sessions(key) if session.key == key]
