"""A PCS with SunSpec models over its simulated terminals: the register image of a 250 kW unit.

Power is told in steps of 10 W and vars in steps of 10 var, so that rounding shows.
Event log and forming the grid are models of its maker's, as SunSpec has none for them.

A reversion timer that runs out acts within a few milliseconds of host time, on the
plant as it then stands: in a dry run faster than real time, its instant is as
coarse as the plant's advance.
"""

from __future__ import annotations

import struct
import threading
from typing import TYPE_CHECKING, Final

from hil.twin.base import Scene, Twin
from hil.twin.frames import FrameServer

from ._sunspec_hil import AS_DELIVERED, ENTRIES, EVENTS, FOLLOWS, FORM, FORMS, LOG, MODELS
from .sunspec import (
    ALARMS,
    DERATED,
    END,
    FAULT,
    FOLLOWING,
    FORMING,
    MAKERS_ALARM,
    MARKER,
    MISSING,
    STANDBY,
    encode,
)

if TYPE_CHECKING:
    from hil.plant.terminals import PcsTerminals

BASE: Final = 40000
IDENTITY: Final = "HIL,PCS-250,1001,1.0"
RATING: Final = 25_000
"""Of active, reactive and apparent power, in steps of 10 W."""
LENGTHS: Final = {1: 66, 701: 153, 702: 50, 703: 17, 704: 65, LOG: 2 + 3 * ENTRIES, FORM: 7, 713: 7, 714: 43}
"""Registers after ID and L; the maker's own in the middle, so that others have to step over them."""
SCALES: Final = {
    701: {"A_SF": -1, "V_SF": -1, "Hz_SF": -2, "W_SF": 1, "Var_SF": 1, "Tmp_SF": -1},
    702: {"W_SF": 1, "VA_SF": 1, "Var_SF": 1},
    704: {"WSet_SF": 1, "VarSet_SF": 1},
    713: {"Pct_SF": -1},
    714: {"DCV_SF": -1},
    FORM: {"Ref_SF": -6},
}
WRITABLE: Final = {
    703: ("ES",),
    704: tuple(name for name in MODELS[704] if not name.endswith(("_SF", "Rem"))),
    FORM: ("Form", "Sync", "V", "Hz"),
}
STATES: Final = {"off": 0, "starting": 2, "running": 3, "tripped": STANDBY, "fault": FAULT}
THROTTLED: Final = 4
BITS: Final = {name: bit for bit, name in ALARMS.items()}
RANGES: Final = {"Form": (0, 2), "Sync": (0, 1), "V": (500_000, 1_500_000), "Hz": (500_000, 1_500_000)}
"""What the registers of the forming model take."""
WATCH: Final = 0.02
"""How often the reversion timers are looked at when nobody talks [s], host time."""


class SunSpecPcsTwin(Twin):
    """Speaks functions 3 and 16 of Modbus TCP."""

    ROLE = "pcs"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._terminals: PcsTerminals = scene.terminals
        self._unit = int(scene.options.get("unit", 1))
        self._server = FrameServer(self, self._missing, self._answer)
        self._stopped = threading.Event()
        self._watch = threading.Thread(target=self._watch_timers, daemon=True)
        self._expiry: dict[str, float] = {}
        self._starts: dict[int, int] = {}
        self._words = self._image()

    def start(self) -> str:
        """Serve on a free port and return "host:port"."""
        port = self._server.start()
        self._watch.start()
        return f"127.0.0.1:{port}"

    def stop(self) -> None:
        """Close every connection and end the threads."""
        self._server.stop()
        self._stopped.set()
        self._watch.join()

    def _image(self) -> list[int]:
        self._words = list(MARKER)
        for model, length in LENGTHS.items():
            self._starts[model] = len(self._words)
            self._words += [model, length, *[0xFFFF] * length]
            for name, point in MODELS.get(model, {}).items():
                if point.kind != "string":
                    value = SCALES.get(model, {}).get(name, 0 if name in WRITABLE.get(model, ()) else None)
                    self._put(model, name, value)
        self._words += [END, 0]
        for name in (
            "WMaxRtg",
            "VAMaxRtg",
            "VarMaxInjRtg",
            "VarMaxAbsRtg",
            "WChaRteMaxRtg",
            "WDisChaRteMaxRtg",
        ):
            self._put(702, name, RATING)
        return self._words

    def _at(self, model: int, name: str) -> slice:
        point = MODELS[model][name]
        start = self._starts[model] + point.offset
        return slice(start, start + point.size)

    def _put(self, model: int, name: str, raw: float | None) -> None:
        """Fill in a point; one that is not implemented, or that the number does not fit, says so."""
        point = MODELS[model][name]
        words = None if raw is None else encode(round(raw), point.kind)
        if words is None:
            words = [MISSING[point.kind] >> 16 * place & 0xFFFF for place in reversed(range(point.size))]
        self._words[self._at(model, name)] = words

    def _put_text(self, model: int, name: str, text: str) -> None:
        size = MODELS[model][name].size
        self._words[self._at(model, name)] = struct.unpack(f">{size}H", text.encode().ljust(2 * size, b"\0"))

    def _get(self, model: int, name: str) -> int:
        words = self._words[self._at(model, name)]
        signed = MODELS[model][name].kind.startswith("int")
        return int.from_bytes(struct.pack(f">{len(words)}H", *words), "big", signed=signed)

    def _missing(self, request: bytes) -> int:
        if len(request) < 6:
            return 6 - len(request)
        return 6 + int.from_bytes(request[4:6], "big") - len(request)

    def _answer(self, request: bytes) -> bytes:
        transaction, _, _, unit, function = struct.unpack_from(">HHHBB", request)
        with self.world.lock:
            if unit != self._unit:
                reply = bytes([function | 0x80, 11])
            elif function == 3:
                reply = self._read(*struct.unpack_from(">HH", request, 8))
            elif function == 16:
                address, count = struct.unpack_from(">HH", request, 8)
                reply = self._write(address, list(struct.unpack_from(f">{count}H", request, 13)))
            else:
                reply = bytes([function | 0x80, 1])
        return struct.pack(">HHHB", transaction, 0, len(reply) + 1, unit) + reply

    def _read(self, address: int, count: int) -> bytes:
        first = address - BASE
        if not 0 <= first <= first + count <= len(self._words):
            return bytes([0x83, 2])
        self._expire()
        self._measure()
        return struct.pack(f">BB{count}H", 3, 2 * count, *self._words[first : first + count])

    def _write(self, address: int, values: list[int]) -> bytes:
        first = address - BASE
        touched = {
            (model, name)
            for model, names in WRITABLE.items()
            for name in names
            if first <= self._at(model, name).start < first + len(values)
        }
        if sum(MODELS[model][name].size for model, name in touched) != len(values):
            return bytes([0x90, 2])  # read-only, half a number, or no register at all
        self._expire()
        before = self._words[first : first + len(values)]
        self._words[first : first + len(values)] = values
        powers = [self._get(704, name) for name in ("WSet", "WSetRvrt", "VarSet", "VarSetRvrt")]
        forming = [(low, self._get(FORM, name), high) for name, (low, high) in RANGES.items()]
        if max(map(abs, powers)) > RATING or not all(low <= found <= high for low, found, high in forming):
            self._words[first : first + len(values)] = before
            return bytes([0x90, 3])
        if (703, "ES") in touched:  # and not else: an interlock may have withdrawn it at the terminals
            self._terminals.enable = self._get(703, "ES") == 1
        if any(model == FORM for model, _ in touched):
            self._form()
        for prefix in ("W", "Var"):
            if (704, f"{prefix}SetEna") in touched:
                self._arm(prefix)
        self._apply()
        return struct.pack(">BHH", 16, address, len(values))

    def _arm(self, prefix: str) -> None:
        seconds = self._get(704, f"{prefix}SetRvrtTms")
        self._expiry.pop(prefix, None)
        if self._get(704, f"{prefix}SetEna") == 1 and seconds:
            self._expiry[prefix] = self.world.now() + seconds

    def _expire(self) -> None:
        for prefix, instant in list(self._expiry.items()):
            if self.world.now() >= instant:
                del self._expiry[prefix]
                for point in ("Set", "SetEna"):
                    self._words[self._at(704, prefix + point)] = self._words[
                        self._at(704, f"{prefix}{point}Rvrt")
                    ]
                self._apply()

    def _apply(self) -> None:
        """Command the terminals; a function that is disabled, or set in percent, asks for nothing."""
        watts = self._get(704, "WSetEna") == 1 and self._get(704, "WSetMod") == 1
        var = self._get(704, "VarSetEna") == 1 and self._get(704, "VarSetMod") == 4
        self._terminals.active_power = 10.0 * self._get(704, "WSet") if watts else 0.0
        self._terminals.reactive_power = 10.0 * self._get(704, "VarSet") if var else 0.0

    def _form(self) -> None:
        unit = self._terminals
        unit.form = {FOLLOWS: False, FORMS: True, AS_DELIVERED: None}[self._get(FORM, "Form")]
        unit.synchronise = self._get(FORM, "Sync") == 1
        unit.volts, unit.hertz = 1e-6 * self._get(FORM, "V"), 1e-6 * self._get(FORM, "Hz")

    def _watch_timers(self) -> None:
        while not self._stopped.wait(WATCH):
            if any(self.world.now() >= instant for instant in list(self._expiry.values())):
                with self.world.lock:
                    self._expire()

    def _measure(self) -> None:
        names = (self.faults.identity or IDENTITY).split(",") + [""] * 3
        for point, text in zip(("Mn", "Md", "SN", "Vr"), names, strict=False):
            self._put_text(1, point, text)
        unit = self._terminals
        bits = 0
        for name in unit.alarms:
            bits |= 1 << BITS.get(name, MAKERS_ALARM)
        self._put_text(701, "MnAlrmInfo", ", ".join(sorted(unit.alarms - BITS.keys())))
        state = THROTTLED if unit.mode == "running" and unit.limited else STATES[unit.mode]
        volts, amps = unit.measured_volts, unit.measured_amps
        for name, raw in {
            "InvSt": state,
            "ConnSt": unit.connected,
            "Alrm": bits,
            "DERMode": FORMING if unit.forming else FOLLOWING,
            "ThrotSrc": DERATED if unit.limited else 0,
            "W": _in_steps(unit.measured_watts, 0.1),
            "Var": _in_steps(unit.measured_var, 0.1),
            "LNV": _in_steps(None if volts is None else sum(volts) / 3, 10),
            "Hz": _in_steps(unit.measured_hertz, 100),
            "TmpSnk": _in_steps(unit.celsius, 10),
            **{f"AL{n + 1}": None if amps is None else 10 * amps[n] for n in range(3)},
        }.items():
            self._put(701, name, raw)
        for name, command in {
            "Form": AS_DELIVERED if unit.form is None else FORMS if unit.form else FOLLOWS,
            "Sync": unit.synchronise,
            "V": 1e6 * unit.volts,
            "Hz": 1e6 * unit.hertz,
        }.items():
            self._put(FORM, name, command)
        for prefix in ("W", "Var"):
            left = self._expiry.get(prefix, self.world.now()) - self.world.now()
            self._put(704, f"{prefix}SetRvrtRem", left)
        charge = unit.state_of_charge
        self._put(713, "SoC", _in_steps(None if charge is None else max(0.0, min(1.0, charge)), 1000))
        self._put(714, "DCV", _in_steps(unit.dc_volts, 10))
        if len(unit.events) != self._get(LOG, "Count"):
            self._put(LOG, "Count", len(unit.events))
            for n, (time, text) in enumerate(unit.events[: -ENTRIES - 1 : -1]):
                self._put(LOG, f"Tms{n}", time * 1000)
                self._put(LOG, f"Evt{n}", EVENTS.index(text) + 1)


def _in_steps(value: float | None, per_unit: float) -> float | None:
    """Return a reading in the steps of its register; one that is missing stays so."""
    return None if value is None else value * per_unit
