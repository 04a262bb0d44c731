from __future__ import annotations

from xml.etree import ElementTree as ET

from regstore.testing import ClauseResult
from regstore.testing.junit import as_junit


def test_whatever_was_seen_is_xml() -> None:
    seen = 'a & b < "c"\x1b[31m\x00\ud800\ufffe\U0001f600\nnext'
    results = [
        ClauseResult("W1", "no reader ever sees a part", "broken", seen, 1, 1, 0, 0.25),
        ClauseResult("W6", "a full store keeps the old content", "kept", "one reason", 1, 0, 1, 1),
    ]
    [suite] = ET.fromstring(as_junit(results))  # noqa: S314 - our own
    assert suite.get("time") == "1.250"
    broken, kept = suite
    assert broken.get("name") == "W1 no reader ever sees a part"
    message = broken.find("failure")
    assert message is not None
    assert message.get("message") == 'a & b < "c"?[31m???\U0001f600\nnext'.replace("?", "\ufffd")
    assert kept.findtext("system-out") == "one reason"
