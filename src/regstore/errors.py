"""Every error that regstore raises, grouped by what a handler does about it.

::

    RegstoreError
    ├── DriverError(path, driver)            something below the registry went wrong
    │   ├── PathNotFoundError                also FileNotFoundError
    │   ├── PathExistsError                  also FileExistsError
    │   ├── PreconditionFailedError          somebody else wrote first: read again, decide again
    │   ├── InvalidPathError                 also ValueError
    │   ├── InvalidOffsetError               also ValueError
    │   ├── WriterClosedError                also ValueError: an illegal step of a writer
    │   ├── UnsupportedMethodError           also NotImplementedError
    │   ├── PermissionDeniedError            also PermissionError
    │   ├── NoSpaceError                     also OSError
    │   ├── IncompleteReadError              also EOFError: a body shorter than announced
    │   └── TransientError(outcome_unknown)  the same call may succeed later
    │       ├── ThrottledError(retry_after)
    │       └── NotYetVisibleError           written, but this store does not show it yet
    ├── ConfigurationError                   also ValueError: what was asked for cannot be had
    └── RegistryError(code)                  code = the error code that the server answers
        ├── NameInvalidError, NameUnknownError, TagInvalidError
        ├── ManifestUnknownError, ManifestInvalidError, ManifestTooLargeError
        ├── ManifestBlobUnknownError
        ├── LayoutInvalidError               an OCI image layout on disk is not one
        ├── BlobUnknownError, BlobUploadUnknownError, BlobUploadInvalidError, UploadOffsetError
        ├── DigestInvalidError, UnsupportedAlgorithmError, HashStateInvalidError, SizeInvalidError
        ├── TagConflictError, TagImmutableError, ReadOnlyError
        └── CorruptContentError              what is stored is not what its digest says

``code`` is one of the error codes of the OCI distribution specification 1.1, section
"Error Codes", which allows no others.
All errors can be pickled, so that they cross process boundaries whole.
"""

from __future__ import annotations

from typing import ClassVar


def _restore(
    cls: type[RegstoreError], args: tuple[object, ...], fields: dict[str, object]
) -> RegstoreError:
    error = cls.__new__(cls)
    error.args = args
    error.__dict__.update(fields)
    return error


class RegstoreError(Exception):
    """Base of every error raised here."""

    def __reduce__(self) -> tuple[object, ...]:
        return _restore, (type(self), self.args, self.__dict__)


class ConfigurationError(RegstoreError, ValueError):
    """What was asked for cannot be had in this environment; the message says what to change."""


class DriverError(RegstoreError):
    """A storage call failed.

    :param path: the path that the call was about, relative to the driver's root, which is ``""``.
    :param driver: the name of the driver.
    :param detail: what was seen, and what to do about it.
    """

    summary: ClassVar[str] = "storage call failed"

    def __init__(self, path: str, driver: str = "", detail: str = "") -> None:
        self.path = path
        self.driver = driver
        self.detail = detail
        super().__init__(self._message())

    def _message(self) -> str:
        where = f"{self.driver}: " if self.driver else ""
        tail = f" ({self.detail})" if self.detail else ""
        return f"{where}{self.summary}: {self.path!r}{tail}"

    def __str__(self) -> str:
        return str(self.args[0])


class PathNotFoundError(DriverError, FileNotFoundError):
    """Nothing is stored at this path."""

    summary = "path not found"


class PathExistsError(DriverError, FileExistsError):
    """Something is stored at this path, and the call asked for it to be absent."""

    summary = "path exists"


class PreconditionFailedError(DriverError):
    """The stored version is not the one that the call named: read it again and decide again."""

    summary = "somebody else has changed this path"


class InvalidPathError(DriverError, ValueError):
    """The path breaks the grammar of paths (see :mod:`regstore.driver`); no I/O was done."""

    summary = "invalid path"


class InvalidOffsetError(DriverError, ValueError):
    """The offset is negative, or lies beyond what the call allows.

    :param offset: the offset given, in bytes.
    """

    summary = "invalid offset"

    def __init__(self, path: str, offset: int, driver: str = "", detail: str = "") -> None:
        self.offset = offset
        super().__init__(path, driver, detail)

    def _message(self) -> str:
        return f"{super()._message()}: offset {self.offset}"


class WriterClosedError(DriverError, ValueError):
    """A step that the writer's state does not allow (table in :class:`regstore.driver.FileWriter`).

    :param state: the state the writer is in.
    :param step: the step that was asked for.
    """

    summary = "illegal step of a writer"

    def __init__(self, path: str, state: str, step: str, driver: str = "") -> None:
        self.state = state
        self.step = step
        super().__init__(path, driver, f"{step} after {state}")


class UnsupportedMethodError(DriverError, NotImplementedError):
    """This driver cannot keep what the call asks for, and does not imitate it."""

    summary = "not supported by this driver"


class PermissionDeniedError(DriverError, PermissionError):
    """The store refused: check credentials, ownership and mode of this path."""

    summary = "permission denied"


class NoSpaceError(DriverError, OSError):
    """The store is full, or a quota is reached. The old content is still there."""

    summary = "no space left"


class IncompleteReadError(DriverError, EOFError):
    """A body ended before the length that the store had announced."""

    summary = "body shorter than announced"


class TransientError(DriverError):
    """The same call may succeed later.

    :param outcome_unknown: whether the call may have taken effect all the same; ``False`` means
        that it certainly has not.
    """

    summary = "temporary failure"

    def __init__(
        self, path: str, driver: str = "", detail: str = "", *, outcome_unknown: bool = False
    ) -> None:
        self.outcome_unknown = outcome_unknown
        super().__init__(path, driver, detail)


class ThrottledError(TransientError):
    """The store asks for fewer requests.

    :param retry_after: seconds after which the store will listen again, where it said so.
    """

    summary = "throttled"

    def __init__(
        self, path: str, driver: str = "", detail: str = "", *, retry_after: float | None = None
    ) -> None:
        self.retry_after = retry_after
        super().__init__(path, driver, detail)


class NotYetVisibleError(TransientError):
    """What must exist was written but is not readable yet. Not the same as absent: try again."""

    summary = "written but not yet visible"


class RegistryError(RegstoreError):
    """The registry refuses, or does not have, what was asked for.

    :param message: what is wrong, and what to do about it.
    :param fields: the values concerned; each becomes an attribute of the same name.
    """

    code: ClassVar[str] = "UNSUPPORTED"

    def __init__(self, message: str, **fields: object) -> None:
        self.__dict__.update(fields)
        super().__init__(message)


class NameInvalidError(RegistryError, ValueError):
    """The repository name breaks the grammar in :mod:`regstore.reference`. Field: ``name``."""

    code = "NAME_INVALID"
    name: str


class NameUnknownError(RegistryError, LookupError):
    """There is no such repository. Field: ``name``."""

    code = "NAME_UNKNOWN"
    name: str


class TagInvalidError(RegistryError, ValueError):
    """The tag breaks the grammar in :mod:`regstore.reference`. Field: ``tag``.

    The OCI specification has no code for this; CNCF distribution's is ``TAG_INVALID``.
    """

    code = "MANIFEST_INVALID"
    tag: str


class ManifestUnknownError(RegistryError, LookupError):
    """There is no such manifest in this repository. Fields: ``name``, ``reference``."""

    code = "MANIFEST_UNKNOWN"
    name: str
    reference: str


class ManifestInvalidError(RegistryError, ValueError):
    """The body is not a manifest that this registry takes. Field: ``name``."""

    code = "MANIFEST_INVALID"
    name: str


class ManifestBlobUnknownError(RegistryError, LookupError):
    """A manifest refers to content that this repository lacks. Fields: ``name``, ``missing``."""

    code = "MANIFEST_BLOB_UNKNOWN"
    name: str
    missing: tuple[str, ...]


class ManifestTooLargeError(ManifestInvalidError):
    """The manifest is larger than the limit. Fields: ``name``, ``limit`` (bytes).

    The OCI specification asks servers to answer status 413 to this.
    """

    limit: int


class LayoutInvalidError(RegistryError, ValueError):
    """A directory or archive is no OCI image layout, or a damaged one. Field: ``path``."""

    code = "MANIFEST_INVALID"
    path: str


class BlobUnknownError(RegistryError, LookupError):
    """There is no such blob in this repository. Fields: ``name``, ``digest``."""

    code = "BLOB_UNKNOWN"
    name: str
    digest: str


class BlobUploadUnknownError(RegistryError, LookupError):
    """There is no such upload: never begun, cancelled, purged or committed elsewhere.

    Fields: ``name``, ``upload_id``.
    """

    code = "BLOB_UPLOAD_UNKNOWN"
    name: str
    upload_id: str


class BlobUploadInvalidError(RegistryError, ValueError):
    """The upload cannot go on like this. Fields: ``name``, ``upload_id``."""

    code = "BLOB_UPLOAD_INVALID"
    name: str
    upload_id: str


class UploadOffsetError(BlobUploadInvalidError):
    """A chunk does not begin where the upload stands; servers answer status 416.

    Fields: ``name``, ``upload_id``, ``offset`` (where the upload stands, bytes), ``given``.
    """

    offset: int
    given: int


class DigestInvalidError(RegistryError, ValueError):
    """A digest is malformed, or the content does not have it. Fields: ``digest``, ``actual``."""

    code = "DIGEST_INVALID"
    digest: str
    actual: str | None


class UnsupportedAlgorithmError(DigestInvalidError):
    """The digest's algorithm is not known here. Fields: ``digest``, ``algorithm``."""

    algorithm: str


class HashStateInvalidError(RegistryError, ValueError):
    """The saved state of a hash is malformed: hash the stored bytes again. Field: ``algorithm``."""

    code = "BLOB_UPLOAD_INVALID"
    algorithm: str


class SizeInvalidError(RegistryError, ValueError):
    """The content does not have the size given. Fields: ``expected``, ``actual`` (bytes)."""

    code = "SIZE_INVALID"
    expected: int
    actual: int


class TagConflictError(RegistryError):
    """A compare-and-swap of a tag found another value. Fields: ``name``, ``tag``, ``current``.

    ``current`` is the digest found, or ``None`` where the tag is absent.
    """

    code = "DENIED"
    name: str
    tag: str
    current: str | None


class TagImmutableError(RegistryError):
    """The tag policy forbids this change. Fields: ``name``, ``tag``."""

    code = "DENIED"
    name: str
    tag: str


class ReadOnlyError(RegistryError):
    """The registry was opened with ``read_only=True``."""

    code = "DENIED"


class CorruptContentError(RegistryError):
    """What a digest or link names is not what is stored there. Fields: ``path``, ``digest``."""

    code = "UNSUPPORTED"
    path: str
    digest: str | None
