"""One event of the report, or one capture: verdicts or a glance, plots, and all that was measured."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

from hil.report.elements import commanded, mark, table, td
from hil.report.glance import glance
from hil.report.plots import plots
from hil.report.wording import cell, columns_told, margin, measured, remarks, sections, split

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hil.analysis.result import Analysis, Result
    from hil.analysis.result import Table as ResultTable
    from hil.compliance.envelope import Envelope
    from hil.compliance.verdict import Verdict
    from hil.record.events import Event
    from hil.report.figure import Plot
    from hil.report.thin import Detail
    from hil.waveform import Waveform

ROWS_OPEN: Final = 12
"""Longer tables of results are folded away."""
RESULT_HEADS: Final = ("Quantity", "Value", "Remark", "Method", "Key")
RULE: Final = (
    "± is the expanded uncertainty (k = 2): a value passes inside the limit by at least that much and "
    "fails outside by more; between, it is INCONCLUSIVE. Without ± the uncertainty is not known and the "
    "value is judged as it is. INVALID: the test was not the one asked for. Engineering default: no public "
    "text has a limit, the number is a choice."
)


def event_section(
    event: Event,
    waveform: Waveform | None,
    envelope: Envelope | None,
    units: Mapping[str, str],
    detail: Detail,
) -> str:
    """Return what the report says of one event, below its heading.

    units: of its parameters.
    """
    out = []
    if event.parameters:
        out.append(f'<p class="soft">Commanded: {escape(commanded(event.parameters, units))}</p>')
    out += [f'<p class="warning">{escape(warning)}</p>' for warning in event.analysis.warnings]
    if event.verdicts:
        heads = ("Outcome", "Criterion", "Measured", "Limit", "Margin", "Source")
        out.append(table(heads, [_verdict_row(verdict) for verdict in event.verdicts]))
        out.append(f'<p class="soft"><small>{RULE}</small></p>')
    else:
        out.append(_glance(event.analysis))
    drawn = list(plots(event.analysis, waveform, envelope, event.parameters, detail, event.verdicts))
    out += [_figure(plot) for plot in drawn if not plot.more]
    if more := [_figure(plot) for plot in drawn if plot.more and detail.all]:
        out += [f"<details><summary>More plots ({len(more)})</summary>", *more, "</details>"]
    for heading, results, tables in sections(event.analysis) if detail.all else ():
        out.append(f"<h3>{escape(heading or 'Measured')}</h3>")
        out += _results(results)
        for of in tables:
            out += _result_table(of)
    history = [*(waveform.history if waveform else ()), *event.analysis.history]
    if history:
        steps = "\n".join(history)
        out.append(
            f"<details><summary>How the samples became numbers</summary><pre>{escape(steps)}</pre></details>"
        )
    return "\n".join(out)


def _verdict_row(verdict: Verdict) -> list[str]:
    default = " default" if verdict.confidence == "engineering default" else ""
    tag = f'<span class="tag{default}">{escape(verdict.confidence)}</span>'
    source = f"<small>{escape(verdict.source)} {tag}</small>"
    reason = f"<small>{escape(verdict.reason)}</small>" if verdict.reason else ""
    return [
        f"<td>{mark(verdict.outcome)}</td>",
        td(verdict.title, "", f"<small>{escape(verdict.why)}</small>"),
        td(measured(verdict), "Measured", reason, kind="number"),
        td(verdict.limit, "Limit", kind="number"),
        td(margin(verdict), "Margin", kind="number"),
        td(verdict.clause, "Source", source),
    ]


def _glance(analysis: Analysis) -> str:
    rows = []
    for line in glance(analysis):
        outcome = mark(line.outcome) + " " if line.outcome else ""
        rows.append(f"<dt>{escape(line.title)}</dt><dd>{outcome}{escape(line.text)}</dd>")
    if not rows:
        return ""
    return "\n".join(['<section class="glance"><h3>At a glance</h3><dl>', *rows, "</dl></section>"])


def _results(results: Sequence[Result]) -> list[str]:
    """Return the results with a value, and folded away those that lack one for a reason they share."""
    shown, shared = split(results)
    told, notes = remarks(shown)
    out = []
    if shown:
        out.append(table(RESULT_HEADS, map(_result_row, shown, told), "results"))
        out += [f'<p class="soft"><small>{escape(note)}</small></p>' for note in notes]
    if shared:
        count = sum(map(len, shared.values()))
        out.append(f"<details><summary>Without a value ({count})</summary>")
        for reason, members in shared.items():
            out.append(f'<p class="soft">{escape(reason)}</p>')
            out.append(table(RESULT_HEADS, [_result_row(result, "") for result in members], "results"))
        out.append("</details>")
    return out


def _result_row(result: Result, remark: str) -> list[str]:
    return [
        td(result.title),
        td(measured(result), "Value", kind="number"),
        td(remark, "Remark"),
        td(result.method, "Method"),
        td(result.key, "Key", kind="key"),
    ]


def _result_table(of: ResultTable) -> list[str]:
    """Return a table with its title and notes, folded away where it is long or for few."""
    kept = columns_told(of)
    rows = [
        [
            td(cell(row[k], of.units[k]), of.columns[k], kind="" if isinstance(row[k], str) else "number")
            for k in kept
        ]
        for row in of.rows
    ]
    about = "; ".join(filter(None, (of.method, of.note)))
    body = [
        table([of.columns[k] for k in kept], rows),
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
