"""T2, island: the PCS holds voltage and frequency on their droop lines, whatever load comes and goes.

On a bus of its own it carries a bank of resistors, reactors and capacitors. Steps of each, and one that
draws more of one phase than of the others, go on and off again; with a genset beside, a step is shared.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from hil.errors import ConfigError
from hil.limits import Limit
from hil.sequence import Sequence, Stage
from hil.steps import (
    Arm,
    Await,
    Disarm,
    Hold,
    RunGenset,
    SetLoad,
    SetLoadPhases,
    SwitchGenset,
    SwitchLoad,
    SwitchPcs,
)

from ._common import around, end_island, to_form
from ._island import completeness, load_step
from ._tables import overview

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hil.analysis.result import Analysis, Result
    from hil.recording import Recording
    from hil.sequence import Nominal, Stages
    from hil.steps import Step

BANK, GENSET = "bank", "genset_1"
LAST = 0.5
"""Over which the last values of a record are taken, and the first of one with a genset beside [s]."""
SHOWN = {
    "active_step": ("P step", "pu"),
    "reactive_step": ("Q step", "pu"),
    "voltage_deviation": ("V off its line", "%"),
    "voltage_recovery": ("V back", "s"),
    "voltage_error": ("V in the end", "%"),
    "frequency_deviation": ("f beyond its lines", "Hz"),
    "frequency_settling": ("f settled", "s"),
    "frequency_error": ("f in the end", "Hz"),
    "damping": ("Damping", ""),
}
"""Results that the summary's table shows."""


@dataclass(frozen=True, slots=True)
class _Change:
    """One change of the load, recorded."""

    name: str
    watts: tuple[float, float, float]
    """What each phase draws from then on, per unit of the rating of all three."""
    var: float
    """Inductive, of all three phases together [pu]."""
    active: float
    """By how much the active power changes [pu]."""
    reactive: float

    def step(self, nominal: Nominal) -> Step:
        """Return the step that makes it."""
        a, b, c = (watts * nominal.power for watts in self.watts)
        var = self.var * nominal.power
        if a == b:
            return SetLoad(a + b + c, var, BANK)
        return SetLoadPhases((a, b, c), (var / 3.0,) * 3, BANK)


@dataclass(frozen=True)
class Island(Sequence):
    """T2: voltage and frequency in an island, with steps of load."""

    bases: str = "0.1 0.4"
    steps: str = "0.5/0 0/0.3 0/-0.15 0.4/0.3"
    unbalanced: float = 0.5
    shared: float = 0.5
    droop: float = 0.02
    reactive_droop: float = 0.02
    genset_droop: float = 0.04
    genset_rating: float = 1.0
    before: float = 1.0
    calm: float = 5.0
    after: float = 6.0
    shared_after: float = 10.0
    steady: float = 5.0

    NAME: ClassVar[str] = "t02_island"
    CRITERIA: ClassVar[str] = "t02_island"
    OBJECTIVE: ClassVar[str] = (
        "Alone on a bus, the PCS holds voltage and frequency on their droop lines while resistive, "
        "inductive, capacitive and unbalanced load comes and goes. After each step it recovers at once, "
        "without lasting swings, and beside a genset it takes its share."
    )
    ROLES: ClassVar[Mapping[str, str]] = {BANK: "load", "grid_breaker": "switch"}
    PARAMETERS: ClassVar[Mapping[str, tuple[str, str]]] = {
        "bases": ("text", "active load that each round of steps starts from [pu]"),
        "steps": ("text", "active / inductive load that comes and goes [pu], capacitive negative"),
        "unbalanced": ("pu", "load that comes and goes in phase a, of a phase's rating; 0 leaves it out"),
        "shared": ("pu", "active load that comes and goes with a genset beside; 0 where there is none"),
        "droop": ("pu", "declared droop of the PCS: frequency per active power"),
        "reactive_droop": ("pu", "declared droop of the PCS: voltage per reactive power"),
        "genset_droop": ("pu", "droop of the genset: frequency per its active power"),
        "genset_rating": ("pu", "rated power of the genset, of that of the PCS"),
        "before": ("s", "recorded before each step"),
        "calm": ("s", "after a step until all shall be steady"),
        "after": ("s", "recorded after each step"),
        "shared_after": ("s", "the same with a genset beside, whose governor takes seconds"),
        "steady": ("s", "before the first step"),
    }

    def __post_init__(self) -> None:
        """Refuse what is no island, before anything is connected."""
        for name, low, high in (
            *(("unbalanced", 0.0, 1.0), ("shared", 0.0, 1.0), ("genset_rating", 0.1, 10.0)),
            *(("droop", 0.0, 0.1), ("reactive_droop", 0.0, 0.2), ("genset_droop", 0.001, 0.1)),
            *(("before", 0.5, 60.0), ("calm", 0.5, 60.0), ("after", 1.0, 120.0), ("steady", 0.1, 600.0)),
            ("shared_after", 1.0, 120.0),
        ):
            Limit(low, high, self.PARAMETERS[name][0]).check(getattr(self, name), f"t02_island: {name}")
        if min(self.after, self.shared_after) < self.calm + LAST:
            raise ConfigError(
                f"t02_island: after = {self.after:g} s, shared_after = {self.shared_after:g} s: at least "
                f"{LAST:g} s more than calm, {self.calm:g} s, to see what is left then"
            )
        self._bases()
        self._steps()

    def captures(self) -> Mapping[str, Mapping[str, float | str]]:
        """Return each capture's name and the parameters that its criteria refer to."""
        return {
            change.name: {"active": change.active, "reactive": change.reactive}
            for _, changes in self._rounds()
            for change in changes
        }

    def stages(self, nominal: Nominal) -> Stages:
        """Yield the stages: black start; every step of load; with a genset beside; the end."""
        end = None
        begin = (SetLoad(self._bases()[0] * nominal.power, 0.0, BANK), SwitchLoad(on=True, name=BANK))
        yield Stage(
            "form", (*to_form(nominal), *self._run(nominal), *begin, Hold(self.steady)), "a bus of its own"
        )
        for base, changes in self._rounds():
            load = SetLoad(base * nominal.power, 0.0, BANK)
            beside = changes[0].name.startswith("shared")
            sets = (RunGenset(on=True, name=GENSET), SwitchGenset(closed=True, name=GENSET)) if beside else ()
            yield Stage(f"base {changes[0].name}", (load, *sets, Hold(self.steady)), f"{base:g} pu of load")
            for change in changes:
                if end is not None and not end.pcs_running:
                    again = (SwitchPcs(on=False), Hold(1.0), *self._run(nominal), Hold(self.steady))
                    yield Stage(f"restart before {change.name}", again, "the PCS has tripped")
                end = yield Stage(
                    change.name,
                    (
                        Arm(change.name, poll=0.5),
                        Hold(self.before),
                        change.step(nominal),
                        Hold(self.shared_after if beside else self.after),
                        Disarm(),
                    ),
                )
        leave = (SwitchGenset(closed=False, name=GENSET), RunGenset(on=False, name=GENSET))
        off = SwitchLoad(on=False, name=BANK)
        yield Stage("end", (*(leave if self.shared else ()), off, *end_island()), "the reverse order")

    def analyze(self, recording: Recording) -> Analysis:
        """Return what a step of load does to the bus, and beside a genset how the load is shared."""
        from hil.analysis.analyze import joined  # noqa: PLC0415 - scipy, which no preview needs
        from hil.analysis.event.load_step import Bands, DroopLine  # noqa: PLC0415 - as above
        from hil.analysis.result import Findings  # noqa: PLC0415 - as above

        given = recording.nominal
        line = DroopLine(
            given["phase_voltage"], given["frequency"], given["power"], self.droop, self.reactive_droop
        )
        parts = [completeness(recording), load_step(recording, line, Bands(0.02, 0.1, self.calm))]
        if recording.name.startswith("shared"):
            parts.append(Findings(self._sharing(recording)))
        return joined(parts, history=recording.waveform.history)

    def summarize(self, found: Mapping[str, Analysis]) -> Analysis:
        """Return what each step of load did, in a row."""
        from hil.analysis.result import Analysis  # noqa: PLC0415 - numpy, which no preview needs

        return Analysis((), tables=(overview(found, "Step by step", SHOWN),))

    def _sharing(self, recording: Recording) -> tuple[Result, Result]:
        """Return the step that PCS and genset share, and the power of the PCS in the end less its share."""
        from hil.analysis.result import Result  # noqa: PLC0415 - numpy, as above
        from hil.analysis.signals import group  # noqa: PLC0415 - as above

        w, rated = recording.waveform, recording.nominal["power"]
        sets = w.find("current", place="genset")
        step = Result(
            "shared_step", "Step of the active power of PCS and genset", None, "pu", section="Power"
        )
        title = "Power of the PCS less its share by the droops"
        error = Result("share_error", title, None, "%", section="Power")
        if len(sets) != 3:
            note = "the currents of the genset are not recorded"
            state = "not determinable"
            return replace(step, state=state, note=note), replace(error, state=state, note=note)
        volts, own_amps, other_amps = (
            group(w, channels).samples for channels in (w.find("voltage"), w.find("current"), sets)
        )
        count = round(LAST * w.rate)
        (before, beside), (own, other) = (
            [float((volts[:, span] * amps[:, span]).sum(axis=0).mean()) for amps in (own_amps, other_amps)]
            for span in (slice(count), slice(-count, None))
        )
        share = self.genset_droop / (self.genset_droop + self.genset_rating * self.droop)
        note = f"{own / 1e3:.1f} kW of {(own + other) / 1e3:.1f} kW; share by droop {share:.3f}"
        return (
            replace(step, value=(own + other - before - beside) / rated),
            replace(error, value=100 * (own - share * (own + other)) / rated, note=note),
        )

    def _run(self, nominal: Nominal) -> tuple[Step, ...]:
        volts = nominal.phase_voltage
        return (SwitchPcs(on=True), Await("pcs.voltage", around(volts, 0.03 * volts, "V"), 20.0))

    def _bases(self) -> tuple[float, ...]:
        """Return the loads that rounds of steps start from [pu]."""
        try:
            bases = tuple(map(float, self.bases.split()))
        except ValueError:
            bases = ()
        if not bases or len(set(bases)) < len(bases) or not all(0.0 <= base <= 1.0 for base in bases):
            raise ConfigError(f't02_island: bases = {self.bases!r}; expected loads such as "0.1 0.4"')
        return bases

    def _steps(self) -> tuple[tuple[float, float], ...]:
        """Return active and inductive load of each step [pu]."""
        try:
            pairs = [tuple(map(float, word.split("/"))) for word in self.steps.split()]
            found = tuple((watts, var) for watts, var in pairs)
        except ValueError:
            found = ()
        if not found or len(set(found)) < len(found):
            raise ConfigError(f't02_island: steps = {self.steps!r}; expected such as "0.5/0 0/0.3 0/-0.15"')
        for watts, var in found:
            Limit(0.0, 1.0, "pu").check(watts, "t02_island: steps, active")
            Limit(0.02, 1.0, "pu").check(abs(complex(watts, var)), "t02_island: steps, size")
        return found

    def _rounds(self) -> Iterator[tuple[float, tuple[_Change, ...]]]:
        """Yield each round's base load and its changes, in their order."""
        for base in self._bases():
            tag = f"b{round(100 * base)}"
            found = [
                change
                for watts, var in self._steps()
                for change in _there_and_back(_kind(watts, var), tag, base, (watts / 3.0,) * 3, var)
            ]
            if self.unbalanced:
                lone = (self.unbalanced / 3.0, 0.0, 0.0)
                found += _there_and_back("unbalanced", tag, base, lone, 0.0)
            yield base, tuple(found)
        if self.shared:
            base = self._bases()[0]
            tag = f"b{round(100 * base)}"
            yield base, tuple(_there_and_back("shared", tag, base, (self.shared / 3.0,) * 3, 0.0))


def _kind(watts: float, var: float) -> str:
    """Return the name of a step of balanced load."""
    size = f"{round(100 * abs(complex(watts, var)))}"
    if not var:
        return f"active_{size}"
    if watts:
        return f"mixed_{size}"
    return f"{'inductive' if var > 0.0 else 'capacitive'}_{size}"


def _there_and_back(
    kind: str, tag: str, base: float, watts: tuple[float, float, float], var: float
) -> tuple[_Change, _Change]:
    """Return the load's coming and its going."""
    without = (base / 3.0,) * 3
    a, b, c = (each + more for each, more in zip(without, watts, strict=True))
    total = sum(watts)
    return (
        _Change(f"{kind}_on_{tag}", (a, b, c), var, total, var),
        _Change(f"{kind}_off_{tag}", (without[0], without[1], without[2]), 0.0, -total, -var),
    )
