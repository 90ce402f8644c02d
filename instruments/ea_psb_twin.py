"""A simulated EA PSB 11500-60, five units in parallel: remote lock, silent refusals, alarms.

Protections are looked at whenever a message comes, not in between: enough to see a
driver cope with an alarm, too coarse to time one.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final

from hil.twin.scpi import Handler, Refusal, ScpiTwin, flag, number, word

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.plant.terminals import DcTerminals
    from hil.twin.base import Scene

NOMINAL: Final = {"VOLT": 1500.0, "CURR": 300.0, "POW": 150e3}
"""[V], [A], [W]."""
UNITS: Final = {"VOLT": "V", "CURR": "A", "POW": "W"}
SETTINGS: Final = {
    "VOLTage": ("volts", "VOLT"),
    "CURRent": ("source_amps", "CURR"),
    "POWer": ("source_watts", "POW"),
    "SINK:CURRent": ("sink_amps", "CURR"),
    "SINK:POWer": ("sink_watts", "POW"),
}
"""Header to attribute of the terminals, and quantity."""


class EaPsbTwin(ScpiTwin):
    """The box's state; what acts on the bench is in `terminals`."""

    ROLE: ClassVar[str] = "dc_source"
    IDENTITY: ClassVar[str] = "EA Elektro-Automatik GmbH,PSB 11500-60,2820200001,V3.02,"
    IDLE_CLOSE: ClassVar[float | None] = 5.0

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self.terminals: DcTerminals = scene.terminals
        self.owner = "NONE"
        """Who controls the box: NONE, REMOTE or LOCAL; outlives a connection."""
        self.alarms = 0
        """Bits of the questionable status that are latched until the error queue is read."""
        self.restore = dict.fromkeys(("remote", "start", "power fail"), "AUTO")
        self.protection = {header: 1.1 * NOMINAL[kind] for header, (_, kind) in SETTINGS.items()}

    def reset(self) -> None:
        """Do what *RST does: take remote control, switch off, clear alarms."""
        self.owner, self.alarms = "REMOTE", 0
        self.terminals.output = False

    def next_error(self) -> str:
        """Take the oldest entry of the error queue; this acknowledges alarms."""
        self.alarms = 0
        return super().next_error()

    def execute(self, message: str) -> str:
        """Execute one message of at most 5 units and 256 bytes."""
        if message.strip().count(";") > 4 or len(message) > 256:
            self.errors.append(str(Refusal(-225)))
            return ""
        if self.terminals.output and self.terminals.measured_volts > self.protection["VOLTage"]:
            self.terminals.output = False
            self.alarms |= 1
        return super().execute(message)

    def commands(self) -> Mapping[str, Handler]:
        """Return the dialect, as far as it is simulated."""
        table: dict[str, Handler] = {
            "SYSTem:LOCK[:STATe]": self._lock,
            "SYSTem:LOCK:OWNer?": lambda _: self.owner,
            "OUTPut[:STATe]": self._switch,
            "OUTPut[:STATe]?": lambda _: "ON" if self.terminals.output else "OFF",
            "STATus:QUEStionable:CONDition?": lambda _: str(
                self.alarms | (self.owner == "REMOTE") << 10 | self.terminals.output << 11
            ),
            "MEASure[:SCALar]:VOLTage[:DC]?": lambda _: f"{self.terminals.measured_volts:.2f} V",
            "MEASure[:SCALar]:CURRent[:DC]?": lambda _: f"{self.terminals.measured_amps:.2f} A",
            "MEASure[:SCALar]:POWer[:DC]?": lambda _: f"{self.terminals.measured_watts:.0f} W",
        }
        for header, (name, kind) in SETTINGS.items():
            table[f"[SOURce:]{header}"] = partial(self._set, name, kind)
            table[f"[SOURce:]{header}?"] = partial(self._setting, name, kind)
            table[f"[SOURce:]{header}:PROTection[:LEVel]"] = partial(self._protect, header, kind)
            table[f"[SOURce:]{header}:PROTection[:LEVel]?"] = partial(self._protection, header, kind)
        for header, kind in (("VOLTage", "VOLT"), ("CURRent", "CURR"), ("POWer", "POW")):
            table[f"SYSTem:NOMinal:{header}?"] = partial(self._nominal, kind)
        for header, event in (
            ("POWer:STAGe:AFTer:REMote", "remote"),
            ("SYSTem:CONFig:OUTPut:RESTore", "start"),
            ("SYSTem:ALARm:ACTion:PFAil", "power fail"),
        ):
            table[header] = partial(self._set_restore, event)
            table[f"{header}?"] = partial(self._restores, event)
        return table

    def _lock(self, data: list[str]) -> None:
        if self.owner == "LOCAL":
            raise Refusal(-221)
        self.owner = "REMOTE" if flag(data[0]) else "NONE"

    def _need_remote(self) -> None:
        if self.owner != "REMOTE":
            raise Refusal(-221)

    def _switch(self, data: list[str]) -> None:
        self._need_remote()
        self.terminals.output = flag(data[0])

    def _set(self, name: str, kind: str, data: list[str]) -> None:
        self._need_remote()
        setattr(self.terminals, name, number(data[0], 0, 1.02 * NOMINAL[kind]))

    def _setting(self, name: str, kind: str, _: list[str]) -> str:
        return f"{getattr(self.terminals, name):.2f} {UNITS[kind]}"

    def _protect(self, header: str, kind: str, data: list[str]) -> None:
        self._need_remote()
        self.protection[header] = number(data[0], 0, 1.1 * NOMINAL[kind])

    def _protection(self, header: str, kind: str, _: list[str]) -> str:
        return f"{self.protection[header]:.2f} {UNITS[kind]}"

    def _nominal(self, kind: str, _: list[str]) -> str:
        return f"{NOMINAL[kind]:.1f} {UNITS[kind]}"

    def _set_restore(self, event: str, data: list[str]) -> None:
        self._need_remote()
        self.restore[event] = word(data[0], "OFF", "AUTO")

    def _restores(self, event: str, _: list[str]) -> str:
        return self.restore[event]
