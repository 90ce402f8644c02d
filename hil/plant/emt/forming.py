"""Grid-forming control: a voltage whose angle follows the power, behind a virtual impedance.

Droop as in WECC's REGFM_A1, a virtual synchronous machine as in REGFM_B1 where an inertia
is set. The bridge is a voltage source at all times; `limiting` says what its current limit
takes from that voltage. Meanwhile integrators that would wind up stand still, and what moves
the angle is the power that the bridge would give without a limit: so it stays in step.
"""

from __future__ import annotations

import math
from typing import Any, Final

from hil.jit import part

from . import limiting
from .following import active_resistance
from .unit import (
    AHEAD,
    BC,
    DAMPING,
    DELTA,
    DROOP,
    E_MAX,
    EMF,
    F_CURRENT,
    F_POWER,
    F_VOLTAGE,
    FEED,
    FORMING,
    I1_A,
    I1_B,
    I2_A,
    I2_B,
    ID_MAX,
    IF_D,
    IF_Q,
    INERTIA,
    KI_OVER,
    KI_Q,
    KIV,
    KNV,
    KP,
    KP_OVER,
    KV,
    LIMIT,
    LIMITED,
    LOW,
    MD,
    MQ,
    ND,
    NQ,
    P_FIL,
    P_HIGH,
    P_LOW,
    P_MAX,
    P_MIN,
    P_REF,
    PACE,
    PHASE,
    POS_A,
    POS_B,
    Q_DROOP,
    Q_FIL,
    Q_MAX,
    Q_OVER,
    Q_REF,
    RA,
    REACH,
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
    WD,
    WITHHELD,
    WQ,
    XC,
    XD,
    XQ,
    XV,
)

LEAK: Final = 0.2
"""Part of the balancing voltage that the bus keeps: 0.04 pu of impedance for the negative sequence, so that a
stiff grid's unbalance drives little current."""
SLACK: Final = 0.01
"""How far the speed may go from what it was while a fault keeps the voltage low [pu]."""


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
    w[IF_D], w[IF_Q] = i_d * cos + i_q * sin, i_q * cos - i_d * sin
    w[SPEED] = w[W_PLL] / w[W0]
    w[P_FIL] = w[V_A] * w[I2_A] + w[V_B] * w[I2_B]
    w[Q_FIL] = w[V_B] * w[I2_A] - w[V_A] * w[I2_B]
    w[V_FIL] = w[VPOS]
    w[P_HIGH] = w[P_LOW] = w[Q_OVER] = w[ND] = w[NQ] = w[STEERED] = w[LIMITED] = 0.0
    w[WITHHELD] = w[WD] = w[WQ] = w[MD] = w[MQ] = w[LOW] = 0.0
    w[PACE], w[AHEAD], w[REACH] = w[SPEED], turned, w[LIMIT]
    w[START] = w[FORMING] = 1.0


@part
def hand_back(w: Any) -> None:
    """Begin to follow, with the powers as they are."""
    w[P_REF], w[Q_REF] = w[P_FIL], w[Q_FIL]
    w[VD], w[VQ] = w[VPOS], 0.0
    w[ND] = w[NQ] = w[MD] = w[MQ] = w[FORMING] = w[LIMITED] = 0.0
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
    if w[LIMITED] > 0.0:  # more a low voltage cannot carry, and the angle would run away
        most = limiting.HEADROOM * w[LIMIT] * min(1.0, w[VPOS])
        p_ref = max(-most, min(most, p_ref))
    if w[LOW] == 0.0:
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
    low, high = (w[PACE] - SLACK, w[PACE] + SLACK) if w[LOW] != 0.0 else (0.9, 1.1)
    w[SPEED] = max(low, min(high, w[SPEED]))
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
    """Write the bridge voltage in the internal voltage's frame, within what the current limit allows."""
    emf = angle_and_magnitude(w)
    limiting.shed(w, emf, cos, sin)
    i_d, i_q = w[I1_A] * cos + w[I1_B] * sin, w[I1_B] * cos - w[I1_A] * sin
    v_d, v_q = w[V_A] * cos + w[V_B] * sin, w[V_B] * cos - w[V_A] * sin
    rest_d = w[P_REF] / max(emf, 0.1) if w[FEED] > 0.0 else w[IF_D]
    r, x = w[RV], w[XV]
    w[U_D] = emf - w[WD] - r * i_d + x * i_q + w[RA] * (rest_d - i_d)
    w[U_Q] = -w[WQ] - r * i_q - x * i_d + w[RA] * (w[IF_Q] - i_q)
    # the current into the bus that a proportional law would have to ask for, to give this voltage
    c2, s2 = cos * cos - sin * sin, 2.0 * sin * cos
    n_d, n_q = w[ND] + w[MD], w[NQ] + w[MQ]
    ask_d = i_d + (w[U_D] + n_d * c2 + n_q * s2 - v_d + w[XC] * i_q) / w[KP] + w[BC] * v_q
    ask_q = i_q + (w[U_Q] + n_q * c2 - n_d * s2 - v_q - w[XC] * i_d) / w[KP] - w[BC] * v_d
    asked = math.sqrt(ask_d * ask_d + ask_q * ask_q)
    if asked > w[REACH]:
        beyond = w[KP] * (1.0 - w[REACH] / asked)
        w[U_D] -= beyond * ask_d
        w[U_Q] -= beyond * ask_q
    w[IF_D] += w[F_CURRENT] * (i_d - w[IF_D])
    w[IF_Q] += w[F_CURRENT] * (i_q - w[IF_Q])
    if w[LIMITED] == 0.0:
        balance(w, cos, sin)


@part
def balance(w: Any, cos: float, sin: float) -> None:
    """Move the negative-sequence voltage that the bridge adds against that of the bus, and not too far."""
    a, b = w[V_A] - w[POS_A], w[V_B] - w[POS_B]
    w[ND] -= w[KNV] * (a * cos - b * sin + LEAK * w[ND])
    w[NQ] -= w[KNV] * (a * sin + b * cos + LEAK * w[NQ])
