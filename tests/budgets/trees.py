"""Large trees, as pushes would have left them."""

from __future__ import annotations

from collections.abc import Iterable

from regstore import layout
from regstore.digest import Digest

DIGEST = Digest.of(b"a manifest")


def tag_links(name: str, digest: Digest, tags: Iterable[str]) -> dict[str, bytes]:
    """Return what a repository holds of *tags* that have always named *digest*."""
    body = layout.link_body(digest)
    return {
        path: body
        for tag in tags
        for path in (
            layout.TagIndexLink(name, tag, digest).path,
            layout.TagCurrentLink(name, tag).path,
        )
    }


def current_links(name: str, tags: Iterable[str]) -> dict[str, bytes]:
    """Return only what makes *tags* be there: half as many keys."""
    body = layout.link_body(DIGEST)
    return {layout.TagCurrentLink(name, tag).path: body for tag in tags}


def tag_names(count: int) -> list[str]:
    """Return about *count* tags: half of them plain, half of versions beside their parents."""
    plain = [f"b{number:05}" for number in range(count // 2)]
    majors = range(count // 202)
    minors = [f"v{major}.{minor}" for major in majors for minor in range(50)]
    return [*plain, *(f"v{major}" for major in majors), *minors, *(f"{each}-rc" for each in minors)]


def repositories(names: Iterable[str]) -> dict[str, bytes]:
    """Return what makes repositories of *names*."""
    body = layout.link_body(DIGEST)
    return {layout.RevisionLink(name, DIGEST).path: body for name in names}
