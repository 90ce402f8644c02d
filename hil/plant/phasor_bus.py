"""The bus of the plant in phasors: slots of its array, and its solution.

Phasors are peak phase values in a frame that turns at nominal frequency. Grid, gensets and a
forming PCS are voltages behind impedances; they and the constant impedances add up to one
Thevenin equivalent, against which constant powers have a closed form.
"""

from __future__ import annotations

import math
from typing import Any, Final

from hil.jit import part

# Steps done, step [s], sub-step of angles and speeds [s], sub-steps in a step, steps in a row of the record.
STEPS, DT, H, PARTS, EVERY = range(5)
# Bases: power [W], peak phase voltage [V], speed [rad/s].
S_BASE, V_BASE, W0 = range(5, 8)
# Bus: sum of the admittances [S] and of the sources' Norton currents [A], and the latter times each source's
# speed; voltage [V], its magnitude [pu], speed of what holds it, and that speed as a PLL filters it [pu].
G, B, I_RE, I_IM, W_RE, W_IM, V_RE, V_IM, V, W_BUS, W_PLL, K_PLL = range(8, 20)
# Grid: EMF, speed [pu], angle [rad], admittance [S]; there, connected; powers [W, var].
E_GRID, W_GRID, A_GRID, G_GRID, B_GRID, THERE, CONNECTED, P_GRID, Q_GRID = range(20, 29)
# Its breaker: largest slip [rad/s], difference of voltage [pu] and angle [rad]; for how long [s], and until
# now; how the forming PCS steers [pu], part of which goes in a sub-step.
SLIP, RISE, SHIFT, SYNC_TIME, IN_STEP, STEERED, K_STEER = range(29, 36)
# Load: constant powers [W, var], constant admittance [S], what both draw [W, var].
P_CONST, Q_CONST, G_LOAD, B_LOAD, P_LOAD, Q_LOAD = range(36, 42)
# Gensets: all together, one of them [W, var].
P_SETS, Q_SETS, P_ONE, Q_ONE = range(42, 46)
# PCS: how it is delivered, may it form alone, has it missions, does it form; dispatch, references, ramped,
# lagged, its powers at the bus [pu]; at its current limit.
KIND, ISLAND, MANAGED, FORMING, P_SET, Q_SET, P_REF, Q_REF, P_RAMP, Q_RAMP = range(46, 56)
P_LAG, Q_LAG, P_PCS, Q_PCS, LIMITED = range(56, 61)
# Following: of the lag, what a line is behind and what is left of old; ramps [pu/s], current limit, which
# power first, support, dead band, cessation, recovery [pu/s]; bound of the active current.
LINE, FADE, RAMP_P, RAMP_Q, LIMIT, PRIORITY, FAULT_PRIORITY, SUPPORT, BAND, CEASE, RECOVERY, ID_MAX = range(
    61, 73
)
# Forming: integrator [pu], angle [rad], speed [pu]; filtered powers and voltage, integrators of the limits.
EMF, ANGLE, SPEED, P_FIL, Q_FIL, V_FIL, P_HIGH, P_LOW, Q_OVER = range(73, 82)
# Its parameters: gain and turn [rad] from EMF to open bus, admittance [S]; droop, 2 H [s], damping, parts
# that the filters go in a sub-step; reactive droop, voltage control [1, 1/s], highest EMF, limits and gains.
GAIN, TURN, G_PCS, B_PCS, DROOP, INERTIA, DAMPING, K_POWER, K_VOLTAGE = range(82, 91)
Q_DROOP, KV, KIV, E_MAX, P_MAX, P_MIN, Q_MAX, KP_OVER, KI_OVER, KI_Q = range(91, 101)
# Forming, at its current limit: what is taken from its voltage as the bus sees it, in the frame of that, and
# the power that is withheld [pu].
TAKEN_D, TAKEN_Q, WITHHELD = range(101, 104)
# Its parameters: impedance to the bus, threshold and growth of the virtual one [pu]; part that the voltage
# taken goes in a sub-step.
R_OUT, X_OUT, THRESHOLD, GROWTH, K_YIELD = range(104, 109)
# Filter: each reactor's resistance, grid-side reactance, capacitor and its damping [pu]; its heat [pu];
# energy out of the bridge in this step [J]; what the battery gives and takes [pu].
R_FILTER, X_GRID_SIDE, B_FILTER, R_DAMPING, HEAT, ENERGY, P_GIVE, P_TAKE = range(109, 117)
SLOTS: Final = 117


@part
def wrapped(angle: float) -> float:
    """Return the angle between -pi and pi [rad]."""
    return angle - 2.0 * math.pi * math.floor(angle / (2.0 * math.pi) + 0.5)


@part
def connect(x: Any, e_re: float, e_im: float, speed: float, g: float, b: float) -> None:
    """Add a voltage [V] that turns with a speed [pu] behind an admittance [S] to the bus."""
    i_re, i_im = g * e_re - b * e_im, g * e_im + b * e_re
    x[G] += g
    x[B] += b
    x[I_RE] += i_re
    x[I_IM] += i_im
    x[W_RE] += speed * i_re
    x[W_IM] += speed * i_im


@part
def deliver(x: Any, at: int, i_re: float, i_im: float) -> None:
    """Write what a current [A] brings to the bus: active and reactive power [W, var]."""
    x[at] = 1.5 * (x[V_RE] * i_re + x[V_IM] * i_im)
    x[at + 1] = 1.5 * (x[V_IM] * i_re - x[V_RE] * i_im)


@part
def solve(x: Any, p: float, q: float) -> bool:
    """Find the bus voltage where constant powers [W, var] flow in; False where there is none.

    With E and Z of the Thevenin equivalent, c = Z conj(S) / 1.5 and u = |V|^2, the equation
    E conj(V) = u - c gives u^2 - (2 Re c + |E|^2) u + |c|^2 = 0, and its larger root is the voltage.
    """
    square = x[G] * x[G] + x[B] * x[B]
    r, reactance = x[G] / square, -x[B] / square
    e_re, e_im = r * x[I_RE] - reactance * x[I_IM], r * x[I_IM] + reactance * x[I_RE]
    c_re, c_im = (r * p + reactance * q) / 1.5, (reactance * p - r * q) / 1.5
    e = e_re * e_re + e_im * e_im
    half = c_re + 0.5 * e
    root = half * half - c_re * c_re - c_im * c_im
    if root < 0.0 or half <= 0.0:
        return False
    d = half + math.sqrt(root) - c_re
    x[V_RE], x[V_IM] = (d * e_re - c_im * e_im) / e, (d * e_im + c_im * e_re) / e
    x[V] = math.sqrt(x[V_RE] * x[V_RE] + x[V_IM] * x[V_IM]) / x[V_BASE]
    return True
