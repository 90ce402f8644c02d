"""`hil export`: a record in the formats of others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

from hil.cli.common import bar, console, print_json
from hil.export import export as export_record

if TYPE_CHECKING:
    import argparse


def export(arguments: argparse.Namespace) -> int:
    """Write the files, and say which; what whoever takes them must know goes to stderr."""
    screen = console(stderr=True)
    with bar(screen, "exporting") as tell:
        done = export_record(
            arguments.record, arguments.kinds, arguments.out, anyway=arguments.anyway, progress=tell
        )
    for warning in done.warnings:
        screen.print(f"[yellow]warning[/]: {escape(warning)}", soft_wrap=True)
    if arguments.json:
        print_json(
            {
                "folder": str(done.folder),
                "files": [str(file) for file in done.files],
                "warnings": list(done.warnings),
            }
        )
        return 0
    out = console()
    for file in done.files:
        out.print(str(file), markup=False, soft_wrap=True)
    return 0
