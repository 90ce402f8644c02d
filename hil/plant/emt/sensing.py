"""What the PCS's control sees: per-unit values, positive sequence, PLL, and its bus against the source."""

from __future__ import annotations

import math
from typing import Any, Final

from hil.jit import part

from . import bus
from .unit import (
    COS,
    DELAY_LINE,
    FILTER_V,
    FILTER_W,
    HEAD,
    I1,
    I1_A,
    I1_B,
    I2,
    I2_A,
    I2_B,
    IN_STEP,
    KIPLL,
    KPLL,
    PER_IB,
    PER_VB,
    PHASE,
    POS_A,
    POS_B,
    RING,
    RISE,
    SIN,
    SLIP,
    SYNC_ANGLE,
    SYNC_SLIP,
    SYNC_VOLTS,
    TC,
    THETA,
    V_A,
    V_B,
    VMAG,
    VMAX,
    VMIN,
    VPOS,
    W0,
    W_INT,
    W_NOW,
    W_PLL,
)

SQRT3: Final = math.sqrt(3.0)


@part
def instantaneous(w: Any) -> None:
    """Turn this instant's voltages and currents into alpha and beta, per unit of their rated peaks."""
    w[V_A] = (2.0 * w[bus.V] - w[bus.V + 1] - w[bus.V + 2]) / 3.0 * w[PER_VB]
    w[V_B] = (w[bus.V + 1] - w[bus.V + 2]) / SQRT3 * w[PER_VB]
    w[I1_A] = (2.0 * w[I1] - w[I1 + 1] - w[I1 + 2]) / 3.0 * w[PER_IB]
    w[I1_B] = (w[I1 + 1] - w[I1 + 2]) / SQRT3 * w[PER_IB]
    w[I2_A] = (2.0 * w[I2] - w[I2 + 1] - w[I2 + 2]) / 3.0 * w[PER_IB]
    w[I2_B] = (w[I2 + 1] - w[I2 + 2]) / SQRT3 * w[PER_IB]


@part
def positive_sequence(w: Any) -> None:
    """Find the positive sequence of the bus voltage and lock onto it.

    A signal and itself a quarter period earlier are in quadrature: together they give each
    phase's amplitude, and cancel the negative sequence (delayed signal cancellation).
    """
    head = int(w[HEAD])
    quarter = 0.5 * math.pi / ((w[W0] + w[W_INT]) * w[TC])
    whole = int(quarter)
    part_ = quarter - whole
    near = 3 * ((head - whole + DELAY_LINE) % DELAY_LINE)
    far = 3 * ((head - whole - 1 + DELAY_LINE) % DELAY_LINE)
    for k in range(3):
        w[RING + 3 * head + k] = w[bus.V + k] * w[PER_VB]
    w[HEAD] = (head + 1) % DELAY_LINE
    va, vb, vc = w[RING + 3 * head], w[RING + 3 * head + 1], w[RING + 3 * head + 2]
    da = w[RING + near] + part_ * (w[RING + far] - w[RING + near])
    db = w[RING + near + 1] + part_ * (w[RING + far + 1] - w[RING + near + 1])
    dc = w[RING + near + 2] + part_ * (w[RING + far + 2] - w[RING + near + 2])
    a, b_, c = math.sqrt(va * va + da * da), math.sqrt(vb * vb + db * db), math.sqrt(vc * vc + dc * dc)
    w[VMIN] = min(a, b_, c)
    # without a neutral nothing holds the star point: a ground fault in an island moves it, and no more
    vo, do = (va + vb + vc) / 3.0, (da + db + dc) / 3.0
    a, b_, c = (
        (va - vo) ** 2 + (da - do) ** 2,
        (vb - vo) ** 2 + (db - do) ** 2,
        (vc - vo) ** 2 + (dc - do) ** 2,
    )
    w[VMAX] = math.sqrt(max(a, b_, c))
    alpha = 0.5 * ((2.0 * va - vb - vc) / 3.0 - (db - dc) / SQRT3)
    beta = 0.5 * ((vb - vc) / SQRT3 + (2.0 * da - db - dc) / 3.0)
    w[POS_A], w[POS_B] = alpha, beta
    w[VPOS] = math.sqrt(alpha * alpha + beta * beta)
    w[VMAG] += w[FILTER_V] * (w[VPOS] - w[VMAG])
    w[THETA] += w[W_NOW] * w[TC]
    if w[THETA] > 2.0 * math.pi:
        w[THETA] -= 2.0 * math.pi
    w[COS], w[SIN] = math.cos(w[THETA]), math.sin(w[THETA])
    w[W_NOW] = w[W0] + w[W_INT]
    if w[VPOS] > 0.05:  # below, there is nothing to lock onto, and the PLL runs on
        error = (beta * w[COS] - alpha * w[SIN]) / w[VPOS]
        w[W_INT] = max(-0.08 * w[W0], min(0.08 * w[W0], w[W_INT] + w[KIPLL] * error))
        w[W_NOW] = w[W0] + w[W_INT] + w[KPLL] * error
    w[W_PLL] += w[FILTER_W] * (w[W_NOW] - w[W_PLL])


@part
def compare(w: Any) -> None:
    """Compare the bus with the source beyond the open breaker, and count how long they are in step."""
    ga = (2.0 * w[bus.V_SOURCE] - w[bus.V_SOURCE + 1] - w[bus.V_SOURCE + 2]) / 3.0 * w[PER_VB]
    gb = (w[bus.V_SOURCE + 1] - w[bus.V_SOURCE + 2]) / SQRT3 * w[PER_VB]
    va, vb = w[V_A], w[V_B]
    source, own = math.sqrt(ga * ga + gb * gb), math.sqrt(va * va + vb * vb)
    w[RISE] = own - source
    if source < 0.1 or own < 0.1:
        w[IN_STEP] = 0.0
        return
    phase = math.atan2(vb * ga - va * gb, va * ga + vb * gb)
    turn = phase - w[PHASE]
    if turn > math.pi:
        turn -= 2.0 * math.pi
    elif turn < -math.pi:
        turn += 2.0 * math.pi
    w[SLIP] += w[TC] / 0.05 * (turn / w[TC] - w[SLIP])
    w[PHASE] = phase
    close = abs(phase) < w[SYNC_ANGLE] and abs(w[RISE]) < w[SYNC_VOLTS]
    if close and abs(w[SLIP]) < w[SYNC_SLIP]:
        w[IN_STEP] += w[TC]
    else:
        w[IN_STEP] = 0.0
