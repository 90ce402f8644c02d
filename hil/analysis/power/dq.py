"""Park's transform, amplitude-invariant, and an angle for it from the positive sequence.

With angle theta, x_d + j x_q = 2/3 sum of x_k exp(j k 2 pi / 3 - j theta): a balanced system
X cos(theta) has x_d = X (crest) and x_q = 0, and q leads d by 90 degrees. Power in these
quantities: p = 3/2 (u_d i_d + u_q i_q) + 3 u_0 i_0, q = 3/2 (u_q i_d - u_d i_q), in the signs of
`hil.analysis.power.track`.
"""

from __future__ import annotations

from math import pi
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LAG = np.arange(3)[:, None] * 2 * pi / 3


def abc_to_dq0(samples: NDArray[Any], angle: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return d, q and zero, shape (3, n), of a, b, c, shape (3, n); angle of phase a, shape (n,) [rad]."""
    turned = angle - _LAG
    d = 2 / 3 * (samples * np.cos(turned)).sum(axis=0)
    q = -2 / 3 * (samples * np.sin(turned)).sum(axis=0)
    return np.stack([d, q, samples.mean(axis=0)])


def abc_to_dq(samples: NDArray[Any], angle: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return d and q, shape (2, n), of a, b, c, shape (3, n); angle of phase a, shape (n,) [rad]."""
    return abc_to_dq0(samples, angle)[:2]


def dq_to_abc(dq: NDArray[np.float64], angle: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a, b, c, shape (3, n), of d and q, or of d, q and zero, shape (2 or 3, n)."""
    turned = angle - _LAG
    abc: NDArray[np.float64] = dq[0] * np.cos(turned) - dq[1] * np.sin(turned)
    return abc + dq[2] if len(dq) == 3 else abc


def angle_of(
    instants: NDArray[np.float64],
    time: NDArray[np.float64],
    phasors: NDArray[np.complex128],
    hertz: float,
    *,
    origin: float = 0.0,
) -> NDArray[np.float64]:
    """Return the angle of a fundamental at some instants [rad], growing without end.

    time: ends of the one-cycle windows [s]; phasors: of phase a or of the positive sequence,
    shape (n,), against a cosine of `hertz` [Hz] with a crest at `origin` [s]: time zero for those
    of `Quality`, the first sample for those of `sliding_phasors`. Each phasor speaks for the
    middle of its window. Before the first and after the last, the angle
    goes on at the frequency of the two beside it.
    """
    middle, drift = time - 0.5 / hertz, np.unwrap(np.angle(phasors))
    angle = np.interp(instants, middle, drift)
    if len(drift) > 1:
        for outside, k in ((instants < middle[0], 0), (instants > middle[-1], -2)):
            slope = (drift[k + 1] - drift[k]) / (middle[k + 1] - middle[k])
            angle[outside] = drift[k] + slope * (instants[outside] - middle[k])
    tracked: NDArray[np.float64] = 2 * pi * hertz * (instants - origin) + angle
    return tracked
