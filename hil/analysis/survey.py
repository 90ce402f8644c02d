"""What needs no line frequency, in one pass over the samples: good samples, DC voltages, the trigger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hil.analysis.result import Findings, Result, under
from hil.waveform import blocks, find

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hil.waveform import Capture

_BLOCK = 1 << 17
"""Samples looked at in one go: what a fast cache holds of a few channels."""


@dataclass(slots=True)
class _Level:
    """Lowest and highest of a channel so far."""

    low: float = np.inf
    high: float = -np.inf

    def take(self, row: NDArray[Any]) -> None:
        if row.size:
            self.low = min(self.low, float(np.fmin.reduce(row)))
            self.high = max(self.high, float(np.fmax.reduce(row)))


def survey(capture: Capture) -> Findings:
    """Return the share of good samples, the trigger and the extremes of DC voltages."""
    dc = find(capture.channels, "voltage", ("dc",))
    levels = {channel.name: _Level() for channel in dc}
    good = 0
    spoilt = False
    for block in blocks(capture, _BLOCK):
        fine = np.isfinite(block.samples).all(axis=0)
        if block.valid is not None:
            fine &= block.valid
        good += int(np.count_nonzero(fine))
        for channel in dc:
            levels[channel.name].take(block[channel.name])
            spoilt |= not fine.all()
    share = 100 * good / len(capture)
    results = [Result("valid_share", "Good samples", share, "%", method="instants good on every channel")]
    edge = trigger_time(capture)
    method = "rising edge of the trigger channel"
    if edge is None and capture.triggered:
        edge, method = 0.0, "time zero of the record"
    state, wide = ("no trigger", None) if edge is None else ("ok", 1 / capture.rate)
    results.append(Result("trigger", "Trigger", edge, "s", wide, state, method=method))
    for channel in dc:
        level = levels[channel.name]
        for key, title, value in (
            ("dc_voltage_min", "Lowest DC voltage", level.low),
            ("dc_voltage_max", "Highest DC voltage", level.high),
        ):
            wide = None if channel.uncertainty is None else channel.uncertainty * abs(value)
            results.append(Result(key, title, value, "V", wide, valid=not spoilt, method="extreme sample"))
    return Findings(under("Capture", results))


def trigger_time(capture: Capture) -> float | None:
    """Return the first rising edge of the trigger channel, or None where there is none [s].

    The edge is the first sample in the upper half of the channel's span. A level that
    only shakes with its noise has no edge.
    """
    for channel in capture.channels:
        if channel.quantity != "trigger":
            continue
        level, noise = _Level(), [0.0]
        for block in blocks(capture, _BLOCK):
            row = block[channel.name]
            level.take(row)
            steps = np.abs(np.diff(row[np.isfinite(row)].astype(float)))
            noise += [float(np.median(steps))] if steps.size else []
        span = level.high - level.low
        if not span > 20 * 1.4826 * float(np.median(noise[1:] or noise)):
            continue
        before = True  # high from the first sample on is no edge
        for k, block in enumerate(blocks(capture, _BLOCK)):
            high = np.nan_to_num(block[channel.name], nan=level.low) > level.low + span / 2
            rising = np.flatnonzero(high & ~np.concatenate([[before], high[:-1]]))
            if rising.size:
                return float(capture.start + (k * _BLOCK + rising[0]) / capture.rate)
            before = bool(high[-1])
    return None
