"""The load: a bank of R, L and C per phase behind a three-pole breaker, and an electronic AC load.

The bank's parts stand in parallel, phase to ground. All reactors have the same L / R and all
capacitors the same R C, so two in parallel are again one, and a part that is switched in leaves
current and charge as they are. Parts leave at the zero of their own current, as a contactor
lets go; poles open at the zero of the bank's current, and what is behind them discharges.

The electronic load stands for power supplies and UPS behind a delta winding: a conductance
and a susceptance on the line-to-line voltages, without neutral current. It holds its active
and reactive power (instantaneous, H. Akagi et al., IEEE Trans. IA-20, 1984) by dividing by
the square of the voltage. That square passes a first-order lag, slower than a cycle, so that
an unbalanced voltage does not modulate the load, and the mean power is exact none the less:
d/dt ln of the lag's output, which is the error, has no mean in a steady state. Current is
limited at once; below that voltage the load is one of constant current.
"""

from __future__ import annotations

import math
from typing import Any, Final

from hil.jit import inlined, part

from . import bus
from .world import LOAD

ROOT: Final = 1.0 / math.sqrt(3.0)
LOCKOUT: Final = 0.09
"""Square of the voltage [pu] below which a rectifier does not run (0.3 pu, general knowledge)."""
ROUNDING: Final = 1e-9
"""Smallest change of the admittance that is worth a new bus matrix, as part of the rated one."""
EARLY: Final = 1e-9
"""By how much an instant may come too early [s]: it is exact to rounding only."""

BASE: Final = LOAD

# Bank. Poles closed, command; conductance [S], reciprocal inductance [1/H], capacitance [F], as they are and
# as commanded.
POLE, CLOSED = BASE + 0, BASE + 3
G, INV_L, CAP, WANT_G, WANT_INV_L, WANT_CAP = range(BASE + 4, BASE + 22, 3)
# Reactor current [A], history voltage and current of the capacitor [V, A], current of the bank [A].
I_L, U, I_C, CURRENT = range(BASE + 22, BASE + 34, 3)
# Reactor: i = DECAY i + INV_L KL (v + v_old). Capacitor: i = CAP KC (v - u), u += BETA (v - u). Half a step
# [s].
DECAY, KL, KC, BETA, HALF = range(BASE + 34, BASE + 39)

# Electronic load. Command; set-points [W, var]; square of the rated voltage [V^2], rated admittance [S],
# limit of admittance times voltage [A]; control period [s], gains of the two lags per period.
ON, P, Q, RATED, ADMITTANCE, LIMIT, DT, GAIN_POWER, GAIN_VOLTAGE = range(BASE + 39, BASE + 48)
# Profile in place of the set-points: points (0 for none), Q over P, start [s], repeated or not, held or
# joined by lines, factor.
POINTS, TANGENT, START, REPEATED, HELD, SCALE = range(BASE + 48, BASE + 54)
# UPS: whether it transfers, below which square of the voltage [pu], after how long [s], for how long [s], and
# how fast the load returns [1/s].
TRANSFERS, UNDER, PATIENCE, ABSENCE, RETURN = range(BASE + 54, BASE + 59)
# States: line-to-line squares after one lag and after two [V^2]; powers after the lag [W, var]; admittances
# on the bus [S]; time under voltage [s], until the return [s], part of the load that is fed.
SQUARE, SLOW = BASE + 59, BASE + 62
P_NOW, Q_NOW, G_NOW, B_NOW, LOW, WAIT, SHARE = range(BASE + 65, BASE + 72)
END: Final = BASE + 72


@part
def admit(w: Any) -> None:
    """Add the bank's closed poles and the electronic load to the bus."""
    for k in range(3):
        if w[POLE + k] > 0.0:
            bus.to_ground(w, k, w[G + k] + w[INV_L + k] * w[KL] + w[CAP + k] * w[KC])
            w[bus.LIVE] = 1.0  # an islanded bank rings down, it is not gone at once
        nxt, after = (k + 1) % 3, (k + 2) % 3
        bus.between(w, k, nxt, w[G_NOW] / 3.0)
        w[bus.Y + 3 * k + nxt] += ROOT * w[B_NOW]  # inductive: it draws in quadrature, and no active power
        w[bus.Y + 3 * k + after] -= ROOT * w[B_NOW]


@inlined
def history(w: Any) -> None:
    """Add the history of the bank's reactors and capacitors."""
    for k in range(3):
        if w[POLE + k] > 0.0:
            reactor = w[DECAY] * w[I_L + k] + w[INV_L + k] * w[KL] * w[bus.OLD + k]
            w[bus.H + k] -= reactor - w[CAP + k] * w[KC] * w[U + k]


@inlined
def update(w: Any) -> None:
    """Take the new currents; parts and poles that have been told to let go do so at their current zero."""
    zero = (w[bus.V] + w[bus.V + 1] + w[bus.V + 2]) / 3.0
    for k in range(3):
        v = w[bus.V + k]
        quadrature = ROOT * (w[bus.V + (k + 1) % 3] - w[bus.V + (k + 2) % 3])
        if w[POLE + k] > 0.0:
            move(w, k, v)
        w[bus.I_LOAD + k] = w[CURRENT + k] + w[G_NOW] * (v - zero) + w[B_NOW] * quadrature


@inlined
def move(w: Any, k: int, v: float) -> None:
    """Move one phase of the bank to the end of the step, at this voltage [V]."""
    inductive, capacitive, total = w[I_L + k], w[I_C + k], w[CURRENT + k]
    w[I_L + k] = w[DECAY] * inductive + w[INV_L + k] * w[KL] * (v + w[bus.OLD + k])
    w[I_C + k] = w[CAP + k] * w[KC] * (v - w[U + k])
    w[U + k] += w[BETA] * (v - w[U + k])
    w[CURRENT + k] = w[G + k] * v + w[I_L + k] + w[I_C + k]
    if w[WANT_G + k] < w[G + k] and w[bus.OLD + k] * v <= 0.0:
        w[G + k] = w[WANT_G + k]
        w[bus.CHANGED] = 1.0
    if w[WANT_INV_L + k] < w[INV_L + k] and inductive * w[I_L + k] <= 0.0:
        w[INV_L + k] = w[WANT_INV_L + k]
        if w[INV_L + k] == 0.0:
            w[I_L + k] = 0.0
        w[bus.CHANGED] = 1.0
    if w[WANT_CAP + k] < w[CAP + k] and capacitive * w[I_C + k] <= 0.0:
        recharge(w, k, 1.0)
        w[bus.CHANGED] = 1.0
    if w[CLOSED] == 0.0 and total * w[CURRENT + k] <= 0.0:
        w[POLE + k] = w[I_L + k] = w[I_C + k] = w[U + k] = w[CURRENT + k] = 0.0
        w[bus.CHANGED] = 1.0


@part
def recharge(w: Any, k: int, kept: float) -> None:
    """Take the capacitance that is commanded, with this part of the voltage, and the current continuous."""
    if w[WANT_CAP + k] > 0.0:
        volts = w[U + k]
        if w[CAP + k] > 0.0:
            volts -= w[HALF] * w[I_C + k] / w[CAP + k]
        w[U + k] = kept * volts + w[HALF] * w[I_C + k] / w[WANT_CAP + k]
    else:
        w[U + k] = w[I_C + k] = 0.0
    w[CAP + k] = w[WANT_CAP + k]


@part
def control(w: Any, time: float, profile: Any) -> None:
    """Close the poles, switch in what is added to the bank, and set the electronic load for this period.

    The profile is time since its start, P, time, P, ... [s, W]; any array will do where POINTS is zero.
    """
    for k in range(3):
        if w[CLOSED] > 0.0 and w[POLE + k] == 0.0:
            w[POLE + k] = w[bus.CHANGED] = 1.0
        idle = w[POLE + k] == 0.0
        if w[WANT_G + k] > w[G + k] or (idle and w[WANT_G + k] < w[G + k]):
            w[G + k] = w[WANT_G + k]
            w[bus.CHANGED] = 1.0
        if w[WANT_INV_L + k] > w[INV_L + k] or (idle and w[WANT_INV_L + k] < w[INV_L + k]):
            w[INV_L + k] = w[WANT_INV_L + k]
            w[bus.CHANGED] = 1.0
        if w[WANT_CAP + k] > w[CAP + k] or (idle and w[WANT_CAP + k] < w[CAP + k]):
            recharge(w, k, w[CAP + k] / w[WANT_CAP + k] if w[WANT_CAP + k] > 0.0 else 0.0)  # charge is shared
            w[bus.CHANGED] = 1.0
    follow(w, time, profile)


@part
def follow(w: Any, time: float, profile: Any) -> None:
    """Let the electronic load's admittance follow its powers and the voltage."""
    now, filtered, lowest = 0.0, 0.0, math.inf
    for k in range(3):
        volts = w[bus.V + k] - w[bus.V + (k + 1) % 3]
        w[SQUARE + k] += w[GAIN_VOLTAGE] * (volts * volts - w[SQUARE + k])
        w[SLOW + k] += w[GAIN_VOLTAGE] * (w[SQUARE + k] - w[SLOW + k])
        now += volts * volts / 3.0
        filtered += w[SQUARE + k] / 3.0
        lowest = min(lowest, w[SLOW + k])
    ride_through(w, lowest < w[UNDER] * w[RATED])
    fed = w[SHARE] if w[ON] > 0.0 and filtered > LOCKOUT * w[RATED] else 0.0
    watts, var = w[P], w[Q]
    since = time - w[START]
    if w[POINTS] > 0.0 and since >= -EARLY:  # before its start a profile leaves the set-points
        watts = w[SCALE] * power(w, profile, since)
        var = w[TANGENT] * watts
    w[P_NOW] += w[GAIN_POWER] * (fed * watts - w[P_NOW])
    w[Q_NOW] += w[GAIN_POWER] * (fed * var - w[Q_NOW])
    filtered = max(filtered, LOCKOUT * w[RATED])
    g, q = w[P_NOW] / filtered, w[Q_NOW] / filtered
    most = w[LIMIT] / math.sqrt(max(now, filtered))
    size = math.sqrt(g * g + q * q)
    if size > most:
        g, q = g * most / size, q * most / size
    if abs(g - w[G_NOW]) + abs(q - w[B_NOW]) > ROUNDING * w[ADMITTANCE]:
        w[G_NOW], w[B_NOW] = g, q
        w[bus.CHANGED] = 1.0


@part
def power(w: Any, profile: Any, since: float) -> float:
    """Return the profile's power at a time after its start [s]; beyond its end, the last one [W].

    Repeated, it begins again at its last point.
    """
    high = int(w[POINTS]) - 1
    if w[HELD] > 0.0:
        since += EARLY
    if w[REPEATED] > 0.0:
        since = since % profile[2 * high]
    if since >= profile[2 * high]:
        return float(profile[2 * high + 1])
    low = 0
    while high - low > 1:
        middle = (low + high) // 2
        if profile[2 * middle] <= since:
            low = middle
        else:
            high = middle
    value: float = profile[2 * low + 1]
    if w[HELD] > 0.0:
        return value
    part_way: float = (since - profile[2 * low]) / (profile[2 * high] - profile[2 * low])
    return value + part_way * float(profile[2 * high + 1] - value)


@part
def ride_through(w: Any, low: bool) -> None:
    """Let the UPS take the load from the bus in a sag, and bring it back after a while."""
    if w[TRANSFERS] == 0.0 or w[ON] == 0.0:
        w[LOW], w[WAIT], w[SHARE] = 0.0, 0.0, 1.0
    elif low:
        w[LOW] += w[DT]
        if w[LOW] >= w[PATIENCE]:
            w[SHARE], w[WAIT] = 0.0, w[ABSENCE]
    else:
        w[LOW] = 0.0
        if w[WAIT] > 0.0:
            w[WAIT] -= w[DT]
        elif w[SHARE] < 1.0:
            w[SHARE] = min(1.0, w[SHARE] + w[RETURN] * w[DT])
