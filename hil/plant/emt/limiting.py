"""How a forming PCS keeps to its current limit, and in step while it does.

The current that the bridge's voltage is about to drive is held within a circle, at once, in
`forming.voltage`. What the voltage source would then give too much in the steady state, in
both sequences, is taken from its internal voltage within some milliseconds. So it stays a
voltage source, in a grid and in an island, and there is nothing to switch over that could
chatter. While a fault keeps the voltage low the speed hardly moves, and when the voltage has
fallen and when it is back the angle goes to the lead that it had on the bus before: no swing
is left.
"""

from __future__ import annotations

import math
from typing import Any, Final

from hil.jit import part

from .following import limit
from .sensing import SQRT3
from .unit import (
    AHEAD,
    BAND,
    BC,
    DELTA,
    EMF,
    FAULT_PRIORITY,
    FIRST_P,
    IF_D,
    IF_Q,
    LIMITED,
    LIMITER,
    LOW,
    MD,
    MIXED,
    MQ,
    ND,
    NQ,
    P_FIL,
    PACE,
    POS_A,
    POS_B,
    PRIORITY,
    RA,
    REACH,
    RV,
    SPEED,
    TC,
    THRESHOLD,
    V_A,
    V_B,
    V_FIL,
    VPOS,
    W0,
    WD,
    WITHHELD,
    WQ,
    X2,
    XC,
    XV,
)

SHEDDING: Final = 0.003
"""Time constant with which the internal voltage gives way, and comes back [s]."""
OPENING: Final = 0.1
"""Time constant with which the circle widens to what both sequences together reach [s]."""
CATCHING: Final = 0.066
"""For how long the angle follows the bus when its voltage is back [s]."""
HEADROOM: Final = 0.98
"""Part of the limit that is aimed at: neither the sequences nor the delays are known to the last percent."""
REST: Final = 0.02
"""Voltage taken away from which on the PCS counts as limited [pu]."""


@part
def shed(w: Any, emf: float, cos: float, sin: float) -> None:
    """Move what is taken from the internal voltage towards what the limit asks for."""
    r, x, c = w[RV], w[XV] + w[XC], w[BC]
    v_d, v_q = w[POS_A] * cos + w[POS_B] * sin, w[POS_B] * cos - w[POS_A] * sin
    i_d, i_q = divide(emf - v_d, -v_q, r, x)
    inner = c * (1.0 - w[X2] / x)  # the capacitor's share does not reach the bus, nor flow through all of it
    i_d, i_q = i_d + inner * v_q, i_q - inner * v_d
    # negative sequence, in a frame that turns backwards: there the reactances have the other sign
    a, b = w[V_A] - w[POS_A], w[V_B] - w[POS_B]
    a, b = a * cos - b * sin, a * sin + b * cos
    r2, x2 = w[RV] + w[RA], w[XV] - w[XC]
    n_d, n_q = divide(w[ND] - a, w[NQ] - b, r2, x2)
    n_d, n_q = n_d - c * b, n_q + c * a
    highest = largest(i_d, i_q, n_d, n_q)
    most = HEADROOM * limit(w)
    share = min(1.0, allowed(w, highest, math.sqrt(r * r + x * x), most) / highest)
    to_d, to_q = share * i_d, share * i_q
    # a priority turns the one sequence against the other: not where both are the fault's
    if share < 1.0 and 4.0 * (n_d * n_d + n_q * n_q) < i_d * i_d + i_q * i_q:
        to_d, to_q = within(w, i_d, i_q, v_d, v_q, share)
        more = min(1.0, share * highest / largest(to_d, to_q, share * n_d, share * n_q))
        to_d, to_q, share = more * to_d, more * to_q, more * share
    over_d, over_q, less = i_d - to_d, i_q - to_q, share - 1.0
    w[WITHHELD] = v_d * over_d + v_q * over_q
    step = w[TC] / SHEDDING
    w[WD] += step * (r * over_d - x * over_q - w[WD])
    w[WQ] += step * (r * over_q + x * over_d - w[WQ])
    w[MD] += step * (less * (r2 * n_d - x2 * n_q) - w[MD])
    w[MQ] += step * (less * (r2 * n_q + x2 * n_d) - w[MQ])
    w[REACH] += w[TC] / OPENING * (most * reach(to_d, to_q, share * n_d, share * n_q) - w[REACH])
    if share < 1.0:  # the active damping then holds the current to where it is to go
        w[IF_D] += step * (to_d - c * v_q - w[IF_D])
        w[IF_Q] += step * (to_q + c * v_d - w[IF_Q])
    taken = abs(w[WD]) + abs(w[WQ]) + abs(w[MD]) + abs(w[MQ])
    # a load that is switched on pulls the voltage down for a fraction of a millisecond: that is no limit yet
    w[LIMITED] = 1.0 if taken > REST or (share < 1.0 and w[LIMITED] > 0.0) else 0.0


@part
def largest(i_d: float, i_q: float, n_d: float, n_q: float) -> float:
    """Return the largest of the three phases' amplitudes, |i + conj(n) e^{j 120 k}|, of both sequences."""
    along, across = i_d * n_d - i_q * n_q, i_d * n_q + i_q * n_d
    together = max(along, 0.5 * (SQRT3 * abs(across) - along))
    squares = i_d * i_d + i_q * i_q + n_d * n_d + n_q * n_q
    size: float = math.sqrt(max(1e-18, squares + 2.0 * together))
    return size


@part
def reach(i_d: float, i_q: float, n_d: float, n_q: float) -> float:
    """Return how far the space vector reaches beyond the largest phase, 1 to 2 / sqrt(3)."""
    sizes = math.sqrt(i_d * i_d + i_q * i_q) + math.sqrt(n_d * n_d + n_q * n_q)
    beyond: float = max(1.0, sizes / largest(i_d, i_q, n_d, n_q))
    return beyond


@part
def divide(a: float, b: float, r: float, x: float) -> Any:
    """Return (a + jb) / (r + jx)."""
    square = max(r * r + x * x, 1e-9)
    return (a * r + b * x) / square, (b * r - a * x) / square


@part
def allowed(w: Any, size: float, z: float, most: float) -> float:
    """Return how much of a steady current the limiter lets through [pu]."""
    growth: float = w[LIMITER]
    threshold: float = w[THRESHOLD]
    if growth == 0.0 or size <= threshold:
        return most
    # a virtual impedance that grows with the current beyond: i (z + growth (i - threshold)) = size z
    half = 0.5 * (growth * threshold - z)
    reached: float = (half + math.sqrt(half * half + growth * z * size)) / growth
    return min(most, reached)


@part
def within(w: Any, i_d: float, i_q: float, v_d: float, v_q: float, share: float) -> Any:
    """Return a share of a current: its active or reactive part first, or its direction kept."""
    v = math.sqrt(v_d * v_d + v_q * v_q)
    first = w[FAULT_PRIORITY] if abs(w[V_FIL] - 1.0) > w[BAND] else w[PRIORITY]
    if first == MIXED or v < 0.02:
        return share * i_d, share * i_q
    most = share * math.sqrt(i_d * i_d + i_q * i_q)
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
def keep_pace(w: Any) -> None:
    """Remember speed and lead on the bus; go back to them when a fault's voltage is known, and after it."""
    cos, sin = math.cos(w[DELTA]), math.sin(w[DELTA])
    v_d, v_q = w[POS_A] * cos + w[POS_B] * sin, w[POS_B] * cos - w[POS_A] * sin
    lead = -math.atan2(v_q, v_d)
    settled = 0.5 * math.pi / w[W0]  # a quarter period, until the positive sequence is known
    was = w[LOW]
    if w[LIMITED] > 0.0 and w[VPOS] < 1.0 - (w[BAND] if was > 0.0 else 1.5 * w[BAND]):
        w[LOW] = (was if was >= 0.0 else settled) + w[TC]
    elif was > 0.0:
        w[LOW] = -settled - CATCHING if was > settled else 0.0
    else:
        w[LOW] = min(0.0, was + w[TC])
    if w[LIMITED] == 0.0 and w[LOW] == 0.0:
        w[PACE] += w[TC] / 0.1 * (w[SPEED] - w[PACE])
        w[AHEAD] += w[TC] / 0.1 * (lead - w[AHEAD])
    elif was < settled <= w[LOW]:
        turn_by(w, w[AHEAD] - lead)
    elif -CATCHING < w[LOW] < 0.0:
        turn_by(w, w[TC] / SHEDDING * (w[AHEAD] - lead))


@part
def turn_by(w: Any, angle: float) -> None:
    """Turn the internal voltage [rad]; what the limit leaves of it stays where it is."""
    cos, sin = math.cos(angle), math.sin(angle)
    e_d, e_q = w[EMF] - w[WD], -w[WQ]
    w[WD], w[WQ] = w[EMF] - e_d * cos - e_q * sin, e_d * sin - e_q * cos
    w[ND], w[NQ] = w[ND] * cos - w[NQ] * sin, w[NQ] * cos + w[ND] * sin
    w[MD], w[MQ] = w[MD] * cos - w[MQ] * sin, w[MQ] * cos + w[MD] * sin
    w[DELTA] += angle
    w[SPEED] = w[PACE]
    v_d, v_q = w[VPOS] * math.cos(w[AHEAD]), -w[VPOS] * math.sin(w[AHEAD])
    w[IF_D], w[IF_Q] = divide(w[EMF] - v_d, -v_q, w[RV], w[XV] + w[XC])
    w[P_FIL] = v_d * w[IF_D] + v_q * w[IF_Q]
