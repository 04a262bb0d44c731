"""Which paths lie below a directory, among those that a dict has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping


class Directories:
    """Finds the keys of *entries* that lie below a path without looking at any other.

    Safe for any thread: every step is one operation on a dict, and each thread looks again after
    its own, so that what two do to one directory at the same time is put right by one of them.

    :param entries: by path. Whoever changes it says so, afterwards.
    """

    def __init__(self, entries: Mapping[str, object]) -> None:
        self._entries = entries
        # Of each directory what is in it: entries, and directories that are not empty. In a dict,
        # since that has the same order in each run.
        self._inside: dict[str, dict[str, None]] = {"": {}}

    def added(self, path: str) -> None:
        """Take note that *path* has an entry."""
        every = self._inside
        while True:
            directory = path.rpartition("/")[0]
            inside = every.get(directory)
            if inside is None:
                only = {path: None}
                if every.setdefault(directory, only) is only:
                    path = directory
            else:
                inside[path] = None
                if every.get(directory) is inside:
                    return

    def removed(self, path: str) -> None:
        """Take note that *path* may have no entry any more."""
        entries, every = self._entries, self._inside
        while path not in entries:
            directory = path.rpartition("/")[0]
            inside = every.get(directory)
            if inside is None:
                return
            inside.pop(path, None)
            if path in entries or path in every:
                self.added(path)
            if inside or not directory:
                return
            for each in list(every.pop(directory, ())):
                self.added(each)
            path = directory

    def below(self, directory: str) -> Iterator[str]:
        """Yield the paths; the empty directory is above all."""
        pending = [directory]
        while pending:
            for path in list(self._inside.get(pending.pop(), ())):
                if path in self._entries:
                    yield path
                if path in self._inside:
                    pending.append(path)
