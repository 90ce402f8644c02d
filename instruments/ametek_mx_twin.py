"""A simulated AMETEK MX180 with the high-voltage option, its list memory, trigger and remote inhibit.

A running list becomes the terminals' schedule in plant time, so the plant executes it
on its own steps, however late this computer is. Not simulated: slews of the voltage other
than MAX, repeats, pulse and step transients, distorted waveforms, the current limit's action.
The remote inhibit is looked at whenever somebody talks to the box.
"""

from __future__ import annotations

from functools import partial
from math import inf, remainder
from typing import TYPE_CHECKING, ClassVar

from hil.plant.terminals import GridPoint, GridTerminals
from hil.twin.scpi import Handler, Refusal, ScpiTwin, flag, number, word

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hil.twin.base import Scene

POWER = 180e3
"""Apparent power of the three phases [VA]."""
POINTS = 100
"""Entries that the list memory holds."""
PLACES = (0.0, 240.0, 120.0)
"""Angle of each phase as delivered [deg]."""
BY_PHASE = ("VOLT", "PHAS")
"""Lists that each phase has of its own."""


class AmetekMxTwin(ScpiTwin):
    """The box's state; what acts on the bench is in `terminals`."""

    ROLE: ClassVar[str] = "grid_source"
    IDENTITY: ClassVar[str] = "California Instruments,MX180-3Pi,57210,5.30"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self.terminals: GridTerminals = scene.terminals
        self.range = 300.0
        self.amps = POWER / 3 / self.range
        self.inhibit_mode, self.inhibit_level = "LIVE", "LOW"
        """As delivered; both outlive power."""
        self._power_on()

    def _power_on(self) -> None:
        self.coupled, self.selected = True, 0
        self.output = False
        """What OUTP has commanded; the relay follows unless it is inhibited."""
        self.inhibited = self.latched = False
        self.volts, self.hertz = [0.0, 0.0, 0.0], 60.0
        """Immediate levels [V], [Hz]; a list leaves them alone."""
        self.angles = list(PLACES)
        """Immediate angles [deg]."""
        self.modes = dict.fromkeys(("VOLT", "VOLT:SLEW", "FREQ", "FREQ:SLEW", "PHAS"), "FIX")
        self.trigger_output, self.trigger_source = False, "BOT"
        self.lists: dict[str, list[float]] = {}
        self.last_begins: float | None = None
        """Plant time at which the last point of the fired list begins [s]; None: no list holds the output."""

    def reset(self) -> None:
        """Do what *RST does: relay open, zero volts."""
        self._power_on()
        self.terminals.relay = False
        self._abort()

    def execute(self, message: str) -> str:
        """Execute one message, after a look at the remote inhibit."""
        self._watch_inhibit()
        return super().execute(message)

    def commands(self) -> Mapping[str, Handler]:
        """Return the dialect, as far as it is simulated."""
        volts = "[SOURce:]VOLTage[:LEVel][:IMMediate][:AMPLitude]"
        amps = "[SOURce:]CURRent[:LEVel][:IMMediate][:AMPLitude]"
        table: dict[str, Handler] = {
            "INSTrument:COUPle": self._couple,
            "INSTrument:COUPle?": lambda _: "ALL" if self.coupled else "NONE",
            "INSTrument:NSELect": self._select,
            volts: self._set_volts,
            f"{volts}?": lambda data: (
                f"{number(data[0], 0, self.range) if data else self.volts[self.selected]:.1f}"
            ),
            "[SOURce:]VOLTage:RANGe": self._set_range,
            "[SOURce:]VOLTage:RANGe?": lambda _: f"{self.range:.0f}",
            "[SOURce:]FREQuency[:CW]": self._set_hertz,
            "[SOURce:]FREQuency[:CW]?": lambda _: f"{self.hertz:.2f}",
            "[SOURce:]PHASe[:IMMediate]": self._set_angle,
            "[SOURce:]PHASe[:IMMediate]?": lambda _: f"{self.angles[self.selected]:.1f}",
            "[SOURce:]PHASe:MODE": partial(self._set_mode, "PHAS"),
            amps: self._set_amps,
            f"{amps}?": lambda data: f"{number(data[0], 0, self._most_amps()) if data else self.amps:.2f}",
            "[SOURce:]MODE": lambda data: _only(data, "AC"),
            "[SOURce:]FUNCtion[:SHAPe]": lambda data: _only(data, "SINusoid"),
            "OUTPut[:STATe]": self._switch,
            "OUTPut[:STATe]?": lambda _: str(int(self.terminals.relay)),
            "OUTPut:RI[:LEVel]": partial(self._set_inhibit, "inhibit_level", ("LOW", "HIGH")),
            "OUTPut:RI[:LEVel]?": lambda _: self.inhibit_level,
            "OUTPut:RI:MODE": partial(self._set_inhibit, "inhibit_mode", ("LATChing", "LIVE", "OFF")),
            "OUTPut:RI:MODE?": lambda _: self.inhibit_mode,
            "OUTPut:PROTection:CLEar": lambda _: self._clear_protection(),
            "OUTPut:TTLTrg[:STATe]": lambda data: setattr(self, "trigger_output", flag(data[0])),
            "OUTPut:TTLTrg:SOURce": lambda data: setattr(
                self, "trigger_source", word(data[0], "BOT", "EOT", "LIST")
            ),
            "TRIGger[:TRANsient]:SOURce": lambda data: _only(data, "IMMediate"),
            "TRIGger:SYNChronize:SOURce": lambda data: _only(data, "IMMediate"),
            "TRIGger:STATe?": lambda _: "BUSY" if self.world.now() < (self.last_begins or -inf) else "IDLE",
            "ABORt": lambda _: self._abort(),
            "INITiate[:IMMediate][:TRANsient]": lambda _: self._run(),
            "[SOURce:]LIST:STEP": lambda data: _only(data, "AUTO"),
            "[SOURce:]LIST:COUNt": lambda data: _check(data, 1, 1),
            "[SOURce:]LIST:REPeat": lambda data: _check(data, 0, 0),
            "MEASure[:SCALar]:VOLTage[:AC]?": lambda _: f"{self.terminals.measured_volts[self.selected]:.2f}",
            "MEASure[:SCALar]:CURRent[:AC]?": lambda _: f"{self.terminals.measured_amps[self.selected]:.2f}",
            "MEASure[:SCALar]:POWer[:AC][:REAL]?": self._measure_kilowatts,
        }
        for header, name in (("VOLTage", "VOLT"), ("FREQuency", "FREQ")):
            for slew in ("", ":SLEW"):
                table[f"[SOURce:]{header}{slew}:MODE"] = partial(self._set_mode, name + slew)
            table[f"[SOURce:]{header}:SLEW"] = lambda data: _only(data, "MAXimum")
        table["[SOURce:]LIST:VOLTage:SLEW"] = lambda data: _only(data, "MAXimum")
        table["[SOURce:]LIST:FREQuency:SLEW"] = self._load_slews
        for header, name, low, high in (
            ("DWELl", "DWEL", 1e-3, 900.0),
            ("FREQuency", "FREQ", 16.0, 500.0),
            ("VOLTage", "VOLT", 0.0, 400.0),
            ("PHASe", "PHAS", -360.0, 360.0),
        ):
            table[f"[SOURce:]LIST:{header}"] = partial(self._load, name, low, high)
            table[f"[SOURce:]LIST:{header}:POINts?"] = partial(self._count, name)
        return table

    def _couple(self, data: list[str]) -> None:
        self.coupled = word(data[0], "ALL", "NONE") == "ALL"

    def _select(self, data: list[str]) -> None:
        self.selected = round(number(data[0], 1, 3)) - 1

    def _phases(self) -> tuple[int, ...]:
        return (0, 1, 2) if self.coupled else (self.selected,)

    def _set_volts(self, data: list[str]) -> None:
        value = number(data[0], 0, self.range)
        for phase in self._phases():
            self.volts[phase] = value
        self._apply()

    def _set_hertz(self, data: list[str]) -> None:
        self.hertz = number(data[0], 16, 500)
        self._apply()

    def _set_angle(self, data: list[str]) -> None:
        """Turn the selected phase, whether the phases are coupled or not."""
        self.angles[self.selected] = number(data[0], -360, 360)
        self._apply()

    def _apply(self) -> None:
        if self.last_begins is None:
            self.terminals.volts, self.terminals.hertz = list(self.volts), self.hertz
            self.terminals.degrees, self.terminals.hertz_slew = list(_away(self.angles)), inf

    def _set_range(self, data: list[str]) -> None:
        value = number(data[0], 150, 400)
        if value not in {150, 300, 400}:
            raise Refusal(-222)
        if self.terminals.relay or max(self.volts) > value:
            raise Refusal(-221)
        self.range = value
        self.amps = self._most_amps()

    def _most_amps(self) -> float:
        return POWER / 3 / self.range

    def _set_amps(self, data: list[str]) -> None:
        self.amps = number(data[0], 0, self._most_amps())

    def _set_mode(self, name: str, data: list[str]) -> None:
        self.modes[name] = word(data[0], "FIXed", "LIST")

    def _switch(self, data: list[str]) -> None:
        on = flag(data[0])
        if on and (self.inhibited or self.latched):
            raise Refusal(-221)
        self.output = self.terminals.relay = on

    def _set_inhibit(self, name: str, allowed: tuple[str, ...], data: list[str]) -> None:
        setattr(self, name, word(data[0], *allowed))
        self._watch_inhibit()

    def _watch_inhibit(self) -> None:
        """Follow the remote inhibit: at level LOW a closed contact inhibits, at HIGH an open one."""
        closed = self.terminals.interlock is not None and self.terminals.interlock.closed
        was, self.inhibited = self.inhibited, closed == (self.inhibit_level == "LOW")
        was |= self.output and not self.terminals.relay  # open meanwhile, and closed again
        match self.inhibit_mode:
            case "OFF":
                self.inhibited = False
            case "LATC":
                self.latched |= self.inhibited or was
            case _ if was and not self.inhibited:  # LIVE: its release is like the key "output on"
                self.output = self.terminals.relay = True
        if self.inhibited or self.latched:
            self.terminals.relay = False

    def _clear_protection(self) -> None:
        """Restore the output that was on, as relatives of this box do; not while it is inhibited."""
        if not self.inhibited:
            self.latched, self.terminals.relay = False, self.output

    def _measure_kilowatts(self, _: list[str]) -> str:
        return f"{self.terminals.measured_watts[self.selected] / 1e3:.4f}"

    def _load(self, name: str, low: float, high: float, data: list[str]) -> None:
        if len(data) > POINTS:
            raise Refusal(-223)
        values = [number(text, low, high) for text in data]
        for key in (f"{name}{phase}" for phase in self._phases()) if name in BY_PHASE else (name,):
            self.lists[key] = values

    def _load_slews(self, data: list[str]) -> None:
        if data[0].upper().startswith("MAX"):
            self.lists["SLEW"] = [inf]
        else:
            self._load("SLEW", 1e-3, 1e5, data)

    def _count(self, name: str, _: list[str]) -> str:
        return str(len(self.lists.get(f"{name}{self.selected}" if name in BY_PHASE else name, [])))

    def _run(self) -> None:
        if self.last_begins is not None or self.modes["VOLT"] != "LIST" or self.modes["FREQ"] != "LIST":
            raise Refusal(-221)
        names = ["DWEL", "FREQ", "SLEW", "VOLT0", "VOLT1", "VOLT2"]
        names += ["PHAS0", "PHAS1", "PHAS2"] if self.modes["PHAS"] == "LIST" else []
        lists = [self.lists.get(name, []) for name in names]
        length = max(map(len, lists))
        if any(len(values) not in {1, length} for values in lists):
            raise Refusal(-226)
        dwells, hertz, slews, *phases = (values * length if len(values) == 1 else values for values in lists)
        time = self.world.now()
        for index in range(length):
            pulse = index == 0 and self.trigger_output and self.trigger_source == "BOT"
            a, b, c, *turned = (values[index] for values in phases)
            degrees = _away(turned or self.angles)
            point = GridPoint(time, (a, b, c), hertz[index], pulse, degrees, slews[index])
            self.terminals.schedule.append(point)
            self.last_begins = time
            time += dwells[index]

    def _abort(self) -> None:
        self.last_begins = None
        self.terminals.schedule.clear()
        self._apply()


def _away(angles: Sequence[float]) -> tuple[float, float, float]:
    """Return by how much each phase is turned away from its place [deg]."""
    a, b, c = (remainder(angle - place, 360.0) for angle, place in zip(angles, PLACES, strict=True))
    return a, b, c


def _only(data: list[str], *allowed: str) -> None:
    """Refuse what the box may know but this twin does not simulate."""
    word(data[0], *allowed)


def _check(data: list[str], low: float, high: float) -> None:
    number(data[0], low, high)
