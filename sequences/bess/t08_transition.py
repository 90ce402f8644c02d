"""T8, transitions: the PCS takes the load from the grid into an island, and back, without the load noticing.

In each cycle the breaker to the source opens under load and the source goes dead, as in an
outage. Before the source is back in step the breaker is told to close where it must not: that
it stays open is the synchro-check's doing. Then the PCS brings the bus into step and the
breaker closes; how far the sides were apart at that instant is measured across its open poles.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from hil.errors import ConfigError
from hil.limits import Limit
from hil.sequence import Sequence, Stage
from hil.steps import (
    Arm,
    Disarm,
    FormGrid,
    Hold,
    MoveSwitch,
    RampGrid,
    RunGenset,
    SetGrid,
    SetLoad,
    SetPower,
    SwitchGenset,
    SwitchGrid,
    SwitchLoad,
    Synchronise,
)

from ._common import de_energise, energise

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hil.analysis.result import Analysis
    from hil.recording import Recording
    from hil.sequence import Nominal, Stages
    from hil.steps import Step

OUT: Final = {
    "voltage": "a voltage too low",
    "angle": "an angle too large, at a slip that would do",
    "slip": "a slip too large",
}
"""What may be out of step, alone."""
SLOW: Final = 0.05
"""Slip of the attempt that is out by its angle alone [Hz]."""
AWAY: Final = 60.0
"""Angle at which it begins [deg]."""
BREAKER: Final = "grid_breaker"
BANK: Final = "bank"


@dataclass(frozen=True)
class Transition(Sequence):
    """T8: from the grid to an island and back, in step."""

    load: float = 0.5
    powers: str = "0.2 0.8"
    attempts: str = "voltage angle slip"
    low: float = 0.9
    fast: float = 0.5
    genset: str = "genset_1"
    before: float = 1.0
    after: float = 5.0
    steady: float = 5.0
    synchronising: float = 8.0

    NAME: ClassVar[str] = "t08_transition"
    CRITERIA: ClassVar[str] = "t08_transition"
    ENVELOPE: ClassVar[str] = "itic"
    OBJECTIVE: ClassVar[str] = (
        "The PCS carries the load from the grid into an island and back, with a voltage that power supplies "
        "withstand. The breaker closes only in step, and stays open where it is told to close out of it."
    )
    ROLES: ClassVar[Mapping[str, str]] = {BANK: "load", BREAKER: "switch"}
    PARAMETERS: ClassVar[Mapping[str, tuple[str, str]]] = {
        "load": ("pu", "what the load draws"),
        "powers": ("text", "set-points of the PCS [pu], a cycle for each: the grid gives or takes the rest"),
        "attempts": ("text", "what is out of step when the breaker is told to close: voltage, angle, slip"),
        "low": ("pu", "voltage of the source where the voltage is out"),
        "fast": ("Hz", "slip of the source where the slip is out"),
        "genset": (
            "text",
            "set that takes over half of the load in a last island, through an open transition, or none",
        ),
        "before": ("s", "recorded before a breaker is told to move"),
        "after": ("s", "recorded after it"),
        "steady": ("s", "at the set-point before a cycle"),
        "synchronising": ("s", "for the PCS to bring the bus into step"),
    }

    def __post_init__(self) -> None:
        """Refuse what would be no transition, or an attempt that is in step."""
        for name, low, high in (
            *(("load", 0.1, 1.0), ("low", 0.5, 0.94), ("fast", 0.2, 2.0), ("before", 0.5, 60.0)),
            *(("after", 1.0, 60.0), ("steady", 0.1, 600.0), ("synchronising", 1.0, 120.0)),
        ):
            Limit(low, high, self.PARAMETERS[name][0]).check(getattr(self, name), f"{self.NAME}: {name}")
        self._powers()
        words = self.attempts.split()
        if not set(words) <= set(OUT) or len(set(words)) < len(words):
            raise ConfigError(
                f"{self.NAME}: attempts = {self.attempts!r}; expected words out of {', '.join(OUT)}"
            )

    def _powers(self) -> list[float]:
        try:
            powers = [float(word) for word in self.powers.split()]
        except ValueError:
            powers = []
        if not powers or len(set(powers)) < len(powers):
            raise ConfigError(
                f'{self.NAME}: powers = {self.powers!r}; expected numbers [pu], each once, such as "0.2 0.8"'
            )
        for power in powers:
            Limit(-1.0, 1.0, "pu").check(power, f"{self.NAME}: powers")
        return powers

    def captures(self) -> Mapping[str, Mapping[str, float | str]]:
        """Return each capture's name and the parameters that its criteria refer to."""
        found: dict[str, dict[str, float | str]] = {}
        for number, power in enumerate(self._powers()):
            what = round(100 * power)
            found[f"leave_{what}"] = {"power": power, "load": self.load}
            if number == 0:
                found |= {f"attempt_{out}": {"out": out, "load": self.load} for out in self.attempts.split()}
            found[f"return_{what}"] = {"power": power, "load": self.load}
        if self.genset != "none":
            found["transfer"] = {"genset": self.genset, "load": self.load}
        return found

    def stages(self, nominal: Nominal) -> Stages:
        """Yield the stages: energise, cycles, the transfer to a genset, de-energise."""
        watts = self.load * nominal.power
        powers = self._powers()
        end = yield Stage(
            "energise",
            (
                FormGrid(on=False),
                *energise(nominal, powers[0] * nominal.power, 0.1),
                SetLoad(watts, name=BANK),
                SwitchLoad(on=True, name=BANK),
            ),
            "battery, grid, PCS, load",
        )
        for stage in self._transitions(nominal):
            if end is not None and not end.pcs_running:
                break  # what the unit has not come through is over; the captures that are left are not run
            end = yield stage
        yield Stage("de-energise", (SwitchLoad(on=False, name=BANK), *de_energise()), "the reverse order")

    def _transitions(self, nominal: Nominal) -> Iterator[Stage]:
        for number, power in enumerate(self._powers()):
            what, watts = round(100 * power), power * nominal.power
            capture = self._moved(f"leave_{what}", "open")
            steps = (SetPower(watts), Hold(self.steady), *capture, *self._outage(nominal))
            yield Stage(f"leave_{what}", steps, f"into the island with {power:g} pu, load {self.load:g} pu")
            if number == 0:
                yield from (self._attempt(out, nominal) for out in self.attempts.split())
            steps = (
                SetGrid((nominal.phase_voltage,) * 3, nominal.frequency),
                SetPower(watts),
                *self._in_step(),
                *self._moved(f"return_{what}", "closed"),
                Synchronise(on=False),
            )
            yield Stage(f"return_{what}", steps, "back to the grid, in step")
        if self.genset != "none":
            yield self._transfer(nominal)

    def _moved(self, name: str, position: str) -> tuple[Step, ...]:
        """Record while the breaker moves."""
        move = MoveSwitch(position, BREAKER, attempt=position == "closed")
        return (Arm(name, poll=0.25), Hold(self.before), move, Hold(self.after), Disarm())

    def _outage(self, nominal: Nominal) -> tuple[Step, ...]:
        """Let the source go dead and come back."""
        volts = nominal.phase_voltage
        return (
            SwitchGrid(on=False),
            SetGrid((0.0, 0.0, 0.0), nominal.frequency),
            SwitchGrid(on=True),
            RampGrid(volts, 1.0),
        )

    def _in_step(self) -> tuple[Step, ...]:
        return (Synchronise(on=True), Hold(self.synchronising))

    def _attempt(self, out: str, nominal: Nominal) -> Stage:
        """Tell the breaker to close where only the one thing is out of step, and open it again.

        With its set-point at the load's power a forming PCS holds nominal frequency, whatever its droop.
        """
        volts, hertz, wait = nominal.phase_voltage, nominal.frequency, 0.5
        match out:
            case "voltage":
                volts *= self.low
            case "angle":
                hertz, wait = hertz + SLOW, AWAY / 360.0 / SLOW
            case "slip":
                hertz += self.fast
        level = (volts, volts, volts)
        first = (SetPower(self.load * nominal.power), SetGrid((nominal.phase_voltage,) * 3, hertz))
        in_step = () if out == "slip" else (*self._in_step(), Synchronise(on=False))
        name = f"attempt_{out}"
        steps = (
            *(*first, *in_step, SetGrid(level, hertz), Hold(wait)),
            *(Arm(name, poll=0.25), Hold(self.before), MoveSwitch("closed", BREAKER, attempt=True)),
            *(Hold(0.5), Disarm(), MoveSwitch("open", BREAKER)),
        )
        return Stage(name, steps, f"told to close with {OUT[out]}")

    def _transfer(self, nominal: Nominal) -> Stage:
        """From the grid through the island to a genset that comes into step with it, all in one capture."""
        half = SetPower(0.5 * self.load * nominal.power)
        steps = (
            SetPower(self.load * nominal.power),
            RunGenset(on=True, name=self.genset),
            *(Arm("transfer", poll=0.25), Hold(self.before), MoveSwitch("open", BREAKER), Hold(self.before)),
            *(SwitchGenset(closed=True, name=self.genset), half, Hold(self.after), Disarm()),
            *(SetPower(self.load * nominal.power), Hold(1.0), SwitchGenset(closed=False, name=self.genset)),
            RunGenset(on=False, name=self.genset),
        )
        return Stage("transfer", steps, f"from the grid to {self.genset}, through the open transition")

    def analyze(self, recording: Recording) -> Analysis:
        """Return what one capture shows."""
        from ._transition_findings import findings  # noqa: PLC0415 - scipy, which no preview needs

        return findings(recording)
