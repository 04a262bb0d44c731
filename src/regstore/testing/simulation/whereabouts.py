"""Where in the code something was raised, or is waited for."""

from __future__ import annotations

from collections.abc import Coroutine, Iterator
from pathlib import Path
from traceback import extract_tb
from types import FrameType
from typing import Any, Final

_SIMULATOR: Final = __name__.rpartition(".")[0]
_AWAITED: Final = ("cr_await", "gi_yieldfrom", "ag_await")
_FRAMES: Final = ("cr_frame", "gi_frame", "ag_frame")


def raised_at(error: BaseException) -> str:
    """Return where *error* was raised."""
    frames = extract_tb(error.__traceback__)
    return _at(frames[-1].name, frames[-1].filename, frames[-1].lineno) if frames else "nowhere"


def waits_at(coro: Coroutine[Any, Any, Any]) -> str:
    """Return where *coro* waits, as deep as the code is not the simulator's; ``""``: nowhere."""
    frames = [frame for frame in _stack(coro) if not _is_simulator(frame)]
    ats = [_at(each.f_code.co_name, each.f_code.co_filename, each.f_lineno) for each in frames]
    return ats[-1] if ats else ""


def _stack(awaited: object) -> Iterator[FrameType]:
    """Yield the frames of a coroutine, or of another that is awaited, the innermost last."""
    while awaited is not None:
        frame = _first_of(awaited, _FRAMES)
        if isinstance(frame, FrameType):
            yield frame
        awaited = _first_of(awaited, _AWAITED)


def _first_of(owner: object, names: tuple[str, ...]) -> object:
    return next((getattr(owner, name) for name in names if hasattr(owner, name)), None)


def _is_simulator(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__", "")).startswith(_SIMULATOR)


def _at(function: str, file: str, line: int | None) -> str:
    return f"in {function} ({'/'.join(Path(file).parts[-2:])}:{line})"
