"""Pages of ``ListObjectsV2`` over objects that are shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import quote
from xml.etree import ElementTree as ET

from multidict import CIMultiDict

from tests.s3proxy.stored import Listed
from tests.s3proxy.upstream import Answer

_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_LARGEST = 1000


def page(query: Mapping[str, str], objects: Mapping[str, Listed]) -> Answer:
    """Return the page that *query* asks for; its token is the last thing told."""
    after = query.get("continuation-token") or query.get("start-after", "")
    limit = int(query.get("max-keys", _LARGEST))
    items = [item for item in _items(query, objects) if item[0] > after]
    root = ET.Element("ListBucketResult", xmlns=_NAMESPACE)
    told, is_truncated = items[:limit], len(items) > limit
    for name, there in told:
        _add(root, name, there)
    _text(root, "IsTruncated", str(is_truncated).lower())
    _text(root, "KeyCount", str(len(told)))
    _text(root, "EncodingType", "url")
    if is_truncated and told:
        _text(root, "NextContinuationToken", told[-1][0])
    headers = CIMultiDict({"Content-Type": "application/xml"})
    return Answer(200, ET.tostring(root, xml_declaration=True, encoding="utf-8"), headers)


def _items(
    query: Mapping[str, str], objects: Mapping[str, Listed]
) -> Iterator[tuple[str, Listed | None]]:
    """Yield keys with what is there, and common prefixes without, in order."""
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    last = None
    for key in sorted(each for each in objects if each.startswith(prefix)):
        rest = key[len(prefix) :]
        if delimiter and delimiter in rest:
            common = prefix + rest.partition(delimiter)[0] + delimiter
            if common != last:
                yield common, None
            last = common
        else:
            yield key, objects[key]


def _add(root: ET.Element, name: str, there: Listed | None) -> None:
    if there is None:
        _text(ET.SubElement(root, "CommonPrefixes"), "Prefix", quote(name))
        return
    contents = ET.SubElement(root, "Contents")
    _text(contents, "Key", quote(name))
    _text(contents, "Size", there.size)
    _text(contents, "ETag", there.etag)
    _text(contents, "LastModified", there.modified)


def _text(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, name).text = text
