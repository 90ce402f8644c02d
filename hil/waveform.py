"""Sampled signals, as one value."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from hil.errors import ConfigError, FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd
    from numpy.typing import NDArray

PHASES = ("a", "b", "c")


@dataclass(frozen=True, slots=True)
class Channel:
    """What one channel holds."""

    name: str
    unit: str
    """SI unit of the samples: "V", "A", "W", or "" for a level."""
    quantity: str
    """"voltage", "current", "power", "trigger" or "other"."""
    phase: str = ""
    """"a", "b", "c", "ab", "bc", "ca", "n", "dc" or "" where it has none."""
    uncertainty: float | None = None
    """Expanded relative uncertainty of a reading (k = 2), or None where it is not known."""
    place: str = ""
    """Measuring point: "grid", "load", or "" for the terminals of the unit under test."""


class Capture(Protocol):
    """Samples to be had piece by piece: a `Waveform`, or a file that may be larger than memory.

    Attributes mean what they mean there; `len(capture)` is the number of samples per channel.
    """

    @property
    def channels(self) -> tuple[Channel, ...]: ...  # noqa: D102 - as in Waveform
    @property
    def rate(self) -> float: ...  # noqa: D102
    @property
    def start(self) -> float: ...  # noqa: D102
    @property
    def triggered(self) -> bool: ...  # noqa: D102
    @property
    def history(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def source(self) -> str: ...  # noqa: D102
    @property
    def stated_frequency(self) -> float | None: ...  # noqa: D102

    def __len__(self) -> int: ...

    def part(self, first: int, last: int) -> Waveform:
        """Return the samples first .. last - 1 (indices, clipped to the record)."""
        ...


def blocks(capture: Capture, length: int) -> Iterator[Waveform]:
    """Yield a capture in consecutive blocks of `length` samples, the last perhaps shorter."""
    for first in range(0, len(capture), length):
        yield capture.part(first, first + length)


def find(
    channels: Sequence[Channel], quantity: str, phases: Sequence[str] = PHASES, *, place: str = ""
) -> tuple[Channel, ...]:
    """Return the first channel of this quantity at a measuring point for each phase, in their order."""
    found: list[Channel] = []
    for phase in phases:
        match = [c for c in channels if (c.quantity, c.phase, c.place) == (quantity, phase, place)]
        found.extend(match[:1])
    return tuple(found)


@dataclass(frozen=True, eq=False)
class Waveform:
    """Channels sampled together at one rate; time zero is the trigger, or the first sample.

    Arrays are read-only; every method returns a new value that shares them.
    """

    samples: NDArray[Any]
    """Shape (channels, n), floating point, in the channels' units."""
    channels: tuple[Channel, ...]
    rate: float
    """Samples per second [Hz]."""
    start: float = 0.0
    """Time of the first sample [s]."""
    triggered: bool = False
    """True where time zero is a recorded trigger, False where it is the first sample."""
    valid: NDArray[np.bool_] | None = None
    """Shape (n,): False where a sample is missing or clipped; None where all are good."""
    history: tuple[str, ...] = ()
    source: str = ""
    """Where the samples came from: a file name, a record's capture."""
    stated_frequency: float | None = None
    """Line frequency that the file states [Hz]; measured values never rely on it."""
    _index: dict[str, int] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        if self.samples.ndim != 2 or self.samples.shape[0] != len(self.channels):
            raise FormatError(
                f"{self.source or 'waveform'}: {len(self.channels)} channels named, "
                f"samples have shape {self.samples.shape}"
            )
        if not 0 < self.rate < np.inf:
            raise FormatError(
                f"{self.source or 'waveform'}: sampling rate {self.rate:g} Hz is not positive and finite"
            )
        if self.valid is not None and self.valid.shape != (self.samples.shape[1],):
            raise FormatError(f"{self.source or 'waveform'}: the validity mask does not match the samples")
        self.samples.setflags(write=False)
        if self.valid is not None:
            self.valid.setflags(write=False)
        self._index.update({c.name: i for i, c in enumerate(self.channels)})
        if len(self._index) != len(self.channels):
            raise FormatError(f"{self.source or 'waveform'}: two channels share a name")

    def __len__(self) -> int:
        """Return the number of samples per channel."""
        return int(self.samples.shape[1])

    def __getitem__(self, name: str) -> NDArray[Any]:
        """Return the samples of one channel, shape (n,)."""
        try:
            return self.samples[self._index[name]]  # type: ignore[no-any-return]
        except KeyError:
            known = ", ".join(self._index)
            whose = self.source or "waveform"
            raise ConfigError(f"{whose} has no channel {name!r}; it has {known}") from None

    @property
    def duration(self) -> float:
        """Length [s]."""
        return len(self) / self.rate

    @property
    def time(self) -> NDArray[np.float64]:
        """Seconds from time zero, one per sample, shape (n,)."""
        return self.start + np.arange(len(self)) / self.rate

    def index(self, time: float) -> int:
        """Return the index of the sample nearest to a time [s], inside the record."""
        return min(max(round((time - self.start) * self.rate), 0), max(len(self) - 1, 0))

    def find(self, quantity: str, phases: Sequence[str] = PHASES, *, place: str = "") -> tuple[Channel, ...]:
        """Return the first channel of this quantity at a measuring point for each phase, in their order.

        Phases that are not recorded are left out; compare lengths to know.
        """
        return find(self.channels, quantity, phases, place=place)

    def select(self, channels: Sequence[Channel]) -> NDArray[Any]:
        """Return the samples of some channels, shape (len(channels), n)."""
        return self.samples[[self._index[c.name] for c in channels]]

    def part(self, first: int, last: int) -> Waveform:
        """Return the samples first .. last - 1 (indices, clipped to the record); a view."""
        first, last = max(first, 0), min(last, len(self))
        return replace(
            self,
            samples=self.samples[:, first : max(first, last)],
            valid=None if self.valid is None else self.valid[first : max(first, last)],
            start=self.start + first / self.rate,
        )

    def to_pandas(self) -> pd.DataFrame:
        """Return a frame with one column per channel, indexed by time [s]."""
        import pandas as pd  # noqa: PLC0415 - half a second that most runs do not need

        return pd.DataFrame(
            self.samples.T,
            index=pd.Index(self.time, name="time [s]"),
            columns=[f"{c.name} [{c.unit}]" if c.unit else c.name for c in self.channels],
        )
