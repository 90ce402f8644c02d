"""A grid-following control in sixty lines: PLL, current control with feed-forward, one protection."""

from __future__ import annotations

from math import cos, pi, sin, sqrt
from typing import TYPE_CHECKING

from hil.plant.control_port import Bridge, Command, Measured

if TYPE_CHECKING:
    from hil.plant.parameters import Parameters

START = 0.1
"""How long it watches the grid before it closes the contactor [s]."""


class CurrentControl:
    """Delivers the powers that it is told, into a healthy grid; trips at twice its rated current."""

    def __init__(self, parameters: Parameters) -> None:
        q = parameters
        self.period, self.nominal = q.control_period, 2 * pi * q.frequency
        self.peak = q.voltage * sqrt(2 / 3)
        self.most = 2.0 * q.rated_power / (1.5 * self.peak)
        self.reactance = (q.filter_inductance + q.grid_side_inductance) * q.impedance
        self.susceptance = q.filter_capacitance / q.impedance
        self.gain = 2 * pi * 400.0 * self.reactance / self.nominal  # bandwidth of 400 Hz
        self.theta, self.speed = 0.0, 0.0  # PLL: angle [rad], integrator [rad/s]
        self.v_d = self.v_q = self.x_d = self.x_q = 0.0  # filtered voltage, integrators [V]
        self.waited, self.tripped = 0.0, False

    def step(self, measured: Measured, command: Command) -> Bridge:
        """Return what the bridge is to do."""
        c, s = cos(self.theta), sin(self.theta)
        v_d, v_q = park(measured.volts, c, s)
        i_d, i_q = park(measured.converter_amps, c, s)
        # PLL of 10 Hz, and the voltage that is fed forward, filtered at 200 Hz
        pll = 2 * pi * 10.0
        error = v_q / self.peak
        self.speed += pll * pll * self.period * error
        self.theta = (self.theta + (self.nominal + self.speed + 2 * pll * error) * self.period) % (2 * pi)
        share = 2 * pi * 200.0 * self.period
        self.v_d += share * (v_d - self.v_d)
        self.v_q += share * (v_q - self.v_q)

        if not command.enable:
            self.waited, self.tripped, self.x_d, self.x_q = 0.0, False, 0.0, 0.0
            return Bridge((0.0, 0.0, 0.0), mode="off")
        self.tripped = self.tripped or max(map(abs, measured.converter_amps)) > self.most
        if self.tripped:
            return Bridge((0.0, 0.0, 0.0), mode="fault", alarm="overcurrent")
        self.waited += self.period
        running = self.waited > START
        u_d, u_q = self.v_d, self.v_q  # until it runs, the bridge does what the bus does
        if running:
            volts = max(self.v_d, 0.1 * self.peak)
            e_d = command.watts / (1.5 * volts) - i_d
            e_q = -command.var / (1.5 * volts) + self.susceptance * volts - i_q  # the capacitors' as well
            self.x_d += self.gain * 250.0 * self.period * e_d
            self.x_q += self.gain * 250.0 * self.period * e_q
            u_d += self.gain * e_d + self.x_d - self.reactance * i_q
            u_q += self.gain * e_q + self.x_q + self.reactance * i_d
        # the voltages act in the next control period: on average one and a half periods from now
        ahead = self.theta + 0.5 * self.nominal * self.period
        c, s = cos(ahead), sin(ahead)
        alpha, beta = u_d * c - u_q * s, u_d * s + u_q * c
        legs = (alpha, -0.5 * alpha + sqrt(0.75) * beta, -0.5 * alpha - sqrt(0.75) * beta)
        return Bridge(legs, gates=True, contactor=running, mode="running" if running else "starting")


def park(abc: tuple[float, float, float], c: float, s: float) -> tuple[float, float]:
    """Return direct and quadrature parts, at their amplitude."""
    alpha = (2.0 * abc[0] - abc[1] - abc[2]) / 3.0
    beta = (abc[1] - abc[2]) / sqrt(3.0)
    return alpha * c + beta * s, beta * c - alpha * s
