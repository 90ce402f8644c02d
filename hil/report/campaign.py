"""The report of a campaign: a summary for a manager, the requirement matrix, then test by test."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING, Any, Final

from hil.compliance.verdict import Outcome, overall
from hil.record.manifest import hashes
from hil.recording import SUMMARY
from hil.report.elements import commanded, css, mark, table, td, told
from hil.report.event import event_section
from hil.report.html import ABOUT_ITSELF, HOW_TO_VERIFY, NOMINAL, SIMULATED
from hil.report.page import document
from hil.report.thin import Detail
from hil.report.wording import found, span

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hil.compliance.envelope import Envelope
    from hil.record.events import Event
    from hil.record.record import Record
    from hil.waveform import Waveform

    Waveforms = Callable[[Record, str], Waveform | None]
    Envelopes = Callable[[Record], Envelope | None]

DRAWN: Final = 15_000
"""Spans that all captures together are drawn in: about 7 MB."""
LEAST: Final = 60
MOST: Final = 400
"""Spans that one capture is drawn in, at least and at most."""
ANSWERS: Final = {"compliant": Outcome.PASS, "deviation": Outcome.FAIL, "exception": Outcome.INVALID}
"""Colour of an answer."""
FACTS: Final = {"form": "{} form", "bench": "{}", "started": "{}", "end": "run {}"}
"""What stands in the header, where the campaign says it."""
DETAIL: Final = "hil report {}/{} draws every capture of this test in full detail."
EXPLAINED: Final = (
    "Compliant: shown within its limit. Deviation: shown outside it. Exception: could not be shown, for the "
    "reason that stands in its test. The value is that of the capture that came nearest to the limit."
)


def render_campaign(record: Record, waveform_of: Waveforms, envelope_of: Envelopes) -> str:
    """Return the page. Waveforms are asked for one after the other, for they need not fit into memory."""
    tests = record.tests()
    matrix = record.matrix()
    run = record.run
    count = sum(len(own.run.get("captures", ())) for _, own in tests if own is not None)
    detail = Detail(whole=0, buckets=min(MOST, max(LEAST, DRAWN // max(1, count))), all=False)
    body = [_header(record, matrix), _summary(tests, matrix), _matrix(matrix)]
    for test, own in tests:
        body.append(_test(test, own, record.name, waveform_of, envelope_of, detail))
    body += [_about(run), _files(record)]
    return document(_title(record), body)


def _title(record: Record) -> str:
    return str(record.run.get("campaign", record.name))


def _header(record: Record, matrix: Sequence[Mapping[str, Any]]) -> str:
    run = record.run
    outcome = Outcome(run["outcome"])
    counts = Counter(row["answer"] for row in matrix)
    tests = Counter(test["outcome"] for test in run["tests"])
    told_of = " · ".join(f"{tests[name]} {name}" for name in Outcome if tests[name])
    count = len(run["tests"])
    told_of = f"{count} test{'' if count == 1 else 's'}: {told_of}"
    facts = [text.format(run[key]) for key, text in FACTS.items() if key in run]
    facts += [f"planted flaws: {', '.join(run['flaws'])}"] if run.get("flaws") else []
    return "\n".join(
        [
            SIMULATED if run.get("simulated") else "",
            f"<header><div><h1>{escape(_title(record))}</h1>",
            f'<p class="soft">{escape(run["source"])}</p>' if run.get("source") else "",
            f'<p class="soft">Record {escape(record.name)}</p>',
            f"<p>{escape(' · '.join(facts))}</p>",
            f"<p><b>{len(matrix)} requirements:</b> {_counted(counts)}</p></div>",
            f'<div class="overall {css(outcome)}"><b>{outcome}</b>{escape(told_of)}</div></header>',
        ]
    )


def _counted(counts: Counter[str]) -> str:
    return " · ".join(f"{counts[answer]} {answer}" for answer in ANSWERS if counts[answer])


def _summary(
    tests: Sequence[tuple[Mapping[str, Any], Record | None]], matrix: Sequence[Mapping[str, Any]]
) -> str:
    """Return a line for each test, with what came nearest to its limit, or what broke it."""
    rows = []
    for test, _ in tests:
        mine = [row for row in matrix if row["test"] == test["id"] and "outcome" in row]
        counts = Counter(row["answer"] for row in mine)
        bad = [row for row in mine if row["answer"] != "compliant"]
        says = "; ".join(f"{row['title']}: {_value(row)}, limit {row['limit']}" for row in bad[:3])
        says += f"; and {len(bad) - 3} more" if len(bad) > 3 else ""
        how = "by model" if test["by_model"] else "on the bench"
        rows.append(
            [
                f"<td>{mark(Outcome(test['outcome']))}</td>",
                f'<td><a href="#{escape(test["id"])}">{escape(test["id"])}</a></td>',
                td(test["title"], "", f"<small>{escape(test['reason'] or says)}</small>"),
                td(_counted(counts), "Requirements"),
                td(f"{how}, {span(test['bench_seconds'])}", "How", kind="number"),
            ]
        )
    return "<h2>Summary</h2>\n" + table(("Outcome", "Test", "What it shows", "Requirements", "How"), rows)


def _value(row: Mapping[str, Any]) -> str:
    return found(row["value"], row["unit"], row["uncertainty"])


def _matrix(matrix: Sequence[Mapping[str, Any]]) -> str:
    rows = []
    for row in matrix:
        test = escape(row["test"])
        answer = f'<span class="mark {css(ANSWERS[row["answer"]])}">{row["answer"]}</span>'
        if "key" not in row:
            told_why = td(row["title"], "", f"<small>{escape(row['reason'])}</small>")
            rows.append([f"<td>{test}</td>", f"<td>{answer}</td>", told_why, *["<td></td>"] * 3])
            continue
        place = f"{row['test']}-{row['capture']}"
        of = "" if row["capture"] == SUMMARY else f"{row['test']}/captures/{row['capture']}.h5"
        where = f'<a href="#{escape(place)}">{escape(row["capture"])}</a><small>{escape(of)}</small>'
        worst_of = f", worst of {row['captures']}" if row["captures"] > 1 else ""
        default = " default" if row["confidence"] == "engineering default" else ""
        tag = f'<span class="tag{default}">{escape(row["confidence"])}</span>'
        rows.append(
            [
                f"<td>{test}</td>",
                f"<td>{answer}</td>",
                td(row["title"], "", f"<small>{escape(row['clause'])} {tag}</small>"),
                td(_value(row) + worst_of, "Measured", kind="number"),
                td(row["limit"], "Limit", kind="number"),
                f"<td>{where}</td>",
            ]
        )
    heads = ("Test", "Answer", "Requirement", "Measured", "Limit", "Evidence")
    title = f"Requirement matrix ({len(matrix)} rows)"
    return f'<h2>{title}</h2>\n<p class="soft">{EXPLAINED}</p>\n{table(heads, rows)}'


def _test(
    test: Mapping[str, Any],
    own: Record | None,
    campaign: str,
    waveform_of: Waveforms,
    envelope_of: Envelopes,
    detail: Detail,
) -> str:
    name = escape(test["id"])
    out = [f'<h2 id="{name}">{name} {escape(test["title"])} {mark(Outcome(test["outcome"]))}</h2>']
    if test["objective"]:
        out.append(f"<p>{escape(test['objective'])}</p>")
    if test["reason"]:
        out.append(f'<p class="warning">{escape(test["reason"])}</p>')
    if own is None:
        return "\n".join(out)
    run = own.run
    out.append(_set_up(run))
    envelope = envelope_of(own)
    # what all captures together show comes first
    events = sorted(own.events(), key=lambda event: event.name != SUMMARY)
    for event in events:
        planned = run.get("captures", {}).get(event.name, {})
        waveform = None if planned.get("file") is None else waveform_of(own, event.name)
        how = replace(detail, all=True) if event.name == SUMMARY else detail
        section = event_section(event, waveform, envelope, run.get("units", {}), how)
        out.append(_capture(test["id"], event, section, open_=event.name == SUMMARY or len(events) == 1))
    out.append(f'<p class="soft"><small>{escape(DETAIL.format(campaign, test["id"]))}</small></p>')
    return "\n".join(out)


def _capture(test: str, event: Event, section: str, *, open_: bool) -> str:
    outcome = overall(event.verdicts)
    shown = " open" if open_ or outcome is not Outcome.PASS else ""
    name = "All captures together" if event.name == SUMMARY else event.name.replace("_", " ")
    return (
        f'<details id="{escape(test)}-{escape(event.name)}"{shown}>'
        f"<summary>{mark(outcome)} {escape(name)}</summary>\n{section}</details>"
    )


def _set_up(run: Mapping[str, Any]) -> str:
    """Return how a test was done, as far as its run came to say it."""
    rows = {
        "How": run.get("safety", ""),
        "Parameters": commanded(run.get("parameters", {}), run.get("units", {})),
        "Instruments": told(run.get("instruments", {})),
        "Applied": "\n".join(run.get("stages", ())),
        "Notes": "\n".join(run.get("notes", ())),
    }
    head = "<summary>Set-up, and what was applied</summary>"
    return f"<details>{head}{_listed(rows)}</details>" if any(rows.values()) else ""


def _about(run: Mapping[str, Any]) -> str:
    rows = {
        "Bench": run.get("bench", ""),
        "Nominal": commanded(run.get("nominal", {}), NOMINAL),
        "Bench time": span(run["bench_seconds"]) if "bench_seconds" in run else "",
        "Started": run.get("started", ""),
        "Ended": run.get("ended", ""),
        "Versions": told(run.get("versions", {})),
        "Platform": run.get("platform", ""),
    }
    return f"<h2>Bench and versions</h2>\n{_listed(rows)}"


def _listed(rows: Mapping[str, str]) -> str:
    cells = [f"<dt>{name}</dt><dd>{escape(text)}</dd>" for name, text in rows.items() if text]
    return "\n".join(["<dl>", *cells, "</dl>"])


def _files(record: Record) -> str:
    rows = [
        [
            td(name),
            td(f"{info['bytes']:,}", "Bytes", kind="number"),
            td(info["sha256"], "SHA-256", kind="hash"),
        ]
        for name, info in hashes(record.folder).items()
        if name not in ABOUT_ITSELF
    ]
    return "\n".join(
        [
            "<h2>How to verify</h2>",
            f"<p><code>hil verify {escape(record.name)}</code> {HOW_TO_VERIFY}</p>",
            f"<details><summary>{len(rows)} files</summary>",
            table(("File", "Bytes", "SHA-256"), rows),
            "</details>",
        ]
    )
