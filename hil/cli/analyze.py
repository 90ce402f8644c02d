"""`hil analyze`: metrics of a captured waveform."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape

from hil.analysis.signals import LINES
from hil.cli.common import console, pairs, print_json
from hil.record import analysis_to_dict
from hil.study import Given, study
from hil.units import parse
from hil.waveform import PHASES

if TYPE_CHECKING:
    import argparse

    from hil.waveform import Channel, Waveform


def analyze(arguments: argparse.Namespace) -> int:
    """Read, measure, print."""
    path = Path(arguments.file)
    given = Given(
        mapping=pairs(arguments.mapping, "--map", 'va="CH 1"'),
        nominal_voltage=None if arguments.nominal is None else parse(arguments.nominal, "V", "--nominal"),
    )
    if path.is_dir():
        from hil.cli.folder import analyze_folder  # noqa: PLC0415 - only for a folder

        return analyze_folder(arguments, path, given)
    screen = console(stderr=True)
    with screen.status(escape(f"analysing {path.name}")):
        found = study(path, given)
    waveform, analysis = found.waveform, found.analysis
    report = None
    if arguments.report is not None:
        from hil.report.html import from_analysis, render  # noqa: PLC0415 - loads plotly

        report = Path(arguments.report or f"{path.stem}_report.html")
        with screen.status("drawing the report"):
            report.write_text(render(from_analysis(path.name, waveform, analysis)), encoding="utf-8")
    if arguments.json:
        channels = [
            {"name": c.name, "unit": c.unit, "quantity": c.quantity, "phase": c.phase}
            for c in waveform.channels
        ]
        stored = analysis_to_dict(analysis)
        print_json(
            {
                "file": str(path),
                "rate": waveform.rate,
                "samples": found.samples,
                "channels": channels,
                **{name: stored[name] for name in ("results", "tables", "warnings")},
                "report": None if report is None else str(report),
            }
        )
        return 0
    from hil.report.terminal import print_results  # noqa: PLC0415 - loads rich

    out = console()
    seconds = found.samples / waveform.rate
    size = f"{found.samples:,} samples at {waveform.rate:,.10g} samples/s, {seconds:.4g} s"
    out.print(f"[bold]{escape(path.name)}[/]: {size}")
    used = _used(waveform)
    for quantity, members in groupby(used, lambda channel: channel.quantity):
        named = ", ".join(f"{channel.phase} = {channel.name}".removeprefix(" = ") for channel in members)
        out.print(escape(f"{quantity:<8} {named}"))
    if rest := len(waveform.channels) - len(used):
        out.print(f"[dim]{rest} more channels without a part in the analysis; --map gives them one[/]")
    print_results(analysis, out)
    if report is not None:
        out.print(f"Report: {escape(str(report))}", soft_wrap=True)
    return 0


def _used(waveform: Waveform) -> list[Channel]:
    """Return the channels that the analysis goes by, those of one quantity together."""
    used: list[Channel] = []
    for quantity in ("voltage", "current"):
        for phases in (PHASES, LINES, ("",)):
            if found := waveform.find(quantity, phases):
                used += found
                break
        used += waveform.find(quantity, ("dc",))
    return [*used, *waveform.find("trigger", ("",))]
