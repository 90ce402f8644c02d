"""From raw captures to verdicts: correct, analyse, judge. Pure, so that it can be repeated years later.

Everything comes from the record itself: raw samples and the certificates in their
metadata, the criteria and the envelope as they were, the commanded parameters.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from hil.analysis.analyze import analyze
from hil.analysis.result import Analysis, Result
from hil.analysis.survey import trigger_time
from hil.capture.blocklog import load_block_log
from hil.capture.sealed import read_sealed, read_sealed_metadata
from hil.compliance.criteria import load_criteria
from hil.compliance.envelope import load_envelope
from hil.compliance.verdict import judge_all
from hil.record import Event
from hil.table import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from hil.waveform import Waveform

CRITERIA: Final = "criteria.toml"
ENVELOPE: Final = "envelope.toml"


def corrected(path: Path) -> tuple[Waveform, dict[str, Any]]:
    """Return a capture of ours in SI units with time zero at its trigger, and its metadata.

    Raw stays raw: the correction comes from the certificates that lie beside the samples.
    """
    if path.suffix == ".blk":  # left by a run that ended early
        raw, metadata = load_block_log(path)
    else:
        raw, metadata = read_sealed(path), read_sealed_metadata(path)
    ranges = {name: entry["range"] for name, entry in metadata["corrections"].items()}
    correct = resolve("hil.calibration", "correct")
    waveform: Waveform = correct(raw, _certificates(metadata), ranges)
    edge = trigger_time(waveform)
    if edge is not None:
        waveform = replace(waveform, start=waveform.start - edge, triggered=True)
    return waveform, metadata


def _certificates(metadata: Mapping[str, Any]) -> dict[str, Any]:
    load = resolve("hil.calibration", "from_dict")
    return {name: load(entry["certificate"]) for name, entry in metadata["corrections"].items()}


def expired(metadata: Mapping[str, Any], started: str) -> list[str]:
    """Return the certificates that did not hold on the day of a run."""
    day = datetime.fromisoformat(started).date()
    return sorted({c.id for c in _certificates(metadata).values() if not c.valid_on(day)})


def evaluate(
    folder: Path, run: Mapping[str, Any], progress: Callable[[str], None] | None = None
) -> tuple[Event, ...]:
    """Return what the captures of a record show, and the verdicts; nothing is written.

    A capture that the run did not reach has verdicts NOT RUN.
    """
    criteria = load_criteria(folder / CRITERIA)
    envelope = load_envelope(folder / ENVELOPE)
    events = []
    for name, planned in run["captures"].items():
        if progress is not None:
            progress(name)
        parameters = planned["parameters"]
        if planned["file"] is None:
            analysis, old = Analysis(()), []
        else:
            waveform, metadata = corrected(folder / planned["file"])
            analysis = analyze(
                waveform,
                nominal_voltage=run["nominal"]["phase_voltage"],
                nominal_frequency=run["nominal"]["frequency"],
                rated_current=parameters.get("rated_current"),
            )
            analysis = _with_completeness(analysis, metadata)
            old = expired(metadata, run["started"])
        end = str(run["end"]).partition(":")[0]
        ended = Result("run_end", "Run", None, state=end, method="how the engine says that the run ended")
        analysis = replace(analysis, results=(ended, *analysis.results))
        verdicts = judge_all(criteria, analysis, parameters, envelope, expired=old)
        events.append(Event(name, parameters, analysis, verdicts))
    return tuple(events)


def _with_completeness(analysis: Analysis, metadata: Mapping[str, Any]) -> Analysis:
    """Say in the share of valid samples what was acquired and never stored."""
    acquired, stored = metadata["acquired"], metadata["stored"]
    if metadata["complete"]:
        return analysis
    found = []
    for result in analysis.results:
        if result.key != "valid_share":
            found.append(result)
        elif acquired is None:
            note = "the run ended inside the capture; how much was acquired is not known"
            found.append(replace(result, value=None, state="incomplete", valid=False, note=note))
        else:
            share = stored / acquired if acquired else 0.0
            note = f"{acquired} samples were acquired, {stored} stored"
            found.append(replace(_scaled(result, share), state="incomplete", valid=False, note=note))
    return replace(analysis, results=tuple(found))


def _scaled(result: Result, share: float) -> Result:
    return replace(result, value=result.value * share if isinstance(result.value, float) else None)
