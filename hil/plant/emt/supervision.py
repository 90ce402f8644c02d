"""The PCS's modes and protections, its island, and the breaker that it may close only in step."""

from __future__ import annotations

from typing import Any, Final

from hil.jit import part

from . import forming, grid
from .unit import (
    ALARM,
    CLOCK,
    CONTACTOR,
    COUNTING,
    DC_VOLTAGE,
    DELAY,
    DELTA,
    EMF,
    ENABLE,
    FAULT,
    FORMING,
    GATES,
    I1,
    ID_MAX,
    IN_STEP,
    ISLAND,
    KIND,
    LEAVE,
    LEVELS,
    LIMIT,
    MD,
    MODE,
    MQ,
    ND,
    NQ,
    OFF,
    OVERCURRENT,
    OVERCURRENT_,
    OVERVOLTAGE,
    P_REF,
    PER_IB,
    Q_REF,
    QUIET_FAST,
    QUIET_HIGH,
    QUIET_LOW,
    QUIET_SLOW,
    REFUSES,
    RUNNING,
    SECONDS,
    START,
    STARTING,
    SYNC_TIME,
    TC,
    TIMERS,
    TRIPPED,
    UNDERFREQUENCY,
    UNDERVOLTAGE,
    VDC_NOM,
    VMAX,
    VMIN,
    VPOS,
    W0,
    W_PLL,
    XD,
    XQ,
)

DEAD: Final = 0.1
"""Below this the bus counts as dead [pu]."""


@part
def stop(w: Any, mode: int, alarm: int) -> None:
    """Block the gates, let the contactor go, and say why."""
    w[MODE], w[ALARM], w[GATES], w[CONTACTOR], w[CLOCK], w[FORMING] = mode, alarm, 0.0, 0.0, 0.0, 0.0


@part
def begin(w: Any) -> None:
    """Close the contactor and start to follow, or to form what is there or a bus that is dead."""
    w[MODE], w[CONTACTOR], w[GATES] = RUNNING, 1.0, 1.0
    w[P_REF] = w[Q_REF] = w[XD] = w[XQ] = w[ND] = w[NQ] = w[MD] = w[MQ] = 0.0
    w[ID_MAX] = w[LIMIT]
    for k in range(8):
        w[TIMERS + k] = 0.0
    if w[KIND] > 0.0:
        forming.take_over(w)
        if w[VPOS] < DEAD:
            w[START] = w[EMF] = w[DELTA] = 0.0


@part
def supervise(w: Any, vdc: float) -> None:
    """Move the PCS between its modes, protections included."""
    speed = w[W_PLL] / w[W0]
    mode = w[MODE]
    if w[ENABLE] == 0.0:
        if mode != RUNNING or w[FORMING] > 0.0 or (w[P_REF] == 0.0 and w[Q_REF] == 0.0):
            stop(w, OFF, 0)
    elif mode == OFF:
        w[MODE] = STARTING
    elif mode == STARTING:
        healthy = w[VMIN] > 0.9 and w[VMAX] < 1.1 and abs(speed - 1.0) < 0.02
        black = w[KIND] > 0.0 and w[VPOS] < DEAD and w[VMAX] < DEAD and w[REFUSES] == 0.0
        healthy = (healthy or black) and abs(vdc - w[VDC_NOM]) < 0.15 * w[VDC_NOM]
        w[CLOCK] = w[CLOCK] + w[TC] if healthy else 0.0
        # before the contactor closes the bridge brings the capacitors to the grid's voltage
        w[GATES] = 1.0 if w[CLOCK] > 0.9 * w[DELAY] else 0.0
        if w[CLOCK] >= w[DELAY]:
            begin(w)
    if w[MODE] == RUNNING:
        protect(w, vdc, speed)


@part
def protect(w: Any, vdc: float, speed: float) -> None:
    """Trip where a voltage or the frequency has been out of bounds for too long, or at once."""
    for k in range(3):
        if abs(w[I1 + k]) * w[PER_IB] > w[OVERCURRENT]:
            stop(w, FAULT, OVERCURRENT_)
    if abs(vdc - w[VDC_NOM]) > 0.2 * w[VDC_NOM]:
        stop(w, FAULT, DC_VOLTAGE)
    quiet = w[QUIET_LOW] < w[VMIN] and w[VMAX] < w[QUIET_HIGH] and w[QUIET_SLOW] < speed < w[QUIET_FAST]
    if quiet and w[COUNTING] == 0.0:
        return
    w[COUNTING] = 0.0 if quiet else 1.0
    ramping = w[FORMING] > 0.0 and w[START] < 1.0
    for k in range(8):
        if k < 4:
            beyond = w[VMIN] < w[LEVELS + k] and not ramping
        elif k < 6:
            beyond = w[VMAX] > w[LEVELS + k]
        elif w[VPOS] < 0.5:  # too little to tell a frequency from
            beyond = False
        else:
            beyond = speed < w[LEVELS + k] if k == 6 else speed > w[LEVELS + k]
        w[TIMERS + k] = w[TIMERS + k] + w[TC] if beyond else 0.0
        if w[TIMERS + k] >= w[SECONDS + k]:
            alarm = UNDERVOLTAGE if k < 4 else (OVERVOLTAGE if k < 6 else UNDERFREQUENCY + k - 6)
            stop(w, TRIPPED, alarm)
            return


@part
def transfer(w: Any) -> None:
    """Open or close the breaker to the source, and change the way of control as told or as that asks for.

    It closes onto a live source only in step, if that is checked; onto a dead bus at once. When it opens, a
    PCS that follows goes on alone; one that starts with it open follows what it finds there, such as gensets.
    """
    was_tied = w[grid.BREAKER] > 0.0
    running = w[MODE] == RUNNING
    forming_ = w[FORMING] > 0.0
    if w[grid.WANTED] == 0.0:
        w[grid.BREAKER] = 0.0
    elif w[grid.BREAKER] == 0.0:
        dead = w[VPOS] < DEAD and not running
        if dead or w[grid.CHECKED] == 0.0 or w[IN_STEP] >= w[SYNC_TIME]:
            w[grid.BREAKER] = 1.0
    if not running:
        return
    tied = w[grid.BREAKER] > 0.0
    if tied and w[LEAVE] > 0.0 and w[VMIN] < w[LEAVE] and not forming_:
        w[grid.WANTED] = w[grid.BREAKER] = 0.0
        tied = False
    left = w[ISLAND] > 0.0 and was_tied and not tied
    if not forming_ and (w[KIND] > 0.0 or left):
        forming.take_over(w)
    elif forming_ and w[KIND] == 0.0 and tied:
        forming.hand_back(w)
