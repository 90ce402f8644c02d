"""What a unit that forms its bus makes of a step of load: voltage, frequency, what rings, what is left.

Voltage is Urms(1/2) of the worst phase (IEC 61000-4-30, 5.4.1), dated at the middle of its cycle.
Frequency comes from the phase of the positive sequence, carried across the jump that the step
itself makes. Both are held against the droop line at the power that flows in the end.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isfinite
from typing import TYPE_CHECKING, Final

import numpy as np

from hil.analysis.event.dips import inception
from hil.analysis.power.phase import frequency_track
from hil.analysis.power.sequences import sequences_of
from hil.analysis.power.track import power_track
from hil.analysis.quality.engine import quality
from hil.analysis.quality.groups import thd
from hil.analysis.quality.unbalance import unbalance
from hil.analysis.result import Findings, Result, Series, Table
from hil.analysis.signals import sort
from hil.analysis.stability.modes import modes
from hil.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hil.analysis.quality.values import Quality
    from hil.waveform import Waveform

SECTION: Final = "Step response"
RING: Final = (0.1, 30.0)
"""Where modes are looked for [Hz]."""
LEAST: Final = 0.005
"""Amplitude of a mode below which it is none [pu]; as much may be left of an oscillation."""
LAST: Final = 0.5
"""Steady is what the last of a record, and what comes before the step, is on the mean over so long [s]."""
ORDERS: Final = 50
"""Highest harmonic of the distortion."""
DEAD: Final = 0.5
"""Voltage below which the bus is lost [pu]."""
JUMP: Final = 0.05
"""Time after the step that belongs to the jump itself and to no mode [s]."""
CALM: Final = ("ok", "no mode above the noise")
"""States of a search for modes that found none worth the name."""


QUANTITIES: Final = {
    "bus": ("Voltage of the bus", ""),
    "active_step": ("Step of active power", "pu"),
    "reactive_step": ("Step of reactive power", "pu"),
    "voltage_deviation": ("Largest deviation of the voltage from its droop line", "%"),
    "voltage_dip": ("Lowest voltage, below rated", "%"),
    "voltage_recovery": ("Voltage back about its droop line", "s"),
    "voltage_error": ("Steady voltage less its droop line", "%"),
    "frequency_deviation": ("Frequency beyond its droop lines before and after", "Hz"),
    "frequency_settling": ("Frequency settled about its droop line", "s"),
    "frequency_error": ("Steady frequency less its droop line", "Hz"),
    "frequency_excursion": ("Largest deviation from the rated frequency", "Hz"),
    "thd_voltage": ("THD of the voltage, worst phase", "%"),
    "unbalance": ("Unbalance u2/u1", "%"),
    "oscillation_left": ("Swing of the active power that is left", "pu"),
    "damping": ("Damping ratio of the least damped mode", ""),
}
"""What is found, in this order: title and unit."""


@dataclass(frozen=True, slots=True)
class DroopLine:
    """What a forming unit holds, and what its quantities are per unit of."""

    volts: float
    """At no reactive power, RMS phase to neutral [V]."""
    hertz: float
    """At no active power [Hz]."""
    watts: float
    """Rated power [W]."""
    droop: float = 0.0
    """Frequency per active power [pu]."""
    reactive_droop: float = 0.0
    """Voltage per reactive power [pu]."""

    def frequency(self, active: float) -> float:
        """Return what it shall be at an active power [pu], in hertz."""
        return self.hertz * (1.0 - self.droop * active)

    def voltage(self, reactive: float) -> float:
        """Return what it shall be at a reactive power [pu], per unit."""
        return 1.0 - self.reactive_droop * reactive


@dataclass(frozen=True, slots=True)
class Bands:
    """Within what counts as back, and when all shall be steady."""

    voltage: float
    """About the droop line [pu]."""
    frequency: float
    """About the droop line [Hz]."""
    calm: float
    """Time after the step from which what swings is left over [s]."""


def terminals(waveform: Waveform) -> Waveform:
    """Return voltages and currents of the unit's three phases alone."""
    channels = (*waveform.find("voltage"), *waveform.find("current"))
    if len(channels) != 6:
        raise ConfigError(f"{waveform.source or 'waveform'}: three voltages and currents are needed")
    return replace(waveform, samples=waveform.select(channels), channels=channels)


def step_instant(waveform: Waveform, hertz: float, amps: float, about: tuple[float, float]) -> float | None:
    """Return when the currents begin to differ from those of a cycle ago [s]; None: they do not.

    amps: rated RMS [A]; about: not before and not after [s].
    """
    begin, end = (waveform.index(time) for time in about)
    currents = waveform.select(waveform.find("current"))
    found = inception(currents, waveform.rate / hertz, begin, end, np.sqrt(2) * amps)
    return None if found is None else waveform.start + found[0] / waveform.rate


def lost(state: str) -> Findings:
    """Return that nothing was to be measured: "lost" where the bus is dead, "no step", "too short"."""
    return Findings(tuple(_result(key, None, state) for key in QUANTITIES))


def load_step_findings(waveform: Waveform, line: DroopLine, at: float, bands: Bands) -> Findings:
    """Return what a step of load at an instant [s] does to the bus.

    waveform: three voltages and currents of the unit, as `terminals` gives them.
    """
    pq = quality(waveform, nominal_frequency=line.hertz)
    parts = sequences_of(pq)
    if parts is None or pq.frequency is None:
        return lost("lost")
    track = frequency_track(parts.time, parts.u[0], pq.frequency, spoilt=parts.spoilt)
    end, half = waveform.start + waveform.duration, 0.5 / line.hertz
    before, last = (parts.time > at - LAST) & (parts.time < at), parts.time > end - LAST
    u1, after = np.abs(parts.u[0]) / line.volts, parts.time > at
    if track is None or not last.any() or u1[last].min() < DEAD:
        return lost("lost")
    later = track.time - track.lag > at
    if not (before.any() and after.any() and later.any()):
        return lost("too short")
    phasors = pq.half_cycles.phasors
    power = (phasors[:3] * np.conj(phasors[3:6])).sum(axis=0) / line.watts
    was, now = complex(power[before].mean()), complex(power[last].mean())

    volts = line.voltage(now.imag)
    urms = (
        np.array([np.interp(parts.time, one.end, one.values) for one in pq.urms[:3]])[:, after] / line.volts
    )
    away = np.abs(urms - volts).max(axis=0)
    lines = line.frequency(was.real), line.frequency(now.real)
    hertz, instants = track.values[later], (track.time - track.lag)[later]
    beyond = np.maximum(min(lines) - hertz, hertz - max(lines))
    valid = waveform.valid is None or bool(waveform.valid.all())
    results = [
        _result("bus", None, "held"),
        _result("active_step", (now - was).real),
        _result("reactive_step", (now - was).imag),
        _result("voltage_deviation", 100 * away.max()),
        _result("voltage_dip", 100 * (1 - urms.min())),
        _back("voltage_recovery", away > bands.voltage, parts.time[after] - half - at, half),
        _result("voltage_error", 100 * (u1[last].mean() - volts)),
        _result("frequency_deviation", max(float(beyond.max()), 0.0)),
        _back("frequency_settling", np.abs(hertz - lines[1]) > bands.frequency, instants - at, half),
        _result("frequency_error", hertz[instants > end - LAST].mean() - lines[1]),
        _result("frequency_excursion", np.abs(hertz - line.hertz).max()),
        *_distortion(pq, at + bands.calm),
    ]
    rings, tables = _rings(waveform, line, at, bands.calm, float(hertz[-1]))
    shown = (
        *(
            Series(f"urms_{c.phase}", f"Urms(1/2) {c.phase}", "V", one.end, one.values, c.phase, "bus")
            for c, one in zip(pq.voltages, pq.urms, strict=False)
        ),
        Series("frequency_track", "Frequency", "Hz", track.time, track.values, group="frequency_track"),
        Series("p", "Active power", "W", parts.time, power.real * line.watts, group="power"),
        Series("q", "Reactive power", "var", parts.time, power.imag * line.watts, group="power"),
    )
    return Findings(tuple(replace(one, valid=valid) for one in (*results, *rings)), shown, tables=tables)


def _result(key: str, value: float | None, state: str = "ok", wide: float | None = None) -> Result:
    title, unit = QUANTITIES[key]
    value = None if value is None else float(value)
    if value is not None and not isfinite(value):
        value, state = None, "samples missing"
    return Result(key, title, value, unit, wide, state, section=SECTION)


def _back(key: str, out: NDArray[np.bool_], since: NDArray[np.float64], wide: float) -> Result:
    """Return when a quantity stays inside, as time since the step [s]."""
    where = np.flatnonzero(out)
    if not where.size:
        return _result(key, 0.0)
    if where[-1] + 1 == out.size:
        return _result(key, None, "not back")
    return _result(key, max(float(since[where[-1] + 1]), 0.0), wide=wide)


def _distortion(pq: Quality, since: float) -> tuple[Result, Result]:
    """Return distortion and unbalance of the voltage, root mean square over the intervals since then [s]."""
    i = pq.intervals
    used = (i.begin >= since) & ~i.spoilt & ~i.held
    if not used.any():
        return tuple(_result(key, None, "not determinable") for key in ("thd_voltage", "unbalance"))  # type: ignore[return-value] # two keys
    levels = np.sqrt((i.subgroups[:3, used].astype(float) ** 2).mean(axis=1))
    second = np.sqrt((unbalance(i.phasors[:3, used])[0] ** 2).mean())
    if levels.shape[1] <= ORDERS:
        return _result("thd_voltage", None, "sampled too slowly"), _result("unbalance", second)
    return _result("thd_voltage", max(float(thd(row, ORDERS)) for row in levels)), _result(
        "unbalance", second
    )


def _rings(
    waveform: Waveform, line: DroopLine, at: float, calm: float, hertz: float
) -> tuple[tuple[Result, Result], tuple[Table, ...]]:
    """Return what is left of swings, the least damped mode of power and voltage, and all modes as a table."""
    track = power_track(sort(waveform), hertz)
    assert track.power is not None  # there are three voltages and currents
    both = np.array([track.power.real / line.watts, np.abs(track.u1) / line.volts])
    begin = track.time - track.cycle
    left, swing = begin > at + calm, None
    if left.sum() > 2:
        power, time = both[0, left], track.time[left]
        swing = float(np.ptp(power - np.polyval(np.polyfit(time, power, 1), time))) / 2
    remains = _result("oscillation_left", swing, "ok" if left.sum() > 2 else "not determinable")
    rate = 1 / float(track.time[1] - track.time[0])
    rows: list[tuple[str, float, float, float, float]] = []
    for name, values in zip(("power", "voltage"), both[:, begin > at + JUMP], strict=True):
        found = modes(values, rate, band=RING)
        if not len(found) and found.state not in CALM:
            return (remains, _result("damping", None, found.state)), ()
        for k in np.flatnonzero(found.amplitude[0] >= LEAST):
            ratio, wide = float(found.damping[k]), float(found.damping_uncertainty[k])
            rows.append((name, ratio, wide, float(found.frequency[k]), float(found.amplitude[0, k])))
    if not rows:
        return (remains, _result("damping", None, "no mode")), ()
    _, ratio, wide, *_ = min(rows, key=lambda row: row[1])
    columns = ("Of", "Damping ratio", "k = 2", "Frequency", "Amplitude")
    table = Table("modes", "Modes after the step", columns, ("", "", "", "Hz", "pu"), tuple(rows), SECTION)
    return (remains, _result("damping", ratio, wide=wide)), (table,)
