"""A profile from a recorded trace: what is wrong is refused, or repaired by a stated rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.buffering.metrics import PASSED
from hil.errors import FormatError
from hil.profiles.profile import Profile
from hil.profiles.repair import check_size, mended
from hil.profiles.telemetry import read_raw
from hil.units import show

if TYPE_CHECKING:
    from pathlib import Path

    from hil.profiles.repair import Finding


def import_trace(
    path: Path,
    *,
    column: str | None = None,
    unit: str | None = None,
    interval: float | None = None,
    window: float | None = None,
    gap: float | None = None,
    gpus: int | None = None,
    rating: float | None = None,
    repair: bool = False,
    source: str = "",
    license: str = "",  # noqa: A002 - the field's name
) -> tuple[Profile, tuple[Finding, ...]]:
    """Return the trace as a held profile, and what was repaired.

    window: length of the mean behind each value [s], where it is known better than from the kind of log;
    gpus, rating [W]: what its size is checked against. Raises `FormatError` with file and line where
    something is wrong and `repair` does not allow to mend it, or nothing can.
    """
    raw = read_raw(path, column, unit, interval)
    try:
        time, power, findings = mended(raw, gap)
        check_size(power, gpus or raw.gpus, rating)
    except FormatError as error:
        between = ", " if str(error).startswith("line ") else ": "
        raise FormatError(f"{path}{between}{error}") from None
    if findings and not repair:
        kinds = f"; {len(findings) - 1} other kinds of fault" if findings[1:] else ""
        raise FormatError(f"{findings[0].text(path)}; --repair {findings[0].rule}{kinds}")
    spacing = float(np.median(np.diff(time)))
    mean = raw.window if window is None else window
    words = [f"{time.size} values, {show(spacing, 's')} apart"]
    words += [f"each a mean over {show(mean, 's')}"] if mean else []
    words += [f"sum of {raw.gpus} GPUs"] if raw.gpus else []
    words += [f"{finding.what}: {len(finding.lines)}, --repair {finding.rule}" for finding in findings]
    bandwidth = PASSED / max(mean, spacing)
    return Profile(
        time, power, "W", True, bandwidth, path.stem, source or path.name, license, "; ".join(words),
        (f"imported from {path.name}",),
    ), findings  # fmt: skip
