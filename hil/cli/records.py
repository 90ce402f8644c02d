"""`hil report` and `hil verify`: what a record shows, and whether it is as it was sealed."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from hil.cli.common import console, print_json
from hil.errors import ConfigError, FormatError, HilError
from hil.evaluate import evaluate
from hil.record import analysis_arrays, analysis_to_dict, event_files, open_record
from hil.record import verify as verify_record
from hil.report.page import save
from hil.session import render_record

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from hil.record import Event


def report(arguments: argparse.Namespace) -> int:
    """Render the report again, beside the record: a sealed record is never written to."""
    folder = Path(arguments.record)
    with _readable(folder):
        page = render_record(folder)
    path = Path(arguments.output) if arguments.output else _beside(folder.absolute())
    if inside := [place.name for place in path.resolve().parents if (place / "run.json").is_file()]:
        raise ConfigError(f"{path} lies in the record {inside[-1]}, which is sealed; choose another place")
    save(page, path)
    console().print(f"Report: {escape(str(path))}", soft_wrap=True)
    return 0


def _beside(folder: Path) -> Path:
    """Return where the report of a record goes; that of a campaign's test goes beside the campaign."""
    campaign = folder.parent
    if (campaign / "run.json").is_file():
        return campaign.parent / f"{campaign.name}_{folder.name}_report.html"
    return campaign / f"{folder.name}_report.html"


@contextmanager
def _readable(folder: Path) -> Iterator[None]:
    """Say of a record that cannot be read because it was changed that it was; a defect of ours stays one."""
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, HilError):
            raise
        changed = verify_record(folder)
        if not changed:
            raise
        raise FormatError(f"{folder} cannot be read ({error!r}); {changed[0]}") from error


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
    """Evaluate the captures again and compare, byte by byte, with what the record says."""
    try:
        with _readable(folder):
            record = open_record(folder)
            if "tests" in record.run:
                own = [of.folder for _, of in record.tests() if of is not None]
                return [
                    {**found, "file": f"{each.name}/{found['file']}"}
                    for each in own
                    for found in _compare(each)
                ]
            if not (folder / "metrics.json").is_file():
                return []  # the run ended before anything was evaluated
            again = evaluate(folder, record.run)
            files = event_files(again).items()
            differ = [name for name, data in files if data != (folder / name).read_bytes()]
            stored = {event.name: event for event in record.events()}
    except (HilError, OSError) as error:
        return [{"kind": "unreadable", "file": folder.name, "text": str(error)}]
    findings = []
    for name in differ:
        others = [event.name for event in again if _part(name, event) != _part(name, stored.get(event.name))]
        whose = ", ".join(others) or "something in it"
        text = f"{whose}: the captures give something else with this version of hil-bench"
        findings.append({"kind": "differs", "file": name, "text": text})
    return findings


def _part(name: str, event: Event | None) -> Any:
    """Return what a file says of one capture."""
    if event is None:
        return None
    if name == "verdicts.json":
        return [verdict.to_dict() for verdict in event.verdicts]
    if name == "metrics.json":
        return analysis_to_dict(event.analysis)
    return {key: array.tobytes() for key, array in analysis_arrays(event.analysis).items()}
