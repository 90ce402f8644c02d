"""`hil capture`: what a file holds, the same in another format, and what a dead run left behind."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.markup import escape

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
    """Write a capture in another format; one of a run is corrected first, as it is when analysed.

    COMTRADE says when it was taken: as the run does, or as the user does. No other file is asked, for its
    times have no zone, or are those of a copy.
    """
    from hil.capture.write import COMTRADE, write  # noqa: PLC0415 - only here

    dated = Path(arguments.target).suffix.lower() in COMTRADE
    given = _instant(arguments.began)
    if given is not None and not dated:
        raise ConfigError(f"{arguments.target}: only COMTRADE says when a capture began; leave --began out")
    found, began = _in_si(Path(arguments.source))
    began = given or began
    with bar(console(stderr=True), "writing") as tell:
        target = write(found, arguments.target, tell, began=began)
    if arguments.json:
        said = None if began is None else began.isoformat()
        print_json({"source": arguments.source, "target": str(target), "samples": len(found), "began": said})
        return 0
    what = f"{len(found.channels)} channels of {len(found):,} samples"
    unknown = "; when it began is not known: the file says 1970; --began sets it"
    text = f"{target}: {what}{unknown if dated and began is None else ''}"
    console().print(escape(text), soft_wrap=True)
    return 0


def _instant(text: str | None) -> datetime | None:
    """Return a date and time with its zone."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        expected = "expected a date and time with its zone, such as 2026-03-21T10:15:08.25+01:00"
        raise ConfigError(f"--began {text!r}: {expected}")
    return found


def _in_si(path: Path) -> tuple[Capture, datetime | None]:
    """Return a capture in SI units, raw samples of ours corrected, and when a run says that it began."""
    raw = open_capture(path)
    if path.suffix.lower() not in OURS:
        return raw, None
    from hil.export.captures import About  # noqa: PLC0415 - loads what analyses

    about = About.of(path)
    if not about.corrections:
        return raw, about.began
    from hil.evaluate import corrected  # noqa: PLC0415 - as above

    return corrected(path)[0], about.began


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
