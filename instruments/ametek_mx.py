"""AMETEK California Instruments MX and RS: three-phase AC sources, 15 kVA and up.

Commands from the maker's SCPI manual 7003-961 and from drivers in the field; not yet
tried on a box. Traps that shape this driver:

- Phase coupling is sticky state, so every message that means one phase says so and
  couples the phases again at its end.
- Lists of unequal length are refused at the trigger, not when they are loaded.
- `TRIG:STATe?` turns IDLE when the last point *begins*, so the list gets one more short
  point, a copy of the last (the manual's own advice). Firmware up to 0.31 says ARM then.
- `ABORt` may return the output to the immediate level, so that level is set to the
  list's last point first, and the output does not move.
- As delivered a *closed* remote inhibit forbids the output, so a broken wire allows it,
  and its release switches it on (mode LIVE). With `remote_inhibit = "fail-safe"` an open
  one forbids (level HIGH, MX from firmware 0.28), and latches until OUTP:PROT:CLE (mode
  LATC, Series II). In other makes that restores an output that was on: OUTP OFF first.
- Phase angles are absolute and lead where positive: 0, 240, 120 degrees as delivered. Their
  lists are known from its relatives' manuals (Lx, Sequoia), which say of some configurations
  that phase A is the reference and only B and C turn: a test must see the jump in its record.
- Above 300 V it needs the high-voltage option, whose range 400 is general knowledge only.
- Power is in kW. A regenerative unit may shift the frequency by itself: look at its
  `REGenerate` settings before a test.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, ClassVar

from hil.errors import ConfigError, InstrumentError, ReadbackError
from hil.limits import Limit
from hil.roles import GridSource, Identity, Proof, Setup
from hil.transient import ListMemory, ListPoint, Triple
from hil.transport.visa import Scpi, VisaLink

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hil.transport.link import TextLink

PLACES = (0.0, 240.0, 120.0)
"""Angle of each phase in the balanced system [deg]."""
FIXED = ("INST:COUP ALL", "VOLT:MODE FIX", "FREQ:MODE FIX", "PHAS:MODE FIX")
"""The immediate levels rule, on all phases together."""


class AmetekMx(GridSource):
    """An MX or RS source over its LAN or serial port."""

    RATING: ClassVar[Mapping[str, Limit]] = {
        "voltage": Limit(0, 400, "V"),  # above 300 V with the high-voltage option; `prepare` asks the box
        "frequency": Limit(16, 500, "Hz"),
        "current": Limit(0, 600, "A"),  # the largest RS, upper range; `prepare` asks the box
    }
    IDENTITY: ClassVar[str] = r"(?i)(california instruments|ametek).*,(mx|rs)\d.*"
    OPTIONS: ClassVar[Mapping[str, str]] = {"remote_inhibit": "text"}
    LIST: ClassVar[ListMemory] = ListMemory(
        points=99, shortest=1e-3, longest=900.0, resolution=1e-3, angles=True, slews=True
    )
    """100 on Series II controllers, less the one that holds the end; Series I has 32 and refuses more."""

    def __init__(self, setup: Setup, link: TextLink | None = None) -> None:
        super().__init__(setup)
        self.link = link or VisaLink(setup.name, setup.address, setup.clock, setup.log, setup.timeout)
        self.scpi = Scpi(self.link)
        inhibit = setup.options.get("remote_inhibit", "unused")
        if inhibit not in {"fail-safe", "unused"}:
            raise ConfigError(
                f'{self.name}: remote_inhibit = {inhibit!r}; expected "fail-safe", where an interlock is '
                'wired to that input, or "unused"'
            )
        self._inhibited_when_open = inhibit == "fail-safe"
        self._loaded: ListPoint | None = None  # last point of the list that waits to be fired
        self._dwells: ListPoint | None = None  # last point of the list that holds the output
        self._degrees = (0.0, 0.0, 0.0)  # immediate angles

    def snapshot(self) -> dict[str, float | str | bool | None]:
        """Return set-points, measurements and state, in SI units."""
        asked = ("VOLT?", "MEAS:VOLT:AC?", "MEAS:CURR:AC?", "MEAS:POW:AC?")
        values = self.scpi.numbers(*_by_phase([asked] * 3))
        state: dict[str, float | str | bool | None] = {"output": self.read_output()}
        for phase, start in zip("abc", (0, 4, 8), strict=True):
            state[f"voltage_setpoint_{phase}"] = values[start]
            state[f"voltage_{phase}"] = values[start + 1]
            state[f"current_{phase}"] = values[start + 2]
            state[f"power_{phase}"] = 1e3 * values[start + 3]
        state["frequency_setpoint"], state["voltage_range"] = self.scpi.numbers("FREQ?", "VOLT:RANG?")
        return state | {"transient": self.scpi.ask("TRIG:STAT?")[0]}

    def make_safe(self) -> None:
        """Abort a list, open the output relay, set zero volts on coupled phases."""
        self._loaded = self._dwells = None
        self.scpi.attempt(("*CLS", "ABOR"), ("OUTP OFF",), (*FIXED, "VOLT 0"))
        if self.read_output():
            raise ReadbackError(f"{self.name}: the output relay stays closed. Cut its supply")

    def prove_safe(self) -> tuple[Proof, ...]:
        """Measure the three phase-to-neutral voltages [V]."""
        limit = Limit(0, self.setup.safe_voltage, "V")
        volts = zip("abc", self.read_voltages(), strict=True)
        return tuple(Proof(f"{self.name}.voltage_{phase}", value, limit) for phase, value in volts)

    def list_running(self) -> bool:
        """Say whether the transient still runs."""
        return self.scpi.ask("TRIG:STAT?") == ["BUSY"]

    def read_voltages(self) -> Triple:
        """Measure the RMS phase-to-neutral voltages at the terminals [V]."""
        return self._measure("MEAS:VOLT:AC?")

    def read_currents(self) -> Triple:
        """Measure the RMS phase currents [A]."""
        return self._measure("MEAS:CURR:AC?")

    def _measure(self, question: str) -> Triple:
        a, b, c = self.scpi.numbers(*_by_phase([[question]] * 3))
        return a, b, c

    def read_output(self) -> bool:
        """Say whether the output relay is closed."""
        return self.scpi.numbers("OUTP?") == [1]

    def _do_open(self) -> None:
        self.link.open()

    def _do_close(self) -> None:
        self.link.close()

    def _do_identify(self) -> Identity:
        return Identity(*self.scpi.identify())

    def _do_prepare(self) -> None:
        self._loaded = self._dwells = None
        self.scpi.send("*CLS", "ABOR", "OUTP OFF", *FIXED, "VOLT 0")
        self.scpi.send("MODE AC", "FUNC SIN", "VOLT:SLEW MAX", "FREQ:SLEW MAX")
        self._set_angles((0.0, 0.0, 0.0))
        # The recorder sees the pulse that the source gives at the beginning of a transient.
        self.scpi.send("TRIG:TRAN:SOUR IMM", "TRIG:SYNC:SOUR IMM", "OUTP:TTLT:STAT ON", "OUTP:TTLT:SOUR BOT")
        if self._inhibited_when_open:
            # The mode first: in LIVE, turning the level over could switch the output on.
            for setting, value in (("OUTP:RI:MODE", "LATC"), ("OUTP:RI:LEV", "HIGH")):
                (word,) = self.scpi.send(f"{setting} {value}", f"{setting}?")
                if not word.upper().startswith(value):
                    raise ReadbackError(
                        f"{self.name}: {setting} was set to {value} and reads back {word!r}, so its remote "
                        "inhibit is not fail-safe. Is its firmware recent enough?"
                    )
        # The lowest range that will do gives the most current; not every box has the highest.
        highest = self.setup.limits["voltage"].high if "voltage" in self.setup.limits else 300.0
        volts = next(v for v in (150, 300, 400) if highest <= v)
        (taken,) = self.scpi.send(f"VOLT:RANG {volts}", "VOLT:RANG?")
        self._took("voltage range", volts, self.scpi.number(taken), 1)
        (most,) = self.scpi.numbers("CURR? MAX")
        if "current" in self.setup.limits:
            amps = self.limits["current"].high
            if amps > most:
                raise ConfigError(
                    f"{self.name}: the bench limit {amps:g} A exceeds the {most:g} A of this box"
                )
            (taken,) = self.scpi.send(f"CURR {amps:.2f}", "CURR?")
            self._took("current limit", amps, self.scpi.number(taken), 0.5)

    def _do_set_voltages(self, volts: Triple) -> None:
        self._leave_list()
        self._set_levels(volts)

    def _set_levels(self, volts: Triple) -> None:
        replies = self.scpi.send(*_by_phase([(f"VOLT {value:.3f}", "VOLT?") for value in volts]))
        for phase, value, reply in zip("abc", volts, replies, strict=True):
            self._took(f"voltage {phase}", value, self.scpi.number(reply), 0.15)  # resolution 0.1 V

    def _set_angles(self, degrees: Triple) -> None:
        turned = [_angle(place, own) for place, own in zip(PLACES, degrees, strict=True)]
        replies = self.scpi.send(*_by_phase([(f"PHAS {value:.1f}", "PHAS?") for value in turned]))
        for phase, value, reply in zip("abc", turned, replies, strict=True):
            self._took(f"angle {phase}", value, self.scpi.number(reply), 0.11)  # resolution 0.1 degrees
        self._degrees = degrees

    def _do_set_frequency(self, hertz: float) -> None:
        self._leave_list()
        self._set_hertz(hertz)

    def _set_hertz(self, hertz: float) -> None:
        (reply,) = self.scpi.send(f"FREQ {hertz:.3f}", "FREQ?")
        tolerance = 0.011 if hertz < 82 else 0.11  # resolution 0.01 Hz, above 82 Hz 0.1 Hz
        self._took("frequency", hertz, self.scpi.number(reply), tolerance)

    def _do_switch_output(self, *, on: bool) -> None:
        if on and self._inhibited_when_open and not self.read_output():
            self.scpi.send("OUTP OFF", "OUTP:PROT:CLE")
        try:
            (reply,) = self.scpi.send(f"OUTP {'ON' if on else 'OFF'}", "OUTP?")
            self._took("output", on, self.scpi.number(reply), 0)
        except InstrumentError as error:
            if not on:
                raise
            hint = "does its remote inhibit hold it off: is the interlock open, is remote_inhibit set right?"
            raise type(error)(f"{error} ({hint})") from error

    def _do_load_list(self, points: tuple[ListPoint, ...]) -> None:
        for point in points:
            steps = point.seconds / self.LIST.resolution
            if abs(steps - round(steps)) > 1e-6:
                raise ConfigError(f"{self.name}: a dwell of {point.seconds} s is no multiple of 1 ms")
        self._leave_list()
        last = points[-1]
        held = (*points, replace(last, seconds=self.LIST.shortest, slew=None))
        turns = any(point.degrees != self._degrees for point in points)
        replies = self.scpi.send(
            "INST:COUP ALL",
            f"LIST:DWEL {_data(point.seconds for point in held)}",
            f"LIST:FREQ {_data(point.hertz for point in held)}",
            f"LIST:FREQ:SLEW {_slews(held)}",
            *("LIST:REP 0", "LIST:STEP AUTO", "LIST:COUN 1"),
            "LIST:DWEL:POIN?",
            "LIST:FREQ:POIN?",
        )
        for phase in range(3):
            volts = f"LIST:VOLT {_data(point.volts[phase] for point in held)}"
            one = ("INST:COUP NONE", f"INST:NSEL {phase + 1}", volts, "LIST:VOLT:SLEW MAX", "LIST:VOLT:POIN?")
            replies += self.scpi.send(*one, "INST:COUP ALL")
            if turns:
                angles = _data(_angle(PLACES[phase], point.degrees[phase]) for point in held)
                turn = ("INST:COUP NONE", f"INST:NSEL {phase + 1}", f"LIST:PHAS {angles}", "LIST:PHAS:POIN?")
                replies += self.scpi.send(*turn, "INST:COUP ALL")
        for reply in replies:
            self._took("length of a list", len(held), self.scpi.number(reply), 0)
        self.scpi.send("VOLT:MODE LIST", "VOLT:SLEW:MODE LIST", "FREQ:MODE LIST", "FREQ:SLEW:MODE LIST")
        if turns:
            self.scpi.send("PHAS:MODE LIST")
        self._loaded = last

    def _do_fire_list(self) -> None:
        if self._loaded is None:
            raise InstrumentError(f"{self.name}: no list is loaded; each is fired once")
        self.scpi.send("INIT")
        self._dwells, self._loaded = self._loaded, None

    def _leave_list(self) -> None:
        """Hand the output from the list memory back to the immediate level, without moving it."""
        if self._dwells is not None:
            if self.list_running():
                raise InstrumentError(f"{self.name}: a list still runs; wait for its end, or make it safe")
            self._set_levels(self._dwells.volts)
            self._set_hertz(self._dwells.hertz)
            if self._dwells.degrees != self._degrees:
                self._set_angles(self._dwells.degrees)
        if self._dwells is not None or self._loaded is not None:
            self.scpi.send("ABOR", *FIXED)
            self._loaded = self._dwells = None


def _by_phase(units: Sequence[Sequence[str]]) -> list[str]:
    """Return the units of the three phases as one message that leaves the phases coupled."""
    selected = ((f"INST:NSEL {phase}", *own) for phase, own in enumerate(units, 1))
    return ["INST:COUP NONE", *chain.from_iterable(selected), "INST:COUP ALL"]


def _data(values: Iterable[float]) -> str:
    return ",".join(f"{value:.3f}" for value in values)


def _angle(place: float, degrees: float) -> float:
    """Return the absolute angle of a phase that is turned away from its place, 0 to 360 [deg]."""
    return (place + degrees) % 360.0


def _slews(points: Sequence[ListPoint]) -> str:
    """Return how fast each point's frequency is reached; one word where none has a rate."""
    if not any(point.slew for point in points):
        return "MAX"
    fastest = AmetekMx.SLEW.high
    return _data(point.slew or fastest for point in points)
