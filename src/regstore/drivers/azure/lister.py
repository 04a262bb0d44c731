"""Listings, and whether the service keeps to the hint where to begin."""

from __future__ import annotations

from typing import Final

from regstore._run import Runtime
from regstore.drivers.azure.listing import parse_listing
from regstore.drivers.azure.service import Service
from regstore.drivers.objects.port import Listing
from regstore.errors import DriverError

_INLINE: Final = 64 << 10
"""Bytes of XML that are parsed without leaving the event loop."""


class Lister:
    """Sends List Blobs.

    :ivar honours_start_after: whether the last listing that could tell began where it was told to.
    """

    def __init__(self, service: Service, runtime: Runtime) -> None:
        self._service = service
        self._runtime = runtime
        self._refused = False
        self.honours_start_after: bool | None = None

    async def page(
        self, prefix: str, delimiter: str, start_after: str | None, token: str | None, size: int
    ) -> Listing:
        """Return one page; see :meth:`ObjectStore.list`."""
        query = {"restype": "container", "comp": "list", "maxresults": str(size)}
        full_prefix = self._service.blob_name(prefix)
        if full_prefix:
            query["prefix"] = full_prefix
        if delimiter:
            query["delimiter"] = delimiter
        if token is not None:
            query["marker"] = token
        elif start_after is not None and not self._refused:
            return await self._page_from(query, start_after)
        return await self._send(query)

    async def _page_from(self, query: dict[str, str], start_after: str) -> Listing:
        hint = {"startFrom": self._service.blob_name(start_after)}
        try:
            page = await self._send(query | hint)
        except DriverError as error:
            if not _is_refusal(error):
                raise
            self._refused = True
            self.honours_start_after = False
            return await self._send(query)
        self._learn(page, start_after)
        return page

    async def _send(self, query: dict[str, str]) -> Listing:
        answer = await self._service.call("GET", None, query=query)
        body = answer.content
        root = self._service.settings.prefix
        if len(body) <= _INLINE:
            return parse_listing(body, root)
        return await self._runtime.offload(lambda: parse_listing(body, root))

    def _learn(self, page: Listing, start_after: str) -> None:
        keys = [*(info.path for info in page.objects), *page.prefixes]
        if keys:
            self.honours_start_after = min(keys) >= start_after


def _is_refusal(error: DriverError) -> bool:
    """Whether the service does not know the parameter."""
    return type(error) is DriverError and "QueryParameter" in error.detail
