"""The tree under ``docker/registry/v2``, which CNCF distribution reads and writes too.

Source: distribution, ``registry/storage/paths.go``; the same from 2.0 to 3.1. Names in double
backquotes are its names for the same thing.
"""

from __future__ import annotations

from regstore.layout.fields import (
    ByAlgorithm,
    ByDigest,
    ByPrefix,
    InRepository,
    InRepositoryByAlgorithm,
    InRepositoryByDigest,
    OfTag,
    OfTagByAlgorithm,
    OfTagByDigest,
    OfUpload,
    OfUploadAtOffset,
    OfUploadByAlgorithm,
)
from regstore.layout.spec import PathSpec, directory, file

ROOT = "docker/registry/v2"
REPOSITORIES = ROOT + "/repositories"
REPOSITORY = REPOSITORIES + "/{name}"
REVISIONS = REPOSITORY + "/_manifests/revisions"
REVISION = REVISIONS + "/{digest.algorithm}/{digest.hex}"
TAGS = REPOSITORY + "/_manifests/tags"
TAG_INDEX = TAGS + "/{tag}/index"
TAG_INDEX_ENTRY = TAG_INDEX + "/{digest.algorithm}/{digest.hex}"
LAYERS = REPOSITORY + "/_layers"
LAYER = LAYERS + "/{digest.algorithm}/{digest.hex}"
UPLOAD = REPOSITORY + "/_uploads/{upload_id}"
BLOBS = ROOT + "/blobs"
BLOB = BLOBS + "/{digest.algorithm}/{digest.hex:.2}/{digest.hex}"


@directory(ROOT)
class RegistryRoot(PathSpec):
    """Everything that stock software knows of."""

    __slots__ = ()


@directory(REPOSITORIES)
class RepositoriesRoot(PathSpec):
    """All repositories (``repositoriesRootPathSpec``)."""

    __slots__ = ()


@directory(REPOSITORY)
class RepositoryRoot(InRepository):
    """A repository, or a mere part of the names below it: ``a`` exists for ``a/b`` alone, too."""

    __slots__ = ()


@directory(REPOSITORY + "/_manifests")
class ManifestsRoot(InRepository):
    """What makes ``name`` a repository of the catalog since 3.0 (``manifestsPathSpec``)."""

    __slots__ = ()


@directory(REVISIONS)
class RevisionsRoot(InRepository):
    """The manifests of a repository (``manifestRevisionsPathSpec``)."""

    __slots__ = ()


@directory(REVISIONS + "/{algorithm}")
class RevisionsAlgorithm(InRepositoryByAlgorithm):
    """The manifests of a repository whose digests share an algorithm; lists their hex parts."""

    __slots__ = ()


@directory(REVISION)
class Revision(InRepositoryByDigest):
    """A manifest of a repository (``manifestRevisionPathSpec``)."""

    __slots__ = ()


@file(REVISION + "/link")
class RevisionLink(InRepositoryByDigest):
    """Makes a manifest part of a repository; holds its digest (``manifestRevisionLinkPathSpec``).

    The body of the manifest is the blob of this digest.
    """

    __slots__ = ()


@directory(TAGS)
class TagsRoot(InRepository):
    """The tags of a repository (``manifestTagsPathSpec``); lists their names."""

    __slots__ = ()


@directory(TAGS + "/{tag}")
class Tag(OfTag):
    """A tag and its history (``manifestTagPathSpec``)."""

    __slots__ = ()


@directory(TAGS + "/{tag}/current")
class TagCurrent(OfTag):
    """Where the link of a tag lies, alone."""

    __slots__ = ()


@file(TAGS + "/{tag}/current/link")
class TagCurrentLink(OfTag):
    """What the tag names now: a digest (``manifestTagCurrentPathSpec``)."""

    __slots__ = ()


@directory(TAG_INDEX)
class TagIndex(OfTag):
    """What the tag has named (``manifestTagIndexPathSpec``)."""

    __slots__ = ()


@directory(TAG_INDEX + "/{algorithm}")
class TagIndexAlgorithm(OfTagByAlgorithm):
    """What the tag has named, of one algorithm; lists the hex parts."""

    __slots__ = ()


@directory(TAG_INDEX_ENTRY)
class TagIndexEntry(OfTagByDigest):
    """A manifest that the tag has named (``manifestTagIndexEntryPathSpec``)."""

    __slots__ = ()


@file(TAG_INDEX_ENTRY + "/link")
class TagIndexLink(OfTagByDigest):
    """Says that the tag has named this digest (``manifestTagIndexEntryLinkPathSpec``)."""

    __slots__ = ()


@directory(LAYERS)
class LayersRoot(InRepository):
    """The blobs of a repository (``layersPathSpec``)."""

    __slots__ = ()


@directory(LAYERS + "/{algorithm}")
class LayersAlgorithm(InRepositoryByAlgorithm):
    """The blobs of a repository whose digests share an algorithm; lists their hex parts."""

    __slots__ = ()


@directory(LAYER)
class Layer(InRepositoryByDigest):
    """Where the link of a blob lies, alone."""

    __slots__ = ()


@file(LAYER + "/link")
class LayerLink(InRepositoryByDigest):
    """Makes a blob part of a repository (``layerLinkPathSpec``).

    Holds the digest under which the data lies. Stock writes a second link under the digest that the
    client gave, when that was another; this *alias link* holds the sha256 digest all the same
    (``linkedblobstore.go``, ``linkBlob``).
    """

    __slots__ = ()


@directory(REPOSITORY + "/_uploads")
class UploadsRoot(InRepository):
    """The uploads in progress of a repository; lists their ids."""

    __slots__ = ()


@directory(UPLOAD)
class Upload(OfUpload):
    """An upload in progress."""

    __slots__ = ()


@file(UPLOAD + "/data")
class UploadData(OfUpload):
    """The bytes of an upload so far (``uploadDataPathSpec``)."""

    __slots__ = ()


@file(UPLOAD + "/startedat")
class UploadStartedAt(OfUpload):
    """When an upload began; without it the upload is unknown (``uploadStartedAtPathSpec``)."""

    __slots__ = ()


@file(UPLOAD + "/purging")
class UploadPurging(OfUpload):
    """Says since when somebody ends this upload for its client; empty."""

    __slots__ = ()


@file(UPLOAD + "/sealed")
class UploadSealed(OfUpload):
    """The whole content of an upload, which is being verified; regstore's own, stock ignores it."""

    __slots__ = ()


@directory(UPLOAD + "/hashstates")
class UploadHashStatesRoot(OfUpload):
    """The hash states of an upload."""

    __slots__ = ()


@directory(UPLOAD + "/hashstates/{algorithm}")
class UploadHashStates(OfUploadByAlgorithm):
    """The hash states of one algorithm (``uploadHashStatePathSpec``, ``list``); lists offsets."""

    __slots__ = ()


@file(UPLOAD + "/hashstates/{algorithm}/{offset}")
class UploadHashState(OfUploadAtOffset):
    """The state of the hash after ``offset`` bytes, since 2.0 (``uploadHashStatePathSpec``).

    What the bytes mean depends on the writer: Go's ``MarshalBinary`` from 2.7, gob before.
    """

    __slots__ = ()


@directory(BLOBS)
class BlobsRoot(PathSpec):
    """All content of all repositories, once each (``blobsPathSpec``)."""

    __slots__ = ()


@directory(BLOBS + "/{algorithm}")
class BlobsAlgorithm(ByAlgorithm):
    """All content whose digests share an algorithm; lists prefixes."""

    __slots__ = ()


@directory(BLOBS + "/{algorithm}/{prefix}")
class BlobsShard(ByPrefix):
    """All content whose digests share an algorithm and the first byte; lists hex parts."""

    __slots__ = ()


@directory(BLOB)
class Blob(ByDigest):
    """Where the data of a digest lies, alone (``blobPathSpec``)."""

    __slots__ = ()


@file(BLOB + "/data")
class BlobData(ByDigest):
    """The content whose digest this is (``blobDataPathSpec``): layers, configs, manifests alike."""

    __slots__ = ()
