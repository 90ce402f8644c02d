"""Yokogawa WT5000, WT3000E and WT1800E power analysers: one dialect, headers off, item lists.

Framing and data types from the makers' manuals (IM WT5000-17EN, IM WT3001E-17EN, pages that are
public), status bits from IM WT3001E-17EN, 7.4, the rest from public drivers for the WT1800E and
WT3000; not yet tried on a box. What shapes this driver:

- With headers on every answer begins with its command, so they are switched off first.
- Bit 0 of the condition register (UPD) is 1 while values are renewed. With its transition filter at
  FALL, bit 0 of the extended event register says that an update has ended since it was last read;
  `COMM:WAIT 1` would do the same by not answering, which hides a box that is gone.
- Values of one update are renewed together, and one answer holds one update.
- "NAN" stands where there is no data, "INF" where the input is over range or over its peak.
- The error queue is `STATus:ERRor?`, with numbers above zero (113, "Undefined header").
- Ranges are given as at the inputs, so below an instrument transformer, whose ratio the box scales
  back; assumed for the WT5000, where the current ranges are of a 30 A element (760901) too.
- The sign of the power factor is that of the active power; lag and lead are the sign of Q.
"""

from __future__ import annotations

import math
from collections.abc import Mapping  # noqa: TC003 - class variables name it
from typing import TYPE_CHECKING, ClassVar, Final

from hil.errors import ConfigError, NoReply, ReadbackError
from hil.limits import Limit
from hil.roles import Identity, PowerMeter, PowerReading
from hil.transport.visa import VisaLink

from ._yokogawa import Dialect, Items

if TYPE_CHECKING:
    from hil.roles import Setup
    from hil.transport.link import TextLink

WIRINGS: Final = {"3P4W": ("P3W4", 3), "3V3A": ("V3A3", 3)}
"""Name on the front panel to the word on the wire, and its elements."""
VOLTS: Final = (1.5, 3.0, 6.0, 10.0, 15.0, 30.0, 60.0, 100.0, 150.0, 300.0, 600.0, 1000.0)
AMPS: Final = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0)
"""Ranges at a crest factor of 3 [V], [A]."""


class YokogawaWt(PowerMeter):
    """A WT analyser's three-phase measurement on elements 1 to 3.

    3P4W measures phases to neutral; 3V3A measures lines to lines, so that only the sum of its
    powers means anything. Current sensors point to the grid: then power of the PCS is positive.
    `current_ratio` and `voltage_ratio` are those of instrument transformers.
    """

    RATING: ClassVar[Mapping[str, Limit]] = {
        "voltage": Limit(0.0, 100e3, "V"),  # with transformers; `prepare` finds the range
        "current": Limit(0.0, 100e3, "A"),
        "interval": Limit(0.01, 20.0, "s"),
    }
    INTERVALS: ClassVar[tuple[float, ...]] = (0.01, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)
    IDENTITY: ClassVar[str] = r"(?i)yokogawa.*,.*(wt5000|wt300\d|wt180\d|7604\d\d|7603\d\d).*"
    OPTIONS: ClassVar[Mapping[str, str]] = {"wiring": "text", "current_ratio": "", "voltage_ratio": ""}

    def __init__(self, setup: Setup, link: TextLink | None = None) -> None:
        super().__init__(setup)
        self.link = link or VisaLink(setup.name, setup.address, setup.clock, setup.log, setup.timeout)
        self.scpi = Dialect(self.link)
        wiring = str(setup.options.get("wiring", "3P4W"))
        if wiring not in WIRINGS:
            raise ConfigError(f"{self.name}: wiring = {wiring!r}; expected {' or '.join(WIRINGS)}")
        self._wiring, self._count = WIRINGS[wiring]
        self._items = Items(self._count)
        self._ratios = {
            "VT": float(setup.options.get("voltage_ratio", 1.0)),
            "CT": float(setup.options.get("current_ratio", 1.0)),
        }
        if not all(ratio > 0.0 for ratio in self._ratios.values()):
            raise ConfigError(f"{self.name}: the ratio of a transformer must be above zero")

    def read(self) -> PowerReading:
        """Wait for the end of the next update and return it, whole."""
        clock, interval = self.setup.clock, self._interval()
        look = interval / 10.0
        self.scpi.ask("STAT:EESR?")  # forgets what ended before
        begin = before = clock.now()
        while True:
            clock.sleep(look)
            (events,) = self.scpi.numbers("STAT:EESR?")
            now = clock.now()
            if int(events) & 1:
                break
            if now - begin > 3.0 * interval + self.setup.timeout:
                raise NoReply(
                    f"{self.name} at {self.setup.address}: it renewed no value in {now - begin:.3g} s at an "
                    f"update interval of {interval:g} s. Is it on hold?"
                )
            before = now
        powers, missing = self._items.parse(self.scpi, self.link.query(":NUM:NORM:VAL?"))
        return PowerReading(now, now - before, interval, powers[:-1], powers[-1], missing)

    def snapshot(self) -> dict[str, float | str | bool | None]:
        """Return its settings."""
        wiring, rate, volts, amps = self.scpi.ask(
            "INP:WIR?", "RATE?", "INP:VOLT:RANG:ELEM1?", "INP:CURR:RANG:ELEM1?"
        )
        return {
            "wiring": wiring,
            "interval": self.scpi.number(rate),
            "voltage_range": self.scpi.number(volts) * self._ratios["VT"],
            "current_range": self.scpi.number(amps) * self._ratios["CT"],
        }

    def make_safe(self) -> None:
        """Hand the front panel back; it energises nothing."""
        self.scpi.send("COMM:REM OFF")

    def _do_open(self) -> None:
        self.link.open()

    def _do_close(self) -> None:
        self.link.close()

    def _do_identify(self) -> Identity:
        return Identity(*self.scpi.identify())

    def _do_prepare(self) -> None:
        volts, amps = self._range("voltage", VOLTS, "VT"), self._range("current", AMPS, "CT")
        self.scpi.send("*CLS", "COMM:HEAD OFF", "COMM:VERB OFF", "COMM:REM ON", "STAT:FILT1 FALL", "HOLD OFF")
        self.scpi.send(f"INP:WIR {self._wiring}")
        (wiring,) = self.scpi.ask("INP:WIR?")
        if wiring.split(",")[0] != self._wiring:
            raise ReadbackError(
                f"{self.name}: the wiring was set to {self._wiring} and reads back {wiring!r}. Are elements "
                f"1 to {self._count} of one kind, and free?"
            )
        self.scpi.send(
            "INP:SCAL:STAT:ALL ON", *(f"INP:SCAL:{kind}:ALL {r:g}" for kind, r in self._ratios.items())
        )
        self.scpi.send("INP:VOLT:AUTO:ALL OFF", "INP:CURR:AUTO:ALL OFF")
        for element in range(1, self._count + 1):
            for kind, value in (("VOLT", volts), ("CURR", amps)):
                setting = f"INP:{kind}:RANG:ELEM{element}"
                (taken,) = self.scpi.send(f"{setting} {value:g}", f"{setting}?")
                self._took(f"{kind} range of element {element}", value, self.scpi.number(taken), 1e-3 * value)
        self._items.choose(self.scpi)

    def _do_set_interval(self, seconds: float) -> None:
        if not any(math.isclose(seconds, own) for own in self.INTERVALS):
            raise ConfigError(
                f"{self.name}: an update interval of {seconds:g} s; there is "
                f"{', '.join(f'{own:g}' for own in self.INTERVALS)} s"
            )
        (taken,) = self.scpi.send(f"RATE {seconds:g}", "RATE?")
        self._took("update interval", seconds, self.scpi.number(taken), 1e-6)

    def _interval(self) -> float:
        (seconds,) = self.scpi.numbers("RATE?")
        return seconds

    def _range(self, quantity: str, ranges: tuple[float, ...], transformer: str) -> float:
        """Return the smallest range that holds the bench's limit, the largest where it has none [V], [A]."""
        if quantity not in self.setup.limits:
            return ranges[-1]
        most = self.setup.limits[quantity].high / self._ratios[transformer]
        for value in ranges:
            if most <= value:
                return value
        raise ConfigError(
            f"{self.name}: the bench has up to {self.setup.limits[quantity]} of {quantity}, {most:g} behind "
            f"the transformer; the largest range is {ranges[-1]:g}. Is its ratio in the bench file right?"
        )
