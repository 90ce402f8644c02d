"""`hil analyze`: metrics of a captured waveform."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape

from hil.analysis.analyze import Given
from hil.analysis.signals import LINES
from hil.cli.common import bar, console, pairs, print_json
from hil.record import analysis_to_dict
from hil.study import Question, study, study_injections
from hil.units import parse
from hil.waveform import PHASES, find

if TYPE_CHECKING:
    import argparse

    from hil.waveform import Channel, Waveform


def analyze(arguments: argparse.Namespace) -> int:
    """Read, measure, print."""
    path = Path(arguments.file)
    question = _question(arguments)
    if path.is_dir():
        from hil.cli.folder import analyze_folder  # noqa: PLC0415 - only for a folder

        return analyze_folder(arguments, path, question)
    screen = console(stderr=True)
    if path.suffix.lower() == ".toml":
        return _injections(arguments, path)
    with bar(screen, f"analysing {path.name}") as progress:
        found = study(path, question, progress)
    waveform, analysis = found.excerpt, found.analysis
    report = None
    if arguments.report is not None:
        from hil.report.html import from_analysis, render  # noqa: PLC0415 - loads plotly

        report = Path(arguments.report or f"{path.stem}_report.html")
        with screen.status("drawing the report"):
            report.write_text(
                render(from_analysis(path.name, waveform, analysis, found.envelope)), encoding="utf-8"
            )
    if arguments.json:
        channels = [
            {"name": c.name, "unit": c.unit, "quantity": c.quantity, "phase": c.phase, "place": c.place}
            for c in found.channels
        ]
        stored = analysis_to_dict(analysis)
        print_json(
            {
                "file": str(path),
                "rate": found.rate,
                "samples": found.samples,
                "channels": channels,
                **{name: stored[name] for name in ("results", "tables", "warnings")},
                "report": None if report is None else str(report),
            }
        )
        return 0
    from hil.report.terminal import print_results  # noqa: PLC0415 - loads rich

    out = console()
    seconds = found.samples / found.rate
    size = f"{found.samples:,} samples at {found.rate:,.10g} samples/s, {seconds:.4g} s"
    out.print(f"[bold]{escape(path.name)}[/]: {size}")
    used = _used(waveform)
    for (place, quantity), members in groupby(used, lambda channel: (channel.place, channel.quantity)):
        named = ", ".join(f"{channel.phase} = {channel.name}".removeprefix(" = ") for channel in members)
        out.print(escape(f"{f'{place} {quantity}'.strip():<8} {named}"))
    if rest := len(found.channels) - len(used):
        out.print(f"[dim]{rest} more channels without a part in the analysis; --map gives them one[/]")
    print_results(analysis, out)
    if report is not None:
        out.print(f"Report: {escape(str(report))}", soft_wrap=True)
    return 0


def _used(waveform: Waveform) -> list[Channel]:
    """Return the channels that the analysis goes by, those of one place and quantity together."""
    used: list[Channel] = []
    for place in ("", "load", "grid"):
        for quantity in ("voltage", "current", "power"):
            for phases in (PHASES, LINES, ("",)):
                if found := find(waveform.channels, quantity, phases, place=place):
                    used += found
                    break
            used += find(waveform.channels, quantity, ("dc",), place=place)
    return [*used, *waveform.find("trigger", ("",))]


def _injections(arguments: argparse.Namespace, path: Path) -> int:
    """Print the impedance that a plan of injections tells."""
    analysis = study_injections(path)
    report = None
    if arguments.report is not None:
        from hil.report.html import from_analysis, render  # noqa: PLC0415 - loads plotly

        report = Path(arguments.report or f"{path.stem}_report.html")
        report.write_text(render(from_analysis(path.name, None, analysis)), encoding="utf-8")
    if arguments.json:
        stored = analysis_to_dict(analysis)
        kept = {name: stored[name] for name in ("results", "tables", "warnings")}
        print_json({"file": str(path), **kept, "report": None if report is None else str(report)})
        return 0
    from hil.report.terminal import print_results  # noqa: PLC0415 - loads rich

    print_results(analysis, console())
    if report is not None:
        console().print(f"Report: {escape(str(report))}", soft_wrap=True)
    return 0


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
