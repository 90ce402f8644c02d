"""The loop of the plant in phasors: steps, and within them sub-steps of angles and speeds."""

from __future__ import annotations

import math
from typing import Any, Final

from hil.jit import compiled, flat, part

from .emt import genset, missions, storage
from .missions import NAMES
from .phasor_bus import (
    A_GRID,
    B_GRID,
    B_LOAD,
    CONNECTED,
    DT,
    E_GRID,
    ENERGY,
    EVERY,
    FORMING,
    G_GRID,
    G_LOAD,
    HEAT,
    I_IM,
    I_RE,
    K_PLL,
    LIMITED,
    MANAGED,
    P_CONST,
    P_GIVE,
    P_GRID,
    P_LOAD,
    P_ONE,
    P_PCS,
    P_RAMP,
    P_REF,
    P_SET,
    P_SETS,
    P_TAKE,
    PARTS,
    Q_CONST,
    Q_GRID,
    Q_LOAD,
    Q_ONE,
    Q_PCS,
    Q_REF,
    Q_SET,
    Q_SETS,
    S_BASE,
    SLOTS,
    STEPS,
    THERE,
    V_BASE,
    V_IM,
    V_RE,
    W0,
    W_BUS,
    W_GRID,
    W_IM,
    W_PLL,
    W_RE,
    B,
    G,
    H,
    V,
    connect,
    deliver,
    wrapped,
)
from .phasor_forming import form, supply
from .phasor_unit import draw, follow, inject, synchronise, transfer

# The record's row: sums of what the slots below hold, then of the battery's power, voltage and current and of
# the PCS's temperature, shares, state of charge, flags.
SUMS: Final = SLOTS
SUMMED: Final = (W_BUS, V, P_GRID, Q_GRID, P_PCS, Q_PCS, P_LOAD, Q_LOAD, P_SETS, Q_SETS)
MEANS: Final = len(SUMMED)
SHARES: Final = len(NAMES)
DC: Final = 4
COLUMNS: Final = MEANS + DC + SHARES + 2
SIZE: Final = SUMS + COLUMNS
# What the profiles set; each has four numbers in `plan`: first value, count, step [s], kind.
TARGETS: Final = (P_CONST, Q_CONST, E_GRID, W_GRID, THERE, P_SET, Q_SET)
LINEAR, REPEATED = 1, 2
GOING_ON, COLLAPSED, DEAD = range(3)
AT_LIMIT, BATTERY, CURTAILED = 1, 2, 4


@part
def look_up(x: Any, plan: Any, values: Any) -> None:
    """Set what the profiles say in the middle of this step: of a line that is its mean."""
    time = (x[STEPS] - 0.5) * x[DT]
    for n in range(len(TARGETS)):
        first, count, kind = int(plan[4 * n]), int(plan[4 * n + 1]), int(plan[4 * n + 3])
        place = time / plan[4 * n + 2]
        at = int(place)
        rest = place - at
        if kind >= REPEATED:
            at %= count
            following = (at + 1) % count
        else:
            at = min(at, count - 1)
            following = min(at + 1, count - 1)
        value = values[first + at]
        if kind % 2 == LINEAR:
            value += rest * (values[first + following] - value)
        x[TARGETS[n]] = value


@part
def generate(x: Any, sets: Any, count: int) -> None:
    """Move the gensets by a sub-step and add those on the bus; their phasors turn in the bus's frame."""
    for o in range(0, count * genset.SIZE, genset.SIZE):
        genset.regulate(sets, o)
        for k in range(3):
            sets[o + genset.POLE + k] = sets[o + genset.HOLD]
        turn = x[H] * x[W0] * (sets[o + genset.W] - 1.0)
        cos, sin = math.cos(turn), math.sin(turn)
        re, im = sets[o + genset.COS], sets[o + genset.SIN]
        re, im = re * cos - im * sin, im * cos + re * sin
        sets[o + genset.COS], sets[o + genset.SIN] = re, im
        if sets[o + genset.HOLD] > 0.0:
            e, g, b = sets[o + genset.PEAK], sets[o + genset.G], sets[o + genset.DECAY]
            connect(x, e * re, e * im, sets[o + genset.W], g, b)


@part
def read(x: Any, sets: Any, count: int) -> None:
    """Write what each genset's `measure` would, and the sum of their powers."""
    x[P_SETS] = x[Q_SETS] = 0.0
    for o in range(0, count * genset.SIZE, genset.SIZE):
        cos, sin, e = sets[o + genset.COS], sets[o + genset.SIN], sets[o + genset.PEAK]
        on, g, b = sets[o + genset.HOLD], sets[o + genset.G], sets[o + genset.DECAY]
        d_re, d_im = on * (e * cos - x[V_RE]), on * (e * sin - x[V_IM])
        i_re, i_im = g * d_re - b * d_im, g * d_im + b * d_re
        deliver(x, P_ONE, i_re, i_im)
        x[P_SETS] += x[P_ONE]
        x[Q_SETS] += x[Q_ONE]
        sets[o + genset.ACTIVE], sets[o + genset.REACTIVE] = x[P_ONE], x[Q_ONE]
        sets[o + genset.PE] = 1.5 * e * (cos * i_re + sin * i_im) * sets[o + genset.PER_W]
        sets[o + genset.PT] = x[P_ONE] * sets[o + genset.PER_W]
        sets[o + genset.QT] = x[Q_ONE] * sets[o + genset.PER_VA]
        sets[o + genset.VT] = (x[V] * x[V_BASE] if on > 0.0 else e) * sets[o + genset.PER_V]
        sets[o + genset.SLIP] = on * (sets[o + genset.W] - x[W_BUS])
        sets[o + genset.ID] = (i_re * sin - i_im * cos) * sets[o + genset.PER_A]
        square = (i_re * i_re + i_im * i_im) * sets[o + genset.PER_A] * sets[o + genset.PER_A]
        for k in range(3):
            at = o + genset.SQUARE + k
            sets[at] += sets[o + genset.K_VOLT] * (square - sets[at])


@part
def settle(x: Any, sets: Any, count: int) -> int:
    """Move angles and speeds by a sub-step and find the bus voltage that goes with them."""
    x[A_GRID] = wrapped(x[A_GRID] + x[H] * x[W0] * (x[W_GRID] - 1.0))
    synchronise(x)
    transfer(x)
    x[G], x[B], x[I_RE], x[I_IM], x[W_RE], x[W_IM] = x[G_LOAD], x[B_LOAD], 0.0, 0.0, 0.0, 0.0
    e_re = e_im = 0.0
    if x[CONNECTED] > 0.0:
        e = x[E_GRID] * x[V_BASE]
        e_re, e_im = e * math.cos(x[A_GRID]), e * math.sin(x[A_GRID])
        connect(x, e_re, e_im, x[W_GRID], x[G_GRID], x[B_GRID])
    generate(x, sets, count)
    if x[FORMING] > 0.0:
        solved = supply(x, form(x))
    else:
        follow(x)
        if x[I_RE] == 0.0 and x[I_IM] == 0.0:
            return DEAD
        solved = inject(x)
    if not solved:
        return COLLAPSED
    square = x[I_RE] * x[I_RE] + x[I_IM] * x[I_IM]
    x[W_BUS] = (x[W_RE] * x[I_RE] + x[W_IM] * x[I_IM]) / square
    x[W_PLL] += x[K_PLL] * (x[W_BUS] - x[W_PLL])
    if x[CONNECTED] > 0.0:
        d_re, d_im = e_re - x[V_RE], e_im - x[V_IM]
        deliver(x, P_GRID, x[G_GRID] * d_re - x[B_GRID] * d_im, x[G_GRID] * d_im + x[B_GRID] * d_re)
    read(x, sets, count)
    v = 1.5 * (x[V_RE] * x[V_RE] + x[V_IM] * x[V_IM])
    x[P_LOAD], x[Q_LOAD] = x[P_CONST] + x[G_LOAD] * v, x[Q_CONST] - x[B_LOAD] * v
    draw(x)
    return GOING_ON


@part
def bound(x: Any, s: Any) -> None:
    """Find what the battery lets the PCS give and take in this step, as `storage.slow` will have it."""
    storage.control(s, 0.0)
    k = s[storage.TAU] / x[DT] * (1.0 - math.exp(-x[DT] / s[storage.TAU]))
    e, r = s[storage.E] - k * s[storage.V_RC], s[storage.R0] + (1.0 - k) * s[storage.R1]
    high, low = min(s[storage.HIGH], 0.5 * e / r), s[storage.LOW]
    x[P_GIVE] = (e - r * high) * high * s[storage.ETA] / x[S_BASE] - x[HEAT]
    x[P_TAKE] = (e - r * low) * low * s[storage.PER_ETA] / x[S_BASE] - x[HEAT]


@compiled
def advance(
    state: Any,
    plan: Any,
    values: Any,
    gensets: Any,
    mission: Any,
    battery: Any,
    out: Any,
    steps: int,
    _stamp: Any,
) -> int:
    """Advance by a number of steps, fill rows of `out`, and say whether it can go on."""
    row, width = 0, len(state) - SUMS
    x, sets, m, s, count = flat(state), flat(gensets), flat(mission), flat(battery), width - COLUMNS
    for _ in range(steps):
        x[STEPS] += 1.0
        look_up(x, plan, values)
        x[P_REF], x[Q_REF] = x[P_SET], x[Q_SET]
        if x[MANAGED] > 0.0:
            load = (x[P_CONST] + 1.5 * x[G_LOAD] * (x[V_RE] * x[V_RE] + x[V_IM] * x[V_IM])) / x[S_BASE]
            missions.control(m, x[DT], x[W_PLL], x[V], s[storage.SOC], load, x[P_SET], x[Q_SET])
            if x[FORMING] == 0.0 or x[CONNECTED] > 0.0:
                x[P_REF], x[Q_REF] = m[missions.P_REF], m[missions.Q_REF]
        bound(x, s)
        x[ENERGY] = 0.0
        for _ in range(int(x[PARTS])):
            going = settle(x, sets, count)
            if going != GOING_ON:
                return int(going)
            for n in range(MEANS):
                x[SUMS + n] += x[SUMMED[n]]
        storage.slow(s, x[ENERGY] / x[DT], x[DT])
        x[SUMS + MEANS] += x[PARTS] * s[storage.V_DC] * s[storage.I_DC]
        x[SUMS + MEANS + 1] += x[PARTS] * s[storage.V_DC]
        x[SUMS + MEANS + 2] += x[PARTS] * s[storage.I_DC]
        x[SUMS + MEANS + 3] += x[PARTS] * s[storage.T_PCS]
        for n in range(SHARES):
            x[SUMS + MEANS + DC + n] += x[PARTS] * m[missions.GOT + n]
        x[SUMS + COLUMNS - 2] = s[storage.SOC]
        flags = int(x[SUMS + COLUMNS - 1])
        if x[LIMITED] > 0.0:
            flags |= AT_LIMIT
        if s[storage.LIMIT] != storage.FREE or x[P_RAMP] == x[P_GIVE] or x[P_RAMP] == x[P_TAKE]:
            flags |= BATTERY
        for n in range(SHARES):
            if m[missions.LIMIT + n] != missions.FREE:
                flags |= CURTAILED << n
        x[SUMS + COLUMNS - 1] = flags
        for n in range(count):
            x[SUMS + COLUMNS + n] += x[PARTS] * sets[n * genset.SIZE + genset.ACTIVE]
        if x[STEPS] % x[EVERY] == 0.0:
            for n in range(width):
                held = n == COLUMNS - 2 or n == COLUMNS - 1
                out[row + n] = x[SUMS + n] if held else x[SUMS + n] / (x[EVERY] * x[PARTS])
                x[SUMS + n] = 0.0
            row += width
    return GOING_ON
