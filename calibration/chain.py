"""The measuring chain of one channel, in both directions."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

from hil.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Line:
    """A sensor whose output is linear in what it measures: volts = gain x value + offset."""

    gain: float
    """Output per unit measured [V/V, V/A ...]."""
    offset: float
    """Output at nothing [V]."""
    unit: str
    """SI unit of what is measured."""

    def __post_init__(self) -> None:
        if not (isfinite(self.gain) and self.gain and isfinite(self.offset)):
            raise ConfigError(
                f"a line with gain {self.gain:g} V/{self.unit} and offset {self.offset:g} V has no inverse"
            )

    def correct(self, volts: NDArray[Any]) -> NDArray[np.float64]:
        """Return what was there [SI] when the input read volts [V]."""
        return (volts - self.offset) / self.gain

    def distort(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Return what the input reads [V] where the true values [SI] are these."""
        return values * self.gain + self.offset
