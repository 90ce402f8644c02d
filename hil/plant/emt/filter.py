"""The PCS's LCL filter and its bridge's legs and switch poles, a branch of the bus.

The filter's three states per phase are discretised exactly, with the bridge's voltage held
within a step and the bus voltage linear in it. There are three wires: the currents add up
to nothing and the star point floats. Poles that open and legs that are blocked let go at
their own current zero; a blocked leg that still carries conducts through its diodes.
"""

from __future__ import annotations

from typing import Any, Final

from hil.jit import inlined, part

from . import bus
from .unit import CONTACTOR, GATES, I1, I2, LEG, MATRIX, NEXT, OLD_I1, POLE, RD, VC, WHOLE, E

ALL: Final = MATRIX + 54
THIRD: Final = 1.0 / 3.0


@part
def admit(w: Any) -> None:
    """Add the filter to the bus: between the closed poles, through its floating star point."""
    poles = w[POLE] + w[POLE + 1] + w[POLE + 2]
    total = 0.0
    for k in range(3):
        if w[POLE + k] > 0.0:
            total -= w[MATRIX + 18 * int(2.0 * w[LEG + k] + 1.0) + 17]
    if poles < 2.0:
        return
    w[bus.LIVE] = 1.0
    for k in range(3):
        for other in range(k):
            if w[POLE + k] * w[POLE + other] > 0.0:
                one = w[MATRIX + 18 * int(2.0 * w[LEG + k] + 1.0) + 17]
                two = w[MATRIX + 18 * int(2.0 * w[LEG + other] + 1.0) + 17]
                bus.between(w, k, other, one * two / total)


@inlined
def history(w: Any, vdc: float) -> None:
    """Move the filter as if the bus voltage fell to zero, and add the currents that it would have."""
    if w[WHOLE] == 0.0:
        history_in_parts(w, vdc)
        return
    va, vb = w[bus.OLD], w[bus.OLD + 1]
    star = (va + vb + w[bus.OLD + 2]) * THIRD
    va, vb = va - star, vb - star
    # the third phase is what the two leave: all sums are zero
    i1a, i1b, vca, vcb, i2a, i2b = w[I1], w[I1 + 1], w[VC], w[VC + 1], w[I2], w[I2 + 1]
    ea, eb = w[E], w[E + 1]
    m, n, o, q, r = w[ALL], w[ALL + 1], w[ALL + 2], w[ALL + 3], w[ALL + 4]
    new1a = m * i1a + n * vca + o * i2a + q * ea + r * va
    new1b = m * i1b + n * vcb + o * i2b + q * eb + r * vb
    m, n, o, q, r = w[ALL + 6], w[ALL + 7], w[ALL + 8], w[ALL + 9], w[ALL + 10]
    newca = m * i1a + n * vca + o * i2a + q * ea + r * va
    newcb = m * i1b + n * vcb + o * i2b + q * eb + r * vb
    m, n, o, q, r = w[ALL + 12], w[ALL + 13], w[ALL + 14], w[ALL + 15], w[ALL + 16]
    new2a = m * i1a + n * vca + o * i2a + q * ea + r * va
    new2b = m * i1b + n * vcb + o * i2b + q * eb + r * vb
    ha, hb, hc = w[bus.H] + new2a, w[bus.H + 1] + new2b, w[bus.H + 2] - new2a - new2b
    w[OLD_I1], w[OLD_I1 + 1] = i1a, i1b
    w[I1], w[I1 + 1], w[VC], w[VC + 1], w[I2], w[I2 + 1] = new1a, new1b, newca, newcb, new2a, new2b
    w[bus.H], w[bus.H + 1], w[bus.H + 2] = ha, hb, hc


@part
def history_in_parts(w: Any, vdc: float) -> None:
    """Do the same while poles open or legs are blocked: star points by the nodes that are connected."""
    legs = w[LEG] + w[LEG + 1] + w[LEG + 2]
    poles = w[POLE] + w[POLE + 1] + w[POLE + 2]
    shift = star = 0.0
    for k in range(3):
        node = w[VC + k] + w[RD] * (w[I1 + k] - w[I2 + k])
        if w[LEG + k] > 0.0:
            if w[GATES] == 0.0:  # the diodes conduct against half the link
                w[E + k] = -0.5 * vdc if w[I1 + k] > 0.0 else 0.5 * vdc
            shift += (w[E + k] - node) / legs
        if w[POLE + k] > 0.0:
            star += (w[bus.OLD + k] - node) / poles
    mean = weight = 0.0
    for k in range(3):
        i1, vc, i2 = w[I1 + k], w[VC + k], w[I2 + k]
        e, v = w[E + k] - shift, w[bus.OLD + k] - star
        m = MATRIX + 18 * int(2.0 * w[LEG + k] + w[POLE + k])
        w[OLD_I1 + k] = i1
        w[I1 + k] = w[m] * i1 + w[m + 1] * vc + w[m + 2] * i2 + w[m + 3] * e + w[m + 4] * v
        w[VC + k] = w[m + 6] * i1 + w[m + 7] * vc + w[m + 8] * i2 + w[m + 9] * e + w[m + 10] * v
        w[I2 + k] = w[m + 12] * i1 + w[m + 13] * vc + w[m + 14] * i2 + w[m + 15] * e + w[m + 16] * v
        mean += w[I2 + k]
        weight += w[m + 17]
    if poles > 1.0:
        for k in range(3):
            if w[POLE + k] > 0.0:
                m = MATRIX + 18 * int(2.0 * w[LEG + k] + 1.0)
                w[bus.H + k] += w[I2 + k] - mean * w[m + 17] / weight


@inlined
def update(w: Any) -> float:
    """Add what the bus voltage does, let switches open, and return the power out of the bridge [W]."""
    if w[WHOLE] == 0.0 or w[CONTACTOR] == 0.0:
        return float(update_in_parts(w))
    va, vb = w[bus.V], w[bus.V + 1]
    star = (va + vb + w[bus.V + 2]) * THIRD
    va, vb = va - star, vb - star
    m, n, o = w[ALL + 5], w[ALL + 11], w[ALL + 17]
    old_a, old_b, old_c = w[OLD_I1], w[OLD_I1 + 1], w[I1 + 2]
    ea, eb, ec = w[E], w[E + 1], w[E + 2]
    i1a, i1b = w[I1] + m * va, w[I1 + 1] + m * vb
    vca, vcb = w[VC] + n * va, w[VC + 1] + n * vb
    i2a, i2b = w[I2] + o * va, w[I2 + 1] + o * vb
    i1c, i2c = -i1a - i1b, -i2a - i2b
    w[I1], w[I1 + 1], w[I1 + 2] = i1a, i1b, i1c
    w[VC], w[VC + 1], w[VC + 2] = vca, vcb, -vca - vcb
    w[I2], w[I2 + 1], w[I2 + 2] = i2a, i2b, i2c
    w[bus.I_PCS], w[bus.I_PCS + 1], w[bus.I_PCS + 2] = i2a, i2b, i2c
    return float(0.5 * (ea * (old_a + i1a) + eb * (old_b + i1b) + ec * (old_c + i1c)))


@part
def update_in_parts(w: Any) -> float:
    """Do the same while poles open or legs are blocked."""
    if w[WHOLE] > 0.0:  # the contactor has let go in this step
        w[WHOLE] = 0.0
        w[OLD_I1 + 2] = w[I1 + 2]
        w[I1 + 2] = -w[I1] - w[I1 + 1]
        w[VC + 2] = -w[VC] - w[VC + 1]
        w[I2 + 2] = -w[I2] - w[I2 + 1]
    legs = w[LEG] + w[LEG + 1] + w[LEG + 2]
    poles = w[POLE] + w[POLE + 1] + w[POLE + 2]
    star = 0.0
    if poles > 1.0:
        weight = 0.0
        for k in range(3):
            if w[POLE + k] > 0.0:
                g = w[MATRIX + 18 * int(2.0 * w[LEG + k] + 1.0) + 17]
                star += w[I2 + k] + g * w[bus.V + k]
                weight += g
        star /= weight
    power = spread = 0.0
    for k in range(3):
        m = MATRIX + 18 * int(2.0 * w[LEG + k] + w[POLE + k])
        v = w[bus.V + k] - star
        w[I1 + k] += w[m + 5] * v
        w[VC + k] += w[m + 11] * v
        w[I2 + k] += w[m + 17] * v
        spread += w[I1 + k]
    for k in range(3):
        old = w[OLD_I1 + k]
        if w[LEG + k] > 0.0:
            w[I1 + k] -= spread / legs
            if w[GATES] == 0.0 and (old * w[I1 + k] <= 0.0 or legs < 2.0):
                w[LEG + k] = w[I1 + k] = 0.0
                w[bus.CHANGED] = 1.0
            power += w[E + k] * 0.5 * (old + w[I1 + k])
        zero = w[bus.I_PCS + k] * w[I2 + k] <= 0.0 or poles < 2.0
        if w[CONTACTOR] == 0.0 and w[POLE + k] > 0.0 and zero:
            w[POLE + k] = w[I2 + k] = 0.0
            w[bus.CHANGED] = 1.0
        w[bus.I_PCS + k] = w[I2 + k]
    return power


@part
def switch(w: Any) -> None:
    """Begin a control period: the bridge acts as computed in the last, and switches close as commanded."""
    for k in range(3):
        w[E + k] = w[NEXT + k]
        if w[CONTACTOR] > 0.0 and w[POLE + k] == 0.0:
            w[POLE + k] = w[bus.CHANGED] = 1.0
        if w[GATES] > 0.0 and w[LEG + k] == 0.0:
            w[LEG + k] = w[bus.CHANGED] = 1.0
    w[WHOLE] = w[GATES] if w[POLE] + w[POLE + 1] + w[POLE + 2] == 3.0 else 0.0
