"""Power over time, as one value that knows where it came from and how fast it can claim to be."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from math import inf
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hil.errors import FormatError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

UNITS: Final = ("W", "pu")


@dataclass(frozen=True, eq=False)
class Profile:
    """Points of power, each held until the next or joined by lines; the last point ends the profile.

    Power is what the load takes, so it is never negative. Arrays are read-only.
    """

    time: Array
    """Strictly increasing, shape (n,) [s]."""
    power: Array
    """Shape (n,), in `unit`."""
    unit: str = "W"
    """"W", or "pu" of the load's rating."""
    held: bool = False
    """True where a value holds until the next point; else lines join the points."""
    bandwidth: float = inf
    """Up to where the power is honest, at -3 dB [Hz]; infinite where it is defined, not measured."""
    title: str = ""
    source: str = ""
    license: str = ""
    sampling: str = ""
    """How it was sampled, and what was repaired."""
    history: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        name = self.title or "profile"
        for array in (self.time, self.power):
            array.setflags(write=False)
        if self.time.ndim != 1 or self.time.shape != self.power.shape or self.time.size < 2:
            raise FormatError(
                f"{name}: {self.time.size} times and {self.power.size} powers; needs two or more of each"
            )
        for array, wrong, what in (
            (self.time, ~np.isfinite(self.time), "time is not a number"),
            (self.power, ~np.isfinite(self.power), "power is not a number"),
            (self.power, self.power < 0.0, "power of a load is negative"),
            (self.time, np.diff(self.time, prepend=-inf) <= 0.0, "time does not increase"),
        ):
            if wrong.any():
                at = int(np.argmax(wrong))
                raise FormatError(
                    f"{name}: point {at + 1}: {what} ({array[at]:.17g}); import it to repair it"
                )
        if self.unit not in UNITS:
            raise FormatError(f"{name}: unit {self.unit!r} is not one of {', '.join(UNITS)}")
        if not self.bandwidth > 0.0:
            raise FormatError(f"{name}: bandwidth {self.bandwidth:g} Hz is not positive")
        for text in ("title", "source", "license", "sampling"):  # one line each, as in the file
            object.__setattr__(self, text, " ".join(getattr(self, text).split()))
        object.__setattr__(self, "history", tuple(" ".join(line.split()) for line in self.history))

    def __len__(self) -> int:
        """Return the number of points."""
        return int(self.time.size)

    @property
    def duration(self) -> float:
        """From the first point to the last [s]."""
        return float(self.time[-1] - self.time[0])

    @property
    def energy(self) -> float:
        """Over the whole profile [J], or [pu s]."""
        return float(self.charge()[-1])

    @property
    def mean(self) -> float:
        """Mean power, in `unit`."""
        return self.energy / self.duration

    def charge(self) -> Array:
        """Return the energy from the first point to each, shape (n,) [J]."""
        between = self.power[:-1] if self.held else 0.5 * (self.power[:-1] + self.power[1:])
        total: Array = np.concatenate(([0.0], np.cumsum(between * np.diff(self.time))))
        return total

    def at(self, time: Any, *, before: bool = False) -> Array:
        """Return the power at times [s]; the ends hold beyond the ends.

        Where a held profile steps this is the value after the step, or the one before it.
        """
        if not self.held:
            return np.asarray(np.interp(time, self.time, self.power))
        index = np.searchsorted(self.time, time, side="left" if before else "right") - 1
        found: Array = self.power[np.clip(index, 0, len(self) - 1)]
        return found

    def energy_until(self, time: Any) -> Array:
        """Return the energy from the first point to times [s]; the ends hold beyond the ends [J]."""
        times = np.asarray(time, dtype=float)
        inside = np.clip(times, self.time[0], self.time[-1])
        begin = np.clip(np.searchsorted(self.time, inside, side="right") - 1, 0, len(self) - 2)
        first, since = self.power[begin], inside - self.time[begin]
        last = first if self.held else self.at(inside)
        beyond = (times - inside) * np.where(times < self.time[0], self.power[0], self.power[-1])
        total: Array = self.charge()[begin] + 0.5 * (first + last) * since + beyond
        return total

    def but(self, step: str, **changes: Any) -> Profile:
        """Return the profile with changes, and what was done added to its history."""
        return replace(self, history=(*self.history, step), **changes)

    def described(self) -> dict[str, str]:
        """Return all but the points, as text for a file's header."""
        return {
            "title": self.title,
            "source": self.source,
            "license": self.license,
            "unit": self.unit,
            "between": "held" if self.held else "lines",
            "bandwidth": f"{self.bandwidth!r} Hz",
            "sampling": self.sampling,
        }


def equal(a: Profile, b: Profile) -> bool:
    """Say whether two profiles are the same in every point and word."""
    return all(np.array_equal(getattr(a, field.name), getattr(b, field.name)) for field in fields(Profile))


def without_idle_points(profile: Profile) -> Profile:
    """Return the profile without points that say nothing: on a line between, or held, and unchanged."""
    t, p = profile.time, profile.power
    keep = np.ones(t.size, dtype=bool)
    if profile.held:
        keep[1:-1] = np.diff(p[:-1]) != 0.0
    else:
        slope = np.diff(p) / np.diff(t)
        keep[1:-1] = np.abs(np.diff(slope)) > 1e-9 * (np.abs(slope[1:]) + np.abs(slope[:-1]))
    return replace(profile, time=t[keep], power=p[keep])
