"""T3, current limiting: in deep sags and overload the PCS keeps its limit, and the power that comes first.

Under each priority - active power, reactive power, both alike - a deep sag, and a shallow one at
full active and reactive power, ask for more current than there is. That a hard limit and the
control about it do not swing against each other shows in the spectrum of the current.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from hil.errors import ConfigError
from hil.limits import Limit
from hil.sequence import Sequence, Stage
from hil.steps import ByHand
from hil.transient import ListPoint

from ._common import bring_to, de_energise, energise, recorded, restart, sags_in
from ._tables import overview

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.analysis.result import Analysis
    from hil.recording import Recording
    from hil.sequence import Nominal, Stages

SHORTEST = 1.0
"""What is left of it after half a second shall show a swing of a few hertz [s]."""
LEAST = 0.1
"""Power whose share of the limit can be told [pu]."""
TOLD = 0.02
"""Least difference between the currents under P and under Q priority in which a place can be told [pu]."""
BACK = 0.90
"""Part of the active power that counts as back."""
WORDS = {"P": "active power", "Q": "reactive power", "mixed": "neither"}
"""Priorities, and what comes first."""
SHOWN = {
    "limited_active": ("I_P", "pu"),
    "limited_reactive": ("I_Q", "pu"),
    "priority_share": ("First, of its part", "%"),
    "limit_excess": ("Above the limit", "pu"),
    "limit_cycle": ("Swing", "pu"),
    "power_back": ("P back", "s"),
}
"""Results that the summary's table shows."""


@dataclass(frozen=True)
class CurrentLimit(Sequence):
    """T3: current limiting under active, reactive and mixed priority."""

    limit: float = 1.2
    priorities: str = "P Q mixed"
    sags: str = "0.27/1.2 0.52/3.0"
    overload: float = 0.91
    overload_time: float = 3.0
    power: float = 1.0
    reactive: float = 0.6
    before: float = 1.0
    after: float = 3.0
    steady: float = 5.0
    apart: float = 10.0

    NAME: ClassVar[str] = "t03_current_limit"
    CRITERIA: ClassVar[str] = "t03_current_limit"
    OBJECTIVE: ClassVar[str] = (
        "Where a sag or an overload asks for more current than the PCS has, it keeps its declared limit and "
        "gives what the limit allows to the power that has priority. It does not swing at the limit, and "
        "comes back without overshoot."
    )
    PARAMETERS: ClassVar[Mapping[str, tuple[str, str]]] = {
        "limit": ("pu", "declared current limit of the PCS, of its rated current"),
        "priorities": ("text", 'which come in turn, such as "P Q mixed"'),
        "sags": (
            "text",
            "sags in all phases: residual voltage [pu] / time [s], inside the ride-through envelope",
        ),
        "overload": ("pu", "voltage at which the powers below are an overload, inside the continuous range"),
        "overload_time": ("s", "how long it lasts"),
        "power": ("pu", "active power set point, positive towards the grid"),
        "reactive": ("pu", "reactive power set point, positive overexcited"),
        "before": ("s", "recorded before"),
        "after": ("s", "recorded after"),
        "steady": ("s", "at the set points before the first"),
        "apart": ("s", "between them"),
    }

    def __post_init__(self) -> None:
        """Refuse what would not reach the limit, before anything is connected."""
        for name, low, high in (
            *(("limit", 0.5, 3.0), ("overload", 0.9, 1.0), ("power", -1.5, 1.5), ("reactive", -1.5, 1.5)),
            *(("overload_time", SHORTEST, 30.0), ("before", 0.3, 60.0), ("after", 1.2, 60.0)),
            *(("steady", 0.1, 600.0), ("apart", 0.1, 600.0)),
        ):
            Limit(low, high, self.PARAMETERS[name][0]).check(
                getattr(self, name), f"t03_current_limit: {name}"
            )
        words = self.priorities.split()
        if not words or not set(words) <= set(WORDS) or len(set(words)) < len(words):
            expected = f"expected words out of {', '.join(WORDS)}"
            raise ConfigError(f"t03_current_limit: priorities = {self.priorities!r}; {expected}")
        for residual, seconds in self._sags():
            Limit(0.1, 0.9, "pu").check(residual, "t03_current_limit: sags, voltage")
            Limit(SHORTEST, 60.0, "s").check(seconds, "t03_current_limit: sags, time")
        for priority, power in (("P", self.power), ("Q", self.reactive)):
            if priority in words and abs(power) < LEAST:
                raise ConfigError(
                    f"t03_current_limit: priorities = {self.priorities!r}: {WORDS[priority]} comes first, "
                    f"and {power:g} pu of it is asked for; give {LEAST:g} pu at least"
                )
        asked = abs(complex(self.power, self.reactive)) / self.overload
        if asked < 1.02 * self.limit:
            raise ConfigError(
                f"t03_current_limit: {self.power:g} and {self.reactive:g} pu at {self.overload:g} pu ask for "
                f"{asked:.3g} pu of current, which is no overload of a limit of {self.limit:g} pu"
            )

    def captures(self) -> Mapping[str, Mapping[str, float | str]]:
        """Return each capture's name and the parameters that its criteria refer to."""
        return {
            f"{kind}_{priority}": {
                "residual": residual,
                "duration": seconds,
                "priority": priority,
                "limit": self.limit,
                "power": self.power,
                "reactive": self.reactive,
            }
            for priority in self.priorities.split()
            for kind, (residual, seconds) in self._kinds().items()
        }

    def stages(self, nominal: Nominal) -> Stages:
        """Yield the stages: energise; the sags and the overload under each priority; de-energise."""
        watts, var = self.power * nominal.power, self.reactive * nominal.power
        yield Stage("energise", energise(nominal, 0.0, 0.1), "battery, grid, PCS")
        end = None
        for priority in self.priorities.split():
            what = f"Set the priority of the PCS at its current limit to {priority} ({WORDS[priority]} first)"
            steps = (ByHand(what, "pcs", {"priority": priority}), *bring_to(nominal, watts, self.steady, var))
            yield Stage(f"priority {priority}", steps, f"{WORDS[priority]} first")
            for kind, (residual, seconds) in self._kinds().items():
                name = f"{kind}_{priority}"
                if end is not None and not end.pcs_running:
                    again = restart(nominal, watts, self.steady, var)
                    yield Stage(f"restart before {name}", again, "the PCS has tripped")
                volts = nominal.phase_voltage
                low = residual * volts
                points = (
                    ListPoint(seconds, (low, low, low), nominal.frequency),
                    ListPoint(0.1, (volts, volts, volts), nominal.frequency),
                )
                steps = recorded(name, points, self.before, self.after, self.apart)
                end = yield Stage(name, steps, f"{residual:g} pu in all phases for {seconds:g} s")
        yield Stage("de-energise", de_energise(), "the reverse order")

    def analyze(self, recording: Recording) -> Analysis:
        """Return what one capture shows: the sag, and the current at its limit."""
        from hil.analysis.analyze import joined  # noqa: PLC0415 - scipy, which no preview needs
        from hil.analysis.event.disturbances import disturbance_findings  # noqa: PLC0415 - as above
        from hil.analysis.event.limiting import Asked, limiting_findings  # noqa: PLC0415 - as above
        from hil.analysis.result import Findings  # noqa: PLC0415 - as above

        found = super().analyze(recording)
        given = recording.parameters
        asked = Asked(
            power=float(given["power"]),
            reactive=float(given["reactive"]),
            limit=float(given["limit"]),
            first=str(given["priority"]),
        )
        limiting = limiting_findings(
            recording.waveform,
            recording.nominal["frequency"],
            recording.nominal["phase_voltage"],
            recording.rated_current,
            asked,
            float(given["duration"]),
        )
        ridden = disturbance_findings(
            recording.waveform,
            recording.nominal["frequency"],
            recording.nominal["power"],
            [(0.0, float(given["duration"]))],
            BACK,
        )
        parts = [Findings(found.results, found.series, found.spectra, found.tables), limiting, ridden]
        return joined(parts, history=found.history, warnings=found.warnings)

    def summarize(self, found: Mapping[str, Analysis]) -> Analysis | None:
        """Return every event in a row, and whether a mixed priority is one; None where not all three are set.

        Beside what was commanded the unit may support the voltage: how much of each current it was
        asked for is not known. That neither comes first shows beside the overloads in which one does.
        """
        from hil.analysis.result import Analysis, Result  # noqa: PLC0415 - numpy, as above

        if set(self.priorities.split()) < set(WORDS):
            return None
        taken = {word: found.get(f"overload_{word}") for word in WORDS}
        amps = {word: one["limited_active"].value for word, one in taken.items() if one is not None}
        known = {word: value for word, value in amps.items() if isinstance(value, float)}
        span = known["P"] - known["Q"] if len(known) == len(WORDS) else 0.0
        told = abs(span) >= TOLD
        place = Result(
            "mixed_place",
            "Active current in the overload, mixed, from that of Q first to that of P first",
            100 * (known["mixed"] - known["Q"]) / span if told else None,
            "%",
            state="ok" if told else "not determinable",
            note=", ".join(f"{value:.3f} pu under {word}" for word, value in known.items()),
            section="Ride-through",
        )
        return Analysis((place,), tables=(overview(found, "Event by event", SHOWN, "Event", "Ride-through"),))

    def _sags(self) -> tuple[tuple[float, float], ...]:
        return sags_in(self.sags, "t03_current_limit: sags")

    def _kinds(self) -> dict[str, tuple[float, float]]:
        """Return the kinds of events, their residual voltages [pu] and times [s]."""
        sags = {f"sag_{round(100 * residual):03d}": (residual, seconds) for residual, seconds in self._sags()}
        return {**sags, "overload": (self.overload, self.overload_time)}
