"""Unbalance of three phases, IEC 61000-4-30:2015, 5.7.

The fundamental phasors of 10/12-cycle intervals give u2 = |U2|/|U1| and u0 = |U0|/|U1|;
the same holds for currents. Where only the magnitudes of three line voltages are known,
they close a triangle, and its shape gives u2. Over longer intervals it is aggregated
by root mean square, as other magnitudes are.
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


def unbalance_of_lines(lines: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return u2 from the fundamental RMS of three line voltages, shape (3, ...) -> (...) [%].

    sqrt((1 - sqrt(3 - 6 beta)) / (1 + sqrt(3 - 6 beta))), beta = sum U^4 / (sum U^2)^2. NaN
    where the three make no triangle.
    """
    square = np.asarray(lines, float) ** 2
    total = square.sum(axis=0)
    a, b, c = square
    # 3 - 6 beta is 1 - 2 x: in this form a balanced system keeps all its digits.
    x = ((a - b) ** 2 + (b - c) ** 2 + (c - a) ** 2) / np.where(total > 0, total, np.nan) ** 2
    root = np.sqrt(np.where(x <= 0.5, 1 - 2 * x, np.nan))
    u2: NDArray[np.float64] = 100 * np.sqrt(2 * x) / (1 + root)
    return u2
