"""The suite finds what is broken, and names the clause."""

from __future__ import annotations

import pytest

from regstore.consistency import WrapperDriver
from regstore.driver import StorageDriver
from regstore.drivers.memory import MemoryDriver, MemoryStore
from regstore.testing import run_conformance
from tests.testing import broken, broken_sessions

CAUGHT = [
    (broken.TornPut, "W1"),
    (broken.CheckThenWrite, "W3"),
    (broken.IgnoresConditions, "W3"),
    (broken.ImitatesConditions, "W4"),
    (broken.MixedWrites, "W5"),
    (broken.Litter, "W1"),
    (broken.SizeLies, "R2"),
    (broken.StaleVersion, "R1"),
    (broken.TornGet, "R3"),
    (broken.SwallowsMissing, "R4"),
    (broken.IgnoresLength, "R4"),
    (broken.FollowsOverwrites, "R5"),
    (broken.ReordersChunks, "A10"),
    (broken.DropsRepeats, "A10"),
    (broken.NoZeros, "A8"),
    (broken.ParksNothing, "A2"),
    (broken.CancelsNothing, "A5"),
    (broken.CommitsAgain, "A6"),
    (broken_sessions.ForgetsNotes, "A2"),
    (broken_sessions.KeepsFirstNotes, "A2"),
    (broken_sessions.ImitatesNotes, "A2"),
    (broken_sessions.BeginsAnew, "A7"),
    (broken_sessions.WritesToTheDestination, "A3"),
    (broken_sessions.KeepsForEver, "A5"),
    (broken_sessions.TakesBackCommits, "A5"),
    (broken_sessions.TakesBackCommits, "A6"),
    (broken.AppendsToCommitted, "A1"),
    (broken.UploadsBeside, "A3"),
    (broken.Unfenced, "A7"),
    (broken.DeletesPrefixes, "P4"),
    (broken.StatsPrefixes, "P4"),
    (broken.DeletesNothing, "M3"),
    (broken.MoveEmptiesTarget, "M1"),
    (broken.IgnoresPin, "M2"),
    (broken.DeletesAnyVersion, "M4"),
    (broken_sessions.AlwaysDemandsTheObject, "M4"),
    (broken.ListsInKeyOrder, "L1"),
    (broken.StartsAtWhatExists, "L1"),
    (broken.ListsNothing, "L2"),
    (broken.WalksTwice, "L3"),
    (broken.ListsOnePage, "L4"),
    (broken.LagsInListings, "L5"),
    (broken.KeepsEmptyDirectories, "P3"),
    (broken.NormalizesPaths, "P2"),
    (broken.FoldsCase, "P1"),
    (broken.RawErrors, "X4"),
    (broken.NamelessErrors, "X4"),
    (broken.ForgetsItsThreads, "X5"),
    (broken.GuessesLocalFiles, "U3"),
    (broken.PromisesUrls, "U1"),
    (broken.LeaksCredentials, "X6"),
    (broken.NeverSuspends, "X1"),
]


@pytest.mark.parametrize(("kind", "clause"), CAUGHT, ids=[f"{k.__name__}-{c}" for k, c in CAUGHT])
def test_broken_drivers_are_caught(kind: type[WrapperDriver], clause: str) -> None:
    store = MemoryStore()

    def make() -> StorageDriver:
        return kind(MemoryDriver(store))

    results = run_conformance(make, only=[clause])
    assert [(each.clause, each.outcome) for each in results] == [(clause, "broken")]
    assert results[0].seen.startswith(f"test_{clause.lower()}_")
