"""What CNCF distribution spends on the same, for the table in the documentation."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from regstore.digest import Digest
from tests.budgets.checking import IS_FULL
from tests.budgets.operations import BLOB, DIGEST, IMAGE, NAME, PLAIN
from tests.budgets.proxy import Counter, counting
from tests.budgets.stores import push_all, seaweedfs_store
from tests.budgets.table import DISTRIBUTION
from tests.budgets.trees import current_links, tag_names
from tests.interop.client import Answer, StockUpload, ask, push_blob, push_image
from tests.object_servers import S3Server, stock_storage
from tests.servers import StockRegistry, docker_registry

pytestmark = pytest.mark.skipif(not IS_FULL, reason="counted by: make budgets")


@dataclass
class Stock:
    registry: StockRegistry
    counter: Counter

    def count(self, *steps: Callable[[], object]) -> int:
        self.counter.sent.clear()
        for step in steps:
            step()
        print(*self.counter.sent, sep="\n")
        return len(self.counter.sent)

    def ask(self, method: str, path: str, accept: str = "*/*") -> Answer:
        answer = ask(method, f"{self.registry.url}/v2/{path}", accept=accept)
        assert answer.status < 300, answer
        return answer


@pytest.fixture(scope="module")
def stock(seaweedfs: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stock]:
    root = seaweedfs.fresh_url().rpartition("/")[2]
    with counting(seaweedfs.endpoint) as counter:
        storage = stock_storage(seaweedfs, root, counter.endpoint)
        directory = tmp_path_factory.mktemp("stock")
        with docker_registry(directory / "registry", storage=storage) as registry:
            push_image(registry, NAME, IMAGE, "v1")
            push_blob(registry, NAME, BLOB)
            yield Stock(registry, counter)


def _content(mib: int) -> bytes:
    return random.Random(mib).randbytes(mib << 20)


@pytest.mark.parametrize("mib", [1, 20])
def test_uploads(stock: Stock, mib: int) -> None:
    content = _content(mib)
    digest = Digest.of(content)

    def chunked() -> None:
        upload = StockUpload.begin(stock.registry, NAME)
        upload.patch(content)
        assert upload.put(digest).status == 201

    def monolithic() -> None:
        push_blob(stock.registry, "other/name", content)

    found = {
        f"POST, PATCH, PUT of {mib} MiB": stock.count(chunked),
        f"POST, PUT of {mib} MiB": stock.count(monolithic),
    }
    assert found == {name: DISTRIBUTION[name] for name in found}


def test_small_ones(stock: Stock) -> None:
    manifest = f"{NAME}/manifests"

    def put() -> None:
        url = f"{stock.registry.url}/v2/{manifest}/v1"
        assert ask("PUT", url, IMAGE.manifest, IMAGE.media_type).status == 201

    mount = f"blobs/uploads/?mount={DIGEST}&from={NAME}"
    found = {
        "blob of up to 8 MiB from memory": stock.count(
            lambda: push_blob(stock.registry, "other/name", b"another")
        ),
        "blob stat": stock.count(lambda: stock.ask("HEAD", f"{NAME}/blobs/{DIGEST}")),
        "blob read": stock.count(lambda: stock.ask("GET", f"{NAME}/blobs/{DIGEST}")),
        "mount": stock.count(lambda: stock.ask("POST", f"other/name/{mount}")),
        "manifest put, 8 layers and a config": stock.count(put),
        "manifest by tag": stock.count(
            lambda: stock.ask("GET", f"{manifest}/v1", IMAGE.media_type)
        ),
        "manifest by digest": stock.count(
            lambda: stock.ask("GET", f"{manifest}/{IMAGE.digest}", IMAGE.media_type)
        ),
    }
    assert found == {name: DISTRIBUTION[name] for name in found}


def test_a_parked_upload(stock: Stock) -> None:
    upload = StockUpload.begin(stock.registry, NAME)
    upload.patch(BLOB)
    found = {
        "status of a parked upload": stock.count(lambda: ask("GET", upload.location)),
        "cancel of a parked upload": stock.count(lambda: ask("DELETE", upload.location)),
    }
    assert found == {name: DISTRIBUTION[name] for name in found}
