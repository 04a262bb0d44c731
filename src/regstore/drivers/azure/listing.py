"""What a listing says, read from its XML."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import unquote
from xml.etree.ElementTree import Element, fromstring

from regstore.driver import EPOCH, FileInfo
from regstore.drivers.objects.port import Listing


def parse_listing(body: bytes, root: str) -> Listing:
    """Read the answer to List Blobs.

    An account with a hierarchical namespace lists its directories among the blobs: they are left
    out, since they are nobody's content.

    :param root: what stands before every key, and is left off.
    """
    tree = fromstring(body)  # noqa: S314 - the service's own answer, as its SDK reads it
    blobs = (_info(blob, root) for blob in tree.iterfind("Blobs/Blob"))
    prefixes = (_name(prefix, root) for prefix in tree.iterfind("Blobs/BlobPrefix"))
    return Listing(
        tuple(blob for blob in blobs if not blob.is_dir),
        tuple(prefixes),
        tree.findtext("NextMarker") or None,
    )


def parse_time(text: str | None) -> datetime:
    """Read a time in a header or a listing."""
    return parsedate_to_datetime(text).astimezone(UTC) if text else EPOCH


def _info(blob: Element, root: str) -> FileInfo:
    about = blob.find("Properties")
    properties = {each.tag: each.text or "" for each in about} if about is not None else {}
    return FileInfo(
        _name(blob, root),
        int(properties.get("Content-Length", "0")),
        parse_time(properties.get("Last-Modified")),
        properties.get("Etag", "").strip('"'),
        is_dir=properties.get("ResourceType") == "directory",
    )


def _name(element: Element, root: str) -> str:
    name = element.find("Name")
    text = (name.text if name is not None else "") or ""
    if name is not None and name.get("Encoded") == "true":
        text = unquote(text)
    return text.removeprefix(root)
