"""What a test is: stages of steps for the bench, and how its captures are measured.

A sequence yields stages. A stage is whole before its first command goes out, so it
can be checked, drawn, hashed and recorded; nothing fast in it depends on this
computer's timing, for a fast event is played by an instrument from its own memory.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from hil.errors import ConfigError
from hil.units import parse

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    import numpy as np
    from numpy.typing import NDArray

    from hil.analysis.result import Analysis
    from hil.recording import Recording
    from hil.steps import Step
    from hil.transient import ListPoint


@dataclass(frozen=True, slots=True)
class Stage:
    """Steps that belong together, complete before the first of them is run."""

    name: str
    steps: tuple[Step, ...]
    purpose: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data, for the record."""
        return {
            "name": self.name,
            "purpose": self.purpose,
            "steps": [{"step": type(step).__name__, **asdict(step)} for step in self.steps],
        }


@dataclass(frozen=True, slots=True)
class Nominal:
    """The ratings that a sequence scales itself to."""

    voltage: float
    """Line-to-line RMS [V]."""
    frequency: float
    """[Hz]"""
    power: float
    """[W]"""
    dc_voltage: float
    """[V]"""

    @property
    def phase_voltage(self) -> float:
        """Phase-to-neutral RMS [V]."""
        return float(self.voltage / 3**0.5)

    @property
    def current(self) -> float:
        """RMS of one phase at rated power [A]."""
        return float(self.power / (3**0.5 * self.voltage))


@dataclass(frozen=True, slots=True)
class StageEnd:
    """What a sequence learns when a stage is over."""

    pcs_running: bool


Stages = Generator[Stage, StageEnd | None, None]
"""Sent back: how the stage ended, or None in a rehearsal, which goes as one hopes."""


class Model(Protocol):
    """The simulated plant in this process, for what is asked for by model instead of on a bench.

    Terminals and their fields are those of `hil list plant`, in SI units or per unit.
    """

    nominal: Nominal

    def start(self, *, flawed: bool = True, **changes: Any) -> None:
        """Begin anew at time zero, with parameters of the plant changed, such as scr=2.0.

        flawed: False for the unit as its maker states it, whatever flaws the one on the bench has.
        """

    def set(self, terminal: str, **values: Any) -> None:
        """Set fields of a terminal."""

    def read(self, terminal: str) -> Mapping[str, Any]:
        """Return what a terminal shows, as the instrument or the communication card there would tell it."""

    def advance(self, seconds: float) -> None:
        """Let the plant run [s]."""

    def play(self, points: tuple[ListPoint, ...]) -> None:
        """Play a transient on the AC source from now on; the trigger line marks its begin."""

    def now(self) -> float:
        """Return the plant's time [s]."""

    def record(self, name: str, poll: float = 0.1) -> AbstractContextManager[None]:
        """Record waveforms, and about every `poll` [s] what the PCS says, until the context is left."""

    def hours(
        self,
        name: str,
        missions: Mapping[str, float],
        schedule: Mapping[str, NDArray[np.float64]],
        state_of_charge: float,
    ) -> None:
        """Record hours of the plant in phasors, a row a second: meters, telemetry, a count of charge.

        missions: those that the PCS is set to serve, first things first, and the energy that each keeps
        from those after it [pu of SOC]. schedule: a value for each second of "power", which is dispatched
        [W], "load_power" [W] and "grid_frequency" [Hz]; it stands beside the rest as "asked_power" and so on.
        """


class Sequence(Protocol):
    """A test: a frozen dataclass whose fields are its parameters in SI or per unit.

    Its docstring's first line is its title.
    """

    NAME: ClassVar[str]
    PARAMETERS: ClassVar[Mapping[str, tuple[str, str]]]
    """Name of each parameter to its unit ("text" where it has none) and its meaning."""
    CRITERIA: ClassVar[str]
    """Name of the criteria file."""
    ENVELOPE: ClassVar[str] = "ieee2800"
    """Name of the ride-through envelope that criteria may refer to."""
    OBJECTIVE: ClassVar[str] = ""
    """What the test shows, in a sentence or two, for the report."""
    ROLES: ClassVar[Mapping[str, str]] = {}
    """Instruments needed beside those that every bench has: what the sequence calls them, to their role."""
    BENCH: ClassVar[bool] = True
    """False where it runs by model alone: nothing is connected."""

    def stages(self, nominal: Nominal) -> Stages:  # noqa: ARG002 - by model alone there are none
        """Yield the stages, one after the other."""
        yield from ()

    def captures(self) -> Mapping[str, Mapping[str, float | str]]:
        """Return each capture's name and the parameters that its criteria refer to."""
        ...

    def simulate(self, model: Model) -> None:
        """Record by model those captures that no stage records."""

    def analyze(self, recording: Recording) -> Analysis:
        """Return what one capture shows."""
        from hil.analysis.analyze import analyze  # noqa: PLC0415 - scipy, which no preview needs

        return analyze(
            recording.waveform,
            nominal_voltage=recording.nominal["phase_voltage"],
            nominal_frequency=recording.nominal["frequency"],
            rated_current=recording.rated_current,
        )

    def summarize(self, found: Mapping[str, Analysis]) -> Analysis | None:  # noqa: ARG002 - to be overridden
        """Return what all captures together show, judged as a capture named `SUMMARY`; None: nothing more.

        found: by capture, what `analyze` returned; captures that were not recorded are not there.
        """
        return None


def build(kind: type[Sequence], given: Mapping[str, str]) -> Sequence:
    """Build a sequence from parameters given as text, such as {"duration": "0.32 s"}.

    Raises `ConfigError` for an unknown name, a wrong unit or an impossible value.
    """
    values: dict[str, float | str] = {}
    for name, text in given.items():
        if name not in kind.PARAMETERS:
            known = ", ".join(kind.PARAMETERS)
            raise ConfigError(f"{kind.NAME} has no parameter {name!r}; it has {known}")
        unit = kind.PARAMETERS[name][0]
        values[name] = text if unit == "text" else parse(text, unit, f"{kind.NAME}: {name}")
    return kind(**values)


def parameters(sequence: Sequence) -> dict[str, float | str]:
    """Return the parameters of a sequence by name, in SI or per unit."""
    return {f.name: getattr(sequence, f.name) for f in fields(sequence)}  # type: ignore[arg-type]
