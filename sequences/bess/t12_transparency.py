"""T12, control transparency: whether the model of the PCS is the PCS, and what its impedance says.

The same events are played on the bench and on the model, and their powers compared. At some operating
points small injections into the model give its dq impedance, and that its stability on a weak grid.
The model of the comparison is the unit as the bench file states it; a flaw is in what the bench has,
and in the unit whose impedance is taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import degrees, hypot
from typing import TYPE_CHECKING, Any, ClassVar

from hil.errors import ConfigError
from hil.limits import Limit
from hil.sequence import Sequence, Stage
from hil.steps import Arm, Disarm, Fire, Hold, LoadTransient, SetPower
from hil.transient import ListPoint

from ._common import de_energise, energise, restart
from ._model import settle

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from hil.analysis.result import Analysis, Findings
    from hil.recording import Recording, Value
    from hil.sequence import Model, Nominal, Stages

MODEL = "_model"
"""How the captures end that the model gives of an event."""
PHASES = ("a", "b", "c")
EDGE = 0.05
"""Left out at both ends of a capture: its first value is a cycle in, and links take their time [s]."""
TONES, HIGHEST = 80, 3000.0
"""Injected at once: how many frequencies at most, and the highest of them, in dq [Hz]."""
HARMONICS = (1, 2, 6, 12)
"""Of the rated frequency: dq frequencies that belong to unbalance and harmonics."""
CLEAR, APART = 5, 3
"""How far the injections stay from those and from one another, in lines of the spectrum: a window widens
each to two."""
DRAWS = 32
"""Sets of phases that are drawn for the injection; that with the lowest crest is taken."""
PULSE = 150e-6
"""How long the source holds a value of the injection [s]."""
KNOWN = 90.0
"""Share of the frequencies at which the impedance of an operating point must be determined to count [%]."""


@dataclass(frozen=True)
class Transparency(Sequence):
    """T12: control transparency, the model beside the bench, and the impedance of the model."""

    events: str = "sag_abc sag_ab sag_a jump step"
    residual: float = 0.5
    jump: float = 10.0
    step: float = 0.3
    duration: float = 0.5
    power: float = 0.8
    points: str = "1/0 0.5/0 -0.5/0 -1/0 0.8/0.4 0.8/-0.4"
    scr: float = 2.0
    x_over_r: float = 10.0
    amplitude: float = 0.002
    sweep: float = 1.0
    before: float = 1.0
    after: float = 4.0
    steady: float = 5.0
    apart: float = 10.0

    NAME: ClassVar[str] = "t12_transparency"
    CRITERIA: ClassVar[str] = "t12_transparency"
    OBJECTIVE: ClassVar[str] = (
        "The model that comes with the PCS responds to sags, jumps of phase and steps of power as the PCS on "
        "the bench does, and every parameter of it is stated. Its impedance in the dq frame leaves margins "
        "on a grid with a short-circuit ratio of 2."
    )
    PARAMETERS: ClassVar[Mapping[str, tuple[str, str]]] = {
        "events": ("text", "what is compared: sag_ and the phases that sag, jump, step"),
        "residual": ("pu", "voltage that is left in the sagged phases"),
        "jump": ("deg", "jump of phase"),
        "step": ("pu", "active power during the step"),
        "duration": ("s", "how long each event lasts before all is as it was"),
        "power": ("pu", "active power of the PCS before and after"),
        "points": ("text", "operating points of the impedance: active/reactive power [pu]"),
        "scr": ("", "short-circuit ratio of the grid that the margins are on"),
        "x_over_r": ("", "X/R of that grid"),
        "amplitude": ("pu", "of each frequency injected into the voltage"),
        "sweep": ("s", "injected in each axis; four periods of the lowest frequency"),
        "before": ("s", "recorded before each event"),
        "after": ("s", "recorded after it"),
        "steady": ("s", "at the set power before the first event"),
        "apart": ("s", "between events; each shall stand alone"),
    }

    def __post_init__(self) -> None:
        """Refuse what is no such event or point, before anything is connected."""
        words = self.events.split()
        sags = {f"sag_{phases}" for phases in ("a", "b", "c", "ab", "bc", "ac", "abc")}
        if not words or not set(words) <= sags | {"jump", "step"} or len(set(words)) < len(words):
            raise ConfigError(
                f"t12_transparency: events = {self.events!r}; "
                'expected words such as "sag_abc sag_a jump step", each once'
            )
        if len(points := self._points()) != len(set(points)):
            raise ConfigError(f"t12_transparency: points = {self.points!r} names one twice")
        for active, reactive in points:
            Limit(0.0, 1.1, "pu").check(hypot(active, reactive), "t12_transparency: points, apparent power")
        for name, low, high in (
            *(("residual", 0.0, 0.9), ("jump", 1.0, 60.0), ("step", -1.0, 1.0), ("power", -1.0, 1.0)),
            *(
                ("duration", 0.1, 10.0),
                ("scr", 1.0, 100.0),
                ("x_over_r", 0.1, 100.0),
                ("amplitude", 1e-4, 0.02),
            ),
            *(("sweep", 0.5, 20.0), ("before", 0.2, 60.0), ("after", 0.5, 60.0), ("steady", 0.1, 600.0)),
            ("apart", 0.1, 600.0),
        ):
            Limit(low, high, self.PARAMETERS[name][0]).check(getattr(self, name), f"t12_transparency: {name}")

    def _points(self) -> list[tuple[float, float]]:
        """Return active and reactive power of each operating point [pu]."""
        try:
            return [(float(p), float(q)) for p, q in (word.split("/") for word in self.points.split())]
        except ValueError:
            raise ConfigError(
                f"t12_transparency: points = {self.points!r}; "
                'expected active/reactive power, such as "1/0 0.8/-0.4"'
            ) from None

    def captures(self) -> Mapping[str, Mapping[str, float | str]]:
        """Return those of the bench, then those by model."""
        events = self.events.split()
        return {
            **{name: {"duration": self.duration, "power": self.power} for name in events},
            **{
                f"{name}{MODEL}": {"duration": self.duration, "power": self.power, "by": "model"}
                for name in events
            },
            **{
                f"impedance_{number}": {"active_power": p, "reactive_power": q, "by": "model"}
                for number, (p, q) in enumerate(self._points(), 1)
            },
        }

    def stages(self, nominal: Nominal) -> Stages:
        """Yield the stages: energise, one for each event, de-energise."""
        watts = self.power * nominal.power
        end = yield Stage("energise", energise(nominal, watts, self.steady), "battery, grid, then the PCS")
        for name in self.events.split():
            if end is not None and not end.pcs_running:
                end = yield Stage(
                    f"restart before {name}", restart(nominal, watts, self.steady), "the PCS has tripped"
                )
            if name == "step":
                happens: tuple[Any, ...] = (
                    *(Arm(name), Hold(self.before), SetPower(self.step * nominal.power)),
                    *(Hold(self.duration), SetPower(watts), Hold(self.after)),
                )
            else:
                happens = (
                    *(LoadTransient(self._transient(name, nominal)), Arm(name), Hold(self.before)),
                    *(Fire(), Hold(self.duration + self.after)),
                )
            end = yield Stage(
                name, (*happens, Disarm(), Hold(self.apart)), "what the model is then compared with"
            )
        yield Stage("de-energise", de_energise(), "the reverse order")

    def _transient(self, event: str, nominal: Nominal) -> tuple[ListPoint, ...]:
        """Return what the source plays; for a step of power nothing but the trigger."""
        volts, hertz = nominal.phase_voltage, nominal.frequency
        sagged = event.removeprefix("sag_") if event.startswith("sag_") else ""
        a, b, c = (volts * (self.residual if phase in sagged else 1.0) for phase in PHASES)
        turned = self.jump if event == "jump" else 0.0
        return (
            ListPoint(self.duration, (a, b, c), hertz, (turned, turned, turned)),
            ListPoint(self.after, (volts, volts, volts), hertz),
        )

    def simulate(self, model: Model) -> None:
        """Play the events on the unit as stated, and inject into it as it is."""
        rated = model.nominal
        for name in self.events.split():
            model.start(flawed=False)
            settle(model, self.power * rated.power, 0.0, self.steady)
            with model.record(f"{name}{MODEL}"):
                model.advance(self.before)
                model.play(self._transient(name, rated))
                if name == "step":
                    model.set("pcs", active_power=self.step * rated.power)
                model.advance(self.duration)
                model.set("pcs", active_power=self.power * rated.power)
                model.advance(self.after)
        for number, (active, reactive) in enumerate(self._points(), 1):
            model.start()
            settle(model, active * rated.power, reactive * rated.power, self.steady)
            with model.record(f"impedance_{number}"):
                model.advance(EDGE)
                model.play(self._injection(rated))
                model.advance(2 * self._axis() + EDGE)

    def _axis(self) -> float:
        """Return how long one axis takes: in a quarter of the sweep the transient dies down before it [s]."""
        return 1.25 * self.sweep

    def frequencies(self, hertz: float) -> NDArray[np.float64]:
        """Return the frequencies of the injection in dq: whole multiples of one over the sweep [Hz]."""
        import numpy as np  # noqa: PLC0415 - no preview needs it

        away, lines = np.multiply(HARMONICS, hertz * self.sweep), [4.0]
        for line in np.round(np.geomspace(4, HIGHEST * self.sweep, TONES)).tolist():
            if line >= lines[-1] + APART:
                lines.append(line)
        clear = np.abs(np.subtract.outer(lines, away)).min(axis=1) >= CLEAR
        chosen: NDArray[np.float64] = np.array(lines)[clear] / self.sweep
        return chosen

    def _injection(self, nominal: Nominal) -> tuple[ListPoint, ...]:
        """Return all frequencies at once, their phases such that the crest is low, first on d, then on q."""
        import numpy as np  # noqa: PLC0415 - no preview needs it

        tones = self.frequencies(nominal.frequency)
        time = np.arange(round(self._axis() / PULSE)) * PULSE
        turns = np.exp(2j * np.pi * np.outer(time, tones))
        drawn = np.random.default_rng(0).uniform(0, 2 * np.pi, (tones.size, DRAWS))
        waves = self.amplitude * (turns @ np.exp(1j * drawn)).real
        wave = waves[:, np.abs(waves).max(axis=0).argmin()]
        volts, hertz = nominal.phase_voltage, nominal.frequency
        on_d = (ListPoint(PULSE, (volts * (1 + x),) * 3, hertz) for x in wave.tolist())
        on_q = (ListPoint(PULSE, (volts,) * 3, hertz, (degrees(x),) * 3) for x in wave.tolist())
        return (*on_d, *on_q)

    def analyze(self, recording: Recording) -> Analysis:
        """Return the powers over time from the event on, or the impedance at an operating point."""
        from hil.analysis.analyze import joined  # noqa: PLC0415 - scipy, which no preview needs
        from hil.analysis.comparison import curves  # noqa: PLC0415 - as above
        from hil.analysis.survey import survey  # noqa: PLC0415 - as above

        waveform, nominal = recording.waveform, recording.nominal
        parts = [survey(waveform)]
        if recording.name.startswith("impedance_"):
            parts += self._impedance(recording)
        else:
            parts.append(curves(waveform, nominal, _event(recording)))
        if recording.name.endswith(MODEL):
            parts.append(_made_of(recording))
        return joined(parts, history=waveform.history)

    def _impedance(self, recording: Recording) -> tuple[Findings, ...]:
        """Return impedance, margins and passivity from the injections on d and on q."""
        from hil.analysis.result import Findings, Result  # noqa: PLC0415 - no preview needs it
        from hil.analysis.stability.grid_stability import Grid, impedance_findings  # noqa: PLC0415 - as above
        from hil.analysis.stability.margins import margin_findings  # noqa: PLC0415 - as above
        from hil.analysis.stability.sweep import swept_impedance  # noqa: PLC0415 - as above

        rated = recording.nominal
        p, q = (recording.parameters[name] for name in ("active_power", "reactive_power"))
        impedance = swept_impedance(
            recording.waveform,
            self.frequencies(rated["frequency"]).tolist(),
            (self._axis() - self.sweep, 2 * self._axis() - self.sweep),
            self.sweep,
            f"P {p:g} pu, Q {q:g} pu",
        )
        ratios = tuple(sorted({10.0, 5.0, 3.0, self.scr}, reverse=True))
        grid = Grid(rated["power"], rated["voltage"], self.x_over_r, ratios)
        title = "Frequencies at which the impedance is determined"
        known = Result(
            "impedance_known", title, 100 * float(impedance.known.mean()), "%", section="Stability"
        )
        return (
            margin_findings(impedance, grid, self.scr),
            impedance_findings((impedance,), grid),
            Findings((known,)),
        )

    def summarize(self, found: Mapping[str, Analysis]) -> Analysis:
        """Return how far the model is from the bench, its parameters, and where its impedance is known."""
        from hil.analysis.analyze import joined  # noqa: PLC0415 - scipy, which no preview needs
        from hil.analysis.comparison import compare  # noqa: PLC0415 - as above
        from hil.analysis.result import Findings, Result  # noqa: PLC0415 - as above

        pairs = {name: (found.get(name), found.get(f"{name}{MODEL}")) for name in self.events.split()}
        spans = {
            "before": (EDGE - self.before, 0.0),
            "during": (0.0, self.duration),
            "after": (self.duration, self.duration + self.after - EDGE),
        }
        shares = [of["impedance_known"].value for name, of in found.items() if name.startswith("impedance_")]
        known = sum(isinstance(share, float) and share >= KNOWN for share in shares)
        title = "Operating points at which the impedance is known"
        points = Result(
            "operating_points",
            title,
            float(known),
            note=f"of {len(self._points())}; each at {KNOWN:g} % of the frequencies or more",
            section="Stability",
        )
        model = next((of for _, of in pairs.values() if of is not None), None)
        made_of = Findings()
        if model is not None:
            results = tuple(model[key] for key in ("model_step", "parameters_incomplete"))
            made_of = Findings(results, tables=tuple(t for t in model.tables if t.key == "parameters"))
        return joined((compare(pairs, spans), Findings((points,)), made_of))


def _event(recording: Recording) -> float:
    """Return when the event was: at the trigger, or at the first set-point that the PCS was given [s]."""
    commands = [r.time for r in recording.of("step") if r.values.get("step") == "SetPower"]
    return commands[0] if commands else 0.0


def _made_of(recording: Recording) -> Findings:
    """Return the step of a model and the list of its parameters, and how many of them are not whole."""
    from hil.analysis.result import Findings, Result, Table  # noqa: PLC0415 - no preview needs it

    step = Result("model_step", "Step of the model", 1 / recording.waveform.rate, "s", section="Capture")
    title = "Parameters of the model that lack value, unit or meaning"
    stated = [reading.values for reading in recording.of("model")]
    if not stated:
        lost = Result("parameters_incomplete", title, None, state="not stated", section="Capture")
        return Findings((step, lost))
    rows = [(name, *_told(entry)) for name, entry in stated[0].items()]
    short = [row[0] for row in rows if not all(row)]
    result = Result(
        "parameters_incomplete",
        title,
        float(len(short)),
        note=", ".join(short) or f"of {len(rows)}, all whole",
        section="Capture",
    )
    columns = ("Parameter", "Value", "Unit", "Meaning")
    table = Table("parameters", "Parameters of the model", columns, ("",) * 4, tuple(rows), section="Capture")
    return Findings((step, result), tables=(table,))


def _told(entry: Value) -> tuple[str, str, str]:
    """Return value, unit and meaning of a parameter, empty where it lacks them."""
    value, unit, meaning, *_ = [*(entry if isinstance(entry, list) else []), "", "", ""]
    return value, unit, meaning
