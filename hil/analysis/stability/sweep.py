"""Impedance from a capture in which many frequencies were injected at once, first on d, then on q."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from hil.analysis.stability.impedance import dq_impedance, responses
from hil.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.analysis.stability.impedance import DqImpedance
    from hil.waveform import Waveform

ENOUGH: Final = 4.1
"""Samples for each period of the highest frequency; what is recorded faster is averaged."""
LEAST: Final = 3000.0
"""Samples per second that hold the fundamental's harmonics in any case [Hz]."""


def swept_impedance(
    waveform: Waveform, frequencies: Sequence[float], begins: tuple[float, float], seconds: float, title: str
) -> DqImpedance:
    """Return the impedance of the unit whose currents flow out of it.

    frequencies: in dq, ascending, whole multiples of one over `seconds` [Hz]; begins: of the steady
    part of the injection on d and of that on q, each of which lasts `seconds` [s].
    """
    every = round(seconds * waveform.rate)
    fits = int(waveform.rate / max(ENOUGH * frequencies[-1], LEAST))
    step = next((step for step in range(fits, 1, -1) if every % step == 0), 1)
    count = every // step
    axes = []
    for begin in begins:
        first = round((begin - waveform.start) * waveform.rate)
        part = waveform.part(first, first + count * step)
        if len(part) < count * step:
            end = waveform.start + waveform.duration
            raise ConfigError(
                f"{waveform.source}: an injection lasts from {begin:g} to {begin + seconds:g} s, "
                f"the capture ends at {end:g} s"
            )
        samples = [np.asarray(part.select(part.find(of)), float) for of in ("voltage", "current")]
        if part.valid is not None and not part.valid.all():
            samples[0][:] = np.nan
        # Alike for both, so that their ratio stays; its coupling to the mirror frequency by better than 1 %.
        u, i = (x.reshape(len(x), count, step).mean(axis=2) for x in samples)
        axes.append(responses(u, i, waveform.rate / step, frequencies))
    return dq_impedance(list(zip(*axes, strict=True)), title=title)
