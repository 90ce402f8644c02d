"""Park's transform, amplitude-invariant.

With angle theta, x_d + j x_q = 2/3 sum of x_k exp(j k 2 pi / 3 - j theta): a balanced system
X cos(theta) has x_d = X (crest) and x_q = 0, and q leads d by 90 degrees. Power in these
quantities, without a zero sequence: p = 3/2 (u_d i_d + u_q i_q), q = 3/2 (u_q i_d - u_d i_q), in
the signs of `hil.analysis.power.track`.
"""

from __future__ import annotations

from math import pi
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LAG = np.arange(3)[:, None] * 2 * pi / 3


def abc_to_dq(samples: NDArray[Any], angle: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return d and q, shape (2, n), of a, b, c, shape (3, n); angle of phase a, shape (n,) [rad]."""
    turned = angle - _LAG
    d = 2 / 3 * (samples * np.cos(turned)).sum(axis=0)
    q = -2 / 3 * (samples * np.sin(turned)).sum(axis=0)
    return np.stack([d, q])
