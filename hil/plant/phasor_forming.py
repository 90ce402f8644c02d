"""The forming PCS of the plant in phasors: what is left of `emt.forming` beyond a cycle.

The droop is taken at the sub-step's end. The PCS is a voltage behind an impedance. What this
would give beyond the current limit is taken from the voltage within milliseconds, by priority
as in the EMT model, and the power that the angle follows is the one without a limit.
"""

from __future__ import annotations

import math
from typing import Any

from hil.jit import part

from .emt.limiting import HEADROOM
from .emt.unit import MIXED
from .phasor_bus import (
    ANGLE,
    B_PCS,
    BAND,
    CONNECTED,
    DAMPING,
    DROOP,
    E_GRID,
    E_MAX,
    EMF,
    FAULT_PRIORITY,
    G_PCS,
    GAIN,
    GROWTH,
    INERTIA,
    K_POWER,
    K_VOLTAGE,
    K_YIELD,
    KI_OVER,
    KI_Q,
    KIV,
    KP_OVER,
    KV,
    LIMIT,
    LIMITED,
    P_CONST,
    P_FIL,
    P_GIVE,
    P_HIGH,
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
    Q_MAX,
    Q_OVER,
    Q_PCS,
    Q_RAMP,
    Q_REF,
    R_OUT,
    RAMP_P,
    RAMP_Q,
    S_BASE,
    SPEED,
    STEERED,
    TAKEN_D,
    TAKEN_Q,
    THERE,
    THRESHOLD,
    TURN,
    V_BASE,
    V_FIL,
    V_IM,
    V_RE,
    W0,
    W_PLL,
    WITHHELD,
    X_OUT,
    H,
    V,
    connect,
    deliver,
    solve,
    wrapped,
)
from .phasor_unit import prioritised

REST, NOTHING = 0.02, 1e-6
"""Voltage taken away below which the limit has ended, and below which it is forgotten [pu]."""


@part
def form(x: Any) -> float:
    """Move the forming PCS's EMF and return it [pu]: `emt.forming`, its speed implicit in the droop."""
    h, free, most = x[H], x[LIMITED] == 0.0, x[RAMP_P] * x[H]
    x[P_RAMP] += max(-most, min(most, x[P_REF] - x[P_RAMP]))
    most = x[RAMP_Q] * h
    x[Q_RAMP] += max(-most, min(most, x[Q_REF] - x[Q_RAMP]))
    p_ref = x[P_RAMP]
    x[P_FIL] += x[K_POWER] * (x[P_PCS] + x[WITHHELD] - x[P_FIL])
    x[Q_FIL] += x[K_POWER] * (x[Q_PCS] - x[Q_FIL])
    x[V_FIL] += x[K_VOLTAGE] * (x[V] - x[V_FIL])
    high, low = min(x[P_MAX], x[P_GIVE]) - x[P_FIL], max(x[P_MIN], x[P_TAKE]) - x[P_FIL]
    if free:
        x[P_HIGH] = min(0.0, x[P_HIGH] + h * x[KI_OVER] * high)
        x[P_LOW] = max(0.0, x[P_LOW] + h * x[KI_OVER] * low)
        beyond = max(0.0, -x[Q_MAX] - x[Q_FIL]) + min(0.0, x[Q_MAX] - x[Q_FIL])
        x[Q_OVER] += h * x[KI_Q] * (beyond - 0.01 * x[Q_OVER])
    else:  # more a low voltage cannot carry
        most = HEADROOM * x[LIMIT] * min(1.0, x[V])
        p_ref = max(-most, min(most, p_ref))
    over = x[P_HIGH] + x[P_LOW] + x[KP_OVER] * (min(0.0, high) + max(0.0, low)) + x[STEERED]
    if x[INERTIA] > 0.0:
        per_droop = 1.0 / x[DROOP] if x[DROOP] > 0.0 else 0.0
        push = p_ref - x[P_FIL] + x[DAMPING] * x[W_PLL] + per_droop * (1.0 + over)
        inertia = x[INERTIA] / h
        speed = (inertia * x[SPEED] + push) / (inertia + x[DAMPING] + per_droop)
    else:
        speed = 1.0 + x[DROOP] * (p_ref - x[P_FIL]) + over
    x[SPEED] = max(0.9, min(1.1, speed))
    x[ANGLE] = wrapped(x[ANGLE] + h * x[W0] * (x[SPEED] - 1.0))
    rise = max(-0.1, min(0.1, x[E_GRID] - x[V])) if x[THERE] > x[CONNECTED] else 0.0
    aim: float = max(0.0, min(x[E_MAX], 1.0 + rise + x[Q_DROOP] * (x[Q_RAMP] - x[Q_FIL]) + x[Q_OVER]))
    if x[KIV] == 0.0:
        x[EMF] = aim
        return aim
    if free:
        x[EMF] = max(0.0, min(x[E_MAX], x[EMF] + h * x[KIV] * (aim - x[V_FIL])))
    emf: float = max(0.0, min(x[E_MAX], x[EMF] + x[KV] * (aim - x[V_FIL])))
    return emf


@part
def supply(x: Any, emf: float) -> bool:
    """Solve the bus with the forming PCS at an EMF [pu], read its power; False where there is no solution."""
    turn = x[ANGLE] + x[TURN]
    cos, sin = math.cos(turn), math.sin(turn)
    d, q = x[V_BASE] * (x[GAIN] * emf - x[TAKEN_D]), -x[V_BASE] * x[TAKEN_Q]
    e_re, e_im = d * cos - q * sin, d * sin + q * cos
    connect(x, e_re, e_im, x[SPEED], x[G_PCS], x[B_PCS])
    if not solve(x, -x[P_CONST], -x[Q_CONST]):
        return False
    d_re, d_im = (e_re - x[V_RE]) / x[S_BASE], (e_im - x[V_IM]) / x[S_BASE]
    deliver(x, P_PCS, x[G_PCS] * d_re - x[B_PCS] * d_im, x[G_PCS] * d_im + x[B_PCS] * d_re)
    v_d = (x[V_RE] * cos + x[V_IM] * sin) / x[V_BASE]
    v_q = (x[V_IM] * cos - x[V_RE] * sin) / x[V_BASE]
    give_way(x, x[GAIN] * emf - v_d, -v_q, v_d, v_q)
    return True


@part
def give_way(x: Any, d: float, q: float, v_d: float, v_q: float) -> None:
    """Move what is taken from the voltage so that, of its drop d + jq [pu], the limit's current is left."""
    r, z = x[R_OUT], x[X_OUT]
    square = r * r + z * z
    i_d, i_q = (d * r + q * z) / square, (q * r - d * z) / square
    size, v = math.sqrt(i_d * i_d + i_q * i_q), math.sqrt(v_d * v_d + v_q * v_q)
    most, over = HEADROOM * x[LIMIT], size - x[THRESHOLD]
    if x[GROWTH] > 0.0 and over > 0.0:  # impedance that grows: i (Z + growth (i - threshold)) = size Z
        half = 0.5 * (x[GROWTH] * x[THRESHOLD] - math.sqrt(square))
        root = math.sqrt(half * half + x[GROWTH] * math.sqrt(square) * size)
        most = min(most, (half + root) / x[GROWTH])
    first = x[FAULT_PRIORITY] if abs(x[V_FIL] - 1.0) > x[BAND] else x[PRIORITY]
    if v < 0.02:  # too little to tell a direction from
        to_d, to_q = prioritised(MIXED, most, i_d, i_q)
    else:
        n_d, n_q = v_d / v, v_q / v
        along, across = prioritised(first, most, i_d * n_d + i_q * n_q, i_q * n_d - i_d * n_q)
        to_d, to_q = along * n_d - across * n_q, along * n_q + across * n_d
    over_d, over_q = i_d - to_d, i_q - to_q
    x[WITHHELD] = v_d * over_d + v_q * over_q
    x[TAKEN_D] += x[K_YIELD] * (r * over_d - z * over_q - x[TAKEN_D])
    x[TAKEN_Q] += x[K_YIELD] * (r * over_q + z * over_d - x[TAKEN_Q])
    if size <= most and abs(x[TAKEN_D]) + abs(x[TAKEN_Q]) < NOTHING:
        x[TAKEN_D] = x[TAKEN_Q] = 0.0
    x[LIMITED] = 1.0 if size > most or abs(x[TAKEN_D]) + abs(x[TAKEN_Q]) > REST else 0.0
