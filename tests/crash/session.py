"""Calls of a recorded driver, and what each of them promised."""

from __future__ import annotations

import pkgutil
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import pytest

import regstore.drivers.local as package
from regstore._run import BlockingRuntime
from regstore.drivers.local import LocalDriver
from regstore.errors import PathExistsError
from tests.crash.recording import RecordingOS

T = TypeVar("T")

Changes = Mapping[str, bytes | None]


@dataclass(frozen=True)
class Step:
    """An acknowledged call: the events between which it ran, and what holds after it.

    :ivar files: every object and its content.
    :ivar parked: every path at which a writer can go on, and the bytes that were acknowledged.
    :ivar kept: what is moved meanwhile: it is somewhere at every moment.
    """

    begin: int
    end: int
    files: dict[str, bytes]
    parked: dict[str, bytes]
    kept: bytes | None = None


class Session:
    """A recorded driver and the steps it was taken through."""

    def __init__(self, recorder: RecordingOS, root: Path) -> None:
        self.recorder = recorder
        self.root = root
        self.driver = self.another()
        self.steps = [Step(0, 0, {}, {})]

    def another(self) -> LocalDriver:
        """Return a driver as another process would have it."""
        return LocalDriver(self.root, runtime=BlockingRuntime(rng=Random(len(str(self.root)))))

    def do(
        self,
        call: Coroutine[Any, Any, T],
        files: Changes | None = None,
        parked: Changes | None = None,
        kept: bytes | None = None,
    ) -> T:
        """Run *call*, which changes *files* and what is *parked* as told."""
        begin = len(self.recorder.events)
        result = self.driver.runtime.run(call)
        self._acknowledge(begin, files, parked, kept)
        return result

    def create(self, call: Coroutine[Any, Any, object], files: Changes) -> bool:
        """Run *call*; tell whether it came late. Either way *files* are there from now on."""
        begin = len(self.recorder.events)
        try:
            self.driver.runtime.run(call)
        except PathExistsError:
            late = True
        else:
            late = False
        self._acknowledge(begin, files)
        return late

    def _acknowledge(
        self,
        begin: int,
        files: Changes | None = None,
        parked: Changes | None = None,
        kept: bytes | None = None,
    ) -> None:
        last = self.steps[-1]
        files, parked = _changed(last.files, files), _changed(last.parked, parked)
        self.steps.append(Step(begin, len(self.recorder.events), files, parked, kept))


def _changed(held: dict[str, bytes], changes: Changes | None) -> dict[str, bytes]:
    merged = held | dict(changes or {})
    return {path: data for path, data in merged.items() if data is not None}


@contextmanager
def recorded(root: Path) -> Iterator[Session]:
    """Yield a session on *root*, while every module of the driver calls a recorder for ``os``."""
    root.mkdir()
    recorder = RecordingOS(str(root))
    with pytest.MonkeyPatch.context() as patch:
        for each in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            module = import_module(each.name)
            if hasattr(module, "os"):
                patch.setattr(module, "os", recorder)
        yield Session(recorder, root)
