"""`hil doctor`: what is installed, which instruments answer, and what a simulated plant is made of."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Final

from rich.markup import escape

from hil.bench import Bench
from hil.cli.common import console, print_json
from hil.cli.plant import describe
from hil.clock import HostClock, SimulatedClock
from hil.config import load
from hil.errors import HilError
from hil.simulated import launch
from hil.transport.link import CommandLog

if TYPE_CHECKING:
    import argparse

    from hil.config import BenchConfig

PACKAGES: Final = {
    "numpy": "",
    "scipy": "",
    "pandas": "",
    "h5py": "",
    "plotly": "",
    "pyvisa": "",
    "pyvisa-py": "",
    "pyserial": "",
    "pymodbus": "",
    "rich": "",
    "numba": "fast",
    "nidaqmx": "daq",
    "grpcio": "daq",
    "pyarrow": "formats",
    "nptdms": "formats",
    "asammdf": "formats",
    "distributed": "cluster",
}
"""Package to the extra that installs it, empty for what the core always has."""
WITHOUT: Final = {
    "": "hil-bench does not work without it",
    "fast": "the simulated bench is slower without it",
    "daq": "no NI recorder and no shipped simulated bench without it",
    "formats": "no Parquet, TDMS or MDF4 without it",
    "cluster": "no folder of captures on a Dask cluster without it",
}


def doctor(arguments: argparse.Namespace) -> int:
    """Print what is installed and who answers; 3 where one does not, or the bench cannot start."""
    packages = [_package(name, extra) for name, extra in PACKAGES.items()]
    ports = _serial_ports()
    config = load(arguments.bench)
    plant = describe(config.plant) if config.plant is not None else {}
    instruments: list[dict[str, Any]] = []
    problem = None
    try:
        instruments = _instruments(config)
    except HilError as error:
        problem = str(error)
    if arguments.json:
        print_json(
            {
                "python": platform.python_version(),
                "packages": packages,
                "serial_ports": ports,
                "bench": config.name,
                "plant": plant,
                "instruments": instruments,
                "problem": problem,
            }
        )
    else:
        from rich.table import Table  # noqa: PLC0415 - not needed for JSON

        out = console()
        out.print(f"[bold]hil-bench {version('hil-bench')}[/], Python {platform.python_version()}")
        for package in packages:
            shown = package["version"] or f"[yellow]missing[/]: {_advice(package['extra'])}"
            out.print(f"  {package['package']:<12} {shown}", soft_wrap=True)
        out.print(f"[bold]serial ports[/] {', '.join(ports) or 'none'}")
        out.print(f"[bold]bench {escape(config.name)}[/] ({escape(str(config.path))})", soft_wrap=True)
        table = Table(box=None, show_header=False, padding=(0, 0, 0, 2))
        for _ in range(4):
            table.add_column(overflow="fold")
        for row in instruments:
            colour = "green" if row["answers"] else "red"
            text = f"[{colour}]{escape(row['text'])}[/]"
            table.add_row(escape(row["name"]), row["role"], escape(row["driver"]), text)
        out.print(table)
        for name, text in plant.items():
            out.print(f"  plant: {name:<8} {escape(text)}", soft_wrap=True)
        if problem is not None:
            out.print(f"  [red]{escape(problem)}[/]", soft_wrap=True)
    return 0 if problem is None and all(row["answers"] for row in instruments) else 3


def _advice(extra: str) -> str:
    return f'{WITHOUT[extra]}; pip install "hil-bench{escape(f"[{extra}]") if extra else ""}"'


def _package(name: str, extra: str) -> dict[str, Any]:
    try:
        found: str | None = version(name)
    except PackageNotFoundError:
        found = None
    return {"package": name, "version": found, "extra": extra}


def _serial_ports() -> list[str]:
    from serial.tools.list_ports import comports  # noqa: PLC0415 - looks at hardware

    return sorted(port.device for port in comports())


def _instruments(config: BenchConfig) -> list[dict[str, Any]]:
    config.need_packages()
    launched = launch(config.path).ready() if config.simulated else None
    clock = SimulatedClock(launched.control) if launched else HostClock()
    bench = Bench(config, clock, CommandLog(), launched.addresses if launched else None)
    rows = []
    for instrument in bench.instruments.values():
        item = config.instruments[instrument.name]
        try:
            text, answers = str(instrument.connect()), True
        except HilError as error:
            text, answers = str(error), False
        rows.append(
            {"name": item.name, "role": item.role, "driver": item.driver, "answers": answers, "text": text}
        )
    bench.close()
    clock.close()
    if launched is not None:
        launched.leave()
    return rows
