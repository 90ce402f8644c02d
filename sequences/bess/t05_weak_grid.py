"""T5, AI load buffering in a weak grid, by EMT model: T4's limits at a short-circuit ratio of 2, and below.

The plant of the bench file plays excerpts of load profiles behind the impedance of the weak grid. A step
of the load shows the modes. Then the grid is made weaker and weaker under one square profile, until a
limit is broken: the lowest short-circuit ratio that holds is a result, with what was left to its limits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import takewhile
from typing import TYPE_CHECKING, ClassVar, Final

from hil.errors import ConfigError
from hil.limits import Limit
from hil.sequence import Sequence

from ._buffering import SECTION, buffering, excerpt, excerpts_in, powers, settling, value, worst_of
from ._model import energise

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.analysis.result import Analysis, Cell, Findings, Table
    from hil.compliance.verdict import Verdict
    from hil.profiles.profile import Profile
    from hil.recording import Recording
    from hil.sequence import Model

RUNS: Final = 1.0
"""Given to the PCS to start [s]."""
BEFORE: Final = 0.5
"""Recorded before a profile or a step [s]."""
FROM: Final = 0.3
TO: Final = 0.9
"""Load before and after the step, and levels of the ladder's square profile [pu]."""
EDGE: Final = 5e-3
"""Of step and square [s]."""
RINGS: Final = (0.05, 3.0)
"""When modes are looked for, after the step: past its edge, and before the grid has taken it up [s]."""
RESIDUAL: Final = (5.0, 7.0)
"""When nothing may swing any more, after the step [s]."""
BAND: Final = (0.1, 30.0)
"""Of modes and of the residual oscillation [Hz]."""
PROFILE: Final = "weak_"
STEP: Final = "weak_step"
RUNG: Final = "scr_"


@dataclass(frozen=True)
class WeakGrid(Sequence):
    """T5: AI load buffering in a weak grid, by EMT model."""

    scr: float = 2.0
    profiles: str = (
        "training/20 training_worst/10 ups_90_50/20 start_step/9 checkpoint/28 fault_stop/9 "
        "inference_azure/20 gpu_3090_square/1.45 gpu_4090_step/1.15"
    )
    ladder: str = "2 1.8 1.6 1.5 1.4 1.3 1.2 1.1"
    square: float = 3.0
    rating: float = 0.96
    ramp: float = 0.15
    site: float = 100e6

    NAME: ClassVar[str] = "t05_weak_grid"
    CRITERIA: ClassVar[str] = "t05_weak_grid"
    BENCH: ClassVar[bool] = False
    OBJECTIVE: ClassVar[str] = (
        "At a short-circuit ratio of 2 the PCS buffers the AI load as in a strong grid, keeps the voltage at "
        "its terminals, does not trip, and leaves every mode damped. How much weaker it may be is found; "
        "failing this test fails the qualification."
    )
    PARAMETERS: ClassVar[Mapping[str, tuple[str, str]]] = {
        "scr": ("", "short-circuit ratio at which everything must hold"),
        "profiles": ("text", "profiles of `hil profile list` / length of the excerpt about its edge [s]"),
        "ladder": ("text", "short-circuit ratios, falling, at which the square profile is played"),
        "square": ("s", "length of the square profile on each"),
        "rating": ("pu", "of the IT load, of that of the PCS"),
        "ramp": ("pu/s", "that the PCS declares for the grid, of the load's rating"),
        "site": ("W", "that the model stands for, for utilities' limits of variation"),
    }

    def __post_init__(self) -> None:
        """Refuse what is no ladder, before the plant is built."""
        for name, low, high in (
            *(("scr", 0.5, 100.0), ("square", 2.0, 60.0), ("rating", 0.1, 2.0), ("ramp", 0.01, 10.0)),
            ("site", 1e3, 1e11),
        ):
            limit = Limit(low, high, self.PARAMETERS[name][0])
            limit.check(getattr(self, name), f"t05_weak_grid: {name}")
        for name, length in self._excerpts().items():
            excerpt(name, length)
        rungs = self._rungs()
        hundredths = [round(100 * scr) for scr in rungs]  # by which captures are named
        if hundredths != sorted(set(hundredths), reverse=True) or not rungs:
            raise ConfigError(
                f"t05_weak_grid: ladder = {self.ladder!r}; expected ratios that fall, by a hundredth at "
                "least, such as 2 1.5"
            )

    def captures(self) -> Mapping[str, Mapping[str, float | str]]:
        """Return one capture for each profile, that of the step, and one for each rung of the ladder."""
        found: dict[str, Mapping[str, float | str]] = {}
        for name, length in self._excerpts().items():
            power = excerpt(name, length).power
            swing = float(power.max() - power.min())
            found[PROFILE + name] = {"profile": name, "length": length, "swing": swing, "scr": self.scr}
        found[STEP] = {"swing": TO - FROM, "scr": self.scr}
        for scr in self._rungs():
            found[_name(scr)] = {"swing": TO - FROM, "scr": scr}
        return {name: {**given, "by": "model"} for name, given in found.items()}

    def simulate(self, model: Model) -> None:
        """Play profiles and step at the ratio asked for, then the square profile on each rung."""
        import numpy as np  # noqa: PLC0415 - no preview needs it

        from hil.profiles.generate import square  # noqa: PLC0415 - as above
        from hil.profiles.profile import Profile  # noqa: PLC0415 - as above

        for name, length in self._excerpts().items():
            self._play(model, PROFILE + name, self.scr, excerpt(name, length))
        time = np.array([0.0, EDGE, RESIDUAL[1]])
        self._play(model, STEP, self.scr, Profile(time, np.array([FROM, TO, TO]), unit="pu"))
        made = square(1.0, 0.3, TO, FROM, EDGE, self.square)
        made = replace(made, power=TO + FROM - made.power)  # from the high level on, where the grid is loaded
        for scr in self._rungs():
            self._play(model, _name(scr), scr, made)

    def _play(self, model: Model, name: str, scr: float, profile: Profile) -> None:
        """Record a profile, once the model has settled at its first power."""
        watts, first = self.rating * model.nominal.power, float(profile.power[0])
        model.start(scr=scr)
        energise(model)
        model.advance(RUNS)  # a PCS that does not run by then, or trips, is recorded as it is
        model.set("load", on=True, active_power=first * watts)
        model.advance(settling(first, self.ramp))
        with model.record(name):
            model.advance(BEFORE)
            played = replace(profile, power=profile.power * watts, unit="W")
            model.set("load", profile=played)
            model.advance(profile.duration)

    def analyze(self, recording: Recording) -> Analysis:
        """Return what one capture shows of the buffering; that of the step, what rings too."""
        from hil.analysis.analyze import joined  # noqa: PLC0415 - scipy, which no preview needs
        from hil.analysis.survey import survey  # noqa: PLC0415 - as above

        parts = [survey(recording.waveform), *buffering(recording, self.rating, self.ramp, self.site)]
        if recording.name == STEP:
            parts.append(self._rung_down(recording))
        return joined(parts, history=recording.waveform.history)

    def summarize(self, found: Mapping[str, Analysis]) -> Analysis:
        """Return all captures in a table, and how far down the ladder the limits hold."""
        from hil.analysis.analyze import joined  # noqa: PLC0415 - scipy, which no preview needs
        from hil.analysis.result import Findings, Result  # noqa: PLC0415 - as above

        rungs = [(scr, self._verdicts(_name(scr), found)) for scr in self._rungs() if _name(scr) in found]
        held = list(takewhile(lambda rung: not _broken(rung[1]), rungs))
        lowest, left = (held[-1][0], _least(held[-1][1])) if held else (None, (None, ""))
        state = "ok" if held else "none holds"
        results = (
            Result(
                "lowest_scr", "Lowest short-circuit ratio that holds", lowest, state=state, section=SECTION
            ),
            Result(
                "lowest_scr_margin",
                "What is left to the nearest limit there, of the limit",
                left[0],
                "%",
                state=state,
                note=left[1],
                section=SECTION,
            ),
        )
        return joined((Findings(results, tables=(self._table(rungs, found), worst_of(found))),))

    def _table(self, rungs: list[tuple[float, tuple[Verdict, ...]]], found: Mapping[str, Analysis]) -> Table:
        from hil.analysis.result import Table  # noqa: PLC0415 - no preview needs it

        shown = ("grid_ramp_100ms", "tracking_error_rms", "energy_share", "voltage_lowest", "voltage_highest")
        rows: list[tuple[Cell, ...]] = []
        for scr, verdicts in rungs:
            broken = ", ".join(v.title for v in _broken(verdicts))
            margin, nearest = _least(verdicts)
            values = (value(found[_name(scr)], key) for key in shown)
            rows.append((scr, *values, margin, nearest, broken or "none"))
        columns = (
            "SCR",
            "Ramp, 100 ms",
            "Tracking error",
            "Energy",
            "Lowest U",
            "Highest U",
            "Left",
            "Of the limit",
            "Broken",
        )
        units = ("", "pu/s", "pu", "%", "pu", "pu", "%", "", "")
        note = (
            "square profile, 90 and 30 % of the rating, 1 Hz, edges of 5 ms; limits as at the ratio asked for"
        )
        return Table(
            "ladder", "Down the short-circuit ratios", columns, units, tuple(rows), SECTION, note=note
        )

    def _verdicts(self, name: str, found: Mapping[str, Analysis]) -> tuple[Verdict, ...]:
        """Return how a rung stands against the shipped limits of the ratio asked for."""
        from hil.compliance.verdict import judge_all, load_criteria  # noqa: PLC0415 - no preview needs it

        asked = [
            c for c in load_criteria(self.CRITERIA) if not c.condition and c.applies_to(f"{PROFILE}training")
        ]
        return judge_all(asked, found[name], self.captures()[name])

    def _rung_down(self, recording: Recording) -> Findings:
        """Return the modes of the grid's power after the step, and what swings at the end."""
        import numpy as np  # noqa: PLC0415 - no preview needs it

        from hil.analysis.result import Result  # noqa: PLC0415 - as above
        from hil.analysis.stability.findings import mode_findings  # noqa: PLC0415 - as above
        from hil.analysis.stability.modes import modes  # noqa: PLC0415 - as above

        start, rate, load, grid, _ = powers(recording)
        step = int(np.argmax(load > self.rating * recording.nominal["power"] * (FROM + TO) / 2))
        first, last = (step + round(t * rate) for t in RINGS)
        span = (start + first / rate, start + last / rate)
        found = mode_findings(
            modes(grid[first:last], rate, band=BAND),
            key="grid",
            title="Power at the grid",
            unit="W",
            window=span,
        )
        first, last = (step + round(t * rate) for t in RESIDUAL)
        rest, left = grid[first:last], None
        if rest.size > 0.9 * (last - first):  # the record may end with the profile
            line = np.polynomial.Polynomial.fit(np.arange(rest.size), rest, 1)(np.arange(rest.size))
            left = 100 * float(np.abs(rest - line).max()) / recording.nominal["power"]
        swing = Result(
            "residual_oscillation",
            "Residual oscillation 5 s after the step, of rating",
            left,
            "%",
            state="ok" if left is not None else "record too short",
            method="largest deviation from a straight line over 2 s",
            section="Stability",
        )
        return replace(found, results=(*found.results, swing))

    def _excerpts(self) -> dict[str, float]:
        return excerpts_in(self.profiles, "t05_weak_grid: profiles")

    def _rungs(self) -> tuple[float, ...]:
        try:
            found = tuple(float(word) for word in self.ladder.split())
        except ValueError:
            raise ConfigError(
                f"t05_weak_grid: ladder = {self.ladder!r}; expected ratios, such as 2 1.5"
            ) from None
        for scr in found:
            Limit(0.5, 100.0, "").check(scr, "t05_weak_grid: ladder")
        return found


def _name(scr: float) -> str:
    return f"{RUNG}{round(100 * scr):03d}"


def _broken(verdicts: tuple[Verdict, ...]) -> list[Verdict]:
    """Return the limits that do not hold; what could not be determined does not."""
    return [v for v in verdicts if v.required and v.outcome != "PASS"]


def _least(verdicts: tuple[Verdict, ...]) -> tuple[float | None, str]:
    """Return the least margin, of its limit or of half the width of its range [%], and whose it is."""
    known = [
        (100 * v.margin / (v.high if v.low is None else (v.high - v.low) / 2), v.title)
        for v in verdicts
        if v.margin is not None and v.high is not None
    ]
    return min(known, default=(None, ""))
