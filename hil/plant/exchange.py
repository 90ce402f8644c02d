"""What passes between the terminals and the world array: commands in, what can be measured out."""

from __future__ import annotations

from math import cos, degrees, isfinite, pi, radians, sin, sqrt
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hil.errors import ConfigError

from . import build, loads
from .emt import bus, fault, genset, grid, load, metering, missions, storage, transformer
from .emt import unit as k
from .emt.world import GENSETS
from .missions import NAMES
from .parameters import OTHER_PRIORITY
from .telemetry import EventLog, Telemetry
from .terminals import CHANNELS, GENSET_STATES, GENSET_TRIPS, PCS_ALARMS, PCS_MODES

if TYPE_CHECKING:
    from .parameters import Parameters
    from .terminals import GridTerminals, LoadTerminals, PcsTerminals, Terminals

SLOTS: Final = {
    name: at + phase
    for stem, at in {
        "v": bus.V,
        "i": bus.I_PCS,
        "v_source": bus.V_SOURCE,
        "i_grid": bus.I_GRID,
        "i_load": bus.I_LOAD,
        "i_genset": bus.I_GENSET,
        "i_fault": bus.I_FAULT,
        "i_transformer": bus.I_TRANSFORMER,
    }.items()
    for phase, name in enumerate((f"{stem}_a", f"{stem}_b", f"{stem}_c"))
} | {"v_dc": bus.V_DC, "i_dc": bus.I_DC, "trigger": bus.TRIGGER}
"""Where each signal stands."""


class Exchange:
    """Carries commands into a world and readings out of it; what is unchanged is not carried twice."""

    def __init__(self, world: Any, parameters: Parameters, terminals: Terminals) -> None:
        self._w, self._q, self._terminals = world, parameters, terminals
        self._seen: dict[str, Any] = {"ohms": None}
        self._window = 0.0
        self._others = False
        self.profile: Any = np.zeros(0)
        self._readings = {name: getattr(terminals.pcs, at) for name, at in CHANNELS.items()}
        self._telemetry = Telemetry(
            parameters, float(world[storage.SOC]), parameters.step, round(build.READING / parameters.step)
        )
        self.due = self._telemetry.due
        self._log = EventLog(parameters.defects.event_delay)

    @property
    def others(self) -> bool:
        """Whether anything but source, PCS and DC side has ever been needed."""
        if not self._others:
            t = self._terminals
            load, more = t.load, (t.fault.on, t.transformer.close, t.gensets, self._q.missions)
            self._others = bool(load.on or load.closed or any(more))
        return self._others

    def _new(self, name: str, value: Any) -> bool:
        """Return whether a command has changed."""
        if name in self._seen and self._seen[name] == value:
            return False
        self._seen[name] = value
        return True

    def pulse(self) -> None:
        """Pulse the trigger line from the next step on."""
        self._w[bus.PULSE], self._w[bus.TRIGGER] = (
            float(round(self._terminals.grid.pulse_width / self._q.step)),
            5.0,
        )

    def take(self) -> None:
        """Carry the commands in."""
        w, t = self._w, self._terminals
        self._check()
        self._take_grid(t.grid)
        w[grid.WANTED] = float(t.breaker.close)
        self._take_load(t.load)
        if self._new("fault", (t.fault.kind, t.fault.ohms)):
            given = loads.fault_array(t.fault.kind, t.fault.ohms)
            for n in range(6):
                w[fault.CONDUCTANCE + n] = float(given[fault.CONDUCTANCE + n])
        w[fault.COMMAND] = float(t.fault.on)
        w[transformer.BREAKER] = float(t.transformer.close)
        for n, each in enumerate(t.gensets):
            o = GENSETS + n * genset.SIZE
            w[o + genset.RUN], w[o + genset.BREAKER], w[o + genset.TRIP] = map(
                float, (each.run, each.close, each.trip)
            )
            w[o + genset.SPEED_REF], w[o + genset.VOLT_REF] = each.speed, each.volts
        dc = t.dc
        w[storage.CLOSED], w[storage.EMF] = float(dc.output), dc.volts
        w[storage.SOURCE_A], w[storage.SINK_A] = dc.source_amps, dc.sink_amps
        w[storage.SOURCE_W], w[storage.SINK_W] = dc.source_watts, dc.sink_watts
        self._take_pcs(t.pcs)

    def _check(self) -> None:
        """Refuse what is no number before it spreads."""
        t = self._terminals
        given = {
            "AC source's voltage": t.grid.volts,
            "AC source's frequency": (t.grid.hertz,),
            "AC source's phase": t.grid.degrees,
            "DC source's voltage": (t.dc.volts,),
            "PCS's power": (t.pcs.active_power, t.pcs.reactive_power),
            "forming PCS's voltage and frequency": (t.pcs.volts, t.pcs.hertz),
            "load's power": (t.load.active_power, t.load.reactive_power),
        }
        for name, values in given.items():
            if not all(map(isfinite, values)):
                raise ConfigError(f"plant: the {name} is set to {list(values)}, which is no number")

    def _take_grid(self, source: GridTerminals) -> None:
        w, q = self._w, self._q
        w[grid.RELAY] = float(source.relay)
        for phase, volts in enumerate(source.volts):
            w[grid.GOAL + phase] = sqrt(2) * volts
        w[grid.SLEW] = sqrt(2) * source.slew * q.step
        if self._new("hertz", source.hertz):
            build.ramp_frequency(w, source.hertz, source.hertz_slew, q.step)
        if self._new("degrees", tuple(source.degrees)):
            for phase, (place, shift) in enumerate(zip((0.0, -120.0, 120.0), source.degrees, strict=True)):
                turn = radians(place + shift)
                w[grid.SHIFT_COS + phase], w[grid.SHIFT_SIN + phase] = cos(turn), sin(turn)
        if self._new("harmonics", (tuple(source.harmonics), tuple(source.degrees))):
            build.set_harmonics(w, source.harmonics)
        if self._new("ohms", source.ohms):
            ohms = source.ohms or (q.grid_resistance * q.impedance, q.grid_inductance * q.impedance)
            build.set_impedance(w, *ohms, q)

    def _take_load(self, t: LoadTerminals) -> None:
        w = self._w
        w[load.CLOSED], w[load.ON] = float(t.closed), float(t.on)
        w[load.P], w[load.Q] = t.active_power, t.reactive_power
        if self._new("bank", t.bank):
            loads.command_bank(w, t.bank or loads.Bank())
        if self._new("profile", (id(t.profile), t.start, t.repeated, t.tangent)):
            if t.profile is None:
                w[load.POINTS] = 0.0
            else:
                points = loads.play(w, t.profile, t.start, repeated=t.repeated, tangent=t.tangent)
                self.profile = points if isinstance(w, np.ndarray) else points.tolist()

    def _take_pcs(self, pcs: PcsTerminals) -> None:
        w, rated = self._w, self._q.rated_power
        w[k.ENABLE] = float(pcs.enable)
        w[k.KIND] = float(self._q.control == "forming" if pcs.form is None else pcs.form)
        given = 1.0 - self._q.defects.power_error
        w[k.P_SET], w[k.Q_SET] = given * pcs.active_power / rated, pcs.reactive_power / rated
        w[k.V_SET], w[k.W_SET], w[k.STEER] = pcs.volts, pcs.hertz, float(pcs.synchronise)
        if self._new("priority", pcs.priority):
            first, in_fault = pcs.priority or self._q.priority, pcs.priority or self._q.fault_priority
            if pcs.priority and self._q.defects.confuses_priorities:
                first = in_fault = OTHER_PRIORITY[pcs.priority]
            w[k.PRIORITY], w[k.FAULT_PRIORITY] = build.PRIORITY[first], build.PRIORITY[in_fault]

    def show(self, steps: int) -> None:
        """Carry out what can be measured after so many steps; sums are renewed every 10 ms."""
        w, t = self._w, self._terminals
        if w[metering.DONE] != self._window:
            self._window = w[metering.DONE]
            self._show_sums()
        self._show_pcs(t.pcs, steps)
        t.breaker.closed = bool(w[grid.BREAKER] > 0.0)
        t.transformer.closed = bool(w[transformer.BREAKER] > 0.0)  # on a dead bus an arc would find no zero
        for n, each in enumerate(t.gensets):
            o = GENSETS + n * genset.SIZE
            each.state = GENSET_STATES[int(w[o + genset.STATE])]
            each.trip_reason = GENSET_TRIPS[int(w[o + genset.CODE])]
            each.closed = bool(w[o + genset.POLE] + w[o + genset.POLE + 1] + w[o + genset.POLE + 2] > 0.0)
            each.measured_watts, each.measured_var = (
                float(w[o + genset.ACTIVE]),
                float(w[o + genset.REACTIVE]),
            )
            each.measured_hertz = float(w[o + genset.W]) * self._q.frequency
            each.lead = degrees(w[o + genset.ANGLE])

    def _show_pcs(self, pcs: PcsTerminals, steps: int) -> None:
        w = self._w
        running = w[k.MODE] == k.RUNNING
        pcs.mode = PCS_MODES[int(w[k.MODE])]
        pcs.connected, pcs.forming = bool(w[k.CONTACTOR] > 0.0), bool(w[k.FORMING] > 0.0)
        pcs.limited = bool(running and w[k.LIMITED] > 0.0)
        alarm = int(w[k.ALARM])
        pcs.alarms = {PCS_ALARMS[alarm - 1]} if alarm else set()
        pcs.events += self._log.read(w)
        if w[k.MANAGED] > 0.0:
            pcs.missions = {name: float(w[missions.GOT + n]) for n, name in enumerate(NAMES)}
        self._readings["hertz"] = float(w[k.W_PLL]) / (2 * pi) if w[k.VMAG] > 0.05 else 0.0
        self._readings["state_of_charge"] = float(w[storage.SOC])
        self._readings["celsius"] = float(w[storage.T_PCS])
        for name, value in self._telemetry.tell(self._readings, steps, running=running).items():
            setattr(pcs, CHANNELS[name], value)

    def _show_sums(self) -> None:
        w, t, m = self._w, self._terminals, metering
        windows = np.reshape(w[m.RING : m.RING + m.WINDOWS * m.WIDTH], (m.WINDOWS, m.WIDTH))
        means = windows.mean(axis=0).tolist()
        latest = int(w[m.WINDOW])
        link = (0.5 * (windows[latest - 1] + windows[latest - 2])).tolist()

        def rms(at: int) -> list[float]:
            return [sqrt(x) for x in means[at : at + 3]]

        t.grid.measured_volts, t.grid.measured_amps = rms(m.SOURCE_V), rms(m.SOURCE_I)
        t.grid.measured_watts = means[m.SOURCE_P : m.SOURCE_P + 3]
        t.load.measured_amps = rms(m.LOAD_I)
        t.load.measured_watts, t.load.measured_var = means[m.LOAD_P], means[m.LOAD_Q]
        t.dc.measured_volts, t.dc.measured_amps = link[m.DC_V], link[m.DC_I]
        self._readings |= {
            "volts": rms(m.BUS_V),
            "amps": rms(m.PCS_I),
            "watts": means[m.PCS_P],
            "var": means[m.PCS_Q],
            "dc_volts": link[m.DC_V],
            "dc_amps": link[m.DC_I],
        }

    def what_diverged(self) -> str:
        """Return the names of what is no number any more."""
        w = self._w
        names = {"grid": grid.I, "bus": bus.V, "filter": k.I1, "capacitor": k.VC, "PCS current": k.I2}
        names |= {"DC link": storage.V_DC, "PLL": k.THETA, "set-points": k.P_SET, "source": grid.PEAK}
        names |= {"load": load.CURRENT, "transformer": transformer.FLUX}
        bad = [name for name, at in names.items() if not all(isfinite(w[at + n]) for n in range(3))]
        return ", ".join(bad) or "the control"
