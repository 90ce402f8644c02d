"""What tests of a PCS that forms its bus read from their captures."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.analysis.event.load_step import Bands, DroopLine
    from hil.analysis.result import Analysis, Cell, Findings
    from hil.recording import Recording

LATE = 0.5
"""How long after its command a load may change at the latest [s]."""


def completeness(recording: Recording) -> Findings:
    """Return the share of good samples."""
    from hil.analysis.result import Findings  # noqa: PLC0415 - numpy, which no preview needs
    from hil.analysis.survey import survey  # noqa: PLC0415 - as above

    return Findings(tuple(one for one in survey(recording.waveform).results if one.key == "valid_share"))


def load_step(recording: Recording, line: DroopLine, bands: Bands) -> Findings:
    """Return what the load's change does; where its instant is lost in swings, from its command on."""
    from hil.analysis.event.load_step import (  # noqa: PLC0415 - numpy, as above
        load_step_findings,
        lost,
        step_instant,
        terminals,
    )

    waveform = terminals(recording.waveform)
    told = [one for one in recording.of("step") if str(one.values["step"]).startswith("SetLoad")]
    if not told:
        return lost("no step")
    asked = told[-1].time - told[-1].late
    at = step_instant(waveform, line.hertz, recording.rated_current, (asked, asked + LATE))
    return load_step_findings(waveform, line, asked if at is None else at, bands)


def overview(found: Mapping[str, Analysis], title: str, shown: Mapping[str, tuple[str, str]]) -> Analysis:
    """Return a row for each capture; what has no value says why.

    shown: by key of a result the heading of its column and its unit.
    """
    from hil.analysis.result import Analysis, Table  # noqa: PLC0415 - numpy, as above

    def cell(one: Analysis, key: str) -> Cell:
        if key not in one:
            return None  # not asked of this kind of capture
        return one[key].state if one[key].value is None else one[key].value

    rows = tuple((name, *(cell(one, key) for key in shown)) for name, one in found.items())
    columns, units = zip(("Step", ""), *shown.values(), strict=True)
    return Analysis((), tables=(Table("overview", title, columns, units, rows, "Step response"),))
