"""What tests of a PCS that forms its bus read from their captures."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hil.analysis.event.load_step import Bands, DroopLine
    from hil.analysis.result import Findings
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
