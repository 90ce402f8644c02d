"""Harmonics and interharmonics from the bins of a 10/12-cycle transform.

IEC 61000-4-7:2002+A1:2008, 3.2 to 3.4, 5.5 and 5.6, Annexes A and B. Everything here takes
the powers C_k^2 of bins: their last axis counts bins k = 0, 1, ... of a rectangular window
of `cycles` = 10 (50 Hz) or 12 (60 Hz) cycles of the fundamental, C_k is an RMS value, and
harmonic n stands at k = n * cycles. Order 0 is the DC bin alone: what lies beside it is
an interharmonic. What is returned are RMS values, in double precision.
"""

from __future__ import annotations

from itertools import pairwise
from math import hypot, sqrt
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hil.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

BANDS: Final = tuple(range(2100, 9000, 200))
"""Centres of the bands of 200 Hz, IEC 61000-4-7, Annex B [Hz]."""
RMS_ERROR: Final = 1e-5
"""Share of the RMS that it may be wrong by against the fundamental of the same interval."""


def harmonics(power: NDArray[Any], cycles: int, orders: int = 50) -> NDArray[np.float64]:
    """Return the single bins at orders 0 .. orders, shape (..., bins) -> (..., orders + 1)."""
    level: NDArray[np.float64] = np.sqrt(_by_order(power, cycles, orders)[..., 0])
    return level


def subgroups(power: NDArray[Any], cycles: int, orders: int = 50) -> NDArray[np.float64]:
    """Return the harmonic subgroups, each bin with both neighbours, (..., bins) -> (..., orders + 1)."""
    rows = _by_order(power, cycles, orders)
    total = rows[..., 0] + rows[..., 1] + _below(rows)[..., -1]
    return _with_dc(total, rows)


def groups(power: NDArray[Any], cycles: int, orders: int = 50) -> NDArray[np.float64]:
    """Return the harmonic groups, (..., bins) -> (..., orders + 1).

    They reach half way to the next harmonic; the bin there is shared in halves.
    """
    rows, half = _by_order(power, cycles, orders), cycles // 2
    below = _below(rows)
    total = rows[..., :half].sum(axis=-1) + rows[..., half] / 2
    total += below[..., half + 1 :].sum(axis=-1) + below[..., half] / 2
    return _with_dc(total, rows)


def interharmonic_groups(power: NDArray[Any], cycles: int, orders: int = 50) -> NDArray[np.float64]:
    """Return all bins between orders n and n + 1, at index n, (..., bins) -> (..., orders + 1)."""
    level: NDArray[np.float64] = np.sqrt(_by_order(power, cycles, orders)[..., 1:].sum(axis=-1))
    return level


def interharmonic_subgroups(power: NDArray[Any], cycles: int, orders: int = 50) -> NDArray[np.float64]:
    """Return the centred subgroups between orders n and n + 1, at index n: without the bins beside them."""
    level: NDArray[np.float64] = np.sqrt(_by_order(power, cycles, orders)[..., 2:-1].sum(axis=-1))
    return level


def bands(power: NDArray[Any], bin_width: float) -> NDArray[np.float64]:
    """Return the bands of 200 Hz centred at 2100, 2300 ... 8900 Hz, shape (..., as many as are complete).

    bin_width: [Hz]. A bin on the edge of two bands belongs to the lower one.
    """
    edges = np.floor((np.array([BANDS[0] - 200, *BANDS]) + 100) / bin_width + 1e-6).astype(np.intp) + 1
    whole = int(np.count_nonzero(edges[1:] <= power.shape[-1]))
    parts = [power[..., a:b].sum(axis=-1, dtype=float) for a, b in pairwise(edges[: whole + 1])]
    return np.sqrt(np.stack(parts, axis=-1)) if parts else np.empty((*power.shape[:-1], 0))


def thd(levels: NDArray[Any], orders: int = 40) -> NDArray[np.float64]:
    """Return the total distortion over orders 2 .. orders, (..., orders + 1 or more) -> (...) [%].

    THD of `harmonics`, THDG of `groups`, THDS of `subgroups` (IEC 61000-4-7, 3.3); 40 is the
    clause's own highest order, so another one is to be stated. NaN without a fundamental.
    """
    return _share(_sum_of_squares(levels, 2, orders), levels[..., 1])


def pwhd(levels: NDArray[Any]) -> NDArray[np.float64]:
    """Return the partial weighted distortion, orders 14 .. 40, of the fundamental [%] (3.3.4)."""
    weighted = np.sqrt(np.arange(levels.shape[-1])) * levels
    return _share(_sum_of_squares(weighted, 14, 40), levels[..., 1])


def tdd(levels: NDArray[Any], demand: float, orders: int = 50) -> NDArray[np.float64]:
    """Return the total demand distortion, orders 2 .. orders, of the demand current [A] in [%] (IEEE 519)."""
    if not demand > 0:
        raise ConfigError(f"demand current {demand:g} A: give a positive RMS value")
    return _share(_sum_of_squares(levels, 2, orders), np.asarray(demand))


def trd(rms: NDArray[Any], fundamental: NDArray[Any], rated: float) -> NDArray[np.float64]:
    """Return the total rated-current distortion [%] (IEEE 1547-2018, 7.3; IEEE 2800-2022, 8.2).

    All that is not the fundamental, interharmonics too, of the rated current [A]. It is the
    difference of two large squares: see `trd_uncertainty`. An RMS below the fundamental by
    rounding is no distortion.
    """
    if not rated > 0:
        raise ConfigError(f"rated current {rated:g} A: give a positive RMS value")
    rest = np.maximum(np.asarray(rms, float) ** 2 - np.abs(fundamental) ** 2, 0.0)
    return _share(rest, np.asarray(rated))


def trd_uncertainty(trd: float, rms: float, rated: float) -> float:
    """Return how much higher a TRD [%] would be if the RMS were higher by `RMS_ERROR` of it [%]."""
    return hypot(trd, 100 * sqrt(2 * RMS_ERROR) * rms / rated) - trd


def _by_order(power: NDArray[Any], cycles: int, orders: int) -> NDArray[np.float64]:
    """Return the bins from each order up to the next, shape (..., orders + 1, cycles)."""
    needed = (orders + 1) * cycles
    if power.shape[-1] < needed:
        raise ConfigError(
            f"orders up to {orders} in windows of {cycles} cycles need {needed} bins, not {power.shape[-1]}: "
            "ask for fewer orders or sample faster"
        )
    kept = np.asarray(power[..., :needed], float)
    return kept.reshape(*kept.shape[:-1], orders + 1, cycles)


def _below(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return for each order the bins from the order below, none for order 0."""
    below = np.zeros_like(rows)
    below[..., 1:, :] = rows[..., :-1, :]
    return below


def _with_dc(total: NDArray[np.float64], rows: NDArray[np.float64]) -> NDArray[np.float64]:
    total[..., 0] = rows[..., 0, 0]
    level: NDArray[np.float64] = np.sqrt(total)
    return level


def _sum_of_squares(levels: NDArray[Any], first: int, last: int) -> NDArray[np.float64]:
    if levels.shape[-1] <= last:
        raise ConfigError(
            f"distortion over orders {first} to {last} needs them all; the highest is {levels.shape[-1] - 1}"
        )
    part = np.asarray(levels[..., first : last + 1], float)
    total: NDArray[np.float64] = np.einsum("...n,...n->...", part, part)
    return total


def _share(square: NDArray[np.float64], whole: NDArray[Any]) -> NDArray[np.float64]:
    """Return 100 sqrt(square) / whole, NaN where the whole is not positive [%]."""
    known = np.asarray(whole, float)
    known = np.where(known > 0, known, np.nan)
    percent: NDArray[np.float64] = 100 * np.sqrt(square) / known
    return percent
