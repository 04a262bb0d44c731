"""Where everything lies in a store: every path from its spec, and every path back to its spec.

::

    docker/registry/v2                                      RegistryRoot
    ├── blobs                                               BlobsRoot
    │   └── <alg>                                           BlobsAlgorithm
    │       └── <first two digits of hex>                   BlobsShard
    │           └── <hex>                                   Blob
    │               └── data                                BlobData: the content itself
    └── repositories                                        RepositoriesRoot
        └── <name>                                          RepositoryRoot: names nest, as a/b
            ├── _layers                                     LayersRoot
            │   └── <alg>                                   LayersAlgorithm
            │       └── <hex>                               Layer
            │           └── link                            LayerLink: a digest
            ├── _manifests                                  ManifestsRoot
            │   ├── revisions                               RevisionsRoot
            │   │   └── <alg>                               RevisionsAlgorithm
            │   │       └── <hex>                           Revision
            │   │           └── link                        RevisionLink: a digest
            │   └── tags                                    TagsRoot
            │       └── <tag>                               Tag
            │           ├── current                         TagCurrent
            │           │   └── link                        TagCurrentLink: a digest
            │           └── index                           TagIndex
            │               └── <alg>                       TagIndexAlgorithm
            │                   └── <hex>                   TagIndexEntry
            │                       └── link                TagIndexLink: a digest
            └── _uploads                                    UploadsRoot
                └── <upload id>                             Upload
                    ├── data                                UploadData: the bytes so far
                    ├── hashstates                          UploadHashStatesRoot
                    │   └── <alg>                           UploadHashStates
                    │       └── <offset>                    UploadHashState: a saved hash
                    ├── purging                             UploadPurging: being ended
                    ├── sealed                              UploadSealed: being verified
                    └── startedat                           UploadStartedAt: a time

    docker/registry/regstore/v1                             StateRoot: ours, stock never walks it
    ├── caps.json                                           Caps
    ├── format                                              Format
    ├── gc                                                  CollectionRoot
    │   ├── condemned                                       TombstonesRoot
    │   │   └── <alg>/<first two digits>/<hex>              Tombstones
    │   │       └── <collector>                             Tombstone: a verdict as JSON
    │   ├── saved                                           SavedRoot
    │   │   └── <alg>/<first two digits>/<hex>              SavedDigest: a claim as JSON
    │   ├── state                                           CollectionState: JSON
    │   └── trash                                           TrashRoot
    │       └── <alg>/<first two digits>/<hex>              Trash
    │           └── <collector>/data                        Quarantined: a copy of the content
    ├── probes                                              ProbesRoot
    │   └── <nonce>                                         ProbeScratch
    └── referrers/<name>                                    ReferrersRoot
        ├── _complete                                       ReferrersComplete
        └── _subjects                                       SubjectsRoot
            └── <alg>                                       SubjectsAlgorithm
                └── <hex>                                   Subject
                    └── <alg>                               ReferrersAlgorithm
                        └── <hex>                           Referrer: a descriptor as JSON

Registries 2.0 to 3.1 may have left, and regstore never writes::

    .../revisions/<alg>/<hex>/signatures                    SignaturesRoot
    .../revisions/<alg>/<hex>/signatures/<alg>/<hex>/link   SignatureLink
    .../_layers/tarsum/<version>/<alg>/<hex>/link           TarsumLayerLink
    .../blobs/tarsum/<version>/<alg>/<2 digits>/<hex>/data  TarsumBlobData
    <any file>.<uuid>.tmp                                   StockTemporary

Everything else is :class:`Foreign`, and says why. Nothing here does I/O.

Source of the first tree: CNCF distribution, ``registry/storage/paths.go``, the same from 2.0 to
3.1, with its root ``/docker/registry/v2``; paths here are relative to the driver's root, so ``/x``
there is ``x`` here. All algorithms lie the same way. That the first tree has the shape that stock
reads and writes is promised; the second may change with its ``v1``.
"""

from __future__ import annotations

from regstore.layout.bodies import format_startedat, link_body, parse_link, parse_startedat
from regstore.layout.collection import (
    CollectionRoot,
    CollectionState,
    Quarantined,
    SavedDigest,
    SavedRoot,
    Tombstone,
    Tombstones,
    TombstonesRoot,
    Trash,
    TrashRoot,
)
from regstore.layout.fields import check_algorithm, check_upload_id
from regstore.layout.legacy import SignatureLink, SignaturesRoot, TarsumBlobData, TarsumLayerLink
from regstore.layout.own import (
    Caps,
    Format,
    ProbeScratch,
    ProbesRoot,
    Referrer,
    ReferrersAlgorithm,
    ReferrersComplete,
    ReferrersRoot,
    StateRoot,
    Subject,
    SubjectsAlgorithm,
    SubjectsRoot,
)
from regstore.layout.parsing import SPECS, StockTemporary, is_upload_data, parse
from regstore.layout.spec import Foreign, PathSpec
from regstore.layout.v2 import (
    Blob,
    BlobData,
    BlobsAlgorithm,
    BlobsRoot,
    BlobsShard,
    Layer,
    LayerLink,
    LayersAlgorithm,
    LayersRoot,
    ManifestsRoot,
    RegistryRoot,
    RepositoriesRoot,
    RepositoryRoot,
    Revision,
    RevisionLink,
    RevisionsAlgorithm,
    RevisionsRoot,
    Tag,
    TagCurrent,
    TagCurrentLink,
    TagIndex,
    TagIndexAlgorithm,
    TagIndexEntry,
    TagIndexLink,
    TagsRoot,
    Upload,
    UploadData,
    UploadHashState,
    UploadHashStates,
    UploadHashStatesRoot,
    UploadPurging,
    UploadSealed,
    UploadsRoot,
    UploadStartedAt,
)
from regstore.layout.verdicts import Collecting, Stage, Verdict, saved_body

__all__ = [
    "SPECS",
    "Blob",
    "BlobData",
    "BlobsAlgorithm",
    "BlobsRoot",
    "BlobsShard",
    "Caps",
    "Collecting",
    "CollectionRoot",
    "CollectionState",
    "Foreign",
    "Format",
    "Layer",
    "LayerLink",
    "LayersAlgorithm",
    "LayersRoot",
    "ManifestsRoot",
    "PathSpec",
    "ProbeScratch",
    "ProbesRoot",
    "Quarantined",
    "Referrer",
    "ReferrersAlgorithm",
    "ReferrersComplete",
    "ReferrersRoot",
    "RegistryRoot",
    "RepositoriesRoot",
    "RepositoryRoot",
    "Revision",
    "RevisionLink",
    "RevisionsAlgorithm",
    "RevisionsRoot",
    "SavedDigest",
    "SavedRoot",
    "SignatureLink",
    "SignaturesRoot",
    "Stage",
    "StateRoot",
    "StockTemporary",
    "Subject",
    "SubjectsAlgorithm",
    "SubjectsRoot",
    "Tag",
    "TagCurrent",
    "TagCurrentLink",
    "TagIndex",
    "TagIndexAlgorithm",
    "TagIndexEntry",
    "TagIndexLink",
    "TagsRoot",
    "TarsumBlobData",
    "TarsumLayerLink",
    "Tombstone",
    "Tombstones",
    "TombstonesRoot",
    "Trash",
    "TrashRoot",
    "Upload",
    "UploadData",
    "UploadHashState",
    "UploadHashStates",
    "UploadHashStatesRoot",
    "UploadPurging",
    "UploadSealed",
    "UploadStartedAt",
    "UploadsRoot",
    "Verdict",
    "check_algorithm",
    "check_upload_id",
    "format_startedat",
    "is_upload_data",
    "link_body",
    "parse",
    "parse_link",
    "parse_startedat",
    "saved_body",
]
