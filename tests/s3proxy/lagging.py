"""The proxy that shows what was, for a while: a store that lags, with a real one behind it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from xml.etree import ElementTree as ET

from aiohttp import hdrs
from typing_extensions import override

from regstore.testing.faults import Lag
from tests.s3proxy.damage import Choice, harmless
from tests.s3proxy.history import History, Kind
from tests.s3proxy.listing import page
from tests.s3proxy.proxy import FaultyProxy, running
from tests.s3proxy.stored import Truth
from tests.s3proxy.upstream import Answer, Question, Upstream, refusal

_READS: dict[str, Kind] = {hdrs.METH_GET: "get", hdrs.METH_HEAD: "stat"}


class LaggingProxy(FaultyProxy):
    """Lets writes through at once, and shows them late.

    Conditions, copies and what is uploaded in parts work on the truth. Each key that a write may
    change is read before, so that what was there can still be shown.
    """

    def __init__(self, upstream: Upstream) -> None:
        super().__init__(upstream)
        self._truth = Truth(upstream)
        self._history = History(Lag())

    @override
    def begin(self, choose: Choice = harmless, lag: Lag | None = None) -> None:
        """Count from 1 again, lag by *lag* (by default not at all), and forget what was."""
        super().begin(choose)
        self._history = History(lag or Lag())

    @override
    async def answer(self, question: Question) -> Answer:
        history = self._history
        for key in _changed(question):
            history.note(key, await self._truth.get(key))
        if question.query.get("list-type") == "2" and history.lag.list:
            objects = await self._truth.below(question.query.get("prefix", ""))
            return page(question.query, history.laid_over(objects))
        if question.method in _READS and question.key:
            return await self._read(question, _READS[question.method])
        return await super().answer(question)

    async def _read(self, question: Question, kind: Kind) -> Answer:
        history, key = self._history, question.key
        before = None if history.is_missed(key) else history.before(key, kind)
        if before is not None and before.there is not None:
            return before.there.shown(question)
        if history.is_missed(key) or before is not None:
            answer = refusal(404, "NoSuchKey", is_head=kind == "stat")
        else:
            answer = await super().answer(question)
        if answer.status == 404:
            history.missed(key)
        return answer


def _changed(question: Question) -> Iterator[str]:
    """Yield the keys of the objects that *question* may change."""
    method, key, query = question.method, question.key, question.query
    if method == hdrs.METH_POST and not key and "delete" in query:
        for each in ET.fromstring(question.body).iter():  # noqa: S314 - the tests' own client
            if each.tag.endswith("Key"):
                yield each.text or ""
    elif method in {hdrs.METH_PUT, hdrs.METH_DELETE} and key:
        if "uploadId" not in query:
            yield key
    elif method == hdrs.METH_POST and "uploadId" in query:
        yield key


@contextmanager
def lagging(server: str) -> Iterator[LaggingProxy]:
    """Run one before *server*, ``http://host:port``."""
    with running(server, LaggingProxy) as proxy:
        yield proxy
