from __future__ import annotations

import copy
import hashlib
import pickle
import string
import sys
from datetime import timedelta

import blake3
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from regstore.digest import ALGORITHMS, Digest
from regstore.errors import DigestInvalidError, UnsupportedAlgorithmError
from tests import cases

HELLO = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

digests = st.sampled_from(sorted(ALGORITHMS.items())).flatmap(
    lambda item: st.text("0123456789abcdef", min_size=item[1], max_size=item[1]).map(
        lambda encoded: f"{item[0]}:{encoded}"
    )
)
nearly = st.builds(
    "{}{}{}".format,
    st.sampled_from(["sha256", "sha384", "sha512", "blake3", "md5", "sha256+b64", "", "SHA256"])
    | st.text("ab9.+_-", max_size=8),
    st.sampled_from([":", "", "::", ": ", ":\n"]),
    st.integers(0, 130).flatmap(lambda n: st.text("09afAFg=_-!\n", min_size=n, max_size=n)),
)


def by_hand(value: str) -> type[DigestInvalidError] | None:
    """What the rules of go-digest say of ``value``, worked out without regular expressions."""
    algorithm, _, encoded = value.partition(":")
    if algorithm in ALGORITHMS:
        right = len(encoded) == ALGORITHMS[algorithm] and set(encoded) <= set("0123456789abcdef")
        return None if right else DigestInvalidError
    for separator in ".+_-":
        algorithm = algorithm.replace(separator, " ")
    parts = algorithm.split(" ")
    lower = set(string.ascii_lowercase + string.digits)
    named = all(part and set(part) <= lower for part in parts)
    base64 = set(string.ascii_letters + string.digits + "=_-")
    grammatical = named and encoded != "" and set(encoded) <= base64
    return UnsupportedAlgorithmError if grammatical else DigestInvalidError


@given(digests)
def test_a_digest_is_the_string_it_was_made_from(text: str) -> None:
    digest = Digest(text)
    assert digest == text
    assert hash(digest) == hash(text)
    assert f"{digest.algorithm}:{digest.hex}" == text
    assert len(digest.hex) == ALGORITHMS[digest.algorithm]
    assert {text: 1}[digest] == 1


@given(digests | nearly)
@example("md5:0!")
@example("md5:0\n")
def test_what_is_accepted_is_what_the_rules_say(text: str) -> None:
    expected = by_hand(text)
    if expected is None:
        assert Digest(text) == text
        return
    with pytest.raises(DigestInvalidError) as caught:
        Digest(text)
    assert type(caught.value) is expected
    assert (caught.value.digest, caught.value.actual) == (text, None)


@given(digests, st.sampled_from(["\n", " ", "\x00", "\u0661", "A", "g"]), st.integers(0, 140))
def test_one_foreign_character_anywhere_is_refused(text: str, foreign: str, at: int) -> None:
    at = min(at, len(text))
    for spoilt in (text[:at] + foreign + text[at:], text[:at] + foreign + text[at + 1 :]):
        with pytest.raises(DigestInvalidError):
            Digest(spoilt)


@settings(deadline=timedelta(seconds=2))
@given(
    st.sampled_from(["a", "a.", "a-", "sha256", "=", "sha256:", "0", ":", "a+b_"]),
    st.sampled_from(["", ":", ":!", "!", "\n"]),
)
def test_long_hostile_text_costs_no_more_than_its_length(unit: str, end: str) -> None:
    text = unit * (100_000 // len(unit)) + end
    with pytest.raises(DigestInvalidError) as caught:
        Digest(text)
    assert len(str(caught.value)) < 1000


@given(st.binary(max_size=300), st.sampled_from(sorted(ALGORITHMS)))
def test_of_names_the_content(data: bytes, algorithm: str) -> None:
    new = blake3.blake3 if algorithm == "blake3" else getattr(hashlib, algorithm)
    expected = new(data).hexdigest()
    for form in (data, bytearray(data), memoryview(data)):
        assert Digest.of(form, algorithm) == f"{algorithm}:{expected}"


def test_of_is_sha256_unless_told() -> None:
    assert Digest.of(b"hello") == HELLO


def test_a_digest_of_a_digest_is_itself() -> None:
    digest = Digest(HELLO)
    assert Digest(digest) is digest


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_copies_and_pickles_are_digests(protocol: int) -> None:
    digest = Digest(HELLO)
    restored = pickle.loads(pickle.dumps(digest, protocol))  # noqa: S301 - our own bytes
    for again in (restored, copy.copy(digest), copy.deepcopy(digest)):
        assert type(again) is Digest
        assert again == digest


def test_a_digest_is_frozen() -> None:
    digest = Digest(HELLO)
    with pytest.raises(AttributeError):
        digest.hex = "0" * 64  # type: ignore[misc] # that it is refused is what is tested
    with pytest.raises(AttributeError):
        digest.note = "x"  # type: ignore[attr-defined] # likewise


def test_an_unknown_algorithm_is_named_and_the_known_ones_too() -> None:
    with pytest.raises(
        UnsupportedAlgorithmError, match=r"md5.*sha256, sha384, sha512, blake3"
    ) as e:
        Digest("md5:d41d8cd98f00b204e9800998ecf8427e")
    assert e.value.algorithm == "md5"
    with pytest.raises(UnsupportedAlgorithmError) as e:
        Digest.of(b"", "md5")
    assert (e.value.algorithm, e.value.digest, e.value.actual) == ("md5", "", None)


def test_blake3_parses_without_its_extra_and_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "blake3", None)
    assert len(Digest("blake3:" + "0" * 64).hex) == 64
    with pytest.raises(UnsupportedAlgorithmError, match=r"regstore\[blake3\]") as caught:
        Digest.of(b"", "blake3")
    assert caught.value.algorithm == "blake3"


def test_the_table_of_go_digest_holds() -> None:
    # ErrDigestUnsupported is our UnsupportedAlgorithmError, the other two are DigestInvalidError;
    # a length is told from a format by the message. The table registers sha256, sha384, sha512.
    table = cases.load("digest_parse")["parse"]
    for row in table:
        outcome = row.get("Err", "")
        if not outcome:
            digest = Digest(row["Input"])
            assert (digest.algorithm, digest.hex) == (row["Algorithm"], row["Encoded"])
            continue
        with pytest.raises(DigestInvalidError) as caught:
            Digest(row["Input"])
        unsupported = isinstance(caught.value, UnsupportedAlgorithmError)
        assert unsupported == (outcome == "digest.ErrDigestUnsupported"), row
        about_length = "digits, not" in str(caught.value)
        assert about_length == (outcome == "digest.ErrDigestInvalidLength"), row
