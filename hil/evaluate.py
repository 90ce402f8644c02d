"""From raw captures to verdicts: correct, analyse, judge. Pure, so that it can be repeated years later.

Everything comes from the record itself: raw samples and the certificates in their
metadata, the criteria and the envelope as they were, the commanded parameters.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from hil.analysis.result import Analysis, Result
from hil.analysis.survey import trigger_time
from hil.capture.blocklog import load_block_log
from hil.capture.sealed import read_sealed, read_sealed_metadata
from hil.compliance.criteria import load_criteria
from hil.compliance.envelope import load_envelope
from hil.compliance.verdict import judge_all
from hil.errors import FormatError, HilError
from hil.record import Event
from hil.recording import SUFFIX, SUMMARY, Recording, read_readings
from hil.table import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from hil.compliance.verdict import Parameters
    from hil.waveform import Waveform

CRITERIA: Final = "criteria.toml"
ENVELOPE: Final = "envelope.toml"


def corrected(path: Path) -> tuple[Waveform, dict[str, Any]]:
    """Return a capture of ours in SI units with time zero at its trigger, and its metadata.

    Raw stays raw: the correction comes from the certificates that lie beside the samples.
    What a model gave is in SI units already.
    """
    if path.suffix == ".blk":  # left by a run that ended early
        raw, metadata = load_block_log(path)
    else:
        raw, metadata = read_sealed(path), read_sealed_metadata(path)
    waveform = raw
    if not metadata.get("metadata", {}).get("model"):
        ranges = {name: entry["range"] for name, entry in metadata["corrections"].items()}
        correct = resolve("hil.calibration", "correct")
        waveform = correct(raw, _certificates(metadata), ranges)
    edge = trigger_time(waveform)
    if edge is not None:
        waveform = replace(waveform, start=waveform.start - edge, triggered=True)
    return waveform, metadata


def recording(folder: Path, name: str, run: Mapping[str, Any]) -> tuple[Recording, dict[str, Any]]:
    """Return a capture of a record with the readings beside it, and its metadata."""
    planned = run["captures"][name]
    path = folder / planned["file"]
    waveform, metadata = corrected(path)
    readings = read_readings(path.parent / f"{name}{SUFFIX}", waveform.start)
    return Recording(name, waveform, readings, planned["parameters"], run["nominal"]), metadata


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

    The sequence says what is measured in a capture, and what all of them show together.
    A capture that the run did not reach, or that cannot be analysed, has verdicts NOT RUN.
    """
    criteria = load_criteria(folder / CRITERIA)
    envelope = load_envelope(folder / ENVELOPE)
    given = dict(run["parameters"])
    try:
        sequence = resolve("hil.sequences", run["sequence"])(**given)
    except TypeError as error:
        made_by = run.get("versions", {}).get("hil-bench", "of the version that made it")
        raise FormatError(
            f"{folder}: {run['sequence']} has other parameters in this version than in the record ({error}); "
            f"evaluate it with hil-bench {made_by}"
        ) from None
    end = str(run["end"]).partition(":")[0]
    ended = Result("run_end", "Run", None, state=end, method="how the engine says that the run ended")

    def judged(name: str, parameters: Parameters, analysis: Analysis, old: Sequence[str]) -> Event:
        analysis = replace(analysis, results=(ended, *analysis.results))
        asked = [criterion for criterion in criteria if criterion.applies_to(name)]
        return Event(
            name, parameters, analysis, judge_all(asked, analysis, parameters, envelope, expired=old)
        )

    events = []
    found: dict[str, Analysis] = {}
    all_old: set[str] = set()
    for name, planned in run["captures"].items():
        if progress is not None:
            progress(name)
        analysis, old = Analysis(()), list[str]()
        if planned["file"] is not None:
            taken, metadata = recording(folder, name, run)
            try:
                found[name] = analysis = _with_completeness(sequence.analyze(taken), metadata)
            except HilError as error:  # the other captures are still judged
                analysis = Analysis((), warnings=(f"not analysed: {error}",))
            old = expired(metadata, run["started"])
            all_old.update(old)
        events.append(judged(name, planned["parameters"], analysis, old))
    together = sequence.summarize(found)
    if together is not None:
        rated = next((p["parameters"]["rated_current"] for p in run["captures"].values()), None)
        about = {**given, **({} if rated is None else {"rated_current": rated})}
        events.append(judged(SUMMARY, about, together, sorted(all_old)))
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
