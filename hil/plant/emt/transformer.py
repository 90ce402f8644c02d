"""The transformer: three single-phase units in delta on the bus, with cores that saturate.

A unit is its winding resistance and leakage inductance in series with its core, where the
magnetising current follows the flux along two slopes, beside a resistance for core loss and
secondary load. Within a slope that is a linear system of two states, current and flux, and
it is stepped exactly for a voltage that is linear within the step: core loss and leakage make
a time constant of a microsecond, on which the trapezoidal rule would ring. The bus sees a
conductance between two phases, which changes as the flux passes the knee.

The breaker is in the units' own leads, inside the delta: each opens at its own current zero
and keeps its flux, as a core does.
"""

from __future__ import annotations

from typing import Any, Final

from hil.jit import inlined, part

from . import bus
from .world import TRANSFORMER

BASE: Final = TRANSFORMER

# Per unit a-b, b-c, c-a: closed, current [A], flux linkage [Wb], slope (0 within the knee, +1 and -1 beyond).
CLOSED, CURRENT, FLUX, SLOPE = BASE + 0, BASE + 3, BASE + 6, BASE + 9
# Command; knee [Wb]; flux at which the saturated slope, drawn on, has no current [Wb].
BREAKER, KNEE, ORIGIN = BASE + 12, BASE + 13, BASE + 14
# Per unit two sets of coefficients, within and beyond the knee. From current, flux, old voltage and new
# voltage: of the new current, then of the new flux.
TABLE: Final = BASE + 15
SET: Final = 8
END: Final = TABLE + 3 * 2 * SET


@inlined
def coefficients(w: Any, k: int) -> int:
    """Return where the coefficients of this unit and its present slope begin."""
    return TABLE + SET * (2 * k + (1 if w[SLOPE + k] != 0.0 else 0))


@part
def admit(w: Any) -> None:
    """Add the closed units to the bus."""
    for k in range(3):
        if w[CLOSED + k] > 0.0:
            bus.between(w, k, (k + 1) % 3, w[coefficients(w, k) + 3])
            w[bus.LIVE] = 1.0


@inlined
def history(w: Any) -> None:
    """Add the history of the closed units."""
    for k in range(3):
        if w[CLOSED + k] > 0.0:
            at, nxt = coefficients(w, k), (k + 1) % 3
            flux = w[FLUX + k] - w[SLOPE + k] * w[ORIGIN]
            known = (
                w[at] * w[CURRENT + k] + w[at + 1] * flux + w[at + 2] * (w[bus.OLD + k] - w[bus.OLD + nxt])
            )
            w[bus.H + k] -= known
            w[bus.H + nxt] += known


@inlined
def update(w: Any) -> None:
    """Take the new currents and fluxes; units that have been told to open do so at their current zero."""
    for k in range(3):
        if w[CLOSED + k] > 0.0:
            at, nxt = coefficients(w, k), (k + 1) % 3
            origin = w[SLOPE + k] * w[ORIGIN]
            current, flux = w[CURRENT + k], w[FLUX + k] - origin
            old, new = w[bus.OLD + k] - w[bus.OLD + nxt], w[bus.V + k] - w[bus.V + nxt]
            w[CURRENT + k] = w[at] * current + w[at + 1] * flux + w[at + 2] * old + w[at + 3] * new
            moved = w[at + 4] * current + w[at + 5] * flux + w[at + 6] * old + w[at + 7] * new
            w[FLUX + k] = moved + origin
            # The slope of the coming step is that on which it will end, if the flux goes on as it went.
            choose(w, k, w[FLUX + k] + (moved - flux))
            if w[BREAKER] == 0.0 and current * w[CURRENT + k] <= 0.0:
                w[CLOSED + k] = w[CURRENT + k] = 0.0
                w[bus.CHANGED] = 1.0
    for k in range(3):
        w[bus.I_TRANSFORMER + k] = w[CURRENT + k] - w[CURRENT + (k + 2) % 3]


@part
def choose(w: Any, k: int, flux: float) -> None:
    """Take the slope that belongs to a flux [Wb]."""
    slope = 0.0
    if abs(flux) > w[KNEE]:
        slope = 1.0 if flux > 0.0 else -1.0
    if slope != w[SLOPE + k]:
        w[SLOPE + k] = slope
        w[bus.CHANGED] = 1.0


@part
def control(w: Any) -> None:
    """Close the units where that is commanded, on the slope of the flux that was left in them."""
    if w[BREAKER] > 0.0:
        for k in range(3):
            if w[CLOSED + k] == 0.0:
                w[CLOSED + k] = w[bus.CHANGED] = 1.0
                choose(w, k, w[FLUX + k])
