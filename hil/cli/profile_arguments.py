"""The arguments of `hil profile`; like those of the other commands they import nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.cli.arguments import Commands, _add, _count, _json, _seed

if TYPE_CHECKING:
    import argparse

UNITS = ("W", "kW", "MW", "mW")


def add(commands: Commands, name: str) -> None:
    """Add the command and its actions."""
    parser = _add(
        commands,
        name,
        "make, import, show and fit power profiles of AI loads",
        "  hil profile list\n"
        '  hil profile make training --set period="0.5 s" --rating "300 kW"\n'
        '  hil profile import node.csv --gpus 8 --nodes 64 --spread "20 ms"\n'
        "  hil profile show training.csv\n"
        '  hil profile fit training.csv --points 512 --dwell "1 ms .. 262 s" --power "0 W .. 30 kW"',
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    _json(_add(actions, "list", "list the shipped presets and excerpts", "  hil profile list --json"))
    _make(actions)
    _import(actions)
    show = _add(
        actions,
        "show",
        "draw a profile and its spectrum, and say what it demands",
        "  hil profile show training_smoothed\n  hil profile show cluster.csv --output cluster.html --json",
    )
    show.add_argument("file", metavar="PROFILE", help="file, or name of a shipped preset or excerpt")
    show.add_argument("--output", metavar="FILE", help="HTML file (default: profile_NAME.html)")
    _json(show)
    _fit(actions)


def _make(actions: Commands) -> None:
    make = _add(
        actions,
        "make",
        "make a profile from a preset",
        '  hil profile make training_smoothed --set floor="90 %" --rating "300 kW"\n'
        '  hil profile make inference_azure --set compress=4 --set duration="120 s" --output rush.csv',
    )
    make.add_argument("preset", help="'hil profile list' names them; or a .toml file")
    make.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", dest="settings",
        help='a parameter with its unit, such as --set period="0.5 s"; may be repeated',
    )  # fmt: skip
    _scaling(make)
    _output(make)


def _import(actions: Commands) -> None:
    parser = _add(
        actions,
        "import",
        "import a recorded trace (CSV, Parquet, nvidia-smi, dcgmi dmon), or scale a profile",
        "  hil profile import smi.csv --repair\n"
        '  hil profile import dmon.txt --interval "100 ms" --gpus 8\n'
        '  hil profile import site.csv --column total --unit kW --base "2 MW" --rating "100 kW"\n'
        '  hil profile import gpu_4090_step --nodes 64 --spread "20 ms" --filter "5 ms" --output rack.csv',
    )
    parser.add_argument("file", metavar="TRACE", help="file of a trace; or a profile, or the name of one")
    told = parser.add_argument_group("what the file does not tell")
    told.add_argument("--column", metavar="NAME", help="column of the power, where several could be")
    told.add_argument("--unit", choices=UNITS, help="unit of the power")
    told.add_argument("--interval", metavar="TIME", help="between rounds of a log without times")
    told.add_argument("--window", metavar="TIME", help="length of the mean behind each value")
    told.add_argument("--gpus", type=_count, metavar="N", help="GPUs in the trace; its size is checked")
    told.add_argument("--base", metavar="POWER", help="rating of what was measured; its size is checked")
    told.add_argument("--source", default="", metavar="TEXT", help="where the trace comes from")
    told.add_argument("--license", default="", metavar="TEXT", help="licence of the trace")
    mend = parser.add_argument_group("what is done about faults; without --repair they are refused")
    mend.add_argument("--repair", action="store_true", help="repair by the rule that the refusal states")
    mend.add_argument("--gap", metavar="TIME", help="longest time without a value (default: 3 spacings)")
    _scaling(parser)
    _output(parser)


def _scaling(parser: argparse.ArgumentParser) -> None:
    scaling = parser.add_argument_group("from one to a cluster")
    scaling.add_argument("--nodes", type=_count, metavar="N", help="copies, each with a delay of its own")
    scaling.add_argument("--spread", default="0 s", metavar="TIME", help="longest delay (default: 0 s)")
    scaling.add_argument("--step", default="1 ms", metavar="TIME", help="of the sum (default: 1 ms)")
    scaling.add_argument("--seed", type=_seed, default=0, help="of the delays (default: 0)")
    scaling.add_argument(
        "--filter", action="append", default=[], metavar="TIME", dest="lags",
        help="first-order lag, such as of rack supplies; may be repeated",
    )  # fmt: skip
    scaling.add_argument("--rating", metavar="POWER", help='scale to a rating, such as "300 kW"')


def _output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--output", metavar="FILE", help=".csv or .parquet, never overwritten (default: NAME.csv)"
    )
    _json(parser)


def _fit(actions: Commands) -> None:
    parser = _add(
        actions,
        "fit",
        "fit a profile into the instrument that replays it, and say what is lost",
        '  hil profile fit training.csv --points 512 --dwell "1 ms .. 262 s" --power "0 W .. 30 kW" \\\n'
        '      --slew "20 MW/s" --bandwidth "1 kHz" --output list.csv\n'
        '  hil profile fit training.csv --points 99 --dwell "0.1 ms .. 36000 s" --power "0 W .. 30 kW" \\\n'
        '      --shape lines --error "1 %" --json',
    )
    parser.add_argument("file", metavar="PROFILE", help="file of a profile in watts, or name of an excerpt")
    parser.add_argument(
        "--points", type=_count, required=True, metavar="N", help="steps or lines in its list"
    )
    parser.add_argument("--dwell", required=True, metavar="RANGE", help='of each, such as "1 ms .. 262 s"')
    parser.add_argument("--power", required=True, metavar="RANGE", help='such as "0 W .. 30 kW"')
    parser.add_argument("--slew", metavar="SLEW", help='steepest change, such as "20 MW/s" (default: any)')
    parser.add_argument("--bandwidth", metavar="FREQUENCY", help="at -3 dB (default: any)")
    parser.add_argument(
        "--shape", choices=("steps", "lines"), default="steps", help="what the list draws (default: steps)"
    )
    parser.add_argument(
        "--error", default="2 %", metavar="SHARE",
        help='RMS error that is allowed, of the highest power (default: "2 %%", as the tracking error of T4)',
    )  # fmt: skip
    parser.add_argument("--output", metavar="FILE", help=".csv or .parquet for the list, never overwritten")
    parser.add_argument("--picture", metavar="FILE", help="HTML file that shows profile, list and error")
    _json(parser)
