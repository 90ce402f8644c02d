"""Generator sets: engine, governor, alternator and AVR, several in parallel on the bus.

All sets are in one array, each at its offset o, a multiple of SIZE. Alternator: an EMF behind
transient reactance and resistance, that the field moves (flux of the q axis only: no transient
saliency, no subtransient parts, their damping as a term of the swing). Swing in per unit of the
rated power, 2H dw/dt = Pm - Pe - D (w - w_bus), second order in the period: Pe is the mean of the
past period, so the speed is its exact integral, and the EMF has the speed of the coming period's
middle. Lags are exact for an input that is held; dead time is a ring, exact too. The
AVR is SEXS (exciter of one lag) with droop for reactive power and a V/Hz roll-off.

Each step, and for each set: `advance`, `history`, `update`; each period, `measure` for all sets
and then `regulate`. Whoever has means of his own, such as a phasor model, writes what `measure`
writes, and calls `regulate` alone.
"""

from __future__ import annotations

import math
from typing import Any, Final

from hil.jit import inlined, part

from . import bus

# Current into the bus, EMF at the step's end and at its begin [A, V]; history; pole closed.
I, E, OLD, PAST, POLE = range(0, 15, 3)  # noqa: E741 - the field's symbol for a current
# Phasor of the EMF, its turn per step, its amplitude [V]; impedance: i = DECAY i + G (e + e_old - v - v_old).
COS, SIN, TURN_COS, TURN_SIN, PEAK, DECAY, G = range(15, 22)
# Sums over the period: air-gap and terminal power, sqrt(3) times reactive power; steps.
SUM_AIR, SUM_P, SUM_Q, COUNT = range(22, 26)
# Commands: run, breaker, trip now (1 or 0); speed at no load and voltage [pu].
RUN, BREAKER, TRIP, SPEED_REF, VOLT_REF = range(26, 31)
# What the set does: state, why it tripped, breaker is to stay closed, speed [pu], time in the state [s].
STATE, CODE, HOLD, W, CLOCK = range(31, 36)
# Telemetry of the last period: powers at the terminals [W, var]; EMF ahead of the bus voltage [rad].
ACTIVE, REACTIVE, ANGLE = range(36, 39)
# Measured: powers in the air gap and at the terminals, of the rated power; reactive power, current in the
# d axis, voltage at the AVR, of the alternator's rating; speed less the bus's; square of the phase currents.
PE, PT, QT, ID, VT, SLIP, SQUARE = 39, 40, 41, 42, 43, 44, 45
# Filtered: terminal powers, voltage, bus voltage along and behind the EMF [V], and the angle between [rad].
# Engine: governor's integral, actuator, burning fuel, boost from charge air, of the fuel at rated power.
# Alternator: field voltage and EMF at rated speed [pu].
P_F, Q_F, V_F, ALONG, ACROSS, TILT, INTEGRAL, ACTUATOR, FUEL, BOOST, EFD, EMF = range(48, 60)
# Period [s], turn of the rated frequency in a step and in a period [rad]; nominal peak voltage [V];
# reciprocals of rated power, apparent power, nominal peak voltage and rated peak current.
DT, STEP_TURN, TURN, BASE, PER_W, PER_VA, PER_V, PER_A = range(60, 68)
# Rises of the lags per period: powers, voltage and current, slip, actuator, charge air, exciter, field.
K_POWER, K_VOLT, K_SLIP, K_ACTUATOR, K_AIR, K_EXCITER, K_FIELD = range(68, 75)
# Swing: 2H [s, of the rated power], D, drag of the engine. Governor: droop, sharing, gain, integral per
# period. Fuel: at no load, most, accepted at once; most per period. Periods of dead time.
INERTIA, DAMPING, DRAG, DROOP, SHARING, KP, KI, IDLE, MOST, ACCEPT, RATE, DEAD = range(75, 87)
# AVR: gain, limit, reactive droop, knee and slope of the roll-off; Xd - X'd.
AVR, FIELD_MOST, QDROOP, KNEE, SLOPE, ARMATURE = range(87, 93)
# Times of start and stop [s]; speed gained per period at start.
CRANK, COOL, RUN_UP = range(93, 96)
# Protection, by code: thresholds [pu], times allowed [s], times spent.
LEVELS, SECONDS, SPENT = 96, 104, 112
# Which of the sets this is, and how many there are.
INDEX, SETS = 120, 121
# Dead time: position, ring.
HEAD, RING = 122, 123
LONGEST: Final = 1024
SIZE: Final = RING + LONGEST

STANDSTILL, STARTING, RUNNING, COOLING, STOPPING = range(5)
NONE, UNDERSPEED, OVERSPEED, UNDERVOLTAGE, OVERVOLTAGE, REVERSE_POWER, OVERCURRENT, COMMANDED = range(8)
STALL: Final = 0.5  # an engine slower than this dies [pu]
SQRT3: Final = math.sqrt(3.0)


@part
def admit(x: Any, o: int, b: Any) -> None:
    """Add the closed poles to the bus."""
    for k in range(3):
        if x[o + POLE + k] > 0.0:
            bus.to_ground(b, k, x[o + G])
            b[bus.LIVE] = 1.0


@inlined
def advance(x: Any, o: int) -> None:
    """Move the EMF to the end of the step."""
    cos, sin = x[o + COS], x[o + SIN]
    c = cos * x[o + TURN_COS] - sin * x[o + TURN_SIN]
    s = sin * x[o + TURN_COS] + cos * x[o + TURN_SIN]
    x[o + COS], x[o + SIN] = c, s
    for k in range(3):
        x[o + OLD + k] = x[o + E + k]
    x[o + E] = x[o + PEAK] * c
    x[o + E + 1] = x[o + PEAK] * (0.5 * SQRT3 * s - 0.5 * c)
    x[o + E + 2] = x[o + PEAK] * (-0.5 * SQRT3 * s - 0.5 * c)


@inlined
def history(x: Any, o: int, b: Any) -> None:
    """Add the history of the closed poles."""
    decay, g = x[o + DECAY], x[o + G]
    for k in range(3):
        if x[o + POLE + k] > 0.0:
            past = decay * x[o + I + k] + g * (x[o + E + k] + x[o + OLD + k] - b[bus.OLD + k])
            x[o + PAST + k] = past
            b[bus.H + k] += past


@inlined
def update(x: Any, o: int, b: Any) -> None:
    """Take the new currents, add them to the tap, which was cleared before the first set, and sum powers."""
    x[o + COUNT] += 1.0
    if x[o + POLE] + x[o + POLE + 1] + x[o + POLE + 2] == 0.0:
        return
    va, vb, vc, g = b[bus.V], b[bus.V + 1], b[bus.V + 2], x[o + G]
    ia = x[o + POLE] * (x[o + PAST] - g * va)
    ib = x[o + POLE + 1] * (x[o + PAST + 1] - g * vb)
    ic = x[o + POLE + 2] * (x[o + PAST + 2] - g * vc)
    if x[o + HOLD] == 0.0:
        ia, ib, ic = let_go(x, o, b, ia), let_go(x, o + 1, b, ib), let_go(x, o + 2, b, ic)
    x[o + I], x[o + I + 1], x[o + I + 2] = ia, ib, ic
    b[bus.I_GENSET] += ia
    b[bus.I_GENSET + 1] += ib
    b[bus.I_GENSET + 2] += ic
    x[o + SUM_AIR] += x[o + E] * ia + x[o + E + 1] * ib + x[o + E + 2] * ic
    x[o + SUM_P] += va * ia + vb * ib + vc * ic
    x[o + SUM_Q] += (vb - vc) * ia + (vc - va) * ib + (va - vb) * ic


@part
def let_go(x: Any, o: int, b: Any, current: float) -> float:
    """Return the new current of a pole that has been told to open; open it at current zero.

    The offset is the set's plus the phase.
    """
    if x[o + POLE] > 0.0 and x[o + I] * current <= 0.0:
        x[o + POLE] = 0.0
        b[bus.CHANGED] = 1.0
    left: float = x[o + POLE] * current
    return left


@part
def measure(x: Any, o: int, b: Any) -> None:
    """Take the means of the period that ends, and voltage, angle and currents at its end."""
    scale = 1.0 / max(1.0, x[o + COUNT])
    x[o + ACTIVE] = x[o + SUM_P] * scale
    x[o + REACTIVE] = x[o + SUM_Q] * scale / SQRT3
    x[o + PE] = x[o + SUM_AIR] * scale * x[o + PER_W]
    x[o + PT] = x[o + ACTIVE] * x[o + PER_W]
    x[o + QT] = x[o + REACTIVE] * x[o + PER_VA]
    x[o + SUM_AIR] = x[o + SUM_P] = x[o + SUM_Q] = x[o + COUNT] = 0.0
    cos, sin = x[o + COS], x[o + SIN]
    alpha = (2.0 * b[bus.V] - b[bus.V + 1] - b[bus.V + 2]) / 3.0
    beta = (b[bus.V + 1] - b[bus.V + 2]) / SQRT3
    along, across = cos * alpha + sin * beta, sin * alpha - cos * beta
    x[o + ANGLE] = math.atan2(across, along)
    # The dampers feel the positive sequence: in the rotor's frame it stands still, so the lag lets it pass.
    x[o + ALONG] += x[o + K_SLIP] * (along - x[o + ALONG])
    x[o + ACROSS] += x[o + K_SLIP] * (across - x[o + ACROSS])
    tilt = math.atan2(x[o + ACROSS], x[o + ALONG])
    change = tilt - x[o + TILT]
    x[o + TILT] = tilt
    if change > math.pi:
        change -= 2.0 * math.pi
    elif change < -math.pi:
        change += 2.0 * math.pi
    if x[o + POLE] + x[o + POLE + 1] + x[o + POLE + 2] > 0.0:
        x[o + VT] = math.sqrt(alpha * alpha + beta * beta) * x[o + PER_V]
        x[o + SLIP] = change / x[o + TURN]
    else:  # the AVR looks at its own terminals
        x[o + VT] = x[o + PEAK] * x[o + PER_V]
        x[o + SLIP] = 0.0
    alpha = (2.0 * x[o + I] - x[o + I + 1] - x[o + I + 2]) / 3.0
    beta = (x[o + I + 1] - x[o + I + 2]) / SQRT3
    x[o + ID] = (alpha * sin - beta * cos) * x[o + PER_A]
    for k in range(3):
        i = x[o + I + k] * x[o + PER_A]
        x[o + SQUARE + k] += x[o + K_VOLT] * (2.0 * i * i - x[o + SQUARE + k])
    if x[o + HOLD] > 0.0:
        for k in range(3):
            if x[o + POLE + k] == 0.0:
                x[o + POLE + k] = b[bus.CHANGED] = 1.0


@part
def regulate(x: Any, o: int) -> None:
    """Move engine, governor, AVR and protection through one period; set the turn of the coming one."""
    x[o + P_F] += x[o + K_POWER] * (x[o + PT] - x[o + P_F])
    x[o + Q_F] += x[o + K_POWER] * (x[o + QT] - x[o + Q_F])
    x[o + V_F] += x[o + K_VOLT] * (x[o + VT] - x[o + V_F])
    gain = swing(x, o)
    middle = x[o + W] + 0.5 * gain
    sequence(x, o)
    engine(x, o)
    excite(x, o)
    protect(x, o)
    running = x[o + STATE] == RUNNING and x[o + CODE] == NONE
    x[o + HOLD] = 1.0 if running and x[o + BREAKER] > 0.0 else 0.0
    x[o + PEAK] = middle * x[o + EMF] * x[o + BASE]
    x[o + TURN_COS] = math.cos(middle * x[o + STEP_TURN])
    x[o + TURN_SIN] = math.sin(middle * x[o + STEP_TURN])
    length = 1.5 - 0.5 * (x[o + COS] * x[o + COS] + x[o + SIN] * x[o + SIN])
    x[o + COS] *= length
    x[o + SIN] *= length


@part
def swing(x: Any, o: int) -> float:
    """Move the speed; return by how much."""
    if x[o + STATE] == STANDSTILL:
        return 0.0
    if x[o + STATE] == STARTING:  # starter and governor bring it up in a ramp
        gain = x[o + RUN_UP] if x[o + CLOCK] >= x[o + CRANK] else 0.0
    else:
        engine_power = (1.0 + x[o + DRAG]) * x[o + FUEL] - x[o + DRAG]
        net = engine_power - x[o + PE] - x[o + DAMPING] * x[o + SLIP]
        gain = max(x[o + DT] * net / x[o + INERTIA], -x[o + W])
    x[o + W] += gain
    return gain


@part
def sequence(x: Any, o: int) -> None:
    """Start, cool down and stop, as commanded."""
    state = was = x[o + STATE]
    x[o + CLOCK] += x[o + DT]
    if x[o + RUN] == 0.0 and x[o + BREAKER] == 0.0:
        x[o + CODE] = NONE
    if state == STANDSTILL:
        if x[o + RUN] > 0.0 and x[o + CODE] == NONE:
            state = STARTING
    elif state == STARTING:
        if x[o + RUN] == 0.0:
            state = STOPPING
        elif x[o + W] >= 1.0:
            state = RUNNING
    elif state == STOPPING:
        if x[o + W] <= 0.0:
            state = STANDSTILL
    elif x[o + W] < STALL or x[o + CODE] == OVERSPEED:
        x[o + CODE] = max(x[o + CODE], UNDERSPEED)
        state = STOPPING
    elif x[o + RUN] > 0.0:
        state = RUNNING
    elif state == RUNNING:
        state = COOLING
    elif x[o + CLOCK] >= x[o + COOL]:
        state = STOPPING
    if state != was:
        x[o + STATE] = state
        x[o + CLOCK] = 0.0


@part
def engine(x: Any, o: int) -> None:
    """Governor, actuator, dead time until the fuel burns, and the charge air that follows it."""
    command = 0.0
    if x[o + STATE] == STARTING:
        command = x[o + INTEGRAL] = x[o + IDLE]
    elif x[o + STATE] == RUNNING or x[o + STATE] == COOLING:
        error = x[o + SPEED_REF] - x[o + W] - x[o + DROOP] * x[o + P_F] + x[o + SHARING] * shortfall(x, o)
        wanted = x[o + KP] * error + x[o + INTEGRAL]
        most = min(x[o + MOST], x[o + BOOST] + x[o + ACCEPT])
        command = max(0.0, min(most, wanted))
        if (wanted - command) * error <= 0.0:  # at a limit the integral only moves away from it
            x[o + INTEGRAL] += x[o + KI] * error
    change = x[o + K_ACTUATOR] * (command - x[o + ACTUATOR])
    x[o + ACTUATOR] += max(-x[o + RATE], min(x[o + RATE], change))
    at = o + RING + int(x[o + HEAD])
    x[o + FUEL] = x[at]
    x[at] = x[o + ACTUATOR]
    x[o + HEAD] = x[o + HEAD] + 1.0 if x[o + HEAD] + 1.0 < x[o + DEAD] else 0.0
    x[o + BOOST] += x[o + K_AIR] * (x[o + FUEL] - x[o + BOOST])


@part
def shortfall(x: Any, o: int) -> float:
    """Return how far a set's load lies below the mean of all that share and are connected."""
    if x[o + SHARING] == 0.0 or x[o + HOLD] == 0.0:
        return 0.0
    total = sets = 0.0
    first = o - SIZE * int(x[o + INDEX])
    for n in range(first, first + SIZE * int(x[o + SETS]), SIZE):
        if x[n + SHARING] > 0.0 and x[n + HOLD] > 0.0:
            total += x[n + P_F]
            sets += 1.0
    mean: float = total / sets - x[o + P_F]
    return mean


@part
def excite(x: Any, o: int) -> None:
    """AVR, exciter and field."""
    if x[o + STATE] == STANDSTILL:
        x[o + EFD] = x[o + EMF] = 0.0
        return
    goal = x[o + VOLT_REF] - x[o + QDROOP] * x[o + Q_F] - x[o + SLOPE] * max(0.0, x[o + KNEE] - x[o + W])
    goal = max(0.0, goal)
    # A proportional AVR: its offset is set for no load, where the field takes what the voltage is.
    field = max(0.0, min(x[o + FIELD_MOST], x[o + AVR] * (goal - x[o + V_F]) + goal))
    x[o + EFD] += x[o + K_EXCITER] * (field - x[o + EFD])
    x[o + EMF] += x[o + K_FIELD] * (x[o + EFD] - x[o + EMF] - x[o + ARMATURE] * x[o + ID])
    x[o + EMF] = max(0.0, x[o + EMF])


@part
def protect(x: Any, o: int) -> None:
    """Trip on what lasts too long; under-speed, undervoltage and currents count while connected."""
    on = x[o + HOLD]
    turning = 1.0 if x[o + STATE] == RUNNING or x[o + STATE] == COOLING else 0.0
    square = max(x[o + SQUARE], x[o + SQUARE + 1], x[o + SQUARE + 2])
    over = math.sqrt(square) / x[o + LEVELS + OVERCURRENT] - 1.0
    watch(x, o, o + UNDERSPEED, on * (x[o + LEVELS + UNDERSPEED] - x[o + W]), 1.0)
    watch(x, o, o + OVERSPEED, turning * (x[o + W] - x[o + LEVELS + OVERSPEED]), 1.0)
    watch(x, o, o + UNDERVOLTAGE, on * (x[o + LEVELS + UNDERVOLTAGE] - x[o + V_F]), 1.0)
    watch(x, o, o + OVERVOLTAGE, turning * (x[o + V_F] - x[o + LEVELS + OVERVOLTAGE]), 1.0)
    watch(x, o, o + REVERSE_POWER, on * (-x[o + P_F] - x[o + LEVELS + REVERSE_POWER]), 1.0)
    watch(x, o, o + OVERCURRENT, on * over, over)  # very inverse: t = k / (I / Is - 1)
    watch(x, o, o + COMMANDED, x[o + TRIP], 1.0)


@part
def watch(x: Any, o: int, at: int, excess: float, rate: float) -> None:
    """Let the time of an excess run, at the offset plus its code; latch the first code whose time is up."""
    x[at + SPENT] = x[at + SPENT] + rate * x[o + DT] if excess > 0.0 else 0.0
    if excess > 0.0 and x[at + SPENT] >= x[at + SECONDS] and x[o + CODE] == NONE:
        x[o + CODE] = at - o
