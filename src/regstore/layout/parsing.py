"""From a path back to its spec.

The templates of all specs make one trie of segments. Literal segments win over placeholders, and a
repository's name takes every segment up to the next one that begins with ``_``, as no component of
a name does. The fields found are then checked as always, and the spec's own path must be the path
given: so nothing is accepted that would not be written the same way.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from regstore.digest import ALGORITHMS
from regstore.errors import InvalidPathError, RegstoreError
from regstore.layout import collection, legacy, own, v2
from regstore.layout.spec import Foreign, PathSpec

SPECS: tuple[type[PathSpec], ...] = tuple(
    item
    for module in (v2, own, collection, legacy)
    for item in vars(module).values()
    if isinstance(item, type) and "template" in vars(item)
)
"""Every class of specs with a template: all but :class:`Foreign` and :class:`StockTemporary`."""

_UPLOAD_DATA = re.compile(v2.REPOSITORIES + r"/.+/_uploads/[^/]+/data", re.DOTALL)
_STOCK_TEMPORARY = re.compile(
    v2.ROOT + r"/.+\.[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\.tmp", re.ASCII
)
_UUID_TMP = len(".00000000-0000-0000-0000-000000000000.tmp")
_ALIASED = re.compile(rf"/({'|'.join(ALGORITHMS)})/([a-z0-9]{{3,}})/(?:..?/)?[\w=-]{{32,}}(?:/|\Z)")


@dataclass(frozen=True, slots=True)
class StockTemporary(PathSpec):
    """What a crashed registry 3.1 left of a file that it was about to write.

    Its filesystem driver writes ``<path>.<uuid>.tmp`` and renames it (distribution,
    ``registry/storage/driver/filesystem/driver.go``, ``PutContent``).

    :param path: where the temporary file lies.
    :raises InvalidPathError: the path is not such a name, or no file of the tree was to lie there.
    """

    # A frozen field is as read-only as the property that it stands for.
    path: str = field()  # pyright: ignore[reportIncompatibleMethodOverride]

    def __post_init__(self) -> None:
        if not _is_stock_temporary(self.path):
            raise InvalidPathError(self.path, detail="no temporary file of a stock registry")

    @property
    def target(self) -> PathSpec:
        """The file that was to be written."""
        return _resolve(self.path[:-_UUID_TMP])


def parse(path: str) -> PathSpec:
    """Tell what lies at a path that was found in a store.

    :param path: relative to the driver's root, as ``list`` and ``walk`` give it; any string.
    :returns: the spec whose ``path`` this is, or :class:`Foreign` with the reason why there is
        none. Never raises for a string. Nothing is promised about what the path holds.
    """
    return StockTemporary(path) if _is_stock_temporary(path) else _resolve(path)


def is_upload_data(path: str) -> bool:
    """Tell whether ``path`` is shaped like that of :class:`UploadData`, without parsing it.

    The repository's name and the upload id are not checked.
    """
    return path.endswith("/data") and _UPLOAD_DATA.fullmatch(path) is not None


def _is_stock_temporary(path: str) -> bool:
    if not (path.endswith(".tmp") and _STOCK_TEMPORARY.fullmatch(path)):
        return False
    return _resolve(path[:-_UUID_TMP]).is_file


def _resolve(path: str) -> PathSpec:
    spec, captured = _find(path)
    if spec is None:
        return Foreign(path, _stray(path))
    try:
        found = spec.from_segments(dict(zip(spec.placeholders, captured, strict=True)))
    except (RegstoreError, ValueError) as error:
        return Foreign(path, _aliased(path) or str(error))
    if found.path != path:
        return Foreign(path, f"this place is written {found.path!r}")
    return found


def _stray(path: str) -> str:
    if "/.regstore-" in path:
        return "names that begin with '.regstore-' belong to the driver"
    return _aliased(path) or "the layout has no such place"


def _aliased(path: str) -> str | None:
    match = _ALIASED.search(path)
    if match is None:
        return None
    return (
        f"stock writes the algorithm '{match[1]}+{match[2]}' as '{match[1]}/{match[2]}' "
        "(and so '.' and ';'); it is not known here"
    )


@dataclass(slots=True)
class _Node:
    """One segment of the trie. ``spans``: its placeholder is a name, of one segment or more."""

    literals: dict[str, _Node] = field(default_factory=dict)
    placeholder: _Node | None = None
    spans: bool = False
    spec: type[PathSpec] | None = None

    def child(self, segment: str) -> _Node:
        """Return the child for a segment of a template, made where it was missing."""
        if not segment.startswith("{"):
            return self.literals.setdefault(segment, _Node())
        self.spans = segment == "{name}"
        self.placeholder = self.placeholder or _Node()
        return self.placeholder


def _grow() -> _Node:
    root = _Node()
    for spec in SPECS:
        node = root
        for segment in spec.template.split("/"):
            node = node.child(segment)
        node.spec = spec
    return root


def _find(path: str) -> tuple[type[PathSpec] | None, list[str]]:
    """Follow the trie; return the class at the end and the segments its placeholders stand for."""
    node: _Node | None = _TREE
    captured: list[str] = []
    segments = path.split("/")
    at = 0
    while node and at < len(segments):
        end = _name_end(segments, at) if node.spans else at + 1
        segment = "/".join(segments[at:end])
        literal = node.literals.get(segment)
        if literal is None:
            captured.append(segment)
        node = literal or node.placeholder
        at = end
    return (node.spec if node else None), captured


def _name_end(segments: list[str], start: int) -> int:
    for at in range(start, len(segments)):
        if segments[at].startswith("_"):
            return at
    return len(segments)


_TREE = _grow()
