"""The driver over S3 keeps the contract."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any, ClassVar

import botocore.session
import pytest
from botocore.config import Config
from hypothesis import settings
from typing_extensions import override

from regstore._loop import OwnLoopRuntime
from regstore.driver import StorageDriver
from regstore.drivers.objects.driver import ObjectDriver
from regstore.drivers.s3 import S3Store, s3_store
from regstore.testing import StorageDriverTests
from regstore.testing.suite.base import BackDoor
from tests.object_servers import BUCKET, KEY, SECRET, S3Server


@cache
def _client(endpoint: str) -> Any:  # noqa: ANN401 - botocore has no types
    return botocore.session.get_session().create_client(
        "s3",
        region_name="us-east-1",
        endpoint_url=endpoint,
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
        config=Config(retries={"total_max_attempts": 1}),
    )


class Bucket:
    """Raw access, through botocore alone."""

    def __init__(self, server: S3Server, root: str) -> None:
        self._root = root
        self._client = _client(server.endpoint)

    def read(self, path: str) -> bytes:
        answer = self._client.get_object(Bucket=BUCKET, Key=self._root + path)
        with answer["Body"] as body:
            data: bytes = body.read()
        return data

    def write(self, path: str, data: bytes) -> None:
        self._client.put_object(Bucket=BUCKET, Key=self._root + path, Body=data)

    def paths(self) -> set[str]:
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=BUCKET, Prefix=self._root
        )
        keys = [item["Key"] for page in pages for item in page.get("Contents", ())]
        return {key.removeprefix(self._root) for key in keys}


class _OverS3(StorageDriverTests):
    """What both servers have in common."""

    lowered: ClassVar[dict[str, bool]]
    url: str
    server: S3Server
    shared: StorageDriver

    @pytest.fixture
    @override
    def driver(self) -> StorageDriver:
        """All tests share one: to set up a client costs more than most of them."""
        kind = type(self)
        if "shared" not in vars(kind):
            kind.shared = self.open()
        return kind.shared

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def _closed_at_the_end(cls) -> Iterator[None]:
        yield
        if "shared" in vars(cls):
            cls.shared.runtime.run(cls.shared.aclose())

    @override
    def histories(self) -> settings:
        """Fewer than elsewhere: each step is a request and more."""
        return settings(super().histories(), max_examples=6)

    def open(self) -> StorageDriver:
        store = s3_store(self.url, self.server.storage_options, OwnLoopRuntime())
        store.capabilities = replace(S3Store.capabilities, **self.lowered)  # type: ignore[arg-type]
        return ObjectDriver(store)

    @override
    def reopen(self, driver: StorageDriver) -> StorageDriver:
        return self.open()

    @pytest.fixture
    @override
    def back_door(self) -> BackDoor:
        return Bucket(self.server, self.url.removeprefix(f"{self.server.url}/") + "/")


class TestOverSeaweedFS(_OverS3):
    """It completes uploads whose condition no longer holds, when they race."""

    lowered: ClassVar = {"conditional_commit": False}

    @pytest.fixture(autouse=True)
    def _server(self, seaweedfs: S3Server) -> None:
        type(self).server = seaweedfs
        if not hasattr(type(self), "url"):
            type(self).url = seaweedfs.fresh_url()


_RACES = (
    "test_a4_commits_appear_at_once",
    "test_a7_writers_that_race_never_mix",
    "test_w1_no_reader_sees_a_part",
    "test_w1_no_reader_sees_a_new_object_before_it_is_whole",
    "test_w2_directories_are_made_beside_others_that_vanish",
    "test_w5_concurrent_puts_never_interleave",
    "test_x5_a_fork_beside_working_threads",
)


class TestOverMoto(_OverS3):
    """It ignores conditions of copies and IfMatch of completions, and checks no signature."""

    unproved: ClassVar = dict.fromkeys(_RACES, "moto answers 500 where requests race for one key")
    lowered: ClassVar = {
        "conditional_commit": False,
        "conditional_copy": False,
        "source_pinned_copy": False,
        "redirect": False,
    }

    @pytest.fixture(autouse=True)
    def _server(self, moto: S3Server) -> None:
        type(self).server = moto
        if not hasattr(type(self), "url"):
            type(self).url = moto.fresh_url()
