"""The arguments of each command; kept apart so that `hil --help` imports nothing else."""

from __future__ import annotations

import argparse
from math import inf
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
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)


def _seed(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 on")
    return int(text)


def _positive(text: str) -> float:
    number = float(text)
    if not 0 < number < inf:
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
    _running(parser)


def _running(parser: argparse.ArgumentParser) -> None:
    """Add what a run and a campaign have in common."""
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
    parser.add_argument("--seed", type=_seed, default=0, help="seed of the simulated noise (default: 0)")
    parser.add_argument("--realtime", action="store_true", help="simulated bench no faster than a real one")
    parser.add_argument(
        "--patience",
        default="15 s",
        metavar="TIME",
        help="the guard takes over where the engine is silent for longer (default: 15 s)",
    )
    parser.add_argument("--plain", action="store_true", help="lines instead of a live display")
    _json(parser)


def _qualify(commands: Commands, name: str) -> None:
    parser = _add(
        commands,
        name,
        "run a campaign of tests, each judged, into one record with one report",
        "  hil qualify                                  quick form on the shipped simulated bench\n"
        "  hil qualify --bench lab.toml --full\n"
        "  hil qualify --only T4,T7 --flaw trips-early  do the tests notice a bad PCS?\n"
        "  hil qualify mine.toml --plain --json",
    )
    parser.add_argument(
        "campaign",
        nargs="?",
        default="ai_factory",
        help="campaign file, or a shipped name (default: ai_factory)",
    )
    parser.add_argument(
        "--bench", metavar="FILE", help="bench file or shipped name, in place of the campaign's"
    )
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="TESTS",
        help="ids of the tests to run, such as T4,T7; may be repeated",
    )
    parser.add_argument("--full", action="store_true", help="the full form instead of the quick one")
    _running(parser)


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
        "measure a captured waveform (COMTRADE, TDMS, MDF4, CSV, Parquet, NPZ, HDF5), or a folder",
        "  hil analyze fault.cfg\n"
        "  hil analyze fault.cff --report\n"
        '  hil analyze scope.csv --map va="CH 1" --map vb="CH 2" --map vc="CH 3" --json\n'
        '  hil analyze fault.cfg --nominal "277 V" --envelope ieee2800 --distortion ieee519_2022_voltage\n'
        "  hil analyze captures/ --report\n"
        "  hil analyze injections.toml           dq impedance, Nyquist and passivity margins",
    )
    parser.add_argument(
        "file", metavar="CAPTURE", help="file, a folder of them, or a plan of injections (.toml)"
    )
    parser.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="ROLE=CHANNEL",
        dest="mapping",
        help="say what a channel is: va vb vc vab vbc vca ia ib ic vdc idc p trigger, or at another "
        "measuring point load.ia, grid.p ...; may be repeated",
    )
    known = parser.add_argument_group("what is known of the capture")
    known.add_argument(
        "--nominal",
        metavar="VOLTAGE",
        help='declared voltage of the channels, such as "277 V"; else measured',
    )
    known.add_argument(
        "--frequency",
        metavar="FREQUENCY",
        help='nominal, "50 Hz" or "60 Hz"; else the nearest to that measured',
    )
    known.add_argument(
        "--event", metavar="TIME", help='the event nearest to it is analysed, or a power step there: "0.4 s"'
    )
    known.add_argument("--rated-current", metavar="CURRENT", help='for TRD and support, such as "361 A"')
    known.add_argument("--demand-current", metavar="CURRENT", help="maximum demand I_L, for TDD")
    known.add_argument("--rated-power", metavar="POWER", help='for load buffering, such as "300 kW"')
    known.add_argument(
        "--lamp", type=int, choices=(120, 230), help="of the flickermeter (default: 230 at 50 Hz)"
    )
    asked = parser.add_argument_group("what it is held against ('hil list limits' names those shipped)")
    for option, text in (
        ("envelope", "ride-through envelope, such as ieee2800; the first is drawn"),
        ("distortion", "limits of distortion, such as ieee519_2022_voltage"),
        ("variation", "limits of power variation, such as ercot; they need --site"),
    ):
        asked.add_argument(
            f"--{option}", action="append", default=[], metavar="NAME", help=f"{text}; or a file; repeatable"
        )
    asked.add_argument(
        "--short-circuit-ratio",
        type=_positive,
        metavar="RATIO",
        help="Isc / I_L, which picks the limits of IEEE 519",
    )
    asked.add_argument(
        "--site", type=_positive, metavar="RATIO", help="rating of the site over that of the bench"
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


def _capture(commands: Commands, name: str) -> None:
    parser = _add(
        commands,
        name,
        "look at a capture, write it in another format, or recover what a run left unsealed",
        "  hil capture info fault.cfg\n"
        "  hil capture convert scope.tdms fault.cff\n"
        "  hil capture recover records/20260321T101500Z_voltage_sag",
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    info = _add(
        actions,
        "info",
        "say what a capture holds: channels, rate, duration, share of good samples",
        "  hil capture info fault.cfg\n  hil capture info log.tdms#Scope --json",
    )
    info.add_argument("file", help="capture of any known format; FILE#PART names one of several in it")
    _json(info)
    convert = _add(
        actions,
        "convert",
        "write a capture as CSV, Parquet or COMTRADE",
        "  hil capture convert scope.tdms scope.parquet\n  hil capture convert captures/sag_abc.h5 sag.cfg",
    )
    convert.add_argument("source", help="capture of any known format; FILE#PART names one of several in it")
    convert.add_argument("target", help=".csv, .parquet, .cfg (with its .dat) or .cff; never overwritten")
    convert.add_argument(
        "--began",
        metavar="TIME",
        help="when the first sample was taken, with its zone: 2026-03-21T10:15:08.25+01:00; for COMTRADE "
        "(default: as the run says; unknown, which is written as 1970, for captures of others)",
    )
    _json(convert)
    recover = _add(
        actions,
        "recover",
        "seal the block logs that a run left when it was killed",
        "  hil capture recover captures/sag_abc.blk --output sag_abc.h5\n"
        "  hil capture recover records/20260321T101500Z_voltage_sag --json",
    )
    recover.add_argument(
        "file", metavar="FILE.blk", help="block log, or the folder of a record that has some"
    )
    recover.add_argument("--output", metavar="FILE.h5", help="sealed capture (default: beside the log)")
    _json(recover)


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


def _export(commands: Commands, name: str) -> None:
    parser = _add(
        commands,
        name,
        "hand a record, or a campaign of records, over in formats that others read",
        "  hil export records/20260321T101500Z_voltage_sag --to comtrade\n"
        "  hil export RECORD --to junit --out results\n"
        "  hil export RECORD --to csv --to json --json",
    )
    parser.add_argument("record", help="folder of a record, or of a campaign with a record per test")
    parser.add_argument(
        "--to",
        action="append",
        required=True,
        choices=("comtrade", "csv", "junit", "json"),
        dest="kinds",
        help="comtrade: captures in SI units, IEEE C37.111-2013; csv: captures, readings, metrics and "
        "verdicts; junit: verdicts for a CI server; json: run, metrics and verdicts; may be repeated",
    )
    parser.add_argument(
        "--out", metavar="DIR", help="where the files go (default: RECORD_export beside the record)"
    )
    parser.add_argument("--anyway", action="store_true", help="also where the record is not as it was sealed")
    _json(parser)


def _list(commands: Commands, name: str) -> None:
    parser = _add(
        commands,
        name,
        "list sequences, instruments, benches, keys of [plant], flaws or limits",
        "  hil list sequences\n  hil list limits\n  hil list instruments --json",
    )
    parser.add_argument("what", choices=("sequences", "instruments", "benches", "plant", "flaws", "limits"))
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


def _profile(commands: Commands, name: str) -> None:
    from hil.cli import profile_arguments  # noqa: PLC0415 - a cycle otherwise

    profile_arguments.add(commands, name)


COMMANDS: Final[dict[str, Callable[[Commands, str], None]]] = {
    "run": _run,
    "qualify": _qualify,
    "preview": _preview,
    "analyze": _analyze,
    "capture": _capture,
    "report": _report,
    "verify": _verify,
    "export": _export,
    "list": _list,
    "profile": _profile,
    "doctor": _doctor,
}
