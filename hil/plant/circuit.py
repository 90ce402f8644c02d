"""From parameters in engineering terms to the numbers that the kernel steps with."""

from __future__ import annotations

from math import pi, sqrt
from typing import TYPE_CHECKING

import numpy as np

from . import kernel as k
from .parameters import STEP

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .parameters import Parameters

CURRENT_BANDWIDTH = 2 * pi * 400
"""Of the current control [rad/s] (motulator's default)."""
PLL_BANDWIDTH = 2 * pi * 10
"""Of the PLL [rad/s]: kp = 2 alpha, ki = alpha^2; half of motulator's, to hold at an SCR of 2."""


def zero_order_hold(a: NDArray[np.float64], b: NDArray[np.float64], step: float) -> NDArray[np.float64]:
    """Return [A_d, B_d] of dx/dt = A x + B u with u held over a step [s], by the exponential series."""
    order, inputs = b.shape
    whole = np.zeros((order + inputs, order + inputs))
    whole[:order, :order], whole[:order, order:] = a * step, b * step
    halvings = max(0, int(np.ceil(np.log2(max(np.abs(whole).sum(axis=1).max(), 1e-30)))) + 3)
    whole /= 2.0**halvings
    term = np.eye(len(whole))
    total = term.copy()
    for n in range(1, 16):  # norm below 1/8: the sixteenth term is below 1e-27
        term = term @ whole / n
        total += term
    for _ in range(halvings):
        total = total @ total
    return total[:order]


def filter_matrices(q: Parameters) -> NDArray[np.float64]:
    """Return the filter's discretisation, shape (4, 3, 5): leg blocked or not x pole open or closed.

    States: converter current, capacitor voltage, grid current; inputs: bridge and source voltage.
    """
    henry = q.impedance / (2 * pi * q.frequency)
    l1, c, l2 = (
        q.filter_inductance * henry,
        q.capacitance,
        (q.grid_side_inductance + q.grid_inductance) * henry,
    )
    r1, rd = q.filter_resistance * q.impedance, q.damping_resistance * q.impedance
    r2 = (q.filter_resistance + q.grid_resistance) * q.impedance
    discharge = 0.2  # time constant of the capacitors' discharge resistors, that count when all is off [s]
    matrices = np.zeros((4, 3, 5))
    for index in range(4):
        leg, pole = divmod(index, 2)
        a, b = np.zeros((3, 3)), np.zeros((3, 2))
        if leg:
            a[0] = [-(r1 + rd) / l1, -1 / l1, rd * pole / l1]
            b[0, 0] = 1 / l1
        a[1] = [leg / c, 0 if leg or pole else -1 / discharge, -pole / c]
        if pole:
            a[2] = [rd * leg / l2, 1 / l2, -(r2 + rd) / l2]
            b[2, 1] = -1 / l2
        matrices[index] = zero_order_hold(a, b, STEP)
        for state, switch in ((0, leg), (2, pole)):
            if not switch:
                matrices[index, state] = 0.0  # an open branch carries nothing
    return matrices


def constants(q: Parameters) -> NDArray[np.float64]:
    """Return the parameters of the kernel, in its slots."""
    p = np.zeros(k.PARAMETERS)
    p[k.MATRIX : k.MATRIX + 60] = filter_matrices(q).ravel()
    w0, tc = 2 * pi * q.frequency, STEP * k.PERIOD
    reactor = q.filter_inductance + q.grid_side_inductance
    dc_base = q.dc_voltage * q.dc_voltage / q.rated_power
    peak_volts = q.voltage * sqrt(2 / 3)
    values = {
        k.RD: q.damping_resistance * q.impedance,
        k.RG: q.grid_resistance * q.impedance,
        k.RT: (q.filter_resistance + q.grid_resistance) * q.impedance,
        k.KG: q.grid_inductance / (q.grid_side_inductance + q.grid_inductance),
        k.LINK: q.link_capacitance / STEP,
        k.BLEED: q.link_capacitance / 1.0,  # siemens: the link discharges in one second
        k.R0: q.dc_resistance * dc_base,
        k.R1: q.battery_resistance * dc_base,
        k.R1_STEP: STEP / q.battery_time,
        k.ETA: q.efficiency,
        k.PER_ETA: 1 / q.efficiency,
        k.SOC_STEP: STEP / (3600 * q.battery_capacity),
        k.VB: peak_volts,
        k.PER_VB: 1 / peak_volts,
        k.PER_IB: 1.5 * peak_volts / q.rated_power,
        k.W0: w0,
        k.TC: tc,
        k.KPLL: 2 * PLL_BANDWIDTH,
        k.KIPLL: PLL_BANDWIDTH * PLL_BANDWIDTH * tc,
        k.FILTER_W: tc / 0.02,
        k.FILTER_FF: tc * 2 * pi * 200,
        k.FILTER_V: tc / 0.005,
        k.KP: CURRENT_BANDWIDTH * reactor / w0,
        k.KI: CURRENT_BANDWIDTH * reactor / w0 * 2 * pi * 40 * tc,
        k.KN: CURRENT_BANDWIDTH * reactor / w0 * 2 * pi * 20 * tc,
        k.XC: reactor,
        k.X2: q.grid_side_inductance,
        k.BC: q.filter_capacitance,
        k.LIMIT: q.current_limit,
        k.FIRST_Q: float(q.priority == "Q"),
        k.K: q.k_support,
        k.BAND: q.deadband,
        k.RECOVERY: q.recovery_ramp * tc,
        k.RAMP: q.power_ramp * tc,
        k.DELAY: q.start_delay,
        k.VDC_NOM: q.dc_voltage,
        k.OVERCURRENT: q.overcurrent,
    }
    for slot, value in values.items():
        p[slot] = value
    levels = (*q.undervoltage, *q.overvoltage, *((edge, 0.2) for edge in q.frequency_band))
    for n, (level, seconds) in enumerate(levels):
        p[k.LEVELS + n], p[k.SECONDS + n] = level, seconds
    return p


def initial_state(q: Parameters, angle: float, state_of_charge: float) -> NDArray[np.float64]:
    """Return the state of a plant in which all is off; the source's voltage starts at an angle [rad]."""
    s = np.zeros(k.STATES)
    s[k.COS], s[k.SIN] = np.cos(angle), np.sin(angle)
    s[k.W_NOW] = s[k.W_PLL] = 2 * pi * q.frequency
    s[k.SOC] = state_of_charge
    return s
