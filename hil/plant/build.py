"""From parameters in engineering terms to the arrays that the EMT model steps."""

from __future__ import annotations

from math import atan2, cos, exp, inf, isfinite, pi, radians, sin, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from hil.errors import ConfigError

from . import loads, missions, storage
from .emt import bus, grid, metering
from .emt import unit as k
from .emt.world import GENSETS
from .genset import genset_array
from .grounding import grounding_array

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .parameters import Parameters

PRIORITY = {"P": k.FIRST_P, "Q": k.FIRST_Q, "mixed": k.MIXED}
READING = 0.01
"""Length of a window of the meters [s]."""


def first_order_hold(
    a: NDArray[np.float64], b: NDArray[np.float64], c: NDArray[np.float64], step: float
) -> NDArray[np.float64]:
    """Return [A_d, B_d, C_0, C_1] of dx/dt = A x + B u + C v over a step [s].

    u is held, v goes straight from v_0 to v_1; by the exponential series, scaled and squared.
    """
    n, m, q = len(a), b.shape[1], c.shape[1]
    whole = np.zeros((n + m + 2 * q, n + m + 2 * q))
    whole[:n] = np.hstack((a, b, c, np.zeros((n, q)))) * step
    whole[n + m : n + m + q, n + m + q :] = np.eye(q)  # dv/dt over the step
    halvings = max(0, int(np.ceil(np.log2(max(np.abs(whole).sum(axis=1).max(), 1e-30)))) + 3)
    whole /= 2.0**halvings
    term = np.eye(len(whole))
    total = term.copy()
    for power in range(1, 16):  # norm below 1/8: the sixteenth term is below 1e-27
        term = term @ whole / power
        total += term
    for _ in range(halvings):
        total = total @ total
    held, ramp = total[:n, n + m : n + m + q], total[:n, n + m + q :]
    return np.hstack((total[:n, : n + m], held - ramp, ramp))


def filter_matrices(q: Parameters) -> NDArray[np.float64]:
    """Return the filter's discretisation, shape (4, 3, 6): leg blocked or not x pole open or closed.

    States: converter current, capacitor voltage, current into the bus; inputs: bridge voltage, bus
    voltage at the step's begin and end. An L filter is one branch: it carries where both are closed.
    """
    henry = q.impedance / (2 * pi * q.frequency)
    l1, c, l2 = q.filter_inductance * henry, q.capacitance, q.grid_side_inductance * henry
    r, rd = q.filter_resistance * q.impedance, q.damping_resistance * q.impedance
    matrices = np.zeros((4, 3, 6))
    if c == 0.0:
        rl = first_order_hold(np.array([[-r / l1]]), np.array([[1 / l1]]), np.array([[-1 / l1]]), q.step)
        matrices[3, 0, [0, 3, 4, 5]] = matrices[3, 2, [2, 3, 4, 5]] = rl[0]
        return matrices
    discharge = 0.2  # time constant of the capacitors' discharge resistors, that count when all is off [s]
    for index in range(4):
        leg, pole = divmod(index, 2)
        a, b, d = np.zeros((3, 3)), np.zeros((3, 1)), np.zeros((3, 1))
        if leg:
            a[0] = [-(r + rd) / l1, -1 / l1, rd * pole / l1]
            b[0, 0] = 1 / l1
        a[1] = [leg / c, 0 if leg or pole else -1 / discharge, -pole / c]
        if pole:
            a[2] = [rd * leg / l2, 1 / l2, -(r + rd) / l2]
            d[2, 0] = -1 / l2
        matrices[index] = first_order_hold(a, b, d, q.step)
        for state, switch in ((0, leg), (2, pole)):
            if not switch:
                matrices[index, state] = 0.0  # an open branch carries nothing
    return matrices


def part_of(period: float, time: float) -> float:
    """Return the part of its way that a first-order lag goes in a control period; all of it without one."""
    return 1.0 - exp(-period / time) if time > 0.0 else 1.0


def unit_parameters(q: Parameters) -> dict[int, float]:
    """Return the PCS's parameters by their slots."""
    f, y, d = q.forming, q.synchro, q.defects
    w0, tc = 2 * pi * q.frequency, q.control_period
    reactor = q.filter_inductance + q.grid_side_inductance
    peak_volts = q.voltage * sqrt(2 / 3)
    gain = 2 * pi * q.current_bandwidth * reactor / w0
    pll = 2 * pi * q.pll_bandwidth
    return {
        k.PERIOD: round(tc / q.step),
        k.RD: q.damping_resistance * q.impedance,
        k.PER_W: 1 / q.rated_power,
        k.VB: peak_volts,
        k.PER_VB: 1 / peak_volts,
        k.PER_IB: 1.5 * peak_volts / q.rated_power,
        k.W0: w0,
        k.TC: tc,
        k.KPLL: 2 * pll,
        k.KIPLL: pll * pll * tc,
        k.FILTER_W: tc / 0.02,
        k.FILTER_FF: tc * 2 * pi * 200,
        k.FILTER_V: tc / 0.005,
        k.VDC_NOM: q.dc_voltage,
        k.DELAY: q.start_delay,
        k.KP: gain,
        k.KI: gain * 2 * pi * 40 * tc,
        k.KN: gain * 2 * pi * 20 * tc,
        k.XC: reactor,
        k.X2: q.grid_side_inductance,
        k.BC: q.filter_capacitance,
        k.LIMIT: q.current_limit,
        k.PRIORITY: PRIORITY[q.priority],
        k.FAULT_PRIORITY: PRIORITY[q.fault_priority],
        k.K: q.k_support,
        k.BAND: q.deadband,
        k.CEASE: q.cessation,
        k.RECOVERY: q.recovery_ramp * tc,
        k.RAMP: q.power_ramp * tc,
        k.LOAD_RAMP: q.load_ramp * tc,
        k.LEAD: 1 / (2 * pi * q.current_bandwidth * tc),
        k.OVERCURRENT: q.overcurrent,
        k.DROOP: f.droop,
        k.INERTIA: 2 * f.inertia,
        k.DAMPING: f.damping,
        k.F_POWER: part_of(tc, f.power_filter),
        k.F_VOLTAGE: part_of(tc, f.voltage_filter),
        k.Q_DROOP: f.reactive_droop,
        k.KV: f.voltage_gain,
        k.KIV: f.voltage_integral * tc,
        k.E_MAX: f.highest_voltage,
        k.RV: f.virtual_resistance,
        k.XV: f.virtual_reactance,
        k.RA: f.active_damping,
        k.F_CURRENT: part_of(tc, f.damping_time),
        k.FEED: float(f.feed_forward),
        k.P_MIN: f.power_limits[0],
        k.P_MAX: f.power_limits[1],
        k.KP_OVER: f.overload_gain,
        k.KI_OVER: f.overload_integral * tc,
        k.Q_MAX: f.reactive_limit,
        k.KI_Q: f.reactive_integral * tc,
        k.LIMITER: f.growth if f.limiter == "virtual-impedance" else 0.0,
        k.THRESHOLD: f.threshold,
        k.START_STEP: tc / f.black_start_ramp,
        k.KNV: f.negative_sequence * tc,
        k.SYNC_SLIP: 2 * pi * y.slip,
        k.SYNC_VOLTS: y.voltage,
        k.SYNC_ANGLE: radians(y.angle),
        k.SYNC_TIME: y.time,
        k.LEAVE: y.leave,
        k.ISLAND: float(y.islands),
        k.SWITCHING: float(q.switching),
        k.DEAD_TIME: q.dead_time / (2 * tc),
        k.HUNTS: d.hunting,
        k.OFFSET: d.dc_offset,
        k.FIFTH: d.fifth_harmonic,
        k.PAST: d.recovery_overshoot,
        k.REFUSES: float(d.refuses_black_start),
    }


def unit_array(q: Parameters) -> NDArray[np.float64]:
    """Return the PCS, off."""
    w = np.zeros(k.END)
    w[k.MATRIX : k.MATRIX + 72] = filter_matrices(q).ravel()
    for slot, value in unit_parameters(q).items():
        w[slot] = value
    levels = (*q.undervoltage, *q.overvoltage, *((edge, 0.2) for edge in q.frequency_band))
    for n, (level, seconds) in enumerate(levels):
        w[k.LEVELS + n], w[k.SECONDS + n] = level, seconds
    w[k.QUIET_LOW] = max(level for level, _ in q.undervoltage)
    w[k.QUIET_HIGH] = min(level for level, _ in q.overvoltage)
    w[k.QUIET_SLOW], w[k.QUIET_FAST] = q.frequency_band
    w[k.W_NOW] = w[k.W_PLL] = 2 * pi * q.frequency
    w[k.V_SET] = w[k.W_SET] = w[k.SPEED] = 1.0
    w[k.KIND] = float(q.control == "forming")
    w[k.MANAGED] = float(q.missions is not None)
    return w


def bus_array(q: Parameters) -> NDArray[np.float64]:
    """Return the bus, dead."""
    w = np.zeros(bus.END)
    farad = q.stray_capacitance / (2 * pi * q.frequency * q.impedance)
    half = q.step / (2 * farad)
    w[bus.GC], w[bus.KC] = 1 / (q.stray_resistance * q.impedance + half), 2 * half
    w[bus.CHANGED] = 1.0
    w[bus.GENSETS], w[bus.LEAKAGE] = float(len(q.gensets)), q.leakage / q.impedance
    return w


def grid_array(q: Parameters, angle: float) -> NDArray[np.float64]:
    """Return the source and its impedance, off; its voltage starts at an angle [rad]."""
    w = np.zeros(grid.END)
    w[grid.COS], w[grid.SIN] = cos(angle), sin(angle)
    w[grid.RAMP_COS] = w[grid.BREAKER] = w[grid.WANTED] = 1.0
    w[grid.CHECKED] = float(q.synchro.checked)
    for phase, turn in enumerate((0.0, -2 * pi / 3, 2 * pi / 3)):
        w[grid.SHIFT_COS + phase], w[grid.SHIFT_SIN + phase] = cos(turn), sin(turn)
    ramp_frequency(w, q.frequency, inf, q.step)
    set_impedance(w, q.grid_resistance * q.impedance, q.grid_inductance * q.impedance, q)
    return w


def ramp_frequency(w: Any, hertz: float, slew: float, step: float) -> None:
    """Let the source turn at a frequency [Hz] from the next step on, or move there at a rate [Hz/s]."""
    turn = 2 * pi * hertz * step
    now = atan2(w[grid.TURN_SIN], w[grid.TURN_COS])
    steps = round(abs(turn - now) / (2 * pi * slew * step * step)) if isfinite(slew) and slew > 0.0 else 0
    if steps == 0:
        w[grid.TURN_COS], w[grid.TURN_SIN], w[grid.RAMP_STEPS] = cos(turn), sin(turn), 0.0
        return
    change = (turn - now) / steps
    w[grid.RAMP_COS], w[grid.RAMP_SIN], w[grid.RAMP_STEPS] = cos(change), sin(change), float(steps)


def set_harmonics(w: Any, harmonics: Sequence[tuple[int, float, float]]) -> None:
    """Let the source add harmonics: order, part of the fundamental's amplitude, angle [deg]."""
    if len(harmonics) > grid.MOST:
        raise ConfigError(f"grid source: {len(harmonics)} harmonics; the plant has {grid.MOST} at most")
    w[grid.HARMONICS] = float(len(harmonics))
    for n, (order, part, degrees) in enumerate(harmonics):
        at = grid.TABLE + grid.WIDTH * n
        w[at + grid.ORDER], w[at + grid.PART], w[at + grid.ANGLE] = float(order), part, radians(degrees)
        for phase in range(3):
            turn = order * atan2(w[grid.SHIFT_SIN + phase], w[grid.SHIFT_COS + phase])
            w[at + grid.PHASE_RE + phase], w[at + grid.PHASE_IM + phase] = cos(turn), sin(turn)


def set_impedance(w: Any, ohms: float, reactance: float, q: Parameters) -> None:
    """Put resistance and reactance at rated frequency [ohm] behind the source; the current goes on."""
    if not (isfinite(ohms) and isfinite(reactance) and ohms >= 0.0 and reactance > 0.0):
        raise ConfigError(
            f"grid source: {ohms:g} + j {reactance:g} ohm; a grid has some inductance, and no less"
        )
    inertia = 2 * reactance / (2 * pi * q.frequency * q.step)
    w[grid.DECAY], w[grid.G] = (inertia - ohms) / (inertia + ohms), 1 / (inertia + ohms)
    w[bus.CHANGED] = 1.0


def metering_array(q: Parameters) -> NDArray[np.float64]:
    """Return the meters, empty."""
    w = np.zeros(metering.END)
    w[metering.TICKS] = round(READING / q.control_period)
    return w


def world(q: Parameters, angle: float, state_of_charge: float) -> NDArray[np.float64]:
    """Return everything, off: the array that the EMT model steps."""
    arrays = [
        bus_array(q),
        grid_array(q, angle),
        unit_array(q),
        metering_array(q),
        storage.array(q, q.step, state_of_charge),
        loads.load_array(q.bank, q.electronic, q.step, q.control_period),
        grounding_array(q.grounding, q.impedance, q.frequency, q.step),
        loads.transformer_array(q.transformer, q.step),
        missions.array(q.missions or missions.Missions(rated_power=q.rated_power)),
        np.concatenate((np.zeros(GENSETS), genset_array(q.gensets, q.step, q.control_period))),
    ]
    w = np.zeros(max(map(len, arrays)))
    for each in arrays:
        w[: len(each)] += each
    return w
