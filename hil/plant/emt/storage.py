"""The DC side: link capacitor, and the DC source or the battery that feeds it.

One circuit serves both: an EMF, which follows the open-circuit voltage of the state of
charge where a battery is modelled, behind a resistance R0 and one RC branch, with bounds
of current. A bench with a DC source writes the source's commands; a bench without writes
the battery's contactor alone.

    v = EMF(SOC) - v_rc - R0 i        dv_rc/dt = (R1 i - v_rc) / tau        dSOC/dt = -i / Q

`step` moves it with the link capacitor, implicitly, as its time constant with R0 may be
shorter than ten steps. `slow` has no link capacitor: current is constant within a step
of up to seconds, and of that step it is exact in the RC branch and in energy.
"""

from __future__ import annotations

import math
from typing import Any, Final

from hil.jit import part

from .world import STORAGE

BASE: Final = STORAGE

# Link voltage, current out of the source, voltage of the RC branch [V, A, V]; state of charge [pu];
# temperatures of PCS and battery [degC].
V_DC, I_DC, V_RC, SOC, T_PCS, T_BATTERY = range(BASE, BASE + 6)
# What `control` found: voltage behind R0 and the RC branch [V], bounds of the current [A].
E, HIGH, LOW = range(BASE + 6, BASE + 9)
# Which limit acts, one of the codes below; heat from the bridge [W].
LIMIT, HEAT = BASE + 9, BASE + 10
# Commands: DC source's output on, or battery's contactor closed; set-point, or battery's voltage at SOC 0.5
# [V]; what the source may give and take [A, W].
CLOSED, EMF, SOURCE_A, SINK_A, SOURCE_W, SINK_W = range(BASE + 11, BASE + 17)
# Link capacitance over step and discharge resistor [S]; R0 [ohm], its conductance [S]; R1 [ohm] and its
# conductance [S], the part of its way that the RC branch goes in a step, its time constant [s].
LINK, BLEED, R0, G0, R1, G1, R1_STEP, TAU = range(BASE + 17, BASE + 25)
# Bridge's efficiency and its inverse; part of the charging current that is stored; 1 / Q [1/C]; step [s].
ETA, PER_ETA, COULOMBIC, PER_Q, STEP = range(BASE + 25, BASE + 30)
# Whether a battery is modelled; its currents at mid SOC [A]; one over the SOC in which they fade to nothing.
BATTERY, DISCHARGE_A, CHARGE_A, PER_TAPER = range(BASE + 30, BASE + 34)
# Surroundings [degC]; of PCS and battery: heat capacity [J/K], conductance to the surroundings [W/K].
AMBIENT, C_PCS, G_PCS, C_BATTERY, G_BATTERY = range(BASE + 34, BASE + 39)
# Open-circuit voltage over that at SOC 0.5, at evenly spaced SOC from 0 to 1.
OCV: Final = BASE + 39
INTERVALS: Final = 20
END: Final = OCV + INTERVALS + 1

FREE, DISCHARGING, CHARGING, COLLAPSE, OPEN = range(5)


@part
def open_circuit(x: Any, soc: float) -> float:
    """Return the open-circuit voltage over that at SOC 0.5, linear between the table's points."""
    at = INTERVALS * max(0.0, min(1.0, soc))
    n = min(int(at), INTERVALS - 1)
    ratio: float = x[OCV + n] + (at - n) * (x[OCV + n + 1] - x[OCV + n])
    return ratio


@part
def control(x: Any, dt: float) -> None:
    """Find EMF and bounds of the current, and move the temperatures by a control period [s]."""
    volts = max(x[V_DC], 1.0)
    high, low = min(x[SOURCE_A], x[SOURCE_W] / volts), -min(x[SINK_A], x[SINK_W] / volts)
    x[E] = x[EMF]
    if x[BATTERY] > 0.0:
        soc = x[SOC]
        x[E] *= open_circuit(x, soc)
        high = min(high, x[DISCHARGE_A] * max(0.0, min(1.0, soc * x[PER_TAPER])))
        low = max(low, -x[CHARGE_A] * max(0.0, min(1.0, (1.0 - soc) * x[PER_TAPER])))
    x[HIGH], x[LOW] = high, low
    heat = x[R0] * x[I_DC] * x[I_DC] + x[G1] * x[V_RC] * x[V_RC]
    if x[I_DC] < 0.0:  # what is not stored
        heat -= (1.0 - x[COULOMBIC]) * x[E] * x[I_DC]
    # implicit: stable at any period
    x[T_PCS] += dt * (x[HEAT] - x[G_PCS] * (x[T_PCS] - x[AMBIENT])) / (x[C_PCS] + dt * x[G_PCS])
    x[T_BATTERY] += (
        dt * (heat - x[G_BATTERY] * (x[T_BATTERY] - x[AMBIENT])) / (x[C_BATTERY] + dt * x[G_BATTERY])
    )


@part
def count(x: Any, i: float, dt: float) -> None:
    """Count the charge that a current [A] takes out in a time [s]."""
    x[I_DC] = i
    x[SOC] -= x[PER_Q] * dt * (i if i > 0.0 else x[COULOMBIC] * i)


@part
def step(x: Any, power: float) -> None:
    """Move by one step, with the bridge's power [W] drawn from the link."""
    volts = x[V_DC]
    drawn = power * x[PER_ETA] if power > 0.0 else power * x[ETA]
    x[HEAT] = drawn - power
    drain = drawn / volts if volts > 1.0 else 0.0
    i, limit = 0.0, OPEN
    if x[CLOSED] > 0.0:
        limit = FREE
        source = x[E] - x[V_RC]
        v = (x[LINK] * volts + source * x[G0] - drain) / (x[LINK] + x[G0])
        i = (source - v) * x[G0]
        if i > x[HIGH] or i < x[LOW]:
            limit = DISCHARGING if i > x[HIGH] else CHARGING
            i = x[HIGH] if i > x[HIGH] else x[LOW]
            v = volts + (i - drain) / x[LINK]
    else:
        v = (x[LINK] * volts - drain) / (x[LINK] + x[BLEED])
    x[LIMIT] = limit
    x[V_DC] = max(0.0, v)  # the bridge's diodes
    x[V_RC] += x[R1_STEP] * (x[R1] * i - x[V_RC])
    count(x, i, x[STEP])


@part
def slow(x: Any, power: float, dt: float) -> float:
    """Move by a step [s] without the link capacitor; return the bridge's power [W] that there is.

    It is the power asked for unless LIMIT says why not. With a constant current the RC branch is
    on average at k v_rc + (1 - k) R1 i, k = tau / dt (1 - exp(-dt / tau)), so that the mean
    voltage is e - r i with e = EMF - k v_rc, r = R0 + (1 - k) R1, and v i = p is a quadratic.
    V_DC is that mean.
    """
    control(x, dt)
    if x[CLOSED] == 0.0 or x[E] <= 0.0:
        x[V_DC] = x[HEAT] = 0.0
        x[V_RC] *= math.exp(-dt / x[TAU])
        x[LIMIT] = OPEN
        count(x, 0.0, dt)
        return 0.0
    fade = math.exp(-dt / x[TAU])
    k = x[TAU] / dt * (1.0 - fade)
    e, r = x[E] - k * x[V_RC], x[R0] + (1.0 - k) * x[R1]
    drawn = power * x[PER_ETA] if power > 0.0 else power * x[ETA]
    square = e * e - 4.0 * r * drawn
    limit = FREE
    if square < 0.0:  # more than e^2 / 4r there is not
        square, drawn, limit = 0.0, e * e / (4.0 * r), COLLAPSE
    i = 2.0 * drawn / (e + math.sqrt(square))
    if i > x[HIGH] or i < x[LOW]:
        limit = DISCHARGING if i > x[HIGH] else CHARGING
        i = x[HIGH] if i > x[HIGH] else x[LOW]
    v = e - r * i
    if limit != FREE:
        power = v * i * x[ETA] if i > 0.0 else v * i * x[PER_ETA]
    x[LIMIT] = limit
    x[HEAT] = v * i - power
    x[V_DC] = v
    x[V_RC] = fade * x[V_RC] + (1.0 - fade) * x[R1] * i
    count(x, i, dt)
    return power
