"""The PCS of the plant in phasors: what is left of `emt.following` beyond a cycle, and its change of control.

Lags are exact for a line, so that no step is too long for them.
"""

from __future__ import annotations

import math
from typing import Any

from hil.jit import part

from .emt.following import BREAKPOINT, ZERO_CROSSING
from .emt.unit import FIRST_P, FIRST_Q
from .phasor_bus import (
    A_GRID,
    ANGLE,
    B_FILTER,
    B_PCS,
    BAND,
    CEASE,
    CONNECTED,
    E_GRID,
    EMF,
    ENERGY,
    FADE,
    FAULT_PRIORITY,
    FORMING,
    G_PCS,
    GAIN,
    HEAT,
    ID_MAX,
    IN_STEP,
    ISLAND,
    K_STEER,
    KIND,
    LIMIT,
    LIMITED,
    LINE,
    P_CONST,
    P_FIL,
    P_GIVE,
    P_GRID,
    P_HIGH,
    P_LAG,
    P_LOW,
    P_PCS,
    P_RAMP,
    P_REF,
    P_TAKE,
    PRIORITY,
    Q_CONST,
    Q_FIL,
    Q_GRID,
    Q_LAG,
    Q_OVER,
    Q_PCS,
    Q_RAMP,
    Q_REF,
    R_DAMPING,
    R_FILTER,
    RAMP_P,
    RAMP_Q,
    RECOVERY,
    RISE,
    S_BASE,
    SHIFT,
    SLIP,
    SPEED,
    STEERED,
    SUPPORT,
    SYNC_TIME,
    TAKEN_D,
    TAKEN_Q,
    THERE,
    TURN,
    V_BASE,
    V_FIL,
    V_IM,
    V_RE,
    W0,
    W_BUS,
    W_GRID,
    W_PLL,
    WITHHELD,
    X_GRID_SIDE,
    H,
    V,
    solve,
    wrapped,
)


@part
def prioritised(first: float, most: float, along: float, across: float) -> Any:
    """Return a current within the limit [pu]: its active or reactive part first, or its direction kept."""
    size = math.sqrt(along * along + across * across)
    if size <= most:
        return along, across
    if first == FIRST_P:
        along = max(-most, min(most, along))
        room = math.sqrt(most * most - along * along)
        return along, max(-room, min(room, across))
    if first == FIRST_Q:
        across = max(-most, min(most, across))
        room = math.sqrt(most * most - across * across)
        return max(-room, min(room, along)), across
    return along * most / size, across * most / size


@part
def limit(x: Any, v: float) -> None:
    """Write the powers that the following PCS gives at a voltage [pu]: `emt.following`, settled."""
    most, first = x[LIMIT], x[PRIORITY]
    d, q = x[P_LAG] / v, x[Q_LAG] / v
    d = max(-x[ID_MAX], min(x[ID_MAX], d))
    if abs(v - 1.0) > x[BAND]:
        first = x[FAULT_PRIORITY]
        q = x[Q_LAG] + x[SUPPORT] * (1.0 - x[BAND] - v if v < 1.0 else 1.0 + x[BAND] - v)
        if first != FIRST_P:
            room = most * max(0.0, min(1.0, (v - ZERO_CROSSING) / (BREAKPOINT - ZERO_CROSSING)))
            d = max(-room, min(room, d))
    x[LIMITED] = 1.0 if d * d + q * q > most * most else 0.0
    d, q = prioritised(first, most, d, q)
    if v < x[CEASE]:
        d = q = 0.0
    x[P_PCS], x[Q_PCS] = d * v, q * v


@part
def inject(x: Any) -> bool:
    """Solve with what the following PCS gives at the voltage that this makes."""
    low, high = 0.0, 2.0
    v = max(x[V], 0.01)
    for n in range(60):
        limit(x, v)
        p, q = x[P_PCS], x[Q_PCS]
        solved = solve(x, x[S_BASE] * p - x[P_CONST], x[S_BASE] * q - x[Q_CONST])
        if n == 0 and solved:  # away from its limits the powers are constant, and this is the solution
            limit(x, x[V])
            if abs(x[P_PCS] - p) + abs(x[Q_PCS] - q) < 1e-12:
                return True
        # at its limits they fall with the voltage: the two meet where a guess above the voltage that it
        # makes turns into one below
        if n > 0 and solved and x[V] > v:
            low = v
        elif n > 0:
            high = v
        v = 0.5 * (low + high)
    x[P_PCS], x[Q_PCS] = p, q
    return bool(solved)


@part
def within(x: Any, power: float) -> float:
    """Return a power [pu] within what the battery gives and takes."""
    bounded: float = max(x[P_TAKE], min(x[P_GIVE], power))
    return bounded


@part
def follow(x: Any) -> None:
    """Move the following PCS's powers: ramp, then the lag of its current control, exact in a line."""
    p, q = x[P_RAMP], x[Q_RAMP]
    most = x[RAMP_P] * x[H]
    x[P_RAMP] = within(x, p + max(-most, min(most, x[P_REF] - p)))
    most = x[RAMP_Q] * x[H]
    x[Q_RAMP] = q + max(-most, min(most, x[Q_REF] - q))
    behind = x[LINE] * (x[P_RAMP] - p) + x[FADE] * (p - x[P_LAG])
    x[P_LAG] = within(x, x[P_RAMP] - behind)
    x[Q_LAG] = x[Q_RAMP] - x[LINE] * (x[Q_RAMP] - q) - x[FADE] * (q - x[Q_LAG])
    if abs(x[V] - 1.0) > x[BAND]:  # what it could still carry, from where it returns at the recovery ramp
        x[ID_MAX] = abs(x[P_PCS]) / x[V]
    x[ID_MAX] = min(x[LIMIT], x[ID_MAX] + x[RECOVERY] * x[H])


@part
def synchronise(x: Any) -> None:
    """Open and close the grid's breaker: in step only, to where a forming PCS steers as in `emt.forming`."""
    if x[THERE] < 0.5:
        x[CONNECTED] = x[P_GRID] = x[Q_GRID] = 0.0
    if x[THERE] < 0.5 or x[CONNECTED] > 0.0:
        x[IN_STEP] = 0.0
        x[STEERED] *= 1.0 - x[K_STEER]
        return
    apart = wrapped(math.atan2(x[V_IM], x[V_RE]) - x[A_GRID])
    slip = x[W0] * (x[W_BUS] - x[W_GRID])
    pull = -(apart + 2.0 * slip) / x[W0]
    x[STEERED] = max(-0.06, min(0.06, x[STEERED] + x[H] * pull))
    fits = abs(slip) < x[SLIP] and abs(x[E_GRID] - x[V]) < x[RISE] and abs(apart) < x[SHIFT]
    x[IN_STEP] = x[IN_STEP] + x[H] if fits else 0.0
    if x[IN_STEP] >= x[SYNC_TIME]:
        x[CONNECTED] = 1.0


@part
def transfer(x: Any) -> None:
    """Let the PCS form where that is its way or it is alone, and follow else; without a jump."""
    forming = 1.0 if x[KIND] > 0.0 or (x[ISLAND] > 0.0 and x[CONNECTED] == 0.0) else 0.0
    if forming > x[FORMING]:  # its EMF is where the current of until now puts it
        square = 1.5 * (x[V_RE] * x[V_RE] + x[V_IM] * x[V_IM]) / x[S_BASE]
        i_re = (x[P_PCS] * x[V_RE] + x[Q_PCS] * x[V_IM]) / square
        i_im = (x[P_PCS] * x[V_IM] - x[Q_PCS] * x[V_RE]) / square
        y = x[G_PCS] * x[G_PCS] + x[B_PCS] * x[B_PCS]
        re = x[V_RE] + (x[G_PCS] * i_re + x[B_PCS] * i_im) / y
        im = x[V_IM] + (x[G_PCS] * i_im - x[B_PCS] * i_re) / y
        x[ANGLE] = math.atan2(im, re) - x[TURN]
        x[EMF] = math.sqrt(re * re + im * im) / (x[V_BASE] * x[GAIN])
        x[SPEED] = x[W_PLL]
        x[P_FIL], x[Q_FIL], x[V_FIL] = x[P_PCS], x[Q_PCS], x[V]
        x[P_HIGH] = x[P_LOW] = x[Q_OVER] = x[TAKEN_D] = x[TAKEN_Q] = x[WITHHELD] = x[LIMITED] = 0.0
    elif forming < x[FORMING]:
        x[P_RAMP] = x[P_LAG] = x[P_PCS]
        x[Q_RAMP] = x[Q_LAG] = x[Q_PCS]
    x[FORMING] = forming


@part
def draw(x: Any) -> None:
    """Count what the bridge gives: the PCS's power and the heat of its filter."""
    v, r, z = x[V], x[R_FILTER], x[X_GRID_SIDE]
    i_re, i_im = x[P_PCS] / v, -x[Q_PCS] / v
    node_re, node_im = v + r * i_re - z * i_im, r * i_im + z * i_re
    # the capacitor behind its damping resistor
    b, d = x[B_FILTER], x[R_DAMPING]
    b_re, b_im = b * b * d / (1.0 + b * b * d * d), b / (1.0 + b * b * d * d)
    c_re, c_im = b_re * node_re - b_im * node_im, b_re * node_im + b_im * node_re
    sum_re, sum_im = i_re + c_re, i_im + c_im
    heat = r * (i_re * i_re + i_im * i_im + sum_re * sum_re + sum_im * sum_im) + d * (
        c_re * c_re + c_im * c_im
    )
    x[HEAT] = heat
    x[ENERGY] += x[H] * x[S_BASE] * (x[P_PCS] + heat)
