"""`hil analyze DIR`: every capture of a folder, side by side, with a summary."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from hil.analysis.result import Table
from hil.batch import Done, Job, captures_in, in_processes, on_cluster
from hil.cli.common import console, print_json
from hil.errors import FormatError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator

    from rich.console import Console

    from hil.analysis.result import Cell
    from hil.study import Question


def analyze_folder(arguments: argparse.Namespace, folder: Path, question: Question) -> int:
    """Analyse the captures of a folder and print a summary; 2 where something went wrong with one or more."""
    paths = captures_in(folder)
    if not paths:
        raise FormatError(f"{folder}: there is no capture in this folder or below it")
    reports = None
    if arguments.report is not None:
        reports = Path(arguments.report or f"{folder.resolve().name}_reports")
        reports.mkdir(parents=True, exist_ok=True)  # or say now that it cannot be, not after hours
    names = {path.absolute(): str(path.relative_to(folder)) for path in paths}
    jobs = [
        Job(path, question, None if reports is None else reports / f"{names[path.absolute()]}.html")
        for path in paths
    ]
    if arguments.scheduler is None:
        running = in_processes(jobs, arguments.jobs)
    else:
        running = on_cluster(jobs, arguments.scheduler)
    screen = console(stderr=True)
    done = {names[one.path.absolute()]: one for one in _watched(running, len(jobs), screen)}
    every = [(name, done[name]) for name in sorted(done)]
    failed = sum(one.error is not None for _, one in every)
    if arguments.json:
        print_json({"folder": str(folder), "failed": failed, "captures": [_plain(*pair) for pair in every]})
        return 2 if failed else 0
    from hil.report.glance import worst  # noqa: PLC0415 - only for the terminal
    from hil.report.terminal import SUMMARY, print_summary  # noqa: PLC0415 - loads rich

    out = console()
    rows = [
        (name, _values(one.found, SUMMARY), worst(tuple(Table(**table) for table in one.found["tables"])))
        for name, one in every
        if one.found is not None
    ]
    print_summary(rows, out)
    for name, one in every:
        remarks = [(warning, "yellow") for warning in (one.found or {"warnings": ()})["warnings"]]
        remarks += [] if one.error is None else [(one.error, "red")]
        for remark, style in remarks:
            said = remark.removeprefix(f"{one.path}: ").removeprefix(f"{one.path.name}: ")
            out.print(f"{name}: {said}", style=style, markup=False, soft_wrap=True)
    written = sum(one.report is not None for _, one in every)
    lost = sum(one.found is None for _, one in every)
    out.print(f"{len(every)} captures, {lost} could not be analysed")
    if written:
        out.print(f"{written} reports in {reports}", markup=False, soft_wrap=True)
    return 2 if failed else 0


def _watched(running: Iterator[Done], total: int, screen: Console) -> Iterator[Done]:
    """Pass on what is done, under a bar that counts it."""
    if not screen.is_terminal:
        yield from running
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415 - slow

    columns = TextColumn("analysing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, TextColumn("{task.description}"), console=screen, transient=True) as progress:
        task = progress.add_task("", total=total)
        for one in running:
            progress.update(task, advance=1, description=one.path.name)
            yield one


def _plain(name: str, one: Done) -> dict[str, Any]:
    return {
        "file": name,
        "error": one.error,
        **(one.found or {}),
        "report": None if one.report is None else str(one.report),
    }


def _values(found: dict[str, Any], keys: Iterable[str]) -> list[Cell]:
    """Return the values of the summary; where there is none, why, if the event itself says so."""
    results = {result["key"]: result for result in found["results"]}
    return [_value(results[key]) if key in results else None for key in keys]


def _value(result: dict[str, Any]) -> Cell:
    value: Cell = result["value"]
    unsaid = {"no event", "not determinable"}
    return str(result["state"]) if value is None and result["state"] not in unsaid else value
