"""T4, AI load buffering: the grid takes up and gives up the load's power at a ramp, whatever the load does.

The electronic load plays excerpts of load profiles, each about its steepest edge, and a sweep of square
waves, from its own memory. What a list of so many points loses of a profile is said beside what it shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, ClassVar, Final

from hil.errors import ConfigError
from hil.limits import Limit
from hil.sequence import Sequence, Stage
from hil.steps import Arm, Disarm, FireProfile, Hold, LoadProfile, SetLoad, SwitchLoad
from hil.transient import LoadPoint

from ._buffering import SECTION, buffering, excerpt, excerpts_in, powers, settling, worst_of
from ._common import de_energise, energise, restart

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.analysis.result import Analysis, Findings
    from hil.profiles.fit import Fit
    from hil.recording import Recording
    from hil.sequence import Nominal, Stages

LOAD: Final = "servers"
MILLISECOND: Final = 1e-3
"""Dwells of a load's memory are multiples of it [s]."""
HIGH: Final = 0.9
LOW: Final = 0.3
"""Levels of the sweep, per unit of the load's rating."""
LONGEST: Final = 100.0
"""A capture of the sweep lasts no longer, unless a single frequency does [s]."""
COUNTED: Final = (0.2, 20.0)
"""Where the transfer is judged: slower swings a ramp lets through by its nature [Hz]."""
LOST: Final = 0.25
"""Largest RMS error of a list that still stands for its profile, per unit of the load's rating."""
PROFILE: Final = "profile_"
SWEEP: Final = "sweep_"


@dataclass(frozen=True)
class Buffering(Sequence):
    """T4: AI load buffering, ramp, tracking and transfer from load to grid."""

    profiles: str = (
        "training/38 training_worst/24 training_smoothed/40 ups_90_50/40 start_step/15 checkpoint/40 "
        "fault_stop/15 inference_azure/40 inference_poisson/40 gpu_3090_square/1.45 gpu_4090_step/1.15"
    )
    sweep: str = "0.05 0.1 0.2 0.5 1 2 5 10 20"
    cycles: float = 3
    rating: float = 0.96
    ramp: float = 0.15
    points: float = 100
    dwell: float = 0.02
    slew: float = 50.0
    before: float = 1.0
    after: float = 1.0
    steady: float = 2.0
    site: float = 100e6

    NAME: ClassVar[str] = "t04_buffering"
    CRITERIA: ClassVar[str] = "t04_buffering"
    OBJECTIVE: ClassVar[str] = (
        "Whatever the AI load does, the power at the grid ramps no faster than allowed, follows what the PCS "
        "declares, and keeps little of the load's swings between 0.1 and 20 Hz. A sweep shows how much of a "
        "swing reaches the grid at each frequency."
    )
    ROLES: ClassVar[Mapping[str, str]] = {LOAD: "load"}
    PARAMETERS: ClassVar[Mapping[str, tuple[str, str]]] = {
        "profiles": ("text", "profiles of `hil profile list` / length of the excerpt about its edge [s]"),
        "sweep": ("text", "frequencies of the sweep [Hz]"),
        "cycles": ("", "periods of each frequency that count; one before them settles"),
        "rating": ("pu", "of the IT load, of that of the PCS"),
        "ramp": ("pu/s", "that the PCS declares for the grid, of the load's rating"),
        "points": ("", "that the load's memory holds"),
        "dwell": ("s", "shortest of the load's memory"),
        "slew": ("pu/s", "of the load, of its rating"),
        "before": ("s", "recorded before a profile"),
        "after": ("s", "recorded after it"),
        "steady": ("s", "before the load comes"),
        "site": ("W", "that the bench stands for, for utilities' limits of variation"),
    }

    def __post_init__(self) -> None:
        """Refuse what the load's memory would not show, before anything is connected."""
        for name, low, high in (
            *(("cycles", 2, 100), ("rating", 0.1, 2.0), ("ramp", 0.01, 10.0), ("points", 2, 1e6)),
            *(("dwell", 1e-3, 1.0), ("slew", 1.0, 1e6), ("before", 0.3, 60.0), ("after", 0.1, 60.0)),
            *(("steady", 0.1, 600.0), ("site", 1e3, 1e11)),
        ):
            limit = Limit(low, high, self.PARAMETERS[name][0])
            limit.check(getattr(self, name), f"t04_buffering: {name}")
        if not float(self.cycles).is_integer():
            raise ConfigError(f"t04_buffering: cycles = {self.cycles:g} is no whole number")
        for name, length in self._excerpts().items():
            rms = self._list(name).rms
            if rms > LOST:
                raise ConfigError(
                    f"t04_buffering: profiles: {length:g} s of {name} in {self.points:g} points miss it by "
                    f"{rms:.2g} pu RMS, more than {LOST:g} pu; give a shorter excerpt"
                )
        for hertz in self._tones():
            if 0.5 / hertz < self.dwell or 2 * (self.cycles + 1) > self.points:
                raise ConfigError(
                    f"t04_buffering: sweep: {self.cycles + 1:g} periods of {hertz:g} Hz do not go into "
                    f"{self.points:g} points of at least {self.dwell:g} s"
                )

    def captures(self) -> Mapping[str, Mapping[str, float | str]]:
        """Return one capture for each profile, and as many as the sweep needs."""
        found: dict[str, Mapping[str, float | str]] = {}
        for name, length in self._excerpts().items():
            drawn = (excerpt(name, length).power[0], *self._list(name).played.power)
            swing = float(max(drawn) - min(drawn))
            found[PROFILE + name] = {"profile": name, "length": length, "swing": swing}
        for number, tones in enumerate(self._sweeps(), 1):
            shown = " ".join(f"{hertz:g}" for hertz in tones)
            found[f"{SWEEP}{number}"] = {"tones": shown, "swing": HIGH - LOW}
        return found

    def stages(self, nominal: Nominal) -> Stages:
        """Yield the stages: energise; each profile; the sweep; de-energise."""
        watts = self.rating * nominal.power
        yield Stage("energise", energise(nominal, 0.0, self.steady), "battery, grid, PCS; then the load")
        now, end = 0.0, None
        for name in self.captures():
            if end is not None and not end.pcs_running:
                yield Stage(
                    f"restart before {name}", restart(nominal, 0.0, self.steady), "the PCS has tripped"
                )
            first, points, purpose = self._played(name)
            length = sum(point.seconds for point in points)
            end = yield Stage(
                name,
                (
                    SetLoad(first * watts, name=LOAD),
                    SwitchLoad(on=True, name=LOAD),
                    Hold(settling(first - now, self.ramp)),
                    LoadProfile(tuple(LoadPoint(p.seconds, p.watts * watts) for p in points), LOAD),
                    Arm(name, poll=0.5),
                    Hold(self.before),
                    FireProfile(LOAD),
                    Hold(length + self.after),
                    Disarm(),
                ),
                purpose,
            )
            now = points[-1].watts
        off = (SwitchLoad(on=False, name=LOAD), Hold(settling(now, self.ramp)))
        yield Stage("de-energise", (*off, *de_energise()), "the load first, then the reverse order")

    def analyze(self, recording: Recording) -> Analysis:
        """Return what one capture shows of the buffering; of a sweep, what each of its tones shows too."""
        from hil.analysis.analyze import joined  # noqa: PLC0415 - scipy, which no preview needs
        from hil.analysis.survey import survey  # noqa: PLC0415 - as above

        parts = [
            survey(recording.waveform),
            *buffering(recording, self.rating, self.ramp, self.site),
            self._tones_of(recording) if recording.name.startswith(SWEEP) else self._lost(recording),
        ]
        return joined(parts, history=recording.waveform.history)

    def summarize(self, found: Mapping[str, Analysis]) -> Analysis:
        """Return all captures in a table, and the transfer from load to grid over all tones."""
        from hil.analysis.analyze import joined  # noqa: PLC0415 - scipy, which no preview needs
        from hil.analysis.buffering.tones import Tone, spectra  # noqa: PLC0415 - as above
        from hil.analysis.result import Findings, Result  # noqa: PLC0415 - as above

        rows = [row for of in found.values() for t in of.tables if t.key == "tones" for row in t.rows]
        tones = [Tone(*row) for row in rows]  # type: ignore[arg-type] # as `_tones_of` wrote them
        low, high = COUNTED
        judged = [t for t in tones if 0.99 * low <= t.frequency <= 1.01 * high]
        asked = sum(low <= hertz <= high for hertz in self._tones())
        # With what is not coherent, so no less than the gain, and known where the grid shows next to nothing
        known = [t.grid / t.load for t in judged if t.load > 0]
        whole = len(known) == asked > 0
        largest = Result(
            "transfer_largest",
            f"Largest |P grid / P load| in {low:g} .. {high:g} Hz",
            max(known) if whole else None,
            "",
            state="ok" if whole else "not determinable",
            note="" if whole else f"{len(known)} of {asked} tones were recorded",
            section=SECTION,
        )
        return joined(
            (Findings((largest,), spectra=spectra(tones) if tones else (), tables=(worst_of(found),)),)
        )

    def _excerpts(self) -> dict[str, float]:
        return excerpts_in(self.profiles, "t04_buffering: profiles")

    def _list(self, name: str) -> Fit:
        return _fit(name, self._excerpts()[name], self.points, self.dwell, self.slew)

    def _tones(self) -> tuple[float, ...]:
        try:
            found = tuple(float(word) for word in self.sweep.split())
        except ValueError:
            raise ConfigError(f"t04_buffering: sweep = {self.sweep!r}; expected frequencies in Hz") from None
        for hertz in found:
            Limit(0.01, 100.0, "Hz").check(hertz, "t04_buffering: sweep")
        return found

    def _sweeps(self) -> list[list[float]]:
        """Return the tones of each capture: as many as the memory holds, and none of it too long."""
        found: list[list[float]] = []
        for hertz in self._tones():
            tones = [*(found[-1] if found else []), hertz]
            periods = round(self.cycles) + 1
            short = periods * sum(_period(f) for f in tones) <= LONGEST
            if found and short and 2 * periods * len(tones) <= self.points:
                found[-1] = tones
            else:
                found.append([hertz])
        return found

    def _played(self, name: str) -> tuple[float, tuple[LoadPoint, ...], str]:
        """Return where the load is before it, its list, both per unit of its rating, and what they are."""
        if name.startswith(SWEEP):
            halves = [
                LoadPoint(_period(hertz) / 2, level)
                for hertz in self._sweeps()[int(name.removeprefix(SWEEP)) - 1]
                for level in (HIGH, LOW) * round(self.cycles + 1)
            ]
            return LOW, tuple(halves), f"square waves between {LOW:g} and {HIGH:g} of the load's rating"
        profile = name.removeprefix(PROFILE)
        made, whole = self._list(profile), excerpt(profile, self._excerpts()[profile])
        times = made.list.time / MILLISECOND
        dwells = [float(d) for d in (times[1:].round() - times[:-1].round())]
        points = tuple(
            LoadPoint(round(max(dwell * MILLISECOND, self.dwell), 3), float(watts))
            for dwell, watts in zip(dwells, made.list.power, strict=False)
        )
        lost = f"{len(points)} points, {100 * made.rms:.2g} % RMS from the profile"
        return float(whole.power[0]), points, f"{made.list.title}; {lost}"

    def _lost(self, recording: Recording) -> Findings:
        """Return what the load's memory loses of a profile."""
        from hil.analysis.result import Findings, Result  # noqa: PLC0415 - no preview needs it

        made = self._list(str(recording.parameters["profile"]))
        said = (
            ("list_points", "Points of the list that the load plays", float(len(made.list) - 1), ""),
            ("list_error_rms", "List less profile, RMS, per unit of the rating", made.rms, "pu"),
            ("list_error_max", "List less profile, largest", made.worst, "pu"),
            ("list_energy", "Energy of the list less that of the profile", 100 * made.energy, "%"),
        )
        note = f"what {self.points:g} points of at least {self.dwell:g} s lose of {made.list.title}"
        return Findings(
            tuple(Result(key, title, of, unit, note=note, section=SECTION) for key, title, of, unit in said)
        )

    def _tones_of(self, recording: Recording) -> Findings:
        """Return what reaches the grid at each tone of a capture; the first edge up is where they begin."""
        import numpy as np  # noqa: PLC0415 - no preview needs it

        from hil.analysis.buffering.tones import tone  # noqa: PLC0415 - as above
        from hil.analysis.result import Findings, Table  # noqa: PLC0415 - as above

        _, rate, load, grid, _ = powers(recording)
        middle = self.rating * recording.nominal["power"] * (HIGH + LOW) / 2
        begin = int(np.argmax(load > middle)) / rate  # 0 where the load never rose: no tone will be coherent
        rows = []
        for word in str(recording.parameters["tones"]).split():
            period = _period(float(word))
            found = tone(load, grid, rate, begin + period, period, round(self.cycles))
            if found is not None:
                rows.append((found.frequency, found.load, found.grid, found.gain, found.coherence))
            begin += (round(self.cycles) + 1) * period
        columns = ("Frequency", "Load, amplitude", "Grid, amplitude", "Grid over load", "Coherence")
        return Findings(
            tables=(Table("tones", "Tones", columns, ("Hz", "W", "W", "", ""), tuple(rows), SECTION),)
        )


def _period(hertz: float) -> float:
    """Return the period of a tone [s]: two dwells of whole milliseconds."""
    return 2 * round(0.5 / hertz / MILLISECOND) * MILLISECOND


@cache  # as for the excerpts
def _fit(name: str, length: float, points: float, dwell: float, slew: float) -> Fit:
    """Return the list of the load's memory for an excerpt, per unit of the load's rating."""
    from hil.profiles.fit import Instrument, fit  # noqa: PLC0415 - no preview of other tests needs it
    from hil.profiles.scale import rated  # noqa: PLC0415 - as above

    whole = Limit(dwell, 3600.0, "s")
    memory = Instrument(round(points), whole, Limit(0.0, 1.0 + 1e-9, "W"), slew, 0.5 / dwell, held=True)
    return fit(rated(excerpt(name, length), 1.0), memory)
