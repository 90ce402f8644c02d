"""A simulated NH Research 9430 of 96 kW: its load mode, and macros as the plant's profile.

It is written from what the driver says is known and assumed; a box may differ. A macro becomes a
profile in plant time, with the slew between its levels, which the plant plays on its own steps. Not
simulated: more than one power factor in a macro, the slew of a level set by hand, source modes, trip limits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np

from hil.profiles.profile import Profile
from hil.twin.scpi import Handler, Refusal, ScpiTwin, flag, number, word

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hil.plant.terminals import LoadTerminals
    from hil.twin.base import Scene

WATTS: Final = 96e3
POINTS: Final = 100


class Nhr9430Twin(ScpiTwin):
    """The box's state; what acts on the bench is in `terminals`."""

    ROLE: ClassVar[str] = "load"
    IDENTITY: ClassVar[str] = "NH Research,9430-96,20417,2.8"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self.terminals: LoadTerminals = scene.terminals
        self.phase = 0
        self.slew = 5e6
        self.learning = False
        self.point = [0.0, 0.0]
        """What the macro has learnt since its last dwell [W, var]."""
        self.macro: list[tuple[int, float, float]] = []
        """Dwell [ms], [W], [var]."""
        self.ends = 0.0
        """Plant time at which the last point of the macro is over [s]."""

    def reset(self) -> None:
        """Do what *RST does: output off, zero power."""
        self.terminals.on = False
        self._set(0, ["0"])
        self._set(1, ["0"])

    def commands(self) -> Mapping[str, Handler]:
        """Return the dialect, as far as it is simulated."""
        return {
            "SYSTem:RWLock": lambda _: None,
            "SYSTem:LOCal": lambda _: None,
            "INSTrument:NSELect": lambda data: setattr(self, "phase", round(number(data[0], 1, 3)) - 1),
            "OUTPut[:STATe]": lambda data: setattr(self.terminals, "on", flag(data[0])),
            "OUTPut[:STATe]?": lambda _: str(int(self.terminals.on)),
            "LOAD:MODE": lambda data: _only(data, "POWer"),
            "LOAD:MODE?": lambda _: "POW",
            "LOAD:POWer": lambda data: self._set(0, data),
            "LOAD:POWer?": lambda data: (
                f"{number(data[0], 0, WATTS) if data else self.terminals.active_power:.1f}"
            ),
            "LOAD:REACtive": lambda data: self._set(1, data),
            "LOAD:REACtive?": lambda data: (
                f"{number(data[0], -WATTS, WATTS) if data else self.terminals.reactive_power:.1f}"
            ),
            "SLEW:POWer": lambda data: setattr(self, "slew", number(data[0], 1e3, 1e7)),
            "SLEW:POWer?": lambda _: f"{self.slew:.0f}",
            "MACRo:LEARn": self._learn,
            "MACRo:OPERate:DWELl": self._dwell,
            "MACRo:COUNt?": lambda _: str(len(self.macro)),
            "MACRo:RUN": lambda _: self._run(),
            "MACRo:STATe?": lambda _: str(int(self._runs())),
            "MACRo:ABORt": lambda _: self._abort(),
            "MEASure:CURRent?": lambda _: f"{self.terminals.measured_amps[self.phase]:.3f}",
            "FETCh:CURRent?": lambda _: f"{self.terminals.measured_amps[self.phase]:.3f}",
            "FETCh:POWer?": lambda _: f"{self.terminals.measured_watts / 3.0:.2f}",
            "FETCh:REACtive?": lambda _: f"{self.terminals.measured_var / 3.0:.2f}",
        }

    def _set(self, which: int, data: list[str]) -> None:
        value = number(data[0], -WATTS * which, WATTS)
        if self.learning:
            self.point[which] = value
        elif self._runs():
            raise Refusal(-221)
        else:
            self._abort()
            setattr(self.terminals, ("active_power", "reactive_power")[which], value)

    def _learn(self, data: list[str]) -> None:
        self.learning = flag(data[0])
        if self.learning:
            self.macro = []

    def _dwell(self, data: list[str]) -> None:
        if not self.learning:
            raise Refusal(-221)
        if len(self.macro) >= POINTS:
            raise Refusal(-223)
        watts, var = self.point
        self.macro.append((round(1e3 * number(data[0], 0.02, 3600.0)), watts, var))

    def _run(self) -> None:
        if self.learning or not self.macro or not self.terminals.on or self._runs():
            raise Refusal(-221)
        dwells, watts, var = zip(*self.macro, strict=True)
        tangents = {round(q / p, 6) for p, q in zip(watts, var, strict=True) if p}
        if len(tangents) > 1 or any(q for p, q in zip(watts, var, strict=True) if not p):
            raise Refusal(-221)
        t = self.terminals
        t.profile = self._lines([1e-3 * dwell for dwell in dwells], watts)
        t.start, t.repeated = self.world.now(), False
        t.tangent = tangents.pop() if tangents else 0.0
        t.active_power, t.reactive_power = watts[-1], var[-1]
        self.ends = t.start + 1e-3 * sum(dwells)

    def _lines(self, dwells: Sequence[float], watts: Sequence[float]) -> Profile:
        """Return the macro as it is drawn, from the present level on: to each level at the slew."""
        begin, level = 0.0, self.terminals.active_power
        time, power = [begin], [level]
        for dwell, target in zip(dwells, watts, strict=True):
            for at in (begin + abs(target - level) / self.slew, begin + dwell):
                if at > time[-1]:
                    time.append(at)
                    power.append(target)
            begin, level = begin + dwell, target
        return Profile(np.array(time), np.array(power))

    def _runs(self) -> bool:
        return self.world.now() < self.ends - 1e-9

    def _abort(self) -> None:
        self.terminals.profile, self.ends = None, 0.0


def _only(data: list[str], *allowed: str) -> None:
    """Refuse what the box may know but this twin does not simulate."""
    word(data[0], *allowed)
