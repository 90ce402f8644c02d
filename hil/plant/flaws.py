"""Flaws that can be planted in the simulated PCS: a bench that has never seen a bad PCS fail is untested.

Any number of them at once, each with its own strength; they are planted in the order of this table, so that
the order in which they are asked for does not matter. What a flaw of telemetry changes is what the PCS says,
never what it does.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from math import isfinite
from typing import TYPE_CHECKING, Any, Final

from hil.errors import ConfigError

from .parameters import OTHER_PRIORITY
from .terminals import CHANNELS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from .parameters import Levels, Parameters


@dataclass(frozen=True, slots=True)
class Flaw:
    """One way in which a PCS is bad."""

    name: str
    about: str
    """One line, for a list of flaws."""
    strength: float | str | None
    """What `apply` is given; the meaning stands in `about`. None: it is there or not."""
    apply: Callable[[Parameters, Any], Parameters]
    choices: tuple[str, ...] = ()
    """The words that a strength may be, where it is no number."""

    def plant(self, parameters: Parameters) -> Parameters:
        """Return the parameters of a PCS that has this flaw."""
        return self.apply(parameters, self.strength)

    @property
    def described(self) -> str:
        """Return what it is about, and its strength."""
        if self.strength is None:
            return self.about
        return f"{self.about} ({self.strength if self.choices else format(self.strength, 'g')})"


def _times(levels: Levels, factor: float) -> Levels:
    return tuple((level, seconds * factor) for level, seconds in levels)


def _defect(name: str) -> Callable[[Parameters, Any], Parameters]:
    return lambda p, x: replace(p, defects=replace(p.defects, **{name: x}))


def _buffers_steeply(p: Parameters, x: float) -> Parameters:
    m = p.missions
    if m is None or all(mission.name != "buffering" for mission in m.missions):
        raise ConfigError(
            "flaw 'buffers-steeply': this PCS has no mission \"buffering\", whose ramps it changes"
        )
    return replace(
        p, missions=replace(m, grid_ramp_up=m.grid_ramp_up * x, grid_ramp_down=m.grid_ramp_down * x)
    )


def _reorders(p: Parameters, _: object) -> Parameters:
    m = p.missions
    free = [] if m is None else [each for each in m.missions if each.name not in _PLACED]
    if m is None or len(free) < 2:
        raise ConfigError(
            "flaw 'wrong-mission-order': this PCS has no two missions besides ride-through, which is first, "
            "and maintenance, which is last"
        )
    turned = [each if each.name in _PLACED else free.pop() for each in m.missions]
    return replace(p, missions=replace(m, missions=tuple(turned)))


def _keeps_of_reserves(p: Parameters, x: float) -> Parameters:
    m = p.missions
    if m is None or not any(each.reserve for each in m.missions):
        raise ConfigError("flaw 'spends-reserve': no mission of this PCS has a reserve of energy")
    kept = tuple(replace(each, reserve=x * each.reserve) for each in m.missions)
    return replace(p, missions=replace(m, missions=kept))


_PLACED: Final = ("ride-through", "maintenance")
_ALL: Final = (
    Flaw(
        "trips-early",
        "undervoltage trips after this part of its time",
        0.1,
        lambda p, x: replace(p, undervoltage=_times(p.undervoltage, x)),
    ),
    Flaw(
        "trips-late",
        "voltage trips after this multiple of its time",
        5.0,
        lambda p, x: replace(p, undervoltage=_times(p.undervoltage, x), overvoltage=_times(p.overvoltage, x)),
    ),
    Flaw(
        "no-support",
        "reactive support in a sag is this part of what it should be",
        0.0,
        lambda p, x: replace(p, k_support=p.k_support * x),
    ),
    Flaw(
        "wrong-priority",
        "at the current limit the other of active and reactive power keeps its share",
        None,
        lambda p, _: replace(
            p,
            priority=OTHER_PRIORITY[p.priority],
            fault_priority=OTHER_PRIORITY[p.fault_priority],
            defects=replace(p.defects, confuses_priorities=True),
        ),
    ),
    Flaw(
        "slow-recovery",
        "active current returns after a sag at this part of its rate",
        0.05,
        lambda p, x: replace(p, recovery_ramp=p.recovery_ramp * x),
    ),
    Flaw(
        "overshoots",
        "active current returns after a sag this part past its goal",
        0.3,
        _defect("recovery_overshoot"),
    ),
    Flaw(
        "slow-power",
        "power follows its command, and a load that it buffers, at this part of the command's rate",
        0.01,
        lambda p, x: replace(p, power_ramp=p.power_ramp * x, load_ramp=p.power_ramp * x),
    ),
    Flaw("misses-power", "active power misses its set-point by this part", 0.05, _defect("power_error")),
    Flaw(
        "buffers-steeply",
        "buffering lets the grid's power ramp at this multiple of its rate",
        5.0,
        _buffers_steeply,
    ),
    Flaw(
        "wrong-mission-order",
        "missions between ride-through and maintenance take power and energy in the reverse of their order",
        None,
        _reorders,
    ),
    Flaw(
        "spends-reserve",
        "missions keep this part of the energy reserves of those before them",
        0.0,
        _keeps_of_reserves,
    ),
    Flaw(
        "over-limit",
        "current limit is this multiple of the stated one",
        1.3,
        lambda p, x: replace(p, current_limit=p.current_limit * x),
    ),
    Flaw(
        "hunts",
        "current limit falls by this part and rises again, at 12 Hz, while it acts",
        0.3,
        _defect("hunting"),
    ),
    Flaw(
        "fast-pll",
        "PLL's bandwidth is this multiple of the stated one, too much for a weak grid",
        10.0,
        lambda p, x: replace(p, pll_bandwidth=p.pll_bandwidth * x),
    ),
    Flaw(
        "swings",
        "when forming, filters the measured power for this multiple of its time: it swings with gensets",
        30.0,
        lambda p, x: replace(p, forming=replace(p.forming, power_filter=p.forming.power_filter * x)),
    ),
    Flaw(
        "wrong-droop",
        "when forming, its frequency falls by this multiple of the stated droop",
        2.0,
        lambda p, x: replace(p, forming=replace(p.forming, droop=p.forming.droop * x)),
    ),
    Flaw("dc-offset", "offset in the bridge's voltage [pu]", 0.02, _defect("dc_offset")),
    Flaw("distorts", "fifth harmonic in the bridge's voltage [pu]", 0.05, _defect("fifth_harmonic")),
    Flaw(
        "dead-time",
        "dead time of the bridge's legs, not compensated [s]",
        10e-6,
        lambda p, x: replace(p, dead_time=p.dead_time + x),
    ),
    Flaw(
        "no-black-start",
        "does not start on a dead bus",
        None,
        lambda p, _: replace(p, defects=replace(p.defects, refuses_black_start=True)),
    ),
    Flaw(
        "no-island",
        "goes on following when the breaker to the source opens",
        None,
        lambda p, _: replace(p, synchro=replace(p.synchro, islands=False)),
    ),
    Flaw(
        "no-synchro-check",
        "its breaker closes onto the grid in step or not",
        None,
        lambda p, _: replace(p, synchro=replace(p.synchro, checked=False)),
    ),
    Flaw(
        "misreports",
        "reported active power is this multiple of the true one",
        1.1,
        lambda p, x: replace(p, telemetry_gain=p.telemetry_gain * x),
    ),
    Flaw("reports-late", "time constant of all that is reported [s]", 0.5, _defect("telemetry_lag")),
    Flaw(
        "flat-line",
        "this reported channel stands still from when the PCS runs",
        "hertz",
        _defect("flat_channel"),
        tuple(CHANNELS),
    ),
    Flaw(
        "missing-channel",
        "this channel is not reported",
        "celsius",
        _defect("missing_channel"),
        tuple(CHANNELS),
    ),
    Flaw("wrong-event-times", "times in the event log are late by this [s]", 1.0, _defect("event_delay")),
    Flaw("soc-drifts", "reported state of charge rises by itself [pu/h]", 0.05, _defect("charge_drift")),
    Flaw(
        "soc-miscounts",
        "reported state of charge counts this part more charge than flows",
        0.1,
        _defect("charge_miscount"),
    ),
)
FLAWS: Final[Mapping[str, Flaw]] = {flaw.name: flaw for flaw in _ALL}
"""The flaws that there are, by name."""


def parse(text: str) -> Flaw:
    """Return the flaw that text names, such as "trips-early", "trips-early=0.5" or "flat-line=watts"."""
    name, equals, given = (part.strip() for part in text.partition("="))
    flaw = FLAWS.get(name)
    if flaw is None:
        raise ConfigError(f"no flaw {name!r}; there is {', '.join(FLAWS)}")
    if not equals:
        return flaw
    if flaw.strength is None:
        raise ConfigError(f"flaw {text!r}: it has no strength; write {name!r} ({flaw.about})")
    if flaw.choices:
        if given not in flaw.choices:
            raise ConfigError(f"flaw {text!r}: must be one of {', '.join(flaw.choices)} ({flaw.about})")
        return replace(flaw, strength=given)
    try:
        strength = float(given)
    except ValueError:
        strength = -1.0
    if not (isfinite(strength) and strength >= 0.0):
        raise ConfigError(f"flaw {text!r}: the strength must be a number that is not negative ({flaw.about})")
    return replace(flaw, strength=strength)


def parse_all(texts: Iterable[str]) -> tuple[Flaw, ...]:
    """Return the flaws that texts name; refuse one that comes twice."""
    flaws = tuple(map(parse, texts))
    _refuse_twice(flaws)
    return flaws


def plant(parameters: Parameters, flaws: Sequence[Flaw]) -> Parameters:
    """Return the parameters of a PCS that has all these flaws; refuse one that comes twice."""
    _refuse_twice(flaws)
    order = list(FLAWS)
    for flaw in sorted(flaws, key=lambda flaw: order.index(flaw.name)):
        parameters = flaw.plant(parameters)
    return parameters


def _refuse_twice(flaws: Sequence[Flaw]) -> None:
    twice = [name for name, count in Counter(flaw.name for flaw in flaws).items() if count > 1]
    if twice:
        raise ConfigError(f"flaw {', '.join(twice)}: given more than once; which strength is meant?")
