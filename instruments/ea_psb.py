"""EA Elektro-Automatik PSB 10000: bidirectional DC source, 30 kW a unit, SCPI on TCP 5025.

Facts from the maker's programming guide PGMBEN (2023) and from drivers in the field;
not yet tried on a box. Traps that shape this driver:

- A set-point out of range is refused silently: only the error queue tells (-222), so
  every command carries its read-back and the queue's answer in the same message.
- Reading the error queue acknowledges alarms, so the status is read first, always.
- At most 5 commands and 256 bytes per message, 10 ms between messages; a connection is
  closed after 5 s of silence. Remote control belongs to the box, not to the connection,
  and outlives it.
- The box switches its output on again after remote control, power-up and power fail,
  if it is set so: all three are set to OFF, and read back.
- The undervoltage supervision (UVD) is left alone: it would trip each soft start of a
  DC link. Overvoltage, overcurrent and overpower protection are set.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from hil.errors import InstrumentError, ReadbackError
from hil.limits import Limit
from hil.roles import DcSource, Identity, Proof, Setup
from hil.transport.visa import Scpi, VisaLink

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.transport.link import TextLink

HEADROOM: Final = 1.05
"""Protections stand this far above the bench limits, so that only a fault reaches them [pu]."""
SAFE: Final = Limit(-60, 60, "V")
"""Ripple-free DC that is safe to touch in normal condition (IEC 61010-1:2010, 6.3.1)."""
RESTORE: Final = ("POW:STAG:AFT:REM", "SYST:CONF:OUTP:REST", "SYST:ALAR:ACT:PFA")
ALARMS: Final = {0: "overvoltage", 1: "overcurrent", 13: "power fail"}
"""Bits of STAT:QUES:COND? that mean trouble; bit 10 is remote control, bit 11 output on."""
REMOTE: Final = 1 << 10


class EaPsb(DcSource):
    """A PSB or PSBE 10000, alone or as the master of a parallel system."""

    RATING: ClassVar[Mapping[str, Limit]] = {
        # The family: 2000 V, 1000 A and 30 kW a unit, 64 units; `prepare` asks the box for its own.
        "voltage": Limit(0, 2000, "V"),
        "current": Limit(-64e3, 64e3, "A"),
        "power": Limit(-1.92e6, 1.92e6, "W"),
    }
    IDENTITY: ClassVar[str] = r"(?i)(ea )?elektro-automatik.*,psbe? 1[0-2]\d{3}-.*"

    def __init__(self, setup: Setup, link: TextLink | None = None) -> None:
        super().__init__(setup)
        self.link = link or self._visa(setup)
        self.scpi = Scpi(self.link)

    @staticmethod
    def _visa(setup: Setup) -> VisaLink:
        link = VisaLink(setup.name, setup.address, setup.clock, setup.log, setup.timeout)
        link.idle_close, link.gap = 5.0, 0.010
        return link

    def snapshot(self) -> dict[str, float | str | bool | None]:
        """Return set-points, measurements and state, in SI units; alarms stay unacknowledged."""
        owner, output, status = self.scpi.ask("SYST:LOCK:OWN?", "OUTP?", "STAT:QUES:COND?")
        volts, amps, watts = self.scpi.numbers("MEAS:VOLT?", "MEAS:CURR?", "MEAS:POW?")
        set_volts, set_amps, set_watts = self.scpi.numbers("VOLT?", "CURR?", "POW?")
        sink_amps, sink_watts = self.scpi.numbers("SINK:CURR?", "SINK:POW?")
        return {
            "output": output == "ON",
            "owner": owner,
            "alarms": ", ".join(self._alarms(status)),
            "voltage": volts,
            "current": amps,
            "power": watts,
            "voltage_setpoint": set_volts,
            "source_current_limit": set_amps,
            "source_power_limit": set_watts,
            "sink_current_limit": sink_amps,
            "sink_power_limit": sink_watts,
        }

    def make_safe(self) -> None:
        """Switch the output off, set zero volts and zero limits; an alarm does not stand in the way."""
        self.scpi.attempt(
            ("STAT:QUES:COND?", "*CLS", "SYST:LOCK ON"),
            ("OUTP OFF",),
            ("VOLT 0", "CURR 0", "POW 0"),
            ("SINK:CURR 0", "SINK:POW 0"),
        )
        if self.read_output():
            raise ReadbackError(f"{self.name}: the output stays on. Cut its supply")

    def prove_safe(self) -> tuple[Proof, ...]:
        """Measure the voltage at the terminals [V]; a DC link takes seconds to discharge."""
        return (Proof(f"{self.name}.voltage", self.read_voltage(), SAFE),)

    def read_voltage(self) -> float:
        """Measure the voltage at the terminals [V]."""
        (volts,) = self.scpi.numbers("MEAS:VOLT?")
        return volts

    def read_current(self) -> float:
        """Measure the current, positive out of the source [A]."""
        (amps,) = self.scpi.numbers("MEAS:CURR?")
        return amps

    def read_output(self) -> bool:
        """Say whether the output is on."""
        return self.scpi.ask("OUTP?") == ["ON"]

    def _do_open(self) -> None:
        self.link.open()

    def _do_close(self) -> None:
        self.link.close()

    def _do_identify(self) -> Identity:
        return Identity(*self.scpi.identify())

    def _do_prepare(self) -> None:
        self.scpi.send("STAT:QUES:COND?", "*CLS", "SYST:LOCK ON", "OUTP OFF")
        for setting in RESTORE:
            (taken,) = self._send(f"{setting} OFF", f"{setting}?")
            if taken != "OFF":
                raise ReadbackError(f"{self.name}: {setting} was set to OFF and reads back {taken!r}")
        self._narrow()
        self._set("VOLT:PROT", HEADROOM * self.limits["voltage"].high, "voltage")
        for quantity, header in (("current", "CURR:PROT"), ("power", "POW:PROT")):
            limit = self.limits[quantity]
            self._set(header, HEADROOM * max(limit.high, 0.0), quantity)
            self._set(f"SINK:{header}", HEADROOM * max(-limit.low, 0.0), quantity)

    def _narrow(self) -> None:
        """Let the limits follow the box, or refuse a bench that asks for more than it can do."""
        volts, amps, watts = self.scpi.numbers("SYST:NOM:VOLT?", "SYST:NOM:CURR?", "SYST:NOM:POW?")
        self._fit(
            {
                "voltage": Limit(0.0, volts, "V"),
                "current": Limit(-amps, amps, "A"),
                "power": Limit(-watts, watts, "W"),
            }
        )

    def _do_set_voltage(self, volts: float) -> None:
        self._set("VOLT", volts, "voltage")

    def _do_set_current_limits(self, sink: float, source: float) -> None:
        self._set("SINK:CURR", sink, "current")
        self._set("CURR", source, "current")

    def _do_set_power_limits(self, sink: float, source: float) -> None:
        self._set("SINK:POW", sink, "power")
        self._set("POW", source, "power")

    def _do_switch_output(self, *, on: bool) -> None:
        (taken,) = self._send(f"OUTP {'ON' if on else 'OFF'}", "OUTP?")
        self._took("output", on, taken == "ON", 0)

    def _set(self, header: str, value: float, quantity: str) -> None:
        (taken,) = self._send(f"{header} {value:.3f}", f"{header}?")
        limit = self.limits[quantity]
        tolerance = 1e-3 * max(limit.high, -limit.low)  # replies are rounded to 4 digits or more
        self._took(header, value, self.scpi.number(taken), tolerance)

    def _send(self, *units: str) -> list[str]:
        """Send commands and queries; raise where the box lost remote control or tripped."""
        try:
            *replies, status = self.scpi.send(*units, "STAT:QUES:COND?")
        except InstrumentError as error:
            (owner,) = self.scpi.ask("SYST:LOCK:OWN?")
            if owner != "REMOTE":
                raise InstrumentError(
                    f"{error}. Remote control is lost ({owner}); prepare takes it back"
                ) from error
            raise
        if alarms := self._alarms(status):
            raise InstrumentError(
                f"{self.name}: alarm {', '.join(alarms)} at {units[0]!r}. Look at the front panel"
            )
        return replies

    def _alarms(self, status: str) -> list[str]:
        bits = int(self.scpi.number(status))
        return [name for bit, name in ALARMS.items() if bits >> bit & 1]
