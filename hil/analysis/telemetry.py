"""What a unit says of itself beside what was recorded: the same means, and how late they come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from hil.errors import ConfigError
from hil.waveform import PHASES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from hil.waveform import Waveform

RATE: Final = 1000.0
"""Running sums per second that are aimed at [Hz]."""
LEAST: Final = 10
"""Fewer readings than this show no delay."""
HELD: Final = 8
"""Instants that stand for the time between two renewals."""


@dataclass(frozen=True, eq=False)
class Recorded:
    """What was recorded at the terminals, as running sums: a mean over any span is a difference."""

    time: NDArray[np.float64]
    """Shape (n,) [s]."""
    sums: Mapping[str, NDArray[np.float64]]
    """By quantity, the integral since the first instant; from a missing sample on it is NaN."""

    def mean(self, quantity: str, end: NDArray[np.float64], span: float) -> NDArray[np.float64]:
        """Return the mean over `span` before each end, RMS of voltage and current; NaN off the record."""

        def total(at: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.interp(at, self.time, self.sums[quantity], left=np.nan, right=np.nan)

        found = (total(end) - total(end - span)) / span
        return np.sqrt(np.maximum(found, 0.0)) if quantity in {"voltage", "current"} else found


def recorded(waveform: Waveform) -> Recorded:
    """Return voltage and current of the mean phase, both powers and the frequency at the terminals.

    The reactive power is that of the instantaneous power theory, which is free of ripple where voltages and
    currents are balanced (IEEE 1459-2010, annex B); the frequency is that of the voltages' space vector.
    """
    pair = waveform.find("voltage"), waveform.find("current")
    if [len(channels) for channels in pair] != [len(PHASES)] * 2:
        raise ConfigError(f"{waveform.source}: needs three voltages and three currents at the terminals")
    width = max(1, round(waveform.rate / RATE))
    count = (len(waveform) - 1) // width
    v, i = (waveform.select(channels)[:, : count * width + 1].astype(np.float64) for channels in pair)
    if waveform.valid is not None:
        v[:, ~waveform.valid[: v.shape[1]]] = np.nan
    angle = np.unwrap(np.arctan2(3**0.5 * (v[1] - v[2])[::width], (2 * v[0] - v[1] - v[2])[::width]))
    values = {
        "voltage": (v**2).sum(axis=0) / 3,
        "current": (i**2).sum(axis=0) / 3,
        "active_power": (v * i).sum(axis=0),
        "reactive_power": ((v[1] - v[2]) * i[0] + (v[2] - v[0]) * i[1] + (v[0] - v[1]) * i[2]) / 3**0.5,
    }
    step = width / waveform.rate
    sums = {
        name: np.append(0.0, np.cumsum(each[:-1].reshape(count, width).mean(axis=1) * step))
        for name, each in values.items()
    }
    time = waveform.start + np.arange(count + 1, dtype=np.float64) * step - 0.5 / waveform.rate
    return Recorded(np.asarray(time, np.float64), {**sums, "frequency": angle / (2 * np.pi)})


@dataclass(frozen=True, slots=True)
class Delay:
    """How much later than declared a reported power comes."""

    seconds: float
    uncertainty: float
    """Expanded (k = 2), from the scatter about the best fit where the power moves [s]."""
    correlation: float


def delay(
    of: Recorded,
    time: NDArray[np.float64],
    told: NDArray[np.float64],
    *,
    window: float,
    renewal: float,
    between: tuple[float, float] = (-0.2, 1.0),
) -> Delay | None:
    """Return by how much reported active power lags the recorded one, beyond what is declared of it.

    Declared is a mean over the last `window`, renewed every `renewal` and therefore older by half of that on
    the mean [s]. That mean of the recorded power, shifted in steps of a millisecond, is held against the
    readings, taken at `time`; gain and offset are free, so that an error of the value is none of time. None
    where the power makes no edge, or the best shift lies at the end of those looked at.
    """
    grid = of.time
    ages = (np.arange(HELD) + 0.5) / HELD * renewal
    model = np.mean([of.mean("active_power", grid - age, window) for age in ages], axis=0)
    inside = (time - between[1] - window - renewal > grid[0]) & (time - between[0] < grid[-1])
    usable = inside & np.isfinite(told)
    if usable.sum() < LEAST:
        return None
    x, y = time[usable], told[usable]
    shifts = np.arange(between[0], between[1], 1e-3)
    shifted = np.interp(x[None, :] - shifts[:, None], grid, model)
    shifted -= shifted.mean(axis=1, keepdims=True)
    y = y - y.mean()
    spread = (shifted**2).sum(axis=1) * (y**2).sum()
    if not (np.isfinite(spread).all() and (spread > 0.0).all()):
        return None
    matched = (shifted @ y) / np.sqrt(spread)
    best = int(matched.argmax())
    if not 0 < best < shifts.size - 1:
        return None
    left, top, right = (matched[best - 1 : best + 2]).tolist()
    vertex = 0.5e-3 * (left - right) / (left - 2.0 * top + right)
    gain = shifted[best] @ y / (shifted[best] @ shifted[best])
    slope = gain * (shifted[best - 1] - shifted[best + 1]) / 2e-3  # of what is told, where the power moves
    scatter = slope * (y - gain * shifted[best])
    wide = 2.0 * float(np.sqrt((scatter**2).sum()) / (slope**2).sum())
    return Delay(float(shifts[best] + vertex), wide, float(matched[best]))
