"""`hil list`: what there is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.markup import escape

from hil.cli.common import console, print_json
from hil.cli.plant import keys
from hil.compliance.envelope import read_data, shipped
from hil.config import load, shipped_benches
from hil.table import names, resolve
from hil.units import show

if TYPE_CHECKING:
    import argparse

    from rich.table import Table


def list_(arguments: argparse.Namespace) -> int:
    """Print one of the lists."""
    rows, columns = {
        "sequences": (_sequences, ()),
        "instruments": (_instruments, ("driver", "role", "what it drives", "rating")),
        "benches": (_benches, ("name", "kind", "description", "file")),
        "plant": (keys, ("table", "key", "value", "default", "meaning")),
        "flaws": (_flaws, ("name", "what the simulated PCS then does")),
        "limits": (_limits, ("option", "name", "title", "confidence")),
    }[arguments.what]
    found = rows()
    if arguments.json:
        print_json(found)
        return 0
    if arguments.what == "sequences":
        _print_sequences(found)
        return 0
    table = _table(*columns)
    for row in found:
        table.add_row(*(escape("\n".join(v) if isinstance(v, list) else v) for v in row.values()))
    console().print(table)
    return 0


def _table(*columns: str, indent: int = 0) -> Table:
    from rich.table import Table  # noqa: PLC0415 - not needed for JSON

    table = Table(box=None, header_style="bold", padding=(0, 2, 0, indent))
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _print_sequences(found: list[dict[str, Any]]) -> None:
    out = console()
    for row in found:
        out.print(f"[bold]{escape(row['name'])}[/]: {escape(row['description'])}")
        table = _table("parameter", "default", "meaning", indent=2)
        for parameter in row["parameters"]:
            table.add_row(*map(escape, parameter.values()))
        out.print(table)


def _first_line(item: Any) -> str:
    return (item.__doc__ or "").strip().partition("\n")[0]


def _sequences() -> list[dict[str, Any]]:
    rows = []
    for name in sorted(names("hil.sequences")):
        kind = resolve("hil.sequences", name)
        defaults = kind()
        rows.append(
            {
                "name": name,
                "description": _first_line(kind),
                "parameters": [
                    {"name": key, "default": _shown(getattr(defaults, key), unit), "meaning": meaning}
                    for key, (unit, meaning) in kind.PARAMETERS.items()
                ],
            }
        )
    return rows


def _shown(value: Any, unit: str) -> str:
    return f'"{value}"' if unit == "text" else show(value, unit)


def _instruments() -> list[dict[str, Any]]:
    rows = []
    for name in sorted(names("hil.drivers")):
        driver = resolve("hil.drivers", name)
        rows.append(
            {
                "driver": name,
                "role": driver.ROLE,
                "description": _first_line(driver),
                "rating": [
                    f"{quantity} {limit.low:,.10g} .. {limit.high:,.10g} {limit.unit}"
                    for quantity, limit in driver.RATING.items()
                ],
            }
        )
    return rows


def _benches() -> list[dict[str, Any]]:
    rows = []
    for name, path in shipped_benches().items():
        config = load(path)
        kind = "simulated" if config.simulated else "hardware"
        rows.append({"name": name, "kind": kind, "description": config.description, "file": str(path)})
    return rows


def _flaws() -> list[dict[str, Any]]:
    from hil.plant.flaws import FLAWS  # noqa: PLC0415 - the plant is needed here only

    return [{"name": name, "description": flaw.described} for name, flaw in sorted(FLAWS.items())]


def _limits() -> list[dict[str, Any]]:
    """Return the shipped limits that `hil analyze` holds captures against."""
    rows = []
    for kind, folder, confidence in (
        ("envelope", "envelopes", lambda table: table["confidence"]),
        (
            "distortion",
            "distortion",
            lambda table: " .. ".join(sorted({r["confidence"] for r in table["row"]})),
        ),
        ("variation", "variation", lambda table: table["confidence"]),
    ):
        for name in shipped(folder):
            _, table = read_data(folder, name)
            rows.append(
                {
                    "option": f"--{kind}",
                    "name": name,
                    "title": table["title"],
                    "confidence": confidence(table),
                }
            )
    return rows
