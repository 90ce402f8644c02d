"""What a record holds, sorted for analysis: voltages, currents, DC, trigger, and which samples are good."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hil.errors import ConfigError
from hil.waveform import PHASES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hil.waveform import Channel, Waveform

LINES = ("ab", "bc", "ca")


@dataclass(frozen=True, eq=False)
class Group:
    """Channels of one kind: double precision, gaps bridged by straight lines, and where they were."""

    channels: tuple[Channel, ...]
    samples: NDArray[np.float64]
    bad: NDArray[np.bool_] | None
    """Shape (n,): True where any of the channels is missing or clipped; None where all are good."""

    def __len__(self) -> int:
        """Return the number of channels."""
        return len(self.channels)

    @property
    def phases(self) -> tuple[str, ...]:
        """Return the phase of each channel."""
        return tuple(c.phase for c in self.channels)

    def spoilt(self, first: NDArray[Any], last: NDArray[Any]) -> NDArray[np.bool_]:
        """Say for windows of samples first .. last (indices) whether they hold a bad one."""
        if self.bad is None:
            return np.zeros(len(first), bool)
        count = np.concatenate([[0], np.cumsum(self.bad)])
        begin = np.clip(np.floor(first).astype(np.intp), 0, self.bad.size)
        end = np.clip(np.ceil(last).astype(np.intp) + 1, 0, self.bad.size)
        touched: NDArray[np.bool_] = count[end] > count[begin]
        return touched


def group(waveform: Waveform, channels: tuple[Channel, ...]) -> Group:
    """Return these channels of a waveform, with their gaps bridged."""
    samples = (
        np.array(waveform.select(channels), dtype=float, ndmin=2)
        if channels
        else np.empty((0, len(waveform)))
    )
    finite = np.isfinite(samples)
    bad = ~finite.all(axis=0)
    if waveform.valid is not None:
        bad |= ~waveform.valid
    index = np.arange(len(waveform))
    for channel, row, known in zip(channels, samples, finite, strict=True):
        if not known.any():
            raise ConfigError(
                f"{waveform.source or 'waveform'}: channel {channel.name!r} holds not one number; "
                "leave it out of the record"
            )
        if not known.all():
            row[~known] = np.interp(index[~known], index[known], row[known])
    return Group(channels, samples, bad if bad.any() else None)


@dataclass(frozen=True, eq=False)
class Signals:
    """A waveform, sorted."""

    waveform: Waveform
    voltages: Group
    """Phase-to-neutral where recorded, else between lines, else one channel without a phase."""
    currents: Group
    dc_voltages: Group

    @property
    def line_to_line(self) -> bool:
        """Say whether the voltages are between lines."""
        return any(phase in LINES for phase in self.voltages.phases)

    def seconds(self, index: Any) -> Any:
        """Return the time of an index, which may be fractional, or of an array of them [s]."""
        return self.waveform.start + index / self.waveform.rate


def sort(waveform: Waveform) -> Signals:
    """Return the signals of a waveform.

    Raises `ConfigError` where no channel is a voltage: there is nothing to refer to.
    """
    voltages: tuple[Channel, ...] = ()
    for phases in (PHASES, LINES, ("",)):
        voltages = voltages or waveform.find("voltage", phases)
    dc = waveform.find("voltage", ("dc",))
    if not len(waveform):
        raise ConfigError(f"{waveform.source or 'waveform'} holds no samples")
    if not voltages and not dc:
        names = ", ".join(f"{c.name} ({c.quantity or 'unknown'})" for c in waveform.channels)
        raise ConfigError(
            f"{waveform.source or 'waveform'}: no channel is an AC or DC voltage (it has {names}); "
            "name the quantity and the phase of each channel"
        )
    currents = waveform.find("current") or waveform.find("current", ("",))
    return Signals(waveform, group(waveform, voltages), group(waveform, currents), group(waveform, dc))


def trigger_time(waveform: Waveform) -> float | None:
    """Return the first rising edge of the trigger channel, or None where there is none [s].

    The edge is the first sample in the upper half of the channel's span. A level that
    only shakes with its noise has no edge.
    """
    for channel in waveform.channels:
        if channel.quantity == "trigger":
            level = np.nan_to_num(waveform[channel.name].astype(float), nan=np.nanmin(waveform[channel.name]))
            span = np.ptp(level)
            noise = 1.4826 * np.median(np.abs(np.diff(level))) if level.size > 1 else 0.0
            high = level > level.min() + span / 2
            rising = np.flatnonzero(high[1:] & ~high[:-1])
            if span > 20 * noise and rising.size:
                return float(waveform.start + (rising[0] + 1) / waveform.rate)
    return None
