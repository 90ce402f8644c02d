"""What the power-quality engine does to each sample, in numpy.

`compiled` has the same four functions for numba; both are called with the same arrays.
Rows are samples, shape (channels, n), single precision; positions are fractional indices
into them. Sums follow the straight lines between samples, so that a window may begin and
end between two of them.
"""

from __future__ import annotations

from itertools import pairwise
from math import pi
from typing import TYPE_CHECKING, Any

import numpy as np

from hil.analysis.quality import groups
from hil.analysis.rms import integrals

if TYPE_CHECKING:
    from numpy.typing import NDArray


def lagrange(x: NDArray[Any], half: int) -> NDArray[Any]:
    """Return the weights of the nodes 1 - half .. half for values at x = 0 .. 1, shape (2 half, *x.shape)."""
    nodes = np.arange(1 - half, half + 1)
    weights = np.ones((nodes.size, *x.shape), x.dtype)
    for k in range(1, nodes.size):  # the product of all factors below a node ...
        np.multiply(weights[k - 1], x - nodes[k - 1], out=weights[k])
    rest = np.ones_like(x)
    for k in range(nodes.size - 1, -1, -1):  # ... and of all above it
        weights[k] *= rest / np.prod(np.delete(nodes[k] - nodes, k).astype(float))
        rest *= x - nodes[k]
    return weights


def resample(
    rows: NDArray[np.float32], begin: float, length: float, half: int, out: NDArray[np.float32]
) -> None:
    """Write each row from `begin` over `length` samples, at out.shape[1] even steps, by 2 half points.

    Steps are at most a sample long; begin - half and begin + length + half lie inside.
    """
    positions = begin + np.arange(out.shape[1]) * (length / out.shape[1])
    first = positions.astype(np.intp)
    weights = lagrange((positions - first).astype(np.float32), half)
    first -= half - 1
    around = np.ascontiguousarray(rows[:, first[0] : first[-1] + 2 * half])
    first -= first[0]
    taken = np.empty_like(out)
    out[:] = 0.0
    for k, weight in enumerate(weights):
        np.take(around, first + k, axis=1, out=taken, mode="clip")  # all lie inside: only quicker
        taken *= weight
        out += taken


def halves(
    rows: NDArray[np.float32],
    pairs: NDArray[np.intp],
    edges: NDArray[np.float64],
    first: int,
    last: int,
    sums: NDArray[np.float64],
    turned: NDArray[np.complex128],
    powers: NDArray[np.float64],
) -> None:
    """Write integrals over the half cycles first .. last - 1, between neighbouring edges.

    sums: of x and of its square, shape (2, channels, halves); turned: of x exp(-j pi s),
    where s goes from 0 to 1 over the half cycle, shape (channels, halves); powers: of u i,
    shape (pairs, halves). In units of the signal times samples.
    """
    if last <= first:
        return
    low, high = int(edges[first]), int(np.ceil(edges[last])) + 1
    knots = edges[first : last + 1] - low
    at = np.ceil(knots).astype(np.intp)
    # The angle runs on from half to half; a sample beside an edge has it from its own half.
    step = pi / np.diff(knots)
    which = np.clip(
        np.repeat(np.arange(-1, last - first + 1), np.diff(at, prepend=0, append=high - low)),
        0,
        step.size - 1,
    )
    angle = ((np.arange(high - low) - knots[which]) * step[which]).astype(np.float32)
    sign = np.where(which % 2, np.float32(-1), np.float32(1))
    part = rows[:, low:high]
    sums[0, :, first:last] = _between(part, knots, at)
    sums[1, :, first:last] = _between(part * part, knots, at)
    back = (-1.0) ** np.arange(step.size)
    turned.real[:, first:last] = back * _between(part * (sign * np.cos(angle)), knots, at)
    turned.imag[:, first:last] = -back * _between(part * (sign * np.sin(angle)), knots, at)
    powers[:, first:last] = _between(part[pairs[:, 0]] * part[pairs[:, 1]], knots, at)


def _between(
    values: NDArray[np.float32], knots: NDArray[np.float64], at: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Return the integrals between knots, (rows, n) -> (rows, knots - 1); at: the samples after them."""
    part = at - knots
    # What a sum of samples from `at` on lacks of the integral from the knot on.
    lacks = values[:, at] * (part - part**2 / 2 - 0.5) + values[:, at - 1] * part**2 / 2
    whole = np.add.reduceat(values[:, : at[-1]].astype(float), at[:-1], axis=1)
    total: NDArray[np.float64] = whole + lacks[:, :-1] - lacks[:, 1:]
    return total


def squares(
    row: NDArray[np.float32], begins: NDArray[np.float64], ends: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the integral of the square over each begins .. ends, at least a sample apart, ascending."""
    if not begins.size:
        return np.empty(0)
    low, high = int(begins[0]), int(np.ceil(ends.max())) + 1
    part = row[low:high].astype(float)
    return integrals(part * part, begins - low, ends - low)


def grouped(
    spectrum: NDArray[np.complex64],
    size: int,
    cycles: int,
    edges: NDArray[np.intp],
    levels: tuple[NDArray[np.float32], ...],
    bands: NDArray[np.float32],
    window: int,
    total: NDArray[np.float64],
) -> None:
    """Write groups of one window: the transform of each channel, made of `size` samples.

    levels: groups, subgroups, interharmonic centred subgroups and groups, each of shape
    (channels, windows, orders); edges: first bin of each 200 Hz band and of what follows.
    The power of each bin is added to `total`, shape (channels, bins).
    """
    bins = total.shape[1]
    part = spectrum[:, :bins]
    power = (part.real**2 + part.imag**2) * np.float32(2 / size**2)
    power[:, 0] /= 2
    total += power
    orders = levels[0].shape[2] - 1
    for level, function in zip(
        levels,
        (groups.groups, groups.subgroups, groups.interharmonic_subgroups, groups.interharmonic_groups),
        strict=True,
    ):
        level[:, window] = function(power, cycles, orders)
    for band, (a, b) in enumerate(pairwise(edges)):
        bands[:, window, band] = np.sqrt(power[:, a:b].sum(axis=1))
