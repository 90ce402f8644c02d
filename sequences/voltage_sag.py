"""Voltage sags: whether the PCS stays connected, supports the grid, and recovers.

Each sag is played by the AC source's list memory into a PCS that runs at a steady
power. The default is a corner of the mandatory ride-through region of IEEE 2800-2022:
a residual voltage of 0.25 pu for 0.32 s, once in all phases and once in one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from hil.errors import ConfigError
from hil.limits import Limit
from hil.sequence import Sequence, Stage
from hil.steps import (
    Arm,
    Await,
    Disarm,
    Fire,
    Hold,
    LoadTransient,
    RampGrid,
    SetDc,
    SetGrid,
    SetPower,
    SwitchDc,
    SwitchGrid,
    SwitchPcs,
)
from hil.transient import ListPoint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.sequence import Nominal, Stages

PHASES = ("a", "b", "c")


@dataclass(frozen=True)
class VoltageSag(Sequence):
    """Voltage sags, balanced and single-phase, against the ride-through envelope of IEEE 2800."""

    residual: float = 0.25
    duration: float = 0.32
    phases: str = "abc a"
    power: float = 0.8
    before: float = 1.0
    after: float = 4.0
    steady: float = 5.0
    apart: float = 10.0

    NAME: ClassVar[str] = "voltage_sag"
    CRITERIA: ClassVar[str] = "voltage_sag"
    ENVELOPE: ClassVar[str] = "ieee2800"
    PARAMETERS: ClassVar[Mapping[str, tuple[str, str]]] = {
        "residual": ("pu", "voltage that is left in the sagged phases"),
        "duration": ("s", "length of the sag"),
        "phases": ("text", 'one sag for each word: phases that sag, such as "abc a bc"'),
        "power": ("pu", "active power of the PCS, positive towards the grid"),
        "before": ("s", "recorded before the sag"),
        "after": ("s", "recorded after the sag"),
        "steady": ("s", "at the set power before the first sag: controls and temperatures settle"),
        "apart": ("s", "after each sag; ride-through times add up within about 10 s, each shall stand alone"),
    }

    def __post_init__(self) -> None:
        """Refuse what is not a sag."""
        Limit(0.0, 0.9, "pu").check(self.residual, "voltage_sag: residual")
        Limit(0.01, 10.0, "s").check(self.duration, "voltage_sag: duration")
        Limit(-1.0, 1.0, "pu").check(self.power, "voltage_sag: power")
        Limit(0.3, 60.0, "s").check(self.before, "voltage_sag: before")
        Limit(1.0, 60.0, "s").check(self.after, "voltage_sag: after")
        Limit(0.1, 600.0, "s").check(self.steady, "voltage_sag: steady")
        Limit(0.1, 600.0, "s").check(self.apart, "voltage_sag: apart")
        words = self.phases.split()
        if not words or any(
            len(set(w)) != len(w) or not set(w) <= set(PHASES) or list(w) != sorted(w) for w in words
        ):
            raise ConfigError(
                f'voltage_sag: phases = {self.phases!r}; expected words out of a, b, c, such as "abc a bc"'
            )
        if len(set(words)) != len(words):
            raise ConfigError(f"voltage_sag: phases = {self.phases!r} names one sag twice")

    def captures(self) -> Mapping[str, Mapping[str, float | str]]:
        """Return each capture's name and the parameters that its criteria refer to."""
        return {
            f"sag_{word}": {
                "residual": self.residual,
                "duration": self.duration,
                "phases": word,
                "power": self.power,
            }
            for word in self.phases.split()
        }

    def stages(self, nominal: Nominal) -> Stages:
        """Yield the stages: energise, one for each sag, de-energise."""
        volts, watts = nominal.phase_voltage, self.power * nominal.power
        amps = 1.5 * nominal.power / nominal.dc_voltage
        start = (
            SetPower(0.0),
            SwitchPcs(on=True),
            Await("pcs.running", Limit(1.0, 1.0, ""), 60.0),
            SetPower(watts),
            Await("pcs.active_power", _around(watts, 0.02, "W", nominal.power), 20.0),
            Hold(self.steady),
        )
        end = yield Stage(
            "energise",
            (
                Await("grid.highest_voltage", Limit(0.0, 0.1 * volts, "V"), 1.0),
                SetDc(nominal.dc_voltage, amps, 1.2 * nominal.power),
                SwitchDc(on=True),
                Await("dc.voltage", _around(nominal.dc_voltage, 0.02, "V"), 10.0),
                SetGrid((0.0, 0.0, 0.0), nominal.frequency),
                SwitchGrid(on=True),
                RampGrid(volts, 2.0),
                Await("grid.voltage", _around(volts, 0.02, "V"), 5.0),
                *start,
            ),
            "battery first, then the grid, then the PCS; nothing is closed onto a live circuit",
        )
        for number, (name, capture) in enumerate(self.captures().items()):
            if number and end is not None and not end.pcs_running:
                end = yield Stage(
                    f"restart before {name}", (SwitchPcs(on=False), Hold(1.0), *start), "the PCS has tripped"
                )
            sagged = capture["phases"]
            left = [self.residual * volts if phase in str(sagged) else volts for phase in PHASES]
            end = yield Stage(
                name,
                (
                    LoadTransient(
                        (
                            ListPoint(self.duration, (left[0], left[1], left[2]), nominal.frequency),
                            ListPoint(0.5, (volts, volts, volts), nominal.frequency),
                        )
                    ),
                    Arm(name),
                    Hold(self.before),
                    Fire(),
                    Hold(self.duration + self.after),
                    Disarm(),
                    Hold(self.apart),
                ),
                f"{self.residual:g} pu in phase{'s' if len(str(sagged)) > 1 else ''} {sagged} "
                f"for {self.duration:g} s",
            )
        yield Stage(
            "de-energise",
            (
                SetPower(0.0),
                Hold(1.0),
                SwitchPcs(on=False),
                Await("pcs.connected", Limit(0.0, 0.0, ""), 5.0),
                RampGrid(0.0, 1.0),
                SwitchGrid(on=False),
                SwitchDc(on=False),
            ),
            "the reverse order; the bench is made safe and measured afterwards in any case",
        )


def _around(value: float, share: float, unit: str, base: float | None = None) -> Limit:
    width = share * (abs(value) if base is None else base)
    return Limit(value - width, value + width, unit)
