"""`hil preview`: what a sequence would do, as a table and a picture; nothing is connected."""

from __future__ import annotations

from html import escape
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rich.markup import escape as plain

from hil.cli.common import console, pairs, print_json
from hil.config import load
from hil.rehearse import rehearse
from hil.report.page import save
from hil.sequence import build, parameters
from hil.table import resolve
from hil.units import show

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from hil.rehearse import Rehearsal, Trace
    from hil.sequence import Sequence

PANELS: Final[tuple[tuple[str, Callable[[Trace], bool]], ...]] = (
    ("AC source [V RMS, phase to neutral]", lambda of: of.title.startswith("grid voltage")),
    ("DC source [V]", lambda of: of.title == "DC voltage"),
    ("PCS set-points [W, var]", lambda of: of.title in {"active power", "reactive power"}),
    ("Loads [W]", lambda of: of.title.startswith("load") and of.unit == "W"),
    ("Switched on", lambda of: of.unit == "on"),
)
"""Title of each panel, and what is drawn there; one with nothing to draw is left out."""
COLOURS: Final = ("#c0392b", "#b8860b", "#1f6fb2", "#333d47", "#2a7f62", "#8e5572", "#7a6a4f", "#5b4a9c")


def preview(arguments: argparse.Namespace) -> int:
    """Rehearse, print the stages, write the picture."""
    config = load(arguments.bench)
    kind = resolve("hil.sequences", arguments.sequence)
    sequence = build(kind, pairs(arguments.settings, "--set", 'duration="0.32 s"'))
    rehearsal = rehearse(sequence, config)
    path = Path(arguments.output or f"preview_{arguments.sequence}.html")
    save(_page(sequence, rehearsal, config.name), path)
    if arguments.json:
        print_json(
            {
                "sequence": arguments.sequence,
                "parameters": parameters(sequence),
                "bench": config.name,
                "seconds": rehearsal.seconds,
                "longest": rehearsal.longest,
                "stages": [stage.to_dict() for stage in rehearsal.stages],
                "captures": [{"name": n, "begin": b, "end": e} for n, b, e in rehearsal.captures],
                "notes": list(rehearsal.notes),
                "picture": str(path),
            }
        )
        return 0
    _table(sequence, rehearsal, config.name)
    console().print(f"Picture: {plain(str(path))}", soft_wrap=True)
    return 0


def _table(sequence: Sequence, rehearsal: Rehearsal, bench: str) -> None:
    from rich.table import Table  # noqa: PLC0415 - not needed for JSON

    out = console()
    out.print(f"[bold]{sequence.NAME}[/] on bench {plain(f'{bench}: {_settings(sequence)}')}")
    table = Table("begins", "stage", "steps", "purpose", box=None, header_style="bold", padding=(0, 2, 0, 0))
    for start, stage in zip(rehearsal.starts, rehearsal.stages, strict=True):
        table.add_row(f"{start:.2f} s", plain(stage.name), str(len(stage.steps)), plain(stage.purpose))
    out.print(table)
    out.print(
        f"About {rehearsal.seconds:.0f} s of bench time, {rehearsal.longest:.0f} s where every wait lasts "
        f"until its timeout. Every set-point lies within the bench's limits. Nothing was connected."
    )
    for note in rehearsal.notes:
        out.print(f"Fidelity: {plain(note)}")


def _settings(sequence: Sequence) -> str:
    values = parameters(sequence)
    shown = [
        f'{name} = "{values[name]}"' if unit == "text" else f"{name} = {show(float(values[name]), unit)}"
        for name, (unit, _) in sequence.PARAMETERS.items()
    ]
    return ", ".join(shown)


def _page(sequence: Sequence, rehearsal: Rehearsal, bench: str) -> str:
    import plotly.graph_objects as go  # noqa: PLC0415 - slow to import
    from plotly.subplots import make_subplots  # noqa: PLC0415

    drawn = {title: list(filter(wanted, rehearsal.traces)) for title, wanted in PANELS}
    drawn = {title: traces for title, traces in drawn.items() if traces}
    figure: Any = make_subplots(
        rows=max(1, len(drawn)), cols=1, shared_xaxes=True, vertical_spacing=0.05,
        subplot_titles=list(drawn),
    )  # fmt: skip
    for row, chosen in enumerate(drawn.values(), start=1):
        for trace, colour in zip(chosen, cycle(COLOURS), strict=False):
            times, values = list(trace.times), list(trace.values)
            # Every set-point is 0 or off before the first command and holds until the end.
            x, y = [0.0, *times, rehearsal.seconds], [0.0, *values, values[-1]]
            line = {"shape": "hv", "color": colour, "width": 1.5}
            figure.add_trace(
                go.Scatter(x=x, y=y, name=trace.title, line=line, mode="lines", legendgroup=str(row)),
                row=row, col=1,
            )  # fmt: skip
    for name, begin, end in rehearsal.captures:
        figure.add_vrect(
            x0=begin, x1=end, fillcolor="#e9c46a", opacity=0.18, line_width=0,
            annotation_text=escape(name), annotation_position="bottom left", row=1, col=1,
        )  # fmt: skip
    figure.update_xaxes(title_text="expected bench time [s]", row=max(1, len(drawn)), col=1)
    if "Switched on" in drawn:
        figure.update_yaxes(tickvals=[0, 1], ticktext=["off", "on"], row=len(drawn), col=1)
    figure.update_layout(
        template="plotly_white", height=860, margin={"l": 60, "r": 20, "t": 40, "b": 50},
        hovermode="x unified", font={"family": "system-ui, sans-serif", "size": 13},
    )  # fmt: skip
    # Unless told not to, plotly.js offers a button that uploads the picture to its maker.
    config = {"displaylogo": False, "showSendToCloud": False, "plotlyServerURL": ""}
    plot = figure.to_html(full_html=False, include_plotlyjs=True, config=config)
    stages = "".join(
        f"<tr><td>{start:.2f} s</td><td>{escape(stage.name)}</td><td>{escape(stage.purpose)}</td></tr>"
        for start, stage in zip(rehearsal.starts, rehearsal.stages, strict=True)
    )
    notes = "".join(f"<p>Fidelity: {escape(note)}</p>" for note in rehearsal.notes)
    title = escape(f"{sequence.NAME} on bench {bench}")
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Preview: {title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body {{ font: 15px/1.5 system-ui, sans-serif; color: #1d2733; max-width: 1180px; margin: 2rem auto;
padding: 0 1rem }} td, th {{ padding: 0.15rem 1.2rem 0.15rem 0; text-align: left; vertical-align: top }}
td:first-child {{ white-space: nowrap }} .note {{ color: #5b6775 }}</style></head><body>
<h1>Preview: {title}</h1>
<p>{escape(_settings(sequence))}</p>
<p class="note">Set-points as they would be sent; nothing was connected. Waits are drawn with their expected
length of about a second. Shaded: captures.</p>
{plot}
<h2>Stages</h2>
<table><tr><th>begins</th><th>stage</th><th>purpose</th></tr>{stages}</table>
{notes}
</body></html>
"""
