"""What a store is trusted to show, and how soon: the classes of ``regstore.open(consistency=)``."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import Final, Literal, cast

from regstore.driver import Capabilities
from regstore.errors import ConfigurationError

Kind = Literal["strong", "read-after-write", "eventual"]

_RANK: Final[dict[Kind, int]] = {"eventual": 0, "read-after-write": 1, "strong": 2}
_TEXT: Final = re.compile(r"\s*([a-z-]+)\s*(?:\(\s*([^()\s]+)\s*\))?\s*")
_CHOICES: Final = (
    "'strong', 'read-after-write', 'read-after-write(seconds)', 'eventual(seconds)', or 'measured' "
    "where a probe has been kept"
)


@dataclass(frozen=True, slots=True)
class Consistency:
    """One class of stores; ``docs/consistency.md`` tells what each promises and costs.

    :ivar kind: ``"strong"``: every write is seen at once by everyone, in listings too.
        ``"read-after-write"``: a new object is; replaced and deleted ones and listings lag.
        ``"eventual"``: all may lag.
    :ivar bound: seconds after which everyone sees a write; 0 where strong; ``None`` where nobody
        knows.
    :raises ConfigurationError: there is no such kind, or it has no bound.
    """

    kind: Kind
    bound: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in _RANK:
            raise _refused(self.kind)
        if self.kind == "strong" and self.bound:
            raise _refused(f"strong({self.bound:g})")

    @classmethod
    def parse(cls, given: str | Consistency) -> Consistency:
        """Read what :func:`regstore.open` takes, as ``"eventual(5)"``.

        :raises ConfigurationError: it is none of the classes, whatever its type, or a bound is
            missing or no number of seconds.
        """
        if isinstance(given, Consistency):
            given.require_sense()
            return given
        match = _TEXT.fullmatch(str(given))
        kind, text = match.groups() if match else ("", None)
        if kind not in _RANK or (kind == "strong" and text is not None):
            raise _refused(given)
        try:
            bound = 0.0 if kind == "strong" else None if text is None else float(text)
        except ValueError as error:
            raise _refused(given, f": {text!r} is no number of seconds") from error
        parsed = cls(cast("Kind", kind), bound)
        parsed.require_sense()
        return parsed

    @classmethod
    def claimed_by(cls, capabilities: Capabilities) -> Consistency:
        """Return the best class that *capabilities* keep; its bound may be unknown."""
        keeps = capabilities
        if keeps.read_after_write and keeps.read_after_overwrite and keeps.list_after_write:
            return cls("strong", 0.0)
        kind: Kind = "read-after-write" if keeps.read_after_write else "eventual"
        return cls(kind, capabilities.staleness_bound)

    def require_claim(self, capabilities: Capabilities, name: str) -> None:
        """Refuse to trust a store beyond what its driver claims.

        A bound that the driver does not know may be given.

        :param name: of the driver.
        :raises ConfigurationError: this class is stronger, or its bound shorter, than claimed.
        """
        claimed = Consistency.claimed_by(capabilities)
        if _RANK[self.kind] > _RANK[claimed.kind]:
            msg = (
                f"consistency={str(self)!r} is more than the driver {name} claims of its store, "
                f"which is {claimed}: leave consistency out, or give {claimed.advice()}"
            )
            raise ConfigurationError(msg)
        known = claimed.bound
        if known and self.bound is not None and self.bound < known:
            msg = (
                f"consistency={str(self)!r} is more than the driver {name} claims of its store, "
                f"whose writes are seen after {known:g} s: give at least "
                f"'{self.kind}({known:g})'"
            )
            raise ConfigurationError(msg)

    def lowered(self, claimed: Capabilities) -> Capabilities:
        """Return *claimed* with no more than this class keeps; a bound that it lacks is added."""
        if self.kind == "strong":
            return claimed
        bounds = [each for each in (claimed.staleness_bound, self.bound) if each is not None]
        told = self.bound is not None or Consistency.claimed_by(claimed).kind != "strong"
        return replace(
            claimed,
            read_after_write=claimed.read_after_write and self.kind == "read-after-write",
            read_after_overwrite=False,
            list_after_write=False,
            staleness_bound=max(bounds, default=None) if told else None,
        )

    def advice(self) -> str:
        """Return what to write for this class, quoted."""
        text = "eventual(seconds)" if self == Consistency("eventual") else str(self)
        return f"'{text}'"

    def __str__(self) -> str:
        if self.kind == "strong" or self.bound is None:
            return self.kind
        return f"{self.kind}({self.bound:g})"

    def require_sense(self) -> None:
        """Refuse a class that says nothing.

        :raises ConfigurationError: a bound is missing, or no number of seconds above 0.
        """
        if self.kind == "eventual" and self.bound is None:
            raise ConfigurationError(
                "an eventually consistent store needs a bound: give the seconds after which "
                "everyone sees a write, as in consistency='eventual(5)'; 'regstore probe URL' and "
                "the store's documentation tell how long it lags"
            )
        is_lag = self.bound is not None and math.isfinite(self.bound) and self.bound > 0
        if self.kind != "strong" and self.bound is not None and not is_lag:
            raise ConfigurationError(
                f"{self.kind}({self.bound:g}): the bound is a number of seconds above 0, as in "
                f"'{self.kind}(5)'; a store that never lags is 'strong'"
            )


def _refused(given: object, detail: str = "") -> ConfigurationError:
    return ConfigurationError(f"consistency is {_CHOICES}, not {given!r}{detail}")
