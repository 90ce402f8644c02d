"""Faults at the bus: six resistive legs, three to ground and three between phases.

All close together at the command; once it is withdrawn each clears at its own current zero.
"""

from __future__ import annotations

from typing import Any, Final

from hil.jit import inlined, part

from . import bus
from .world import FAULT

BASE: Final = FAULT

# Legs a-g, b-g, c-g, a-b, b-c, c-a: closed, conductance [S] (zero where this fault has none), current [A].
CLOSED, CONDUCTANCE, CURRENT, COMMAND = BASE + 0, BASE + 6, BASE + 12, BASE + 18
END: Final = BASE + 19


@part
def admit(w: Any) -> None:
    """Add the closed legs to the bus."""
    for k in range(3):
        if w[CLOSED + k] > 0.0:
            bus.to_ground(w, k, w[CONDUCTANCE + k])
        if w[CLOSED + 3 + k] > 0.0:
            bus.between(w, k, (k + 1) % 3, w[CONDUCTANCE + 3 + k])


@inlined
def update(w: Any) -> None:
    """Take the new currents; legs that have been told to clear do so at their current zero."""
    for n in range(6):
        if w[CLOSED + n] > 0.0:
            volts = w[bus.V + n % 3] - (w[bus.V + (n + 1) % 3] if n > 2 else 0.0)
            old = w[CURRENT + n]
            w[CURRENT + n] = w[CONDUCTANCE + n] * volts
            if w[COMMAND] == 0.0 and old * w[CURRENT + n] <= 0.0:
                w[CLOSED + n] = w[CURRENT + n] = 0.0
                w[bus.CHANGED] = 1.0
    for k in range(3):
        w[bus.I_FAULT + k] = w[CURRENT + k] + w[CURRENT + 3 + k] - w[CURRENT + 3 + (k + 2) % 3]


@part
def control(w: Any) -> None:
    """Close the legs that this fault has, where that is commanded."""
    if w[COMMAND] > 0.0:
        for n in range(6):
            if w[CONDUCTANCE + n] > 0.0 and w[CLOSED + n] == 0.0:
                w[CLOSED + n] = w[bus.CHANGED] = 1.0
