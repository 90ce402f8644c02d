"""What the tests of load buffering share: excerpts of profiles, and what a capture shows of the buffering."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Final

from hil.errors import ConfigError
from hil.limits import Limit
from hil.units import show

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from hil.analysis.result import Analysis, Cell, Findings, Result, Table
    from hil.profiles.profile import Profile
    from hil.recording import Recording
    from hil.waveform import Waveform

    Array = NDArray[np.float64]

LEAD: Final = 1.0
"""An excerpt begins this long before the steepest edge of its profile [s]."""
SETTLED: Final = 1.0
"""Waited once the grid has taken the load's power up [s]."""
SECTION: Final = "Load buffering"
SHOWN: Final = {
    "load_ramp_100ms": ("Load, ramp 100 ms", "pu/s"),
    "grid_ramp_100ms": ("Grid, ramp 100 ms", "pu/s"),
    "grid_ramp_1000ms": ("Grid, ramp 1 s", "pu/s"),
    "tracking_error_rms": ("Tracking error, RMS", "pu"),
    "energy_share": ("Energy 0.1 .. 20 Hz", "%"),
    "voltage_lowest": ("Lowest voltage", "pu"),
    "voltage_highest": ("Highest voltage", "pu"),
}
"""Results that a table of all captures shows, and how it calls them."""


def excerpts_in(text: str, name: str) -> dict[str, float]:
    """Return profiles and lengths [s] from text such as "training/38 fault_stop/40"."""
    found: dict[str, float] = {}
    for word in text.split():
        profile, _, seconds = word.partition("/")
        try:
            length = float(seconds)
        except ValueError:
            raise ConfigError(f'{name}: {word!r}: expected profile/length, such as "training/38"') from None
        Limit(1.0, 3600.0, "s").check(length, f"{name}, length of {profile}")
        if profile in found:
            raise ConfigError(f"{name} = {text!r} names {profile} twice")
        found[profile] = length
    if not found:
        raise ConfigError(f"{name} is empty; give profiles and lengths, such as training/38")
    return found


@cache  # a rehearsal, a run and its analysis ask again and again
def excerpt(name: str, seconds: float) -> Profile:
    """Return so much of a shipped profile about its steepest edge, per unit of the load's rating.

    Noise beyond the rating is scaled to it: a load's memory takes no more.
    """
    import numpy as np  # noqa: PLC0415 - no preview of other tests needs it

    from hil.profiles.library import find  # noqa: PLC0415 - as above

    whole = find(name)
    if whole.duration < 0.95 * seconds:
        raise ConfigError(
            f"profile {name} lasts {whole.duration:.3g} s; an excerpt cannot last {seconds:g} s"
        )
    first, seconds = whole.time[0], min(seconds, whole.duration)
    looked = first + np.arange(0.0, whole.duration, 5e-3)
    steepest = looked[int(np.abs(np.diff(whole.at(looked))).argmax())]
    begin = float(np.clip(steepest - LEAD, first, first + whole.duration - seconds))
    inside = (whole.time > begin) & (whole.time < begin + seconds)
    time = np.concatenate(([begin], whole.time[inside], [begin + seconds]))
    power = np.concatenate((
        [whole.at(begin)], whole.power[inside], [whole.at(begin + seconds, before=True)]
    ))  # fmt: skip
    most = max(1.0, float(power.max())) if whole.unit == "pu" else float(whole.power.max())
    step = f"{seconds:g} s from {begin:.3f} s on"
    return whole.but(step, time=time - begin, power=power / most, unit="pu")


def settling(change: float, ramp: float) -> float:
    """Return how long the grid takes for a change [pu] at a ramp [pu/s], and a little more [s]."""
    return abs(change) / ramp + SETTLED


def buffering(recording: Recording, rating: float, ramp: float, site: float) -> Iterator[Findings]:
    """Yield what a capture shows: ramps, tracking, energy, voltage, trip, and the utilities' limits.

    rating: of the load, per unit of that of the PCS; ramp: that the PCS declares, per unit of the load's
    rating [pu/s]; site: that the bench stands for [W]. Powers are means over a cycle; the target is made of
    the load's instantaneous power.
    """
    import numpy as np  # noqa: PLC0415 - no preview needs it

    from hil.analysis.buffering.findings import buffering_findings  # noqa: PLC0415 - as above
    from hil.analysis.buffering.limiter import limited, over_windows  # noqa: PLC0415 - as above
    from hil.analysis.result import Findings, Series  # noqa: PLC0415 - as above

    watts, cycle = rating * recording.nominal["power"], 1.0 / recording.nominal["frequency"]
    start, rate, load, grid, valid = powers(recording)
    drawn, fed = (over_windows(p, rate, cycle) for p in (load, grid))
    target = over_windows(limited(load, rate, ramp * watts, float(fed[0])), rate, cycle)
    found = buffering_findings(drawn, fed, rate, rating=watts, source_resolution=cycle, target=target)
    own = [r for r in found.results if r.key != "band_energy_ratio"]
    own += [energy_share(drawn, fed, rate, cycle), *_levels(load, watts), _trip(recording)]
    own += _voltages(recording.waveform, recording.nominal["phase_voltage"], cycle)
    time = start + cycle + np.arange(drawn.size) / rate
    traces = (("load", "Load", drawn), ("grid", "Grid", fed), ("target", "Target of the grid", target))
    series = tuple(Series(f"power_{k}", t, "W", time, y, group="buffering") for k, t, y in traces)
    spectra = tuple(s for s in found.spectra if s.group == "power_spectrum")
    yield Findings(
        tuple(replace(r, valid=valid and r.valid) for r in own),
        series,
        spectra,
        (*found.tables, _variation(grid, rate, watts, site)),
    )


def powers(recording: Recording) -> tuple[float, float, Array, Array, bool]:
    """Return start [s], rate [Hz], means over a millisecond of load and grid [W], and if all are known."""
    import numpy as np  # noqa: PLC0415 - no preview needs it

    from hil.analysis.power.series import power_series  # noqa: PLC0415 - as above

    series = power_series(recording.waveform, ("load", "grid"))
    found = []
    for place in ("load", "grid"):
        power = series.at[place].astype(float)
        good, index = np.isfinite(power), np.arange(power.size)
        if not good.any():
            raise ConfigError(f"{recording.name}: the power of the {place} holds no valid sample")
        found.append((np.interp(index, index[good], power[good]), bool(good.all())))
    (load, known), (grid, also) = found
    return series.start - 0.5 / series.rate, series.rate, load, grid, known and also


def energy_share(load: Array, grid: Array, rate: float, resolution: float) -> Result:
    """Return what is left at the grid of the load's alternating energy."""
    from hil.analysis.buffering.limiter import SWINGS, energy_ratio  # noqa: PLC0415 - no preview needs it
    from hil.analysis.result import Result  # noqa: PLC0415 - as above

    share, low = energy_ratio(load, grid, rate, resolution)
    return Result(
        "energy_share",
        "Alternating energy in 0.1 .. 20 Hz, grid over load",
        None if share is None else 100 * share,
        "%",
        state="not determinable" if share is None else "ok",
        method="Parseval, Hann window, straight line taken off",
        note="" if low <= SWINGS[0] else f"from {low:.2g} Hz on: the record does not tell slower swings",
        section=SECTION,
    )


def worst_of(found: Mapping[str, Analysis]) -> Table:
    """Return the results of all captures as a table."""
    from hil.analysis.result import Table  # noqa: PLC0415 - no preview needs it

    rows = tuple((name, *(value(of, key) for key in SHOWN), state(of, "trip")) for name, of in found.items())
    columns = ("Capture", *(title for title, _ in SHOWN.values()), "PCS")
    units = ("", *(unit for _, unit in SHOWN.values()), "")
    note = "ramps and errors per unit of the load's rating; powers are means over a cycle"
    return Table("buffered", "All captures", columns, units, rows, SECTION, note=note)


def value(of: Analysis, key: str) -> Cell:
    """Return the value of a result; None where there is none."""
    return of[key].value if key in of else None


def state(of: Analysis, key: str) -> Cell:
    """Return the state of a result; None where there is none."""
    return of[key].state if key in of else None


def _levels(load: Array, watts: float) -> Iterator[Result]:
    from hil.analysis.result import Result  # noqa: PLC0415 - no preview needs it

    swing = float(load.max() - load.min()) / watts
    yield Result("load_swing", "Swing of the load, highest less lowest", swing, "pu", section=SECTION)


def _trip(recording: Recording) -> Result:
    """Return when the PCS first said that it does not run."""
    from hil.analysis.result import Result  # noqa: PLC0415 - no preview needs it

    said = recording.of("pcs")
    stopped = next((r for r in said if r.values.get("mode") != "running"), None)
    told = "no trip" if stopped is None else "tripped"
    return Result(
        "trip",
        "Trip of the PCS",
        None if stopped is None else stopped.time,
        "s",
        state=told if said else "not determinable",
        method="what the PCS says of itself, polled",
        note=""
        if stopped is None
        else f"it says {stopped.values.get('mode')}: {stopped.values.get('alarms')}",
        section=SECTION,
    )


def _voltages(waveform: Waveform, rated: float, cycle: float) -> Iterator[Result]:
    """Yield the lowest and highest RMS voltage of any phase over a cycle [pu]."""
    import numpy as np  # noqa: PLC0415 - no preview needs it

    from hil.analysis.buffering.limiter import over_windows  # noqa: PLC0415 - as above
    from hil.analysis.result import Result  # noqa: PLC0415 - as above

    every = max(1, round(waveform.rate / 1000))
    rms = []
    for channel in waveform.find("voltage"):
        squares = waveform[channel.name].astype(float) ** 2
        means = over_windows(squares, waveform.rate, cycle, every)
        rms.append(np.sqrt(np.maximum(means, 0.0)) / rated)
    for name, found in (("lowest", np.min), ("highest", np.max)):
        level = float(found(rms))
        known = np.isfinite(level)
        yield Result(
            f"voltage_{name}",
            f"{name.capitalize()} RMS voltage at the terminals, one cycle, any phase",
            level if known else None,
            "pu",
            state="ok" if known else "not determinable",
            section=SECTION,
        )


def _variation(grid: Array, rate: float, watts: float, site: float) -> Table:
    """Return how the grid's power stands against what utilities ask of a whole site; for information."""
    from hil.analysis.result import Table  # noqa: PLC0415 - no preview needs it
    from hil.compliance.envelope import shipped  # noqa: PLC0415 - as above
    from hil.compliance.variation import judge_variation, load_variation  # noqa: PLC0415 - as above

    rows = []
    for name in shipped("variation"):
        limits = load_variation(name)
        for v in judge_variation(limits, grid, rate, site / watts, rating=watts):
            measured = None if v.value is None else show(v.value, v.unit)
            told = (measured, show(v.limit, v.unit), v.outcome.value, v.reason, v.confidence)
            rows.append((limits.title, v.title, *told))
    return Table(
        "variation",
        f"Utilities' limits of variation, for a site of {site / 1e6:g} MW; for information",
        ("Utility", "Limit", "Value", "At most", "Outcome", "Reason", "Confidence"),
        ("",) * 7,
        tuple(rows),
        SECTION,
        note="the power at the grid, scaled from the load's rating to that of the site",
        detail=True,
    )
