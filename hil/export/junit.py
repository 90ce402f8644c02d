"""Verdicts as JUnit XML, which CI servers read.

There is no standard; this is what both Ant's schema (JUnit.xsd) and Jenkins's (junit-10.xsd) allow.
GitLab shows classname and name, ignores a second test case of the same name, and shows the text of
a failure but not its message attribute. Neither title nor limit is in the name, so that a criterion
keeps its history.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

from hil.compliance.criteria import Outcome
from hil.report.wording import margin, measured

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hil.compliance.verdict import Verdict
    from hil.export.entries import Entry

_TAGS: Final = {
    Outcome.FAIL: "failure",
    Outcome.INVALID: "error",
    Outcome.INCONCLUSIVE: "error",
    Outcome.NOT_RUN: "skipped",
}
_NO_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that no XML 1.0 file may hold."""


def junit_xml(entries: Sequence[Entry]) -> bytes:
    """Return a test suite for each capture, with a test case for each criterion.

    A test that was not run, or broke off, has one that says so: it must not look like one with nothing to
    complain of.
    """
    root = ET.Element("testsuites")
    for entry in entries:
        for event in entry.events:
            cases = [_case(f"{entry.test}.{event.name}", verdict) for verdict in event.verdicts]
            told = [f"{v.outcome.value:<12} {v.title}: {_told(v)}" for v in event.verdicts]
            root.append(_suite(entry, event.name, cases, told))
        if entry.reason or not entry.events:
            end = entry.record.run.get("end", "it does not say how")
            text = entry.reason or f"the run ended before it was judged: {end}"
            tag = "skipped" if entry.outcome is Outcome.NOT_RUN and not entry.conducted else "error"
            case = _element("testcase", name="conducted", classname=entry.test, time="0")
            case.append(_element(tag, text, type=entry.outcome.value, message=text))
            root.append(_suite(entry, "conducted", [case], [text]))
    for number, suite in enumerate(root):
        suite.set("id", str(number))
    ET.indent(root)
    document: bytes = ET.tostring(root, encoding="UTF-8", xml_declaration=True)
    return document + b"\n"


def _suite(entry: Entry, name: str, cases: Sequence[ET.Element], told: Sequence[str]) -> ET.Element:
    count = Counter(child.tag for case in cases for child in case)
    run = entry.record.run
    suite = _element(
        "testsuite",
        name=name,
        package=entry.test,
        hostname=str(run.get("bench") or "localhost"),
        tests=str(len(cases)),
        failures=str(count["failure"]),
        errors=str(count["error"]),
        skipped=str(count["skipped"]),
        time="0",  # of its cases: judging takes no bench time
    )
    if "started" in run:  # in UTC, as the schema allows no zone
        started = datetime.fromisoformat(run["started"]).astimezone(UTC)
        suite.set("timestamp", f"{started:%Y-%m-%dT%H:%M:%S}")
    properties = ET.SubElement(suite, "properties")
    for key, value in _properties(entry):
        properties.append(_element("property", name=key, value=value))
    suite.extend(cases)
    suite.append(_element("system-out", "\n".join(told)))
    suite.append(_element("system-err", "\n".join(str(finding) for finding in entry.findings)))
    return suite


def _properties(entry: Entry) -> Iterator[tuple[str, str]]:
    run = entry.record.run
    yield "record", entry.record.name
    yield "manifest_sha256", entry.manifest or "not sealed"
    yield "outcome", entry.outcome.value
    for key in ("sequence", "bench", "simulated", "flaws", "ended", "end", "safe", "bench_seconds"):
        if key in run:
            yield key, str(run[key])
    for group in ("parameters", "instruments", "versions"):
        for key, value in run.get(group, {}).items():
            yield f"{group}.{key}", str(value)


def _case(classname: str, verdict: Verdict) -> ET.Element:
    case = _element("testcase", name=verdict.key, classname=classname, time="0")
    tag = _TAGS.get(verdict.outcome)
    if tag is not None:
        message = f"{verdict.outcome.value}: {_told(verdict)}"
        about = ("title", "clause", "source", "confidence", "why")
        lines = [message, *(f"{name}: {getattr(verdict, name)}" for name in about)]
        case.append(_element(tag, "\n".join(lines), type=verdict.outcome.value, message=message))
    return case


def _told(verdict: Verdict) -> str:
    """Return value, limit, margin and reason on one line."""
    parts = [f"value {measured(verdict)}", f"limit {verdict.limit}"]
    parts += [f"margin {margin(verdict)}"] if verdict.margin is not None else []
    return "; ".join([", ".join(parts), *filter(None, [verdict.reason])])


def _element(tag: str, text: str | None = None, **attributes: str) -> ET.Element:
    found = ET.Element(tag, {name: _NO_XML.sub("�", value) for name, value in attributes.items()})
    found.text = None if text is None else _NO_XML.sub("�", text)
    return found
