"""A capture whose samples stay where they are until a part of it is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from hil.capture.clipping import PIECE, at_rails, rails
from hil.waveform import Channel, Waveform

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class LazyCapture:
    """Channels in a file; `load` reads a piece of them. Implements `hil.waveform.Capture`."""

    channels: tuple[Channel, ...]
    rate: float
    """[Hz]"""
    samples: int
    """Samples per channel."""
    load: Callable[[int, int], NDArray[Any]]
    """Return the samples first .. last - 1 in the channels' units, shape (channels, last - first);
    one that is missing is NaN. The array is the caller's to keep."""
    start: float = 0.0
    """[s]"""
    triggered: bool = False
    history: tuple[str, ...] = ()
    source: str = ""
    stated_frequency: float | None = None
    """[Hz]"""
    good: Callable[[int, int], NDArray[np.bool_]] | None = None
    """Return where the file itself says that the samples first .. last - 1 are valid; then nothing
    is guessed about clipping."""

    def __len__(self) -> int:
        """Return the number of samples per channel."""
        return self.samples

    def part(self, first: int, last: int) -> Waveform:
        """Return the samples first .. last - 1 (indices, clipped to the record)."""
        first = max(first, 0)
        last = max(first, min(last, self.samples))
        samples = self.load(first, last) if last > first else np.empty((len(self.channels), 0))
        good = np.asarray(np.isfinite(samples).all(axis=0))
        note: tuple[str, ...] = ()
        if self.good is not None:
            good &= self.good(first, last)
        else:
            note = self._clipped
            if note:
                good &= ~at_rails(samples, self._rails)
        return Waveform(
            samples=samples,
            channels=self.channels,
            rate=self.rate,
            start=self.start + first / self.rate,
            triggered=self.triggered,
            valid=None if good.all() else good,
            history=(*self.history, *note),
            source=self.source,
            stated_frequency=self.stated_frequency,
        )

    @cached_property
    def _rails(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Where channels are clipped, which takes one look at every sample of the capture."""
        n = self.samples
        pieces = (self.load(first, min(first + PIECE, n)) for first in range(0, n, PIECE))
        return rails(pieces, self.channels)

    @cached_property
    def _clipped(self) -> tuple[str, ...]:
        low, high = self._rails
        found = [
            f"{channel.name} at {' and '.join(f'{value:.6g}' for value in values if value == value)}"  # noqa: PLR0124 - not NaN
            f" {channel.unit}".rstrip()
            for channel, *values in zip(self.channels, low, high, strict=True)
            if not np.isnan(values).all()
        ]
        return (f"clipped, and marked there: {', '.join(found)}",) if found else ()
