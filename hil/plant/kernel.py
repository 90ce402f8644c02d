"""The simulated bench in steps of 20 us: AC source, filter, DC link and the PCS's control.

One source, scalar, over flat arrays: compiled where numba is installed, plain Python
where it is not, and bit for bit the same (no fast math, no contraction, no powers).
The slots below name the entries of the state `s` and of the parameters `p`, which
`circuit` fills. All compiled functions and their constants stay in this file: numba's
cache is renewed when this file changes, and only then.

The filter is an LCL per phase, exactly discretised; the wires are three, so currents
add up to nothing and the star point floats. Switch poles (AC side) and blocked bridge
legs let go at their own current zero. The control is per unit, in dq on the positive
sequence of the PCC voltage, and its output acts one control period later.
"""

from __future__ import annotations

import math
from typing import Any, Final

from hil import jit

COMPILED: Final = jit.COMPILED


# State, three phases each: converter current, capacitor voltage, grid current; bridge voltage now and in
# the next control period; leg conducts; pole closed; source voltage; its peak now and commanded; PCC voltage.
I1, VC, I2, E, NEXT, LEG, POLE, G, PEAK, GOAL, V = range(0, 33, 3)
# State: source phasor and its turn per step; slew [V/step]; relay; steps of trigger pulse left; steps since
# the last control period; DC link voltage, current from the source, voltage of the RC branch.
COS, SIN, TURN_COS, TURN_SIN, SLEW, RELAY, PULSE, TICK, VDC, IDC, VRC = range(33, 44)
# State: DC source's output, EMF, limits of current and power; bounds of its current now; state of charge.
DC_ON, EMF, SOURCE_A, SINK_A, SOURCE_W, SINK_W, HIGH_A, LOW_A, SOC = range(44, 53)
# State: commands; mode, alarm, contactor, gates, time in the mode; PLL angle, integrator, speed, filtered.
ENABLE, P_SET, Q_SET, MODE, ALARM, CONTACTOR, GATES, CLOCK, THETA, W_INT, W_NOW, W_PLL = range(53, 65)
# State: positive-sequence voltage, its filtered magnitude, lowest and highest phase; filtered feed-forward;
# ramped powers; current references; bound of the active current; integrators, positive and negative sequence.
VPOS, VMAG, VMIN, VMAX, VD, VQ, P_REF, Q_REF, ID_REF, IQ_REF, ID_MAX, XD, XQ, ND, NQ = range(65, 80)
# State: protection timers; sums of the measurement window; position in the delay line and in the windows.
TIMERS, SUMS, HEAD, COUNT, WINDOW, STATES = 80, 88, 104, 105, 106, 107

# Parameters: exact discretisation of the filter, 15 numbers for each of leg off/on x pole open/closed.
MATRIX = 0
RD, RG, RT, KG = range(60, 64)
LINK, BLEED, R0, R1, R1_STEP, ETA, PER_ETA, SOC_STEP = range(64, 72)
PER_VB, PER_IB, VB, W0, TC, KPLL, KIPLL, FILTER_W, FILTER_FF, FILTER_V = range(72, 82)
KP, KI, KN, XC, X2, BC, LIMIT, FIRST_Q, K, BAND, RECOVERY, RAMP, DELAY, VDC_NOM, OVERCURRENT = range(82, 97)
LEVELS, SECONDS, PARAMETERS = 97, 105, 113

OFF, STARTING, RUNNING, TRIPPED, FAULT = range(5)
UNDERVOLTAGE, OVERVOLTAGE, UNDERFREQUENCY, OVERFREQUENCY, OVERCURRENT_, DC_VOLTAGE = range(1, 7)
PERIOD: Final = 5
DELAY_LINE: Final = 64
ZERO_CROSSING, BREAKPOINT = 0.4, 0.9  # low-voltage active power logic of WECC's REGC_A [pu]
STOP_RAMP: Final = 10.0  # told to stop, a PCS is out within 0.1 s, however slow it is otherwise [pu/s]
WINDOW_TICKS, WINDOWS, WINDOW_SUMS = 100, 10, 16
SQRT3: Final = math.sqrt(3.0)


@jit.compiled
def measure(s: Any, p: Any) -> None:
    """Write the PCC voltages [V]: the source's, plus what the grid's impedance adds."""
    star = 0.0
    poles = s[POLE] + s[POLE + 1] + s[POLE + 2]
    if poles > 0.0:
        for k in range(3):
            if s[POLE + k] > 0.0:
                star += (s[VC + k] + p[RD] * (s[I1 + k] - s[I2 + k]) - s[G + k]) / poles
    for k in range(3):
        if s[POLE + k] > 0.0:
            drive = s[VC + k] + p[RD] * (s[I1 + k] - s[I2 + k]) - p[RT] * s[I2 + k] - s[G + k] - star
            s[V + k] = s[G + k] + p[RG] * s[I2 + k] + p[KG] * drive
        else:
            s[V + k] = s[G + k]


@jit.compiled
def circuit(s: Any, p: Any, ga: float, gb: float, gc: float) -> float:
    """Move filter and grid currents by one step and return the power out of the bridge [W]."""
    power = 0.0
    legs = s[LEG] + s[LEG + 1] + s[LEG + 2]
    poles = s[POLE] + s[POLE + 1] + s[POLE + 2]
    whole = poles == 3.0 and s[GATES] > 0.0
    letting_go = s[RELAY] * s[CONTACTOR] == 0.0
    shift_e = 0.0
    shift_g = 0.0
    if whole:  # capacitor voltages and currents add up to zero, and so do the bridge's voltages
        shift_g = (ga + gb + gc) / 3.0
    else:
        for k in range(3):
            g = ga if k == 0 else (gb if k == 1 else gc)
            node = s[VC + k] + p[RD] * (s[I1 + k] - s[I2 + k])
            if s[LEG + k] > 0.0:
                if s[GATES] == 0.0:  # the diodes conduct against half the link
                    s[E + k] = -0.5 * s[VDC] if s[I1 + k] > 0.0 else 0.5 * s[VDC]
                shift_e += (s[E + k] - node) / legs
            if s[POLE + k] > 0.0:
                shift_g += (g - node) / poles
    for k in range(3):
        i1, vc, i2 = s[I1 + k], s[VC + k], s[I2 + k]
        g = (ga if k == 0 else (gb if k == 1 else gc)) - shift_g
        e = s[E + k] - shift_e
        m = MATRIX + 45 if whole else MATRIX + 15 * int(2.0 * s[LEG + k] + s[POLE + k])
        s[I1 + k] = p[m] * i1 + p[m + 1] * vc + p[m + 2] * i2 + p[m + 3] * e + p[m + 4] * g
        s[VC + k] = p[m + 5] * i1 + p[m + 6] * vc + p[m + 7] * i2 + p[m + 8] * e + p[m + 9] * g
        s[I2 + k] = p[m + 10] * i1 + p[m + 11] * vc + p[m + 12] * i2 + p[m + 13] * e + p[m + 14] * g
        power += s[E + k] * 0.5 * (i1 + s[I1 + k])
        if s[GATES] == 0.0 and i1 * s[I1 + k] <= 0.0:
            s[LEG + k] = 0.0
        if letting_go and i2 * s[I2 + k] <= 0.0:
            s[POLE + k] = 0.0
    if not whole or letting_go:
        settle(s, I1, LEG)
        settle(s, I2, POLE)
    return power


@jit.compiled
def settle(s: Any, current: int, switch: int) -> None:
    """Make the currents of the closed switches add up to zero, and those of the open ones zero."""
    closed = s[switch] + s[switch + 1] + s[switch + 2]
    total = s[switch] * s[current] + s[switch + 1] * s[current + 1] + s[switch + 2] * s[current + 2]
    for k in range(3):
        if closed < 2.0:  # one alone carries nothing
            s[switch + k] = 0.0
        if s[switch + k] > 0.0:
            s[current + k] -= total / closed
        else:
            s[current + k] = 0.0


@jit.compiled
def link(s: Any, p: Any, power: float) -> None:
    """Move the DC link by one step, implicitly, with the bridge's power [W] drawn from it."""
    vdc = s[VDC]
    drawn = power * p[PER_ETA] if power > 0.0 else power * p[ETA]
    drain = drawn / vdc if vdc > 1.0 else 0.0
    if s[DC_ON] > 0.0:
        source = s[EMF] - s[VRC]
        v = (p[LINK] * vdc + source / p[R0] - drain) / (p[LINK] + 1.0 / p[R0])
        i = (source - v) / p[R0]
        if i > s[HIGH_A] or i < s[LOW_A]:
            i = s[HIGH_A] if i > s[HIGH_A] else s[LOW_A]
            v = vdc + (i - drain) / p[LINK]
    else:
        i = 0.0
        v = (p[LINK] * vdc - drain) / (p[LINK] + p[BLEED])
    s[VDC] = max(0.0, v)  # the bridge's diodes
    s[IDC] = i
    s[VRC] += p[R1_STEP] * (p[R1] * i - s[VRC])
    s[SOC] -= p[SOC_STEP] * i * s[VDC]


@jit.compiled
def positive_sequence(s: Any, p: Any, ring: Any) -> None:
    """Find the positive sequence of the PCC voltage and lock onto it.

    A signal and itself a quarter period earlier are in quadrature: together they give each
    phase's amplitude, and cancel the negative sequence (delayed signal cancellation).
    """
    head = int(s[HEAD])
    quarter = 0.5 * math.pi / ((p[W0] + s[W_INT]) * p[TC])
    whole = int(quarter)
    part = quarter - whole
    near = 3 * ((head - whole + DELAY_LINE) % DELAY_LINE)
    far = 3 * ((head - whole - 1 + DELAY_LINE) % DELAY_LINE)
    for k in range(3):
        ring[3 * head + k] = s[V + k] * p[PER_VB]
    s[HEAD] = (head + 1) % DELAY_LINE
    va, vb, vc = ring[3 * head], ring[3 * head + 1], ring[3 * head + 2]
    da = ring[near] + part * (ring[far] - ring[near])
    db = ring[near + 1] + part * (ring[far + 1] - ring[near + 1])
    dc = ring[near + 2] + part * (ring[far + 2] - ring[near + 2])
    a, b, c = math.sqrt(va * va + da * da), math.sqrt(vb * vb + db * db), math.sqrt(vc * vc + dc * dc)
    s[VMIN] = min(a, b, c)
    s[VMAX] = max(a, b, c)
    alpha = 0.5 * ((2.0 * va - vb - vc) / 3.0 - (db - dc) / SQRT3)
    beta = 0.5 * ((vb - vc) / SQRT3 + (2.0 * da - db - dc) / 3.0)
    s[VPOS] = math.sqrt(alpha * alpha + beta * beta)
    s[VMAG] += p[FILTER_V] * (s[VPOS] - s[VMAG])
    s[THETA] += s[W_NOW] * p[TC]
    if s[THETA] > 2.0 * math.pi:
        s[THETA] -= 2.0 * math.pi
    s[W_NOW] = p[W0] + s[W_INT]
    if s[VPOS] > 0.05:  # below, there is nothing to lock onto, and the PLL runs on
        error = (beta * math.cos(s[THETA]) - alpha * math.sin(s[THETA])) / s[VPOS]
        s[W_INT] = max(-0.08 * p[W0], min(0.08 * p[W0], s[W_INT] + p[KIPLL] * error))
        s[W_NOW] = p[W0] + s[W_INT] + p[KPLL] * error
    s[W_PLL] += p[FILTER_W] * (s[W_NOW] - s[W_PLL])


@jit.compiled
def stop(s: Any, mode: int, alarm: int) -> None:
    """Block the gates, let the contactor go, and say why."""
    s[MODE], s[ALARM], s[GATES], s[CONTACTOR], s[CLOCK] = mode, alarm, 0.0, 0.0, 0.0


@jit.compiled
def supervise(s: Any, p: Any) -> None:
    """Move the PCS between its modes, protections included."""
    speed = s[W_PLL] / p[W0]
    mode = s[MODE]
    if s[ENABLE] == 0.0:
        if mode != RUNNING or (s[P_REF] == 0.0 and s[Q_REF] == 0.0):
            stop(s, OFF, 0)
    elif mode == OFF:
        s[MODE] = STARTING
    elif mode == STARTING:
        healthy = s[VMIN] > 0.9 and s[VMAX] < 1.1 and abs(speed - 1.0) < 0.02
        healthy = healthy and abs(s[VDC] - p[VDC_NOM]) < 0.15 * p[VDC_NOM]
        s[CLOCK] = s[CLOCK] + p[TC] if healthy else 0.0
        # before the contactor closes the bridge brings the capacitors to the grid's voltage
        s[GATES] = 1.0 if s[CLOCK] > 0.9 * p[DELAY] else 0.0
        if s[CLOCK] >= p[DELAY]:
            s[MODE] = RUNNING
            s[CONTACTOR] = 1.0
            s[P_REF] = s[Q_REF] = s[XD] = s[XQ] = s[ND] = s[NQ] = 0.0
            s[ID_MAX] = p[LIMIT]
            for k in range(8):
                s[TIMERS + k] = 0.0
    if s[MODE] != RUNNING:
        return
    for k in range(8):
        if k < 4:
            beyond = s[VMIN] < p[LEVELS + k]
        elif k < 6:
            beyond = s[VMAX] > p[LEVELS + k]
        elif s[VPOS] < 0.5:  # too little to tell a frequency from
            beyond = False
        else:
            beyond = speed < p[LEVELS + k] if k == 6 else speed > p[LEVELS + k]
        s[TIMERS + k] = s[TIMERS + k] + p[TC] if beyond else 0.0
        if s[TIMERS + k] >= p[SECONDS + k]:
            alarm = UNDERVOLTAGE if k < 4 else (OVERVOLTAGE if k < 6 else UNDERFREQUENCY + k - 6)
            stop(s, TRIPPED, alarm)
            return
    for k in range(3):
        if abs(s[I1 + k]) * p[PER_IB] > p[OVERCURRENT]:
            stop(s, FAULT, OVERCURRENT_)
    if abs(s[VDC] - p[VDC_NOM]) > 0.2 * p[VDC_NOM]:
        stop(s, FAULT, DC_VOLTAGE)


@jit.compiled
def references(s: Any, p: Any) -> None:
    """Turn the powers asked for into currents at the PCC, within the current limit."""
    p_set, q_set = s[P_SET] * s[ENABLE], s[Q_SET] * s[ENABLE]
    if (s[SOC] <= 0.0 and p_set > 0.0) or (s[SOC] >= 1.0 and p_set < 0.0):
        p_set = 0.0
    ramp = p[RAMP] if s[ENABLE] > 0.0 else max(p[RAMP], STOP_RAMP * p[TC])
    s[P_REF] += max(-ramp, min(ramp, p_set - s[P_REF]))
    s[Q_REF] += max(-ramp, min(ramp, q_set - s[Q_REF]))
    limit = p[LIMIT]
    v = max(s[VMAG], 0.05)
    i_d, i_q = s[P_REF] / v, -s[Q_REF] / v
    fault = abs(s[VMAG] - 1.0) > p[BAND] or abs(s[VPOS] - 1.0) > p[BAND]
    if fault:
        i_q = -s[Q_REF]
        if s[VMAG] < 1.0 - p[BAND]:
            i_q -= p[K] * (1.0 - p[BAND] - s[VMAG])
        elif s[VMAG] > 1.0 + p[BAND]:
            i_q += p[K] * (s[VMAG] - 1.0 - p[BAND])
    s[ID_MAX] = min(limit, s[ID_MAX] + p[RECOVERY])
    i_d = max(-s[ID_MAX], min(s[ID_MAX], i_d))
    if fault or p[FIRST_Q] > 0.0:
        i_q = max(-limit, min(limit, i_q))
        room = math.sqrt(limit * limit - i_q * i_q)
        if fault:  # a low voltage cannot carry much power: keep in step with the grid
            room = min(
                room, limit * max(0.0, min(1.0, (s[VMAG] - ZERO_CROSSING) / (BREAKPOINT - ZERO_CROSSING)))
            )
        i_d = max(-room, min(room, i_d))
    else:
        i_d = max(-limit, min(limit, i_d))
        room = math.sqrt(limit * limit - i_d * i_d)
        i_q = max(-room, min(room, i_q))
    if fault:
        s[ID_MAX] = abs(i_d)  # from here it returns at the recovery ramp
    # what the converter-side current must be, the capacitor's included
    vcd, vcq = s[VMAG] - p[X2] * i_q, p[X2] * i_d
    s[ID_REF], s[IQ_REF] = i_d - p[BC] * vcq, i_q + p[BC] * vcd


@jit.compiled
def control(s: Any, p: Any, ring: Any, windows: Any) -> None:
    """Do what happens once per control period."""
    measure(s, p)
    for k in range(3):
        s[E + k] = s[NEXT + k]
    accumulate(s, windows)
    bounds = max(s[VDC], 1.0)
    s[HIGH_A] = min(s[SOURCE_A], s[SOURCE_W] / bounds)
    s[LOW_A] = -min(s[SINK_A], s[SINK_W] / bounds)
    positive_sequence(s, p, ring)
    supervise(s, p)
    if s[RELAY] * s[CONTACTOR] > 0.0:
        s[POLE] = s[POLE + 1] = s[POLE + 2] = 1.0
    if s[GATES] == 0.0:
        s[NEXT] = s[NEXT + 1] = s[NEXT + 2] = 0.0
        s[VD], s[VQ] = s[VPOS], 0.0
        return
    s[LEG] = s[LEG + 1] = s[LEG + 2] = 1.0
    modulate(s, p)


@jit.compiled
def modulate(s: Any, p: Any) -> None:
    """Control the converter-side current and compute the bridge's next voltages."""
    c0, s0 = math.cos(s[THETA]), math.sin(s[THETA])
    alpha = (2.0 * s[V] - s[V + 1] - s[V + 2]) / 3.0 * p[PER_VB]
    beta = (s[V + 1] - s[V + 2]) / SQRT3 * p[PER_VB]
    s[VD] += p[FILTER_FF] * (alpha * c0 + beta * s0 - s[VD])
    s[VQ] += p[FILTER_FF] * (beta * c0 - alpha * s0 - s[VQ])
    u_d, u_q = s[VD], s[VQ]
    n_d = n_q = e_d = e_q = 0.0
    if s[CONTACTOR] > 0.0:
        references(s, p)
        alpha = (2.0 * s[I1] - s[I1 + 1] - s[I1 + 2]) / 3.0 * p[PER_IB]
        beta = (s[I1 + 1] - s[I1 + 2]) / SQRT3 * p[PER_IB]
        i_d, i_q = alpha * c0 + beta * s0, beta * c0 - alpha * s0
        e_d, e_q = s[ID_REF] - i_d, s[IQ_REF] - i_q
        c2, s2 = c0 * c0 - s0 * s0, 2.0 * s0 * c0
        n_d, n_q = e_d * c2 - e_q * s2, e_d * s2 + e_q * c2
        u_d += p[KP] * e_d + s[XD] - p[XC] * i_q
        u_q += p[KP] * e_q + s[XQ] + p[XC] * i_d
    # the bridge acts from the next period on, for one period: one and a half periods ahead
    ahead = s[THETA] + 1.5 * (p[W0] + s[W_INT]) * p[TC]
    c1, s1 = math.cos(ahead), math.sin(ahead)
    alpha = u_d * c1 - u_q * s1 + s[ND] * c1 + s[NQ] * s1
    beta = u_d * s1 + u_q * c1 + s[NQ] * c1 - s[ND] * s1
    size = math.sqrt(alpha * alpha + beta * beta)
    highest = s[VDC] / SQRT3 * p[PER_VB]
    if size > highest:
        alpha *= highest / size
        beta *= highest / size
    else:
        s[XD] += p[KI] * e_d
        s[XQ] += p[KI] * e_q
        s[ND] += p[KN] * n_d
        s[NQ] += p[KN] * n_q
    s[NEXT] = p[VB] * alpha
    s[NEXT + 1] = p[VB] * (-0.5 * alpha + 0.5 * SQRT3 * beta)
    s[NEXT + 2] = p[VB] * (-0.5 * alpha - 0.5 * SQRT3 * beta)


@jit.compiled
def accumulate(s: Any, windows: Any) -> None:
    """Add the instant to the sums behind what instruments measure; ten windows make 100 ms."""
    for k in range(3):
        s[SUMS + k] += s[G + k] * s[G + k]
        s[SUMS + 3 + k] += s[V + k] * s[V + k]
        s[SUMS + 6 + k] += s[I2 + k] * s[I2 + k]
        s[SUMS + 9 + k] -= s[G + k] * s[I2 + k]
        s[SUMS + 12] += s[V + k] * s[I2 + k]
    s[SUMS + 13] += (
        (s[V + 1] - s[V + 2]) * s[I2] + (s[V + 2] - s[V]) * s[I2 + 1] + (s[V] - s[V + 1]) * s[I2 + 2]
    ) / SQRT3
    s[SUMS + 14] += s[VDC]
    s[SUMS + 15] += s[IDC]
    s[COUNT] += 1.0
    if s[COUNT] == WINDOW_TICKS:
        s[COUNT] = 0.0
        for k in range(WINDOW_SUMS):
            windows[WINDOW_SUMS * int(s[WINDOW]) + k] = s[SUMS + k]
            s[SUMS + k] = 0.0
        s[WINDOW] = 0.0 if s[WINDOW] == WINDOWS - 1 else s[WINDOW] + 1.0


@jit.compiled
def advance(s: Any, p: Any, ring: Any, windows: Any, out: Any, n: int, first: int) -> float:
    """Advance by n steps; samples go to out from column `first` on, or nowhere where first < 0.

    Returns the sum of the state, which is a number as long as all of it is.
    """
    for j in range(n):
        if s[TICK] == 0.0:
            control(s, p, ring, windows)
        s[TICK] = 0.0 if s[TICK] == PERIOD - 1 else s[TICK] + 1.0
        if first >= 0:
            measure(s, p)
            for k in range(3):
                out[k, first + j] = s[V + k]
                out[3 + k, first + j] = s[I2 + k]
            out[6, first + j] = s[VDC]
            out[7, first + j] = s[IDC]
            out[8, first + j] = 5.0 if s[PULSE] > 0.0 else 0.0
        if s[PULSE] > 0.0:
            s[PULSE] -= 1.0
        ga, gb, gc = s[G], s[G + 1], s[G + 2]
        cos, sin = s[COS], s[SIN]
        s[COS] = cos * s[TURN_COS] - sin * s[TURN_SIN]
        s[SIN] = sin * s[TURN_COS] + cos * s[TURN_SIN]
        live = s[RELAY] + s[POLE] + s[POLE + 1] + s[POLE + 2] > 0.0
        for k in range(3):
            if live:
                s[PEAK + k] += max(-s[SLEW], min(s[SLEW], s[GOAL + k] - s[PEAK + k]))
            else:
                s[PEAK + k] = 0.0
        s[G] = s[PEAK] * s[COS]
        s[G + 1] = s[PEAK + 1] * (-0.5 * s[COS] + 0.5 * SQRT3 * s[SIN])
        s[G + 2] = s[PEAK + 2] * (-0.5 * s[COS] - 0.5 * SQRT3 * s[SIN])
        # the source's mean over the step, as good as its values at the two ends tell
        power = circuit(s, p, 0.5 * (ga + s[G]), 0.5 * (gb + s[G + 1]), 0.5 * (gc + s[G + 2]))
        link(s, p, power)
    total = 0.0
    for k in range(STATES):
        total += s[k]
    return total
