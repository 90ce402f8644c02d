"""The arguments of each command; kept apart so that `hil --help` imports nothing else."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

Commands = Any
"""What `add_subparsers` returns; argparse keeps its type private."""


def _add(commands: Commands, name: str, text: str, examples: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=text,
        description=text[0].upper() + text[1:] + ".",
        epilog="examples:\n" + examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    return parser


def _bench(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--bench",
        default="simulated",
        metavar="FILE",
        help="bench file, or a shipped name (default: simulated)",
    )


def _sequence(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("sequence", help="name of a sequence; 'hil list sequences' names them")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        dest="settings",
        help='a parameter with its unit, such as --set duration="0.32 s"; may be repeated',
    )
    _bench(parser)


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def _run(commands: Commands, name: str) -> None:
    parser = _add(
        commands,
        name,
        "run a sequence on a bench, and judge and record it",
        "  hil run voltage_sag\n"
        "  hil run voltage_sag --bench lab.toml --records /srv/records\n"
        '  hil run voltage_sag --set phases="a bc" --set residual="0.5 pu" --set duration="1.2 s"\n'
        "  hil run voltage_sag --flaw trips-early --json",
    )
    _sequence(parser)
    parser.add_argument(
        "--records", default="records", metavar="DIR", help="where records go (default: records)"
    )
    parser.add_argument(
        "--flaw",
        action="append",
        default=[],
        metavar="NAME",
        help="plant a flaw in the simulated PCS, such as trips-early; may be repeated",
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the simulated noise (default: 0)")
    parser.add_argument("--realtime", action="store_true", help="simulated bench no faster than a real one")
    parser.add_argument(
        "--patience",
        default="15 s",
        metavar="TIME",
        help="the guard takes over where the engine is silent for longer (default: 15 s)",
    )
    parser.add_argument("--plain", action="store_true", help="lines instead of a live display")
    _json(parser)


def _preview(commands: Commands, name: str) -> None:
    parser = _add(
        commands,
        name,
        "draw the set-points of a sequence; nothing is connected",
        '  hil preview voltage_sag\n  hil preview voltage_sag --set duration="1.2 s" --output sag.html',
    )
    _sequence(parser)
    parser.add_argument("--output", metavar="FILE", help="HTML file (default: preview_SEQUENCE.html)")
    _json(parser)


def _analyze(commands: Commands, name: str) -> None:
    parser = _add(
        commands,
        name,
        "measure a captured waveform (COMTRADE, CSV, Parquet, NPZ, sealed HDF5)",
        "  hil analyze fault.cfg\n"
        "  hil analyze fault.cff --report\n"
        '  hil analyze scope.csv --map va="CH 1" --map vb="CH 2" --map vc="CH 3" --json\n'
        "  hil analyze captures/ --report",
    )
    parser.add_argument("file", metavar="CAPTURE", help="file, or a folder of them")
    parser.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="ROLE=CHANNEL",
        dest="mapping",
        help="say what a channel is: va vb vc vab vbc vca ia ib ic vdc idc p trigger; may be repeated",
    )
    parser.add_argument(
        "--nominal", metavar="VOLTAGE", help='reference voltage, such as "277 V"; else measured'
    )
    parser.add_argument(
        "--report",
        nargs="?",
        const="",
        metavar="FILE",
        help="also write an HTML report (default: CAPTURE_report.html in this folder; "
        "of a folder one for each capture, in DIR_reports)",
    )
    parser.add_argument(
        "--jobs",
        type=_count,
        metavar="N",
        help="captures of a folder analysed at a time (default: one per processor)",
    )
    parser.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="analyse a folder on a Dask cluster, such as tcp://10.0.0.1:8786, whose workers see the "
        "same folder",
    )
    _json(parser)


def _report(commands: Commands, name: str) -> None:
    parser = _add(
        commands,
        name,
        "render the report of a record again",
        "  hil report records/20260321T101500Z_voltage_sag\n  hil report RECORD --output report.html",
    )
    parser.add_argument("record", help="folder of a record")
    parser.add_argument(
        "--output", metavar="FILE", help="HTML file (default: RECORD_report.html beside the record)"
    )


def _verify(commands: Commands, name: str) -> None:
    parser = _add(
        commands,
        name,
        "check that no byte of a record has changed",
        "  hil verify records/20260321T101500Z_voltage_sag\n  hil verify RECORD --reanalyse --json",
    )
    parser.add_argument("record", help="folder of a record")
    parser.add_argument(
        "--reanalyse",
        action="store_true",
        help="also compute metrics and verdicts from the captures again, and compare",
    )
    _json(parser)


def _list(commands: Commands, name: str) -> None:
    parser = _add(
        commands,
        name,
        "list sequences, instruments, benches or flaws",
        "  hil list sequences\n  hil list instruments --json",
    )
    parser.add_argument("what", choices=("sequences", "instruments", "benches", "flaws"))
    _json(parser)


def _doctor(commands: Commands, name: str) -> None:
    parser = _add(
        commands,
        name,
        "say what is installed, and which instruments of a bench answer",
        "  hil doctor\n  hil doctor --bench lab.toml",
    )
    _bench(parser)
    _json(parser)


COMMANDS: Final[dict[str, Callable[[Commands, str], None]]] = {
    "run": _run,
    "preview": _preview,
    "analyze": _analyze,
    "report": _report,
    "verify": _verify,
    "list": _list,
    "doctor": _doctor,
}
