from __future__ import annotations

import pickle
from dataclasses import fields
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from regstore import layout
from regstore.digest import ALGORITHMS, Digest
from regstore.driver import check_path
from regstore.layout import Foreign, PathSpec, StockTemporary, parse

UUID = "2f0b9e0c-7d1e-4a53-9f5e-0d6f5b8b1c11"
HEX = "0123456789abcdef"
NAMES = st.from_regex(
    r"[a-z0-9]{1,6}((\.|__?|-{1,3})[a-z0-9]{1,4}){0,2}"
    r"(/[a-z0-9]{1,6}((\.|__?|-{1,3})[a-z0-9]{1,4}){0,2}){0,3}",
    fullmatch=True,
) | st.just("/".join(["a" * 63] * 4))
DIGESTS = st.sampled_from(sorted(ALGORITHMS)).flatmap(
    lambda algorithm: st.text(
        HEX, min_size=ALGORITHMS[algorithm], max_size=ALGORITHMS[algorithm]
    ).map(lambda encoded: Digest(f"{algorithm}:{encoded}"))
)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "name": NAMES,
    "tag": st.from_regex(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}", fullmatch=True),
    "digest": DIGESTS,
    "subject": DIGESTS,
    "signature": DIGESTS,
    "algorithm": st.sampled_from(sorted(ALGORITHMS)),
    "prefix": st.text(HEX, min_size=2, max_size=2),
    "offset": st.integers(0, 2**63 - 1),
    "upload_id": st.uuids().map(str)
    | st.from_regex(r"[a-zA-Z0-9_.-]{1,255}", fullmatch=True).filter(
        lambda text: text not in {".", ".."} and not text.startswith(".regstore-")
    ),
    "collector": st.from_regex(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}", fullmatch=True),
    "nonce": st.text(HEX, min_size=16, max_size=16),
    "version": st.text("v0123456789", min_size=1, max_size=4),
    "hex": st.text(HEX + "ABCDEF", min_size=2, max_size=70),
}


def specs_of(cls: type[PathSpec]) -> st.SearchStrategy[PathSpec]:
    names = [field.name for field in fields(cls)]
    return st.tuples(*(FIELDS[name] for name in names)).map(
        lambda values: cls(**dict(zip(names, values, strict=True)))
    )


TEMPLATED = st.sampled_from(layout.SPECS).flatmap(specs_of)
TEMPORARIES = st.builds(
    "{}.{}.tmp".format,
    TEMPLATED.filter(lambda spec: spec.path.startswith("docker/registry/v2/") and spec.is_file).map(
        lambda spec: spec.path
    ),
    st.uuids(),
).map(StockTemporary)
ANY_SPEC = TEMPLATED | TEMPORARIES


@given(ANY_SPEC)
def test_a_path_is_read_back_as_its_spec(spec: PathSpec) -> None:
    assert parse(spec.path) == spec


@given(ANY_SPEC)
def test_specs_survive_pickling(spec: PathSpec) -> None:
    assert pickle.loads(pickle.dumps(spec)) == spec  # noqa: S301 - our own bytes


@given(TEMPLATED)
def test_every_path_is_one_that_a_driver_takes(spec: PathSpec) -> None:
    assert check_path(spec.path) == spec.path


@given(TEMPLATED, TEMPLATED)
def test_different_specs_have_different_paths(one: PathSpec, other: PathSpec) -> None:
    assert (one == other) == (one.path == other.path)


@given(ANY_SPEC)
def test_upload_data_is_told_from_the_rest(spec: PathSpec) -> None:
    assert layout.is_upload_data(spec.path) == isinstance(spec, layout.UploadData)


# Mutations of real paths reach far deeper into the parser than random text does.
SEGMENTS = st.sampled_from(
    [
        *("", ".", "..", "_", "_manifests", "_layers", "_uploads", "_subjects", "_complete"),
        *("revisions", "tags", "current", "index", "link", "data", "hashstates", "signatures"),
        *(
            "tarsum",
            "sha256",
            "b64",
            "ab",
            "ab" * 32,
            "{}",
            "{name}",
            "%s",
            "-1",
            "007",
            "\u0661",
            "9" * 5000,
        ),
        *(".regstore-x", f"link.{UUID}.tmp", f".{UUID}.tmp", "ä", "\n", "\ud800", "\0", "a\n"),
    ]
)


@st.composite
def mutated_paths(draw: st.DrawFn) -> str:
    segments = draw(ANY_SPEC).path.split("/")
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(segments)))
        width = draw(st.integers(0, 1))
        segments[at : at + width] = draw(st.lists(SEGMENTS, max_size=2))
    return "/".join(segments)


@given(st.text() | st.lists(SEGMENTS).map("/".join) | mutated_paths())
@example("")
@example("/")
@example("docker/registry/v2/repositories/" + "a/" * 100_000)
@example("docker/registry/v2/x" + f".{UUID}.tmp" * 2_000)
def test_parse_never_raises_and_never_renames(path: str) -> None:
    found = parse(path)
    assert found.path == path
    if isinstance(found, Foreign):
        assert found.reason
    else:
        assert check_path(path) == path
