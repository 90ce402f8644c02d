"""T10, black start: from a dead bus the PCS raises the voltage, magnetises a transformer, picks up load.

The voltage rises onto bus and transformer together. Then the transformer goes off and comes back at full
voltage: its core keeps the flux that it went with, so that each time it draws another inrush. At last
blocks of load come, one on the other, and the transformer once more on top of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from hil.errors import ConfigError
from hil.limits import Limit
from hil.sequence import Sequence, Stage
from hil.steps import Arm, Disarm, Hold, MoveSwitch, SetLoad, SwitchLoad, SwitchPcs

from ._common import end_island, to_form
from ._island import completeness, load_step
from ._tables import overview

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.analysis.result import Analysis
    from hil.recording import Recording
    from hil.sequence import Nominal, Stages
    from hil.steps import Step

BANK, TRANSFORMER = "bank", "transformer_breaker"
LOADED = "inrush_loaded"
"""Capture of the inrush on top of all blocks of load."""
SHOWN = {
    "rise_time": ("V rises in", "s"),
    "voltage_reached": ("V in the end", "pu"),
    "peak_current": ("Peak current", "pu"),
    "active_step": ("P picked up", "pu"),
    "voltage_dip": ("V dip", "%"),
    "voltage_recovery": ("V back", "s"),
    "frequency_excursion": ("f off rated", "Hz"),
}
"""Results that the summary's table shows."""


@dataclass(frozen=True)
class BlackStart(Sequence):
    """T10: black start, inrush of a transformer, load pick-up."""

    blocks: str = "0.1 0.25 0.5"
    energisations: float = 6.0
    limit: float = 1.2
    start: float = 14.0
    before: float = 1.0
    after: float = 5.0
    apart: float = 5.0

    NAME: ClassVar[str] = "t10_black_start"
    CRITERIA: ClassVar[str] = "t10_black_start"
    OBJECTIVE: ClassVar[str] = (
        "From its battery alone, the PCS raises the voltage of a dead bus within seconds and magnetises a "
        "transformer within its current limit, also one with flux left in its core. It picks up blocks of "
        "load, and voltage and frequency come back at once."
    )
    ROLES: ClassVar[Mapping[str, str]] = {BANK: "load", "grid_breaker": "switch", TRANSFORMER: "switch"}
    PARAMETERS: ClassVar[Mapping[str, tuple[str, str]]] = {
        "blocks": ("text", "active load that is picked up, one block on the other [pu]"),
        "energisations": ("", "how often the transformer comes onto the live bus"),
        "limit": ("pu", "declared current limit of the PCS, of its rated current"),
        "start": ("s", "recorded from the command to start on"),
        "before": ("s", "recorded before each event"),
        "after": ("s", "recorded after it"),
        "apart": ("s", "between events"),
    }

    def __post_init__(self) -> None:
        """Refuse what is no black start, before anything is connected."""
        for name, low, high in (
            *(("energisations", 1.0, 100.0), ("limit", 0.5, 3.0), ("start", 2.0, 60.0)),
            *(("before", 0.5, 60.0), ("after", 1.0, 60.0), ("apart", 0.1, 600.0)),
        ):
            Limit(low, high, self.PARAMETERS[name][0]).check(getattr(self, name), f"t10_black_start: {name}")
        if self.energisations != round(self.energisations):
            raise ConfigError(f"t10_black_start: energisations = {self.energisations:g}: no whole number")
        self._blocks()

    def captures(self) -> Mapping[str, Mapping[str, float | str]]:
        """Return each capture's name and the parameters that its criteria refer to."""
        return {
            "start": {"limit": self.limit},
            **{name: {"limit": self.limit} for name in self._inrushes()},
            **{name: {"active": block} for name, block in self._blocks().items()},
            LOADED: {"limit": self.limit},
        }

    def stages(self, nominal: Nominal) -> Stages:
        """Yield the stages: start; inrushes; blocks of load; the end. What does not start has no more."""
        closed, opened = (MoveSwitch(position, TRANSFORMER) for position in ("closed", "open"))
        yield Stage("dead bus", (*to_form(nominal), closed), "battery on, nothing else live")
        rise = (Arm("start", poll=0.5), Hold(self.before), SwitchPcs(on=True), Hold(self.start), Disarm())
        end = yield Stage("start", rise, "onto bus and transformer together")
        running = end is None or end.pcs_running
        if running:
            for name in self._inrushes():
                yield self._inrush(name)
            load = (SetLoad(0.0, 0.0, BANK), SwitchLoad(on=True, name=BANK), Hold(self.apart))
            yield Stage("bank on", load, "no step of it yet")
            total = 0.0
            for name, block in self._blocks().items():
                total += block
                pick_up = SetLoad(total * nominal.power, 0.0, BANK)
                yield Stage(name, (*self._recorded(name, pick_up), Hold(self.apart)), f"{block:g} pu more")
            yield self._inrush(LOADED)
        yield Stage("end", (SwitchLoad(on=False, name=BANK), opened, *end_island()), "the reverse order")

    def analyze(self, recording: Recording) -> Analysis:
        """Return what one capture shows: the rise of the voltage, the peak of an inrush, a step of load."""
        from hil.analysis.analyze import joined  # noqa: PLC0415 - scipy, which no preview needs
        from hil.analysis.event.load_step import Bands, DroopLine  # noqa: PLC0415 - as above
        from hil.analysis.event.rise import energising_findings, rise_findings  # noqa: PLC0415 - as above

        given, parts = recording.nominal, [completeness(recording)]
        volts, hertz = given["phase_voltage"], given["frequency"]
        if recording.name.startswith("pick_up"):
            parts.append(
                load_step(
                    recording, DroopLine(volts, hertz, given["power"]), Bands(0.05, 1.5, self.after / 2)
                )
            )
        else:
            parts.append(energising_findings(recording.waveform, hertz, volts, recording.rated_current))
        if recording.name == "start":
            told = [one.time - one.late for one in recording.of("step")]
            parts.append(rise_findings(recording.waveform, hertz, volts, told[0] if told else 0.0))
        return joined(parts, history=recording.waveform.history)

    def summarize(self, found: Mapping[str, Analysis]) -> Analysis:
        """Return each step of the start in a row: the rise, every inrush, every block of load."""
        from hil.analysis.result import Analysis  # noqa: PLC0415 - numpy, which no preview needs

        return Analysis((), tables=(overview(found, "The start, step by step", SHOWN),))

    def _inrush(self, name: str) -> Stage:
        closed, opened = (MoveSwitch(position, TRANSFORMER) for position in ("closed", "open"))
        steps = (opened, Hold(self.apart), *self._recorded(name, closed))
        return Stage(name, steps, "with the flux that was left")

    def _recorded(self, name: str, event: Step) -> tuple[Step, ...]:
        return (Arm(name, poll=0.5), Hold(self.before), event, Hold(self.after), Disarm())

    def _inrushes(self) -> tuple[str, ...]:
        """Return the names of the captures of inrushes without load."""
        return tuple(f"inrush_{n + 1}" for n in range(int(self.energisations)))

    def _blocks(self) -> dict[str, float]:
        """Return the blocks of load by the names of their captures [pu]."""
        try:
            blocks = tuple(map(float, self.blocks.split()))
        except ValueError:
            blocks = ()
        if not blocks or not all(0.02 <= block <= 1.0 for block in blocks) or sum(blocks) > 1.0 + 1e-9:
            expected = 'expected such as "0.1 0.25 0.5", together 1 at most'
            raise ConfigError(f"t10_black_start: blocks = {self.blocks!r}; {expected}")
        return {f"pick_up_{n + 1}_{round(100 * block)}": block for n, block in enumerate(blocks)}
