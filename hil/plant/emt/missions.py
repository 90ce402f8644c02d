"""What the plant-level control makes of its set-points: the missions, and who goes first.

All powers are per unit of the PCS's rating, positive out of it; frequency and voltage are
per unit of nominal. The functions do the same at 100 us and at 1 s: ramps and lags take
the time since the last call. The rules:

1. Missions take their power in their order, each at most its share, from what those
   before it have left between the lower and the upper limit of power. Volt-watt lowers
   the upper limit.
2. Each mission has an energy reserve that those after it may not use. So the floor of the
   state of charge, from which a mission discharges, rises along the order from the bottom
   of the window; the ceiling, to which it charges, falls likewise. Ride-through only
   discharges and reserves nothing at the top. Within a band above its floor (below its
   ceiling) what a mission may take fades to nothing, so that the last is curtailed first.
3. Ride-through carries the load while the voltage is low; meanwhile the others rest, and
   begin anew after it. It comes first, or its reserve would not be one.
4. Buffering lets the grid follow the load (through a low-pass, where one is set) within
   its ramps, and gives the difference. What it did not get, or what ride-through did, the
   grid has carried: from there the next ramp begins.
5. SOC maintenance shifts what the grid is to carry by a bounded bias towards the target
   of the state of charge. With buffering it goes through buffering's ramps, which
   therefore hold for both. It rests as far as the battery has energy for a dispatch.
6. Frequency response is droop beyond a deadband, added to what there was; dispatch is the
   ramped set-point plus a demand-response event.

Lags are of first order; the open-loop response time is when 90 % is reached (IEEE 1547).
"""

from __future__ import annotations

import math
from typing import Any, Final

from hil.jit import part

from . import world

RIDE_THROUGH, BUFFERING, FREQUENCY, DISPATCH, MAINTENANCE = range(5)
MISSIONS: Final = 5
FREE, BY_SHARE, BY_ENERGY, BY_POWER = range(4)

LOWEST, HIGHEST = 0.88, 1.1
"""Continuous range of IEEE 1547-2018 [pu] [V], in which volt-var acts."""

BASE: Final = world.MISSIONS

# Results [pu]; per mission: what it asks for, what it got, why not more; upper limit of power now.
P_REF, Q_REF = BASE + 0, BASE + 1
WANT, GOT, LIMIT = BASE + 2, BASE + 7, BASE + 12
UPPER: Final = BASE + 17
# States: begun (zero, as where the PCS does not run: begin anew); ride-through acts; what the grid carries of
# the load; low-pass of the load; bias; ramped set-point and event; droop, reactive power and power limit
# after their lags [pu].
STARTED, RIDING, GRID, FILTERED, BIAS, SET, EVENT, DROOP, CURVE_Q, CURVE_P = range(BASE + 18, BASE + 28)
# Command: demand-response event: power [pu], how long it still lasts [s], ramps to it and back [pu/s].
EVENT_P, EVENT_LEFT, EVENT_RAMP, RETURN_RAMP = range(BASE + 28, BASE + 32)
# Parameters per mission: switched on, share of power [pu], reserve [pu of SOC]; and their order.
ON, SHARE, RESERVE, ORDER = BASE + 32, BASE + 37, BASE + 42, BASE + 47
# Limits of power, charging negative, and of reactive power [pu]; window, target and band of the SOC [pu].
P_MIN, P_MAX, Q_MAX, SOC_LOW, SOC_HIGH, SOC_TARGET, PER_BAND = range(BASE + 52, BASE + 59)
# Ramps of the set-point [pu/s]; voltage below which ride-through acts, and to which it does [pu].
RAMP_UP, RAMP_DOWN, RIDE_V, RIDE_OUT_V = range(BASE + 59, BASE + 63)
# Buffering: ramps of the grid side [pu/s], time constant of its low-pass [s]; bias per SOC, and its bound.
GRID_UP, GRID_DOWN, FILTER, BIAS_GAIN, BIAS_MAX = range(BASE + 63, BASE + 68)
# Frequency-watt: deadband, one over droop [pu]. Curves: switched on, voltages, reactive powers [pu]. Time
# constants of all three [s].
DEADBAND, PER_DROOP, VV_ON, VV_V = range(BASE + 68, BASE + 72)
VV_Q, VW_ON, VW_V1, VW_V2 = BASE + 75, BASE + 79, BASE + 80, BASE + 81
DROOP_TAU, VV_TAU, VW_TAU = BASE + 82, BASE + 83, BASE + 84
END: Final = BASE + 85


@part
def lagged(y: float, goal: float, dt: float, tau: float) -> float:
    """Return where a first-order lag has moved after a time [s]."""
    return goal + (y - goal) * math.exp(-dt / tau) if tau > 0.0 else goal


@part
def ramped(y: float, goal: float, up: float, down: float) -> float:
    """Return y moved towards a goal by no more than up or down."""
    return y + max(-down, min(up, goal - y))


@part
def droop(x: Any, f: float) -> float:
    """Return the power that a frequency asks for [pu]."""
    beyond = max(0.0, f - 1.0 - x[DEADBAND]) - max(0.0, 1.0 - x[DEADBAND] - f)
    power: float = -beyond * x[PER_DROOP]
    return power


@part
def volt_var(x: Any, v: float) -> float:
    """Return the reactive power of the four-point curve [pu]."""
    q: float = x[VV_Q]
    for n in range(VV_V, VV_V + 3):
        way = max(0.0, min(1.0, (v - x[n]) / (x[n + 1] - x[n])))
        q += way * (x[n + 5] - x[n + 4])
    return q


@part
def curves(x: Any, dt: float, v: float, q_set: float) -> None:
    """Find reactive power and upper limit of power: from the voltage, where its curves are on."""
    if x[VV_ON] == 0.0:
        x[CURVE_Q] = 0.0
    elif LOWEST <= v <= HIGHEST:  # beyond, it rides through a fault and supports the voltage in its own way
        x[CURVE_Q] = lagged(x[CURVE_Q], volt_var(x, v), dt, x[VV_TAU])
    x[Q_REF] = max(-x[Q_MAX], min(x[Q_MAX], q_set + x[CURVE_Q]))
    limit = x[P_MAX]
    if x[VW_ON] > 0.0:
        limit *= max(0.0, min(1.0, (x[VW_V2] - v) / (x[VW_V2] - x[VW_V1])))
        limit = lagged(x[CURVE_P], limit, dt, x[VW_TAU])
    x[CURVE_P] = x[UPPER] = limit


@part
def demands(x: Any, dt: float, f: float, soc: float, p_load: float, p_set: float) -> None:
    """Find what each mission asks for, ride-through not acting."""
    served = 0.0
    if x[WANT + DISPATCH] != 0.0:
        short = x[LIMIT + DISPATCH] == BY_ENERGY
        served = x[ON + DISPATCH] * (x[GOT + DISPATCH] / x[WANT + DISPATCH] if short else 1.0)
    x[DROOP] = lagged(x[DROOP], droop(x, f), dt, x[DROOP_TAU])
    x[SET] = ramped(x[SET], p_set, x[RAMP_UP] * dt, x[RAMP_DOWN] * dt)
    if x[EVENT_LEFT] > 0.0:
        x[EVENT_LEFT] = max(0.0, x[EVENT_LEFT] - dt)
        x[EVENT] = ramped(x[EVENT], x[EVENT_P], x[EVENT_RAMP] * dt, x[EVENT_RAMP] * dt)
    else:
        x[EVENT] = ramped(x[EVENT], 0.0, x[RETURN_RAMP] * dt, x[RETURN_RAMP] * dt)
    x[WANT + RIDE_THROUGH] = 0.0
    x[WANT + FREQUENCY] = x[DROOP]
    x[WANT + DISPATCH] = x[SET] + x[EVENT]
    bias = max(-x[BIAS_MAX], min(x[BIAS_MAX], x[BIAS_GAIN] * (x[SOC_TARGET] - soc)))
    x[BIAS] = (1.0 - served) * x[ON + MAINTENANCE] * bias
    x[FILTERED] = lagged(x[FILTERED], p_load, dt, x[FILTER])
    up, down = x[GRID_UP] * dt, x[GRID_DOWN] * dt
    if x[ON + BUFFERING] > 0.0:
        x[WANT + BUFFERING] = p_load - ramped(x[GRID], x[FILTERED] + x[BIAS], up, down)
        x[WANT + MAINTENANCE] = 0.0
    else:  # alone: from what both gave until now
        balance = x[GOT + BUFFERING] + x[GOT + MAINTENANCE]
        x[WANT + BUFFERING] = 0.0
        x[WANT + MAINTENANCE] = ramped(balance, -x[BIAS], down, up)


@part
def rest(x: Any, p_load: float) -> None:
    """Let all missions rest, to begin anew."""
    for n in range(MISSIONS):
        x[WANT + n] = x[GOT + n] = 0.0
    x[FILTERED] = p_load
    x[BIAS] = x[SET] = x[EVENT] = x[DROOP] = 0.0


@part
def grant(x: Any, m: int, room: float, energy: float) -> float:
    """Return what a mission gets, discharging or charging, and note why it gets no more."""
    want: float = abs(x[WANT + m])
    limit = FREE
    if want > x[SHARE + m]:
        want, limit = x[SHARE + m], BY_SHARE
    if want > max(0.0, energy):
        want, limit = max(0.0, energy), BY_ENERGY
    if want > max(0.0, room):
        want, limit = max(0.0, room), BY_POWER
    x[LIMIT + m] = limit
    return -want if x[WANT + m] < 0.0 else want


@part
def control(
    x: Any, dt: float, f: float, v: float, soc: float, p_load: float, p_set: float, q_set: float
) -> None:
    """Write P_REF and Q_REF, a time [s] after the last call."""
    if x[STARTED] == 0.0:
        rest(x, p_load)
        x[STARTED], x[RIDING], x[GRID] = 1.0, 0.0, p_load
        x[CURVE_Q], x[CURVE_P] = 0.0, x[P_MAX]
    curves(x, dt, v, q_set)
    x[RIDING] = x[ON + RIDE_THROUGH] if v < (x[RIDE_OUT_V] if x[RIDING] > 0.0 else x[RIDE_V]) else 0.0
    if x[RIDING] > 0.0:
        rest(x, p_load)
        x[WANT + RIDE_THROUGH] = p_load
    else:
        demands(x, dt, f, soc, p_load, p_set)
    total = 0.0
    floor, ceiling = x[SOC_LOW], x[SOC_HIGH]
    for n in range(MISSIONS):
        m = int(x[ORDER + n])
        x[GOT + m] = x[LIMIT + m] = 0.0
        if x[ON + m] > 0.0:
            if x[WANT + m] > 0.0:
                x[GOT + m] = grant(x, m, x[UPPER] - total, (soc - floor) * x[PER_BAND])
            else:
                x[GOT + m] = grant(x, m, total - x[P_MIN], (ceiling - soc) * x[PER_BAND])
            total += x[GOT + m]
            floor += x[RESERVE + m]
            if m != RIDE_THROUGH:
                ceiling -= x[RESERVE + m]
    x[GRID] = p_load - x[GOT + RIDE_THROUGH] - x[GOT + BUFFERING] - x[GOT + MAINTENANCE]
    x[P_REF] = total
