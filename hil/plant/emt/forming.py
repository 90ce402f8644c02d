"""Grid-forming control: a voltage whose angle follows the power, behind a virtual impedance.

Droop as in WECC's REGFM_A1, a virtual synchronous machine as in REGFM_B1 where an inertia
is set. The bridge is a voltage source until its current would pass the limit: then, for as
long, the same proportional law that would control the current asks for the limited one, so
that the change is without a jump, and the integrators that would wind up stand still.
"""

from __future__ import annotations

import math
from typing import Any

from hil.jit import part

from .following import limit
from .unit import (
    DAMPING,
    DELTA,
    DROOP,
    E_MAX,
    EMF,
    F_CURRENT,
    F_POWER,
    F_VOLTAGE,
    FAULT_PRIORITY,
    FEED,
    FIRST_P,
    FIRST_Q,
    FORMING,
    HELD,
    I1_A,
    I1_B,
    I2_A,
    I2_B,
    ID_MAX,
    IF_D,
    IF_Q,
    INERTIA,
    KI,
    KI_OVER,
    KI_Q,
    KIV,
    KNV,
    KP,
    KP_OVER,
    KV,
    LIMIT,
    LIMITED,
    LIMITER,
    ND,
    NQ,
    P_FIL,
    P_HIGH,
    P_LOW,
    P_MAX,
    P_MIN,
    P_REF,
    PHASE,
    POS_A,
    POS_B,
    Q_DROOP,
    Q_FIL,
    Q_MAX,
    Q_OVER,
    Q_REF,
    RA,
    RISE,
    RV,
    SLIP,
    SPEED,
    START,
    START_STEP,
    STEER,
    STEERED,
    SWINGS,
    TC,
    THETA,
    THRESHOLD,
    U_D,
    U_Q,
    V_A,
    V_B,
    V_FIL,
    V_SET,
    VD,
    VPOS,
    VQ,
    W0,
    W_PLL,
    W_SET,
    XC,
    XD,
    XQ,
    XV,
)


@part
def take_over(w: Any) -> None:
    """Begin to form, with the bridge's voltage and the bus as they are."""
    cos, sin = math.cos(w[THETA]), math.sin(w[THETA])
    i_d, i_q = w[I1_A] * cos + w[I1_B] * sin, w[I1_B] * cos - w[I1_A] * sin
    e_d = w[U_D] + w[RV] * i_d - w[XV] * i_q
    e_q = w[U_Q] + w[RV] * i_q + w[XV] * i_d
    turned = math.atan2(e_q, e_d)
    w[DELTA] = w[THETA] + turned
    w[EMF] = math.sqrt(e_d * e_d + e_q * e_q)
    cos, sin = math.cos(turned), math.sin(turned)
    w[VD], w[VQ] = w[VD] * cos + w[VQ] * sin, w[VQ] * cos - w[VD] * sin
    w[IF_D], w[IF_Q] = i_d * cos + i_q * sin, i_q * cos - i_d * sin
    w[SPEED] = w[HELD] = w[W_PLL] / w[W0]
    w[P_FIL] = w[V_A] * w[I2_A] + w[V_B] * w[I2_B]
    w[Q_FIL] = w[V_B] * w[I2_A] - w[V_A] * w[I2_B]
    w[V_FIL] = w[VPOS]
    w[P_HIGH] = w[P_LOW] = w[Q_OVER] = w[XD] = w[XQ] = w[ND] = w[NQ] = w[STEERED] = w[LIMITED] = 0.0
    w[START] = w[FORMING] = 1.0


@part
def hand_back(w: Any) -> None:
    """Begin to follow, with the powers as they are."""
    w[P_REF], w[Q_REF] = w[P_FIL], w[Q_FIL]
    w[VD], w[VQ] = w[VPOS], 0.0
    w[XD] = w[XQ] = w[ND] = w[NQ] = w[FORMING] = w[LIMITED] = 0.0
    w[ID_MAX] = w[LIMIT]


@part
def angle_and_magnitude(w: Any) -> float:
    """Move the internal voltage's angle by a control period and return its magnitude [pu]."""
    power = w[V_A] * w[I2_A] + w[V_B] * w[I2_B]
    reactive = w[V_B] * w[I2_A] - w[V_A] * w[I2_B]
    w[P_FIL] += w[F_POWER] * (power - w[P_FIL])
    w[Q_FIL] += w[F_POWER] * (reactive - w[Q_FIL])
    w[V_FIL] += w[F_VOLTAGE] * (w[VPOS] - w[V_FIL])
    w[START] = min(1.0, w[START] + w[START_STEP])
    steer_volts = steer(w)
    if w[LIMITED] > 0.0 and w[START] == 1.0:  # the power does not tell the angle now
        speed = w[HELD]
    else:
        p_ref = w[P_REF] + w[SWINGS] * (w[W_PLL] / w[W0] - 1.0)
        w[P_HIGH] = min(0.0, w[P_HIGH] + w[KI_OVER] * (w[P_MAX] - w[P_FIL]))
        w[P_LOW] = max(0.0, w[P_LOW] + w[KI_OVER] * (w[P_MIN] - w[P_FIL]))
        over = w[P_HIGH] + w[P_LOW]
        over += w[KP_OVER] * (min(0.0, w[P_MAX] - w[P_FIL]) + max(0.0, w[P_MIN] - w[P_FIL]))
        if w[INERTIA] > 0.0:
            push = p_ref - w[P_FIL] - w[DAMPING] * (w[SPEED] - w[W_PLL] / w[W0])
            if w[DROOP] > 0.0:
                push -= (w[SPEED] - w[W_SET] - w[STEERED] - over) / w[DROOP]
            w[SPEED] += push * w[TC] / w[INERTIA]
        else:
            w[SPEED] = w[W_SET] + w[STEERED] + w[DROOP] * (p_ref - w[P_FIL]) + over
        w[SPEED] = max(0.9, min(1.1, w[SPEED]))
        w[HELD] += w[TC] / 0.2 * (w[SPEED] - w[HELD])
        speed = w[SPEED]
    w[DELTA] += speed * w[W0] * w[TC]
    if w[DELTA] > 2.0 * math.pi:
        w[DELTA] -= 2.0 * math.pi
    w[Q_OVER] += w[KI_Q] * (max(0.0, -w[Q_MAX] - w[Q_FIL]) + min(0.0, w[Q_MAX] - w[Q_FIL]) - 0.01 * w[Q_OVER])
    aim: float = w[V_SET] + steer_volts + w[Q_DROOP] * (w[Q_REF] - w[Q_FIL]) + w[Q_OVER]
    aim = max(0.0, min(w[E_MAX], aim)) * w[START]
    if w[KIV] == 0.0:
        w[EMF] = aim
        return aim
    if w[LIMITED] == 0.0:
        w[EMF] = max(0.0, min(w[E_MAX], w[EMF] + w[KIV] * (aim - w[V_FIL])))
    if w[START] < 1.0:  # a ramp leads the integrator, which would lag behind it
        w[EMF] = aim
    return max(0.0, min(float(w[E_MAX]), float(w[EMF] + w[KV] * (aim - w[V_FIL]))))


@part
def steer(w: Any) -> float:
    """Bring the bus into step with the source where that is asked for; return a voltage to add [pu]."""
    if w[STEER] == 0.0:
        w[STEERED] *= 1.0 - w[TC] / 0.1
        return 0.0
    # the angle then obeys x'' + 2 x' + x = 0: in step within some seconds, whatever the droop leaves
    pull = -(w[PHASE] + 2.0 * w[SLIP]) / w[W0]
    w[STEERED] = max(-0.06, min(0.06, w[STEERED] + w[TC] * pull))
    rise: float = w[RISE]
    return max(-0.1, min(0.1, -rise))


@part
def voltage(w: Any, cos: float, sin: float) -> None:
    """Write the bridge voltage in the internal voltage's frame, its current within the limit."""
    emf = angle_and_magnitude(w)
    i_d, i_q = w[I1_A] * cos + w[I1_B] * sin, w[I1_B] * cos - w[I1_A] * sin
    w[IF_D] += w[F_CURRENT] * (i_d - w[IF_D])
    w[IF_Q] += w[F_CURRENT] * (i_q - w[IF_Q])
    rest_d = w[P_REF] / max(w[VPOS], 0.1) if w[FEED] > 0.0 else w[IF_D]
    most = limit(w)
    r, x = w[RV], w[XV]
    size = math.sqrt(i_d * i_d + i_q * i_q)
    if w[LIMITER] > 0.0 and size > w[THRESHOLD]:  # virtual impedance that grows with the overcurrent
        x += w[LIMITER] * (size - w[THRESHOLD])
        r += 0.2 * w[LIMITER] * (size - w[THRESHOLD])
    u_d = emf - r * i_d + x * i_q + w[RA] * (rest_d - i_d)
    u_q = -r * i_q - x * i_d + w[RA] * (w[IF_Q] - i_q)
    # the current that a proportional law would have to ask for, to give this voltage
    ask_d = i_d + (u_d - w[VD] + w[XC] * i_q) / w[KP]
    ask_q = i_q + (u_q - w[VQ] - w[XC] * i_d) / w[KP]
    w[LIMITED] = 0.0
    if ask_d * ask_d + ask_q * ask_q > most * most:
        w[LIMITED] = 1.0
        limited_d, limited_q = within(w, ask_d, ask_q, most)
        w[XD] += w[KI] * (limited_d - i_d)
        w[XQ] += w[KI] * (limited_q - i_q)
        u_d = w[VD] + w[KP] * (limited_d - i_d) + w[XD] - w[XC] * i_q
        u_q = w[VQ] + w[KP] * (limited_q - i_q) + w[XQ] + w[XC] * i_d
    else:
        w[XD] *= 0.9
        w[XQ] *= 0.9
    w[U_D], w[U_Q] = u_d, u_q


@part
def within(w: Any, i_d: float, i_q: float, most: float) -> Any:
    """Return a current within the limit [pu]: its active or reactive part first, or its direction kept."""
    size = math.sqrt(i_d * i_d + i_q * i_q)
    if w[FAULT_PRIORITY] == FIRST_P or w[FAULT_PRIORITY] == FIRST_Q:
        v = math.sqrt(w[VD] * w[VD] + w[VQ] * w[VQ])
        if v > 0.02:  # along and across the bus voltage
            c, n = w[VD] / v, w[VQ] / v
            along, across = i_d * c + i_q * n, i_q * c - i_d * n
            if w[FAULT_PRIORITY] == FIRST_P:
                along = max(-most, min(most, along))
                room = math.sqrt(most * most - along * along)
                across = max(-room, min(room, across))
            else:
                across = max(-most, min(most, across))
                room = math.sqrt(most * most - across * across)
                along = max(-room, min(room, along))
            return along * c - across * n, along * n + across * c
    return i_d * most / size, i_q * most / size


@part
def balance(w: Any, cos: float, sin: float) -> None:
    """Move the negative-sequence voltage that the bridge adds against that of the bus."""
    a, b = w[V_A] - w[POS_A], w[V_B] - w[POS_B]
    w[ND] -= w[KNV] * (a * cos - b * sin)
    w[NQ] -= w[KNV] * (a * sin + b * cos)
