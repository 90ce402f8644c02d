"""T9, generator following: the PCS beside gensets without a utility, as it follows and as it forms.

A load step, the loss of a set under the higher load, and the load taken off again from what
is left. The bus is held to the classes of generating sets; the PCS must not swing against
them, and carries the share that its set-point or its droop gives it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from hil.errors import ConfigError
from hil.limits import Limit
from hil.sequence import Sequence, Stage
from hil.steps import (
    Arm,
    Await,
    Disarm,
    FormGrid,
    Hold,
    MoveSwitch,
    RunGenset,
    SetDc,
    SetLoad,
    SetPower,
    SwitchDc,
    SwitchGenset,
    SwitchLoad,
    SwitchPcs,
)

from ._common import around

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.analysis.result import Analysis
    from hil.recording import Recording
    from hil.sequence import Nominal, Stages
    from hil.steps import Step

WAYS: Final = ("following", "forming")
SETS: Final = ("genset_1", "genset_2")
BREAKER: Final = "grid_breaker"
BANK: Final = "bank"


@dataclass(frozen=True)
class Generator(Sequence):
    """T9: generator following, load steps and loss of a set."""

    ways: str = "following forming"
    load: float = 0.4
    step: float = 0.4
    power: float = 0.4
    droop: float = 0.02
    lost: str = "genset_2"
    before: float = 2.0
    after: float = 12.0
    settling: float = 5.0
    steady: float = 10.0

    NAME: ClassVar[str] = "t09_generator"
    CRITERIA: ClassVar[str] = "t09_generator"
    ENVELOPE: ClassVar[str] = "itic"
    OBJECTIVE: ClassVar[str] = (
        "Beside gensets and without a utility the PCS keeps voltage and frequency of the bus in their class, "
        "at a load step and when a set is lost. It does not swing against the sets, and carries its share."
    )
    ROLES: ClassVar[Mapping[str, str]] = {BANK: "load", BREAKER: "switch", **dict.fromkeys(SETS, "genset")}
    PARAMETERS: ClassVar[Mapping[str, tuple[str, str]]] = {
        "ways": ("text", "how the PCS runs beside the sets, in turn: following, forming"),
        "load": ("pu", "what the load draws at first"),
        "step": ("pu", "by which it then rises, and falls again in the end"),
        "power": ("pu", "set-point of the PCS"),
        "droop": ("pu", "declared droop of the forming PCS: fall of the frequency per power"),
        "lost": ("text", "set that is lost: genset_1 or genset_2"),
        "before": ("s", "recorded before an event"),
        "after": ("s", "recorded after it"),
        "settling": ("s", "after an event, until no oscillation may be left"),
        "steady": ("s", "before the first event and between two"),
    }

    def __post_init__(self) -> None:
        """Refuse what would show nothing, or less than it says."""
        for name, low, high in (
            *(("load", 0.0, 2.0), ("step", 0.05, 1.5), ("power", -1.0, 1.0), ("droop", 0.001, 0.1)),
            *(("before", 1.2, 60.0), ("after", 3.0, 120.0), ("settling", 0.5, 60.0), ("steady", 0.1, 600.0)),
        ):
            Limit(low, high, self.PARAMETERS[name][0]).check(getattr(self, name), f"{self.NAME}: {name}")
        words = self.ways.split()
        if not words or not set(words) <= set(WAYS) or len(set(words)) < len(words):
            raise ConfigError(f"{self.NAME}: ways = {self.ways!r}; expected words out of {', '.join(WAYS)}")
        if self.lost not in SETS:
            raise ConfigError(f"{self.NAME}: lost = {self.lost!r}; expected one of {', '.join(SETS)}")
        if self.after < self.settling + 2.0:
            raise ConfigError(
                f"{self.NAME}: after = {self.after:g} s leaves less than 2 s of the settled state, which "
                f"begins {self.settling:g} s after the event; record longer"
            )

    def captures(self) -> Mapping[str, Mapping[str, float | str]]:
        """Return each capture's name and the parameters that its criteria refer to."""
        return {
            f"{event}_{way}": {
                "way": way,
                "step": step,
                "power": self.power,
                "droop": self.droop,
                "settling": self.settling,
            }
            for way in self.ways.split()
            for event, step in (("step_up", self.step), ("loss", 0.0), ("step_down", -self.step))
        }

    def stages(self, nominal: Nominal) -> Stages:
        """Yield the stages: gensets and load; for each way the PCS, the events; de-energise."""
        base, high = self.load * nominal.power, (self.load + self.step) * nominal.power
        first, second = SETS
        volts, amps = nominal.dc_voltage, 1.5 * nominal.power / nominal.dc_voltage
        yield Stage(
            "gensets",
            (
                MoveSwitch("open", BREAKER),
                SetDc(volts, amps, 1.2 * nominal.power),
                SwitchDc(on=True),
                Await("dc.voltage", around(volts, 0.02 * volts, "V"), 10.0),
                *(RunGenset(on=True, name=first), SwitchGenset(closed=True, name=first)),
                *(SetLoad(base, name=BANK), SwitchLoad(on=True, name=BANK)),
                *(RunGenset(on=True, name=second), SwitchGenset(closed=True, name=second)),
            ),
            "battery; the first set onto the dead bus, the load, the second set in step",
        )
        for number, way in enumerate(self.ways.split()):
            again = (SwitchGenset(closed=True, name=self.lost),) if number else ()
            end = yield Stage(
                way,
                (
                    SetLoad(base, name=BANK),
                    *again,
                    FormGrid(on=way == "forming"),
                    *(SetPower(0.0), SwitchPcs(on=True), Await("pcs.running", Limit(1.0, 1.0, ""), 60.0)),
                    *(SetPower(self.power * nominal.power), Hold(self.steady)),
                ),
                f"the PCS {'forms' if way == 'forming' else 'follows'} beside the gensets",
            )
            events: tuple[tuple[str, Step, str], ...] = (
                (
                    "step_up",
                    SetLoad(high, name=BANK),
                    f"load from {self.load:g} to {self.load + self.step:g} pu",
                ),
                ("loss", SwitchGenset(closed=False, name=self.lost), f"{self.lost} is lost under load"),
                ("step_down", SetLoad(base, name=BANK), f"load back to {self.load:g} pu, with one set less"),
            )
            for name, event, purpose in events:
                if end is not None and not end.pcs_running:
                    break  # the captures that are left are not run
                end = yield Stage(
                    f"{name}_{way}",
                    (
                        *(Arm(f"{name}_{way}", poll=0.5), Hold(self.before), event, Hold(self.after)),
                        *(Disarm(), Hold(self.steady)),
                    ),
                    purpose,
                )
            yield Stage(f"stop {way}", (SetPower(0.0), Hold(1.0), SwitchPcs(on=False), Hold(1.0)), "PCS off")
        yield Stage(
            "de-energise",
            (
                SwitchLoad(on=False, name=BANK),
                *(SwitchGenset(closed=False, name=name) for name in SETS),
                *(RunGenset(on=False, name=name) for name in SETS),
                SwitchDc(on=False),
            ),
            "load, sets, battery",
        )

    def analyze(self, recording: Recording) -> Analysis:
        """Return what one capture shows."""
        from ._generator_findings import findings  # noqa: PLC0415 - scipy, which no preview needs

        return findings(recording)
