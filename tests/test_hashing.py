from __future__ import annotations

import array
import ctypes
import hashlib
import itertools
import math
import mmap
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from typing import ClassVar, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regstore.digest import ALGORITHMS, Digest
from regstore.errors import HashStateInvalidError, UnsupportedAlgorithmError
from regstore.hashing import Hasher
from regstore.hashing.backends import available, choose, proves_itself
from regstore.hashing.engine import Backend
from regstore.hashing.libcrypto import LibcryptoBackend
from regstore.hashing.plain import HashlibBackend
from regstore.hashing.rehashes import RehashesBackend
from tests import cases

BACKENDS = {type(backend).__name__: backend for backend in reversed(list(available()))}
RESUMABLE = ["LibcryptoBackend", "RehashesBackend"]
SHA2 = {"sha256": (4, 64), "sha384": (8, 128), "sha512": (8, 128)}  # bytes of a word, of a block
MAGIC = {"sha256": b"sha\x03", "sha384": b"sha\x04", "sha512": b"sha\x07"}


def on(name: str) -> type[Hasher]:
    if name not in BACKENDS:
        pytest.skip(f"{name} cannot be loaded on this machine")

    class HasherOn(Hasher):
        _backend: ClassVar[Backend] = BACKENDS[name]

    return HasherOn


@pytest.fixture(scope="module", params=[*RESUMABLE, "HashlibBackend"])
def hasher(request: pytest.FixtureRequest) -> type[Hasher]:
    """Hashers on each backend in turn."""
    return on(request.param)


@pytest.fixture(scope="module", params=RESUMABLE)
def resumable(request: pytest.FixtureRequest) -> type[Hasher]:
    """Hashers on each backend that can save a state."""
    return on(request.param)


@pytest.fixture(params=list(SHA2))
def algorithm(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def cut(data: bytes, points: list[int]) -> Iterator[bytes]:
    edges = [0, *sorted(min(point, len(data)) for point in points), len(data)]
    for start, end in itertools.pairwise(edges):
        yield data[start:end]


def hashed(algorithm: str, data: bytes) -> str:
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def taking(hasher: type[Hasher], algorithm: str, data: bytes) -> Hasher:
    taker = hasher(algorithm)
    taker.update(data)
    return taker


def saved(hasher: Hasher) -> bytes:
    state = hasher.state()
    assert state is not None
    return state


def resumed(hasher: type[Hasher], algorithm: str, state: bytes) -> Hasher:
    again = hasher.resume(algorithm, state)
    assert again is not None
    return again


content = st.binary(max_size=700)
points = st.lists(st.integers(0, 700), max_size=6)
algorithms = st.sampled_from(sorted(SHA2))


# Every backend.


@given(data=content, points=points, name=st.sampled_from(sorted(ALGORITHMS)))
def test_content_in_any_pieces_has_its_digest(
    hasher: type[Hasher], data: bytes, points: list[int], name: str
) -> None:
    under_way = hasher(name)
    taken = b""
    for piece in cut(data, points):
        under_way.update(piece)
        taken += piece
        assert under_way.size == len(taken)
        assert under_way.digest() == Digest.of(taken, name)
    assert type(under_way.digest()) is Digest
    assert under_way.algorithm == name


@given(data=content, more=content, name=st.sampled_from(sorted(ALGORITHMS)))
def test_a_copy_goes_its_own_way(hasher: type[Hasher], data: bytes, more: bytes, name: str) -> None:
    first = taking(hasher, name, data)
    second = first.copy()
    second.update(more)
    assert (first.size, first.digest()) == (len(data), Digest.of(data, name))
    first.update(b"x")
    assert (second.size, second.digest()) == (len(data + more), Digest.of(data + more, name))
    assert (type(second), second.algorithm) == (hasher, name)


@pytest.mark.parametrize("length", [0, 1, 64, 300, 70_000])
def test_every_kind_of_buffer_is_taken(hasher: type[Hasher], algorithm: str, length: int) -> None:
    data = bytes(i % 251 for i in range(length)) * 8
    forms: list[bytes | bytearray | memoryview] = [
        data,
        bytearray(data),
        memoryview(data),
        memoryview(bytearray(data)),
        memoryview(b"-" + data + b"-")[1:-1],
        memoryview(array.array("Q", data)),
    ]
    for form in forms:
        under_way = hasher(algorithm)
        under_way.update(form)
        assert (under_way.size, under_way.digest()) == (len(data), hashed(algorithm, data))


def test_a_mapped_file_is_taken_and_let_go(hasher: type[Hasher]) -> None:
    with mmap.mmap(-1, 8192) as mapped:
        mapped[:5] = b"hello"
        under_way = hasher()
        under_way.update(memoryview(mapped))
        mapped.resize(4096)
    assert under_way.digest() == hashed("sha256", b"hello" + bytes(8187))


def test_a_bytearray_can_grow_again_after_it_was_taken(hasher: type[Hasher]) -> None:
    data = bytearray(b"hello")
    under_way = hasher()
    under_way.update(data)
    data.extend(b" world")
    assert under_way.digest() == hashed("sha256", b"hello")


def test_text_is_refused_and_nothing_is_taken(hasher: type[Hasher]) -> None:
    under_way = hasher()
    with pytest.raises(TypeError):
        under_way.update(cast("bytes", "text"))
    under_way.update(b"abc")
    assert (under_way.size, under_way.digest()) == (3, hashed("sha256", b"abc"))


def test_an_unknown_algorithm_is_refused(hasher: type[Hasher]) -> None:
    for make in (hasher, lambda name: hasher.resume(name, b"")):
        with pytest.raises(UnsupportedAlgorithmError) as caught:
            cast("Callable[[str], object]", make)("md5")
        assert caught.value.algorithm == "md5"


def test_blake3_is_hashed_but_never_saved(
    hasher: type[Hasher], monkeypatch: pytest.MonkeyPatch
) -> None:
    under_way = taking(hasher, "blake3", b"abc")
    assert under_way.digest() == Digest.of(b"abc", "blake3")
    assert under_way.state() is None
    assert hasher.resume("blake3", b"") is None
    monkeypatch.setitem(sys.modules, "blake3", None)
    with pytest.raises(UnsupportedAlgorithmError, match=r"regstore\[blake3\]"):
        hasher("blake3")


def test_hashlib_alone_neither_saves_nor_resumes(resumable: type[Hasher], algorithm: str) -> None:
    plain = on("HashlibBackend")
    assert plain(algorithm).state() is None
    assert plain.resume(algorithm, saved(resumable(algorithm))) is None
    with pytest.raises(HashStateInvalidError):
        plain.resume(algorithm, b"")


# States.


@given(data=content, points=points, name=algorithms)
def test_cut_anywhere_and_resumed_the_digest_is_the_same(
    resumable: type[Hasher], data: bytes, points: list[int], name: str
) -> None:
    state = saved(resumable(name))
    for piece in cut(data, points):
        under_way = resumed(resumable, name, state)
        under_way.update(piece)
        state = saved(under_way)
        assert saved(under_way) == state
        assert saved(resumed(resumable, name, state)) == state
    last = resumed(resumable, name, state)
    assert (last.size, last.digest()) == (len(data), hashed(name, data))


@given(data=content, more=content, name=algorithms)
def test_one_backend_goes_on_where_another_stopped(data: bytes, more: bytes, name: str) -> None:
    states = {saved(taking(on(backend), name, data)) for backend in RESUMABLE}
    assert len(states) == 1
    for backend in RESUMABLE:
        under_way = resumed(on(backend), name, min(states))
        under_way.update(more)
        assert under_way.digest() == hashed(name, data + more)


@given(
    words=st.binary(min_size=64, max_size=64),
    tail=st.binary(min_size=128, max_size=128),
    size=st.integers(0, 2**61 - 1000) | st.integers(2**29 - 300, 2**29 + 300),
    more=content,
    name=algorithms,
)
def test_backends_agree_on_content_too_large_to_hash_here(
    words: bytes, tail: bytes, size: int, more: bytes, name: str
) -> None:
    word, block = SHA2[name]
    padded = tail[: size % block].ljust(block, b"\0")
    state = MAGIC[name] + words[: 8 * word] + padded + struct.pack(">Q", size)
    outcomes = set()
    for backend in RESUMABLE:
        under_way = resumed(on(backend), name, state)
        assert (under_way.size, saved(under_way)) == (size, state)
        under_way.update(more)
        outcomes.add((under_way.digest(), saved(under_way), under_way.size))
    assert len(outcomes) == 1
    assert min(outcomes)[2] == size + len(more)


def initial_words(algorithm: str) -> bytes:
    """FIPS 180-4, 5.3: the leading bits of the fractions of the square roots of primes."""
    primes = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53]
    chosen = primes[8:] if algorithm == "sha384" else primes[:8]
    bits = 8 * SHA2[algorithm][0]
    roots = [math.isqrt(prime << 2 * bits) for prime in chosen]
    return b"".join((root % (1 << bits)).to_bytes(bits // 8, "big") for root in roots)


@pytest.mark.parametrize("text", [b"", b"a", b"abc", b"How can you write a big system?", b"." * 63])
def test_a_state_within_the_first_block_is_as_go_saves_it(
    resumable: type[Hasher], algorithm: str, text: bytes
) -> None:
    block = SHA2[algorithm][1]
    padded = text.ljust(block, b"\0")
    golden = MAGIC[algorithm] + initial_words(algorithm) + padded + struct.pack(">Q", len(text))
    assert len(golden) == {"sha256": 108, "sha384": 204, "sha512": 204}[algorithm]
    assert saved(taking(resumable, algorithm, text)) == golden
    assert resumed(resumable, algorithm, golden).digest() == hashed(algorithm, text)


def padded_message(algorithm: str, text: bytes) -> bytes:
    """FIPS 180-4, 5.1: what is hashed in the end, whole blocks."""
    word, block = SHA2[algorithm]
    zeros = -(len(text) + 1 + 2 * word) % block
    return text + b"\x80" + bytes(zeros) + (8 * len(text)).to_bytes(2 * word, "big")


@given(text=content, tail=st.binary(max_size=63), name=algorithms)
def test_a_state_after_whole_blocks_is_as_go_saves_it(
    resumable: type[Hasher], text: bytes, tail: bytes, name: str
) -> None:
    # The chaining state after a padded message is by definition the digest of the message;
    # SHA-384 cuts it to six of eight words.
    block = SHA2[name][1]
    whole = padded_message(name, text)
    words = hashlib.new(name, text).digest()
    state = saved(taking(resumable, name, whole + tail))
    assert state[:4] == MAGIC[name]
    assert state[4:].startswith(words)
    assert state[-8 - block : -8] == tail.ljust(block, b"\0")
    assert state[-8:] == struct.pack(">Q", len(whole) + len(tail))


@given(data=content, name=algorithms, junk=st.binary(max_size=220))
def test_what_is_no_state_is_refused(
    hasher: type[Hasher], data: bytes, name: str, junk: bytes
) -> None:
    good = saved(taking(on("RehashesBackend"), name, data))
    torn = [good[:-1], good + b"\0", b"", junk, b"\0" * len(good), bytes(4) + good[4:]]
    too_large = good[:-8] + b"\xff" * 8
    overwritten = good[:-9] + b"\x01" + good[-8:]
    other = {"sha256": "sha512", "sha384": "sha512", "sha512": "sha384"}[name]
    foreign = saved(taking(on("RehashesBackend"), other, data))
    for bad in (*torn, too_large, overwritten, foreign):
        with pytest.raises(HashStateInvalidError, match="hash the stored bytes again") as caught:
            hasher.resume(name, bad)
        assert isinstance(caught.value, ValueError)
        assert caught.value.algorithm == name


def test_the_states_that_go_publishes_hold(resumable: type[Hasher]) -> None:
    table = cases.load("hashstate_sha256")
    for row in table["golden"]:
        text = row["input"].encode("latin-1")
        half, rest = text[: row["half_len"]], text[row["half_len"] :]
        state = bytes.fromhex(row["half_state_hex"])
        assert saved(taking(resumable, "sha256", half)) == state
        under_way = resumed(resumable, "sha256", state)
        under_way.update(rest)
        assert under_way.digest().hex == row["sha256"]
    for row in table["large"]:
        under_way = resumed(resumable, "sha256", bytes.fromhex(row["state_hex"]))
        assert under_way.size == row["length"]
        assert under_way.digest().hex == row["sha256_if_finalised"]


# The choice of a backend.


def test_the_best_backend_that_loads_is_chosen() -> None:
    loaded = list(available())
    assert type(choose(loaded)) is type(loaded[0])
    assert all(map(proves_itself, loaded))
    assert type(loaded[-1]) is HashlibBackend


def test_without_ctypes_and_rehashes_hashlib_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("libcrypto", "rehashes"):
        monkeypatch.setitem(sys.modules, f"regstore.hashing.{module}", None)
        monkeypatch.delattr(f"regstore.hashing.{module}", raising=False)
    assert [type(backend) for backend in available()] == [HashlibBackend]


def test_a_library_without_the_functions_is_refused() -> None:
    with pytest.raises(AttributeError):
        LibcryptoBackend(ctypes.CDLL(math.__file__))


Function = Callable[..., int]


class OtherLibcrypto:
    """A libcrypto that keeps its contexts in another way.

    :param offset: what it puts before them, in bytes, as if it had a field of its own there.
    :param rename: which functions it mistakes for others.
    """

    def __init__(self, offset: int = 0, rename: tuple[str, str] = ("", "")) -> None:
        import _hashlib  # noqa: PLC0415 - only where libcrypto is in reach

        self._real = ctypes.CDLL(_hashlib.__file__)
        self._offset = offset
        self._rename = rename

    def __getitem__(self, name: str) -> Function:
        real = self._real[name.replace(*self._rename)]
        pointer, size, offset = ctypes.c_void_p, ctypes.c_size_t, self._offset
        if name.endswith("_Init"):
            kind = ctypes.CFUNCTYPE(ctypes.c_int, pointer)
            return kind(lambda context: int(real(pointer(context + offset))))
        if name.endswith("_Update"):
            kind = ctypes.CFUNCTYPE(ctypes.c_int, pointer, pointer, size)
            return kind(
                lambda context, data, length: int(
                    real(pointer(context + offset), pointer(data), size(length))
                )
            )
        kind = ctypes.CFUNCTYPE(ctypes.c_int, pointer, pointer)
        return kind(lambda digest, context: int(real(pointer(digest), pointer(context + offset))))


@pytest.mark.parametrize(
    ("offset", "rename", "right"),
    [
        (0, ("", ""), True),
        (8, ("", ""), False),
        (0, ("SHA256", "SHA224"), False),
        (0, ("SHA256", "SHA512"), False),
        (0, ("SHA384", "SHA512"), False),
        (104, ("", ""), False),
    ],
)
def test_a_library_that_keeps_its_state_otherwise_is_found_out(
    offset: int, rename: tuple[str, str], *, right: bool
) -> None:
    library = cast("ctypes.CDLL", OtherLibcrypto(offset, rename))
    backend = LibcryptoBackend(library)
    assert proves_itself(backend) is right
    assert type(choose([backend])) is (LibcryptoBackend if right else HashlibBackend)
    assert type(choose([backend, RehashesBackend()])) is (
        LibcryptoBackend if right else RehashesBackend
    )


def test_a_second_thread_meets_an_error_and_spoils_nothing() -> None:
    under_way = on("LibcryptoBackend")()
    piece, expected, met, done = bytes(1 << 20), hashlib.sha256(), "", threading.Event()

    def hash_on() -> None:
        while not done.is_set():
            try:
                under_way.update(piece)
            except RuntimeError:
                continue
            expected.update(piece)

    thread = threading.Thread(target=hash_on)
    thread.start()
    for _ in range(1_000_000):
        try:
            under_way.state()
        except RuntimeError as error:
            met = str(error)
            break
    done.set()
    thread.join()
    assert "another thread" in met
    assert under_way.digest().hex == expected.hexdigest()
