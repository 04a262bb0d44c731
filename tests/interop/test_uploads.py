"""An upload begun by one registry is finished by the other, from the saved state of the hash."""

from __future__ import annotations

import random

import pytest
from typing_extensions import override

from regstore import Registry, Repository
from regstore.consistency import WrapperDriver
from regstore.digest import Digest
from regstore.driver import Content, FileReader
from regstore.errors import BlobUploadUnknownError, UploadOffsetError
from regstore.layout import BlobData, UploadData, UploadHashState, UploadsRoot
from tests.interop.client import StockUpload, ask, blob_of
from tests.interop.conftest import NAME
from tests.servers import StockRegistry

BLOB = random.Random(7).randbytes(300_000)
CUT = 100_003  # inside a block of the hash


class Recording(WrapperDriver):
    """Remembers whose content was read."""

    def __init__(self, registry: Registry) -> None:
        super().__init__(registry.driver)
        self.read: list[str] = []

    @override
    async def reader(
        self, path: str, offset: int = 0, length: int | None = None, *, must_exist: bool = False
    ) -> FileReader:
        self.read.append(path)
        return await super().reader(path, offset, length, must_exist=must_exist)

    @override
    async def get_content(self, path: str, *, must_exist: bool = False) -> Content:
        self.read.append(path)
        return await super().get_content(path, must_exist=must_exist)


def assert_complete(stock: StockRegistry, repo: Repository, blob: bytes = BLOB) -> None:
    """Both serve *blob*, and nothing is left of its upload."""
    assert blob_of(stock, NAME, Digest.of(blob)).body == blob
    assert repo.blobs.get(Digest.of(blob)) == blob
    assert list(repo.uploads.all()) == []
    uploads = stock.root / UploadsRoot(NAME).path
    assert not uploads.exists() or not any(uploads.iterdir())


def park(repo: Repository, *chunks: bytes) -> str:
    """Begin an upload, and park it after each of *chunks*; return its id."""
    upload = repo.uploads.create()
    for chunk in chunks:
        upload.write(chunk)
        upload.park()
        upload = repo.uploads.resume(upload.id)
    if not chunks:
        upload.park()
    return upload.id


@pytest.mark.parametrize("chunks", [(BLOB[:CUT],), (BLOB[:5], BLOB[5:CUT]), ()])
def test_regstore_finishes_what_stock_began(
    stock: StockRegistry, registry: Registry, repo: Repository, chunks: tuple[bytes, ...]
) -> None:
    begun = StockUpload.begin(stock, NAME)
    for chunk in chunks:
        begun.patch(chunk)
    taken = len(b"".join(chunks))
    assert [info.upload_id for info in repo.uploads.all()] == [begun.id]

    recording = Recording(registry)
    upload = Registry(recording).repository(NAME).uploads.resume(begun.id)
    upload.write(BLOB[taken:], offset=taken)
    assert upload.digest() == Digest.of(BLOB)
    assert upload.commit(Digest.of(BLOB), size=len(BLOB)).size == len(BLOB)

    data = {UploadData(NAME, begun.id).path, BlobData(Digest.of(BLOB)).path}
    assert data.isdisjoint(recording.read), "the data was read again"
    assert any("/hashstates/sha256/" in path for path in recording.read)
    assert_complete(stock, repo)


@pytest.mark.parametrize("chunks", [(BLOB[:CUT],), (BLOB[:5], BLOB[5:CUT]), ()])
def test_stock_finishes_what_regstore_began(
    stock: StockRegistry, repo: Repository, chunks: tuple[bytes, ...]
) -> None:
    upload_id = park(repo, *chunks)
    taken = len(b"".join(chunks))
    state = stock.root / UploadHashState(NAME, upload_id, "sha256", taken).path
    assert state.exists(), "a state is saved at the size that was parked"

    adopted = StockUpload.adopt(stock, NAME, upload_id, taken)
    adopted.patch(BLOB[taken : taken + 10])
    answer = adopted.put(Digest.of(BLOB), BLOB[taken + 10 :])
    assert answer.status == 201, answer
    assert_complete(stock, repo)


def test_stock_trusts_the_state_that_regstore_saved(stock: StockRegistry, repo: Repository) -> None:
    # Other bytes in place of the parked ones: whoever read them again would find another digest.
    upload_id = park(repo, BLOB[:CUT])
    (stock.root / UploadData(NAME, upload_id).path).write_bytes(bytes(CUT))
    adopted = StockUpload.adopt(stock, NAME, upload_id, CUT)
    assert adopted.put(Digest.of(BLOB), BLOB[CUT:]).status == 201


def test_an_upload_goes_back_and_forth(stock: StockRegistry, repo: Repository) -> None:
    begun = StockUpload.begin(stock, NAME)
    begun.patch(BLOB[:1000])
    upload = repo.uploads.resume(begun.id)
    upload.write(BLOB[1000:2000])
    upload.park()
    adopted = StockUpload.adopt(stock, NAME, begun.id, 2000)
    adopted.patch(BLOB[2000:3000])
    upload = repo.uploads.resume(begun.id)
    upload.write(BLOB[3000:])
    upload.commit(Digest.of(BLOB))
    assert_complete(stock, repo)


def test_stock_tells_where_a_parked_upload_stands(stock: StockRegistry, repo: Repository) -> None:
    upload_id = park(repo, BLOB[:CUT])
    answer = ask("GET", StockUpload.adopt(stock, NAME, upload_id, CUT).location)
    assert (answer.status, answer.headers["Range"]) == (204, f"0-{CUT - 1}")


def test_an_empty_blob_is_finished_by_the_other(stock: StockRegistry, repo: Repository) -> None:
    adopted = StockUpload.adopt(stock, NAME, park(repo), 0)
    assert adopted.put(Digest.of(b"")).status == 201
    assert_complete(stock, repo, b"")
    begun = StockUpload.begin(stock, NAME)
    repo.uploads.resume(begun.id).commit(Digest.of(b""))
    assert_complete(stock, repo, b"")


def test_each_cancels_what_the_other_began(stock: StockRegistry, repo: Repository) -> None:
    begun = StockUpload.begin(stock, NAME)
    begun.patch(BLOB[:CUT])
    repo.uploads.resume(begun.id).cancel()
    assert ask("GET", begun.location).status == 404

    upload_id = park(repo, BLOB[:CUT])
    location = StockUpload.adopt(stock, NAME, upload_id, CUT).location
    assert ask("DELETE", location).status == 204
    with pytest.raises(BlobUploadUnknownError):
        repo.uploads.resume(upload_id).status()
    assert list(repo.uploads.all()) == []


def test_an_object_that_lags_behind_stock_is_refused(
    stock: StockRegistry, repo: Repository
) -> None:
    begun = StockUpload.begin(stock, NAME)
    begun.patch(BLOB[:1000])
    with pytest.raises(UploadOffsetError) as caught:
        repo.uploads.resume(begun.id).write(BLOB[500:], offset=500)
    assert caught.value.offset == 1000


def test_a_state_that_no_one_can_read_costs_only_time(
    stock: StockRegistry, repo: Repository
) -> None:
    begun = StockUpload.begin(stock, NAME)
    begun.patch(BLOB[:CUT])
    (stock.root / UploadHashState(NAME, begun.id, "sha256", CUT).path).write_bytes(b"from 2015")
    upload = repo.uploads.resume(begun.id)
    upload.write(BLOB[CUT:])
    upload.commit(Digest.of(BLOB))
    assert_complete(stock, repo)
