"""Ask again where a store has failed, and only where that cannot do harm."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Literal

from typing_extensions import override

from regstore.consistency.attempts import Attempts, RetryCounts
from regstore.consistency.budget import RetryBudget
from regstore.consistency.outcomes import Outcome
from regstore.consistency.resolve import Resolver, is_lasting, or_unknown
from regstore.consistency.resumed import Files, Names, ResumedReader, ResumedWriter, resumed
from regstore.consistency.trust import Trust
from regstore.consistency.wrapper import WrapperDriver
from regstore.driver import (
    ANY,
    Condition,
    Content,
    FileInfo,
    FileReader,
    FileWriter,
    StorageDriver,
)
from regstore.errors import TransientError


class Retrying(WrapperDriver):
    """Repeats calls that failed for a moment (:exc:`TransientError`, a body cut short).

    Every attempt ends in one of three ways (:mod:`regstore.consistency.outcomes`): it has taken
    effect; it has not, for certain; or nobody knows, since its answer was lost
    (``TransientError.outcome_unknown``). The first two are clear. Of the third:

    ==================================== =========================================================
    call                                 after a lost answer
    ==================================== =========================================================
    reads, listings                      repeated; a reader goes on at the byte it has reached, on
                                         the same version; a list after the last name given; a walk
                                         begins again and leaves out what was given (up to 100,000
                                         files, then its failure is raised)
    ``put_content`` of lasting paths     repeated: whoever writes there writes the same
    other ``put_content``                read back: the same bytes are success. Repeated only with
                                         :func:`if_version`, where that version is still there and
                                         ``Capabilities.unique_versions``; else raised
    ``delete_file``, ``delete``          looked for: gone is success. Repeated only for uploads, and
                                         with a condition as above; else raised
    ``move``, ``copy``                   repeated onto lasting paths; a source that is gone beside a
                                         destination that is there was moved; else raised
    a writer's ``write``                 goes on at the writer's ``size``
    its ``park``, ``commit``, ``cancel`` repeated, as the contract allows; not a commit with a
                                         condition
    ==================================== =========================================================

    On a store that lags a look waits first until the change must show: as long as the store may
    lag, ten seconds where nobody knows how long that is.

    What is raised is the :exc:`TransientError` of the lost answer: the caller looks and decides. A
    tag's current link is therefore never written twice, nor is it deleted after somebody has set it
    again. Where two callers write the same bytes with the same condition and one's answer is lost,
    both may be told of success; who must know its own write puts a nonce into it.

    Attempts pause with decorrelated jitter, 25 ms to 2 s, and at least as long as a ``Retry-After``
    says. They end with *limit*, with *patience*, with the deadline of the caller's context
    (:func:`~regstore.consistency.deadline`), or when the budget is spent. Adds no request to a call
    that succeeds.

    Not promised: that what is not visible yet (:exc:`NotYetVisibleError`) is waited for.

    :param inner: the driver to forward to; closing the wrapper closes it.
    :param limit: attempts of one call, at most.
    :param patience: seconds after the first failure of a call during which another attempt may
        begin.
    :param budget: what retries are paid with; a fresh one by default.
    :param lasting: whether a path may be written again at any time; by default what
        :func:`~regstore.consistency.is_lasting` says of the registry's layout.
    :param trust: what is believed of the store, shared with the ``Settled`` around this; by
        default what *inner* claims.
    """

    def __init__(
        self,
        inner: StorageDriver,
        *,
        limit: int = 5,
        patience: float = 30.0,
        budget: RetryBudget | None = None,
        lasting: Callable[[str], bool] = is_lasting,
        trust: Trust | None = None,
    ) -> None:
        super().__init__(inner)
        self._attempts = Attempts(inner, limit, patience, budget or RetryBudget())
        self._resolver = Resolver(self, lasting, trust or Trust(inner))

    @property
    def counts(self) -> RetryCounts:
        """What has been done until now."""
        return self._attempts.counts()

    @override
    async def stat(self, path: str, *, must_exist: bool = False) -> FileInfo:
        return await self._attempts.read(
            path, lambda: self._inner.stat(path, must_exist=must_exist)
        )

    @override
    async def get_content(self, path: str, *, must_exist: bool = False) -> Content:
        return await self._attempts.read(
            path, lambda: self._inner.get_content(path, must_exist=must_exist)
        )

    @override
    async def reader(
        self, path: str, offset: int = 0, length: int | None = None, *, must_exist: bool = False
    ) -> FileReader:
        reader = await self._attempts.read(
            path, lambda: self._inner.reader(path, offset, length, must_exist=must_exist)
        )
        return ResumedReader(self._inner, self._attempts, reader, offset, length)

    @override
    async def put_content(self, path: str, data: bytes, condition: Condition = ANY) -> str | None:
        async def settle(error: TransientError) -> Outcome[str | None]:
            return await or_unknown(error, self._resolver.put(error, path, data, condition))

        return await self._attempts.change(
            path, lambda: self._inner.put_content(path, data, condition), settle
        )

    @override
    async def writer(
        self,
        path: str,
        *,
        append: bool = False,
        begin: bool = False,
        at_least: int = 0,
        destination: str | None = None,
    ) -> FileWriter:
        make = partial(
            self._inner.writer,
            path,
            append=append,
            begin=begin,
            at_least=at_least,
            destination=destination,
        )
        return ResumedWriter(await self._attempts.read(path, make), self._attempts, path)

    @override
    async def parked_at(self, path: str) -> datetime | None:
        return await self._attempts.read(path, lambda: self._inner.parked_at(path))

    @override
    async def move(self, source: str, destination: str) -> None:
        async def settle(error: TransientError) -> Outcome[None]:
            return await or_unknown(error, self._resolver.move(error, source, destination))

        await self._attempts.change(source, lambda: self._inner.move(source, destination), settle)

    @override
    async def copy(
        self,
        source: str,
        destination: str,
        condition: Condition = ANY,
        source_version: str | None = None,
    ) -> str | None:
        async def settle(error: TransientError) -> Outcome[str | None]:
            looked = self._resolver.copy(error, source, destination, condition)
            return await or_unknown(error, looked)

        return await self._attempts.change(
            destination,
            lambda: self._inner.copy(source, destination, condition, source_version),
            settle,
        )

    @override
    async def delete(self, path: str) -> None:
        async def settle(error: TransientError) -> Outcome[None]:
            return await or_unknown(error, self._resolver.delete(error, path, ANY, below=True))

        await self._attempts.change(path, lambda: self._inner.delete(path), settle)

    @override
    async def delete_file(
        self, path: str, condition: Condition = ANY, *, missing_ok: bool = False
    ) -> None:
        async def settle(error: TransientError) -> Outcome[None]:
            looked = self._resolver.delete(error, path, condition, below=False)
            return await or_unknown(error, looked)

        await self._attempts.change(
            path,
            lambda: self._inner.delete_file(path, condition, missing_ok=missing_ok),
            settle,
        )

    @override
    def list(
        self, path: str, start_after: str | None = None, limit: int | None = None
    ) -> AsyncGenerator[str, None]:
        return resumed(self._attempts, path, Names(self._inner, path, start_after, limit))

    @override
    def walk(self, path: str) -> AsyncGenerator[FileInfo, None]:
        return resumed(self._attempts, path, Files(self._inner, path))

    @override
    async def redirect_url(
        self,
        path: str,
        method: Literal["GET", "HEAD"] = "GET",
        expires: timedelta = timedelta(minutes=20),
        filename: str | None = None,
    ) -> str | None:
        return await self._attempts.read(
            path, lambda: self._inner.redirect_url(path, method, expires, filename)
        )

    @override
    async def local_file(self, path: str) -> Path | None:
        return await self._attempts.read(path, lambda: self._inner.local_file(path))
