"""What captures of several tests show: what the PCS says that it does, and powers to be drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.result import Result, Series

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from hil.recording import Recording


def way_of_control(recording: Recording, section: str) -> Result:
    """Return what the PCS says of itself last: "forming", "following", or the mode that it is in."""
    told = recording.of("pcs")
    last = told[-1].values if told else {}
    state = str(last.get("mode") or "not told")
    if state == "running":
        forming = last.get("forming")
        state = "not told" if forming is None else "forming" if forming else "following"
    return Result("way_of_control", "The PCS says that it is", None, state=state, section=section)


def over_cycle(
    time: NDArray[np.float64], values: NDArray[np.floating], rate: float, hertz: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return means over one cycle, and the ends of their windows."""
    width = max(1, round(rate / hertz))
    return time[width - 1 :], np.convolve(values, np.full(width, 1 / width), "valid")


def power_curves(
    time: NDArray[np.float64], powers: Mapping[str, NDArray[np.floating]], rate: float, hertz: float
) -> tuple[Series, ...]:
    """Return active powers, by what they are called, for one plot."""
    return tuple(
        Series(
            f"power_{name}",
            f"Active power, {name}",
            "W",
            *over_cycle(time, values, rate, hertz),
            group="powers",
        )
        for name, values in powers.items()
    )
