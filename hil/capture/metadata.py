"""What a CSV or Parquet file of ours says of its samples beside the table, as one line of JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hil.capture.lazy import LazyCapture
from hil.errors import FormatError
from hil.waveform import Channel

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from hil.waveform import Capture

KEY: Final = "hil-bench"
TIME: Final = "time [s]"
VALID: Final = "valid"
"""Name of the last column: 1 where the samples are good, 0 where one is missing or clipped."""


@dataclass(frozen=True, slots=True)
class About:
    """Everything but the samples."""

    channels: tuple[Channel, ...]
    rate: float
    start: float
    triggered: bool
    stated_frequency: float | None
    history: tuple[str, ...]
    samples: int
    dtype: str
    """"float32" or "float64"."""

    def capture(
        self,
        path: Path,
        load: Callable[[int, int], NDArray[Any]],
        good: Callable[[int, int], NDArray[np.bool_]],
    ) -> LazyCapture:
        """Return the capture that was written, with its samples from a file."""
        return LazyCapture(
            self.channels,
            self.rate,
            self.samples,
            lambda first, last: load(first, last).astype(self.dtype, copy=False),
            start=self.start,
            triggered=self.triggered,
            history=(*self.history, f"read {path.name}"),
            source=path.name,
            stated_frequency=self.stated_frequency,
            good=good,
        )


def to_text(capture: Capture) -> str:
    """Return what is known of a capture as one line."""
    first = capture.part(0, 1)
    about = About(
        channels=capture.channels,
        rate=capture.rate,
        start=capture.start,
        triggered=capture.triggered,
        stated_frequency=capture.stated_frequency,
        history=first.history,
        samples=len(capture),
        dtype="float32" if first.samples.dtype == np.float32 else "float64",
    )
    return json.dumps(asdict(about), allow_nan=False)


def from_text(text: str | bytes, where: object) -> About:
    """Return what such a line says."""
    try:
        raw = json.loads(text)
        about: Any = About(
            **{
                **raw,
                "channels": tuple(Channel(**c) for c in raw["channels"]),
                "history": tuple(raw["history"]),
            }
        )
        texts: list[Any] = [*about.history]
        for c in about.channels:
            texts += [c.name, c.unit, c.quantity, c.phase, c.place]
        whole = (
            {type(text) for text in texts} == {str}
            and about.dtype in {"float32", "float64"}
            and isinstance(about.samples, int)
            and about.channels
            and 0 < about.rate < np.inf
            and np.isfinite(about.start)
            and len({c.name for c in about.channels}) == len(about.channels)
        )
    except (ValueError, TypeError, KeyError):
        whole = False
    if not whole:
        raise FormatError(f"{where}: the description of the capture is damaged; write the file again")
    return about  # type: ignore[no-any-return]  # JSON may hold anything; what is returned was looked at
