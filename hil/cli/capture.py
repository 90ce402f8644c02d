"""`hil capture`: what a file holds, the same in another format, and what a dead run left behind."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.markup import escape

from hil.capture.blocklog import scan_block_log
from hil.capture.read import open_capture
from hil.capture.sealed import read_sealed_metadata, seal
from hil.cli.common import bar, console, print_json
from hil.errors import ConfigError, FormatError, HilError
from hil.record.manifest import MANIFEST
from hil.study import OURS
from hil.waveform import blocks

if TYPE_CHECKING:
    import argparse

    from hil.waveform import Capture

_BLOCK = 1 << 16


def capture(arguments: argparse.Namespace) -> int:
    """Do what is asked for."""
    actions = {"info": info, "convert": convert, "recover": recover}
    return actions[arguments.action](arguments)


def info(arguments: argparse.Namespace) -> int:
    """Say what a capture holds; every sample is looked at."""
    found = open_capture(arguments.file)
    good = 0
    history = found.history
    with bar(console(stderr=True), "reading") as tell:
        for block in blocks(found, _BLOCK):
            fine = np.isfinite(block.samples).all(axis=0)
            good += int(np.count_nonzero(fine if block.valid is None else fine & block.valid))
            history = block.history  # which says what is clipped
            tell(min(1.0, (block.start + block.duration - found.start) * found.rate / len(found)))
    about = {
        "file": str(arguments.file),
        "rate": found.rate,
        "samples": len(found),
        "duration": len(found) / found.rate,
        "start": found.start,
        "triggered": found.triggered,
        "stated_frequency": found.stated_frequency,
        "valid_share": good / len(found) if len(found) else None,
        "channels": [
            {"name": c.name, "unit": c.unit, "quantity": c.quantity, "phase": c.phase, "place": c.place}
            for c in found.channels
        ],
        "history": list(history),
    }
    if arguments.json:
        print_json(about)
        return 0
    _print_info(about, good)
    return 0


def _print_info(about: dict[str, Any], good: int) -> None:
    from rich.table import Table  # noqa: PLC0415 - slow, not needed for JSON

    out = console()
    samples, share = about["samples"], about["valid_share"]
    size = f"{samples:,} samples at {about['rate']:,.10g} samples/s, {about['duration']:.6g} s"
    out.print(f"[bold]{escape(about['file'])}[/]: {size}")
    zero = "the trigger" if about["triggered"] else "the first sample"
    out.print(f"First sample      {about['start']:.9g} s; time zero is {zero}")
    missing = "" if samples == good else f", {samples - good:,} missing or clipped"
    out.print(f"Good samples      {'none' if share is None else f'{100 * share:.6g} %'}{missing}")
    stated = about["stated_frequency"]
    out.print(f"Stated frequency  {'none' if stated is None else f'{stated:g} Hz (not relied on)'}")
    table = Table(box=None)
    for title in ("Channel", "Unit", "Quantity", "Phase", "Place"):
        table.add_column(title)
    for row in about["channels"]:
        table.add_row(*(escape(row[key]) for key in ("name", "unit", "quantity", "phase", "place")))
    out.print(table)
    for line in about["history"]:
        out.print(line, style="dim", markup=False, soft_wrap=True)


def convert(arguments: argparse.Namespace) -> int:
    """Write a capture in another format; one of a run is corrected first, as it is when analysed."""
    from hil.capture.write import write  # noqa: PLC0415 - only here

    found = _in_si(Path(arguments.source))
    with bar(console(stderr=True), "writing") as tell:
        target = write(found, arguments.target, tell)
    if arguments.json:
        print_json({"source": str(arguments.source), "target": str(target), "samples": len(found)})
    else:
        what = f"{len(found.channels)} channels of {len(found):,} samples"
        console().print(f"{escape(str(target))}: {what}", soft_wrap=True)
    return 0


def _in_si(path: Path) -> Capture:
    """Return a capture in SI units: raw samples of ours with the corrections that lie beside them."""
    raw = open_capture(path)
    if path.suffix.lower() not in OURS:
        return raw
    if path.suffix.lower() == ".h5":
        corrections = read_sealed_metadata(path)["corrections"]
    else:
        corrections = scan_block_log(path).header["metadata"].get("corrections")
    if not corrections:
        return raw
    from hil.evaluate import corrected  # noqa: PLC0415 - loads what analyses

    return corrected(path)[0]


def recover(arguments: argparse.Namespace) -> int:
    """Seal block logs, and keep them; 3 where one of several could not be sealed.

    A run that did not seal them never said how much it acquired: none of them is complete.
    """
    given = Path(arguments.file)
    if given.is_dir():
        if arguments.output is not None:
            raise ConfigError("--output names one file; leave it out to recover a folder")
        logs = sorted(given.rglob("*.blk"))
        if not logs:
            raise FormatError(f"{given}: there is no block log (.blk) in this folder or below it")
    elif given.is_file():
        logs = [given]
    else:
        raise FormatError(f"{given}: there is no such file; check the name")
    rows = [
        _recovered(log, Path(arguments.output or log.with_suffix(".h5")), alone=given == log) for log in logs
    ]
    if arguments.json:
        print_json({"recovered": rows})
    out = console(stderr=arguments.json)
    for row in rows if not arguments.json else ():
        if row["error"] is not None:
            out.print(f"NOT recovered: {row['error']}", style="red", markup=False, soft_wrap=True)
            continue
        lost = f", {row['lost']:,} known to be lost" if row["lost"] else ""
        text = f"{row['file']}: {row['stored']:,} samples, {row['seconds']:.6g} s{lost}; NOT complete"
        out.print(f"{text}, {row['log']} is kept", markup=False, soft_wrap=True)
    return 3 if any(row["error"] is not None for row in rows) else 0


def _recovered(log: Path, target: Path, *, alone: bool) -> dict[str, Any]:
    """Seal one log, and say what is in it."""
    row: dict[str, Any] = {"log": str(log), "file": None, "error": None}
    try:
        for folder in target.resolve().parents:
            if (folder / MANIFEST).exists():
                raise ConfigError(
                    f"{target} lies in a record that is sealed; choose another place with --output"
                )
        with bar(console(stderr=True), f"sealing {log.name}") as tell:
            seal(log, target, keep_log=True, progress=tell)
        about = read_sealed_metadata(target)
    except HilError as error:
        if alone:
            raise
        return {**row, "error": str(error)}
    keys = ("complete", "stored", "lost", "rate")
    seconds = (about["stored"] + about["lost"]) / about["rate"]
    return {**row, "file": str(target), "seconds": seconds, **{key: about[key] for key in keys}}
