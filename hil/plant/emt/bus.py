"""The bus where all branches meet, and the tap from which recorders read."""

from __future__ import annotations

from typing import Any

from hil.jit import inlined, part

# Voltages now and a step ago [V]; history current into the bus [A]; conductance matrix, row by row [S], and
# its inverse; whether a switch has moved; whether anything is connected.
V, OLD, H = 0, 3, 6
Y, M = 9, 18
CHANGED, LIVE = 27, 28
# Stray capacitance of cables and filters to ground, with its damping resistance: history voltage [V],
# conductance [S], and step over capacitance [ohm].
VC, GC, KC = 29, 32, 33
# The tap: what can be measured besides V. Currents are positive out of source, PCS and gensets, into load,
# fault and transformer [A]; source voltage [V]; DC link [V, A]; trigger line [V], steps that its pulse lasts.
I_GRID, I_PCS, I_LOAD, I_GENSET, I_FAULT, I_TRANSFORMER, V_SOURCE = range(34, 55, 3)
V_DC, I_DC, TRIGGER, PULSE = 55, 56, 57, 58
# How many sets there are; leakage of cables, voltage dividers and insulation monitor to ground [S].
GENSETS, LEAKAGE, END = 59, 60, 61


@part
def to_ground(w: Any, phase: int, conductance: float) -> None:
    """Add a conductance [S] between a phase and ground."""
    w[Y + 4 * phase] += conductance


@part
def between(w: Any, one: int, other: int, conductance: float) -> None:
    """Add a conductance [S] between two phases."""
    w[Y + 4 * one] += conductance
    w[Y + 4 * other] += conductance
    w[Y + 3 * one + other] -= conductance
    w[Y + 3 * other + one] -= conductance


@part
def clear(w: Any) -> None:
    """Begin the conductance matrix anew, with the strays alone."""
    for n in range(9):
        w[Y + n] = 0.0
    for k in range(3):
        w[Y + 4 * k] = w[GC] + w[LEAKAGE]
    w[LIVE] = 0.0
    w[CHANGED] = 0.0


@part
def invert(w: Any) -> None:
    """Write the inverse of the conductance matrix."""
    a, d, g = w[Y], w[Y + 3], w[Y + 6]
    c, e, h = w[Y + 1], w[Y + 4], w[Y + 7]
    f, i, j = w[Y + 2], w[Y + 5], w[Y + 8]
    one, two, three = e * j - i * h, i * g - d * j, d * h - e * g
    scale = 1.0 / (a * one + c * two + f * three)
    w[M], w[M + 1], w[M + 2] = scale * one, scale * (f * h - c * j), scale * (c * i - f * e)
    w[M + 3], w[M + 4], w[M + 5] = scale * two, scale * (a * j - f * g), scale * (f * d - a * i)
    w[M + 6], w[M + 7], w[M + 8] = scale * three, scale * (c * g - a * h), scale * (a * e - c * d)


@inlined
def history(w: Any) -> None:
    """Begin the step: keep the voltages, and start the sum of histories with the strays' own."""
    g = w[GC]
    x, y, z = w[V], w[V + 1], w[V + 2]
    u, v, q = g * w[VC], g * w[VC + 1], g * w[VC + 2]
    w[OLD], w[OLD + 1], w[OLD + 2] = x, y, z
    w[H], w[H + 1], w[H + 2] = u, v, q


@inlined
def solve(w: Any) -> None:
    """Find the voltages at the end of the step from what all branches have added.

    The strays are R and C in series: with h the step, i = G (v - u), u = v_c + h / 2C i_old
    and G = 1 / (R + h / 2C); so u moves by (h / C) i.
    """
    if w[LIVE] == 0.0:  # nothing is connected: the strays discharge before anyone could measure it
        for k in range(3):
            w[V + k] = w[VC + k] = 0.0
        return
    x, y, z = w[H], w[H + 1], w[H + 2]
    r = w[M] * x + w[M + 1] * y + w[M + 2] * z
    s = w[M + 3] * x + w[M + 4] * y + w[M + 5] * z
    t = w[M + 6] * x + w[M + 7] * y + w[M + 8] * z
    gain = w[KC] * w[GC]
    x, y, z = w[VC], w[VC + 1], w[VC + 2]
    w[V], w[V + 1], w[V + 2] = r, s, t
    w[VC], w[VC + 1], w[VC + 2] = x + gain * (r - x), y + gain * (s - y), z + gain * (t - z)
