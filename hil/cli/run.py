"""`hil run`: a sequence on a bench, judged and recorded."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape

from hil.cli import complain
from hil.cli.common import console, pairs, print_json, reader_left
from hil.cli.progress import Display
from hil.compliance.verdict import Outcome
from hil.config import load
from hil.errors import ConfigError
from hil.limits import Limit
from hil.plant.flaws import parse_all
from hil.rehearse import rehearse
from hil.sequence import build
from hil.session import Options, conduct
from hil.table import resolve
from hil.units import parse
from hil.watch import Stop

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from hil.config import BenchConfig
    from hil.errors import HilError
    from hil.session import Conducted


def run(arguments: argparse.Namespace) -> int:
    """Run, and print verdicts and where the report is."""
    config = load(arguments.bench)
    config.need_packages()
    sequence = build(
        resolve("hil.sequences", arguments.sequence), pairs(arguments.settings, "--set", 'duration="0.32 s"')
    )
    check_flaws(arguments, config)
    options = options_of(arguments)
    expected = rehearse(sequence, config).seconds
    with Stop() as stop, Display(expected, plain=arguments.plain) as display:
        conducted = conduct(sequence, config, options, stop, display)
    show = partial(print_json, _summary(conducted)) if arguments.json else partial(_tables, conducted)
    return told(show, conducted.outcome, conducted.error)


def told(show: Callable[[], None], outcome: Outcome, error: HilError | None) -> int:
    """Show what came of it, and return the exit code, which is the same where no one reads on."""
    try:
        show()
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit):  # rich turns the one into the other
        reader_left()
    if error is not None:
        return complain(error)
    return 0 if outcome is Outcome.PASS else 1


def check_flaws(arguments: argparse.Namespace, config: BenchConfig) -> None:
    """Refuse what only a simulated bench can do, and flaws that there are none of."""
    if not config.simulated and (arguments.flaw or arguments.realtime):
        raise ConfigError(f"{config.path} is hardware: --flaw and --realtime are for simulated benches")
    parse_all(arguments.flaw)


def options_of(arguments: argparse.Namespace) -> Options:
    """Return how a run is to be done, from the arguments."""
    patience = Limit(1.0, 600.0, "s").check(parse(arguments.patience, "s", "--patience"), "--patience")
    return Options(
        records=Path(arguments.records),
        flaws=tuple(arguments.flaw),
        seed=arguments.seed,
        realtime=arguments.realtime,
        patience=patience,
    )


def _summary(conducted: Conducted) -> dict[str, object]:
    return {
        "outcome": conducted.outcome.value,
        "end": conducted.end.end,
        "text": conducted.end.text,
        "safe": conducted.end.safe,
        "safety": conducted.end.safety,
        "bench_seconds": conducted.end.seconds,
        "record": str(conducted.folder),
        "report": None if conducted.report is None else str(conducted.report),
        "captures": {
            event.name: [verdict.to_dict() for verdict in event.verdicts] for event in conducted.events
        },
    }


def _tables(conducted: Conducted) -> None:
    from hil.report.terminal import print_verdicts  # noqa: PLC0415 - loads rich

    out = console()
    for event in conducted.events:
        out.print(f"\n[bold]{escape(event.name)}[/]")
        print_verdicts(event.verdicts, out)
    colour = "green" if conducted.outcome is Outcome.PASS else "bold red"
    safe = "[green]safe[/]" if conducted.end.safe else "[bold red]NOT SAFE[/]"
    out.print(f"\nVerdict  [{colour}]{conducted.outcome}[/]")
    out.print(f"Bench    {safe}: {escape(conducted.end.safety)}", soft_wrap=True)
    out.print(f"Record   {escape(str(conducted.folder))}", soft_wrap=True)
    if conducted.report is not None:
        out.print(f"Report   {escape(str(conducted.report))}", soft_wrap=True)
