"""Fundamental phasors and symmetrical components over a sliding cycle.

IEC 61400-21-1:2019, Annex C: one-cycle Fourier integrals at a fixed frequency. The
integrals follow the straight lines between samples, so that a cycle need not be a
whole number of them. They are sums over short blocks, not differences of running
totals: a dead channel reads zero however long the live part before it was.
"""

from __future__ import annotations

from math import ceil, pi, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

TURN = np.exp(2j * pi / 3)
"""The operator a of symmetrical components."""


def _hat(x: NDArray[Any]) -> NDArray[np.float64]:
    """Return the integral from -1 to x of the triangle that straight-line interpolation gives a sample."""
    x = np.clip(x, -1.0, 1.0)
    area: NDArray[np.float64] = np.where(x < 0, (1 + x) ** 2 / 2, 1 - (1 - x) ** 2 / 2)
    return area


def _sliding(
    samples: NDArray[Any], cycle: float, hop: int, angle: float
) -> tuple[NDArray[np.intp], NDArray[Any]]:
    """Return the mean of samples * exp(j * angle * age) over the cycle before each end.

    `age` counts samples back from the end; ends lie `hop` samples apart. With angle 0 it is
    the mean of the squares.
    """
    channels, n = samples.shape
    blocks, span = n // hop, ceil(cycle / hop) + 1
    ends = np.arange(span, blocks + 1) * hop - 1
    if not ends.size:
        return ends, np.empty((channels, 0))
    age = np.arange(span * hop)[::-1]
    turn = np.exp(1j * angle * age) / cycle
    kernel = ((_hat(cycle - age) - _hat(-age)) * turn).reshape(span, hop)
    # Only the two oldest blocks and the newest are cut by the window's edges; those between
    # share one kernel, turned by the angle of a block.
    kernels = np.array([kernel[0], kernel[1], kernel[-1], turn[-hop:]]).T
    columns = np.hstack([kernels.real, kernels.imag]) if angle else kernels.real
    body = samples[:, : blocks * hop].reshape(channels, blocks, hop)
    # In pieces that stay in the cache, and below the size at which BLAS wakes its threads: on a
    # busy computer they take longer to meet than the work does.
    count = max(1, 2**14 // hop)
    pieces = (body[:, k : k + count] for k in range(0, blocks, count))
    parts = np.concatenate([(x if angle else x * x) @ columns for x in pieces], axis=1)
    if angle:
        parts = parts[..., :4] + 1j * parts[..., 4:]
    oldest, second, newest, middle = np.moveaxis(parts, -1, 0)
    m = ends.size
    total = oldest[:, :m] + second[:, 1 : m + 1] + newest[:, span - 1 :]
    for block in range(2, span - 1):
        share = np.exp(1j * angle * hop * (span - 1 - block)) if angle else 1.0
        total += share * middle[:, block : block + m]
    return ends, total


def sliding_mean_square(samples: NDArray[Any], cycle: float, hop: int) -> NDArray[np.float64]:
    """Return the mean square over one cycle, at the same ends as `sliding_phasors`."""
    return _sliding(samples, cycle, hop, 0.0)[1]


def sliding_phasors(
    samples: NDArray[Any], cycle: float, hop: int
) -> tuple[NDArray[np.intp], NDArray[np.complex128]]:
    """Return the last index of each one-cycle window and the phasors over it.

    samples: shape (channels, n); cycle: samples per cycle, fractional; hop: samples
    between windows, less than half a cycle. Phasors are RMS, shape (channels, windows),
    and turn with the index: a steady cosine of that cycle has a constant phasor.
    """
    angle = 2 * pi / cycle
    ends, means = _sliding(samples, cycle, hop, angle)
    return ends, sqrt(2) * np.exp(-1j * angle * ends) * means


def symmetrical(phasors: NDArray[np.complex128]) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    """Return the positive and the negative sequence of the phasors of phases a, b, c (Fortescue)."""
    a, b, c = phasors
    return (a + TURN * b + TURN**2 * c) / 3, (a + TURN**2 * b + TURN * c) / 3


def line_to_neutral(
    positive: NDArray[np.complex128], negative: NDArray[np.complex128]
) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    """Return the phase-to-neutral sequences that belong to those of the voltages ab, bc, ca."""
    lead = sqrt(3) * np.exp(1j * pi / 6)  # U_ab leads U_a by 30 degrees; in the negative sequence it lags
    return positive / lead, negative / np.conj(lead)
