"""The PCS of the plant in phasors: what is left of `emt.following` and `emt.forming` beyond a cycle.

Lags are exact for a line, so that no step is too long for them; the droop is taken at the
sub-step's end. A current limit leaves of a forming PCS's admittance what gives that current.
"""

from __future__ import annotations

import math
from typing import Any

from hil.jit import part

from .emt.following import (
    BREAKPOINT,
    ZERO_CROSSING,
)
from .emt.unit import (
    FIRST_P,
    FIRST_Q,
)
from .phasor_bus import (
    A_GRID,
    ANGLE,
    B_FILTER,
    B_PCS,
    BAND,
    CEASE,
    CONNECTED,
    DAMPING,
    DROOP,
    E_GRID,
    E_MAX,
    EMF,
    ENERGY,
    FADE,
    FAULT_PRIORITY,
    FORMING,
    G_PCS,
    GAIN,
    HEAT,
    HELD,
    ID_MAX,
    IN_STEP,
    INERTIA,
    ISLAND,
    K_HELD,
    K_POWER,
    K_STEER,
    K_VOLTAGE,
    KI_OVER,
    KI_Q,
    KIND,
    KIV,
    KP_OVER,
    KV,
    LEFT,
    LIMIT,
    LIMITED,
    LINE,
    OUT_IM,
    OUT_RE,
    P_CONST,
    P_FIL,
    P_GIVE,
    P_GRID,
    P_HIGH,
    P_LAG,
    P_LOW,
    P_MAX,
    P_MIN,
    P_PCS,
    P_RAMP,
    P_REF,
    P_TAKE,
    PRIORITY,
    Q_CONST,
    Q_DROOP,
    Q_FIL,
    Q_GRID,
    Q_LAG,
    Q_MAX,
    Q_OVER,
    Q_PCS,
    Q_RAMP,
    Q_REF,
    R_DAMPING,
    R_FILTER,
    RAMP,
    RECOVERY,
    RISE,
    S_BASE,
    SHIFT,
    SLIP,
    SPEED,
    STEERED,
    SUPPORT,
    SYNC_TIME,
    THERE,
    TURN,
    TURNING,
    V_BASE,
    V_FIL,
    V_IM,
    V_RE,
    W0,
    W_BUS,
    W_GRID,
    W_PLL,
    X_GRID_SIDE,
    H,
    V,
    deliver,
    solve,
    wrapped,
)


@part
def limit(x: Any, v: float) -> None:
    """Write the powers that the following PCS gives at a voltage [pu]: `emt.following`, settled."""
    most, first = x[LIMIT], x[PRIORITY]
    d, q = x[P_LAG] / v, x[Q_LAG] / v
    d = max(-x[ID_MAX], min(x[ID_MAX], d))
    if abs(v - 1.0) > x[BAND]:
        first = x[FAULT_PRIORITY]
        q = x[Q_LAG] + x[SUPPORT] * (1.0 - x[BAND] - v if v < 1.0 else 1.0 + x[BAND] - v)
        room = most * max(0.0, min(1.0, (v - ZERO_CROSSING) / (BREAKPOINT - ZERO_CROSSING)))
        d = max(-room, min(room, d))
    size = math.sqrt(d * d + q * q)
    x[LIMITED] = 1.0 if size > most else 0.0
    if size > most:
        if first == FIRST_Q:
            q = max(-most, min(most, q))
            room = math.sqrt(most * most - q * q)
            d = max(-room, min(room, d))
        elif first == FIRST_P:
            d = max(-most, min(most, d))
            room = math.sqrt(most * most - d * d)
            q = max(-room, min(room, q))
        else:
            d, q = d * most / size, q * most / size
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
    most = x[RAMP] * x[H]
    p, q = x[P_RAMP], x[Q_RAMP]
    x[P_RAMP] = within(x, p + max(-most, min(most, x[P_REF] - p)))
    x[Q_RAMP] = q + max(-most, min(most, x[Q_REF] - q))
    behind = x[LINE] * (x[P_RAMP] - p) + x[FADE] * (p - x[P_LAG])
    x[P_LAG] = within(x, x[P_RAMP] - behind)
    x[Q_LAG] = x[Q_RAMP] - x[LINE] * (x[Q_RAMP] - q) - x[FADE] * (q - x[Q_LAG])
    if abs(x[V] - 1.0) > x[BAND]:  # what it could still carry, from where it returns at the recovery ramp
        x[ID_MAX] = abs(x[P_PCS]) / x[V]
    x[ID_MAX] = min(x[LIMIT], x[ID_MAX] + x[RECOVERY] * x[H])


@part
def form(x: Any) -> float:
    """Move the forming PCS's EMF and return it [pu]: `emt.forming`, its speed implicit in the droop."""
    h = x[H]
    x[P_FIL] += x[K_POWER] * (x[P_PCS] - x[P_FIL])
    x[Q_FIL] += x[K_POWER] * (x[Q_PCS] - x[Q_FIL])
    x[V_FIL] += x[K_VOLTAGE] * (x[V] - x[V_FIL])
    high, low = min(x[P_MAX], x[P_GIVE]) - x[P_FIL], max(x[P_MIN], x[P_TAKE]) - x[P_FIL]
    speed = x[HELD]
    if x[LEFT] == 1.0:  # else the power does not tell the angle
        x[P_HIGH] = min(0.0, x[P_HIGH] + h * x[KI_OVER] * high)
        x[P_LOW] = max(0.0, x[P_LOW] + h * x[KI_OVER] * low)
        over = x[P_HIGH] + x[P_LOW] + x[KP_OVER] * (min(0.0, high) + max(0.0, low)) + x[STEERED]
        if x[INERTIA] > 0.0:
            per_droop = 1.0 / x[DROOP] if x[DROOP] > 0.0 else 0.0
            push = x[P_REF] - x[P_FIL] + x[DAMPING] * x[W_PLL] + per_droop * (1.0 + over)
            inertia = x[INERTIA] / h
            speed = (inertia * x[SPEED] + push) / (inertia + x[DAMPING] + per_droop)
        else:
            speed = 1.0 + x[DROOP] * (x[P_REF] - x[P_FIL]) + over
        speed = x[SPEED] = max(0.9, min(1.1, speed))
        x[HELD] += x[K_HELD] * (speed - x[HELD])
    x[ANGLE] = wrapped(x[ANGLE] + h * x[W0] * (speed - 1.0))
    x[TURNING] = speed
    over = max(0.0, -x[Q_MAX] - x[Q_FIL]) + min(0.0, x[Q_MAX] - x[Q_FIL])
    x[Q_OVER] += h * x[KI_Q] * (over - 0.01 * x[Q_OVER])
    rise = max(-0.1, min(0.1, x[E_GRID] - x[V])) if x[THERE] > x[CONNECTED] else 0.0
    aim: float = max(0.0, min(x[E_MAX], 1.0 + rise + x[Q_DROOP] * (x[Q_REF] - x[Q_FIL]) + x[Q_OVER]))
    if x[KIV] == 0.0:
        x[EMF] = aim
        return aim
    if x[LEFT] == 1.0:
        x[EMF] = max(0.0, min(x[E_MAX], x[EMF] + h * x[KIV] * (aim - x[V_FIL])))
    emf: float = max(0.0, min(x[E_MAX], x[EMF] + x[KV] * (aim - x[V_FIL])))
    return emf


@part
def hold(x: Any) -> None:
    """Read the forming PCS's power, and leave as much of its admittance as its current limit allows."""
    d_re, d_im = x[OUT_RE] - x[V_RE], x[OUT_IM] - x[V_IM]
    g, b = x[LEFT] * x[G_PCS] / x[S_BASE], x[LEFT] * x[B_PCS] / x[S_BASE]
    deliver(x, P_PCS, g * d_re - b * d_im, g * d_im + b * d_re)
    current = math.sqrt(x[P_PCS] * x[P_PCS] + x[Q_PCS] * x[Q_PCS]) / x[V]
    x[LIMITED] = 1.0 if x[LEFT] < 1.0 else 0.0
    if current > 0.0:
        x[LEFT] = min(1.0, x[LEFT] * x[LIMIT] / current)


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
        x[SPEED] = x[HELD] = x[W_PLL]
        x[P_FIL], x[Q_FIL], x[V_FIL], x[LEFT] = x[P_PCS], x[Q_PCS], x[V], 1.0
        x[P_HIGH] = x[P_LOW] = x[Q_OVER] = 0.0
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
