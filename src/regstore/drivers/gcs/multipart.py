"""Bodies of several parts: an upload with its metadata, and a batch of deletions."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping, Sequence
from email import message_from_bytes
from email.message import Message

from regstore.drivers.gcs.calls import Answer

_METADATA = b"Content-Type: application/json; charset=UTF-8\r\n\r\n"
_STATUS = re.compile(rb"HTTP/[0-9.]+ ([0-9]{3})")
_ITEM = re.compile(r"([0-9]+)>?\s*\Z")


def boundary(data: bytes, rng: random.Random) -> str:
    """Return a boundary that *data* does not contain.

    gcsfs's own is always the same, so that whoever pushes it cuts the object short.
    """
    while True:
        found = f"{rng.getrandbits(128):032x}"
        if found.encode() not in data:
            return found


def related(metadata: Mapping[str, str], data: bytes, rng: random.Random) -> tuple[str, bytes]:
    """Return the content type and the body of an upload of *data* with its *metadata*.

    https://cloud.google.com/storage/docs/uploading-objects#rest-upload-objects
    """
    mark = boundary(data, rng)
    line = f"--{mark}".encode()
    kind = metadata["contentType"].encode()
    parts = (
        line,
        b"\r\n",
        _METADATA,
        json.dumps(metadata).encode(),
        b"\r\n",
        line,
        b"\r\nContent-Type: ",
        kind,
        b"\r\n\r\n",
        data,
        b"\r\n",
        line,
        b"--\r\n",
    )
    return f"multipart/related; boundary={mark}", b"".join(parts)


def batch(requests: Sequence[str], rng: random.Random) -> tuple[str, bytes]:
    """Return the content type and the body of one request that carries several without bodies.

    https://cloud.google.com/storage/docs/batch

    :param requests: request lines without the protocol, such as ``DELETE /storage/v1/b/...``.
    """
    mark = boundary("".join(requests).encode(), rng)
    items = [
        f"--{mark}\r\nContent-Type: application/http\r\nContent-ID: <item-{number}>\r\n\r\n"
        f"{line} HTTP/1.1\r\nAccept: application/json\r\nContent-Length: 0\r\n\r\n\r\n"
        for number, line in enumerate(requests)
    ]
    return f"multipart/mixed; boundary={mark}", "".join([*items, f"--{mark}--\r\n"]).encode()


def batch_answers(answer: Answer) -> dict[int, Answer]:
    """Return the answers to a batch, by the index of the request that each is to.

    An answer without a number is taken to stand where its request stood.
    """
    head = f"Content-Type: {answer.headers.get('Content-Type', '')}\r\n\r\n".encode()
    message = message_from_bytes(head + answer.body)
    parts = message.get_payload() if message.is_multipart() else []
    found: dict[int, Answer] = {}
    for position, part in enumerate(parts):
        if isinstance(part, Message):
            number = _ITEM.search(part.get("Content-ID", ""))
            one = _item(part)
            if one is not None:
                found[int(number[1]) if number else position] = one
    return found


def _item(part: Message) -> Answer | None:
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return None
    status, _, rest = payload.lstrip().partition(b"\n")
    match = _STATUS.match(status)
    if match is None:
        return None
    inner = message_from_bytes(rest)
    body = inner.get_payload(decode=True)
    return Answer(int(match[1]), dict(inner.items()), body if isinstance(body, bytes) else b"")
