"""What the power-quality engine does to each sample, compiled: the functions of `kernels`.

Sums of a row are taken in single precision in as many parts as the processor has lanes,
over half a cycle at most. The order of terms is fixed when this is compiled: results do
not depend on the number of threads. All compiled functions stay in this file: numba's
cache is renewed when this file changes, and only then.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from hil import jit

if not jit.COMPILED:  # loops in plain Python would take hours: the caller has the same in numpy
    raise ImportError("numba is not installed")

_ZERO: Any = np.float32(0.0)
_compiled = partial(jit.compiled, fastmath={"reassoc", "nsz", "contract"})


@_compiled
def resample(rows: Any, begin: float, length: float, half: int, out: Any) -> None:
    """Write each row at even steps, by Lagrange interpolation: see `kernels.resample`.

    Steps are a little shorter than a sample, so the samples that neighbouring values are
    made of move on in runs: within one, all is contiguous.
    """
    size, most, nodes = out.shape[1], 256, 2 * half
    step = length / size
    scale = np.empty(nodes, np.float32)
    for k in range(nodes):
        product = 1.0
        for m in range(nodes):
            if m != k:
                product *= k - m
        scale[k] = 1.0 / product
    weights = np.empty((nodes, most), np.float32)
    x = np.empty(most, np.float32)
    rest = np.empty(most, np.float32)
    j = 0
    while j < size:
        base = math.floor(begin + j * step) - j
        # The run ends where the position falls behind base + j.
        run = min(most, size - j)
        if begin + (j + run - 1) * step < base + j + run - 1:
            run = max(1, min(run, int((begin - base) / (1.0 - step)) - j))
            while run > 1 and begin + (j + run - 1) * step < base + j + run - 1:
                run -= 1
            while j + run < size and run < most and begin + (j + run) * step >= base + j + run:
                run += 1
        offset, shrink, one = begin + j * step - (base + j) + (half - 1), step - 1.0, weights[0]
        for i in range(run):
            x[i] = offset + i * shrink
            one[i] = rest[i] = 1.0
        for k in range(1, nodes):  # the product of all factors below node k ...
            lower, here, node = weights[k - 1], weights[k], np.float32(k - 1)
            for i in range(run):
                here[i] = lower[i] * (x[i] - node)
        for k in range(nodes):  # ... and of all above it
            here, node, factor = weights[nodes - 1 - k], np.float32(nodes - 1 - k), scale[nodes - 1 - k]
            for i in range(run):
                here[i] *= rest[i] * factor
                rest[i] *= x[i] - node
        for channel in range(rows.shape[0]):
            row, target = rows[channel, base + j - half + 1 :], out[channel, j:]
            first = nodes % 4  # four nodes at a time, once two
            for i in range(run):
                target[i] = weights[0, i] * row[i] + weights[1, i] * row[i + 1] if first else _ZERO
            for k in range(first, nodes, 4):
                a, b, c, d = row[k:], row[k + 1 :], row[k + 2 :], row[k + 3 :]
                wa, wb, wc, wd = weights[k], weights[k + 1], weights[k + 2], weights[k + 3]
                for i in range(run):
                    target[i] += wa[i] * a[i] + wb[i] * b[i] + wc[i] * c[i] + wd[i] * d[i]
        j += run


@_compiled
def _before(position: float, at: int, there: float, earlier: float) -> float:
    """Return what a sum of samples from `at` on lacks of the integral from `position` on."""
    part = at - position
    return there * (part - part * part / 2 - 0.5) + earlier * part * part / 2


@_compiled
def _turns(begin: float, step: float, first: int, count: int, table: Any) -> None:
    """Write cosine and minus sine of (index - begin) step, for indices from `first` on."""
    done = min(8, count)
    for i in range(done):
        angle = (first + i - begin) * step
        table[0, i] = math.cos(angle)
        table[1, i] = -math.sin(angle)
    while done < count:
        cosine, sine = math.cos(done * step), -math.sin(done * step)
        more = min(done, count - done)
        for i in range(more):
            table[0, done + i] = table[0, i] * cosine - table[1, i] * sine
            table[1, done + i] = table[0, i] * sine + table[1, i] * cosine
        done += more


@_compiled
def halves(
    rows: Any, pairs: Any, edges: Any, first: int, last: int, sums: Any, turned: Any, powers: Any
) -> None:
    """Write integrals over half cycles: see `kernels.halves`."""
    longest = 0.0
    for m in range(first, last):
        longest = max(longest, edges[m + 1] - edges[m])
    size = int(longest) + 4
    exact, table = np.empty((2, size)), np.empty((2, size), np.float32)
    for m in range(first, last):
        begin, end = edges[m], edges[m + 1]
        low, high = math.ceil(begin), math.ceil(end)
        back = max(low - 1, 0)
        _turns(begin, math.pi / (end - begin), back, high - back + 1, exact)
        for i in range(high - back + 1):
            table[0, i], table[1, i] = exact[0, i], exact[1, i]
        count, shift = high - low, low - back
        cosine, sine = table[0, shift:], table[1, shift:]
        for k in range(rows.shape[0]):
            row = rows[k, low:]
            total = square = real = imag = _ZERO
            for i in range(count):  # four sums in one go
                value = row[i]
                total += value
                square += value * value
                real += value * cosine[i]
                imag += value * sine[i]
            a, b, c, d = float(rows[k, low]), float(rows[k, back]), float(rows[k, high]), 0.0
            d = float(rows[k, high - 1])
            ca, cb, cc, cd = exact[0, shift], exact[0, 0], exact[0, high - back], exact[0, high - 1 - back]
            sa, sb, sc, sd = exact[1, shift], exact[1, 0], exact[1, high - back], exact[1, high - 1 - back]
            sums[0, k, m] = total + _before(begin, low, a, b) - _before(end, high, c, d)
            sums[1, k, m] = square + _before(begin, low, a * a, b * b) - _before(end, high, c * c, d * d)
            turned[k, m] = complex(
                real + _before(begin, low, a * ca, b * cb) - _before(end, high, c * cc, d * cd),
                imag + _before(begin, low, a * sa, b * sb) - _before(end, high, c * sc, d * sd),
            )
        for k in range(pairs.shape[0]):
            one, other = rows[pairs[k, 0]], rows[pairs[k, 1]]
            u, v = one[low:], other[low:]
            power = _ZERO
            for i in range(count):
                power += u[i] * v[i]
            head = _before(begin, low, float(u[0]) * v[0], float(one[back]) * other[back])
            tail = _before(end, high, float(u[count]) * v[count], float(u[count - 1]) * v[count - 1])
            powers[k, m] = power + head - tail


@_compiled
def squares(row: Any, begins: Any, ends: Any) -> Any:
    """Return the integral of the square over each begins .. ends: see `kernels.squares`."""
    result = np.empty(begins.size)
    for m in range(begins.size):
        low, high = math.ceil(begins[m]), math.ceil(ends[m])
        total = 0.0
        for at in range(low, high, 1024):
            part, piece = _ZERO, row[at : min(high, at + 1024)]
            for i in range(piece.size):
                part += piece[i] * piece[i]
            total += part
        a, b, c, d = float(row[low]), float(row[max(low - 1, 0)]), float(row[high]), float(row[high - 1])
        total += _before(begins[m], low, a * a, b * b) - _before(ends[m], high, c * c, d * d)
        result[m] = total
    return result


@_compiled
def grouped(
    spectrum: Any,
    size: int,
    cycles: int,
    edges: Any,
    levels: Any,
    bands: Any,
    window: int,
    total: Any,
) -> None:
    """Write groups of one window: see `kernels.grouped`."""
    group, subgroup, between, inner = levels
    bins, orders, middle = total.shape[1], group.shape[2], cycles // 2
    scale = np.float32(2.0 / size**2)
    power = np.empty(bins, np.float32)
    for channel in range(spectrum.shape[0]):
        row, sums = spectrum[channel], total[channel]
        for k in range(bins):
            value = row[k]
            power[k] = scale * (value.real * value.real + value.imag * value.imag)
        power[0] /= np.float32(2.0)
        for k in range(bins):
            sums[k] += power[k]
        for order in range(orders):
            at = order * cycles
            whole = _ZERO
            for k in range(at + 2, at + cycles - 1):
                whole += power[k]
            between[channel, window, order] = math.sqrt(whole)
            inner[channel, window, order] = math.sqrt(whole + power[at + 1] + power[at + cycles - 1])
            if order == 0:
                group[channel, window, 0] = subgroup[channel, window, 0] = math.sqrt(power[0])
                continue
            near = power[at - 1] + power[at] + power[at + 1]
            subgroup[channel, window, order] = math.sqrt(near)
            near += (power[at - middle] + power[at + middle]) / np.float32(2.0)
            for k in range(2, middle):
                near += power[at - k] + power[at + k]
            group[channel, window, order] = math.sqrt(near)
        for band in range(edges.size - 1):
            whole = _ZERO
            for k in range(edges[band], edges[band + 1]):
                whole += power[k]
            bands[channel, window, band] = math.sqrt(whole)
