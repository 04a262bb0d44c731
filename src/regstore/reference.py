"""The grammar of repository names, tags and references.

A name here is what stands between ``/v2/`` and ``/manifests/`` in a registry's URL: the ``<name>``
of the OCI distribution specification (1.1, section "Pulling manifests"), which is ``remote-name``
in ``reference.go`` of distribution/reference. It is made of path components alone.

distribution/reference also knows a domain before the name (``localhost:5000/app``). That is the
client's: it says which registry to ask, and is not part of what the registry stores. So ``:`` and
upper case are refused here. CNCF distribution's routes do let such a prefix through
(``registry/api/v2/descriptors.go`` uses ``NameRegexp``), but one with a port cannot be stored
(``PathRegexp`` in ``registry/storage/driver/storagedriver.go`` has no colon).

Each check reads its input once; a long hostile string costs no more than its length.
"""

from __future__ import annotations

import re

from regstore.digest import Digest
from regstore.errors import NameInvalidError, TagInvalidError

NAME_LENGTH_MAX = 255
"""Longest name in characters, slashes included.

``RepositoryNameTotalLengthMax`` in ``reference.go`` of distribution/reference; its newer versions
do not count what they take for a domain.
"""

_COMPONENT = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
_NAME = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")


def check_name(name: str) -> str:
    """Return ``name`` if it is a repository name.

    No component of a name begins with ``_``, so none can be taken for ``_manifests``, ``_layers``
    or ``_uploads`` in the layout; none is ``.`` or ``..``. That the repository exists is not said.

    :raises NameInvalidError: it breaks the grammar, or is longer than :data:`NAME_LENGTH_MAX`.
    """
    if len(name) > NAME_LENGTH_MAX:
        hint = f"it has {len(name)} characters, and {NAME_LENGTH_MAX} are allowed"
    elif not _NAME.fullmatch(name):
        hint = (
            "use lower-case letters and digits, inside a component also '.', '_', '__' and '-', "
            "components joined by '/', and leave out the registry's host"
        )
    else:
        return name
    raise NameInvalidError(f"{name[:300]!r} is not a repository name: {hint}", name=name)


def check_tag(tag: str) -> str:
    """Return ``tag`` if it is one: ``TagRegexp`` in ``regexp.go`` of distribution/reference.

    :raises TagInvalidError: it breaks the grammar, or is longer than 128 characters.
    """
    if not _TAG.fullmatch(tag):
        hint = "use 1 to 128 of A-Z a-z 0-9 _ . -, and neither '.' nor '-' first"
        raise TagInvalidError(f"{tag[:160]!r} is not a tag: {hint}", tag=tag)
    return tag


def parse_reference(reference: str) -> Digest | str:
    """Return what a reference to a manifest names: a :class:`Digest`, or a tag as plain ``str``.

    A digest has a colon, a tag cannot; a reference with a colon is never tried as a tag.

    :raises DigestInvalidError: it has a colon and is not a digest (or, as
        :class:`~regstore.errors.UnsupportedAlgorithmError`, not one known here).
    :raises TagInvalidError: it has no colon and is not a tag.
    """
    return Digest(reference) if ":" in reference else check_tag(reference)
