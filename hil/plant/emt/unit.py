"""The PCS: names of the slots of its state and parameters, and its codes.

Filter and bridge are in `filter`, what it senses in `sensing`, its modes and protections in
`supervision`, its two ways of control in `following` and `forming`, the bridge's voltages in
`modulation`, what it reports in `metering`.
"""

from __future__ import annotations

from typing import Final

from .world import UNIT

BASE: Final = UNIT

# Filter, three phases each: converter current, capacitor voltage, current into the bus [A, V], leg conducts,
# pole closed, converter current at the step's begin [A].
I1, VC, I2, LEG, POLE, OLD_I1 = range(BASE + 0, BASE + 18, 3)
# Bridge voltage now and in the next control period [V].
E, NEXT = BASE + 18, BASE + 21
# Commands: run, control (0 following, 1 forming), powers [pu], voltage and frequency to form [pu], whether to
# steer the bus into step with the source beyond the open breaker.
ENABLE, KIND, P_SET, Q_SET, V_SET, W_SET, STEER = range(BASE + 24, BASE + 31)
# Mode, alarm, contactor, gates, time in the mode [s]; what the control does now (0, 1), current is limited.
MODE, ALARM, CONTACTOR, GATES, CLOCK, FORMING, LIMITED = range(BASE + 31, BASE + 38)
# Whether someone else writes MODE, ALARM, CONTACTOR, GATES and NEXT before each control period.
EXTERNAL = BASE + 38
# Now, in alpha and beta [pu]: bus voltage and its positive sequence, converter current, current into the bus.
V_A, V_B, POS_A, POS_B, I1_A, I1_B, I2_A, I2_B = range(BASE + 39, BASE + 47)
# PLL: angle, integrator, speed, filtered speed [rad, rad/s]; positive-sequence voltage, its filtered
# magnitude, lowest and highest phase [pu]; feed-forward voltage, filtered, in the control's frame.
THETA, W_INT, W_NOW, W_PLL, VPOS, VMAG, VMIN, VMAX, VD, VQ = range(BASE + 47, BASE + 57)
# References: powers [pu], converter current in dq, bound of the active current and how far past it aims;
# integrators of the current control, positive and negative sequence; bridge voltage before its delay.
P_REF, Q_REF, ID_REF, IQ_REF, ID_MAX, OVER, XD, XQ, ND, NQ, U_D, U_Q = range(BASE + 57, BASE + 69)
# Forming: angle [rad], speed [pu], filtered powers and voltage, internal voltage, overload integrators,
# filtered current, power that the limit withholds [pu], part of the voltage ramp that is done, steering speed
# [pu].
DELTA, SPEED, P_FIL, Q_FIL, V_FIL, EMF, P_HIGH, P_LOW, Q_OVER, IF_D, IF_Q, WITHHELD, START, STEERED = range(
    BASE + 69, BASE + 83
)
# Its limit: voltage that it takes from the internal one, and that it adds in negative sequence [pu]; how far
# the current's space vector may reach [pu]; speed [pu] and lead on the bus [rad] while all is well; how long
# the voltage has been low, below zero until it has settled after that [s].
WD, WQ, MD, MQ, REACH, PACE, AHEAD, LOW = range(BASE + 83, BASE + 91)
# Bus against source: angle by which the bus leads [rad], slip [rad/s], voltage [pu], how long in step [s].
PHASE, SLIP, RISE, IN_STEP = range(BASE + 91, BASE + 95)
# Protection timers [s]; clock of the flaw that hunts at the limit; steps since the control period began;
# position in the delay line; all legs and poles conduct; cosine and sine of the PLL's
# angle; whether a protection timer runs; control periods so far.
TIMERS = BASE + 95
HUNT, TICK, HEAD, WHOLE, COS, SIN, COUNTING, TIME = range(BASE + 103, BASE + 111)
# Voltages of the last control periods, three phases each [pu].
DELAY_LINE: Final = 64
RING: Final = BASE + 111


# Parameters: discretisation of the filter, 18 numbers for each of leg off/on x pole open/closed.
MATRIX: Final = RING + 3 * DELAY_LINE
PERIOD, RD, PER_VB, PER_IB, VB, W0, TC, KPLL, KIPLL, FILTER_W, FILTER_FF, FILTER_V, VDC_NOM, DELAY = range(
    MATRIX + 72, MATRIX + 86
)
KP, KI, KN, XC, X2, BC, LIMIT, PRIORITY, FAULT_PRIORITY, K, BAND, CEASE, RECOVERY, RAMP, OVERCURRENT = range(
    MATRIX + 86, MATRIX + 101
)
# Forming: droop [pu], twice the inertia [s], damping [pu], filters of power, voltage and current (part per
# control period), reactive droop, voltage control, virtual impedance and active damping [pu], whether the
# power reference is fed forward, limits and their integrators per control period, limiter and its threshold.
DROOP, INERTIA, DAMPING, F_POWER, F_VOLTAGE, Q_DROOP, KV, KIV, E_MAX, RV, XV, RA, F_CURRENT, FEED = range(
    MATRIX + 101, MATRIX + 115
)
P_MAX, P_MIN, KP_OVER, KI_OVER, Q_MAX, KI_Q, LIMITER, THRESHOLD, START_STEP, KNV = range(
    MATRIX + 115, MATRIX + 125
)
# Synchro-check: slip [rad/s], voltage [pu], angle [rad], time [s]; voltage below which the PCS opens the
# breaker and forms an island [pu]; whether it does when the breaker opens.
SYNC_SLIP, SYNC_VOLTS, SYNC_ANGLE, SYNC_TIME, LEAVE, ISLAND = range(MATRIX + 125, MATRIX + 131)
# Bridge: switching resolved, dead time as part of the switching period.
SWITCHING, DEAD_TIME = MATRIX + 131, MATRIX + 132
# What flaws set: part by which the limit falls when it hunts, offset and fifth harmonic of the bridge's
# voltage [pu], recovery past its goal [pu], no black start.
HUNTS, OFFSET, FIFTH, PAST, REFUSES = range(MATRIX + 133, MATRIX + 138)
# Protection: levels of voltage and speed [pu], times [s].
LEVELS, SECONDS = MATRIX + 139, MATRIX + 147
# Lowest and highest phase voltage and speed between which no protection counts [pu].
QUIET_LOW, QUIET_HIGH, QUIET_SLOW, QUIET_FAST = range(MATRIX + 155, MATRIX + 159)
# Whether missions make the set-points; reciprocal of rated power [1/W].
MANAGED, PER_W = MATRIX + 159, MATRIX + 160
# What the bridge modulates in this control period, where its pulses are resolved [V].
REFERENCE: Final = MATRIX + 161
# Buffering: how fast the power may follow the load [pu per control period], lead of what it gives [control
# periods].
LOAD_RAMP, LEAD = MATRIX + 164, MATRIX + 165
END: Final = MATRIX + 166

OFF, STARTING, RUNNING, TRIPPED, FAULT = range(5)
UNDERVOLTAGE, OVERVOLTAGE, UNDERFREQUENCY, OVERFREQUENCY, OVERCURRENT_, DC_VOLTAGE = range(1, 7)
FIRST_P, FIRST_Q, MIXED = range(3)
