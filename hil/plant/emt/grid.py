"""The grid: a source with per-phase amplitude and angle, harmonics and frequency ramps, behind R and L.

It stands for the programmable AC source with the impedance that it emulates, or for a
line. Its three poles close together and open each at its own current zero.
"""

from __future__ import annotations

import math
from typing import Any, Final

from hil.jit import inlined, part

from . import bus
from .world import GRID

# Current into the bus, voltage at the step's end and at its begin [A, V]; pole closed.
BASE: Final = GRID
I, E, OLD, POLE = range(BASE, BASE + 12, 3)  # noqa: E741 - the field's symbol for a current
# Output relay and breaker to the bus; whether the breaker is wanted closed, and only in step.
RELAY, BREAKER, WANTED, CHECKED = range(BASE + 12, BASE + 16)
# Phasor that turns with the source's frequency, its turn per step, the turn's own change per step, and steps
# that this still lasts; amplitude now and commanded [V], slew rate [V/step].
COS, SIN, TURN_COS, TURN_SIN, RAMP_COS, RAMP_SIN, RAMP_STEPS = range(BASE + 16, BASE + 23)
PEAK, GOAL, SLEW = BASE + 23, BASE + 26, BASE + 29
# Phase displacement of each phase from that phasor: cosine and sine.
SHIFT_COS, SHIFT_SIN = BASE + 30, BASE + 33
# Impedance: trapezoidal rule i = DECAY i + G (e + e_old - v - v_old).
DECAY, G = BASE + 36, BASE + 37
# Harmonics: how many; of each the slots below.
HARMONICS, TABLE = BASE + 38, BASE + 39
MOST: Final = 8
# Order, amplitude as part of PEAK, angle [rad]; phasor now and its turn per step; displacement of each phase.
ORDER, PART, ANGLE, RE, IM, TURN_RE, TURN_IM, PHASE_RE, PHASE_IM = 0, 1, 2, 3, 4, 5, 6, 7, 10
WIDTH: Final = 13
END: Final = TABLE + WIDTH * MOST


@part
def admit(w: Any) -> None:
    """Add the closed poles to the bus."""
    for k in range(3):
        if w[POLE + k] > 0.0:
            bus.to_ground(w, k, w[G])
            w[bus.LIVE] = 1.0


@inlined
def advance(w: Any) -> None:
    """Move the source's voltage to the end of the step; without a load its output discharges at once."""
    cos, sin = w[COS], w[SIN]
    w[COS] = cos * w[TURN_COS] - sin * w[TURN_SIN]
    w[SIN] = sin * w[TURN_COS] + cos * w[TURN_SIN]
    if w[RAMP_STEPS] > 0.0:
        cos, sin = w[TURN_COS], w[TURN_SIN]
        w[TURN_COS] = cos * w[RAMP_COS] - sin * w[RAMP_SIN]
        w[TURN_SIN] = sin * w[RAMP_COS] + cos * w[RAMP_SIN]
        w[RAMP_STEPS] -= 1.0
    if w[RELAY] + w[POLE] + w[POLE + 1] + w[POLE + 2] == 0.0:
        w[PEAK] = w[PEAK + 1] = w[PEAK + 2] = 0.0
    for k in range(3):
        w[OLD + k] = w[E + k]
        if w[PEAK + k] != w[GOAL + k] and w[RELAY] > 0.0:
            w[PEAK + k] += max(-w[SLEW], min(w[SLEW], w[GOAL + k] - w[PEAK + k]))
        w[E + k] = w[PEAK + k] * (w[COS] * w[SHIFT_COS + k] - w[SIN] * w[SHIFT_SIN + k])
    if w[HARMONICS] > 0.0:
        distort(w)


@part
def distort(w: Any) -> None:
    """Turn the harmonics' phasors by a step and add them."""
    for n in range(int(w[HARMONICS])):
        at = TABLE + WIDTH * n
        re, im = w[at + RE], w[at + IM]
        re, im = re * w[at + TURN_RE] - im * w[at + TURN_IM], im * w[at + TURN_RE] + re * w[at + TURN_IM]
        w[at + RE], w[at + IM] = re, im
        for k in range(3):
            w[E + k] += w[PEAK + k] * (re * w[at + PHASE_RE + k] - im * w[at + PHASE_IM + k])


@part
def align(w: Any) -> None:
    """Put the harmonics' phasors where the fundamental's angle wants them, and turn them with it."""
    angle, turn = math.atan2(w[SIN], w[COS]), math.atan2(w[TURN_SIN], w[TURN_COS])
    for n in range(int(w[HARMONICS])):
        at = TABLE + WIDTH * n
        now, further = w[at + ORDER] * angle + w[at + ANGLE], w[at + ORDER] * turn
        w[at + RE], w[at + IM] = w[at + PART] * math.cos(now), w[at + PART] * math.sin(now)
        w[at + TURN_RE], w[at + TURN_IM] = math.cos(further), math.sin(further)


@inlined
def history(w: Any) -> None:
    """Add the history of the closed poles."""
    for k in range(3):
        if w[POLE + k] > 0.0:
            w[bus.H + k] += w[DECAY] * w[I + k] + w[G] * (w[E + k] + w[OLD + k] - w[bus.OLD + k])


@inlined
def update(w: Any) -> None:
    """Take the new currents; poles that have been told to open let go at their current zero."""
    letting_go = w[RELAY] * w[BREAKER] == 0.0
    for k in range(3):
        if w[POLE + k] > 0.0:
            old = w[I + k]
            drive = w[E + k] + w[OLD + k] - w[bus.V + k] - w[bus.OLD + k]
            w[I + k] = w[DECAY] * old + w[G] * drive
            if letting_go and old * w[I + k] <= 0.0:
                w[I + k] = w[POLE + k] = 0.0
                w[bus.CHANGED] = 1.0
        w[bus.I_GRID + k] = w[I + k]
        w[bus.V_SOURCE + k] = w[E + k]


@part
def control(w: Any) -> None:
    """Close the poles where that is commanded, and keep the rotating phasors at length one."""
    if w[RELAY] * w[BREAKER] > 0.0:
        for k in range(3):
            if w[POLE + k] == 0.0:
                w[POLE + k] = w[bus.CHANGED] = 1.0
    for at in (COS, TURN_COS):
        length = 1.5 - 0.5 * (w[at] * w[at] + w[at + 1] * w[at + 1])
        w[at] *= length
        w[at + 1] *= length
    if w[HARMONICS] > 0.0:
        align(w)
