"""What a manifest is made of, down to its blobs."""

from __future__ import annotations

from typing import TypedDict

from regstore import Repository
from regstore.errors import ManifestUnknownError
from regstore.oci import Descriptor, Reference


class Parts(TypedDict, total=False):
    """A manifest or blob, and what belongs to it; keys as in the specification's JSON."""

    role: str
    mediaType: str
    digest: str
    size: int
    artifactType: str | None
    platform: str
    subject: str
    missing: bool
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
        if reference.role != "manifest":
            return parts if self._repository.blobs.exists(digest) else parts | {"missing": True}
        try:
            return parts | {"references": self._manifest(digest)["references"]}
        except ManifestUnknownError:
            return parts | {"missing": True}


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
