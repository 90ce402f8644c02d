"""Grid-following control: powers become currents in the PLL's frame; a PI makes the bridge follow."""

from __future__ import annotations

import math
from typing import Any, Final

from hil.jit import part

from .unit import (
    BAND,
    BC,
    CEASE,
    ENABLE,
    FAULT_PRIORITY,
    FIRST_P,
    FIRST_Q,
    HUNT,
    HUNTS,
    I1_A,
    I1_B,
    ID_MAX,
    ID_REF,
    IQ_REF,
    KI,
    KP,
    LIMIT,
    LIMITED,
    LOAD_RAMP,
    MANAGED,
    OVER,
    P_REF,
    PAST,
    PRIORITY,
    Q_REF,
    RAMP,
    RECOVERY,
    TC,
    U_D,
    U_Q,
    VD,
    VMAG,
    VMIN,
    VPOS,
    VQ,
    W0,
    X2,
    XC,
    XD,
    XQ,
    K,
)

ZERO_CROSSING, BREAKPOINT = 0.4, 0.9  # low-voltage active power logic of WECC's REGC_A [pu]
STOP_RAMP: Final = 10.0  # [pu/s]
HUNTING: Final = 12.0
"""Rate at which a PCS that hunts at its limit does so [Hz]."""


@part
def limit(w: Any) -> float:
    """Return the current limit that holds now [pu]; the flaw "hunts" lowers it in turns."""
    most: float = w[LIMIT]
    if w[HUNTS] == 0.0 or w[LIMITED] == 0.0:
        w[HUNT] = 0.0
        return most
    w[HUNT] += w[TC]
    low = (w[HUNT] * HUNTING) % 1.0 >= 0.5
    return most * (1.0 - float(w[HUNTS])) if low else most


@part
def powers(w: Any, p_set: float, q_set: float, soc: float) -> None:
    """Ramp the powers towards those asked for; told to stop, a PCS is out soon, however slow it is else.

    Missions have ramps of their own for what is commanded; a load they follow as fast as it changes.
    """
    p_set *= w[ENABLE]
    q_set *= w[ENABLE]
    if (soc <= 0.0 and p_set > 0.0) or (soc >= 1.0 and p_set < 0.0):
        p_set = 0.0
    ramp = w[RAMP] if w[ENABLE] > 0.0 else max(w[RAMP], STOP_RAMP * w[TC])
    quick = w[LOAD_RAMP] if w[MANAGED] * w[ENABLE] > 0.0 else ramp
    w[P_REF] += max(-quick, min(quick, p_set - w[P_REF]))
    w[Q_REF] += max(-ramp, min(ramp, q_set - w[Q_REF]))


@part
def references(w: Any) -> None:
    """Turn the powers asked for into currents at the PCC, within the current limit."""
    most = limit(w)
    v = max(w[VMAG], 0.05)
    i_d, i_q = w[P_REF] / v, -w[Q_REF] / v
    fault = abs(w[VMAG] - 1.0) > w[BAND] or abs(w[VPOS] - 1.0) > w[BAND]
    if fault:
        i_q = -w[Q_REF]
        if w[VMAG] < 1.0 - w[BAND]:
            i_q -= w[K] * (1.0 - w[BAND] - w[VMAG])
        elif w[VMAG] > 1.0 + w[BAND]:
            i_q += w[K] * (w[VMAG] - 1.0 - w[BAND])
    w[ID_MAX] = min(most, w[ID_MAX] + w[RECOVERY])
    if w[ID_MAX] < abs(i_d):
        w[OVER] = w[PAST]
    elif w[OVER] > 0.0:  # the flaw "overshoots": it returns past its goal, and takes 0.2 s to settle
        w[OVER] = max(0.0, w[OVER] - w[PAST] * w[TC] / 0.2)
        i_d *= 1.0 + w[OVER]
    i_d = max(-w[ID_MAX], min(w[ID_MAX], i_d))
    asked = i_d * i_d + i_q * i_q
    first = w[FAULT_PRIORITY] if fault else w[PRIORITY]
    if fault and first != FIRST_P:  # a low voltage cannot carry much power: keep in step with the grid
        room = max(0.0, min(1.0, (w[VMAG] - ZERO_CROSSING) / (BREAKPOINT - ZERO_CROSSING)))
        i_d = max(-most * room, min(most * room, i_d))
    if first == FIRST_Q:
        i_q = max(-most, min(most, i_q))
        room = math.sqrt(most * most - i_q * i_q)
        i_d = max(-room, min(room, i_d))
    elif first == FIRST_P:
        i_d = max(-most, min(most, i_d))
        room = math.sqrt(most * most - i_d * i_d)
        i_q = max(-room, min(room, i_q))
    else:
        size = math.sqrt(i_d * i_d + i_q * i_q)
        if size > most:
            i_d *= most / size
            i_q *= most / size
    w[LIMITED] = 1.0 if asked > most * most else 0.0
    if fault:
        w[ID_MAX] = abs(i_d)  # from here it returns at the recovery ramp
    if w[VMIN] < w[CEASE]:  # momentary cessation
        i_d = i_q = w[ID_MAX] = 0.0
    # what the converter-side current must be, the capacitor's included
    vcd, vcq = w[VMAG] - w[X2] * i_q, w[X2] * i_d
    w[ID_REF], w[IQ_REF] = i_d - w[BC] * vcq, i_q + w[BC] * vcd


@part
def voltage(w: Any, cos: float, sin: float) -> None:
    """Write the bridge voltage that brings the converter current to its reference, in dq."""
    i_d, i_q = w[I1_A] * cos + w[I1_B] * sin, w[I1_B] * cos - w[I1_A] * sin
    r = active_resistance(w)
    w[U_D] = w[VD] + w[KP] * (w[ID_REF] - i_d) - r * i_d + w[XD] - w[XC] * i_q
    w[U_Q] = w[VQ] + w[KP] * (w[IQ_REF] - i_q) - r * i_q + w[XQ] + w[XC] * i_d


@part
def active_resistance(w: Any) -> float:
    """Return what the integral action needs for a step without overshoot: its bandwidth times L [pu]."""
    resistance: float = w[KI] * w[XC] / (w[KP] * w[TC] * w[W0])
    return resistance
