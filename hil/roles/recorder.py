"""The sampler of waveforms."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from hil.roles.instrument import Instrument

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Input:
    """One analog input of a recorder."""

    name: str
    """Channel name in the capture."""
    terminal: str
    """Physical input, such as "ai0"."""
    range: float
    """Full scale, both polarities [V]."""


class Recorder(Instrument):
    """A sampler of waveforms, all inputs on one sample clock, trigger line included."""

    ROLE = "recorder"
    ENERGISES = False
    QUANTITIES: ClassVar[Mapping[str, str]] = {"rate": "Hz"}

    def configure(self, inputs: Sequence[Input], rate: float) -> float:
        """Set up a continuous acquisition and return the rate that the hardware took [Hz]."""
        return self._do_configure(tuple(inputs), self._check("rate", rate))

    @abstractmethod
    def start(self) -> None:
        """Start sampling."""

    @abstractmethod
    def read(self) -> NDArray[np.float64]:
        """Return every sample that waits, shape (inputs, n), as volts at the inputs [V].

        Raises `InstrumentError` where samples were lost.
        """

    @abstractmethod
    def stop(self) -> tuple[NDArray[np.float64], int]:
        """Stop sampling; return the samples that still waited, and how many were acquired in all.

        Samples of shape (inputs, n), volts at the inputs [V]. A caller who has stored fewer
        than were acquired per input has an incomplete capture.
        """

    @abstractmethod
    def _do_configure(self, inputs: tuple[Input, ...], rate: float) -> float: ...
