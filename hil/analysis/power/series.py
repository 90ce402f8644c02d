"""Active power over time at each measuring point: what load buffering and oscillations are told from.

Where a power is recorded, that; else the instantaneous power of three phases, the sum of
u i, which is free of the double line frequency where voltages and currents are balanced.
Both are means over whole numbers of samples, about a millisecond each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.errors import ConfigError
from hil.waveform import PHASES, blocks, find

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from hil.waveform import Capture, Channel

RATE = 1000.0
"""Values per second that are aimed at [Hz]."""
PLACES = ("", "grid", "load")


@dataclass(frozen=True, eq=False)
class PowerSeries:
    """Active powers at one rate."""

    rate: float
    """[Hz]"""
    start: float
    """Middle of the first window [s]."""
    at: Mapping[str, NDArray[np.float32]]
    """By measuring point, in the direction that the channels are wired for; NaN where a sample is
    missing [W]."""

    @property
    def time(self) -> NDArray[np.float64]:
        """Middles of the windows [s]."""
        return self.start + np.arange(len(next(iter(self.at.values()), ()))) / self.rate


def power_series(capture: Capture, needed: tuple[str, ...] = ()) -> PowerSeries:
    """Return the active power at each measuring point that has one.

    Raises `ConfigError` where one that is needed has none.
    """
    width = max(1, round(capture.rate / RATE))
    sources = {place: rows for place in PLACES if (rows := _sources(capture.channels, place))}
    if missing := [place or "terminals" for place in needed if place not in sources]:
        raise ConfigError(
            f"{capture.source or 'waveform'}: no power of the {' and of the '.join(missing)}; "
            "give the recorder three currents of each, with their place, in the bench file"
        )
    parts: dict[str, list[NDArray[np.float32]]] = {place: [] for place in sources}
    if sources:
        for block in blocks(capture, width * max(1, (1 << 17) // width)):
            whole = len(block) // width * width
            for place, rows in sources.items():
                total = np.zeros(whole)
                for pair in rows:
                    product = block[pair[0].name][:whole].astype(float)
                    for other in pair[1:]:
                        product = product * block[other.name][:whole]
                    total += product
                if block.valid is not None:
                    total[~block.valid[:whole]] = np.nan
                with np.errstate(over="ignore"):  # beyond single precision is infinite, and no power
                    parts[place].append(total.reshape(-1, width).mean(axis=1).astype(np.float32))
    joined = {place: np.concatenate(pieces) for place, pieces in parts.items()}
    middle = capture.start + (width - 1) / 2 / capture.rate
    return PowerSeries(capture.rate / width, middle, joined)


def _sources(channels: tuple[Channel, ...], place: str) -> tuple[tuple[Channel, ...], ...]:
    """Return the power channel of a place, or its voltages and currents in pairs, or nothing.

    The terminals of all places share a voltage where only one of them has it recorded.
    """
    total = find(channels, "power", ("",), place=place) or find(channels, "power", PHASES, place=place)
    if total:
        return tuple((channel,) for channel in total) if len(total) in {1, 3} else ()
    currents = find(channels, "current", place=place)
    voltages = find(channels, "voltage", place=place) or find(channels, "voltage")
    if len(currents) == len(voltages) == len(PHASES):
        return tuple(zip(voltages, currents, strict=True))
    return ()
