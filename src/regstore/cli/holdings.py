"""What a repository holds, as rows; what cannot be read is a row with the reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from functools import cached_property, partial

from regstore import Repository
from regstore.digest import Digest
from regstore.errors import PermissionDeniedError, RegistryError

Row = dict[str, object]


class Section(StrEnum):
    """A part of what a repository holds."""

    TAGS = "tags"
    MANIFESTS = "manifests"
    BLOBS = "blobs"
    UPLOADS = "uploads"
    REFERRERS = "referrers"


class Holdings:
    """Reads a repository without changing it."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    def sections(self, only: Sequence[Section]) -> dict[str, list[Row]]:
        """Return the rows of the sections *only*, by title.

        :raises NameUnknownError: there is no such repository.
        """
        self._repository.tags.page(1)
        rows: dict[Section, Callable[[], list[Row]]] = {
            Section.TAGS: lambda: self.tags,
            Section.MANIFESTS: lambda: self.manifests,
            Section.BLOBS: lambda: list(self.blobs()),
            Section.UPLOADS: lambda: list(self.uploads()),
            Section.REFERRERS: lambda: list(self.referrers()),
        }
        return {section.value: rows[section]() for section in Section if section in only}

    @cached_property
    def tags(self) -> list[Row]:
        """The tags, and what they name."""
        names = self._repository.tags.all()
        return [_read({"tag": tag}, partial(self._named, tag)) for tag in names]

    @cached_property
    def manifests(self) -> list[Row]:
        """The manifests, with their tags."""
        tags: dict[object, list[object]] = {}
        for row in self.tags:
            tags.setdefault(row.get("digest"), []).append(row["tag"])
        return [
            _read(
                {"digest": digest, "tags": tags.get(digest, [])}, partial(self._described, digest)
            )
            for digest in sorted(self._repository.manifests.all())
        ]

    def blobs(self) -> Iterator[Row]:
        """Yield the blobs."""
        for digest in sorted(self._repository.blobs.all()):
            yield _read({"digest": digest}, partial(self._sized, digest))

    def uploads(self) -> Iterator[Row]:
        """Yield the uploads in progress."""
        for upload in self._repository.uploads.all():
            yield {"upload": upload.upload_id, "startedAt": upload.started_at.isoformat()}

    def referrers(self) -> Iterator[Row]:
        """Yield which manifest refers to which, as the manifests say it."""
        keys = ("subject", "digest", "artifactType", "size")
        for row in self.manifests:
            if "subject" in row:
                yield {key: row[key] for key in keys}

    def _named(self, tag: str) -> Row:
        return {"digest": self._repository.tags.get(tag)}

    def _described(self, digest: Digest) -> Row:
        manifest = self._repository.manifests.get(digest)
        row: Row = {"mediaType": manifest.media_type, "size": manifest.descriptor.size}
        subject = manifest.document.subject
        if subject is not None:
            row |= {"artifactType": manifest.document.artifact_type, "subject": subject.digest}
        return row

    def _sized(self, digest: Digest) -> Row:
        return {"size": self._repository.blobs.stat(digest).size}


def _read(row: Row, more: Callable[[], Row]) -> Row:
    try:
        return row | more()
    except (PermissionDeniedError, RegistryError) as error:
        return row | {"error": str(error)}
