"""Flaws that can be planted in the simulated PCS: a bench that has never seen a bad PCS fail is untested."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isfinite
from typing import TYPE_CHECKING, Final

from hil.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .parameters import Levels, Parameters


@dataclass(frozen=True, slots=True)
class Flaw:
    """One way in which a PCS is bad."""

    name: str
    about: str
    """One line, for a list of flaws."""
    strength: float
    """What `apply` is given; the meaning stands in `about`."""
    apply: Callable[[Parameters, float], Parameters]

    def plant(self, parameters: Parameters) -> Parameters:
        """Return the parameters of a PCS that has this flaw."""
        return self.apply(parameters, self.strength)


def _times(levels: Levels, factor: float) -> Levels:
    return tuple((level, seconds * factor) for level, seconds in levels)


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
        "slow-recovery",
        "active current returns after a sag at this part of its rate",
        0.05,
        lambda p, x: replace(p, recovery_ramp=p.recovery_ramp * x),
    ),
    Flaw(
        "slow-power",
        "power follows its command at this part of its rate",
        0.01,
        lambda p, x: replace(p, power_ramp=p.power_ramp * x),
    ),
    Flaw(
        "over-limit",
        "current limit is this multiple of the stated one",
        1.3,
        lambda p, x: replace(p, current_limit=p.current_limit * x),
    ),
    Flaw(
        "misreports",
        "reported active power is this multiple of the true one",
        1.1,
        lambda p, x: replace(p, telemetry_gain=p.telemetry_gain * x),
    ),
)
FLAWS: Final[Mapping[str, Flaw]] = {flaw.name: flaw for flaw in _ALL}
"""The flaws that there are, by name."""


def parse(text: str) -> Flaw:
    """Return the flaw that text names, such as "trips-early" or "trips-early=0.5"."""
    name, equals, number = text.strip().partition("=")
    flaw = FLAWS.get(name.strip())
    if flaw is None:
        raise ConfigError(f"no flaw {name.strip()!r}; there is {', '.join(FLAWS)}")
    if not equals:
        return flaw
    try:
        strength = float(number)
    except ValueError:
        strength = -1.0
    if not (isfinite(strength) and strength >= 0.0):
        raise ConfigError(f"flaw {text!r}: the strength must be a number that is not negative ({flaw.about})")
    return replace(flaw, strength=strength)
