"""From the control's voltage to the bridge's: delay, saturation, dead time, switching."""

from __future__ import annotations

import math
from typing import Any

from hil.jit import part

from . import following, forming, limiting
from .sensing import SQRT3
from .unit import (
    CONTACTOR,
    COS,
    DEAD_TIME,
    DELTA,
    FIFTH,
    FILTER_FF,
    FORMING,
    GATES,
    I1,
    I1_A,
    I1_B,
    ID_REF,
    IQ_REF,
    KI,
    KN,
    KP,
    MD,
    MQ,
    ND,
    NEXT,
    NQ,
    OFFSET,
    PER_IB,
    PER_VB,
    PERIOD,
    REFERENCE,
    SIN,
    SPEED,
    TC,
    THETA,
    TICK,
    TIME,
    U_D,
    U_Q,
    V_A,
    V_B,
    VB,
    VD,
    VPOS,
    VQ,
    W0,
    W_INT,
    XD,
    XQ,
    E,
)


@part
def modulate(w: Any, vdc: float) -> None:
    """Compute the bridge's voltages for the next control period."""
    if w[GATES] == 0.0:
        w[NEXT] = w[NEXT + 1] = w[NEXT + 2] = 0.0
        w[VD], w[VQ] = w[VPOS], 0.0
        w[U_D], w[U_Q] = w[VPOS], 0.0
        return
    forms = w[FORMING] > 0.0
    if forms and w[CONTACTOR] > 0.0:
        limiting.keep_pace(w)
    angle = w[DELTA] if forms else w[THETA]
    turn = w[SPEED] * w[W0] if forms else w[W0] + w[W_INT]
    cos, sin = (math.cos(angle), math.sin(angle)) if forms else (w[COS], w[SIN])
    w[VD] += w[FILTER_FF] * (w[V_A] * cos + w[V_B] * sin - w[VD])
    w[VQ] += w[FILTER_FF] * (w[V_B] * cos - w[V_A] * sin - w[VQ])
    n_d = n_q = e_d = e_q = 0.0
    if w[CONTACTOR] == 0.0:
        w[U_D], w[U_Q] = w[VD], w[VQ]
    elif forms:
        forming.voltage(w, cos, sin)
    else:
        following.references(w)
    controlled = w[CONTACTOR] > 0.0 and not forms
    if controlled:
        following.voltage(w, cos, sin)
        e_d = w[ID_REF] - (w[I1_A] * cos + w[I1_B] * sin)
        e_q = w[IQ_REF] - (w[I1_B] * cos - w[I1_A] * sin)
        c2, s2 = cos * cos - sin * sin, 2.0 * sin * cos
        n_d, n_q = e_d * c2 - e_q * s2, e_d * s2 + e_q * c2
    # the bridge acts from the next period on, for one period: one and a half periods ahead
    ahead = angle + 1.5 * turn * w[TC]
    c1, s1 = math.cos(ahead), math.sin(ahead)
    u_nd, u_nq = w[ND] + w[MD], w[NQ] + w[MQ]
    alpha = w[U_D] * c1 - w[U_Q] * s1 + u_nd * c1 + u_nq * s1
    beta = w[U_D] * s1 + w[U_Q] * c1 + u_nq * c1 - u_nd * s1
    # two levels reach a hexagon: no two legs are further apart than the link's poles
    across = 0.5 * SQRT3 * abs(beta)
    spread = max(2.0 * across, 1.5 * abs(alpha) + across)
    highest = vdc * w[PER_VB]
    short = min(0.0, highest / max(spread, 1e-6) - 1.0)
    alpha += short * alpha
    beta += short * beta
    if controlled:  # what the bridge does not give is taken back from the current asked for
        w[XD] += w[KI] * (e_d + short * w[U_D] / w[KP])
        w[XQ] += w[KI] * (e_q + short * w[U_Q] / w[KP])
        if short == 0.0:
            w[ND] += w[KN] * n_d
            w[NQ] += w[KN] * n_q
    if w[FIFTH] > 0.0:  # the flaw "distorts": a fifth, negative sequence
        alpha += w[FIFTH] * math.cos(5.0 * ahead)
        beta -= w[FIFTH] * math.sin(5.0 * ahead)
    w[NEXT] = w[VB] * (alpha + w[OFFSET])
    w[NEXT + 1] = w[VB] * (-0.5 * (alpha + w[OFFSET]) + 0.5 * SQRT3 * beta)
    w[NEXT + 2] = w[VB] * (-0.5 * (alpha + w[OFFSET]) - 0.5 * SQRT3 * beta)
    if w[DEAD_TIME] > 0.0:  # each leg loses its dead time against its current
        mean = 0.0
        for k in range(3):
            amps = w[I1 + k] * w[PER_IB]
            w[NEXT + k] -= w[DEAD_TIME] * vdc * max(-1.0, min(1.0, 50.0 * amps))
            mean += w[NEXT + k] / 3.0
        for k in range(3):  # three wires: what all have in common drives nothing
            w[NEXT + k] -= mean


@part
def pulse(w: Any, vdc: float) -> None:
    """Set the bridge's voltages to the mean of their pulses over this step.

    A leg is at the link's positive pole while its reference is above the carrier, a triangle
    that rises through one control period and falls through the next (asymmetrical regular
    sampling). All references shift together only as far as one would leave the carrier's range.
    """
    if w[TICK] == 0.0:
        for k in range(3):
            w[REFERENCE + k] = w[E + k]
    if w[GATES] == 0.0 or vdc <= 0.0:
        return
    half = 0.5 * vdc
    a, b, c = w[REFERENCE] / half, w[REFERENCE + 1] / half, w[REFERENCE + 2] / half
    shift = max(0.0, max(a, b, c) - 1.0) - max(0.0, -1.0 - min(a, b, c))
    rises = w[TIME] % 2.0 == 0.0
    mean = 0.0
    for k in range(3):
        duty = 0.5 * (w[REFERENCE + k] / half - shift + 1.0) * w[PERIOD]  # steps that this leg is high
        part_ = duty - w[TICK] if rises else duty - (w[PERIOD] - 1.0 - w[TICK])
        w[E + k] = half * (2.0 * max(0.0, min(1.0, part_)) - 1.0)
        mean += w[E + k] / 3.0
    for k in range(3):  # three wires: what all have in common drives nothing
        w[E + k] -= mean
