"""T7, LVRT and HVRT: whether the PCS rides through what IEEE 2800 asks, supports the grid and recovers.

Sags and swells just inside the corners of the voltage table, in one, two and three phases, at
high and low power; repeated sags; jumps of phase; ramps of the frequency to the ends of its range
and long stays there. What lasts long is recorded as it begins and as it ends. Each event comes at every
power before the next event: charging before discharging, the battery stays in its window through half an
hour of swell.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isfinite
from typing import TYPE_CHECKING, ClassVar

from hil.errors import ConfigError
from hil.limits import Limit
from hil.sequence import Sequence, Stage
from hil.transient import ListPoint

from ._common import bring_to, de_energise, energise, recorded, restart, sags_in
from ._tables import overview

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hil.analysis.result import Analysis, Result
    from hil.recording import Recording
    from hil.sequence import Nominal, Stages

PHASES = ("a", "b", "c")
SHALLOW = 0.52
"""Residual voltage of the repeated sags [pu]: at this depth their times together are allowed within 10 s."""
SHORT = 0.32
"""Length of each of the repeated sags [s]."""
BACK = 0.95
"""Part of the active power that counts as all of it."""
SHOWN = {
    "ridden": ("PCS", ""),
    "power_back": ("P back", "s"),
    "reactive_current": ("Iq", "pu"),
    "step_cycles": ("Iq step", "cycles"),
    "settling_cycles": ("Iq settled", "cycles"),
}
"""Results that the summary's table shows."""


@dataclass(frozen=True, slots=True)
class _Leg:
    """A point of a transient in per unit; a frequency of 0 is the rated one."""

    seconds: float = 0.1
    """How long it lasts, less the ramp there [s]."""
    volts: float = 1.0
    phases: str = "abc"
    degrees: float = 0.0
    hertz: float = 0.0
    came: float = 0.0
    """Where the frequency comes from [Hz]."""
    slew: float | None = None

    def point(self, nominal: Nominal) -> ListPoint:
        """Return it for the list memory of the source."""
        a, b, c = ((self.volts if p in self.phases else 1.0) * nominal.phase_voltage for p in PHASES)
        turned, rated = (self.degrees, self.degrees, self.degrees), nominal.frequency
        seconds = round(self.seconds + _ramp(self.came or rated, self.hertz or rated, self.slew), 3)
        return ListPoint(seconds, (a, b, c), self.hertz or rated, turned, self.slew)


@dataclass(frozen=True, slots=True)
class _Event:
    """One transient, and what is recorded of it."""

    name: str
    legs: tuple[_Leg, ...]
    parameters: Mapping[str, float | str]
    held: float = 0.0
    """How long the grid then stays so, unrecorded [s]."""
    home: bool = True
    """Whether it begins at rated voltage and frequency, so that a tripped PCS can be started before it."""


@dataclass(frozen=True)
class RideThrough(Sequence):
    """T7: ride-through of sags, swells, phase jumps and frequency ramps after IEEE 2800."""

    corners: str = "0.00/0.32 0.12/0.32 0.27/1.2 0.52/3.0 0.72/6.0 1.18/1.0"
    phases: str = "abc ab a"
    powers: str = "-0.9 0.9 0.25"
    swell: float = 1.08
    swell_time: float = 1800.0
    four_within: float = 10.0
    six_within: float = 82.0
    jump: float = 25.0
    slew: float = 5.0
    lowest: float = 57.0
    highest: float = 61.8
    frequency_time: float = 299.0
    before: float = 1.0
    after: float = 3.0
    steady: float = 5.0
    apart: float = 10.0

    NAME: ClassVar[str] = "t07_ride_through"
    CRITERIA: ClassVar[str] = "t07_ride_through"
    ENVELOPE: ClassVar[str] = "ieee2800"
    OBJECTIVE: ClassVar[str] = (
        "The PCS stays connected through every disturbance of voltage, phase and frequency that IEEE 2800 "
        "asks a plant to ride through, also where they follow one another. In a sag it supports the grid "
        "within 2.5 cycles, and after it the active power is back within a second."
    )
    PARAMETERS: ClassVar[Mapping[str, tuple[str, str]]] = {
        "corners": (
            "text",
            "sags and swells: residual voltage [pu] / time [s], just inside the table's corners",
        ),
        "phases": ("text", 'phases of each sag and swell, one for each word, such as "abc ab a"'),
        "powers": ("text", "active power of the PCS at each event, in this order [pu]"),
        "swell": ("pu", "voltage of the long swell in all phases"),
        "swell_time": ("s", "how long it lasts; 0 leaves it out"),
        "four_within": ("s", "four sags within this time; 0 leaves them out"),
        "six_within": ("s", "six sags within this time; 0 leaves them out"),
        "jump": ("deg", "jump of phase, first ahead and then back"),
        "slew": ("Hz/s", "how fast the frequency moves"),
        "lowest": ("Hz", "lowest frequency"),
        "highest": ("Hz", "highest frequency"),
        "frequency_time": ("s", "how long it stays at each of them"),
        "before": ("s", "recorded before each event"),
        "after": ("s", "recorded after it"),
        "steady": ("s", "at the set power before the first event"),
        "apart": ("s", "between events; ride-through times add up within about 10 s, each shall stand alone"),
    }

    def __post_init__(self) -> None:
        """Refuse what is no such event, before anything is connected."""
        for residual, _ in self._corners():
            if 0.9 <= residual <= 1.1:
                raise ConfigError(f"t07_ride_through: corners: {residual:g} pu is neither a sag nor a swell")
        for power in self._powers():
            Limit(-1.0, 1.0, "pu").check(power, "t07_ride_through: powers")
            Limit(0.1, 1.0, "pu").check(abs(power), "t07_ride_through: powers, size")
        words = self.phases.split()
        if (
            not words
            or not set(words) <= {"a", "b", "c", "ab", "bc", "ac", "abc"}
            or len(set(words)) < len(words)
        ):
            raise ConfigError(
                f't07_ride_through: phases = {self.phases!r}; expected words such as "abc ab a"'
            )
        for name, low, high in (
            *(("swell", 1.01, 1.3), ("swell_time", 0.0, 7200.0), ("jump", 3.0, 90.0), ("slew", 0.1, 20.0)),
            *(("lowest", 45.0, 60.0), ("highest", 50.0, 66.0), ("frequency_time", 0.0, 7200.0)),
            *(("before", 0.3, 60.0), ("after", 1.2, 60.0), ("steady", 0.1, 600.0), ("apart", 0.1, 600.0)),
        ):
            unit = self.PARAMETERS[name][0]
            Limit(low, high, unit).check(getattr(self, name), f"t07_ride_through: {name}")
        for name, count in (("four_within", 4), ("six_within", 6)):
            within = getattr(self, name)
            if within:
                Limit(count * (SHORT + 1.2), 200.0, "s").check(within, f"t07_ride_through: {name}")

    def captures(self) -> Mapping[str, Mapping[str, float | str]]:
        """Return each capture's name and the parameters that its criteria refer to."""
        return {event.name: {**event.parameters, "power": power} for power, event in self._in_turn()}

    def stages(self, nominal: Nominal) -> Stages:
        """Yield the stages: energise, one for each event, a restart after a trip, de-energise."""
        end, now = None, None
        for power, event in self._in_turn():
            watts = power * nominal.power
            if now is None:
                yield Stage("energise", energise(nominal, watts, self.steady), "battery, grid, PCS")
            elif event.home and end is not None and not end.pcs_running:
                steps = restart(nominal, watts, self.steady)
                yield Stage(f"restart before {event.name}", steps, "the PCS has tripped")
            elif power != now:
                steps = bring_to(nominal, watts, self.steady)
                yield Stage(f"{power:g} pu before {event.name}", steps, "the next power")
            now = power
            points = tuple(leg.point(nominal) for leg in event.legs)
            then = max(event.held, self.apart)
            end = yield Stage(event.name, recorded(event.name, points, self.before, self.after, then))
        yield Stage("de-energise", de_energise(), "the reverse order")

    def analyze(self, recording: Recording) -> Analysis:
        """Return what one capture shows: the voltage event, if it is one, and how it was ridden through."""
        from hil.analysis.analyze import joined  # noqa: PLC0415 - scipy, which no preview needs
        from hil.analysis.event.disturbances import disturbance_findings  # noqa: PLC0415 - numpy, as above
        from hil.analysis.result import Findings  # noqa: PLC0415 - as above

        found = super().analyze(recording)
        given, rated = recording.parameters, recording.nominal["frequency"]
        begins = [k * float(given["spacing"]) for k in range(int(given["count"]))]
        duration = float(given["duration"])
        if "rocof" in given:
            came, goes = (float(given[name]) or rated for name in ("came", "frequency"))
            duration = _ramp(came, goes, abs(float(given["rocof"])))
        ridden = disturbance_findings(
            recording.waveform,
            rated,
            recording.nominal["power"],
            [(at, at + duration) for at in begins],
            BACK,
        )
        own = (
            *_in_cycles(found, rated),
            _at_the_end(found, "frequency_track", "frequency_reached", "Frequency reached", "Hz", 1.0),
            _at_the_end(
                found, "u1", "voltage_reached", "Voltage reached", "pu", recording.nominal["phase_voltage"]
            ),
            _mode(recording),
        )
        parts = [Findings(found.results, found.series, found.spectra, found.tables), ridden, Findings(own)]
        return joined(parts, history=found.history, warnings=found.warnings)

    def summarize(self, found: Mapping[str, Analysis]) -> Analysis:
        """Return every event in a row, and whether all were ridden through."""
        from hil.analysis.result import Analysis, Result  # noqa: PLC0415 - numpy, as above

        states = {name: one["ridden"].state for name, one in found.items()}
        lost = [name for name, state in states.items() if state != "ridden through"]
        missing = len(self.captures()) > len(found)
        tripped = "tripped" in states.values()
        state = "tripped" if tripped else "not all recorded" if lost or missing else "all ridden through"
        text = f"not ridden through: {', '.join(lost)}" if lost else f"{len(found)} events"
        return Analysis(
            (Result("all_ridden", "Events", None, state=state, note=text, section="Ride-through"),),
            tables=(overview(found, "Event by event", SHOWN, "Event", "Ride-through"),),
        )

    def _corners(self) -> tuple[tuple[float, float], ...]:
        return sags_in(self.corners, "t07_ride_through: corners")

    def _powers(self) -> tuple[float, ...]:
        try:
            powers = tuple(map(float, self.powers.split()))
        except ValueError:
            powers = ()
        if not powers or len(set(powers)) < len(powers):
            raise ConfigError(f't07_ride_through: powers = {self.powers!r}; expected such as "0.9 0.25"')
        return powers

    def _in_turn(self) -> Iterator[tuple[float, _Event]]:
        """Yield power [pu] and event, each disturbance at every power before the next disturbance."""
        powers = self._powers()
        for same in zip(*map(self._events, powers), strict=True):
            for power, events in zip(powers, same, strict=True):
                for event in events:
                    yield power, event

    def _events(self, power: float) -> Iterator[tuple[_Event, ...]]:
        """Yield each disturbance at a power: one event, or its begin and its end."""
        tag = f"p{round(100 * power)}"
        for residual, seconds in self._corners():
            kind = "lvrt" if residual < 1.0 else "hvrt"
            for phases in self.phases.split():
                name = f"{kind}_{round(100 * residual):03d}_{phases}_{tag}"
                about = {"residual": residual, "phases": phases, **_times(seconds)}
                yield (_Event(name, (_Leg(seconds, residual, phases), _Leg()), about),)
        for word, count, within in (("four", 4, self.four_within), ("six", 6, self.six_within)):
            if within:
                spacing = round((within - SHORT) / (count - 1), 3)
                sag, gap = _Leg(SHORT, SHALLOW), _Leg(round(spacing - SHORT, 3))
                about = {"residual": SHALLOW, "phases": "abc", **_times(SHORT, count, spacing)}
                yield (_Event(f"repeated_{word}_{tag}", (*(sag, gap) * (count - 1), sag, _Leg()), about),)
        if self.swell_time:
            about = {"voltage": self.swell, **_times()}
            on = _Event(f"swell_on_{tag}", (_Leg(volts=self.swell),), about, self.swell_time)
            yield on, _Event(f"swell_off_{tag}", (_Leg(),), {"voltage": 1.0, **_times()}, home=False)
        yield tuple(
            _Event(f"jump_{word}_{tag}", (_Leg(degrees=to),), {"jump": turn, **_times()})
            for word, to, turn in (("on", self.jump, self.jump), ("off", 0.0, -self.jump))
        )
        for word, hertz, slew in (("low", self.lowest, -self.slew), ("high", self.highest, self.slew)):
            about = {"frequency": hertz, "came": 0.0, "rocof": slew, **_times()}
            leg = _Leg(hertz=hertz, slew=self.slew)
            on = _Event(f"frequency_{word}_on_{tag}", (leg,), about, self.frequency_time)
            about = {"frequency": 0.0, "came": hertz, "rocof": -slew, **_times()}
            leg = _Leg(came=hertz, slew=self.slew)
            yield on, _Event(f"frequency_{word}_off_{tag}", (leg,), about, home=False)


def _times(duration: float = 0.0, count: int = 1, spacing: float = 0.0) -> dict[str, float | str]:
    """Return the parameters that say when something is out of the ordinary."""
    return {"duration": duration, "count": float(count), "spacing": spacing}


def _ramp(begin: float, end: float, slew: float | None) -> float:
    """Return how long a ramp takes from one frequency to another [s]."""
    return abs(end - begin) / slew if slew else 0.0


def _in_cycles(found: Analysis, hertz: float) -> Iterator[Result]:
    """Yield step response and settling time of the reactive current in cycles of the rated frequency."""
    from hil.analysis.result import Result  # noqa: PLC0415 - numpy, which no preview needs

    for of, key, title in (
        ("reactive_response_time", "step_cycles", "Reactive current, step response in cycles"),
        ("reactive_settling_time", "settling_cycles", "Reactive current, settling in cycles"),
    ):
        blank = Result(key, title, None, state="not determinable", section="Ride-through")
        said = (found[k] for k in (of, "reactive_current") if k in found)  # which says why there are no times
        one = next(said, blank)
        timed = one.key == of and isinstance(one.value, float)
        value = float(one.value or 0.0) * hertz if timed else None
        wide = one.uncertainty * hertz if timed and one.uncertainty is not None else None
        yield replace(one, key=key, title=title, value=value, unit="", uncertainty=wide)


def _at_the_end(found: Analysis, series: str, key: str, title: str, unit: str, base: float) -> Result:
    """Return the mean of a series over the last 0.3 s of the record, per `base`."""
    from hil.analysis.result import Result  # noqa: PLC0415 - numpy, which no preview needs

    blank = Result(key, title, None, unit, state="not determinable", section="Voltage event")
    for one in found.series:
        if one.key == series:
            level = float(one.values[one.time >= one.time[-1] - 0.3].mean())
            return replace(blank, value=level / base, state="ok") if isfinite(level) else blank
    return blank


def _mode(recording: Recording) -> Result:
    """Return the mode that the PCS named last."""
    from hil.analysis.result import Result  # noqa: PLC0415 - as above

    told = recording.of("pcs")
    mode = str(told[-1].values["mode"]) if told else "no reading"
    return Result(
        "mode", "Mode of the PCS at the end, by its own account", None, state=mode, section="Ride-through"
    )
