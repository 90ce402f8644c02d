"""The command `hil`: parses, calls, and turns what a user can cause into one clear line.

Exit codes: 0 done, and where there is a verdict, passed; 1 a verdict other than PASS;
2 something given is wrong (argument, bench file, capture); 3 the bench or the disk
failed; 4 the bench could not be proven de-energised.
"""

from __future__ import annotations

import argparse
import io
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Final

from hil.errors import (
    ConfigError,
    FormatError,
    HilError,
    LimitError,
    MissingExtra,
    NotSafe,
    NotSupported,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS: Final = {
    "run": "hil.cli.run",
    "qualify": "hil.cli.qualify",
    "preview": "hil.cli.preview",
    "analyze": "hil.cli.analyze",
    "capture": "hil.cli.capture",
    "report": "hil.cli.records",
    "verify": "hil.cli.records",
    "export": "hil.cli.export",
    "list": "hil.cli.listing",
    "profile": "hil.cli.profile",
    "doctor": "hil.cli.doctor",
}

EXAMPLES: Final = """\
examples:
  hil run voltage_sag                          dry run on the shipped simulated bench
  hil run voltage_sag --bench lab.toml         the same on the instruments of a bench file
  hil run voltage_sag --set residual="0.5 pu" --set duration="1.2 s"
  hil run voltage_sag --flaw trips-early       does the test notice a bad PCS?
  hil qualify                                  all tests of the AI-factory qualification, quick form
  hil preview voltage_sag                      a picture of the set-points, nothing connected
  hil analyze capture.cfg --report             metrics of a COMTRADE or CSV capture
  hil profile show training                    an AI load: its ramps and bands
  hil verify records/...                       has any byte of a record changed?

'hil COMMAND --help' says more about each.
"""


def _parser() -> argparse.ArgumentParser:
    from hil.cli import arguments  # noqa: PLC0415 - a cycle otherwise

    parser = argparse.ArgumentParser(
        prog="hil",
        description="Qualify battery power conversion systems: run bench sequences, analyse captures,\n"
        "keep records that anyone can verify.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="store_true", help="say which version this is")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, add in arguments.COMMANDS.items():
        add(commands, name)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a pipe on Windows has no "≥"
    parser = _parser()
    arguments = parser.parse_args(argv)
    if arguments.version:
        from importlib.metadata import version  # noqa: PLC0415 - slow to import, rarely wanted

        print(f"hil-bench {version('hil-bench')}")  # noqa: T201 - what was asked for
        return 0
    if arguments.command is None:
        parser.print_help()
        return 2
    try:
        module = import_module(COMMANDS[arguments.command])
        return int(getattr(module, arguments.command.replace("list", "list_"))(arguments))
    except HilError as error:
        return complain(error)
    except BrokenPipeError:
        from hil.cli.common import reader_left  # noqa: PLC0415 - only here

        reader_left()
        return 0
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"hil: {where}{error.strerror or error}", file=sys.stderr)  # noqa: T201 - the one clear line
        return 3
    except KeyboardInterrupt:
        print("hil: stopped", file=sys.stderr)  # noqa: T201 - the one clear line
        return 130


def complain(error: HilError) -> int:
    """Print an error as one line and return its exit code."""
    print(f"hil: {error}", file=sys.stderr)  # noqa: T201 - the one clear line
    if isinstance(error, NotSafe):
        return 4
    given_wrong = (ConfigError, LimitError, FormatError, MissingExtra, NotSupported)
    return 2 if isinstance(error, given_wrong) else 3
