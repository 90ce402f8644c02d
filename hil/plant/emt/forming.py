"""Grid-forming control: a voltage whose angle follows the power, behind a virtual impedance.

Droop as in WECC's REGFM_A1, a virtual synchronous machine as in REGFM_B1 where an inertia
is set. The bridge is a voltage source until its current would pass the limit. Then, for as
long as that voltage source would exceed it, the control of `following` keeps the current at
the part of it that the limit leaves, integrators that would wind up stand still, and what
moves the angle is the power that the bridge would give without a limit: so it stays in step.
"""

from __future__ import annotations

import math
from typing import Any, Final

from hil.jit import part

from .following import active_resistance, limit
from .unit import (
    BAND,
    BC,
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
    FORMING,
    I1_A,
    I1_B,
    I2_A,
    I2_B,
    ID_MAX,
    ID_REF,
    IF_D,
    IF_Q,
    INERTIA,
    IQ_REF,
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
    MIXED,
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
    PRIORITY,
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
    VMAX,
    VPOS,
    VQ,
    W0,
    W_PLL,
    W_SET,
    WITHHELD,
    XC,
    XD,
    XQ,
    XV,
)

SETTLING: Final = 0.01
"""Time constant with which a limited current follows the voltage that it makes [s]."""
RETURNING: Final = 0.004
"""That with which it brings the voltage back [s]."""


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
    w[SPEED] = w[W_PLL] / w[W0]
    w[P_FIL] = w[V_A] * w[I2_A] + w[V_B] * w[I2_B]
    w[Q_FIL] = w[V_B] * w[I2_A] - w[V_A] * w[I2_B]
    w[V_FIL] = w[VPOS]
    w[P_HIGH] = w[P_LOW] = w[Q_OVER] = w[XD] = w[XQ] = w[ND] = w[NQ] = w[STEERED] = w[LIMITED] = 0.0
    w[WITHHELD] = 0.0
    w[START] = w[FORMING] = 1.0


@part
def hand_back(w: Any) -> None:
    """Begin to follow, with the powers as they are."""
    w[P_REF], w[Q_REF] = w[P_FIL], w[Q_FIL]
    w[VD], w[VQ] = w[VPOS], 0.0
    w[ND] = w[NQ] = w[FORMING] = w[LIMITED] = 0.0
    cos, sin, r = math.cos(w[THETA]), math.sin(w[THETA]), active_resistance(w)
    w[XD] = r * (w[I1_A] * cos + w[I1_B] * sin)
    w[XQ] = r * (w[I1_B] * cos - w[I1_A] * sin)
    w[ID_MAX] = w[LIMIT]


@part
def angle_and_magnitude(w: Any) -> float:
    """Move the internal voltage's angle by a control period and return its magnitude [pu]."""
    # the power that a bridge without limit would give: it tells the angle where the limited one cannot
    power = w[V_A] * w[I2_A] + w[V_B] * w[I2_B] + w[WITHHELD]
    reactive = w[V_B] * w[I2_A] - w[V_A] * w[I2_B]
    w[P_FIL] += w[F_POWER] * (power - w[P_FIL])
    w[Q_FIL] += w[F_POWER] * (reactive - w[Q_FIL])
    w[V_FIL] += w[F_VOLTAGE] * (w[VPOS] - w[V_FIL])
    w[START] = min(1.0, w[START] + w[START_STEP])
    steer_volts = steer(w)
    p_ref = w[P_REF]
    if w[LIMITED] > 0.0:
        p_ref *= min(1.0, w[VPOS])  # a low voltage cannot carry it, and the angle would run away
    else:
        beyond = max(0.0, -w[Q_MAX] - w[Q_FIL]) + min(0.0, w[Q_MAX] - w[Q_FIL])
        w[Q_OVER] += w[KI_Q] * (beyond - 0.01 * w[Q_OVER])
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
    w[DELTA] += w[SPEED] * w[W0] * w[TC]
    if w[DELTA] > 2.0 * math.pi:
        w[DELTA] -= 2.0 * math.pi
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
    """Write the bridge voltage in the internal voltage's frame, or the currents to keep to at the limit."""
    emf = angle_and_magnitude(w)
    i_d, i_q = w[I1_A] * cos + w[I1_B] * sin, w[I1_B] * cos - w[I1_A] * sin
    rest_d = w[P_REF] / max(emf, 0.1) if w[FEED] > 0.0 else w[IF_D]
    most = limit(w)
    r, x = w[RV], w[XV]
    size = math.sqrt(w[IF_D] * w[IF_D] + w[IF_Q] * w[IF_Q])
    if w[LIMITER] > 0.0 and size > w[THRESHOLD]:  # virtual impedance that grows with the overcurrent
        x += w[LIMITER] * (size - w[THRESHOLD])
        r += 0.2 * w[LIMITER] * (size - w[THRESHOLD])
    w[U_D] = emf - r * i_d + x * i_q + w[RA] * (rest_d - i_d)
    w[U_Q] = -r * i_q - x * i_d + w[RA] * (w[IF_Q] - i_q)
    # the current that a proportional law would have to ask for, to give this voltage
    ask_d = i_d + (w[U_D] - w[VD] + w[XC] * i_q) / w[KP]
    ask_q = i_q + (w[U_Q] - w[VQ] - w[XC] * i_d) / w[KP]
    asked = math.sqrt(ask_d * ask_d + ask_q * ask_q)
    w[WITHHELD] = 0.0
    if asked > most:
        w[LIMITED] = 1.0
    if w[LIMITED] > 0.0:
        hold(w, emf, r, x + w[XC], ask_d, ask_q, asked, most, cos, sin)
    if w[LIMITED] == 0.0:
        w[IF_D] += w[F_CURRENT] * (i_d - w[IF_D])
        w[IF_Q] += w[F_CURRENT] * (i_q - w[IF_Q])
        r = active_resistance(w)  # so that a limit, should it come, begins without a jump
        w[XD], w[XQ] = r * i_d, r * i_q


@part
def hold(
    w: Any,
    emf: float,
    r: float,
    x: float,
    ask_d: float,
    ask_q: float,
    asked: float,
    most: float,
    cos: float,
    sin: float,
) -> None:
    """Set the currents at the limit, or end it where the voltage source would stay within.

    What it would give in the steady state follows from the positive sequence: behind a voltage
    that stands it is (E - v) / Z, and into the impedance v / i of a load it is E / (Z + v / i).
    """
    v_d, v_q = w[POS_A] * cos + w[POS_B] * sin, w[POS_B] * cos - w[POS_A] * sin
    square = r * r + x * x
    d, q = ((emf - v_d) * r - v_q * x) / square, (-v_q * r - (emf - v_d) * x) / square
    a, b = w[V_A] - w[POS_A], w[V_B] - w[POS_B]
    room = most - math.sqrt((a * a + b * b) / square)  # the rest is negative sequence
    i_d, i_q = w[IF_D], w[IF_Q]
    e_d, e_q = v_d + r * i_d - x * i_q, v_q + r * i_q + x * i_d
    lightly = room > 0.0 and emf * emf * (i_d * i_d + i_q * i_q) < room * room * (e_d * e_d + e_q * e_q)
    if asked <= most and (lightly or math.sqrt(d * d + q * q) < 0.9 * room):
        w[LIMITED] = 0.0
        return
    if lightly:  # bring its voltage back soon
        part_ = min(1.0, most / asked)
        w[IF_D] += w[TC] / RETURNING * (ask_d * part_ - w[IF_D])
        w[IF_Q] += w[TC] / RETURNING * (ask_q * part_ - w[IF_Q])
        w[WITHHELD] = v_d * (ask_d - w[IF_D]) + v_q * (ask_q - w[IF_Q])
    else:  # more slowly than the voltage that the current itself makes
        # a sound phase of an unbalanced fault must not be driven too high
        most *= max(0.0, min(1.0, 1.0 - 2.0 * (w[VMAX] - 1.0 - w[BAND])))
        limited_d, limited_q = within(w, d, q, v_d, v_q, most)
        w[WITHHELD] = v_d * (d - limited_d) + v_q * (q - limited_q)
        w[IF_D] += w[TC] / SETTLING * (limited_d - w[IF_D])
        w[IF_Q] += w[TC] / SETTLING * (limited_q - w[IF_Q])
    # the capacitor's share does not reach the bus
    w[ID_REF], w[IQ_REF] = w[IF_D] - w[BC] * v_q, w[IF_Q] + w[BC] * v_d


@part
def within(w: Any, i_d: float, i_q: float, v_d: float, v_q: float, most: float) -> Any:
    """Return a current within the limit [pu]: its active or reactive part first, or its direction kept."""
    size = math.sqrt(i_d * i_d + i_q * i_q)
    if size <= most:
        return i_d, i_q
    v = math.sqrt(v_d * v_d + v_q * v_q)
    first = w[FAULT_PRIORITY] if abs(w[V_FIL] - 1.0) > w[BAND] else w[PRIORITY]
    if first == MIXED or v < 0.02:
        return i_d * most / size, i_q * most / size
    # along and across the bus voltage
    c, n = v_d / v, v_q / v
    along, across = i_d * c + i_q * n, i_q * c - i_d * n
    if first == FIRST_P:
        along = max(-most, min(most, along))
        room = math.sqrt(most * most - along * along)
        across = max(-room, min(room, across))
    else:
        across = max(-most, min(most, across))
        room = math.sqrt(most * most - across * across)
        along = max(-room, min(room, along))
    return along * c - across * n, along * n + across * c


@part
def balance(w: Any, cos: float, sin: float) -> None:
    """Move the negative-sequence voltage that the bridge adds against that of the bus."""
    a, b = w[V_A] - w[POS_A], w[V_B] - w[POS_B]
    w[ND] -= w[KNV] * (a * cos - b * sin)
    w[NQ] -= w[KNV] * (a * sin + b * cos)
