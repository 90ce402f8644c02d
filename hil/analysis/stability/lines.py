"""Lines that stand out of noise, window by window: the statistics behind `oscillation`."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

LEAST: Final = 5
"""Consecutive windows that an oscillation must show in."""
FIRST: Final = 5
"""Periods in a window, at least."""
POWER: Final = 1.645
"""Quantile of the normal distribution for the chance of 95 % that the detection limit is stated for."""
REACH: Final = 14  # bins to each side that the background is taken from, the nearest two left out
TOLERANCE: Final = 1.25
"""Ratio to its surroundings that noise may have at any frequency: its spectrum need not be flat."""
SCALLOP: Final = 0.72  # of its power a line keeps midway between two bins of a Hann window


@dataclass(frozen=True, eq=False)
class Scan:
    """All windows of one length."""

    length: int
    rate: float
    first: int
    """Bin that row 0 of the arrays is about."""
    power: NDArray[np.float64]
    """Periodograms, shape (windows, bins)."""
    evidence: NDArray[np.float64]
    """-ln p of each window and bin, capped."""
    background: NDArray[np.float64]
    """Median over windows, shape (bins,)."""
    needed: dict[int, float]
    """Sum of evidence that a run of so many windows needs."""
    trials: int
    allowed: NDArray[np.bool_]
    """False in excluded bins."""

    @property
    def hertz(self) -> NDArray[np.float64]:
        """Return the frequency of each bin [Hz]."""
        return (self.first + np.arange(self.power.shape[1])) * self.rate / self.length


def windows_of(x: NDArray[Any], length: int) -> NDArray[Any]:
    """Return half-overlapping windows, shape (windows, length); a view."""
    return np.lib.stride_tricks.sliding_window_view(x, length)[:: length // 2]


def freed(windows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return windows without their straight lines, under a Hann window."""
    length = windows.shape[1]
    line = np.linalg.qr(np.vander(np.linspace(-1, 1, length), 2))[0]
    free: NDArray[np.float64] = windows - (windows @ line) @ line.T
    free *= np.hanning(length + 1)[:-1]
    return free


def scan_windows(
    x: NDArray[np.float64],
    rate: float,
    spoilt: NDArray[np.bool_],
    length: int,
    band: tuple[float, float],
    exclude: Sequence[float],
    false_alarm: float,
) -> Scan:
    """Return the evidence in all windows of one length."""
    from scipy import fft  # noqa: PLC0415 - keeps `hil --help` quick
    from scipy.special import gammainccinv  # noqa: PLC0415

    spectra = fft.rfft(freed(windows_of(x, length)), axis=1)
    power = spectra.real**2 + spectra.imag**2
    first = max(FIRST, int(np.ceil(band[0] * length / rate)))
    last = min(int(band[1] * length / rate), power.shape[1] - 1 - FIRST)
    bins = np.arange(first, last + 1)
    reach = np.minimum(np.minimum(REACH, bins - 2), power.shape[1] - 2 - bins)
    total = np.concatenate([np.zeros((len(power), 1)), np.cumsum(power, axis=1)], axis=1)
    around = total[:, bins + reach + 1] - total[:, bins + 2] + total[:, bins - 1] - total[:, bins - reach]
    around /= 2 * (reach - 1)
    power = power[:, first : last + 1]
    dof = freedom(reach)
    ratio = np.divide(power, TOLERANCE * around, out=np.zeros_like(power), where=around > 0)
    evidence = dof * np.log1p(ratio / dof)  # F(2, 2 dof): p = (1 + ratio / dof)^-dof

    count, hertz = len(power), bins * rate / length
    allowed = np.ones(bins.size, bool)
    for line in exclude:
        allowed &= np.abs(hertz - line) > max(0.01 * line, 3 * rate / length)
    runs = [LEAST << k for k in range(max(1, (max(count, LEAST) // LEAST).bit_length()))]
    runs = [run for run in runs if run < count] + ([count] if count >= LEAST else [])
    trials = sum(count - run + 1 for run in runs) * max(1, int(allowed.sum()))
    needed = {run: float(gammainccinv(run, false_alarm / max(trials, 1))) for run in runs}
    evidence = np.minimum(evidence, needed[min(runs)] / (LEAST - 1)) if runs else evidence
    evidence[windows_of(spoilt, length).any(axis=1)] = 0.0
    return Scan(length, rate, first, power, evidence, np.median(around, axis=0), needed, trials, allowed)


def freedom(reach: NDArray[Any]) -> NDArray[np.float64]:
    """Return half the degrees of freedom of a background of 2 (reach - 1) bins under a Hann window.

    Neighbours of a Hann window's periodogram are correlated by (2/3)^2, next neighbours by (1/6)^2.
    """
    side = np.asarray(reach, float) - 1
    variance = 2 * (side + 2 * (side - 1) * 4 / 9 + 2 * np.maximum(side - 2, 0) / 36)
    half: NDArray[np.float64] = (2 * side) ** 2 / variance
    return half


@dataclass(frozen=True, slots=True)
class Episode:
    """Windows `first` .. `last` of a scan show a line at `bin`."""

    scan: Scan
    bin: int
    first: int
    last: int
    p_value: float

    @property
    def seconds(self) -> float:
        """Return its duration [s]."""
        return (self.last - self.first + 2) * self.scan.length / 2 / self.scan.rate


def episodes(scan: Scan, scans: int) -> list[Episode]:
    """Return where the evidence suffices: for each group of bins, each stretch of windows."""
    from scipy.special import gammaincc  # noqa: PLC0415 - keeps `hil --help` quick

    windows, bins = scan.evidence.shape
    total = np.vstack([np.zeros(bins), np.cumsum(scan.evidence, axis=0)])
    shown = np.zeros((windows + 1, bins))  # +1 where a run begins, -1 after its end
    least = np.ones(bins)
    for run, needed in scan.needed.items():
        sums = total[run:] - total[:-run]
        enough = (sums > needed) & scan.allowed
        if enough.any():
            shown[: windows - run + 1] += enough
            shown[run:] -= enough
            best = np.where(enough, sums, 0).max(axis=0)
            hit = best > 0
            least[hit] = np.minimum(least[hit], gammaincc(run, best[hit]) * scan.trials * scans)
    covered = np.cumsum(shown, axis=0)[:-1] > 0
    found = []
    columns = np.flatnonzero(covered.any(axis=0))
    for group in np.split(columns, np.flatnonzero(np.diff(columns) > 2) + 1):
        if not group.size:
            continue
        peak = int(group[(scan.power[:, group] * covered[:, group]).sum(axis=0).argmax()])
        edges = np.flatnonzero(np.diff(np.concatenate([[0], covered[:, peak], [0]]).astype(np.int8)))
        for begin, end in zip(edges[::2], edges[1::2], strict=True):
            first, last = _strongest(scan.evidence[begin:end, peak])
            if last - first + 1 >= LEAST - 1:
                found.append(Episode(scan, peak, int(begin) + first, int(begin) + last, float(least[peak])))
    return found


def _strongest(evidence: NDArray[np.float64]) -> tuple[int, int]:
    """Return first and last window of the stretch that stands out most from noise, whose mean is 1."""
    total = np.concatenate([[0.0], np.cumsum(evidence - (1 + evidence.mean()) / 2)])
    rise = total - np.minimum.accumulate(total)
    last = int(rise.argmax())
    return int(total[: last + 1].argmin()), last - 1


def detectable(scan: Scan, dof: float) -> float:
    """Return the ratio of a line's power to the background that suffices in 95 % of records; inf: none."""
    used = int((scan.evidence.max(axis=1) > 0).sum())
    runs = [run for run in scan.needed if run <= used]
    if not runs:
        return np.inf
    run = max(runs)
    cap = scan.needed[min(scan.needed)] / (LEAST - 1)
    from scipy.special import gammaincinv  # noqa: PLC0415 - keeps `hil --help` quick

    # The line adds to complex noise; the background is a mean, too, and scatters like a gamma variable.
    node, weight = np.polynomial.hermite_e.hermegauss(16)
    around = gammaincinv(dof, (np.arange(16) + 0.5) / 16) / dof
    re, im, by = np.meshgrid(node / sqrt(2), node / sqrt(2), around, indexing="ij")
    chance = np.einsum("i,j->ij", weight, weight)[:, :, None] / (weight.sum() ** 2 * 16)

    def surplus(line: float) -> float:
        ratio = ((sqrt(line) + re) ** 2 + im**2) / by
        evidence = np.minimum(dof * np.log1p(ratio / TOLERANCE / dof), cap)
        mean = float((chance * evidence).sum())
        variance = float((chance * (evidence - mean) ** 2).sum())
        return run * mean - POWER * sqrt(run * max(variance, 0.0)) - scan.needed[run]

    low, high = 0.01, 1e4
    if surplus(high) < 0:
        return np.inf
    while high / low > 1.01:
        middle = sqrt(low * high)
        low, high = (low, middle) if surplus(middle) > 0 else (middle, high)
    return high
