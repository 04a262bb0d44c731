"""What CNCF distribution spends on the same, for the table in the documentation."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from regstore.digest import Digest
from tests.budgets.checking import IS_FULL
from tests.budgets.operations import BLOB, DIGEST, IMAGE, NAME, PLAIN, TAGS
from tests.budgets.stores import Place, fill
from tests.budgets.table import DISTRIBUTION
from tests.budgets.trees import current_links, tag_links, tag_names
from tests.interop.client import Answer, StockUpload, ask, push_blob, push_image
from tests.object_servers import S3Server, stock_storage
from tests.s3proxy.proxy import FaultyProxy, faulty
from tests.servers import StockRegistry, docker_registry

pytestmark = pytest.mark.skipif(not IS_FULL, reason="counted by: make budgets")


@dataclass
class Stock:
    registry: StockRegistry
    proxy: FaultyProxy
    place: Place

    def count(self, *steps: Callable[[], object]) -> int:
        self.proxy.begin()
        for step in steps:
            step()
        return len(self.proxy.asked)

    def ask(self, method: str, path: str, accept: str = "*/*") -> Answer:
        answer = ask(method, f"{self.registry.url}/v2/{path}", accept=accept)
        assert answer.status < 300, answer
        return answer


@pytest.fixture(scope="module")
def stock(seaweedfs: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stock]:
    root = seaweedfs.fresh_url().rpartition("/")[2]
    with faulty(seaweedfs.endpoint) as proxy:
        storage = stock_storage(seaweedfs, root, proxy.endpoint)
        storage["redirect"] = {"disable": True}  # so that it reads what it is asked for
        directory = tmp_path_factory.mktemp("stock")
        with docker_registry(directory / "registry", storage=storage) as registry:
            push_image(registry, NAME, IMAGE, "v1")
            push_blob(registry, NAME, BLOB)
            yield Stock(
                registry, proxy, Place(f"{seaweedfs.url}/{root}", seaweedfs.storage_options)
            )


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
        push_blob(stock.registry, NAME, content[::-1])

    found = {
        f"POST, PATCH, PUT of {mib} MiB": stock.count(chunked),
        f"POST, PUT of {mib} MiB": stock.count(monolithic),
    }
    assert found == {name: DISTRIBUTION[name] for name in found}


def test_small_ones(stock: Stock) -> None:
    manifest = f"{NAME}/manifests"

    def put() -> None:
        another = IMAGE.manifest.replace(b": ", b" : ")
        url = f"{stock.registry.url}/v2/{manifest}/v2"
        assert ask("PUT", url, another, IMAGE.media_type).status == 201

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


def test_many_tags(stock: Stock) -> None:
    names = [f"v{number:03}" for number in range(TAGS)]
    fill(stock.place, tag_links("many/names", PLAIN.digest, names))
    push_image(stock.registry, "many/names", PLAIN, str(PLAIN.digest))
    found = {
        "manifest delete, 100 tags name it": stock.count(
            lambda: stock.ask("DELETE", f"many/names/manifests/{PLAIN.digest}")
        )
    }
    assert found == {name: DISTRIBUTION[name] for name in found}


def test_a_page_of_tags(stock: Stock) -> None:
    fill(stock.place, current_links("many/tags", tag_names(20_000)))
    found = {
        "page of 100 tags out of 20,000": stock.count(
            lambda: stock.ask("GET", "many/tags/tags/list?n=100")
        )
    }
    assert found == {name: DISTRIBUTION[name] for name in found}
