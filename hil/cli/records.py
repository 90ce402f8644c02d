"""`hil report` and `hil verify`: what a record shows, and whether it is as it was sealed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from hil.cli.common import console, print_json
from hil.errors import ConfigError, HilError
from hil.evaluate import evaluate
from hil.record import analysis_to_dict, open_record
from hil.record import verify as verify_record
from hil.report.page import save
from hil.session import render_record

if TYPE_CHECKING:
    import argparse

    from hil.record import Event


def report(arguments: argparse.Namespace) -> int:
    """Render the report again, beside the record: a sealed record is never written to."""
    folder = Path(arguments.record)
    page = render_record(folder)
    path = Path(arguments.output or folder.absolute().parent / f"{folder.absolute().name}_report.html")
    if folder.resolve() in path.resolve().parents:
        raise ConfigError(f"{path} lies in the record, which is sealed; choose another place")
    save(page, path)
    console().print(f"Report: {escape(str(path))}", soft_wrap=True)
    return 0


def verify(arguments: argparse.Namespace) -> int:
    """Hash everything again; 1 where anything differs."""
    folder = Path(arguments.record)
    findings = [
        {"kind": found.kind, "file": found.file, "text": found.text} for found in verify_record(folder)
    ]
    if arguments.reanalyse:
        findings += _compare(folder)
    if arguments.json:
        print_json({"record": str(folder), "intact": not findings, "findings": findings})
        return 1 if findings else 0
    out = console()
    for found in findings:
        what = escape(f"{found['file']}: {found['text']}")
        out.print(f"[red]{found['kind']:<9}[/] {what}", soft_wrap=True)
    if findings:
        out.print(f"[bold red]NOT as it was sealed[/]: {escape(str(folder))}", soft_wrap=True)
        return 1
    what = "every byte is as it was sealed"
    what += ", and the captures give the same metrics and verdicts" if arguments.reanalyse else ""
    out.print(f"[green]intact[/]: {escape(str(folder))}: {what}", soft_wrap=True)
    return 0


def _compare(folder: Path) -> list[dict[str, str]]:
    """Evaluate the captures again and compare with what the record says."""
    try:
        record = open_record(folder)
        stored = {event.name: _plain(event) for event in record.events()}
        found = {event.name: _plain(event) for event in evaluate(folder, record.run)}
    except HilError as error:
        return [{"kind": "unreadable", "file": folder.name, "text": str(error)}]
    return [
        {
            "kind": "differs",
            "file": "metrics.json" if what == "results" else "verdicts.json",
            "text": f"{name}: the captures give other {what} with this version of hil-bench",
        }
        for name in sorted(stored.keys() | found.keys())
        for what in ("results", "verdicts")
        if stored.get(name, {}).get(what) != found.get(name, {}).get(what)
    ]


def _plain(event: Event) -> dict[str, Any]:
    return {
        "results": analysis_to_dict(event.analysis)["results"],
        "verdicts": [verdict.to_dict() for verdict in event.verdicts],
    }
