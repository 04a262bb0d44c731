"""What a run of the suite has shown, as JUnit XML: the format that CI systems draw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from regstore.testing.conformance import ClauseResult


def as_junit(results: Sequence[ClauseResult]) -> bytes:
    """Return *results* as one test suite, with a test case for each clause.

    The store is not named: a URL may hold a password.
    """
    counts = Counter(result.outcome for result in results)
    suite = Element(
        "testsuite",
        name="regstore conformance",
        tests=str(len(results)),
        failures=str(counts["broken"]),
        errors="0",
        skipped=str(counts["not tested"]),
        time=f"{sum(result.seconds for result in results):.3f}",
    )
    for result in results:
        _add(suite, result)
    root = Element("testsuites")
    root.append(suite)
    indent(root)
    document: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _add(suite: Element, result: ClauseResult) -> None:
    case = SubElement(
        suite,
        "testcase",
        classname="regstore.contract",
        name=f"{result.clause} {result.title}",
        time=f"{result.seconds:.3f}",
    )
    if result.outcome == "broken":
        SubElement(case, "failure", message=_legal(result.seen))
    elif result.outcome == "not tested":
        SubElement(case, "skipped", message=_legal(result.seen))
    elif result.seen:
        SubElement(case, "system-out").text = _legal(result.seen)


def _legal(text: str) -> str:
    """Return *text* without what XML 1.0 cannot hold (section 2.2), such as escape sequences."""
    return "".join(
        each
        if each in "\t\n\r"
        or " " <= each <= "\ud7ff"
        or "\ue000" <= each <= "\ufffd"
        or each > "\uffff"
        else "\N{REPLACEMENT CHARACTER}"
        for each in text
    )
