"""The neutral of an island: a grounding transformer at the bus, zigzag or star with a delta.

To positive and negative sequence it is open (its magnetising current is left out); to zero
sequence it is a resistance and an inductance, so all three phases carry the same current
into its neutral, by the trapezoidal rule from the mean of the phase voltages. Its contactor
closes while the source is off the bus: a source has a neutral of its own, and two would
share each other's zero sequence. It opens at its current zero.
"""

from __future__ import annotations

from typing import Any, Final

from hil.jit import inlined, part

from . import bus, grid
from .world import NEUTRAL

BASE: Final = NEUTRAL

# Contactor closed; current of each phase into it [A]; i = DECAY i + G (v0 + v0_old), G zero without one.
CLOSED, CURRENT, DECAY, G = range(BASE, BASE + 4)
END: Final = BASE + 4


@part
def admit(w: Any) -> None:
    """Add it to the bus where it is closed: each phase's current hangs on the mean of all three voltages."""
    if w[CLOSED] > 0.0:
        for n in range(9):
            w[bus.Y + n] += w[G] / 3.0


@inlined
def history(w: Any) -> None:
    """Add its history."""
    if w[CLOSED] > 0.0:
        known = w[DECAY] * w[CURRENT] + w[G] * (w[bus.OLD] + w[bus.OLD + 1] + w[bus.OLD + 2]) / 3.0
        w[bus.H] -= known
        w[bus.H + 1] -= known
        w[bus.H + 2] -= known


@inlined
def update(w: Any) -> None:
    """Take the new current, and close or open the contactor."""
    if w[CLOSED] > 0.0:
        old = w[CURRENT]
        total = w[bus.V] + w[bus.V + 1] + w[bus.V + 2] + w[bus.OLD] + w[bus.OLD + 1] + w[bus.OLD + 2]
        w[CURRENT] = w[DECAY] * old + w[G] * total / 3.0
        if w[grid.RELAY] * w[grid.BREAKER] > 0.0 and old * w[CURRENT] <= 0.0:
            w[CLOSED] = w[CURRENT] = 0.0
            w[bus.CHANGED] = 1.0
    elif w[G] > 0.0 and w[grid.RELAY] * w[grid.BREAKER] == 0.0:
        w[CLOSED] = w[bus.CHANGED] = 1.0
