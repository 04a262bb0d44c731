"""``regstore ls``: what a registry holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated

import typer

import regstore
from regstore import Repository
from regstore.cli.anatomy import Anatomy, Parts, errors_in
from regstore.cli.answers import Answer, ExitCode, answering, columns, note
from regstore.cli.forgiving import Forgiving
from regstore.cli.holdings import Holdings, Row, Section
from regstore.cli.options import AsJson, StorageOptions, Url, parse_storage_options, parse_target
from regstore.cli.progress import waiting
from regstore.consistency import Checked
from regstore.driver import StorageDriver
from regstore.drivers import open_driver
from regstore.drivers._oserrors import reading
from regstore.drivers.local import LocalDriver
from regstore.errors import PermissionDeniedError

Denied = Mapping[str, PermissionDeniedError]


def ls(
    url: Url,
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME[:TAG|@DIGEST]]",
            help="A repository, or one manifest; without it the repositories are listed.",
            show_default=False,
        ),
    ] = None,
    only: Annotated[
        list[Section] | None, typer.Option(help="Show only this of a repository. Repeatable.")
    ] = None,
    storage_option: StorageOptions = None,
    as_json: AsJson = False,
) -> None:
    """List repositories, what one of them holds, or what a manifest is made of.

    Of a repository: tags, manifests, blobs, uploads in progress, and which manifests refer to
    which. Nothing is changed. What cannot be read is listed with the reason, and the exit code is
    1 then.
    """
    with answering(as_json=as_json) as answer:
        driver = open_driver(url, storage_options=parse_storage_options(storage_option))
        with _looking_into(driver) as (registry, denied):
            if target is None:
                _show_repositories(answer, registry, denied)
                return
            name, reference = parse_target(target)
            repository = registry.repository(name)
            if reference is None:
                _show_repository(answer, repository, only or list(Section), denied)
            else:
                _show_manifest(answer, repository, reference)


@contextmanager
def _looking_into(driver: StorageDriver) -> Iterator[tuple[regstore.Registry, Denied]]:
    """Open the registry of *driver*, and tell of what could not be listed in the block."""
    store = Forgiving(driver)
    with regstore.Registry(Checked(store), read_only=True) as registry:
        if isinstance(driver, LocalDriver):
            with reading(str(driver.root), driver.name):
                driver.root.stat()
        registry.ping()
        try:
            yield registry, store.denied
        finally:
            for error in store.denied.values():
                note(str(error))
    if store.denied:
        raise typer.Exit(ExitCode.FAILED)


def _unreadable(denied: Denied) -> dict[str, object]:
    rows = [{"path": path, "error": str(error)} for path, error in denied.items()]
    return {"unreadable": rows} if rows else {}


def _show_repositories(answer: Answer, registry: regstore.Registry, denied: Denied) -> None:
    names = []
    for name in registry.repositories.all():
        names.append(name)
        answer.show(name)
    if not names and not denied:
        note("no repositories: does docker/registry/v2 lie below this URL?")
    answer.give({"repositories": names} | _unreadable(denied))


def _show_repository(
    answer: Answer, repository: Repository, only: Sequence[Section], denied: Denied
) -> None:
    with waiting(f"reading {repository.name}"):
        sections = Holdings(repository).sections(only)
    for title, rows in sections.items():
        answer.show(_table(title, rows))
    answer.give({"repository": repository.name} | sections | _unreadable(denied))
    if any("error" in row for rows in sections.values() for row in rows):
        raise typer.Exit(ExitCode.FAILED)


def _show_manifest(answer: Answer, repository: Repository, reference: str) -> None:
    with waiting(f"reading {repository.name}"):
        found = Anatomy(repository).of_manifest(reference)
    answer.show("\n".join(_drawn(found)))
    answer.give({"repository": repository.name} | found)
    if any(errors_in(found)):
        raise typer.Exit(ExitCode.FAILED)


def _table(title: str, rows: Sequence[Row]) -> str:
    keys = list(dict.fromkeys(key for row in rows for key in row))
    lines = columns([[_cell(row.get(key)) for key in keys] for row in rows])
    return "\n".join([f"{title} ({len(rows)})", *(f"  {line}" for line in lines)])


def _cell(value: object) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value))
    return "" if value is None else str(value)


def _drawn(parts: Parts, depth: int = 0) -> Iterator[str]:
    keys = ("role", "platform", "digest", "mediaType", "artifactType", "size")
    fields: Mapping[str, object] = {**parts}
    shown = [str(fields[key]) for key in keys if key in fields]
    state = ["missing"] if "missing" in parts else [parts["error"]] if "error" in parts else []
    yield "  " * depth + "  ".join([*shown, *state])
    for part in (*parts.get("references", ()), *parts.get("referrers", ())):
        yield from _drawn(part, depth + 1)
