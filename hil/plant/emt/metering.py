"""Sums behind what instruments measure: windows of 10 ms, of which ten make a reading."""

from __future__ import annotations

from typing import Any, Final

from hil.jit import part

from . import bus, load
from .sensing import SQRT3
from .world import METERS

# Control periods per window, periods in this one, position in the ring of windows, windows that are over.
BASE: Final = METERS
TICKS, COUNT, WINDOW, DONE = range(BASE, BASE + 4)
# Sums of this window: squares of source voltage, bus voltage, current of source, PCS and electronic load;
# powers of the source by phase; active and reactive power of PCS and that load; DC link voltage and current.
SUMS: Final = BASE + 4
SOURCE_V, BUS_V, SOURCE_I, PCS_I, LOAD_I, SOURCE_P = range(0, 18, 3)
PCS_P, PCS_Q, LOAD_P, LOAD_Q, DC_V, DC_I = range(18, 24)
WIDTH: Final = 24
RING: Final = SUMS + WIDTH
WINDOWS: Final = 10
END: Final = RING + WINDOWS * WIDTH


@part
def reactive(w: Any, at: int) -> float:
    """Return the reactive power of three currents on the bus [var], from line-to-line voltages."""
    bc, ca, ab = w[bus.V + 1] - w[bus.V + 2], w[bus.V + 2] - w[bus.V], w[bus.V] - w[bus.V + 1]
    total: float = (bc * w[at] + ca * w[at + 1] + ab * w[at + 2]) / SQRT3
    return total


@part
def accumulate(w: Any) -> None:
    """Add the instant to the sums, and close the window where it is full."""
    for k in range(3):
        v, e = w[bus.V + k], w[bus.V_SOURCE + k]
        drawn = w[bus.I_LOAD + k] - w[load.CURRENT + k]
        w[SUMS + SOURCE_V + k] += e * e
        w[SUMS + BUS_V + k] += v * v
        w[SUMS + SOURCE_I + k] += w[bus.I_GRID + k] * w[bus.I_GRID + k]
        w[SUMS + PCS_I + k] += w[bus.I_PCS + k] * w[bus.I_PCS + k]
        w[SUMS + LOAD_I + k] += drawn * drawn
        w[SUMS + SOURCE_P + k] += e * w[bus.I_GRID + k]
        w[SUMS + PCS_P] += v * w[bus.I_PCS + k]
        w[SUMS + LOAD_P] += v * drawn
    w[SUMS + PCS_Q] += reactive(w, bus.I_PCS)
    w[SUMS + LOAD_Q] += reactive(w, bus.I_LOAD) - reactive(w, load.CURRENT)
    w[SUMS + DC_V] += w[bus.V_DC]
    w[SUMS + DC_I] += w[bus.I_DC]
    w[COUNT] += 1.0
    if w[COUNT] >= w[TICKS]:
        at = RING + WIDTH * int(w[WINDOW])
        for k in range(WIDTH):
            w[at + k] = w[SUMS + k] / w[COUNT]
            w[SUMS + k] = 0.0
        w[COUNT] = 0.0
        w[WINDOW] = 0.0 if w[WINDOW] == WINDOWS - 1 else w[WINDOW] + 1.0
        w[DONE] += 1.0
