"""Step responses in the words of each standard: definitions as data, one engine.

The table below is what the standards name and how they count it. Times count from the
command, less the lag of the window that the values were made in (see `step_trace`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from hil.analysis.step.trace import Timed, Trace


@dataclass(frozen=True, slots=True)
class Definition:
    """What a standard calls a quantity of a step response, and how it is counted."""

    key: str
    standard: str
    title: str
    measure: Literal["begin", "reach", "rise", "enter", "settle", "overshoot", "damping"]
    about: Literal["final", "target", "maximum"]
    """What levels and bands refer to: the value reached, the value asked for, the largest change."""
    confidence: str
    levels: tuple[float, ...] = ()
    """Per unit of the change that `about` names."""
    band: tuple[float, float] = (0.0, 0.0)
    """Short of and beyond it, in the direction of the step, per unit of the change."""
    of_rating: tuple[float, float] = (0.0, 0.0)
    """The same per unit of the rating; the wider of the two counts."""
    note: str = ""


_OURS = "the 5 % are ours: the band is agreed with the manufacturer"
DEFINITIONS: Final = (
    Definition(
        "ieee1547_open_loop",
        "IEEE 1547-2018",
        "Open-loop response time",
        "reach",
        "final",
        "high",
        (0.9,),
        note="90 % of the final change, before any overshoot",
    ),
    Definition(
        "ieee2800_reaction",
        "IEEE 2800-2022",
        "Reaction time",
        "begin",
        "final",
        "medium",
        (0.01,),
        note="visibly starts: 1 % of the change, or more where the noise asks for it, which is ours",
    ),
    Definition(
        "ieee2800_response", "IEEE 2800-2022", "Step response time", "reach", "final", "medium", (0.9,)
    ),
    Definition(
        "ieee2800_settling_current",
        "IEEE 2800-2022",
        "Settling time, ride-through current",
        "settle",
        "final",
        "high",
        of_rating=(0.025, 0.10),
        note="-2.5/+10 % of the maximum current",
    ),
    Definition(
        "ieee2800_settling_frequency",
        "IEEE 2800-2022",
        "Settling time, frequency response",
        "settle",
        "final",
        "medium",
        band=(0.025, 0.025),
        of_rating=(0.005, 0.005),
        note="the wider of 2.5 % of the change and 0.5 % of the rating",
    ),
    Definition("ieee2800_damping", "IEEE 2800-2022", "Damping ratio", "damping", "final", "medium"),
    Definition("iec61400_reaction", "IEC 61400-21-1", "Reaction time", "reach", "final", "medium", (0.1,)),
    Definition("iec61400_rise", "IEC 61400-21-1", "Rise time", "rise", "final", "medium", (0.1, 0.9)),
    Definition(
        "iec61400_response",
        "IEC 61400-21-1",
        "Response time",
        "enter",
        "target",
        "medium",
        band=(0.05, 0.05),
        note=f"first entry of the tolerance band; {_OURS}",
    ),
    Definition(
        "iec61400_settling",
        "IEC 61400-21-1",
        "Settling time",
        "settle",
        "target",
        "medium",
        band=(0.05, 0.05),
        note=f"last entry of the tolerance band; {_OURS}",
    ),
    Definition("iec61400_overshoot", "IEC 61400-21-1", "Overshoot", "overshoot", "target", "medium"),
    Definition(
        "ner_rise",
        "NER (AEMO), chapter 10",
        "Rise time",
        "rise",
        "maximum",
        "high",
        (0.1, 0.9),
        note="of the maximum change induced",
    ),
    Definition(
        "ner_settling",
        "NER (AEMO), chapter 10",
        "Settling time",
        "settle",
        "final",
        "high",
        band=(0.1, 0.1),
        note="of the sustained change",
    ),
    Definition("gbt36548_response", "GB/T 36548", "Response time", "reach", "target", "medium", (0.9,)),
    Definition(
        "gbt36548_adjust",
        "GB/T 36548",
        "Adjust time",
        "settle",
        "target",
        "medium",
        of_rating=(0.02, 0.02),
        note="stays within 2 % of the rated power",
    ),
)


@dataclass(frozen=True, slots=True)
class Measured:
    """One named quantity; value is None where `state` says why."""

    definition: Definition
    value: float | None
    unit: str
    uncertainty: float | None = None
    """Expanded."""
    state: str = "ok"


def measure(
    trace: Trace, definition: Definition, *, target: float | None = None, rating: float | None = None
) -> Measured:
    """Return what a definition counts in a step; target and rating are in the unit of the signal."""
    change = trace.final - trace.initial
    unit = "" if definition.measure in {"overshoot", "damping"} else "s"
    wanted = None if target is None else (target - trace.initial) / change
    whole = {"final": 1.0, "target": wanted, "maximum": max(1.0, float(trace.y.max()))}[definition.about]
    if whole is None:
        return Measured(definition, None, unit, state="target not stated")
    if whole <= 0.1:
        return Measured(definition, None, unit, state="not determinable")  # it went the other way
    if any(definition.of_rating) and rating is None:
        return Measured(definition, None, unit, state="rating not stated")
    if definition.measure == "overshoot":
        beyond = trace.peak()[0] + 1 - whole
        value = beyond / whole if beyond > max(trace.excursion, 1e-9) else 0.0
        return Measured(definition, value, unit, trace.excursion / whole)
    if definition.measure == "damping":
        ringing = trace.ringing()
        if ringing is None:
            return Measured(definition, None, unit, state="no oscillation")
        return Measured(definition, ringing.damping, unit, ringing.uncertainty)
    found = _timed(trace, definition, whole, (rating or 0.0) / abs(change))
    if isinstance(found, str):
        return Measured(definition, None, unit, state=found)
    return Measured(definition, found.time, unit, found.uncertainty)


def _timed(trace: Trace, definition: Definition, whole: float, rating: float) -> Timed | str:
    """Return a time, or why there is none; the whole and the rating are per unit of the change."""
    levels = [level * whole for level in definition.levels]
    under, over = (
        max(band * whole, share * rating)
        for band, share in zip(definition.band, definition.of_rating, strict=True)
    )
    match definition.measure:
        case "begin":
            level = max(levels[0], 3 * trace.noise, trace.excursion)
            return (trace.reach(level) if level < 0.1 else None) or "not determinable"
        case "reach" | "rise":
            if not all(trace.clear(min(level, abs(1 - level))) for level in levels):
                return "not settled" if trace.drift > 0.05 else "not determinable"
            return (trace.reach(*levels) if len(levels) == 1 else trace.rise(*levels)) or "not reached"
        case _ if trace.drift > min(under, over) / 4:
            return "not settled"
        case _ if not trace.clear(min(under, over)):
            return "not determinable"  # a band inside the noise would time the noise
        case "enter":
            return trace.reach(whole - under) or "not reached"
        case _:
            return trace.settle(whole - under, whole + over) or "not settled"
