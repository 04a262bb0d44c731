"""The whole suite in one class."""

from __future__ import annotations

from regstore.testing.suite.commits import CommitTests
from regstore.testing.suite.destinations import DestinationTests
from regstore.testing.suite.handing_out import HandingOutTests
from regstore.testing.suite.histories import HistoryTests
from regstore.testing.suite.listing import ListingTests
from regstore.testing.suite.moving import MovingTests
from regstore.testing.suite.paths import PathTests
from regstore.testing.suite.reading import ReadingTests
from regstore.testing.suite.running import RunningTests
from regstore.testing.suite.sessions import SessionTests
from regstore.testing.suite.small_writes import SmallWriteTests
from regstore.testing.suite.streams import StreamTests
from regstore.testing.suite.writers import WriterTests


class StorageDriverTests(
    PathTests,
    ReadingTests,
    SmallWriteTests,
    WriterTests,
    SessionTests,
    CommitTests,
    DestinationTests,
    StreamTests,
    MovingTests,
    ListingTests,
    HandingOutTests,
    RunningTests,
    HistoryTests,
):
    """The conformance tests of the storage-driver contract (:mod:`regstore.driver`).

    Subclass it in a test module and yield your driver from a fixture named ``driver``::

        class TestMyDriver(StorageDriverTests):
            @pytest.fixture
            def driver(self):
                yield MyDriver()

    Clause ``W1`` is proved by ``test_w1_...``. What a driver's capabilities claim must hold; where
    it does not claim what could be asked of it, it must refuse. Nothing is skipped silently: the
    reason says what was not claimed, or which override point would prove it.

    Override as well, where the store has it: :meth:`reopen`, and the fixtures ``back_door`` and
    ``full_driver``; over an emulator, :attr:`unproved`. The suite works in directories of its own
    and leaves nothing behind; a driver that leaves something behind fails.
    """
