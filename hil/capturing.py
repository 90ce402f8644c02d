"""Captures under way: samples into the block log, readings beside them, trip limits watched."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from math import isnan
from typing import TYPE_CHECKING, Any

import numpy as np

from hil.capture.blocklog import BlockLog
from hil.capture.sealed import seal
from hil.errors import Aborted, ConfigError, HilError, StorageError
from hil.recording import SUFFIX, Reading, to_line
from hil.roles import Input
from hil.table import resolve
from hil.waveform import Channel

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from hil.bench import Bench
    from hil.recording import Value
    from hil.roles import PcsState
    from hil.watch import RunEnd


@dataclass
class _Capture:
    """One that is under way."""

    name: str
    log: BlockLog
    began: float
    """Bench time of its first sample, as far as this computer knows [s]."""
    poll: float
    due: float
    """Bench time at which the PCS is asked next [s]."""


class Capturing:
    """What a run records. What fails on the disk stops the run."""

    def __init__(self, bench: Bench, folder: Path) -> None:
        self.bench = bench
        self.folder = folder
        self.now: _Capture | None = None
        self.pcs: PcsState | None = None
        """What the PCS last said of itself."""
        self._origin = (datetime.now(UTC), bench.clock.now())
        """Time of day, which goes on in bench time [s]."""
        self.ended: list[tuple[str, BlockLog, int | None]] = []
        """Captures to seal once the bench is safe, and how many samples were acquired."""
        load = resolve("hil.calibration", "certificate")
        self.certificates = [load(c.certificate) for c in bench.config.channels]

    def arm(self, name: str, poll: float) -> None:
        """Start recording, and asking the PCS every `poll` seconds."""
        if self.now is not None:
            raise ConfigError(f"capture {name} begins before {self.now.name} has ended")
        config, recorder = self.bench.config, self.bench.recorder
        inputs = [Input(c.name, c.input, c.range) for c in config.channels]
        rate = recorder.configure(inputs, config.rate)
        channels = tuple(Channel(c.name, "V", c.quantity, c.phase, place=c.place) for c in config.channels)
        metadata = {
            "source": name,
            "started": self._time_of_day(),
            "corrections": {
                c.name: {"certificate": certificate.to_dict(), "range": c.range}
                for c, certificate in zip(config.channels, self.certificates, strict=True)
            },
        }
        log = BlockLog(self.folder / f"{name}.blk", channels, rate, metadata)
        before = self.bench.clock.now()
        recorder.start()
        began = (before + self.bench.clock.now()) / 2
        self.now = _Capture(name, log, began, poll, began)
        self.note("recorder", {"started": True}, began=before)  # how well its time zero is known

    def _time_of_day(self) -> str:
        day, origin = self._origin
        now = day + timedelta(seconds=self.bench.clock.now() - origin)
        return now.isoformat(timespec="microseconds")

    def slice(self, longest: float) -> float:
        """Return how long may be waited now until something is due here [s]."""
        if self.now is None:
            return longest
        return max(1e-3, min(longest, self.now.due - self.bench.clock.now()))

    def drain(self) -> None:
        """Store what the recorder has, hold it against the trip limits, and ask the PCS where that is due."""
        if self.now is None:
            return
        samples = self.bench.recorder.read()
        self.now.log.append(samples)
        self._supervise(samples)
        now = self.bench.clock.now()
        if now >= self.now.due - 1e-9:
            self.now.due = max(self.now.due + self.now.poll, now)  # no burst after a long exchange
            self.pcs = self.bench.pcs.read_state()
            self.note("pcs", asdict(self.pcs), began=now)

    def note(
        self, source: str, values: Mapping[str, Any], *, began: float | None = None, at: float | None = None
    ) -> None:
        """Put a reading beside the capture, asked for since `began`, or of an instant `at` [bench s]."""
        if self.now is None:
            return
        ended = self.bench.clock.now()
        began = ended if began is None else began
        instant = (began + ended) / 2 if at is None else at
        late = (ended - began) / 2 if at is None else 0.0
        told: dict[str, Value] = {key: as_told(value) for key, value in values.items()}
        path = self.folder / f"{self.now.name}{SUFFIX}"
        try:
            with path.open("a", encoding="utf-8") as file:
                file.write(to_line(Reading(instant - self.now.began, source, told, late)))
        except OSError as error:
            raise StorageError(f"cannot write {path}: {error.strerror or error}; free some space") from error

    def disarm(self) -> None:
        """Stop recording; the capture is sealed when the bench is safe."""
        if self.now is None:
            raise ConfigError("a capture is ended that was never begun")
        last, acquired = self.bench.recorder.stop()
        ended, self.now = self.now, None
        ended.log.append(last)
        ended.log.close()
        self.ended.append((ended.name, ended.log, acquired))
        self._supervise(last)

    def keep(self, result: RunEnd) -> None:
        """Seal what was captured, also by a run that ended in the middle of a capture.

        It takes seconds, in which nobody watches: so it is done when the bench is safe.
        """
        if self.now is not None:
            self.ended.append((self.now.name, self.now.log, None))
            result.notes.append(f"capture {self.now.name} ends with the run")
        for name, log, acquired in self.ended:
            try:
                log.close()
                if log.stored == 0:
                    result.notes.append(f"capture {name} ended before its first sample")
                    with suppress(OSError):
                        (self.folder / f"{name}{SUFFIX}").unlink()
                    continue
                path = seal(log.path, self.folder / f"{name}.h5", acquired=acquired)
            except HilError as error:
                result.notes.append(f"capture {name} stays as {log.path.name}: {error}")
                if result.error is None:
                    result.end, result.text, result.error = "error", str(error), error
            else:
                result.captures[name] = path.name

    def _supervise(self, samples: NDArray[np.float64]) -> None:
        """Stop the run where a corrected sample exceeds its channel's trip limit."""
        if samples.shape[1] == 0:
            return
        channels = self.bench.config.channels
        for row, channel, certificate in zip(samples, channels, self.certificates, strict=True):
            if channel.trip is None:
                continue
            peak = float(np.abs(certificate.line.correct(row)).max())
            if peak > channel.trip:
                raise Aborted(
                    f"{channel.name} reached {peak:.4g} {certificate.unit}; the bench trips at "
                    f"{channel.trip:g} {certificate.unit}"
                )


def as_told(value: Any) -> Value:
    """Return what goes into a reading: JSON knows neither NaN nor tuples."""
    if isinstance(value, float) and isnan(value):
        return None
    return [str(each) for each in value] if isinstance(value, tuple | list) else value
