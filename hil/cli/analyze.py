"""`hil analyze`: metrics of a captured waveform."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hil.analysis.analyze import analyze as analyze_waveform
from hil.capture.read import read
from hil.cli.common import console, pairs, print_json
from hil.record import analysis_to_dict
from hil.units import parse

if TYPE_CHECKING:
    import argparse


def analyze(arguments: argparse.Namespace) -> int:
    """Read, measure, print."""
    path = Path(arguments.file)
    screen = console(stderr=True)
    with screen.status(f"reading {path.name}"):
        waveform = read(path, pairs(arguments.mapping, "--map"))
    reference = None if arguments.nominal is None else parse(arguments.nominal, "V", "--nominal")
    with screen.status(f"analysing {len(waveform):,} samples of {len(waveform.channels)} channels"):
        analysis = analyze_waveform(waveform, nominal_voltage=reference)
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
        found = analysis_to_dict(analysis)
        print_json(
            {
                "file": str(path),
                "rate": waveform.rate,
                "samples": len(waveform),
                "channels": channels,
                "results": found["results"],
                "warnings": found["warnings"],
                "report": None if report is None else str(report),
            }
        )
        return 0
    from hil.report.terminal import print_results  # noqa: PLC0415 - loads rich

    out = console()
    out.print(
        f"[bold]{path.name}[/]: {len(waveform):,} samples at {waveform.rate:g} S/s, {waveform.duration:.4g} s"
    )
    roles = [
        f"{c.name} = {c.quantity} {c.phase}".rstrip() for c in waveform.channels if c.quantity != "other"
    ]
    other = sum(c.quantity == "other" for c in waveform.channels)
    out.print(f"channels: {', '.join(roles) or 'none recognised'}" + (f"; {other} others" if other else ""))
    print_results(analysis, out)
    if report is not None:
        out.print(f"Report: {report}", soft_wrap=True)
    return 0
