"""Deleting many blobs in one request: Blob Batch, written and read here.

The SDK's asynchronous client writes the batch with Python's ``email`` package; Azurite reads the
order and the folding of its lines as an invalid request, and the SDK takes that for one more
answer to a deletion. Here it is written as the SDK's synchronous client does.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.message import Message
from email.utils import formatdate
from typing import Final
from urllib.parse import urlsplit

from azure.core.pipeline import PipelineContext, PipelineRequest
from azure.core.rest import HttpRequest
from azure.core.utils import CaseInsensitiveDict

from regstore.drivers.azure.connection import Connection
from regstore.drivers.azure.errors import DRIVER, code_of, of_answer
from regstore.drivers.azure.service import Service, translated
from regstore.errors import DriverError, TransientError

_MISSING: Final = 404
_MISSING_CODES: Final = {"", "BlobNotFound", "ResourceNotFound"}
_FIRST_FAILURE: Final = 300
_BOUNDARY: Final = "batch_regstore"
"""What is batched are signed requests without bodies, so that it cannot occur in one."""


@dataclass(frozen=True, slots=True)
class SubAnswer:
    """What became of one deletion."""

    number: int
    status_code: int
    headers: Mapping[str, str]


async def delete_blobs(service: Service, keys: Sequence[str]) -> None:
    """Delete at most 256 blobs; missing ones are no error. A batch whose answer is lost goes again.

    :raises DriverError: one was not deleted; the first of them tells which.
    """
    if not keys:
        return
    try:
        await _send(service, keys)
    except TransientError as error:
        if not error.outcome_unknown:
            raise
        await _send(service, keys)


async def _send(service: Service, keys: Sequence[str]) -> None:
    with translated(keys[0], writing=True):
        content = await _batch(service, keys)
    answer = await service.call(
        "POST",
        None,
        query={"restype": "container", "comp": "batch"},
        headers={"Content-Type": f"multipart/mixed; boundary={_BOUNDARY}"},
        content=content,
    )
    answers = parse(answer.headers.get("Content-Type", ""), answer.content)
    for each in answers:
        if each.number not in range(len(keys)):
            raise of_answer(each, keys[0], writing=True)
        if each.status_code >= _FIRST_FAILURE and not _was_missing(each):
            raise of_answer(each, keys[each.number], writing=True)
    if len({each.number for each in answers}) != len(keys):
        detail = f"{len(answers)} answers to {len(keys)} deletions: look what is left"
        raise DriverError(keys[0], DRIVER, detail)


def _was_missing(answer: SubAnswer) -> bool:
    return answer.status_code == _MISSING and code_of(answer) in _MISSING_CODES


async def _batch(service: Service, keys: Sequence[str]) -> bytes:
    connection = service.connection
    lines: list[str] = []
    for number, key in enumerate(keys):
        request = HttpRequest("DELETE", service.url(key), headers={"Content-Length": "0"})
        await _sign(connection, request)
        url = urlsplit(request.url)
        lines += [
            f"--{_BOUNDARY}",
            "Content-Type: application/http",
            f"Content-ID: {number}",
            "Content-Transfer-Encoding: binary",
            "",
            f"DELETE {url.path}{'?' if url.query else ''}{url.query} HTTP/1.1",
            *(f"{name}: {value}" for name, value in request.headers.items()),
            "",
        ]
    return "\r\n".join([*lines, f"--{_BOUNDARY}--", ""]).encode()


async def _sign(connection: Connection, request: HttpRequest) -> None:
    request.headers["x-ms-date"] = formatdate(usegmt=True)
    policy = connection.service._credential_policy  # noqa: SLF001 - the SDK signs batches with it
    if policy is not None:
        context = PipelineContext(connection.transport)
        signing = policy.on_request(PipelineRequest(request, context))
        if inspect.isawaitable(signing):
            await signing


def parse(content_type: str, body: bytes) -> list[SubAnswer]:
    """Read the answer to a batch; a part without a number gets -1: it is about the whole batch."""
    header = Message()
    header["Content-Type"] = content_type
    boundary = f"--{header.get_param('boundary', '')}"
    text = body.decode("utf-8", "replace")
    return [_sub_answer(part) for part in text.split(boundary)[1:] if not part.startswith("--")]


def _sub_answer(part: str) -> SubAnswer:
    about, _, answer = part.replace("\r\n", "\n").strip("\n").partition("\n\n")
    status, _, rest = answer.partition("\n")
    headers = _headers(rest.partition("\n\n")[0])
    number = _headers(about).get("Content-ID", "")
    return SubAnswer(int(number) if number.isdecimal() else -1, int(status.split()[1]), headers)


def _headers(lines: str) -> CaseInsensitiveDict:
    pairs = (line.partition(":") for line in lines.splitlines())
    return CaseInsensitiveDict({name.strip(): value.strip() for name, _, value in pairs})
