"""The loop: control once per control period, then one step of everything that meets at the bus.

Load, fault, neutral, transformer, gensets and missions are `others`: None leaves them out of the
compiled code, and with them half of the time that compiling takes.
"""

from __future__ import annotations

from typing import Any, Final

import hil.jit
from hil.jit import compiled, flat, part

from . import (
    bus,
    events,
    fault,
    filter,  # noqa: A004 - the field's word
    following,
    genset,
    grid,
    load,
    metering,
    missions,
    modulation,
    neutral,
    sensing,
    storage,
    supervision,
    transformer,
)
from .unit import (
    DELTA,
    ENABLE,
    EXTERNAL,
    FORMING,
    I1,
    LEAD,
    MANAGED,
    MODE,
    P_SET,
    PER_W,
    PERIOD,
    Q_SET,
    RUNNING,
    SWITCHING,
    TC,
    THETA,
    TICK,
    TIME,
    V_A,
    V_B,
    VC,
    VMAG,
    VPOS,
    W0,
    W_PLL,
)
from .world import GENSETS

COMPILED = hil.jit.COMPILED
DARK: Final = 0.01
"""Square of the voltage [pu] below which a conductance cannot be told."""
ABSURD: Final = 1e9
"""Sum of voltages [V] that says that the simulation has diverged."""


@part
def control(w: Any, profile: Any, others: Any) -> None:
    """Do what happens once per control period."""
    metering.accumulate(w)
    storage.control(w, w[TC])
    vdc = w[storage.V_DC]
    sensing.instantaneous(w)
    sensing.positive_sequence(w)
    if w[grid.BREAKER] == 0.0:
        sensing.compare(w)
    if w[EXTERNAL] == 0.0:
        supervision.supervise(w, vdc)
    supervision.transfer(w)
    p_set, q_set = w[P_SET], w[Q_SET]
    if others is not None:
        p_set, q_set = set_points(w)
    following.powers(w, p_set, q_set, w[storage.SOC])
    filter.switch(w)
    if w[EXTERNAL] == 0.0:
        modulation.modulate(w, vdc)
    grid.control(w)
    if others is not None:
        load.control(w, w[TIME] * w[TC], profile)
        fault.control(w)
        transformer.control(w)
        for n in range(int(w[bus.GENSETS])):
            genset.measure(w, GENSETS + n * genset.SIZE, w)
            genset.regulate(w, GENSETS + n * genset.SIZE)
    events.note(w)
    w[TIME] += 1.0


@part
def set_points(w: Any) -> Any:
    """Return the powers asked of the PCS [pu]: those commanded, or what the missions make of them.

    Alone with its load a forming PCS stays on its droop line: no grid is there to be spared or served.
    The current control is behind a ramp by its time constant: what buffers an edge is given that much ahead.
    """
    if w[MANAGED] == 0.0:
        return w[P_SET], w[Q_SET]
    if w[MODE] != RUNNING or w[ENABLE] == 0.0:
        w[missions.STARTED] = 0.0
        return 0.0, 0.0
    p_load = load_power(w)
    before = w[missions.STARTED] * w[missions.GOT + missions.BUFFERING]
    missions.control(w, w[TC], w[W_PLL] / w[W0], w[VMAG], w[storage.SOC], p_load, w[P_SET], w[Q_SET])
    if w[FORMING] > 0.0 and w[grid.BREAKER] == 0.0:
        return w[P_SET], w[Q_SET]
    ahead = w[LEAD] * (w[missions.GOT + missions.BUFFERING] - before)
    return w[missions.P_REF] + ahead, w[missions.Q_REF]


@part
def load_power(w: Any) -> float:
    """Return the load's power [pu]: its conductance at this instant, at a voltage that is filtered.

    The power itself carries every swing of the voltage. Fed forward it would answer each with current, which
    in a weak grid makes the next: it would take the load's damping from the bus, and the bus would oscillate.
    """
    power = 0.0
    for k in range(3):
        power += w[bus.V + k] * w[bus.I_LOAD + k] * w[PER_W]
    square = max(DARK, w[V_A] * w[V_A] + w[V_B] * w[V_B])
    filtered: float = power / square * w[VPOS] * w[VMAG]
    return filtered


@part
def assemble(w: Any, others: Any) -> None:
    """Put the bus's conductances together anew, as a switch has moved."""
    bus.clear(w)
    filter.admit(w)
    grid.admit(w)
    if others is not None:
        load.admit(w)
        fault.admit(w)
        neutral.admit(w)
        transformer.admit(w)
        for n in range(int(w[bus.GENSETS])):
            genset.admit(w, GENSETS + n * genset.SIZE, w)
    bus.invert(w)


@part
def sound(w: Any) -> bool:
    """Return whether what everything else hangs on is still a number of this world."""
    size = abs(w[storage.V_DC]) + abs(w[THETA]) + abs(w[DELTA])
    for k in range(3):
        size += abs(w[bus.V + k]) + abs(w[VC + k]) + abs(w[I1 + k]) + abs(w[grid.I + k])
    return bool(size < ABSURD)


@compiled
def advance(
    world: Any, profile: Any, taps: Any, out: Any, n: int, first: int, _stamp: Any, others: Any
) -> int:
    """Advance by n steps; the tapped values go to out from column `first` on, or nowhere where first < 0.

    Returns how many steps it has done: n, or fewer where the simulation has left the numbers.
    """
    w = flat(world)
    sets = int(w[bus.GENSETS])
    for j in range(n):
        if w[TICK] == 0.0:
            control(w, profile, others)
            if not sound(w):
                return j
        if w[SWITCHING] > 0.0:
            modulation.pulse(w, w[storage.V_DC])
        w[TICK] = 0.0 if w[TICK] == w[PERIOD] - 1.0 else w[TICK] + 1.0
        if first >= 0:
            for row in range(len(taps)):
                out[row, first + j] = w[taps[row]]
        if w[bus.PULSE] > 0.0:
            w[bus.PULSE] -= 1.0
            w[bus.TRIGGER] = 5.0 if w[bus.PULSE] > 0.0 else 0.0
        if w[bus.CHANGED] > 0.0:
            assemble(w, others)
        grid.advance(w)
        bus.history(w)
        filter.history(w, w[storage.V_DC])
        grid.history(w)
        if others is not None:
            load.history(w)
            neutral.history(w)
            transformer.history(w)
            for k in range(sets):
                genset.advance(w, GENSETS + k * genset.SIZE)
                genset.history(w, GENSETS + k * genset.SIZE, w)
        bus.solve(w)
        power = filter.update(w)
        grid.update(w)
        if others is not None:
            load.update(w)
            fault.update(w)
            neutral.update(w)
            transformer.update(w)
            w[bus.I_GENSET] = w[bus.I_GENSET + 1] = w[bus.I_GENSET + 2] = 0.0
            for k in range(sets):
                genset.update(w, GENSETS + k * genset.SIZE, w)
        storage.step(w, power)
        w[bus.V_DC], w[bus.I_DC] = w[storage.V_DC], w[storage.I_DC]
    return n if sound(w) else n - 1
