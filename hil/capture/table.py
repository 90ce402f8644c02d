"""Tables of samples: one column per channel, one for the time, names and units above them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hil.capture.guess import guess_channels, si_unit
from hil.capture.lazy import LazyCapture
from hil.capture.parsing import distinct, streamed_rate
from hil.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Load = Callable[[int, int, Sequence[int]], NDArray[Any]]
    """Return rows first .. last - 1 of some columns, shape (columns, last - first)."""

_TIME: Final = re.compile(r"t|time|time ?stamp|zeit|seconds?", re.IGNORECASE)
_BRACKETS: Final = re.compile(r"(.*?)\s*[\[(]\s*([^\])]*?)\s*[\])]")
UNIT: Final = r"[num\u00b5\u03bckM]?(?:V|A|W|s|Hz|var|VA)|pu|%"
_SLASH: Final = re.compile(rf"(.*?)\s*/\s*({UNIT})")
_SUFFIX: Final = re.compile(
    r"(.*?)_((?:[num]|k|M)?[sVW]|[vw]|k[AvVwW]|mA|Hz|pu)"
)  # not "_A": "I_a" is a phase
_PIECE: Final = 1 << 19
"""Time stamps looked at in one go."""


def name_and_unit(header: str) -> tuple[str, str]:
    """Take "Va [V]", "time (ms)", "I_a/A" or "power_w" apart."""
    for pattern in (_BRACKETS, _SLASH, _SUFFIX):
        if match := pattern.fullmatch(header.strip()):
            return match[1].strip(), match[2]
    return header.strip(), ""


def open_table(
    titles: Sequence[tuple[str, str]],
    rows: int,
    load: Load,
    path: Path,
    *,
    first_row: int = 1,
    rate: float | None = None,
    notes: Sequence[str] = (),
) -> LazyCapture:
    """Return the capture in a table of columns with these names and units.

    Without a rate one column must be the time, in even steps.
    """
    if not rows:
        raise FormatError(f"{path}: there is not one row of numbers; export it again")
    start = 0.0
    at = None
    if rate is None:
        at = _time_column(titles, path)
        factor, unit = si_unit(titles[at][1])
        scale = factor if unit == "s" else 1.0

        def times(first: int, last: int) -> NDArray[np.float64]:
            return np.asarray(load(first, last, [at])[0] * scale)

        def stamps() -> Iterator[NDArray[np.float64]]:
            return (times(first, min(first + _PIECE, rows)) for first in range(0, rows, _PIECE))

        rate = streamed_rate(stamps, rows, str(path), first_row=first_row)
        start = float(times(0, 1)[0])
    # a delimiter at the end of every line makes a column of nothing
    kept = [i for i, (name, _) in enumerate(titles) if i != at and (name or _holds_numbers(load, rows, i))]
    if not kept:
        raise FormatError(f"{path}: there is no column beside the time; export at least one channel")
    scales = [si_unit(titles[i][1]) for i in kept]
    names = distinct(titles[i][0] or f"column {i + 1}" for i in kept)
    channels = guess_channels(names, [unit for _, unit in scales])
    bare = [c.name for c, (_, unit) in zip(channels, scales, strict=True) if c.unit != unit]
    factors = np.array([[factor] for factor, _ in scales])

    def samples(first: int, last: int) -> NDArray[np.float64]:
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is missing
            block: NDArray[np.float64] = load(first, last, kept) * factors
        block[~np.isfinite(block)] = np.nan
        return block

    return LazyCapture(
        tuple(channels),
        rate,
        rows,
        samples,
        start=start,
        triggered=start < 0 < start + (rows - 1) / rate,  # oscilloscopes count from the trigger
        history=(
            f"read {path.name}",
            *notes,
            *([f"no unit stated, SI assumed: {', '.join(bare)}"] if bare else []),
        ),
        source=path.name,
    )


def _holds_numbers(load: Load, rows: int, column: int) -> bool:
    return any(
        bool(np.isfinite(load(first, min(first + _PIECE, rows), [column])).any())
        for first in range(0, rows, _PIECE)
    )


def _time_column(titles: Sequence[tuple[str, str]], path: Path) -> int:
    units = [si_unit(unit)[1] for _, unit in titles]
    named = [i for i, (name, _) in enumerate(titles) if _TIME.fullmatch(name) and units[i] in {"", "s"}]
    if not named:
        named = [i for i, unit in enumerate(units) if unit == "s"]
    if not named:
        raise FormatError(
            f"{path}: there is no time column among {', '.join(name for name, _ in titles)}; "
            'name it "time [s]", or in ms, us'
        )
    return named[0]
