"""Documents are parsed as the specifications say, and refused where two readers could disagree."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regstore.digest import Digest
from regstore.errors import ManifestInvalidError
from regstore.oci import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    DOCKER_SCHEMA1,
    FOREIGN_LAYERS,
    OCI_INDEX,
    OCI_MANIFEST,
    OCTET_STREAM,
    Descriptor,
    Document,
    parse_document,
    sniff,
)

CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
NAME = "library/test"


def described(content: bytes, media_type: str, **fields: object) -> dict[str, object]:
    return {"mediaType": media_type, "digest": Digest.of(content), "size": len(content), **fields}


def image(**fields: object) -> dict[str, object]:
    return {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": described(b"{}", CONFIG_TYPE),
        "layers": [described(b"one", LAYER_TYPE), described(b"two", LAYER_TYPE)],
        **fields,
    }


def index(*children: dict[str, object], **fields: object) -> dict[str, object]:
    return {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list(children), **fields}


def parse(fields: object, media_type: str | None = None) -> Document:
    return parse_document(NAME, json.dumps(fields).encode(), media_type)


def without(fields: dict[str, object], key: str) -> dict[str, object]:
    return {name: value for name, value in fields.items() if name != key}


def test_an_image_refers_to_its_config_and_layers_in_order() -> None:
    document = parse(image())
    assert [(item.role, item.descriptor.digest) for item in document.references] == [
        ("config", Digest.of(b"{}")),
        ("layer", Digest.of(b"one")),
        ("layer", Digest.of(b"two")),
    ]


def test_an_index_tells_manifests_from_other_content() -> None:
    document = parse(index(described(b"m", DOCKER_MANIFEST), described(b"x", "text/plain")))
    assert [item.role for item in document.references] == ["manifest", "blob"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (image(), OCI_MANIFEST),
        (without(image(), "mediaType"), OCI_MANIFEST),
        (without(index(), "mediaType"), OCI_INDEX),
        (image(mediaType=DOCKER_MANIFEST), DOCKER_MANIFEST),
        (index(mediaType=DOCKER_LIST), DOCKER_LIST),
        ({"schemaVersion": 1, "name": "x", "fsLayers": []}, DOCKER_SCHEMA1),
        ({"anything": "else"}, OCTET_STREAM),
        ([], OCTET_STREAM),
    ],
)
def test_the_media_type_is_what_the_body_says_or_looks_like(fields: object, expected: str) -> None:
    assert sniff(json.dumps(fields).encode()) == expected


def test_a_media_type_may_be_sent_with_parameters() -> None:
    assert parse(image(), f"{OCI_MANIFEST}; charset=utf-8").media_type == OCI_MANIFEST


@pytest.mark.parametrize("media_type", sorted(FOREIGN_LAYERS))
def test_layers_to_be_fetched_elsewhere_are_told_apart(media_type: str) -> None:
    layers = [described(b"far", media_type, urls=["https://example.com/layer"])]
    foreign = parse(image(layers=layers)).references[-1]
    assert foreign.is_foreign
    assert foreign.descriptor.urls == ("https://example.com/layer",)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (image(artifactType="application/x-sbom"), "application/x-sbom"),
        (image(), CONFIG_TYPE),
        (image(artifactType=""), CONFIG_TYPE),
        (index(artifactType="application/x-set"), "application/x-set"),
        (index(), None),
    ],
)
def test_the_artifact_type_falls_back_on_the_config(
    fields: dict[str, object], expected: str | None
) -> None:
    assert parse(fields).artifact_type == expected


def test_the_subject_is_kept_apart_from_the_references() -> None:
    subject = described(b"subject", OCI_MANIFEST)
    document = parse(image(subject=subject, annotations={"a": "b"}))
    assert document.subject is not None
    assert document.subject.digest == Digest.of(b"subject")
    assert Digest.of(b"subject") not in {item.descriptor.digest for item in document.references}
    assert document.describe(Digest.of(b"me"), 2).annotations == {"a": "b"}


@pytest.mark.parametrize(
    ("fields", "media_type"),
    [
        ([], None),
        ("text", None),
        ({}, None),
        (image(), DOCKER_MANIFEST),
        (image(schemaVersion=1), None),
        (image(schemaVersion=None), None),
        (image(config=None), None),
        (image(layers="none"), None),
        (image(layers=[{}]), None),
        (image(layers=[described(b"x", LAYER_TYPE) | {"size": -1}]), None),
        (image(layers=[described(b"x", LAYER_TYPE) | {"size": True}]), None),
        (image(layers=[described(b"x", LAYER_TYPE) | {"size": "1"}]), None),
        (image(layers=[described(b"x", LAYER_TYPE) | {"digest": "sha256:short"}]), None),
        (image(layers=[described(b"x", LAYER_TYPE) | {"digest": None}]), None),
        (image(manifests=[]), None),
        (index(layers=[]), None),
        (image(annotations={"a": 1}), None),
        (image(annotations=[]), None),
        (image(layers=""), None),
        (image(subject={}), None),
        (image(subject="x"), None),
        (image(mediaType=7), None),
    ],
)
def test_what_breaks_its_format_is_refused(fields: object, media_type: str | None) -> None:
    with pytest.raises(ManifestInvalidError) as caught:
        parse(fields, media_type)
    assert caught.value.name == NAME


@pytest.mark.parametrize("body", [b"", b"\xff", b"{", b"[" * 100_000, b'{"a":' * 100_000])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(ManifestInvalidError):
        parse_document(NAME, body)


@given(
    st.builds(
        Descriptor,
        media_type=st.text(min_size=1),
        digest=st.binary().map(Digest.of),
        size=st.integers(min_value=0),
        artifact_type=st.none() | st.text(min_size=1),
        annotations=st.dictionaries(st.text(), st.text()),
        urls=st.lists(st.text(), max_size=3).map(tuple),
        platform=st.none() | st.just({"os": "linux", "architecture": "amd64"}),
    )
)
def test_a_descriptor_survives_its_json(descriptor: Descriptor) -> None:
    assert Descriptor.from_json(json.loads(json.dumps(descriptor.to_json()))) == descriptor
