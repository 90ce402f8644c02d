"""The grounding transformer that gives an island its neutral, in engineering terms."""

from __future__ import annotations

from dataclasses import dataclass
from math import pi
from typing import TYPE_CHECKING

import numpy as np

from .refusal import check

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Grounding:
    """Impedance to zero sequence, of each phase; per unit is on the plant's rating and voltage."""

    resistance: float = 0.015
    """To zero sequence, of one phase [pu]; X / R of 3 to 4 is usual in dry-type transformers of this size
    [M]. An impedance in the neutral counts three times."""
    reactance: float = 0.05
    """To zero sequence, of one phase [pu]; leakage of a zigzag or delta-star transformer, 0.04 to 0.06
    [M]."""

    def __post_init__(self) -> None:
        check(self, "plant.grounding", above_zero={"resistance", "reactance"})


def grounding_array(
    q: Grounding | None, impedance: float, frequency: float, step: float
) -> NDArray[np.float64]:
    """Return its array for a base impedance [ohm], frequency [Hz] and step [s]; contactor open."""
    from .emt import neutral  # noqa: PLC0415 - numba is slow to import

    w = np.zeros(neutral.END)
    if q is not None:
        ohms, inertia = q.resistance * impedance, q.reactance * impedance / (pi * frequency * step)
        w[neutral.DECAY], w[neutral.G] = (inertia - ohms) / (inertia + ohms), 1 / (inertia + ohms)
    return w
