"""One captured file, as `hil analyze` takes it: read, measured, and held against what was asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from hil.analysis.analyze import analyze
from hil.capture.guess import apply_mapping
from hil.capture.read import read
from hil.errors import FormatError
from hil.evaluate import corrected

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hil.analysis.result import Analysis
    from hil.waveform import Waveform

OURS: Final = (".h5", ".blk")
"""Captures of runs: raw, with the certificates that correct them."""


@dataclass(frozen=True, slots=True)
class Given:
    """What a person says of a capture; everything else is measured."""

    mapping: Mapping[str, str] = field(default_factory=dict)
    """Roles of channels, such as {"va": "CH 1"}."""
    nominal_voltage: float | None = None
    """RMS of the recorded voltages [V]."""


@dataclass(frozen=True, eq=False)
class Study:
    """What was found in one file."""

    path: Path
    waveform: Waveform
    """The samples to draw."""
    samples: int
    """Per channel, in the whole capture."""
    analysis: Analysis


def study(path: Path, given: Given) -> Study:
    """Return what a captured file holds."""
    if not path.is_file():
        raise FormatError(f"{path}: there is no such file; check the name")
    ours = path.suffix.lower() in OURS
    waveform = apply_mapping(corrected(path)[0], given.mapping) if ours else read(path, given.mapping)
    analysis = analyze(waveform, nominal_voltage=given.nominal_voltage)
    return Study(path, waveform, len(waveform), analysis)
