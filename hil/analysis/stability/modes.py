"""Modes of a ring-down: frequency and damping of each damped sinusoid in a record.

The matrix pencil in its total-least-squares form (Y. Hua, T. K. Sarkar, 1990,
doi:10.1109/29.56027) finds the poles; it takes one decomposition and lies within 1 dB of
the Cramer-Rao bound, where Prony's method needs far less noise and ERA, which is the
same shift invariance, a block shape to choose. A Gauss-Newton fit of damped sinusoids
(separable least squares, doi:10.1137/0710036) then makes the estimates those of least
squares, and its linearisation gives their uncertainty with the noise as it is coloured.

What counts as a mode: its singular values stand above the noise edge, it comes back with
another pencil parameter, and the energy that the fit owes to it is more than noise gives.
Noise is taken as flat about each mode. Noise that rises towards low frequencies (1/f) can be
fitted by a mode of 2 to 5 periods in the record: in about one such record of six it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi, sqrt
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hil.analysis.stability.decimate import decimate
from hil.analysis.stability.pencil import MOST, stable_poles
from hil.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

FALSE_MODE: Final = 1e-3
"""Chance that noise is taken for a mode, for each record."""
LEAST: Final = 24
"""Samples in the band, below which nothing is determined."""
_RESONANT: Final = 1 / sqrt(2)
_SMOOTH: Final = 33
_PERIODS: Final = 2.0  # fewer in a record are not told from its drift


@dataclass(frozen=True, eq=False)
class Modes:
    """Modes of a record, the one with the most energy first."""

    state: str
    """"ok", or why there is none: "record too short", "no mode above the noise", "spoilt samples"."""
    frequency: NDArray[np.float64]
    """Frequency of the damped sinusoid, shape (k,) [Hz]."""
    frequency_uncertainty: NDArray[np.float64]
    """Expanded (k = 2) [Hz]."""
    damping: NDArray[np.float64]
    """Damping ratio -Re(pole)/|pole|; negative where the mode grows, shape (k,)."""
    damping_uncertainty: NDArray[np.float64]
    """Expanded (k = 2)."""
    amplitude: NDArray[np.float64]
    """Peak value at the first sample, in the unit of the samples, shape (channels, k)."""
    phase: NDArray[np.float64]
    """Of the cosine at the first sample, shape (channels, k) [rad]."""
    share: NDArray[np.float64]
    """Energy of the mode by that of the record in the band; overlapping modes may sum to more than 1."""

    def __len__(self) -> int:
        """Return the number of modes."""
        return int(self.frequency.size)


def _none(state: str, channels: int) -> Modes:
    """Return no modes, and why."""
    flat, wide = np.empty(0), np.empty((channels, 0))
    return Modes(state, flat, flat, flat, flat, wide, wide, flat)


def modes(
    samples: NDArray[Any], rate: float, *, band: tuple[float, float] = (0.1, 100.0), order: int | None = None
) -> Modes:
    """Return the modes of a ring-down, shape (channels, n) or (n,), with common poles.

    The record begins after the event that set the modes off. rate [Hz]; band: frequencies
    to report [Hz]; order: number of modes to look for at most, the noise edge decides
    without it. A constant and a straight line under the modes are fitted with them.
    """
    low, high = band
    if not (0 <= low < high <= rate / 2):
        raise ConfigError(f"modes: a band of {low:g} to {high:g} Hz does not fit below {rate / 2:g} Hz")
    if order is not None and not 1 <= order <= MOST // 2:
        raise ConfigError(f"modes: order {order}; give 1 to {MOST // 2}, or none")
    samples = np.atleast_2d(np.asarray(samples, float))
    channels = len(samples)
    if not np.isfinite(samples).all():
        return _none("spoilt samples", channels)
    thin = decimate(samples, rate, high, 5.0)
    n = thin.samples.shape[1]
    if n < LEAST:
        return _none("record too short", channels)
    line = np.vander(np.linspace(-1, 1, n), 2)
    x = thin.samples - (np.linalg.lstsq(line, thin.samples.T)[0].T @ line.T)
    scale = np.sqrt((x * x).mean(axis=1, keepdims=True))
    if not (scale > 1e-12 * np.abs(samples).max(axis=1, keepdims=True)).all():
        return _none("no mode above the noise", channels)  # a channel without a signal
    x /= scale
    fit = _needed(x, thin.rate, _fit(x, thin.rate, stable_poles(x, thin.rate, order)))
    if fit is None:
        return _none("no mode above the noise", channels)
    hertz, damping = fit.poles.imag / (2 * pi), -fit.poles.real / np.abs(fit.poles)
    keep = (hertz >= max(low, _PERIODS * thin.rate / n)) & (hertz <= high) & (damping < _RESONANT)
    kept = np.flatnonzero(keep)[np.argsort(-fit.share[keep])]
    if not kept.size:
        return _none("no mode above the noise", channels)
    # A filter turns and scales what passes it; the first of the thinned samples is not the first given.
    crest = scale * (fit.crest * np.exp(-fit.poles * thin.first) / thin.gain(fit.poles))[:, kept]
    return Modes(
        "ok",
        hertz[kept],
        fit.hertz_uncertainty[kept],
        damping[kept],
        fit.damping_uncertainty[kept],
        np.abs(crest),
        np.angle(crest),
        fit.share[kept],
    )


def _needed(x: NDArray[np.float64], rate: float, fit: _Fit | None) -> _Fit | None:
    """Return the fit without the modes that explain no more than noise would let them.

    The threshold is the energy, in units of the noise density, that noise gives the strongest of
    n / 2 modes: chi-squared of amplitude and phase in each channel, frequency and damping, with
    Bonferroni's correction over the bins.
    """
    from scipy.special import chdtri  # noqa: PLC0415 - keeps `hil --help` quick

    channels, n = x.shape
    threshold = float(chdtri(2 * channels + 2, 2 * FALSE_MODE / n))
    while fit is not None:
        weakest = int(fit.evidence.argmin())
        fewer = _fit(x, rate, np.delete(fit.poles, weakest))
        left = (x**2).sum(axis=1) if fewer is None else fewer.left
        if float(((left - fit.left) / fit.noise[:, weakest]).sum()) > threshold:
            return fit
        fit = fewer
    return None


@dataclass(frozen=True, eq=False)
class _Fit:
    poles: NDArray[np.complex128]
    crest: NDArray[np.complex128]
    """Complex amplitude at the first sample, shape (channels, k)."""
    hertz_uncertainty: NDArray[np.float64]
    damping_uncertainty: NDArray[np.float64]
    share: NDArray[np.float64]
    evidence: NDArray[np.float64]
    """Energy that the mode explains beside the others, in units of the noise density, shape (k,)."""
    noise: NDArray[np.float64]
    """Noise density at each mode, as a periodogram shows it, shape (channels, k)."""
    left: NDArray[np.float64]
    """Energy that is left, shape (channels,)."""


@dataclass(frozen=True, eq=False)
class _Point:
    """The least-squares fit for given poles."""

    basis: NDArray[np.float64]
    """Columns: cosine and sine of each mode, constant, slope; shape (n, 2 k + 2)."""
    q: NDArray[np.float64]
    r: NDArray[np.float64]
    weights: NDArray[np.float64]
    residue: NDArray[np.float64]
    turning: NDArray[np.complex128]
    """exp(pole (t - t0)), shape (n, k)."""
    age: NDArray[np.float64]
    """t - t0 of each mode, t0 at the end where it is largest, shape (n, k) [s]."""


def _solve(x: NDArray[np.float64], rate: float, poles: NDArray[np.complex128]) -> _Point:
    n = x.shape[1]
    t = np.arange(n) / rate
    age = t[:, None] - np.where(poles.real > 0, t[-1], 0.0)
    turning = np.exp(poles * age)
    line = np.vander(np.linspace(-1, 1, n), 2)
    basis = np.hstack([turning.real, -turning.imag, line])
    basis[:, poles.size : 2 * poles.size][:, poles.imag == 0] = 0.0  # a real pole has no sine
    q, r = np.linalg.qr(basis)
    alone = np.abs(np.diag(r)) < 1e-9 * np.linalg.norm(basis, axis=0).max()
    q[:, alone], r[alone] = 0.0, 0.0
    r[alone, alone] = 1.0
    weights = np.linalg.solve(r, q.T @ x.T)
    return _Point(basis, q, r, weights, x.T - basis @ weights, turning, age)


def _slopes(point: _Point, channel: int, k: int) -> NDArray[np.float64]:
    """Return the derivatives by Re(pole) and Im(pole), what the basis can do taken out, shape (n, 2 k)."""
    crest = point.weights[:k, channel] + 1j * point.weights[k : 2 * k, channel]
    rise = crest * point.age * point.turning
    both = np.hstack([rise.real, -rise.imag])
    free: NDArray[np.float64] = both - point.q @ (point.q.T @ both)
    return free


def _fit(x: NDArray[np.float64], rate: float, poles: NDArray[np.complex128]) -> _Fit | None:
    """Return the least-squares fit that starts from these poles, or None where there are none."""
    k, channels = poles.size, len(x)
    if not k:
        return None
    poles = np.where(poles.imag < 1e-6 * rate, poles.real + 0j, poles)
    real = poles.imag == 0
    point = _solve(x, rate, poles)
    for _ in range(25):
        slopes = [_slopes(point, c, k) for c in range(channels)]
        for s in slopes:
            s[:, k:][:, real] = 0.0
        normal = sum((s.T @ s for s in slopes), np.zeros((2 * k, 2 * k)))
        size = np.sqrt(np.diag(normal))
        per = np.divide(1.0, size, out=np.zeros_like(size), where=size > 0)
        inverse = np.linalg.pinv(normal * np.outer(per, per), rcond=1e-12, hermitian=True) * np.outer(
            per, per
        )
        move = inverse @ sum((s.T @ point.residue[:, c] for c, s in enumerate(slopes)), np.zeros(2 * k))
        step = move[:k] + 1j * move[k:]
        step *= min(1.0, float((0.3 * np.abs(poles) / np.maximum(np.abs(step), 1e-300)).min()))
        cost = (point.residue**2).sum()
        for _half in range(6):
            trial = _solve(x, rate, poles + step)
            if (trial.residue**2).sum() <= cost:
                break
            step /= 2
        else:
            break
        better = (trial.residue**2).sum() < (1 - 1e-7) * cost
        poles, point = poles + step, trial
        if not better:
            break
    return _judge(x, rate, poles, point, slopes, inverse)


def _judge(
    x: NDArray[np.float64],
    rate: float,
    poles: NDArray[np.complex128],
    point: _Point,
    slopes: list[NDArray[np.float64]],
    inverse: NDArray[np.float64],
) -> _Fit:
    """Return the fit with uncertainty, energy and evidence."""
    k, n = poles.size, x.shape[1]
    noise = _density(point.residue)
    both = np.full(len(noise), 2.0)
    both[0] = 1.0
    if n % 2 == 0:
        both[-1] = 1.0
    middle = np.zeros_like(inverse)
    for c, s in enumerate(slopes):
        f = np.fft.rfft(s, axis=0)
        middle += (np.conj(f.T) @ (f * (both * noise[:, c])[:, None])).real / n
    spread = inverse @ middle @ inverse
    size = np.abs(poles)
    # zeta = -s/|p|: d zeta = -(w^2 ds - s w dw) / |p|^3
    by = np.array([-(poles.imag**2), poles.real * poles.imag]) / size**3
    ss, ww, sw = np.diag(spread)[:k], np.diag(spread)[k:], np.diag(spread[:k, k:])
    zeta = by[0] ** 2 * ss + by[1] ** 2 * ww + 2 * by[0] * by[1] * sw
    crest = point.weights[:k] + 1j * point.weights[k : 2 * k]
    where = np.clip(np.round(poles.imag * n / (2 * pi * rate)).astype(int), 0, len(noise) - 1)
    unmixed = np.linalg.inv(point.r)
    evidence, share = np.empty(k), np.empty(k)
    for i in range(k):
        pair = [i] if poles[i].imag == 0 else [i, k + i]
        spare = np.linalg.inv(unmixed[pair] @ unmixed[pair].T)
        own = point.weights[pair]
        evidence[i] = float((np.einsum("ac,ab,bc->c", own, spare, own) / noise[where[i]]).sum())
        share[i] = float(((point.basis[:, pair] @ own) ** 2).sum() / x.size)
    return _Fit(
        poles,
        (crest * np.exp(poles * point.age[0])[:, None]).T,
        np.sqrt(np.maximum(ww, 0.0)) / pi,
        2 * np.sqrt(np.maximum(zeta, 0.0)),
        share,
        evidence,
        noise[where].T,
        (point.residue**2).sum(axis=0),
    )


def _density(residue: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the noise density about each frequency, shape (n, channels) -> (n // 2 + 1, channels).

    A running mean of the periodogram; where the noise clearly rises towards low frequencies,
    no less than the power law that it follows there, with its uncertainty (k = 2) added.
    """
    n = len(residue)
    bins = np.abs(np.fft.rfft(residue, axis=0)) ** 2 / n
    width = min(_SMOOTH, len(bins) - 1)
    total = np.vstack([np.zeros(bins.shape[1]), np.cumsum(bins, axis=0)])
    begin = np.clip(np.arange(len(bins)) - width // 2, 1, len(bins) - width)
    # The fit took what about three of these bins held: a mode, and the line at the low end.
    noise = (total[begin + width] - total[begin]) / (width - 3)
    slow = slice(1, 1 + min(2 * _SMOOTH, n // 4))
    x = np.log(np.arange(slow.start, slow.stop))
    away, spread = (x - x.mean()) / x.std(), pi / sqrt(6 * x.size)
    for c in range(noise.shape[1]):
        # The logarithm of an exponential variable has mean -0.577 and standard deviation pi / sqrt(6).
        slope, level = np.polyfit(away, np.log(np.maximum(bins[slow, c], 1e-300)), 1)
        if slope < -3 * spread:
            law = level + np.euler_gamma + slope * away + 2 * spread * np.sqrt(1 + away**2)
            noise[slow, c] = np.maximum(noise[slow, c], np.exp(law))
    floor: NDArray[np.float64] = np.maximum(noise, 1e-26)
    return floor
