"""One capture of a test as a lab has it: waveforms, and what instruments said of themselves meanwhile."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from hil.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hil.waveform import Waveform

SUMMARY: Final = "summary"
"""Name under which stands what all captures of a test together show."""
SUFFIX: Final = ".readings.jsonl"
"""Beside a capture: a line of JSON for each reading."""

Value = float | str | bool | None | list[str]
"""What was read; None where the instrument gave nothing."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What an instrument said at an instant."""

    time: float
    """In the middle of the question and its answer, on the time axis of the waveform [s]."""
    source: str
    """Role of the instrument, such as "pcs" or "power_meter"; "log" for an entry of the PCS's event log,
    "no_log" for why it cannot be read, "step" for a command, "recorder" for its start, "clients" for further
    connections to the PCS."""
    values: Mapping[str, Value]
    late: float = 0.0
    """Half of what passed between question and answer [s]."""


@dataclass(frozen=True, eq=False)
class Recording:
    """A capture with all that is known of it."""

    name: str
    waveform: Waveform
    """Corrected, SI units; time zero is the trigger, or the first sample."""
    readings: tuple[Reading, ...]
    parameters: Mapping[str, float | str]
    """What was commanded, in SI units."""
    nominal: Mapping[str, float]
    """Ratings: voltage, phase_voltage [V], frequency [Hz], power [W], dc_voltage [V]."""
    notes: tuple[str, ...] = ()

    @property
    def rated_current(self) -> float:
        """RMS of one phase at rated power [A]."""
        return self.nominal["power"] / (3.0 * self.nominal["phase_voltage"])

    def of(self, source: str) -> tuple[Reading, ...]:
        """Return the readings of one source, in the order of time."""
        return tuple(reading for reading in self.readings if reading.source == source)


def to_line(reading: Reading) -> str:
    """Return a reading as a line of JSON."""
    return json.dumps({**asdict(reading), "time": round(reading.time, 6)}, allow_nan=False) + "\n"


def read_readings(path: Path, shift: float = 0.0) -> tuple[Reading, ...]:
    """Return the readings beside a capture, their times moved by `shift` [s]; none where there is no file.

    A last line that a crash tore is left out.
    """
    if not path.is_file():
        return ()
    lines = path.read_bytes().split(b"\n")
    found = []
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        try:
            row = json.loads(line)
            found.append(Reading(row["time"] + shift, row["source"], dict(row["values"]), row["late"]))
        except (ValueError, KeyError, TypeError) as error:
            if number == len(lines):
                break
            raise FormatError(f"{path}, line {number}: no reading: {error!r}") from error
    return tuple(found)
