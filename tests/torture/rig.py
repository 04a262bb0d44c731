"""A real server, a proxy before it, registries that go through the proxy, and a look behind it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

import botocore.session
from botocore.config import Config

from regstore import Registry, Repository, layout
from regstore._loop import OwnLoopRuntime
from regstore.digest import Digest
from regstore.drivers.objects.driver import ObjectDriver
from regstore.drivers.objects.port import Limits
from regstore.drivers.s3 import S3Store, s3_store
from regstore.errors import BlobUploadUnknownError, PathNotFoundError
from tests.object_servers import BUCKET, S3Server
from tests.s3proxy.proxy import FaultyProxy, faulty

NAME = "library/app"
UPLOADS = layout.UploadsRoot(NAME).path
SMALL_PARTS = replace(S3Store.limits, part_size=S3Store.limits.min_part)
"""As small as servers take them."""


@dataclass
class Rig:
    """Three registries over one prefix of a bucket, as three processes would have them.

    :ivar direct: one that does not go through the proxy.
    """

    server: S3Server
    proxy: FaultyProxy
    url: str
    registries: tuple[Registry, ...]
    direct: Registry
    client: Any

    @property
    def prefix(self) -> str:
        """What all keys begin with."""
        return f"{self.url.split('/', 3)[3]}/"

    def repo(self, number: int = 0) -> Repository:
        return self.registries[number].repository(NAME)

    def drop(self, upload_id: str) -> None:
        """Remove what there is of the upload, as an operator would who knows its id alone."""
        with suppress(BlobUploadUnknownError):
            self.direct.repository(NAME).uploads.resume(upload_id).cancel()
        with suppress(PathNotFoundError):
            driver = self.direct.driver
            driver.runtime.run(driver.delete(layout.Upload(NAME, upload_id).path))

    def litter(self) -> list[str]:
        """What there is of uploads, as botocore alone tells it."""
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=BUCKET, Prefix=f"{self.prefix}{UPLOADS}/"
        )
        keys = [each["Key"] for page in pages for each in page.get("Contents", ())]
        answer = self.client.list_multipart_uploads(Bucket=BUCKET, Prefix=self.prefix)
        return keys + [f"multipart {each['Key']}" for each in answer.get("Uploads", ())]

    def check_blob(self, content: bytes) -> None:
        assert self.direct.repository(NAME).blobs.get(Digest.of(content)) == content


def open_registry(server: S3Server, url: str, endpoint: str, limits: Limits) -> Registry:
    options = {**server.storage_options, "endpoint_url": endpoint}
    store = s3_store(url, options, OwnLoopRuntime())
    store.limits = limits
    return Registry(ObjectDriver(store))


@contextmanager
def rig(server: S3Server, limits: Limits = SMALL_PARTS) -> Iterator[Rig]:
    """Set it up; warm, so that no request of a test is one that only finds the bucket."""
    url = server.fresh_url()
    with faulty(server.endpoint) as proxy:
        ours = [open_registry(server, url, proxy.endpoint, limits) for _ in range(3)]
        direct = open_registry(server, url, server.endpoint, limits)
        client = _client(server)
        try:
            for each in (*ours, direct):
                each.ping()
            yield Rig(server, proxy, url, tuple(ours), direct, client)
        finally:
            proxy.begin()
            for each in (*ours, direct):
                each.close()
            client.close()


def _client(server: S3Server) -> Any:  # noqa: ANN401 - botocore has no types
    options = server.storage_options
    return botocore.session.get_session().create_client(
        "s3",
        region_name="us-east-1",
        endpoint_url=server.endpoint,
        aws_access_key_id=options["key"],
        aws_secret_access_key=options["secret"],
        config=Config(retries={"total_max_attempts": 1}),
    )
