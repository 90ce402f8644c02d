"""T6, demand response: a power that is called for comes in time, stays, and goes again.

Fast events are one set-point; in slow ones a dispatcher moves the set-point once a second. Both
go through the PCS's own interface and ramp, in both directions and across zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from hil.errors import ConfigError
from hil.limits import Limit
from hil.sequence import Sequence, Stage
from hil.steps import Arm, Await, Disarm, Hold, SetPower

from ._common import around, de_energise, energise, restart

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.analysis.result import Analysis
    from hil.recording import Recording
    from hil.sequence import Nominal, Stages
    from hil.steps import Step

CYCLE: Final = 1.0
"""Time between two set-points of a dispatcher's ramp [s]."""
REST: Final = 0.5
"""Part of a ramp's length that is recorded after it at least: the last fifth of both is where it came to."""
NEAR: Final = 0.1
"""How near to its baseline a PCS must be before an event [pu]; how exact it is then shows in the record."""


@dataclass(frozen=True)
class DemandResponse(Sequence):
    """T6: demand response, fast by one set-point and slow along a dispatcher's ramp."""

    fast: str = "0:0.25 0:0.5 0:1 0:-0.25 0:-0.5 0:-1 -1:1 1:-1"
    slow: str = "0:1 0:-1 -0.5:0.5"
    fast_hold: float = 20.0
    ramp: float = 30.0
    slow_hold: float = 40.0
    before: float = 1.0
    after: float = 5.0
    steady: float = 5.0

    NAME: ClassVar[str] = "t06_demand_response"
    CRITERIA: ClassVar[str] = "t06_demand_response"
    OBJECTIVE: ClassVar[str] = (
        "A power that is called for, charging or discharging, is there within 2 s of one set-point and "
        "within 60 s along a dispatcher's ramp. It stays where it was asked to be, delivers the energy of "
        "the event, and returns as it came."
    )
    PARAMETERS: ClassVar[Mapping[str, tuple[str, str]]] = {
        "fast": ("text", 'events of one set-point: power before and during each [pu], such as "0:0.5 -1:1"'),
        "slow": ("text", "events along a ramp, written likewise"),
        "fast_hold": ("s", "how long a fast event lasts"),
        "ramp": ("s", "length of the dispatcher's ramps"),
        "slow_hold": ("s", "how long a slow event lasts between its ramps"),
        "before": ("s", "recorded before each event"),
        "after": ("s", "recorded after its return; of a slow one, half of the ramp at least"),
        "steady": ("s", "at the power before each event: controls and temperatures settle"),
    }

    def __post_init__(self) -> None:
        """Refuse what is no such event, before anything is connected."""
        if not self.captures():
            raise ConfigError("t06_demand_response: neither a fast nor a slow event is named")
        for name, low, high in (
            *(("fast_hold", 1.0, 3600.0), ("ramp", CYCLE, 600.0), ("slow_hold", 1.0, 3600.0)),
            *(("before", 0.3, 60.0), ("after", 1.0, 60.0), ("steady", 0.1, 600.0)),
        ):
            Limit(low, high, "s").check(getattr(self, name), f"t06_demand_response: {name}")
        if self.slow_hold < REST * self.ramp:
            raise ConfigError(
                f"t06_demand_response: slow_hold = {self.slow_hold:g} s; give at least half of the ramp, or "
                "the power has not come to rest where it is measured"
            )

    def captures(self) -> Mapping[str, Mapping[str, float | str]]:
        """Return each capture's name and the parameters that its criteria refer to."""
        return {
            f"{kind}_{round(100 * before)}_to_{round(100 * power)}": {"baseline": before, "power": power}
            for kind in ("fast", "slow")
            for before, power in _events(getattr(self, kind), f"t06_demand_response: {kind}")
        }

    def stages(self, nominal: Nominal) -> Stages:
        """Yield the stages: energise; each event from its baseline; de-energise."""
        yield Stage("energise", energise(nominal, 0.0, 0.1), "battery, grid, PCS")
        end = None
        for name, given in self.captures().items():
            if end is not None and not end.pcs_running:
                yield Stage(f"restart before {name}", restart(nominal, 0.0, 0.1), "the PCS has tripped")
            baseline, watts = (float(given[key]) * nominal.power for key in ("baseline", "power"))
            slow = name.startswith("slow")
            there, back = (self._ramp(baseline, watts), self._ramp(watts, baseline)) if slow else ((), ())
            steps = (
                SetPower(baseline),
                Await("pcs.active_power", around(baseline, NEAR * nominal.power, "W"), 20.0),
                Hold(self.steady),
                Arm(name, poll=0.5),
                Hold(self.before),
                *there,
                SetPower(watts),
                Hold(self.slow_hold if slow else self.fast_hold),
                *back,
                SetPower(baseline),
                Hold(max(self.after, REST * self.ramp) if slow else self.after),
                Disarm(),
            )
            end = yield Stage(name, steps, f"{given['baseline']:g} to {given['power']:g} pu and back")
        yield Stage("de-energise", de_energise(), "the reverse order")

    def analyze(self, recording: Recording) -> Analysis:
        """Return how the power followed the set-points that stand beside the capture."""
        from hil.analysis.analyze import joined  # noqa: PLC0415 - scipy, which no preview needs
        from hil.analysis.step.dispatch import Dispatch, dispatch_findings  # noqa: PLC0415 - as above
        from hil.analysis.survey import survey  # noqa: PLC0415 - as above

        given, nominal = recording.parameters, recording.nominal
        baseline, watts = (float(given[key]) * nominal["power"] for key in ("baseline", "power"))
        sent = tuple(
            (reading.time - reading.late, float(str(reading.values["watts"])))
            for reading in recording.of("step")
            if reading.values["step"] == "SetPower"
        )
        parts = [survey(recording.waveform)]
        if sent and sent[-1][1] == baseline:  # else the run was broken off in it: there is no event to judge
            about = (nominal["phase_voltage"], nominal["frequency"])
            dispatch = Dispatch(baseline, watts, sent)
            parts.append(dispatch_findings(recording.waveform, about, nominal["power"], dispatch))
        return joined(parts, history=recording.waveform.history)

    def _ramp(self, begin: float, end: float) -> tuple[Step, ...]:
        """Return the set-points of a dispatcher's ramp without its last [W]."""
        count = round(self.ramp / CYCLE)
        seconds = self.ramp / count
        return tuple(
            step
            for k in range(1, count)
            for step in (SetPower(begin + (end - begin) * k / count), Hold(seconds))
        )


def _events(text: str, name: str) -> tuple[tuple[float, float], ...]:
    """Return the powers before and during events [pu]."""
    found = []
    for word in text.split():
        try:
            before, power = map(float, word.split(":"))
        except ValueError:
            raise ConfigError(f'{name}: {word!r}: expected power before:during, such as "0:0.5"') from None
        for value in (before, power):
            Limit(-1.0, 1.0, "pu").check(value, name)
        if abs(power - before) < 0.1 or abs(power) < 0.1:
            raise ConfigError(f"{name}: {word!r}: set-point and change must be 0.1 pu or more to be measured")
        found.append((before, power))
    if len({(round(100 * before), round(100 * power)) for before, power in found}) < len(found):
        raise ConfigError(f"{name} = {text!r} names one event twice, to a percent")
    return tuple(found)
