"""``regstore import`` and ``regstore export``: OCI image layouts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.filesize import decimal

import regstore
from regstore.cli.answers import Answer, answering
from regstore.cli.options import (
    AsJson,
    Sparse,
    StorageOptions,
    Url,
    parse_storage_options,
    parse_target,
)
from regstore.cli.progress import watching
from regstore.oci import Descriptor
from regstore.ocilayout import Transfer


def import_command(
    url: Url,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The repository.")],
    layout: Annotated[
        Path, typer.Argument(metavar="LAYOUT", help="A directory, or a tar, also gzip.")
    ],
    reference: Annotated[
        str | None,
        typer.Option(help="Import one entry: a name in the layout, or a digest.", metavar="REF"),
    ] = None,
    tag: Annotated[
        list[str] | None,
        typer.Option(help="Tag what is imported like this instead. Repeatable.", metavar="TAG"),
    ] = None,
    sparse: Sparse = False,
    storage_option: StorageOptions = None,
    as_json: AsJson = False,
) -> None:
    """Copy an OCI image layout into a repository.

    Everything is verified. Signatures and the like that refer to what is imported come along. What
    is there already is skipped, so an import that was interrupted is simply repeated.
    """
    with answering(as_json=as_json) as answer:
        options = parse_storage_options(storage_option)
        policy = regstore.Policy(sparse_indexes=sparse)
        with regstore.open(url, storage_options=options, policy=policy) as registry:
            repository = registry.repository(name)
            with watching("importing") as progress:
                transfer = repository.import_layout(layout, reference, tag or (), progress)
        _report(answer, "imported", name, transfer)


def export_command(
    url: Url,
    target: Annotated[
        str,
        typer.Argument(
            metavar="NAME[:TAG|@DIGEST]", help="A repository (all tags), or one manifest of it."
        ),
    ],
    destination: Annotated[
        Path,
        typer.Argument(metavar="DEST", help="An archive if it ends with .tar, else a directory."),
    ],
    referrers: Annotated[
        bool, typer.Option(help="Take along what refers to it, such as signatures.")
    ] = True,
    sparse: Sparse = False,
    storage_option: StorageOptions = None,
    as_json: AsJson = False,
) -> None:
    """Copy images of a repository into an OCI image layout.

    Everything is verified. A directory that is a layout is added to; an archive is written anew.
    skopeo and umoci read the result: skopeo copy oci:DEST:TAG ..., oci-archive:DEST.tar:TAG ...
    """
    with answering(as_json=as_json) as answer:
        options = parse_storage_options(storage_option)
        policy = regstore.Policy(sparse_indexes=sparse)
        name, reference = parse_target(target)
        with regstore.open(url, storage_options=options, policy=policy, read_only=True) as registry:
            repository = registry.repository(name)
            references = None if reference is None else [reference]
            with watching("exporting") as progress:
                transfer = repository.export_layout(
                    destination, references, referrers=referrers, progress=progress
                )
        _report(answer, "exported", name, transfer)


def _report(answer: Answer, done: str, name: str, transfer: Transfer) -> None:
    for tag, digest in transfer.tags.items():
        answer.show(f"{name}:{tag}  {digest}")
    answer.show(
        f"{done} {_count(len(transfer.manifests), 'manifest')}: {_sum(transfer.copied)} copied, "
        f"{_sum(transfer.skipped)} there already"
    )
    for descriptor in transfer.missing:
        answer.show(f"left out, as it is missing: {descriptor.digest}")
    answer.give(
        {
            "repository": name,
            "tags": transfer.tags,
            "manifests": [each.to_json() for each in transfer.manifests],
            "copied": [each.to_json() for each in transfer.copied],
            "skipped": [each.to_json() for each in transfer.skipped],
            "missing": [each.to_json() for each in transfer.missing],
        }
    )


def _sum(descriptors: Sequence[Descriptor]) -> str:
    size = decimal(sum(descriptor.size for descriptor in descriptors))
    return f"{_count(len(descriptors), 'object')} ({size})"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
