"""Harmonic subgroups over gapless windows of 10 or 12 cycles.

IEC 61000-4-7:2002+A1:2008: rectangular windows of whole cycles of the measured
fundamental, 3.2 (subgroup: the harmonic's bin and its two neighbours), THDS over
orders 2 to 50. The samples of each window are resampled to a length that the FFT
likes, by Lagrange interpolation of an order chosen for the highest harmonic.
"""

from __future__ import annotations

from math import ceil, factorial, log, pi, sin
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

ORDERS = 50


def usable_orders(samples_per_cycle: float) -> int:
    """Return the highest order up to 50 that the sampling rate carries well (64 % of Nyquist)."""
    return max(0, min(ORDERS, int(0.32 * samples_per_cycle - 0.2)))


def reach(samples_per_cycle: float) -> int:
    """Return how many samples the interpolation needs on either side of a position.

    The error of 2n-point Lagrange interpolation amid the samples is close to
    0.3 sin(pi f / rate)^2n; the last subgroup gets 3e-4 of its reading, lower ones far less.
    """
    if not usable_orders(samples_per_cycle):
        return 2  # no harmonic to interpolate for
    top = (usable_orders(samples_per_cycle) + 0.2) / samples_per_cycle
    return max(2, ceil(log(1e-3) / log(sin(pi * top)) / 2))


def _weights(x: NDArray[np.float64], count: int) -> list[NDArray[np.float64]]:
    """Return the Lagrange weights of the nodes 0 .. count - 1 for values at x, which is on no node."""
    product = np.ones_like(x)
    for node in range(count):
        product *= x - node
    others = [(-1) ** (count - 1 - k) * factorial(k) * factorial(count - 1 - k) for k in range(count)]
    return [product / ((x - node) * others[node]) for node in range(count)]


def subgroups(rows: Sequence[NDArray[Any]], edges: NDArray[np.float64], cycles: int) -> NDArray[np.float64]:
    """Return RMS subgroups of orders 0, 1, ..., shape (channels, windows, usable_orders + 1).

    rows: samples per channel; edges: where each window of `cycles` cycles begins, and
    where the last ends, as fractional indices `reach` away from the ends. Order 0 is
    the DC bin alone.
    """
    from scipy.fft import next_fast_len, rfft  # noqa: PLC0415 - keeps `hil --help` quick

    lengths = np.diff(edges)
    if not lengths.size:
        return np.empty((len(rows), 0, 1))
    size = next_fast_len(ceil(lengths.max()), real=True)
    samples_per_cycle = float(lengths.mean()) / cycles
    half, grid = reach(samples_per_cycle), np.arange(size) / size
    centres = cycles * np.arange(1, usable_orders(samples_per_cycle) + 1)
    result = np.empty((len(rows), lengths.size, centres.size + 1))
    windows = np.empty((len(rows), size))
    for k, (begin, length) in enumerate(zip(edges[:-1], lengths, strict=True)):
        positions = begin + grid * length + 1e-9  # just off the samples, where the weights are 0/0
        first = positions.astype(np.intp) - (half - 1)
        weights = _weights(positions - first, 2 * half)
        for channel, row in enumerate(rows):  # one at a time: it stays in the cache
            windows[channel] = 0.0
            for node, weight in enumerate(weights):
                windows[channel] += weight * row.take(first + node)
        spectrum = rfft(windows, axis=1)[:, : cycles * centres.size + 2] / size
        power = 2 * (spectrum.real**2 + spectrum.imag**2)
        result[:, k, 0] = np.abs(spectrum[:, 0].real)
        result[:, k, 1:] = np.sqrt(power[:, centres - 1] + power[:, centres] + power[:, centres + 1])
    return result


def thds(groups: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the total harmonic distortion of subgroups, their last axis the order [%]."""
    distortion: NDArray[np.float64] = np.sqrt((groups[..., 2:] ** 2).sum(axis=-1)) / groups[..., 1] * 100
    return distortion
