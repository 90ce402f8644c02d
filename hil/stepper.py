"""What each step of a sequence does on a bench, and the waiting between, watched."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Final

import numpy as np

from hil.capturing import Capturing
from hil.errors import Aborted, ConfigError, HilError, NotSupported, ReadbackError
from hil.steps import (
    Arm,
    Await,
    ByHand,
    Disarm,
    Fire,
    FireProfile,
    FormGrid,
    Hold,
    LoadProfile,
    LoadTransient,
    MoreClients,
    MoveSwitch,
    RampGrid,
    ReadLog,
    ReadMeter,
    RunGenset,
    SetDc,
    SetGrid,
    SetLoad,
    SetLoadPhases,
    SetPower,
    SetVoltage,
    SwitchDc,
    SwitchGenset,
    SwitchGrid,
    SwitchLoad,
    SwitchPcs,
    Synchronise,
)
from hil.transient import compile_transient
from hil.units import show
from hil.watch import RunEnd

if TYPE_CHECKING:
    from pathlib import Path

    from hil.bench import Bench
    from hil.guard import Guard
    from hil.roles import PcsState, Reader
    from hil.steps import Step
    from hil.watch import Stop, Watch

SLICE: Final = 0.1
"""Bench time between two looks at the recorder and the limits [s]."""
WATCH: Final = 1.0
"""Bench time between two looks at the PCS [s]."""
RAMP_STEP: Final = 0.1
"""Bench time between two set-points of a ramp [s]."""


class Stepper:
    """The state of one run, and what each step does."""

    def __init__(self, bench: Bench, folder: Path, guard: Guard, stop: Stop, watch: Watch) -> None:
        self.bench = bench
        self.clock = bench.clock
        self.guard = guard
        self.stop = stop
        self.watch = watch
        self.result = RunEnd()
        self.began = self.clock.now()
        self.capturing = Capturing(bench, folder)
        self.volts = 0.0
        """Where a ramp begins [V]."""
        self.after_list = 0.0
        """Where the loaded list will leave the output [V]."""
        self.pcs_seen: PcsState | None = None
        self.looked = -np.inf
        self.commanded = False
        self.asked = ""
        """The last set-point, for whoever looks on."""

    # -- steps ---------------------------------------------------------------------------------

    def step(self, step: Step) -> None:
        """Do a step; where a capture is under way, what was commanded and when stands beside it."""
        self.stop.check()
        began = self.clock.now()
        self._do(step)
        if not isinstance(step, Hold | Await | Arm | ReadMeter | ReadLog | MoreClients):
            plain = {f.name: getattr(step, f.name) for f in fields(step)}
            told = {key: value for key, value in plain.items() if isinstance(value, float | int | str)}
            self.capturing.note("step", {"step": type(step).__name__, **told}, began=began)

    def _do(self, step: Step) -> None:
        bench = self.bench
        match step:
            case SetGrid(volts, hertz):
                bench.grid.set_frequency(hertz)
                bench.grid.set_voltages(volts)
                self.volts = volts[0]
            case RampGrid(volts, seconds):
                self._ramp(volts, seconds)
            case SwitchGrid(on):
                bench.grid.switch_output(on=on)
            case SetDc(volts, amps, watts):
                bench.dc.set_voltage(volts)
                bench.dc.set_current_limits(amps, amps)
                bench.dc.set_power_limits(watts, watts)
            case SwitchDc(on):
                bench.dc.switch_output(on=on)
            case SetPower(watts, var):
                bench.pcs.set_active_power(watts)
                bench.pcs.set_reactive_power(var)
                self.asked = f"P* = {show(watts, 'W')}, Q* = {show(var, 'var')}"
            case SwitchPcs(on):
                bench.pcs.switch(on=on)
            case FormGrid(on):
                bench.pcs.form(on=on)
            case SetVoltage(volts, hertz):
                bench.pcs.set_voltage_frequency(volts, hertz)
            case Synchronise(on):
                bench.pcs.synchronise(on=on)
            case Await():
                self._await(step)
            case Arm(name, poll):
                self.capturing.arm(name, poll)
            case LoadTransient(points):
                transient = compile_transient(points, bench.grid.LIST, bench.grid.name)
                self.result.notes.extend(transient.notes)
                bench.grid.load_list(transient.points)
                self.after_list = transient.points[-1].volts[0]
            case Fire():
                bench.grid.fire_list()
                self.volts = self.after_list
            case Hold(seconds):
                self._hold(seconds)
            case Disarm():
                self.capturing.disarm()
            case _:
                self._with_more(step)

    def _with_more(self, step: Step) -> None:
        """Do a step with an instrument that not every bench has."""
        bench = self.bench
        match step:
            case SetLoad(watts, var, name):
                bench.load(name).set_power(watts, var)
            case SetLoadPhases(watts, var, name):
                bench.load(name).set_phases(watts, var)
            case SwitchLoad(on, name):
                bench.load(name).switch(on=on)
            case LoadProfile(points, name):
                bench.load(name).load_profile(points)
            case FireProfile(name):
                bench.load(name).fire_profile()
            case MoveSwitch():
                self._move(step)
            case RunGenset(on, name):
                bench.genset(name).run(on=on, meanwhile=self._between)
            case SwitchGenset(closed, name):
                bench.genset(name).switch(closed=closed, meanwhile=self._between)
            case ByHand(what, terminal, values):
                bench.by_hand(what, terminal, values, self._between)
            case ReadMeter(interval, name):
                self._read_meter(interval, name)
            case ReadLog():
                self._read_log()
            case MoreClients(count, seconds):
                self._more_clients(count, seconds)
            case _:
                raise ConfigError(f"{step!r} is no step")

    def _read_log(self) -> None:
        """Note every entry, or why there is none to read: then the rest of the test counts all the same."""
        try:
            for entry in self.bench.pcs.read_log():
                self.capturing.note("log", {"text": entry.text}, at=entry.time)
        except NotSupported as error:
            self.result.notes.append(str(error))
            self.capturing.note("no_log", {"why": str(error)})

    def _more_clients(self, count: int, seconds: float) -> None:
        """Ask in turn through every connection, about ten times a second; who was refused is a finding."""
        pcs = self.bench.pcs
        clients: dict[int, Reader] = {0: pcs}
        why: dict[int, str] = {}
        try:
            for number in range(1, count + 1):
                try:
                    clients[number] = pcs.reader()
                except NotSupported:
                    raise
                except HilError as error:
                    why[number] = str(error)
            end = self.clock.now() + seconds
            while self.clock.now() < end - 1e-9:
                for number, client in clients.items():
                    try:
                        client.read_state()
                    except HilError as error:
                        why.setdefault(number, str(error))
                self._hold(min(SLICE, end - self.clock.now()))
        finally:
            for number in clients.keys() - {0}:
                clients[number].close()
        told = {"served": 1 + count - len(why), "of": 1 + count, "why": tuple(why.values())}
        self.capturing.note("clients", told)

    def _move(self, step: MoveSwitch) -> None:
        switch = self.bench.switch(step.name)
        try:
            switch.switch(step.position)
        except ReadbackError:
            if not step.attempt:
                raise
        values = {"name": step.name or switch.name, "asked": step.position, "is": switch.read_position()}
        self.capturing.note("switch", values)

    def _read_meter(self, interval: float, name: str) -> None:
        meter = self.bench.meter(name)
        meter.set_interval(interval)
        reading = meter.read()
        values: dict[str, object] = {"interval": reading.interval, "missing": reading.missing}
        for prefix, power in (
            ("", reading.total),
            *((f"{n}.", p) for n, p in enumerate(reading.elements, 1)),
        ):
            values.update({f"{prefix}{key}": value for key, value in asdict(power).items()})
        middle = reading.time - (reading.late + reading.interval) / 2
        self.capturing.note("power_meter", values, at=middle)

    def _ramp(self, volts: float, seconds: float) -> None:
        begin, count = self.volts, max(1, round(seconds / RAMP_STEP))
        for k in range(1, count + 1):
            value = begin + (volts - begin) * k / count
            self.bench.grid.set_voltages((value, value, value))
            self._hold(seconds / count)
        self.volts = volts

    def _await(self, step: Await) -> None:
        end = self.clock.now() + step.timeout
        while True:
            value = self._measure(step.quantity)
            self._tick(f"{step.quantity} = {show(value, step.limit.unit)}")
            if step.limit.low <= value <= step.limit.high:
                return
            if self.clock.now() >= end:
                state = ""
                if self.pcs_seen is not None and step.quantity.startswith("pcs"):
                    alarms = ", ".join(self.pcs_seen.alarms) or "no alarm"
                    state = f" The PCS says that it is {self.pcs_seen.mode}, with {alarms}."
                raise Aborted(
                    f"{step.quantity} is {show(value, step.limit.unit)} after {step.timeout:g} s, "
                    f"expected {step.limit}.{state}"
                )
            self._hold(SLICE)

    def _measure(self, quantity: str) -> float:
        match quantity:
            case "grid.voltage":
                return min(self.bench.grid.read_voltages())
            case "grid.highest_voltage":
                return max(self.bench.grid.read_voltages())
            case "dc.voltage":
                return self.bench.dc.read_voltage()
        self.pcs_seen = state = self.bench.pcs.read_state()
        match quantity:
            case "pcs.running":
                if state.mode in {"tripped", "fault"}:
                    raise Aborted(f"the PCS is {state.mode}: {', '.join(state.alarms) or 'no alarm given'}")
                return float(state.mode == "running")
            case "pcs.connected":
                return float(state.connected)
            case "pcs.active_power":
                return state.active_power
            case "pcs.reactive_power":
                return state.reactive_power
            case "pcs.voltage":
                return state.voltage
            case "pcs.frequency":
                return state.frequency
        raise ConfigError(f"cannot wait for {quantity!r}")

    # -- waiting, watched ----------------------------------------------------------------------

    def _hold(self, seconds: float) -> None:
        end = self.clock.now() + seconds
        while (left := end - self.clock.now()) > 1e-9:
            self.clock.sleep(self.capturing.slice(min(left, SLICE)))
            self._between()

    def _between(self) -> None:
        """See to what must not wait, while something else is waited for."""
        self.stop.check()
        self.guard.beat()
        self.capturing.drain()
        self._look()

    def _look(self) -> None:
        """See to the PCS about once a second: its set-points must not revert while we wait."""
        now = self.clock.now()
        if now - self.looked >= WATCH:
            self.looked = now
            self.bench.pcs.refresh()
            told = self.capturing.pcs
            self._tick(
                "" if told is None else f"P = {show(told.active_power, 'W')}, V = {show(told.voltage, 'V')}"
            )

    def _tick(self, reading: str) -> None:
        told = "; ".join(filter(None, (self.asked, reading)))
        self.watch.tick(self.clock.now() - self.began, told)
