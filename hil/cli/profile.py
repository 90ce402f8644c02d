"""`hil profile`: power of AI loads over time, made, imported, shown, fitted to what replays it."""

from __future__ import annotations

from math import inf, isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from hil.cli.common import bar, console, pairs, print_json
from hil.errors import ConfigError
from hil.limits import Limit
from hil.profiles import files, library, presets, scale
from hil.profiles.importer import import_trace
from hil.profiles.repair import check_size
from hil.units import parse, show

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from hil.profiles.fit import Fit
    from hil.profiles.measure import Demand
    from hil.profiles.profile import Profile
    from hil.profiles.repair import Finding


def profile(arguments: argparse.Namespace) -> int:
    """Do what is asked for."""
    actions = {"list": list_, "make": make, "import": import_, "show": show_, "fit": fit_}
    return actions[arguments.action](arguments)


def list_(arguments: argparse.Namespace) -> int:
    """Print what is shipped."""
    rows: list[dict[str, Any]] = [
        {"name": name, "kind": preset.generator, "title": preset.title, "parameters": dict(preset.parameters)}
        for name, preset in ((name, presets.load(name)) for name in presets.presets())
    ]
    rows += [
        {"name": name, "kind": "trace", "title": found.title, "license": found.license}
        for name, found in ((name, library.find(name)) for name in library.traces())
    ]
    if arguments.json:
        print_json(rows)
        return 0
    shown = [
        (
            row["name"], row["kind"], row["title"],
            ", ".join(f"{k} {v}" for k, v in row.get("parameters", {}).items()) or row["license"],
        )
        for row in rows
    ]  # fmt: skip
    _table(("name", "kind", "what it is", "parameters, or licence"), shown)
    return 0


def make(arguments: argparse.Namespace) -> int:
    """Make a profile from a preset."""
    preset = presets.load(arguments.preset)
    made = preset.make(pairs(arguments.settings, "--set", 'period="0.5 s"'))
    return _finish(arguments, _scaled(arguments, made, None), Path(arguments.preset).stem, ())


def import_(arguments: argparse.Namespace) -> int:
    """Import a trace, or scale a profile."""
    path = Path(arguments.file)
    base = _optional(arguments.base, "W", "--base")
    findings: tuple[Finding, ...] = ()
    if (not path.suffix and not path.exists()) or (path.is_file() and files.is_ours(path)):
        for option in ("column", "unit", "interval", "window", "gap", "gpus", "repair", "source", "license"):
            if getattr(arguments, option):
                raise ConfigError(f"{path} is a profile already: --{option} is for a trace")
        found = library.find(arguments.file)
        if found.unit == "W":
            check_size(found.power, None, base)
    else:
        found, findings = import_trace(
            path, column=arguments.column, unit=arguments.unit,
            interval=_optional(arguments.interval, "s", "--interval"),
            window=_optional(arguments.window, "s", "--window"), gap=_optional(arguments.gap, "s", "--gap"),
            gpus=arguments.gpus, rating=base, repair=arguments.repair,
            source=arguments.source, license=arguments.license,
        )  # fmt: skip
    name = path.stem if path.suffix.lower() != ".csv" or arguments.output else f"{path.stem}_profile"
    return _finish(arguments, _scaled(arguments, found, base), name, [f.text(path) for f in findings])


def _scaled(arguments: argparse.Namespace, found: Profile, base: float | None) -> Profile:
    """Return the profile as a cluster, filtered, at a rating, as far as these are asked for."""
    if arguments.nodes is not None:
        spread, step = parse(arguments.spread, "s", "--spread"), parse(arguments.step, "s", "--step")
        with bar(console(stderr=True), "adding up copies") as tell:
            found = scale.cluster(found, arguments.nodes, spread, step, arguments.seed, tell)
        base = base and base * arguments.nodes
    for lag in arguments.lags:
        found = scale.filtered(found, parse(lag, "s", "--filter"))
    if arguments.rating is not None:
        found = scale.rated(found, parse(arguments.rating, "W", "--rating"), base)
    return found


def _finish(arguments: argparse.Namespace, made: Profile, name: str, findings: Sequence[str]) -> int:
    path = Path(arguments.output or f"{name}.csv")
    files.write(made, path)
    if arguments.json:
        print_json({"file": str(path), **_about(made), "repaired": list(findings)})
        return 0
    out = console()
    for text in findings:
        out.print(f"Repaired: {escape(text)}", soft_wrap=True)
    _say(made)
    out.print(f"Profile: {escape(str(path))}", soft_wrap=True)
    return 0


def show_(arguments: argparse.Namespace) -> int:
    """Draw a profile, and say what it demands."""
    from hil.profiles import measure, picture  # noqa: PLC0415 - what draws is slow to import
    from hil.report.page import save  # noqa: PLC0415

    found = library.find(arguments.file)
    demand = measure.demand(found)
    path = Path(arguments.output or f"profile_{Path(arguments.file).stem}.html")
    save(picture.page(found, demand), path)
    if arguments.json:
        print_json({**_about(found), **_demanded(demand), "picture": str(path)})
        return 0
    _say(found)
    for head, columns, rows in picture.tables(found, demand):
        console().print(f"\n[bold]{escape(head)}[/]")
        _table(columns, rows)
    console().print(f"\nPicture: {escape(str(path))}", soft_wrap=True)
    return 0


def fit_(arguments: argparse.Namespace) -> int:
    """Fit a profile into an instrument; 1 where more is lost than is allowed."""
    from hil.profiles import fit as fitting  # noqa: PLC0415 - slow to import
    from hil.profiles import picture, reduce  # noqa: PLC0415
    from hil.report.page import save  # noqa: PLC0415

    found = library.find(arguments.file)
    instrument = fitting.Instrument(
        arguments.points, _range(arguments.dwell, "s", "--dwell"), _range(arguments.power, "W", "--power"),
        _optional(arguments.slew, "W/s", "--slew") or inf,
        _optional(arguments.bandwidth, "Hz", "--bandwidth") or inf,
        held=arguments.shape == "steps",
    )  # fmt: skip
    share = Limit(0.0, 100.0, "%").check(parse(arguments.error, "%", "--error"), "--error")
    allowed = share / 100.0 * float(found.power.max())
    with bar(console(stderr=True), "fitting") as tell:
        result = fitting.fit(found, instrument, tell)
    fits = result.rms <= allowed
    needed = None
    if not fits:
        dwell = instrument.dwell
        needed = reduce.points_for(found, allowed, dwell.low, dwell.high, held=instrument.held)
    if fits and arguments.output:
        files.write(result.list, Path(arguments.output))
    facts = _fidelity(found, result, arguments.shape)
    bands = picture.fit_bands(result)
    if arguments.picture:
        save(picture.fit_page(found, result, facts, bands), Path(arguments.picture))
    if arguments.json:
        print_json({**_lost(found, result), "fits": fits, "points_needed": needed})
        return 0 if fits else 1
    _table(("", ""), facts)
    console().print(f"\n[bold]{bands[0]}[/]")
    _table(bands[1], bands[2])
    if fits:
        console().print("\nIt fits.")
        return 0
    nearest = "no number of points is enough" if needed is None else f"about {needed:,} points are enough"
    console().print(
        f"\n[bold]It does not fit[/]: the RMS error of {show(result.rms, 'W')} is above the "
        f"{show(allowed, 'W')} allowed ({arguments.error}); {nearest} at this dwell. No list was written."
    )
    return 1


def _fidelity(found: Profile, result: Fit, shape: str) -> list[tuple[str, str]]:
    peak = float(found.power.max()) or 1.0
    return [
        ("List", f"{len(result.list) - 1:,} {shape} for {len(found):,} points"),
        ("RMS error", f"{show(result.rms, 'W')} ({100 * result.rms / peak:.3g} % of the highest power)"),
        ("Largest error", f"{show(result.worst, 'W')} ({100 * result.worst / peak:.3g} %)"),
        ("Energy error", f"{100 * result.energy:.3g} %"),
        ("Steepest change", show(result.steepest, "W/s")),
        ("Above its bandwidth", f"{100 * result.lost:.3g} % of the alternating energy"),
    ]


def _lost(found: Profile, result: Fit) -> dict[str, Any]:
    return {
        "points": len(result.list) - 1,
        "rms_error": result.rms,
        "largest_error": result.worst,
        "energy_error": result.energy,
        "steepest": result.steepest,
        "lost_share": result.lost,
        "bands_asked": _told(result.asked.rms),
        "bands_played": _told(result.given.rms),
        "highest_power": float(found.power.max()),
        "time": result.list.time.tolist(),
        "power": result.list.power.tolist(),
    }


def _about(of: Profile) -> dict[str, Any]:
    bandwidth = of.bandwidth if isfinite(of.bandwidth) else None
    return {
        **of.described(), "bandwidth": bandwidth, "history": list(of.history), "points": len(of),
        "duration": of.duration, "lowest": float(of.power.min()), "highest": float(of.power.max()),
        "mean": of.mean, "energy": of.energy,
    }  # fmt: skip


def _demanded(demand: Demand) -> dict[str, Any]:
    from hil.analysis.buffering.metrics import (  # noqa: PLC0415 - slow to import
        BANDS,
        RAMP_WINDOWS,
        RANGE_WINDOWS,
    )

    return {
        "ramp_windows": RAMP_WINDOWS,
        "falls": demand.falls,
        "rises": demand.rises,
        "range_windows": RANGE_WINDOWS,
        "ranges": demand.spans,
        "bands": BANDS,
        "band_rms": _told(demand.bands.rms),
        "band_peak": _told(demand.bands.peak),
        "band_share": _told(demand.bands.share),
    }


def _told(values: Any) -> list[float | None]:
    return [value if isfinite(value) else None for value in values.tolist()]


def _say(of: Profile) -> None:
    from hil.profiles.picture import facts  # noqa: PLC0415 - slow to import

    console().print(f"[bold]{escape(of.title or 'Profile')}[/]")
    _table(("", ""), facts(of))


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.table import Table  # noqa: PLC0415 - not needed for JSON

    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0), show_header=any(columns))
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*map(escape, row))
    console().print(table)


def _optional(text: str | None, unit: str, name: str) -> float | None:
    if text is None:
        return None
    value = parse(text, unit, name)
    if not value > 0.0:
        raise ConfigError(f"{name} {text!r} must be positive")
    return value


def _range(text: str, unit: str, name: str) -> Limit:
    """Return "1 ms .. 262 s" as a limit."""
    low, dots, high = text.partition("..")
    if not dots:
        raise ConfigError(f'{name} {text!r}: expected a range, such as "1 {unit} .. 2 {unit}"')
    try:
        return Limit(parse(low, unit, name), parse(high, unit, name), unit)
    except ConfigError as error:
        raise ConfigError(f"{name} {text!r}: {error}") from None
