"""T1, telemetry and data integrity: whether what the PCS says of itself is true, and in time.

Powers are held against a power meter, the other channels against the recorder; steps of power show how late
readings come, stops on command whether the event log knows when.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot
from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np

from hil.analysis.analyze import joined
from hil.analysis.event_log import power_ends, resolution
from hil.analysis.metered import beside_meter
from hil.analysis.reported import beside_recorder, channels, readings_of
from hil.analysis.result import Findings, Result, Table, under
from hil.analysis.survey import survey
from hil.analysis.telemetry import delay, recorded
from hil.errors import ConfigError
from hil.limits import Limit
from hil.sequence import Sequence, Stage
from hil.steps import (
    Arm,
    Disarm,
    Fire,
    Hold,
    LoadTransient,
    MoreClients,
    ReadLog,
    ReadMeter,
    SetGrid,
    SetPower,
    SwitchPcs,
)
from hil.transient import ListPoint

from ._common import de_energise, feed, run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.analysis.result import Analysis
    from hil.analysis.telemetry import Delay, Recorded
    from hil.recording import Recording
    from hil.sequence import Nominal, Stages
    from hil.steps import Step

ENDS: Final = ("off", "tripped", "fault")
"""How entries begin that say that the unit gives no power any more."""
SELDOM: Final = 0.05
"""How often the PCS is read where its delay is not measured [s]."""
LOWER, HIGHER = 0.97, 0.2
"""Voltage [pu], and frequency above nominal [Hz], to which the grid moves so that readings of it move."""
EDGE: Final = 0.05
"""By how much the recorded power moves where its delay can be told [pu]."""
STOP: Final = 0.5
"""Power at which it is stopped [pu]."""


@dataclass(frozen=True)
class Telemetry(Sequence):
    """Telemetry and data integrity: readings, event log and clients of the PCS beside meter and recorder."""

    points: str = "0.1/0.1 0.5/0.3 0.75/-0.3 1/0 -0.1/-0.1 -0.5/0.3 -0.75/-0.3 -1/0"
    settle: float = 1.5
    interval: float = 0.5
    poll: float = 0.013
    window: float = 0.1
    renewal: float = 0.01
    turnover: float = 60.0
    clients: float = 3.0
    together: float = 10.0
    stops: float = 5.0
    limit_reactive: float = 0.6
    limit_voltage: float = 0.92
    retention_document: str = ""
    log_document: str = ""

    NAME: ClassVar[str] = "t01_telemetry"
    CRITERIA: ClassVar[str] = "t01_telemetry"
    OBJECTIVE: ClassVar[str] = (
        "What the PCS reports of itself is complete, true beside an external meter and a recorder, and in "
        "time. Its event log says when things happened, and several clients are served at once."
    )
    ROLES: ClassVar[Mapping[str, str]] = {"meter": "power_meter"}
    PARAMETERS: ClassVar[Mapping[str, tuple[str, str]]] = {
        "points": ("text", "active/reactive power [pu] of each point, such as 0.1/0.1 -1/0"),
        "settle": ("s", "at each point before it is measured"),
        "interval": ("s", "over which the meter averages"),
        "poll": ("s", "how often the PCS is read; no divisor or multiple of its renewal"),
        "window": ("s", "over which the maker says that readings are averaged"),
        "renewal": ("s", "after which the maker says that readings are renewed"),
        "turnover": ("s", "at full power, so that state of charge and temperature move"),
        "clients": ("", "Modbus TCP clients at once, the bench's own among them"),
        "together": ("s", "for how long all clients read"),
        "stops": ("", "stops on command, whose times are looked for in the log"),
        "limit_reactive": (
            "pu",
            "reactive power that with full active power, and the voltage below, is too much",
        ),
        "limit_voltage": ("pu", "voltage at which the current limit then acts"),
        "retention_document": (
            "text",
            "document that says for how long logs are kept; none: it is still owed",
        ),
        "log_document": (
            "text",
            "document on the times of the event log, for where it cannot be read; none: it is still owed",
        ),
    }

    def __post_init__(self) -> None:
        """Refuse what measures nothing."""
        name = self.NAME
        Limit(0.02, 20.0, "s").check(self.interval, f"{name}: interval")
        Limit(0.005, 0.1, "s").check(self.poll, f"{name}: poll")
        Limit(0.001, 1.0, "s").check(self.window, f"{name}: window")
        Limit(0.0, 1.0, "s").check(self.renewal, f"{name}: renewal")
        least = 2 * self.interval + self.window + self.renewal  # how far back is looked at a point
        Limit(least, 600.0, "s").check(self.settle, f"{name}: settle")
        Limit(1.0, 3600.0, "s").check(self.turnover, f"{name}: turnover")
        Limit(0.2, 3600.0, "s").check(self.together, f"{name}: together")
        Limit(-1.0, 1.0, "pu").check(self.limit_reactive, f"{name}: limit_reactive")
        Limit(0.5, 1.0, "pu").check(self.limit_voltage, f"{name}: limit_voltage")
        for word, value, low, high in (("clients", self.clients, 2, 20), ("stops", self.stops, 1, 20)):
            Limit(low, high, "").check(value, f"{name}: {word}")
            if not value.is_integer():
                raise ConfigError(f"{name}: {word} = {value:g} is no whole number")
        self._powers()

    def _powers(self) -> tuple[tuple[float, float], ...]:
        found = []
        for word in self.points.split():
            try:
                watts, var = map(float, word.split("/"))
            except ValueError:
                raise ConfigError(
                    f'{self.NAME}: points: {word!r}; expected P/Q, such as "0.5/-0.3"'
                ) from None
            Limit(-1.0, 1.0, "pu").check(watts, f"{self.NAME}: points, P")
            Limit(-1.0, 1.0, "pu").check(var, f"{self.NAME}: points, Q")
            found.append((watts, var))
        if len(found) < 2:
            raise ConfigError(
                f"{self.NAME}: points = {self.points!r}; the steps between two or more are needed"
            )
        return tuple(found)

    def captures(self) -> Mapping[str, Mapping[str, float | str]]:
        """Return each capture's name and the parameters that its criteria refer to."""
        return {
            "points": {"points": self.points, "interval": self.interval},
            "events": {"limit_voltage": self.limit_voltage, "stops": self.stops},
        }

    def stages(self, nominal: Nominal) -> Stages:
        """Yield the stages: energise, points, turnover, events, de-energise.

        No power is waited for: what the PCS says of it is what is tested. Voltage and frequency move while
        further clients read.
        """
        volts, hertz, rated = nominal.phase_voltage, nominal.frequency, nominal.power
        yield Stage("energise", (*feed(nominal), *run()), "battery first, then the grid, then the PCS")
        steps: list[Step] = [Arm("points", self.poll)]
        for watts, var in self._powers():
            steps += [SetPower(watts * rated, var * rated), Hold(self.settle)]
            steps += [ReadMeter(self.interval, "meter"), Hold(self.interval)]
        steps += [
            SetGrid((LOWER * volts,) * 3, hertz + HIGHER),
            MoreClients(int(self.clients) - 1, self.together),
        ]
        steps.append(Disarm())
        yield Stage("points", tuple(steps), "powers beside the meter, steps between them, further clients")
        yield Stage(
            "turnover",
            (SetGrid((volts, volts, volts), hertz), SetPower(rated), Hold(self.turnover)),
            "state of charge and temperature move",
        )
        dip = (ListPoint(0.4, (self.limit_voltage * volts,) * 3, hertz), ListPoint(0.5, (volts,) * 3, hertz))
        steps = [SetPower(rated, self.limit_reactive * rated), Hold(self.settle), LoadTransient(dip)]
        steps += [Arm("events", SELDOM), Hold(0.3), Fire(), Hold(0.8)]
        for number in range(int(self.stops)):
            steps += [
                SetPower(STOP * rated),
                Hold(0.4 + 0.0137 * number),
                SwitchPcs(on=False),
                Hold(0.3),
                *run(),
            ]
        steps += [SetPower(STOP * rated), Hold(0.3), ReadLog(), Disarm()]
        yield Stage("events", tuple(steps), "the current limit acts in a shallow dip; then stops on command")
        yield Stage("de-energise", de_energise(), "the reverse order")

    def analyze(self, recording: Recording) -> Analysis:
        """Return what one capture shows: readings beside meter and recorder, their delay, the log."""
        truth = recorded(recording.waveform)
        said = recording.of("pcs")
        time, told = np.array([reading.time for reading in said]), readings_of(said)
        parts = [survey(recording.waveform), beside_recorder(recording, truth, time, told, self.window)]
        if recording.name == "points":
            late = delay(truth, time, told["active_power"], window=self.window, renewal=self.renewal)
            parts.append(beside_meter(recording, truth, time, told, self.window))
            parts.append(
                Findings(under("Telemetry", (_alignment(recording, truth, late), _clients(recording))))
            )
        else:
            parts.append(_log(recording, self.log_document))
        return joined(parts, history=recording.waveform.history)

    def summarize(self, found: Mapping[str, Analysis]) -> Analysis:
        """Return what is told of the channels over all captures, and the document that is owed."""
        retention = Result(
            "retention",
            "Document on how long logs are kept",
            self.retention_document or None,
            state="by document" if self.retention_document else "document to be supplied",
        )
        parts = [Findings(under("Telemetry", (retention,)))]
        if len(found) == len(self.captures()):
            parts.append(channels([found[name] for name in self.captures()]))
        return joined(parts)


def _alignment(recording: Recording, truth: Recorded, late: Delay | None) -> Result:
    """Return the delay beyond what is declared; the uncertainty of the bench's own clock is in its."""
    title = "Telemetry later than declared"
    if late is None:
        power = truth.mean("active_power", np.arange(truth.time[0] + 0.1, truth.time[-1], 0.1), 0.1)
        known = power[np.isfinite(power)]
        moved = known.size > 0 and np.ptp(known) > EDGE * recording.nominal["power"]
        # the unit may be blamed only for an edge that was there
        return Result("time_alignment", title, None, "s", state="no edge" if moved else "not determinable")
    clock = max((at.late for at in recording.of("recorder")), default=0.0)
    asked = float(np.median([at.late for at in recording.of("pcs")]))
    wide = hypot(late.uncertainty, 2.0 * clock / 3**0.5, 2.0 * asked / 3**0.5)
    note = f"correlation {late.correlation:.4f}"
    method = "shift at which steps of recorded power, averaged as declared, match those told best"
    return Result("time_alignment", title, late.seconds, "s", wide, method=method, note=note)


def _clients(recording: Recording) -> Result:
    """Return how many clients were served from first to last."""
    title = "Clients served at once"
    for at in recording.of("clients"):
        why, served = at.values["why"], at.values["served"]
        assert isinstance(served, int)
        assert isinstance(why, list)
        return Result("clients", title, float(served), note="; ".join(why), method="each read in turn")
    return Result("clients", title, None, state="not tried")


def _log(recording: Recording, document: str) -> Findings:
    """Return how fine the event log is, and its last entries of an end beside the ends in the waveform.

    document: answers instead where the bench cannot read the log.
    """
    fineness, title = "Resolution of the event log", "Event log beside the waveform"
    for at in recording.of("no_log"):
        state = f"not readable, {'by document' if document else 'document to be supplied'}"
        note = "; ".join(filter(None, (document, str(at.values["why"]))))
        told = (("log_resolution", fineness), ("log_time", title))
        return Findings(
            under("Telemetry", [Result(key, name, None, "s", state=state, note=note) for key, name in told])
        )
    log = [(at.time, str(at.values["text"])) for at in recording.of("log")]
    ends = power_ends(recording.waveform, recording.nominal["power"])
    noted = [entry for entry in log if entry[1].startswith(ENDS)][-len(ends) :] if ends else []
    rows = [
        (text, time, end.time, time - end.time, end.uncertainty)
        for (time, text), end in zip(noted, ends, strict=False)
    ]
    fine = resolution([time for time, _ in log])
    state = "ok" if fine is not None else "too few entries"
    results = [Result("log_resolution", fineness, fine, "s", state=state)]
    if ends and len(noted) == len(ends):
        worst = max(rows, key=lambda row: abs(row[3]))
        method = "largest difference between an entry and the end of power"
        results.append(Result("log_time", title, worst[3], "s", worst[4], method=method))
    else:
        state = "entries missing" if ends else "power never ended"
        results.append(Result("log_time", title, None, "s", state=state))
    table = Table(
        "event_log",
        "Ends of power in the event log",
        ("Entry", "Logged", "Recorded", "Difference", "Uncertainty"),
        ("", "s", "s", "s", "s"),
        tuple(rows),
        "Telemetry",
        note="recorded: active power below 5 % of rating; uncertain by how long it took from 10 %",
    )
    return Findings(under("Telemetry", results), tables=(table,))
