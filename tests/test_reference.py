from __future__ import annotations

import string
from datetime import timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from regstore.digest import Digest
from regstore.errors import DigestInvalidError, NameInvalidError, TagInvalidError
from regstore.reference import NAME_LENGTH_MAX, check_name, check_tag, parse_reference
from tests import cases

ALPHANUMERIC = string.ascii_lowercase + string.digits
SHA256 = "sha256:" + "0" * 64

words = st.text(ALPHANUMERIC, min_size=1, max_size=12)
separators = st.sampled_from([".", "_", "__", "-", "--", "---"])
components = st.lists(st.tuples(words, separators), max_size=3).flatmap(
    lambda pairs: words.map(lambda last: "".join(w + s for w, s in pairs) + last)
)
names = st.lists(components, min_size=1, max_size=5).map("/".join)


def component_by_hand(component: str) -> bool:
    """Say whether the grammar has ``component``; its separators are the runs of the rest."""
    for letter in ALPHANUMERIC:
        component = component.replace(letter, " ")
    runs = component.split()
    edges = component.startswith(" ") and component.endswith(" ")
    return edges and all(run in {".", "_", "__"} or set(run) == {"-"} for run in runs)


def accepts_name(name: str) -> bool:
    try:
        return check_name(name) is name
    except NameInvalidError as error:
        return error.name != name


@given(names)
def test_every_name_of_the_grammar_is_accepted(name: str) -> None:
    assert accepts_name(name) == (len(name) <= NAME_LENGTH_MAX)


@given(st.text("a0._-/", max_size=12))
@example("a___b")
@example("a._b")
@example("a\n")
def test_a_name_is_accepted_exactly_when_each_component_is_one(name: str) -> None:
    assert accepts_name(name) == all(map(component_by_hand, name.split("/")))


@given(names, st.sampled_from(list("\n\x00 :@A^~%\\\u00e9\u0661")), st.integers(0, 255))
def test_no_other_character_is_accepted_anywhere(name: str, foreign: str, at: int) -> None:
    assert not accepts_name(name[:at] + foreign + name[at:])


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/",
        "a/",
        "/a",
        "a//b",
        ".",
        "..",
        "a/../b",
        "../a",
        "a/./b",
        "_manifests",
        "a/_layers/b",
    ],
)
def test_nothing_that_would_bend_a_path_is_a_name(name: str) -> None:
    assert not accepts_name(name)


@pytest.mark.parametrize("name", ["localhost:5000/app", "[fc00::1]/app", "Example.com/app"])
def test_the_host_of_a_registry_is_no_part_of_a_name(name: str) -> None:
    with pytest.raises(NameInvalidError, match="registry's host"):
        check_name(name)


def test_a_name_has_at_most_255_characters_slashes_included() -> None:
    longest = "a/" * 127 + "a"
    assert check_name(longest) == longest
    with pytest.raises(NameInvalidError, match="256"):
        check_name(longest + "a")


def accepts_tag(tag: str) -> bool:
    try:
        return check_tag(tag) is tag
    except TagInvalidError as error:
        return error.tag != tag


@given(st.text(string.ascii_letters + string.digits + "_.-", max_size=130))
def test_a_tag_is_1_to_128_word_characters_dots_and_dashes(tag: str) -> None:
    assert accepts_tag(tag) == (0 < len(tag) <= 128 and tag[0] not in ".-")


@given(
    st.text("aZ0_", min_size=1, max_size=5),
    st.sampled_from(list("\n\x00 :@/~+\u00e9\u0661\u00aa")),
    st.integers(0, 5),
)
def test_no_other_character_is_in_a_tag(tag: str, foreign: str, at: int) -> None:
    assert not accepts_tag(tag[:at] + foreign + tag[at:])


def test_128_characters_are_a_tag_and_129_are_none() -> None:
    assert accepts_tag("v" * 128)
    assert not accepts_tag("v" * 129)


@settings(deadline=timedelta(seconds=2))
@given(
    st.sampled_from(["a", "a.", "a-", "-", "a__", "a/", "/", "a_-", "sha256:", "0"]),
    st.sampled_from(["", "!", "/", "\n", "-"]),
)
def test_long_hostile_text_costs_no_more_than_its_length(unit: str, end: str) -> None:
    text = unit * (100_000 // len(unit)) + end
    for check in (check_name, check_tag, parse_reference):
        with pytest.raises((NameInvalidError, TagInvalidError, DigestInvalidError)) as caught:
            check(text)
        assert len(str(caught.value)) < 1000


def test_a_reference_with_a_colon_is_a_digest() -> None:
    digest = parse_reference(SHA256)
    assert type(digest) is Digest
    assert digest == SHA256
    for wrong in ("sha256:0", "latest:", ":", "library/alpine:3"):
        with pytest.raises(DigestInvalidError):
            parse_reference(wrong)


def test_a_reference_without_a_colon_is_a_tag() -> None:
    assert type(parse_reference("latest")) is str
    assert parse_reference("0" * 64) == "0" * 64
    for wrong in ("", "-", "a/b", "v1@x"):
        with pytest.raises(TagInvalidError):
            parse_reference(wrong)


def without_host(name: str) -> bool:
    return not set(name) & set(":[" + string.ascii_uppercase)


def test_the_names_of_reference_regexp_hold() -> None:
    # full_name is our name, but for hosts that could be nothing else (a port, an address in
    # brackets, upper case): those are the client's. For the same reason "domain" is left out;
    # "identifier" too, as a bare image id is the client's short form. Regular expressions do not
    # count: one row is longer than any name may be.
    for row in cases.load("reference_regexp")["full_name"]:
        fits = len(row["input"]) <= NAME_LENGTH_MAX
        expected = row["match"] and fits and without_host(row["input"])
        assert accepts_name(row["input"]) == expected, row["input"]


def test_the_tags_and_digests_of_reference_regexp_hold() -> None:
    # The client takes "name:tag@digest" apart; what comes out is ours. Rows that fail because of
    # the name's host are left out.
    rows = cases.load("reference_regexp")["reference"]
    for row in rows:
        _, tag, digest = row.get("subs", ["", "", ""])
        assert not tag or parse_reference(tag) == tag
        assert not digest or type(parse_reference(digest)) is Digest
    wrong = [row["input"] for row in rows if not row["match"]]
    wrong_digests = [text.partition("@")[2] for text in wrong if "@" in text and "http" not in text]
    assert len(wrong_digests) == 3
    for text in wrong_digests:
        with pytest.raises(DigestInvalidError):
            Digest(text)
    assert not accepts_tag("invalid~tag")
    assert any(text.endswith(":invalid~tag") for text in wrong)


def test_the_repository_names_hold() -> None:
    # That table's parser is the client's: it adds "docker.io" and refuses 64 hexadecimal digits,
    # which it could not tell from an image id. A registry has no such doubt.
    table = cases.load("repository_names")
    image_id = "1a3f5e7d9c1b3a5f7e9d1c3b5a7f9e1d3c5b7a9f1e3d5d7c9b1a3f5e7d9c1b3a"
    for name in table["valid"] + table["remote_valid"]:
        assert accepts_name(name) == without_host(name), name
    for name in table["invalid"] + table["remote_invalid"]:
        assert accepts_name(name) == (name == image_id), name
    for row in table["repository_info"]:
        assert accepts_name(row["RemoteName"])
