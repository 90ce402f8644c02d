"""What needs no line frequency, in one pass over the samples: good samples, DC voltages, the trigger."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from hil.analysis.result import Findings, Result, under
from hil.waveform import blocks, find

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hil.waveform import Capture, Channel, Waveform

_BLOCK = 1 << 17
"""Samples looked at in one go: what a fast cache holds of a few channels."""


@dataclass(slots=True)
class _Level:
    """Lowest and highest of a channel so far, and how much it shakes from sample to sample."""

    low: float = np.inf
    high: float = -np.inf
    steps: list[float] = field(default_factory=list)

    def take(self, row: NDArray[Any]) -> None:
        row = row[np.isfinite(row)]
        if row.size:
            self.low = min(self.low, float(row.min()))
            self.high = max(self.high, float(row.max()))

    def take_steps(self, row: NDArray[Any]) -> None:
        steps = np.abs(np.diff(row[np.isfinite(row)].astype(float)))
        self.steps += [float(np.median(steps))] if steps.size else []

    @property
    def moves(self) -> bool:
        """Say whether it spans more than its noise."""
        noise = 1.4826 * float(np.median(self.steps)) if self.steps else 0.0
        return self.high - self.low > 20 * noise


def survey(capture: Capture) -> Findings:
    """Return the share of good samples, the trigger and the extremes of DC voltages."""
    dc = find(capture.channels, "voltage", ("dc",))
    triggers = _triggers(capture)
    levels = {channel.name: _Level() for channel in (*dc, *triggers)}
    good = 0
    for block in blocks(capture, _BLOCK):
        good += _good(block)
        for name, level in levels.items():
            level.take(block[name])
        for channel in triggers:
            levels[channel.name].take_steps(block[channel.name])
    share = 100 * good / len(capture)
    results = [Result("valid_share", "Good samples", share, "%", method="instants good on every channel")]
    edge = _first_edge(capture, {channel.name: levels[channel.name] for channel in triggers})
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
            known = isfinite(value)
            wide = channel.uncertainty * abs(value) if known and channel.uncertainty is not None else None
            results.append(
                Result(
                    key,
                    title,
                    value if known else None,
                    "V",
                    wide,
                    "ok" if known else "not determinable",
                    valid=good == len(capture),
                    method="extreme sample",
                )
            )
    return Findings(under("Capture", results))


def _good(block: Waveform) -> int:
    """Return at how many instants all channels are good."""
    with np.errstate(over="ignore", invalid="ignore"):
        whole = bool(np.isfinite(block.samples.sum()))
    if whole and block.valid is None:
        return len(block)
    fine = np.ones(len(block), bool) if whole else np.isfinite(block.samples).all(axis=0)
    return int(np.count_nonzero(fine if block.valid is None else fine & block.valid))


def trigger_time(capture: Capture) -> float | None:
    """Return the first rising edge of the trigger channel, or None where there is none [s].

    The edge is the first sample in the upper half of the channel's span. A level that
    only shakes with its noise has no edge.
    """
    levels = {channel.name: _Level() for channel in _triggers(capture)}
    for block in blocks(capture, _BLOCK) if levels else ():
        for name, level in levels.items():
            level.take(block[name])
            level.take_steps(block[name])
    return _first_edge(capture, levels)


def _triggers(capture: Capture) -> tuple[Channel, ...]:
    return tuple(channel for channel in capture.channels if channel.quantity == "trigger")


def _first_edge(capture: Capture, levels: dict[str, _Level]) -> float | None:
    for name, level in levels.items():
        if not level.moves:
            continue
        middle = level.low + (level.high - level.low) / 2
        before = True  # high from the first sample on is no edge
        for k, block in enumerate(blocks(capture, _BLOCK)):
            high = np.nan_to_num(block[name], nan=level.low) > middle
            rising = np.flatnonzero(high & ~np.concatenate([[before], high[:-1]]))
            if rising.size:
                return float(capture.start + (k * _BLOCK + rising[0]) / capture.rate)
            before = bool(high[-1])
    return None
