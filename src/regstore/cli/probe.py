"""``regstore probe``: find out what a live store really keeps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.table import Table

from regstore.cli.answers import Answer, ExitCode, answering, printable
from regstore.cli.options import AsJson, StorageOptions, Url, parse_storage_options
from regstore.cli.progress import telling
from regstore.driver import StorageDriver
from regstore.drivers import open_driver
from regstore.errors import ConfigurationError
from regstore.layout import Caps

if TYPE_CHECKING:
    from regstore.consistency.probe import Effort, Finding, ProbeReport
    from regstore.consistency.probe.report import Measure

_MOST_WRITERS = 32
_BULK = 9 << 20
_UNITS = {"clock_resolution": " s", "clock_skew": " s"}


def probe(
    url: Url,
    save: Annotated[
        bool, typer.Option("--save", help=f"Keep what was measured, as {Caps().path}.")
    ] = False,
    writers: Annotated[
        int, typer.Option(min=2, max=_MOST_WRITERS, help="How many race for one key.")
    ] = 4,
    rounds: Annotated[int, typer.Option(min=1, help="How often everything is tried.")] = 3,
    parts: Annotated[
        bool, typer.Option(help=f"Also commit content in parts: {_BULK >> 20} MiB for each.")
    ] = True,
    storage_option: StorageOptions = None,
    as_json: AsJson = False,
) -> None:
    """Find out what a live store really keeps of what its driver claims.

    Sends requests that must be refused, lets writers race, reads and lists what was just written
    through other connections, and compares clocks and versions; below a directory of its own,
    which is removed at the end. The exit code is 1 where a claim is broken.
    """
    from regstore.consistency.probe import Effort
    from regstore.drivers.in_loop import awaitable, run_in_loop

    with answering(as_json=as_json) as answer:
        if url in {"memory:", "memory://"}:
            msg = "memory:// is private to each driver: name it, as in memory://name"
            raise ConfigurationError(msg)
        options = parse_storage_options(storage_option)
        effort = Effort(writers=writers, rounds=rounds, bulk=_BULK if parts else 0)

        def make() -> StorageDriver:
            return awaitable(open_driver(url, storage_options=options))

        with telling("probing") as tell:
            driver = make()
            report = run_in_loop(driver, _probe(driver, make, effort, tell, save=save))
        _show(answer, report)
        answer.give(_document(report, saved=save))
        if not report.holds:
            raise typer.Exit(ExitCode.FAILED)


async def _probe(
    driver: StorageDriver,
    open_another: Callable[[], StorageDriver],
    effort: Effort,
    tell: Callable[[str], None],
    *,
    save: bool,
) -> ProbeReport:
    from regstore.consistency.probe import probe as find_out

    try:
        report = await find_out(driver, open_another, effort=effort, progress=tell)
        if save:
            await driver.put_content(Caps().path, report.saved.encode())
    finally:
        await driver.runtime.shield(driver.aclose())
    return report


def _show(answer: Answer, report: ProbeReport) -> None:
    table = Table("capability", "claimed", "measured", "what was seen", box=box.SIMPLE)
    for finding in report.findings:
        measured = _said(finding, finding.measured)
        if finding.outcome == "broken":
            measured = "BROKEN" if isinstance(finding.measured, bool) else f"BROKEN: {measured}"
        table.add_row(
            finding.capability, _said(finding, finding.claimed), measured, printable(finding.seen)
        )
    answer.show(table)
    answer.show(_summary(report))


def _said(finding: Finding, value: Measure) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None else f"{value:g}{_UNITS.get(finding.capability, '')}"


def _summary(report: ProbeReport) -> str:
    calls = sum(finding.calls for finding in report.findings)
    seconds = sum(finding.seconds for finding in report.findings)
    cost = f"{calls} calls, {seconds:.1f} s"
    if report.holds:
        return f"{report.driver}: everything that is claimed was seen to hold ({cost})"
    broken = ", ".join(finding.capability for finding in report.broken)
    return f"{report.driver}: BROKEN: {broken} ({cost})"


def _document(report: ProbeReport, *, saved: bool) -> dict[str, object]:
    return {
        "driver": report.driver,
        "time": report.time.isoformat(),
        "holds": report.holds,
        "findings": [asdict(finding) for finding in report.findings],
        "claimed": asdict(report.claimed),
        "capabilities": asdict(report.capabilities),
        "saved": Caps().path if saved else None,
    }
