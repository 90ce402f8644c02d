"""`hil analyze`: metrics of a captured waveform, a folder of them, or a plan of injections."""

from __future__ import annotations

from itertools import groupby
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from hil.analysis.analyze import Given
from hil.cli.common import bar, console, pairs, print_json
from hil.errors import ConfigError, StorageError
from hil.record import analysis_to_dict
from hil.report.plots import gone_by
from hil.study import Question, study, study_injections
from hil.units import parse
from hil.waveform import find

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from rich.console import Console

    from hil.analysis.result import Analysis
    from hil.report.html import ReportInput
    from hil.waveform import Channel, Waveform


def analyze(arguments: argparse.Namespace) -> int:
    """Read, measure, print."""
    path = Path(arguments.file)
    question = _question(arguments)
    if path.is_dir():
        from hil.cli.folder import analyze_folder  # noqa: PLC0415 - only for a folder

        return analyze_folder(arguments, path, question)
    for option in ("jobs", "scheduler"):
        if getattr(arguments, option) is not None:
            raise ConfigError(f"--{option} is for a folder of captures, and {path} is none")
    if path.suffix.lower() == ".toml":
        return _injections(arguments, path, question)
    return _capture(arguments, path, question)


def _capture(arguments: argparse.Namespace, path: Path, question: Question) -> int:
    from hil.report.html import from_analysis  # noqa: PLC0415 - loads what draws

    with bar(console(stderr=True), f"analysing {path.name}") as progress:
        found = study(path, question, progress)
    channels = [
        {"name": c.name, "unit": c.unit, "quantity": c.quantity, "phase": c.phase, "place": c.place}
        for c in found.channels
    ]
    about = {"rate": found.rate, "samples": found.samples, "channels": channels}
    seconds = found.samples / found.rate
    size = f"{found.samples:,} samples at {found.rate:,.10g} samples/s, {seconds:.4g} s"
    head = [f"[bold]{escape(path.name)}[/]: {size}"]
    used = _used(found.excerpt)
    for (place, quantity), members in groupby(used, lambda channel: (channel.place, channel.quantity)):
        named = ", ".join(f"{channel.phase} = {channel.name}".removeprefix(" = ") for channel in members)
        head.append(escape(f"{f'{place} {quantity}'.strip():<8} {named}"))
    if rest := len(found.channels) - len(used):
        head.append(f"[dim]{rest} more channels without a part in the analysis; --map gives them one[/]")
    report = from_analysis(path.name, found.excerpt, found.analysis, found.envelope)
    return _answer(arguments, path, about, head, found.analysis, report)


def _injections(arguments: argparse.Namespace, path: Path, question: Question) -> int:
    """Print the impedance that a plan of injections tells."""
    from hil.report.html import from_analysis  # noqa: PLC0415 - loads what draws

    if question != Question():
        raise ConfigError(f"{path}: a plan of injections takes --report and --json; leave out the rest")
    plan, analysis = study_injections(path)
    head = [f"[bold]{escape(path.name)}[/]: {escape(plan.title)}"]
    report = from_analysis(plan.title, None, analysis)
    spectra = [
        {
            "key": s.key,
            "title": s.title,
            "unit": s.unit,
            "frequency": s.time.tolist(),
            "values": [value if isfinite(value) else None for value in s.values.tolist()],
        }
        for s in analysis.spectra
    ]
    return _answer(arguments, path, {"title": plan.title, "spectra": spectra}, head, analysis, report)


def _answer(
    arguments: argparse.Namespace,
    path: Path,
    about: dict[str, Any],
    head: Sequence[str],
    analysis: Analysis,
    report: ReportInput,
) -> int:
    """Print what was found, and write the report; where it cannot be, all the rest is printed first."""
    target = None
    if arguments.report is not None:
        target = Path(arguments.report or f"{path.stem}_report.html")
    problem = None if target is None else _written(report, target)
    if problem is not None:
        target = None
    if arguments.json:
        stored = analysis_to_dict(analysis)
        kept = {name: stored[name] for name in ("results", "tables", "warnings")}
        print_json({"file": str(path), **about, **kept, "report": None if target is None else str(target)})
    else:
        _print(head, analysis, target, console())
    if problem is not None:
        raise problem
    return 0


def _written(report: ReportInput, target: Path) -> StorageError | None:
    """Write the report, and return what went wrong."""
    from hil.report.html import render  # noqa: PLC0415 - loads what draws
    from hil.report.page import save  # noqa: PLC0415 - only here

    try:
        with console(stderr=True).status("drawing the report"):
            save(render(report), target)
    except StorageError as error:
        return error
    return None


def _print(head: Sequence[str], analysis: Analysis, report: Path | None, out: Console) -> None:
    from hil.report.terminal import print_results  # noqa: PLC0415 - loads rich

    for line in head:
        out.print(line)
    print_results(analysis, out)
    if report is not None:
        out.print(f"Report: {escape(str(report))}", soft_wrap=True)


def _used(waveform: Waveform) -> list[Channel]:
    """Return the channels that the analysis goes by, those of one place and quantity together."""
    used: list[Channel] = []
    for place in ("", "load", "grid"):
        for quantity in ("voltage", "current", "power"):
            used += gone_by(waveform.channels, quantity, place)
            used += find(waveform.channels, quantity, ("dc",), place=place)
    return [*used, *waveform.find("trigger", ("",))]


def _question(arguments: argparse.Namespace) -> Question:
    """Return what the arguments say of the capture and ask of it."""

    def given(option: str, unit: str) -> float | None:
        text = getattr(arguments, option.replace("-", "_"))
        return None if text is None else parse(text, unit, f"--{option}")

    return Question(
        mapping=pairs(arguments.mapping, "--map", 'va="CH 1"'),
        given=Given(
            nominal_voltage=given("nominal", "V"),
            nominal_frequency=given("frequency", "Hz"),
            event=given("event", "s"),
            rated_current=given("rated-current", "A"),
            demand_current=given("demand-current", "A"),
            lamp=arguments.lamp,
        ),
        envelopes=tuple(arguments.envelope),
        distortion=tuple(arguments.distortion),
        variation=tuple(arguments.variation),
        rated_power=given("rated-power", "W"),
        short_circuit_ratio=arguments.short_circuit_ratio,
        site=arguments.site,
    )
