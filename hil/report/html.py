"""The report: one HTML file that holds all it shows."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence  # noqa: TC003 - dataclass fields name them at run time
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any, Final

from hil.compliance.verdict import Outcome, overall
from hil.record.events import Event
from hil.record.manifest import hashes
from hil.report.elements import commanded, css, mark, table, td, told
from hil.report.event import event_section
from hil.report.page import document
from hil.report.thin import Detail

if TYPE_CHECKING:
    from hil.analysis.result import Analysis
    from hil.compliance.envelope import Envelope
    from hil.record.record import Record
    from hil.waveform import Waveform

COMMANDS_SHOWN: Final = 200
SAMPLES_DRAWN: Final = 100_000
"""Per channel, in all events together: about 5 MB for seven channels, as much as plotly.js itself."""
IN_HEADER: Final = ("sequence", "title", "simulated", "end", "units", "captures")
SIMULATED: Final = (
    '<p class="simulated">SIMULATED: no hardware was involved, this says nothing about a real unit.</p>'
)
NOMINAL: Final = {"voltage": "V", "frequency": "Hz", "power": "W", "dc_voltage": "V", "phase_voltage": "V"}
"""Units of the ratings that a sequence was scaled to."""
ABOUT_ITSELF: Final = ("report.html", "manifest.json")
HOW_TO_VERIFY: Final = (
    "hashes every file of the record again and compares with its manifest, which is chained to the record "
    "before it. Any SHA-256 tool gives the same sums:"
)


@dataclass(frozen=True, eq=False)
class ReportInput:
    """All that a report shows; the same input gives the same bytes."""

    title: str
    events: Sequence[Event]
    waveforms: Mapping[str, Waveform] = field(default_factory=dict)
    """Corrected samples by the name of their event."""
    envelope: Envelope | None = None
    record: str = ""
    """Name of the record; empty for a capture that was only analysed."""
    run: Mapping[str, Any] = field(default_factory=dict)
    certificates: Any = None
    commands: Sequence[Mapping[str, Any]] = ()
    files: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """SHA-256 and size by file name."""


def from_record(
    record: Record, waveforms: Mapping[str, Waveform], envelope: Envelope | None = None
) -> ReportInput:
    """Return what the report of a record shows."""
    return ReportInput(
        title=str(record.run.get("title", record.run["sequence"])).removesuffix("."),
        events=record.events(),
        waveforms=waveforms,
        envelope=envelope,
        record=record.name,
        run=record.run,
        certificates=record.certificates(),
        commands=record.commands(),
        files={name: of for name, of in hashes(record.folder).items() if name not in ABOUT_ITSELF},
    )


def from_analysis(
    title: str, waveform: Waveform | None, analysis: Analysis, envelope: Envelope | None = None
) -> ReportInput:
    """Return what the report of one capture shows, which is measured and not judged.

    waveform: the samples to draw, such as those around the event of a long capture, or none.
    """
    waveforms = {} if waveform is None else {title: waveform}
    return ReportInput(title, (Event(title, {}, analysis),), waveforms, envelope)


def render(of: ReportInput) -> str:
    """Return the report as one HTML page that fetches nothing."""
    body = [_header(of)]
    for event in of.events:
        body += [
            _heading(event) if event.name != of.title else "",
            event_section(
                event,
                of.waveforms.get(event.name),
                of.envelope,
                of.run.get("units", {}),
                Detail(min(SAMPLES_DRAWN // len(of.events), Detail().whole)),
            ),
        ]
    body += [] if of.events else ["<p>No capture was analysed.</p>"]
    body += [_setup(of), _commands(of.commands), _files(of)]
    return document(of.title, body)


def _header(of: ReportInput) -> str:
    verdicts = [verdict for event in of.events for verdict in event.verdicts]
    out = [SIMULATED] if of.run.get("simulated") else []
    out.append(f"<header><div><h1>{escape(of.title)}</h1>")
    if of.record:
        out.append(f'<p class="soft">Record {escape(of.record)}</p>')
    if of.run:
        facts = (f"Run {told(of.run.get('end'))}", of.run.get("bench"), of.run.get("started"))
        out.append(f"<p>{escape(' · '.join(told(fact) for fact in facts if fact))}</p>")
    out.append("</div>")
    if verdicts:
        outcome = overall(verdicts)
        counts = Counter(v.outcome if v.required else "not required" for v in verdicts)
        names: list[str] = [*Outcome, "not required"]
        summary = " · ".join(f"{counts[name]} {name}" for name in names if counts[name])
        out.append(f'<div class="overall {css(outcome)}"><b>{outcome}</b>{escape(summary)}</div>')
    return "\n".join([*out, "</header>"])


def _heading(event: Event) -> str:
    outcome = mark(overall(event.verdicts)) if event.verdicts else ""
    return f"<h2>{escape(event.name)} {outcome}</h2>"


def _setup(of: ReportInput) -> str:
    about = {name: value for name, value in of.run.items() if name not in IN_HEADER}
    for name, units in (("parameters", of.run.get("units", {})), ("nominal", NOMINAL)):
        if name in about:
            about[name] = commanded(about[name], units).split(", ")
    if of.certificates:
        about["certificates"] = of.certificates
    if not about:
        return ""
    rows = [
        f"<dt>{escape(name.replace('_', ' ').capitalize())}</dt><dd>{escape(told(value, chr(10)))}</dd>"
        for name, value in about.items()
        if value not in (None, [], {})
    ]
    return "\n".join(["<h2>Set-up</h2><dl>", *rows, "</dl>"])


def _commands(commands: Sequence[Mapping[str, Any]]) -> str:
    if not commands:
        return ""
    lines = [json.dumps(entry, ensure_ascii=False) for entry in commands[-COMMANDS_SHOWN:]]
    what = f"Command log: the last {len(lines)} of {len(commands)} exchanges (all are in commands.jsonl)"
    text = "\n".join(lines)
    return f"<details><summary>{escape(what)}</summary><pre>{escape(text)}</pre></details>"


def _files(of: ReportInput) -> str:
    if not of.files:
        return ""
    rows = [
        [
            td(name),
            td(f"{info['bytes']:,}", "Bytes", kind="number"),
            td(info["sha256"], "SHA-256", kind="hash"),
        ]
        for name, info in of.files.items()
    ]
    return "\n".join(
        [
            "<h2>How to verify</h2>",
            f"<p><code>hil verify {escape(of.record)}</code> {HOW_TO_VERIFY}</p>",
            table(("File", "Bytes", "SHA-256"), rows),
        ]
    )
