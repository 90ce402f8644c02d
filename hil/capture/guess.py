"""What a channel holds, guessed from its name and unit in the field's usual habits, or told."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Final, TypeVar

from hil.errors import ConfigError
from hil.waveform import Capture, Channel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CaptureT = TypeVar("CaptureT", bound=Capture)

_PREFIX: Final = {
    "": 1.0, "n": 1e-9, "u": 1e-6, "µ": 1e-6, "μ": 1e-6, "m": 1e-3, "k": 1e3, "K": 1e3, "M": 1e6,
}  # fmt: skip
_BASE: Final = {
    "v": "V", "volt": "V", "volts": "V",
    "a": "A", "amp": "A", "amps": "A", "ampere": "A",
    "w": "W", "watt": "W", "watts": "W",
    "var": "var", "va": "VA", "hz": "Hz", "s": "s", "sec": "s", "second": "s", "seconds": "s",
}  # fmt: skip
_QUANTITY: Final = {"V": "voltage", "A": "current", "W": "power"}
_UNIT: Final = {"voltage": "V", "current": "A", "power": "W"}
_LETTER: Final = {"V": "voltage", "U": "voltage", "I": "current", "P": "power"}
_WORD: Final = {
    "VOLTAGE": "voltage", "VOLT": "voltage", "CURRENT": "current", "AMP": "current", "POWER": "power",
    "PTOT": "power",
}  # fmt: skip
_PHASE: Final = {
    **dict.fromkeys(("A", "1", "R", "L1"), "a"),
    **dict.fromkeys(("B", "2", "S", "L2"), "b"),
    **dict.fromkeys(("C", "3", "T", "L3"), "c"),
    **dict.fromkeys(("N", "0"), "n"),
    **dict.fromkeys(("AB", "12", "RS", "L1L2", "1L2"), "ab"),
    **dict.fromkeys(("BC", "23", "ST", "L2L3", "2L3"), "bc"),
    **dict.fromkeys(("CA", "31", "TR", "L3L1", "3L1"), "ca"),
    "DC": "dc",
}  # fmt: skip
_PHASES: Final = "|".join(sorted(_PHASE, key=len, reverse=True))
# a letter of the quantity, perhaps the meter's number (V4A, 3I0), the phase, perhaps N or a number (Ia1)
_NAMED: Final = re.compile(rf"\d?([VUIP])(?:\d(?=[A-Z]))?(?:L|PH)?({_PHASES})(?:N|(?<=[A-Z])\d*|)")
_BARE: Final = re.compile(r"L[123]|L1L2|L2L3|L3L1|[ABC]|AB|BC|CA|DC")
# a place as a word, or between the letter of the quantity and the phase: "Ugrid_a", "P_load", "loadIa"
_PLACED: Final = re.compile(rf"(?<![A-Z])([VUIP]?)(GRID|LOAD)(?=[VUIP]?(?:{_PHASES})?\d*(?![A-Z]))")
_POINT: Final = {
    **{f"v{p}": ("voltage", p) for p in ("a", "b", "c", "ab", "bc", "ca", "dc")},
    **{f"i{p}": ("current", p) for p in ("a", "b", "c", "dc")},
    "p": ("power", ""),
}
TARGETS: Final = {
    **{target: (*role, "") for target, role in _POINT.items()},
    **{f"{place}.{target}": (*role, place) for place in ("grid", "load") for target, role in _POINT.items()},
    "trigger": ("trigger", "", ""),
}
"""What a mapping may name, and the quantity, phase and measuring point each stands for."""


def si_unit(text: str) -> tuple[float, str]:
    """Return a factor and the SI unit: "kV" is (1000, "V"). A unit that is not known stays as it is."""
    text = text.strip()
    for prefix, factor in _PREFIX.items():
        rest = text[len(prefix) :]
        base = _BASE.get(rest.lower()) if text.startswith(prefix) else None
        if base:
            return factor, base
    return 1.0, "" if text.lower() in {"none", "-", "1"} else text


def guess_channels(
    names: Sequence[str], units: Sequence[str], phases: Sequence[str] | None = None
) -> list[Channel]:
    """Return channels with the quantity and phase that their names, units and stated phases suggest.

    Where name and unit contradict each other (a current transformer's output in volts) nothing is
    believed: the quantity is "other". Without a unit the SI unit of the quantity is taken.

    A name that says "grid" or "load" gives the measuring point. Where all alternating voltages are of
    one such point, there is nothing to tell it from: the voltages, and the currents unless there are
    others, are then those of the unit under test. Powers keep their point.
    """
    places, rest = zip(*map(_place, names), strict=True) if names else ((), ())
    hints = [p.upper().replace("-", "") for p in phases] if phases else [""] * len(names)
    # R, S, T are phases only together: a lone S is a source, or a simulator's signal
    found = [_read(name, unit, hint) for name, unit, hint in zip(rest, units, hints, strict=True)]
    rst = set("RST") <= set("".join(letters for _, letters in found))
    channels = []
    for name, unit, (quantity, letters), place in zip(names, units, found, places, strict=True):
        phase = _PHASE.get(letters, "") if rst or not set(letters) & set("RST") else ""
        if quantity in {"other", "trigger"}:
            phase = ""
        placed = place if quantity in _UNIT else ""
        channels.append(Channel(name, unit or _UNIT.get(quantity, ""), quantity, phase, place=placed))
    return _one_point(channels)


def _place(name: str) -> tuple[str, str]:
    """Return the measuring point in a name, and the name without it."""
    text = name.upper()
    match = _PLACED.search(text)
    return (match[2].lower(), _PLACED.sub(r"\1 ", text)) if match else ("", name)


def _one_point(channels: list[Channel]) -> list[Channel]:
    """Take the measuring point off voltages and currents where it is the only one."""
    points = {c.place for c in channels if c.quantity == "voltage" and c.phase != "dc"}
    if len(points) != 1 or points == {""}:
        return channels
    bare = {c.quantity for c in channels if c.place == "" and c.phase != "dc"}
    taken = {"voltage", "current"} - (bare & {"current"})
    return [replace(c, place="") if c.place in points and c.quantity in taken else c for c in channels]


def _read(name: str, unit: str, hint: str) -> tuple[str, str]:
    """Return the quantity, and the phase as it is written."""
    text = re.sub(r"L([123])[^A-Z0-9]*L([123])", r"L\1L\2", name.upper())
    words = re.findall(r"[A-Z0-9]+", text)
    if any(word.startswith(("TRIG", "TRG")) or word == "TTL" for word in words):
        return "trigger", ""
    pairs = [a + b for a, b in pairwise(words)]
    named = next((m for m in map(_NAMED.fullmatch, (*words, *pairs)) if m), None)
    bare = next((word for word in words if _BARE.fullmatch(word)), "")
    if named:
        quantity = _LETTER[named[1]]
    else:
        quantity = next((_WORD[w] for w in words if w in _WORD), "")
        quantity = quantity or next((_LETTER[w] for w in words if w in _LETTER), "")
        quantity = quantity or ("voltage" if bare.startswith("L") and not unit else "")  # "L1-N"
    phase = hint if hint in _PHASE else named[2] if named else bare
    measured = _QUANTITY.get(unit, "other" if unit else quantity or "other")
    return ("other" if quantity and quantity != measured else measured), phase


def apply_mapping(capture: CaptureT, mapping: Mapping[str, str]) -> CaptureT:
    """Return the capture with roles as told, such as {"va": "CH1"}; no other channel keeps such a role."""
    whose = capture.source or "capture"
    channels = list(capture.channels)
    if len(set(mapping.values())) < len(mapping):
        raise ConfigError(f"{whose}: the mapping gives one channel two roles; name each channel once")
    index = {c.name: i for i, c in enumerate(channels)}
    for target, name in mapping.items():
        if target not in TARGETS or name not in index:
            raise ConfigError(
                f"{whose}: cannot map {target!r} to channel {name!r}; "
                f"known are {', '.join(TARGETS)}; it has {', '.join(index)}"
            )
        role = quantity, phase, place = TARGETS[target]
        unit = channels[index[name]].unit
        expected = _UNIT.get(quantity, unit)
        if unit not in {"", expected}:
            raise ConfigError(
                f"{whose}: {target!r} is in {expected}, channel {name!r} is in {unit}; "
                "map another channel, or correct the unit in the file"
            )
        for i, c in enumerate(channels):
            if (c.quantity, c.phase, c.place) == role:
                channels[i] = Channel(c.name, c.unit, "other", "", c.uncertainty)
        old = channels[index[name]]
        channels[index[name]] = Channel(name, expected, quantity, phase, old.uncertainty, place)
    told = ", ".join(f"{target} = {name}" for target, name in mapping.items())
    note = f"mapping({told})"
    # every kind of capture is a frozen dataclass with these two fields
    renamed: CaptureT = replace(
        capture,
        channels=tuple(channels),
        history=(*capture.history, note),  # type: ignore[type-var]
    )
    return renamed
