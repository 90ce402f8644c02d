"""What a record holds, sorted for analysis: voltages, currents, and which samples are good."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hil.errors import ConfigError
from hil.waveform import PHASES, find

if TYPE_CHECKING:
    from collections.abc import Sequence

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

    @property
    def line_to_line(self) -> bool:
        """Say whether the voltages are between lines."""
        return any(phase in LINES for phase in self.voltages.phases)

    def seconds(self, index: Any) -> Any:
        """Return the time of an index, which may be fractional, or of an array of them [s]."""
        return self.waveform.start + index / self.waveform.rate


def ac_voltages(channels: Sequence[Channel]) -> tuple[Channel, ...]:
    """Return the voltages to neutral where there are any, else those between lines, else the one plain."""
    found = (find(channels, "voltage", phases) for phases in (PHASES, LINES, ("",)))
    return next((voltages for voltages in found if voltages), ())


def voltages_in(channels: Sequence[Channel], whose: str) -> tuple[Channel, ...]:
    """Return the AC voltages that the analysis goes by.

    Raises `ConfigError` where no channel is an AC or DC voltage: there is nothing to refer to.
    """
    voltages = ac_voltages(channels)
    if not voltages and not find(channels, "voltage", ("dc",)):
        roles = [f"{c.place} {c.quantity or 'unknown'}".strip() for c in channels]
        names = ", ".join(f"{c.name} ({role})" for c, role in zip(channels, roles, strict=True))
        raise ConfigError(
            f"{whose}: no channel is an AC or DC voltage (it has {names}); "
            "name the quantity and the phase of each channel"
        )
    return voltages


def sort(waveform: Waveform) -> Signals:
    """Return the signals of a waveform, which must hold samples; see `voltages_in` for what it raises."""
    voltages = voltages_in(waveform.channels, waveform.source or "waveform")
    currents = waveform.find("current") or waveform.find("current", ("",))
    return Signals(waveform, group(waveform, voltages), group(waveform, currents))
