"""What a manifest is made of, down to its blobs."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TypedDict

from regstore import Repository
from regstore.digest import Digest
from regstore.errors import (
    BlobUnknownError,
    ManifestUnknownError,
    PermissionDeniedError,
    RegistryError,
)
from regstore.oci import Descriptor, Reference


class Parts(TypedDict, total=False):
    """A manifest or blob, and what belongs to it; keys as in the specification's JSON.

    ``missing`` is what this repository never had, or deleted. ``error`` says why what it should
    have cannot be read.
    """

    role: str
    mediaType: str
    digest: str
    size: int
    artifactType: str | None
    platform: str
    subject: str
    missing: bool
    error: str
    references: list[Parts]
    referrers: list[Parts]


class Anatomy:
    """Takes the manifests of a repository apart."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    def of_manifest(self, reference: str) -> Parts:
        """Return what the manifest *reference* is made of, and what refers to it.

        :raises ManifestUnknownError: there is no such tag or manifest.
        """
        parts = self._manifest(reference)
        parts["referrers"] = [
            _described(each, "referrer") for each in self._repository.referrers.all(parts["digest"])
        ]
        return parts

    def _manifest(self, reference: str) -> Parts:
        manifest = self._repository.manifests.get(reference)
        parts = _described(manifest.descriptor, "manifest")
        if manifest.document.subject is not None:
            parts["subject"] = manifest.document.subject.digest
        parts["references"] = [self._part(each) for each in manifest.document.references]
        return parts

    def _part(self, reference: Reference) -> Parts:
        parts = _described(reference.descriptor, reference.role)
        digest = reference.descriptor.digest
        try:
            if reference.role == "manifest":
                return parts | {"references": self._manifest(digest)["references"]}
            self._repository.blobs.stat(digest)
        except (BlobUnknownError, ManifestUnknownError) as error:
            if digest not in self._linked:
                return parts | {"missing": True}
            return parts | {"error": f"its data is lost, push it again: {error}"}
        except (PermissionDeniedError, RegistryError) as error:
            return parts | {"error": str(error)}
        return parts

    @cached_property
    def _linked(self) -> frozenset[Digest]:
        """What this repository should have."""
        return frozenset((*self._repository.blobs.all(), *self._repository.manifests.all()))


def errors_in(parts: Parts) -> Iterator[str]:
    """Yield why parts, down to the last, cannot be read."""
    if "error" in parts:
        yield parts["error"]
    for part in parts.get("references", ()):
        yield from errors_in(part)


def _described(descriptor: Descriptor, role: str) -> Parts:
    parts = Parts(
        role=role,
        mediaType=descriptor.media_type,
        digest=descriptor.digest,
        size=descriptor.size,
    )
    if descriptor.artifact_type:
        parts["artifactType"] = descriptor.artifact_type
    if descriptor.platform:
        keys = ("os", "architecture", "variant")
        parts["platform"] = "/".join(
            str(descriptor.platform[key]) for key in keys if key in descriptor.platform
        )
    return parts
