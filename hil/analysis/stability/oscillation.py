"""Sustained oscillations in a power, a voltage or a frequency, with a stated rate of false alarms.

The record is cut into half-overlapping windows of several lengths. In each window a line's
periodogram is compared with the bins about it: for noise the ratio follows the F
distribution, whatever the noise's level. The evidence -ln p of consecutive windows
is summed (R. A. Fisher, 1932; for noise a gamma variable), and Bonferroni's correction covers
bins, runs of windows and window lengths, so that `false_alarm` holds for the record. One window
counts no more than a quarter of what it takes: a step or a ring-down that is over after three
windows cannot alarm.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi, sqrt
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hil.analysis.stability.decimate import decimate
from hil.analysis.stability.lines import (
    FIRST,
    REACH,
    SCALLOP,
    Episode,
    Scan,
    detectable,
    episodes,
    freed,
    freedom,
    scan_windows,
    windows_of,
)
from hil.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_HARMONICS: Final = (2, 3, 4, 5)


@dataclass(frozen=True, slots=True)
class Oscillation:
    """One oscillation."""

    kind: str
    """"limit cycle" (steady, with harmonics), "sustained" (steady), "growing" or "decaying"."""
    frequency: float
    """[Hz]"""
    frequency_uncertainty: float
    """Expanded (k = 2) [Hz]."""
    amplitude: float
    """RMS over its duration, in the unit of the samples."""
    growth: float
    """Rate of the amplitude's exponential [1/s]."""
    growth_uncertainty: float
    """Expanded (95 %) [1/s]."""
    begin: float
    """First window that shows it begins [s]."""
    end: float
    """Last window that shows it ends [s]."""
    p_value: float
    """Chance that noise shows as much somewhere in the record (Bonferroni)."""
    harmonics: tuple[tuple[int, float], ...]
    """(order, RMS) of the harmonics that stand above the noise."""


@dataclass(frozen=True, eq=False)
class Oscillations:
    """What a record holds, and what it could have hidden."""

    state: str
    """"ok", "none" (none above the detection limit), or "record too short"."""
    found: tuple[Oscillation, ...]
    """The largest first."""
    band: tuple[float, float]
    """Frequencies that the record allows to be judged [Hz]."""
    false_alarm: float
    limit: float | None
    """Largest of `limits` away from lines: no oscillation above it, RMS, lasted the whole record."""
    frequency: NDArray[np.float64]
    """Shape (m,) [Hz]."""
    limits: NDArray[np.float64]
    """RMS that would have been found with 95 % probability, had it lasted the whole record, shape (m,);
    NaN where excluded. Known to about 10 %; beside a strong line, up to 14 bins away, it is larger."""


def find_oscillations(
    samples: NDArray[Any],
    rate: float,
    *,
    band: tuple[float, float] = (0.1, 100.0),
    exclude: Sequence[float] = (),
    false_alarm: float = 1e-3,
    start: float = 0.0,
) -> Oscillations:
    """Return the sustained oscillations of a signal, shape (n,); NaN where a sample is spoilt.

    rate [Hz]; band and frequencies to exclude, such as the line's and twice that [Hz], to 1 % or
    three bins; start: time of the first sample [s]. Windows with spoilt samples count as evidence
    of nothing.
    """
    low, high = band
    if not (0 < low < high < rate / 2):
        raise ConfigError(
            f"oscillations: a band of {low:g} to {high:g} Hz does not fit below {rate / 2:g} Hz"
        )
    if not 0 < false_alarm < 0.5:
        raise ConfigError(f"oscillations: false-alarm rate {false_alarm:g}; give one between 0 and 0.5")
    samples = np.asarray(samples, float)
    bad = ~np.isfinite(samples)
    if bad.any():
        index = np.arange(samples.size)
        samples = np.interp(index, index[~bad], samples[~bad]) if not bad.all() else np.zeros(samples.size)
    thin = decimate(samples[None], rate, 1.25 * high, 2.5)  # flat around the highest line, too
    x = thin.samples[0]
    if x.size and np.ptp(x) <= 1e-12 * np.abs(x).max():
        x = np.zeros(x.size)  # rounding is no noise
    spoilt = np.zeros(x.size, bool)
    if bad.any():  # a kept sample is spoilt where its filter saw a bad one
        half = thin.taps.size // 2
        middle = np.round(thin.first * rate).astype(int) + np.arange(x.size) * thin.step
        count = np.concatenate([[0], np.cumsum(bad)])
        spoilt = count[np.minimum(middle + half + 1, samples.size)] > count[np.maximum(middle - half, 0)]
    longest = min(x.size / thin.rate / 3, max(FIRST / low, 64 / high))
    lengths = []
    while longest * high >= 32:
        lengths.append(2 * int(longest * thin.rate / 2))
        longest /= 4
    if not lengths:
        empty = np.empty(0)
        return Oscillations("record too short", (), band, false_alarm, None, empty, empty)
    scans = [
        scan_windows(x, thin.rate, spoilt, n, (low, high), exclude, false_alarm / len(lengths))
        for n in lengths
    ]
    found = _found(scans, x, start + thin.first, false_alarm)
    hertz, limits, limit = _limits(scans, found, exclude)
    state = "ok" if found else "none"
    return Oscillations(state, found, (float(hertz[0]), high), false_alarm, limit, hertz, limits)


def _found(
    scans: list[Scan], x: NDArray[np.float64], start: float, false_alarm: float
) -> tuple[Oscillation, ...]:
    """Return each oscillation once: from the longest windows that show it for about as long as any do."""
    kept: list[Episode] = []
    for scan in scans:  # longest windows first
        for new in episodes(scan, len(scans)):
            width = 2 * scan.rate / scan.length
            hertz = scan.hertz[new.bin]
            same = [old for old in kept if abs(old.scan.hertz[old.bin] - hertz) < width]
            if same and new.seconds < 1.5 * sum(old.seconds for old in same):
                continue
            kept = [old for old in kept if old not in same] + [new]
    kept.sort(key=lambda episode: float(episode.scan.hertz[episode.bin]))
    result: list[Oscillation] = []
    for episode in kept:
        found = _measured(episode, x, start, false_alarm)
        width = 2 * episode.scan.rate / episode.scan.length
        multiples = [
            lower
            for lower in result
            if round(found.frequency / lower.frequency) in _HARMONICS
            and abs(found.frequency / round(found.frequency / lower.frequency) - lower.frequency) < width / 2
            and found.begin < lower.end
            and lower.begin < found.end
            and any(order == round(found.frequency / lower.frequency) for order, _ in lower.harmonics)
        ]
        if not multiples:
            result.append(found)
    return tuple(sorted(result, key=lambda o: -o.amplitude))


def _measured(episode: Episode, x: NDArray[np.float64], start: float, false_alarm: float) -> Oscillation:
    """Return frequency, amplitude, growth and harmonics over the windows of an episode."""
    from scipy.special import gammainccinv, stdtrit  # noqa: PLC0415 - keeps `hil --help` quick

    scan, length, rate = episode.scan, episode.scan.length, episode.scan.rate
    windows = freed(windows_of(x, length)[episode.first : episode.last + 1])
    count, hop = len(windows), length / 2 / rate
    time = np.arange(count) * hop
    t = np.arange(length) / rate
    gain = length / 2 / sqrt(2)  # of the Hann window, for an RMS
    away, hertz, spread = time - time.mean(), float(scan.hertz[episode.bin]), 0.0
    # The sum of a slope's squared weights; noise in half-overlapping windows is correlated by 1/6.
    lever, dof = sqrt(float(away @ away)), max(count - 2, 1)
    wide = float(stdtrit(dof, 0.975)) * sqrt(4 / 3)
    for _ in range(3):
        crest = windows @ np.exp(-2j * pi * hertz * t) / gain
        phase = np.unwrap(np.angle(crest * np.exp(-2j * pi * hertz * time)))
        phase -= phase.mean()
        slope = float(away @ phase) / lever**2
        spread = wide * sqrt(float(((phase - slope * away) ** 2).sum()) / dof) / lever / (2 * pi)
        hertz += slope / (2 * pi)
    level = np.log(np.maximum(np.abs(crest), 1e-300))
    growth = float(away @ level) / lever**2
    rest = level - level.mean() - growth * away
    growth_spread = wide * sqrt(float(rest @ rest) / dof) / lever
    noise = float(scan.background[episode.bin]) / gain**2
    rms = sqrt(max(float((np.abs(crest) ** 2).mean()) - noise, 0.0))
    harmonics = []
    for order in _HARMONICS:
        k = round(order * hertz * length / rate) - scan.first
        if 0 <= k < scan.power.shape[1] and scan.allowed[k]:
            run = slice(episode.first, episode.last + 1)
            if scan.evidence[run, k].sum() > gammainccinv(count, false_alarm / len(_HARMONICS)):
                part = windows @ np.exp(-2j * pi * order * hertz * t) / gain
                rest_power = float(scan.background[k]) / gain**2
                harmonics.append((order, sqrt(max(float((np.abs(part) ** 2).mean()) - rest_power, 0.0))))
    # Steady: no slope that stands out from the scatter, and halves that differ by less than a factor of 2.
    early, late = ((np.abs(part) ** 2).mean() for part in (crest[: count // 2], crest[-(count // 2) :]))
    if abs(growth) > growth_spread or not early / 4 < late < 4 * early:
        kind = "growing" if late > early else "decaying"
    else:
        kind = "limit cycle" if harmonics else "sustained"
    begin = float(start + episode.first * hop)
    return Oscillation(
        kind,
        hertz,
        spread,
        rms,
        growth,
        growth_spread,
        begin,
        begin + episode.seconds,
        min(episode.p_value, 1.0),
        tuple(harmonics),
    )


def _limits(
    scans: list[Scan], found: tuple[Oscillation, ...], exclude: Sequence[float]
) -> tuple[NDArray[np.float64], NDArray[np.float64], float | None]:
    """Return frequencies, the RMS that would have been found there, and the largest away from lines."""
    grid = np.concatenate([scan.hertz for scan in scans[:1]])
    limits = np.full(grid.size, np.nan)
    for scan in scans:
        bins = scan.first + np.arange(scan.background.size)
        reach = np.minimum(np.minimum(REACH, bins - 2), scan.length // 2 - 1 - bins)
        ratio = {int(k): detectable(scan, float(freedom(np.array(k)))) for k in np.unique(reach)}
        needed = np.array([ratio[int(k)] for k in reach])
        judged = scan.allowed & (scan.background > 0)
        power = np.full(bins.size, np.nan)
        power[judged] = needed[judged] * scan.background[judged] / SCALLOP
        rms = np.sqrt(power) / (scan.length / 2 / sqrt(2))
        here = np.interp(grid, scan.hertz, rms, left=np.nan, right=np.nan)
        limits = np.fmin(limits, here)
    width = (REACH + 2) * scans[0].rate / scans[0].length
    clear = np.isfinite(limits)
    for line in (*exclude, *(o.frequency * k for o in found for k in (1, *_HARMONICS))):
        clear &= np.abs(grid - line) > max(width, 0.01 * line)
    return grid, limits, float(limits[clear].max()) if clear.any() else None
