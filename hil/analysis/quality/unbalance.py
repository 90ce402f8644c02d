"""Unbalance of three phases, IEC 61000-4-30:2015, 5.7.

The fundamental phasors of 10/12-cycle intervals give u2 = |U2|/|U1| and u0 = |U0|/|U1|;
the same holds for currents. Over longer intervals it is aggregated by root mean square, as
other magnitudes are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.phasor import symmetrical

if TYPE_CHECKING:
    from numpy.typing import NDArray


def unbalance(phasors: NDArray[np.complex128]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return u2 and u0 of phases a, b, c (or u2 of ab, bc, ca), shape (3, ...) -> (...) [%].

    The larger of both turning sequences counts as the positive one, so wires that turn a-c-b
    are not taken for unbalance: `turns_back` tells. NaN where there is no voltage.
    """
    forward, backward = (np.abs(x) for x in symmetrical(phasors))
    zero = np.abs(phasors.sum(axis=0)) / 3
    if turns_back(phasors):
        forward, backward = backward, forward
    alive = np.where(forward > 0, forward, np.nan)
    return 100 * backward / alive, 100 * zero / alive


def turns_back(phasors: NDArray[np.complex128]) -> bool:
    """Say whether the phases turn a-c-b in most of the record, shape (3, ...)."""
    forward, backward = (np.abs(x) for x in symmetrical(phasors))
    return bool(np.median(backward - forward) > 0) if forward.size else False
