"""Promise no more than the store behind a driver was seen to keep."""

from __future__ import annotations

from typing import Final

from typing_extensions import override

from regstore.consistency.capabilities import Saved, instead_of, lower, without
from regstore.consistency.probe.proofs import PROOFS, spot
from regstore.consistency.probe.refusals import Verdict
from regstore.consistency.wrapper import WrapperDriver, WrapperWriter
from regstore.driver import ANY, Capabilities, Condition, FileWriter, StorageDriver
from regstore.errors import (
    CorruptContentError,
    PathNotFoundError,
    TransientError,
    UnsupportedMethodError,
)
from regstore.layout import Caps

_SAME_MOMENT: Final = 300.0
"""Seconds between a probe and the writing of what it found."""
_PAUSE: Final = 0.02


class Measured(WrapperDriver):
    """Lets a condition through only where the store was seen to look at it (W4).

    Software in front of a store, or the store itself, may ignore conditions without a word: then a
    driver that promises them loses writes. Before the first call with a condition, and never
    before, this reads ``docker/registry/regstore/v1/caps.json``, which ``regstore probe --save``
    writes, and from then on promises no more than stands there. Where there is none, the first call
    of each kind is preceded by a proof: a request on a fresh key which the store must refuse, three
    calls or so in all. :attr:`capabilities` is lowered from then on.

    Only calls through the contract are looked at. What a driver does by itself with conditions (a
    record of parked parts, say) is not. A ``caps.json`` that was copied from another store is not
    believed, where its time shows that, and neither is one that cannot be read.

    Calls with a condition raise, beyond what the driver raises:

    :raises UnsupportedMethodError: the store does not keep this kind of condition.
    """

    def __init__(self, inner: StorageDriver) -> None:
        super().__init__(inner)
        self._unreadable: CorruptContentError | None = None
        self._saved: Capabilities | None = None
        self._is_read = False
        self._proved: set[tuple[str, str]] = set()
        self._lost: dict[str, str] = {}
        self._under_way: set[object] = set()
        self._cached: tuple[Capabilities, Capabilities] | None = None

    @property
    @override
    def capabilities(self) -> Capabilities:  # type: ignore[override] # as in WrapperDriver
        """The inner driver's, lowered by what is known of the store by now."""
        claimed = self._inner.capabilities
        if self._saved is None and not self._lost:
            return claimed
        if self._cached is None or self._cached[0] is not claimed:
            known = claimed if self._saved is None else lower(claimed, self._saved)
            self._cached = claimed, without(known, self._lost)
        return self._cached[1]

    @override
    async def put_content(self, path: str, data: bytes, condition: Condition = ANY) -> str | None:
        if condition.kind == "absent":
            await self.promise(path, "conditional_create", condition)
        elif condition.kind == "version":
            await self.promise(path, "conditional_replace", condition)
        return await super().put_content(path, data, condition)

    @override
    async def copy(
        self,
        source: str,
        destination: str,
        condition: Condition = ANY,
        source_version: str | None = None,
    ) -> str | None:
        if condition != ANY:
            await self.promise(destination, "conditional_copy", condition)
        if source_version is not None:
            pin = Condition("version", source_version)
            await self.promise(source, "source_pinned_copy", pin)
        return await super().copy(source, destination, condition, source_version)

    @override
    async def delete_file(
        self, path: str, condition: Condition = ANY, *, missing_ok: bool = False
    ) -> None:
        if condition.kind == "version":
            await self.promise(path, "conditional_delete", condition)
        await super().delete_file(path, condition, missing_ok=missing_ok)

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
        inner = await super().writer(
            path, append=append, begin=begin, at_least=at_least, destination=destination
        )
        return _Writer(inner, self, path)

    async def promise(self, path: str, capability: str, condition: Condition) -> None:
        """Return where the store may be asked for *condition*; prove it where nobody knows.

        What the driver does not claim is left to the driver to refuse.

        :raises UnsupportedMethodError: the store does not keep it.
        """
        kind = capability, condition.kind
        if kind in self._proved or not getattr(self._inner.capabilities, capability):
            return
        await self.read_once()
        if self._saved is None and capability not in self._lost:
            await self._prove_once(kind, condition.version)
        if not getattr(self.capabilities, capability):
            seen = self._lost.get(capability, "as a probe has found")
            detail = f"this store does not keep {capability} ({seen}): {instead_of(capability)}"
            raise UnsupportedMethodError(path, self.name, detail)
        self._proved.add(kind)

    @property
    def is_measured(self) -> bool:
        """Whether what a probe has found is known."""
        return self._saved is not None

    @property
    def unreadable(self) -> CorruptContentError | None:
        """What is wrong with a ``caps.json`` that was found, and could not be read."""
        return self._unreadable

    async def read_once(self) -> None:
        """Ask the store for what a probe has found, where that was not asked for yet."""
        await self._wait_for("caps")
        if self._is_read:
            return
        self._under_way.add("caps")
        try:
            self._saved = await self._found()
            self._cached = None
            if self._saved is not None and self.capabilities.staleness_bound != 0:
                self._inner.expect_lag(self.capabilities.staleness_bound)
            self._is_read = True
        finally:
            self._under_way.discard("caps")

    async def _found(self) -> Capabilities | None:
        try:
            content = await self._inner.get_content(Caps().path)
            saved = Saved.decode(content.data)
        except PathNotFoundError:
            return None
        except CorruptContentError as error:
            # Nothing is lost by not knowing: it is proved instead.
            self._unreadable = error
            return None
        apart = abs((content.modified - saved.time).total_seconds())
        ours = saved.driver == self.name and apart < _SAME_MOMENT
        return saved.capabilities if ours else None

    async def _prove_once(self, kind: tuple[str, str], version: str) -> None:
        await self._wait_for(kind)
        if kind in self._proved or kind[0] in self._lost:
            return
        self._under_way.add(kind)
        try:
            verdict = await self._prove(kind, version)
            if not verdict.refused:
                self._lost[kind[0]] = verdict.seen
                self._cached = None
        finally:
            self._under_way.discard(kind)

    async def _prove(self, kind: tuple[str, str], version: str) -> Verdict:
        try:
            async with spot(self._inner, version) as place:
                return await PROOFS[kind](place)
        except TransientError as error:
            if not error.outcome_unknown:
                raise
            # What is unknown is the proof's outcome: the caller's own call was not made.
            detail = f"whether it keeps {kind[0]} could not be proved: try again"
            raise TransientError(error.path, self.name, detail) from error

    async def _wait_for(self, what: object) -> None:
        """Wait until nobody else finds out *what*: who begins at once would only ask again."""
        while what in self._under_way:
            await self.runtime.sleep(_PAUSE)


class _Writer(WrapperWriter):
    def __init__(self, inner: FileWriter, driver: Measured, path: str) -> None:
        super().__init__(inner)
        self._driver = driver
        self._path = path

    @override
    async def commit(
        self, to: str | None = None, condition: Condition = ANY, *, keep_parked: bool = False
    ) -> str | None:
        if condition != ANY:
            path = self._path if to is None else to
            await self._driver.promise(path, "conditional_commit", condition)
        return await super().commit(to, condition, keep_parked=keep_parked)
