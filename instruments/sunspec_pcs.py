"""A battery PCS behind SunSpec Modbus TCP: models 701 to 704, and 713 and 714 where it has them.

Starting and stopping is model 703's "permit enter service": with it withdrawn the
unit ceases to energize and trips within 2 s (IEEE 1547-2018, 4.6.1). Set-points are
model 704's, in watts and vars; 701 counts generation positive, as we do.

Each set-point carries a reversion timer, the PCS's own watchdog: unless `refresh`
renews it, the PCS goes to zero power by itself. Timers survive a session, so
`prepare` sets every one. Write order: timer, value, mode, enable last; writing the
enable again is what re-arms the timer.

A measurement that the PCS does not give is NaN, which lies within no limit, or None.

SunSpec tells whether a unit forms the grid (701), and has neither a command for it nor an event log:
these are done for the one maker whose models are known here, and not supported for others.
"""

from __future__ import annotations

from dataclasses import asdict
from math import isnan, nan
from typing import TYPE_CHECKING, ClassVar, Final

from hil.errors import ConfigError, HilError, NotSupported, ReadbackError, WrongInstrument
from hil.limits import Limit
from hil.roles import Identity, LogEntry, Pcs, PcsState, Proof, Setup
from hil.transport.modbus import ModbusLink

from ._sunspec_hil import AS_DELIVERED, ENTRIES, EVENTS, FORM, LOG, MAKER, MODELS
from .sunspec import ALARMS, DERATED, FAULT, FOLLOWING, FORMING, MAKERS_ALARM, STANDBY, STATES, Device

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.roles import Reader

CURRENTS: Final = ("AL1", "AL2", "AL3")
AT_AC: Final = (("current", "a"), ("current", "b"), ("current", "c"))
AT_DC: Final = (("voltage", "dc"),)
"""What else proves it off."""
REQUIRED: Final = (1, 701, 702, 703, 704)
MODE: Final = {"W": 1, "Var": 4}
"""WSetMod: watts. VarSetMod: vars. The other modes are percentages."""
GRID_ALARMS: Final = {"overfrequency", "underfrequency", "overvoltage", "undervoltage", "grid_disconnect"}


class SunSpecPcs(Pcs):
    """Any PCS with the SunSpec DER models."""

    OPTIONS: ClassVar[Mapping[str, str]] = {"unit": "", "reversion": "s"}
    LOGS: ClassVar[str] = f"{MAKER},.*"
    RATING: ClassVar[Mapping[str, Limit]] = {
        "active_power": Limit(-10e6, 10e6, "W"),
        "reactive_power": Limit(-10e6, 10e6, "var"),
    }

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        unit = float(setup.options.get("unit", 1))
        self._reversion = float(setup.options.get("reversion", 30.0))
        if not (unit.is_integer() and 0 <= unit <= 255):
            raise ConfigError(f"{self.name}: the unit {unit:g} is not an integer from 0 to 255")
        if not (self._reversion.is_integer() and self._reversion >= 2):
            raise ConfigError(
                f"{self.name}: the reversion time must be a whole number of seconds, 2 or more, not "
                f"{self._reversion:g}: it is what stops the PCS when this computer dies"
            )
        self._link = ModbusLink(
            self.name, setup.address, setup.clock, setup.log, setup.timeout, unit=int(unit)
        )
        self._device = Device(self.name, self._link, MODELS)
        self._maker = ""
        self._armed: dict[str, tuple[float, float]] = {}
        """Set-points that would revert: value and time of the last arming, by prefix."""

    def connect(self) -> Identity:
        """Open the link, check who answers, and hold the bench limits against its ratings."""
        identity = super().connect()
        self._fit(self._ratings())
        return identity

    def _ratings(self) -> dict[str, Limit]:
        names = ("WMaxRtg", "WChaRteMaxRtg", "WDisChaRteMaxRtg", "VAMaxRtg", "VarMaxInjRtg", "VarMaxAbsRtg")
        told = self._device.read(702, *names)

        def first(*names: str) -> float:
            for name in names:
                value = told[name]
                if value is not None:
                    return value
            raise WrongInstrument(f"{self.name}: its model 702 gives none of {', '.join(names)}")

        return {
            "active_power": Limit(
                -first("WChaRteMaxRtg", "WMaxRtg"), first("WDisChaRteMaxRtg", "WMaxRtg"), "W"
            ),
            "reactive_power": Limit(
                -first("VarMaxAbsRtg", "VAMaxRtg"), first("VarMaxInjRtg", "VAMaxRtg"), "var"
            ),
        }

    def snapshot(self) -> dict[str, float | str | bool | None]:
        """Return set-points, timers, state and measurements."""
        points = ("SetEna", "Set", "SetRvrtTms", "SetRvrtRem")
        commands = self._device.read(704, *(f"{prefix}{point}" for prefix in MODE for point in points))
        state = asdict(self.read_state())
        return {
            **self._device.read(703, "ES"),
            **commands,
            **{
                name: None if isinstance(value, float) and isnan(value) else value
                for name, value in state.items()
            },
            "alarms": ", ".join(state["alarms"]),
        }

    def make_safe(self) -> None:
        """Withdraw the permission to run, then set zero power."""
        self._armed.clear()
        self._do_switch(on=False)
        for prefix in MODE:
            self._command(prefix, 0.0)

    def prove_safe(self) -> tuple[Proof, ...]:
        """Return its contactor, its active power, and its DC link voltage where it tells."""
        state = self.read_state()
        near_zero = 0.02 * max(-self.limits["active_power"].low, self.limits["active_power"].high)
        proofs = [
            Proof(f"{self.name}.connected", float(state.connected), Limit(0.0, 0.0, "")),
            Proof(f"{self.name}.active_power", state.active_power, Limit(-near_zero, near_zero, "W"), AT_AC),
        ]
        if 714 in self._device.models():
            dc = Limit(-60.0, 60.0, "V")
            proofs.append(Proof(f"{self.name}.dc_voltage", state.dc_voltage, dc, AT_DC))
        return tuple(proofs)

    def read_state(self) -> PcsState:
        """Return what the PCS says of itself."""
        points = ("InvSt", "ConnSt", "Alrm", "DERMode", "W", "Var", "LNV", "Hz", "TmpSnk", "ThrotSrc")
        told = self._device.read(701, *points, *CURRENTS)
        optional = {
            name: self._device.read(model, name)[name] if model in self._device.models() else None
            for model, name in ((713, "SoC"), (714, "DCV"))
        }
        alarms = self._alarms(int(told["Alrm"] or 0))
        code = told["InvSt"]
        mode = STATES.get(int(code), "fault") if code is not None else "fault"
        if (code == STANDBY and alarms) or (code == FAULT and GRID_ALARMS.intersection(alarms)):
            mode = "tripped"

        def number(value: float | None) -> float:
            return nan if value is None else value

        charge, throttled, way = optional["SoC"], told["ThrotSrc"], int(told["DERMode"] or 0)
        amps = [value for name in CURRENTS if (value := told[name]) is not None]
        return PcsState(
            mode=mode,
            connected=told["ConnSt"] != 0,  # one that does not tell counts as connected
            active_power=number(told["W"]),
            reactive_power=number(told["Var"]),
            voltage=number(told["LNV"]),
            frequency=number(told["Hz"]),
            dc_voltage=number(optional["DCV"]),
            alarms=alarms,
            state_of_charge=None if charge is None else charge / 100.0,
            current=sum(amps) / 3.0 if len(amps) == 3 else None,
            temperature=told["TmpSnk"],
            limited=None if throttled is None else bool(int(throttled) & DERATED),
            forming=bool(way & FORMING) if way & (FOLLOWING | FORMING) else None,
        )

    def _alarms(self, bits: int) -> tuple[str, ...]:
        names = [name for bit, name in ALARMS.items() if bits >> bit & 1]
        if bits >> MAKERS_ALARM & 1:
            names.append(self._device.text(701, "MnAlrmInfo") or "unnamed")
        return tuple(names)

    def form(self, *, on: bool) -> None:
        """Tell the PCS to form the grid, or to follow it; a model of the maker's own."""
        self._steer("Form", on)

    def synchronise(self, *, on: bool) -> None:
        """Tell it to come into step with the source beyond the breaker; a model of the maker's own."""
        self._steer("Sync", on)

    def read_log(self) -> tuple[LogEntry, ...]:
        """Return the last entries of its event log, oldest first; a model of the maker's own."""
        self._must_have(LOG)
        told = self._device.read(LOG, *MODELS[LOG])
        entries = []
        for n in reversed(range(ENTRIES)):
            time, code = told[f"Tms{n}"], told[f"Evt{n}"]
            if time is not None and code is not None:
                known = 1 <= code <= len(EVENTS)
                entries.append(LogEntry(time / 1e3, EVENTS[int(code) - 1] if known else f"event {code:g}"))
        return tuple(entries)

    def reader(self) -> Reader:
        """Open a further connection beside this one, as another client would."""
        other = SunSpecPcs(self.setup)
        try:
            other.connect()
        except HilError:
            other.close()  # one that was let in and not answered holds its place no longer
            raise
        return other

    def refresh(self) -> None:
        """Re-arm the reversion timers once half of their time is over; raise where one has run out."""
        for prefix, (value, armed) in list(self._armed.items()):
            now = self.setup.clock.now()
            if now - armed >= self._reversion / 2:
                self._check_command(prefix, value, self._device.resolution(704, f"{prefix}Set"))
                self._device.write(704, f"{prefix}SetEna", 1)
                self._armed[prefix] = value, now

    def _do_open(self) -> None:
        self._link.open()

    def _do_identify(self) -> Identity:
        absent = [model for model in REQUIRED if model not in self._device.models()]
        if absent:
            raise WrongInstrument(
                f"{self.name} at {self.setup.address}: it lacks the SunSpec models {absent}; "
                "the older models 101 to 124 are not spoken here"
            )
        self._maker, model, serial, firmware = (
            self._device.text(1, each) for each in ("Mn", "Md", "SN", "Vr")
        )
        return Identity(self._maker, model, serial, firmware)

    def _do_prepare(self) -> None:
        self.make_safe()  # a withdrawn permission also ends a latched trip
        for prefix in MODE:
            self._device.write(704, f"{prefix}SetRvrt", 0.0)
            self._device.write(704, f"{prefix}SetEnaRvrt", 1)
        if self._has(FORM):
            for point, value in (("Form", AS_DELIVERED), ("Sync", 0), ("V", 1.0), ("Hz", 1.0)):
                self._steer(point, value)

    def _do_close(self) -> None:
        self._link.close()

    def _do_set_active_power(self, watts: float) -> None:
        self._command("W", watts)
        self._armed["W"] = watts, self.setup.clock.now()

    def _do_set_reactive_power(self, var: float) -> None:
        self._command("Var", var)
        self._armed["Var"] = var, self.setup.clock.now()

    def _do_set_voltage_frequency(self, volts: float, hertz: float) -> None:
        self._steer("V", volts)
        self._steer("Hz", hertz)

    def _steer(self, point: str, value: float) -> None:
        self._must_have(FORM)
        step = self._device.write(FORM, point, value)
        found = self._device.read(FORM, point)[point]
        self._took(f"{point} (model {FORM})", value, nan if found is None else found, 0.51 * step)

    def _has(self, model: int) -> bool:
        return self._maker == MAKER and model in self._device.models()

    def _must_have(self, model: int) -> None:
        if not self._has(model):
            raise NotSupported(
                f"{self.name}: SunSpec has no event log and no command to form the grid; of makers' own "
                f"models those of {MAKER!r} are known; this unit, of {self._maker!r}, has no such {model}"
            )

    def _command(self, prefix: str, value: float) -> None:
        self._device.write(704, f"{prefix}SetRvrtTms", self._reversion)
        step = self._device.write(704, f"{prefix}Set", value)
        self._device.write(704, f"{prefix}SetMod", MODE[prefix])
        self._device.write(704, f"{prefix}SetEna", 1)
        self._check_command(prefix, value, step)

    def _check_command(self, prefix: str, value: float, step: float) -> None:
        told = self._device.read(
            704, f"{prefix}SetEna", f"{prefix}SetMod", f"{prefix}Set", f"{prefix}SetRvrtTms"
        )
        for point, wanted, tolerance in (
            ("Set", value, 0.51 * step),
            ("SetMod", MODE[prefix], 0.0),
            ("SetEna", 1, 0.0),
            ("SetRvrtTms", self._reversion, 0.0),
        ):
            found = told[f"{prefix}{point}"]
            self._took(f"{prefix}{point} (model 704)", wanted, nan if found is None else found, tolerance)

    def _do_switch(self, *, on: bool) -> None:
        self._device.write(703, "ES", float(on))
        if self._device.read(703, "ES")["ES"] != float(on):
            raise ReadbackError(
                f"{self.name}: it was told to {'start' if on else 'stop'} and did not take it (model 703, ES)"
            )
