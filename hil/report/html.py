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
from hil.report.glance import glance
from hil.report.page import POLICY, SCRIPT, STYLE
from hil.report.plots import plots
from hil.report.wording import cell, columns_told, margin, measured, remarks, sections, split
from hil.units import show

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hil.analysis.result import Analysis, Result
    from hil.analysis.result import Table as ResultTable
    from hil.compliance.envelope import Envelope
    from hil.compliance.verdict import Verdict
    from hil.record.record import Record
    from hil.report.plots import Plot
    from hil.waveform import Waveform

COMMANDS_SHOWN: Final = 200
ROWS_OPEN: Final = 12
"""Longer tables of results are folded away."""
RESULT_HEADS: Final = ("Quantity", "Value", "Remark", "Method", "Key")
SAMPLES_DRAWN: Final = 100_000
"""Per channel, in all events together: about 5 MB for seven channels, as much as plotly.js itself."""
IN_HEADER: Final = ("sequence", "title", "simulated", "end", "units", "captures")
SIMULATED: Final = (
    '<p class="simulated">SIMULATED: no hardware was involved, this says nothing about a real unit.</p>'
)
NOMINAL: Final = {"voltage": "V", "frequency": "Hz", "power": "W", "dc_voltage": "V", "phase_voltage": "V"}
"""Units of the ratings that a sequence was scaled to."""
ABOUT_ITSELF: Final = ("report.html", "manifest.json")
RULE: Final = (
    "± is the expanded uncertainty (k = 2): a value passes inside the limit by at least that much and "
    "fails outside by more; between, it is INCONCLUSIVE. Without ± the uncertainty is not known and the "
    "value is judged as it is. INVALID: the test was not the one asked for. Engineering default: no public "
    "text has a limit, the number is a choice."
)
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
        title=str(record.run.get("title", record.run["sequence"])),
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
    from plotly.offline import get_plotlyjs  # noqa: PLC0415 - reads 5 MB that only a report needs

    body = [_header(of)]
    body += [_event(of, event) for event in of.events]
    body += [] if of.events else ["<p>No capture was analysed.</p>"]
    body += [_setup(of), _commands(of.commands), _files(of)]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(of.title)}</title><style>{STYLE}</style></head>\n<body>\n"
        + "\n".join(filter(None, body))
        + f"\n<script>{get_plotlyjs()}</script>\n<script>{SCRIPT}</script>\n</body></html>\n"
    )


def _header(of: ReportInput) -> str:
    verdicts = [verdict for event in of.events for verdict in event.verdicts]
    out = [SIMULATED] if of.run.get("simulated") else []
    out.append(f"<header><div><h1>{escape(of.title)}</h1>")
    if of.record:
        out.append(f'<p class="soft">Record {escape(of.record)}</p>')
    if of.run:
        facts = (f"Run {_text(of.run.get('end'))}", of.run.get("bench"), of.run.get("started"))
        out.append(f"<p>{escape(' · '.join(_text(fact) for fact in facts if fact))}</p>")
    out.append("</div>")
    if verdicts:
        outcome = overall(verdicts)
        counts = Counter(v.outcome if v.required else "not required" for v in verdicts)
        names: list[str] = [*Outcome, "not required"]
        summary = " · ".join(f"{counts[name]} {name}" for name in names if counts[name])
        out.append(f'<div class="overall {_class(outcome)}"><b>{outcome}</b>{escape(summary)}</div>')
    return "\n".join([*out, "</header>"])


def _event(of: ReportInput, event: Event) -> str:
    mark = _mark(overall(event.verdicts)) if event.verdicts else ""
    out = [f"<h2>{escape(event.name)} {mark}</h2>"] if event.name != of.title else []
    if event.parameters:
        out.append(
            f'<p class="soft">Commanded: {escape(_commanded(event.parameters, of.run.get("units", {})))}</p>'
        )
    out += [f'<p class="warning">{escape(warning)}</p>' for warning in event.analysis.warnings]
    if event.verdicts:
        heads = ("Outcome", "Criterion", "Measured", "Limit", "Margin", "Source")
        out.append(_table(heads, [_verdict_row(verdict) for verdict in event.verdicts]))
        out.append(f'<p class="soft"><small>{RULE}</small></p>')
    else:
        out.append(_glance(event.analysis))
    waveform = of.waveforms.get(event.name)
    whole = min(SAMPLES_DRAWN // len(of.events), 40_000)
    drawn = plots(event.analysis, waveform, of.envelope, event.parameters, whole)
    every = list(drawn)
    out += [_figure(plot) for plot in every if not plot.more]
    if more := [_figure(plot) for plot in every if plot.more]:
        out += [f"<details><summary>More plots ({len(more)})</summary>", *more, "</details>"]
    for heading, results, tables in sections(event.analysis):
        out.append(f"<h3>{escape(heading or 'Measured')}</h3>")
        out += _results(results)
        for table in tables:
            out += _result_table(table)
    history = [*(waveform.history if waveform else ()), *event.analysis.history]
    if history:
        steps = "\n".join(history)
        out.append(
            f"<details><summary>How the samples became numbers</summary><pre>{escape(steps)}</pre></details>"
        )
    return "\n".join(out)


def _commanded(values: Mapping[str, Any], units: Mapping[str, str]) -> str:
    shown = [
        f"{name.replace('_', ' ')} {show(value, units.get(name, '')) if isinstance(value, float) else value}"
        for name, value in values.items()
    ]
    return ", ".join(shown)


def _verdict_row(verdict: Verdict) -> list[str]:
    default = " default" if verdict.confidence == "engineering default" else ""
    tag = f'<span class="tag{default}">{escape(verdict.confidence)}</span>'
    source = f"<small>{escape(verdict.source)} {tag}</small>"
    reason = f"<small>{escape(verdict.reason)}</small>" if verdict.reason else ""
    return [
        f"<td>{_mark(verdict.outcome)}</td>",
        _cell(verdict.title, "", f"<small>{escape(verdict.why)}</small>"),
        _cell(measured(verdict), "Measured", reason, kind="number"),
        _cell(verdict.limit, "Limit", kind="number"),
        _cell(margin(verdict), "Margin", kind="number"),
        _cell(verdict.clause, "Source", source),
    ]


def _glance(analysis: Analysis) -> str:
    rows = []
    for line in glance(analysis):
        mark = _mark(line.outcome) + " " if line.outcome else ""
        rows.append(f"<dt>{escape(line.title)}</dt><dd>{mark}{escape(line.text)}</dd>")
    return (
        "\n".join(['<section class="glance"><h3>At a glance</h3><dl>', *rows, "</dl></section>"])
        if rows
        else ""
    )


def _results(results: Sequence[Result]) -> list[str]:
    """Return the results with a value, and folded away those that lack one for a reason they share."""
    shown, shared = split(results)
    told, notes = remarks(shown)
    out = []
    if shown:
        out.append(_table(RESULT_HEADS, map(_result_row, shown, told), "results"))
        out += [f'<p class="soft"><small>{escape(note)}</small></p>' for note in notes]
    if shared:
        count = sum(map(len, shared.values()))
        out.append(f"<details><summary>Without a value ({count})</summary>")
        for reason, members in shared.items():
            out.append(f'<p class="soft">{escape(reason)}</p>')
            out.append(_table(RESULT_HEADS, [_result_row(result, "") for result in members], "results"))
        out.append("</details>")
    return out


def _result_row(result: Result, remark: str) -> list[str]:
    return [
        _cell(result.title),
        _cell(measured(result), "Value", kind="number"),
        _cell(remark, "Remark"),
        _cell(result.method, "Method"),
        _cell(result.key, "Key", kind="key"),
    ]


def _result_table(of: ResultTable) -> list[str]:
    """Return a table with its title and notes, folded away where it is long or for few."""
    kept = columns_told(of)
    rows = [
        [
            _cell(cell(row[k], of.units[k]), of.columns[k], kind="" if isinstance(row[k], str) else "number")
            for k in kept
        ]
        for row in of.rows
    ]
    about = "; ".join(filter(None, (of.method, of.note)))
    body = [
        _table([of.columns[k] for k in kept], rows),
        f'<p class="soft"><small>{escape(about)}</small></p>' if about else "",
    ]
    if of.detail or len(rows) > ROWS_OPEN:
        summary = f"{escape(of.title)} ({len(rows)} row{'' if len(rows) == 1 else 's'})"
        return [f"<details><summary>{summary}</summary>", *body, "</details>"]
    return [f"<h4>{escape(of.title)}</h4>", *body]


def _figure(plot: Plot) -> str:
    caption = f"<figcaption>{escape(plot.caption)}</figcaption>" if plot.caption else ""
    return (
        f'<figure><h3>{escape(plot.title)}</h3><div class="plot"></div>{caption}'
        f'<script type="application/json">{plot.to_json()}</script></figure>'
    )


def _setup(of: ReportInput) -> str:
    about = {name: value for name, value in of.run.items() if name not in IN_HEADER}
    for name, units in (("parameters", of.run.get("units", {})), ("nominal", NOMINAL)):
        if name in about:
            about[name] = _commanded(about[name], units).split(", ")
    if of.certificates:
        about["certificates"] = of.certificates
    if not about:
        return ""
    rows = [
        f"<dt>{escape(name.replace('_', ' ').capitalize())}</dt><dd>{escape(_text(value, chr(10)))}</dd>"
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
            _cell(name),
            _cell(f"{info['bytes']:,}", "Bytes", kind="number"),
            _cell(info["sha256"], "SHA-256", kind="hash"),
        ]
        for name, info in of.files.items()
    ]
    return "\n".join(
        [
            "<h2>How to verify</h2>",
            f"<p><code>hil verify {escape(of.record)}</code> {HOW_TO_VERIFY}</p>",
            _table(("File", "Bytes", "SHA-256"), rows),
        ]
    )


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], kind: str = "") -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    body = "\n".join(f"<tr>{''.join(cells)}</tr>" for cells in rows)
    style = f' class="{kind}"' if kind else ""
    rows_of = f"<thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody>"
    return f'<div class="wide"><table{style}>{rows_of}</table></div>'


def _cell(text: str, label: str = "", more: str = "", kind: str = "") -> str:
    """Return one cell; `label` names the column where a phone shows rows as cards, `more` is HTML."""
    if not text and not more:
        return "<td></td>"
    shown = f' data-label="{label}"' if label else ""
    style = f' class="{kind}"' if kind else ""
    return f"<td{shown}><span{style}>{escape(text)}</span>{more}</td>"


def _mark(outcome: Outcome) -> str:
    return f'<span class="mark {_class(outcome)}">{outcome}</span>'


def _class(outcome: Outcome) -> str:
    return outcome.replace(" ", "")


def _text(value: Any, between: str = ", ") -> str:
    """Return anything that JSON can hold as text for a person."""
    match value:
        case bool():
            return "yes" if value else "no"
        case float():
            return show(value, "")
        case dict():
            return between.join(f"{key}: {_text(entry)}" for key, entry in value.items())
        case list() | tuple():
            return between.join(_text(entry) for entry in value)
        case None:
            return "–"
        case _:
            return str(value)
