"""Impedance in the dq frame, from two small injections at each frequency.

d lies on the positive sequence of the fundamental voltage; the transform keeps amplitudes. At
each frequency [V1 V2] = Z [I1 I2] is solved for two linearly independent injections
(M. Belkhayat, 1997; A. Francis et al., 2011, doi:10.1109/APEC.2011.5744796). The phasors come
from a weighted least-squares fit over whole periods of the injection, together with the
operating point and the harmonics; the bins beside the injection tell the noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi, sqrt
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hil.analysis.frequency import line_frequency
from hil.analysis.power.dq import abc_to_dq
from hil.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

LEAST_SNR: Final = 10.0
"""Power of the injection's response by that of the noise, below which nothing is determined."""
WORST_CONDITION: Final = 30.0
"""Condition number of the two injections' currents (or voltages), above which they are not independent."""
_HARMONICS: Final = (1, 2, 6, 12)  # of the fundamental, in dq: DC, unbalance, 5 and 7, 11 and 13
_APART: Final = 4.0  # bins between the injection and a harmonic, at least
_BESIDE: Final = (4, 5, 6, 7, 8, 9, 10, 11)  # bins to each side that tell the noise
_PERIODS: Final = 4


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """Where the unit stood, generator convention."""

    hertz: float
    """[Hz]"""
    voltage: float
    """Crest, phase to neutral [V]."""
    active_power: float
    """[W]"""
    reactive_power: float
    """[var]"""


@dataclass(frozen=True, eq=False)
class Response:
    """What one injection did."""

    frequency: float
    """In the dq frame [Hz]."""
    state: str
    """"ok", or why there is none."""
    phasors: NDArray[np.complex128]
    """Crest phasors of v_d, v_q, i_d, i_q, shape (4,) [V, A]."""
    noise: NDArray[np.complex128]
    """Covariance of the phasors, E[n n^H], shape (4, 4)."""
    point: OperatingPoint | None


@dataclass(frozen=True, eq=False)
class DqImpedance:
    """Impedance at an operating point, frequencies ascending; NaN where it is not determined."""

    frequency: NDArray[np.float64]
    """Shape (m,) [Hz]."""
    z: NDArray[np.complex128]
    """[[dd, dq], [qd, qq]], shape (m, 2, 2) [ohm]."""
    uncertainty: NDArray[np.float64]
    """Of the real and of the imaginary part of each entry, expanded (k = 2), shape (m, 2, 2) [ohm]."""
    snr: NDArray[np.float64]
    """Power of the weaker of the two responses by its noise, shape (m,)."""
    states: tuple[str, ...]
    """"ok", or why it is not determined, for each frequency."""
    point: OperatingPoint | None
    """Mean over the injections."""
    title: str = ""

    @property
    def coherence(self) -> NDArray[np.float64]:
        """Return the squared coherence that the signal-to-noise ratios amount to, shape (m,)."""
        return np.where(np.isfinite(self.snr), self.snr / (1 + self.snr), np.nan)

    @property
    def known(self) -> NDArray[np.bool_]:
        """Say where it is determined, shape (m,)."""
        return np.array([state == "ok" for state in self.states], bool)


def response(voltages: NDArray[Any], currents: NDArray[Any], rate: float, frequency: float) -> Response:
    """Return the response to one injection; see `responses`."""
    return responses(voltages, currents, rate, (frequency,))[0]


def responses(
    voltages: NDArray[Any], currents: NDArray[Any], rate: float, frequencies: Sequence[float]
) -> tuple[Response, ...]:
    """Return the responses to injections from phase-to-neutral voltages and currents, shape (3, n).

    frequencies: of the injections in the dq frame, ascending [Hz], rate [Hz]; those injected at once
    should be whole multiples of one over the record's length. The phases are a, b, c in positive order.
    """
    for frequency in frequencies:
        if not 0 < frequency < rate / 4:
            raise ConfigError(f"impedance: an injection at {frequency:g} Hz does not suit {rate:g} samples/s")
    if not (np.isfinite(voltages).all() and np.isfinite(currents).all()):
        return tuple(_nothing(f, "spoilt samples") for f in frequencies)
    periods = int(voltages.shape[1] * frequencies[0] / rate)
    n = round(periods * rate / frequencies[0])
    if periods < _PERIODS:
        return tuple(_nothing(f, "record too short") for f in frequencies)
    voltages, currents = voltages[:, :n], currents[:, :n]
    line = line_frequency(np.asarray(voltages, float), rate)
    if line is None:
        return tuple(_nothing(f, "no fundamental") for f in frequencies)
    clear = [f for f in frequencies if min(abs(f - h * line.value) for h in _HARMONICS) >= _APART * rate / n]
    t = (np.arange(n) - (n - 1) / 2) / rate
    window = np.hanning(n + 2)[1:-1]
    hertz, phase = line.value, 0.0
    for _ in range(3):  # turn the frame until its voltage stands still on d
        d, q = abc_to_dq(voltages, (2 * pi * hertz * t + phase).astype(float))
        v = d + 1j * q
        mean = (window * v).sum()
        lean = np.angle(v * np.conj(mean))
        slope, _level = np.polynomial.polynomial.polyfit(t, lean, 1, w=np.sqrt(window))[::-1]
        hertz, phase = hertz + slope / (2 * pi), phase + float(np.angle(mean))
    angle = (2 * pi * hertz * t + phase).astype(float)
    x = np.vstack([abc_to_dq(voltages, angle), abc_to_dq(currents, angle)])
    top = [h * hertz for h in _HARMONICS if h * hertz < 0.45 * rate]
    turns = np.exp(2j * pi * np.outer(t, [*clear, *top]))
    basis = np.hstack([turns.real, turns.imag, np.vander(t * rate / n, 2)])
    root = np.sqrt(window)
    weighted = basis * root[:, None]  # close to orthogonal, so that the normal equations will do
    weights = np.linalg.solve(weighted.T @ weighted, weighted.T @ (x * root).T)
    rest = np.fft.fft((x - (basis @ weights).T) * window * 2 / window.sum())
    vd, vq, i_d, iq = weights[-1]  # the constant: the operating point
    point = OperatingPoint(
        hertz, float(np.hypot(vd, vq)), 1.5 * float(vd * i_d + vq * iq), 1.5 * float(vq * i_d - vd * iq)
    )
    found = []
    for f in frequencies:
        if f not in clear:
            found.append(_nothing(f, "at a harmonic"))
            continue
        at = clear.index(f)
        phasors = weights[at] - 1j * weights[len(clear) + len(top) + at]
        beside = round(f * n / rate) + np.array([s * b for b in _BESIDE for s in (-1, 1)])
        lines = rest[:, beside[(beside > 0) & (beside < n / 2)]]
        noise = lines @ np.conj(lines.T) / lines.shape[1]
        found.append(Response(f, "ok", phasors, noise, point))
    return tuple(found)


def _nothing(frequency: float, state: str) -> Response:
    nan = complex("nan")
    return Response(frequency, state, np.full(4, nan), np.full((4, 4), nan), None)


def dq_impedance(
    pairs: Sequence[tuple[Response, Response]], *, inward: bool = False, title: str = ""
) -> DqImpedance:
    """Return the impedance from two responses at each frequency.

    The currents flow out of the unit (generator convention), so that its own impedance is
    -V/I and the grid's V/I; inward: the branch measured is the one that the currents flow into.
    """
    ordered = sorted(pairs, key=lambda pair: pair[0].frequency)
    m = len(ordered)
    z, wide, snr = np.full((m, 2, 2), complex("nan")), np.full((m, 2, 2), np.nan), np.full(m, np.nan)
    states = []
    for k, pair in enumerate(ordered):
        if pair[0].frequency != pair[1].frequency:
            raise ConfigError(
                f"impedance: injections at {pair[0].frequency:g} and {pair[1].frequency:g} Hz are no pair"
            )
        state = next((r.state for r in pair if r.state != "ok"), "ok")
        if state == "ok":
            snr[k] = min(_strength(r) for r in pair)
            state, matrix, spread = _solve(pair, snr[k])
            if state == "ok":
                z[k], wide[k] = (matrix if inward else -matrix), 2 * np.sqrt(spread / 2)
        states.append(state)
    points = [r.point for pair in ordered for r in pair if r.point is not None]
    mean = None
    if points:
        mean = OperatingPoint(
            *(
                float(np.mean([getattr(p, name) for p in points]))
                for name in ("hertz", "voltage", "active_power", "reactive_power")
            )
        )
    frequency = np.array([pair[0].frequency for pair in ordered])
    return DqImpedance(frequency, z, wide, snr, tuple(states), mean, title)


def _strength(r: Response) -> float:
    """Return the smaller of the signal-to-noise ratios of voltage and current."""
    ratios = []
    for part in (slice(0, 2), slice(2, 4)):
        power = float((np.abs(r.phasors[part]) ** 2).sum())
        noise = float(np.trace(r.noise[part, part]).real)
        ratios.append(power / max(noise, 1e-30 * power) if power > 0 else 0.0)
    return min(ratios)


def _solve(
    pair: tuple[Response, Response], snr: float
) -> tuple[str, NDArray[np.complex128], NDArray[np.float64]]:
    """Return the state, V I^-1 and the variance of its entries (real and imaginary part together)."""
    v = np.array([r.phasors[:2] for r in pair]).T
    i = np.array([r.phasors[2:] for r in pair]).T
    if snr < LEAST_SNR:
        return "noise", v, np.abs(v)
    # Injections may differ in size: what counts is that they point in different directions.
    worst = max(np.linalg.cond(x / np.linalg.norm(x, axis=0)) for x in (v, i))
    if worst > WORST_CONDITION:
        return "injections not independent", v, np.abs(v)
    inverse = np.linalg.inv(i)
    z = v @ inverse
    spread = np.zeros((2, 2))
    mix = np.hstack([np.eye(2), -z])
    for r, row in zip(pair, inverse, strict=True):  # dZ = sum over injections of (dV - Z dI) times a row
        own = np.diag(mix @ r.noise @ np.conj(mix.T)).real
        spread += np.outer(own, np.abs(row) ** 2)
    return "ok", z, spread


def grid_impedance(
    frequency: NDArray[np.float64],
    *,
    scr: float,
    x_over_r: float,
    rating: float,
    voltage: float,
    hertz: float,
) -> NDArray[np.complex128]:
    """Return the dq impedance of an R-L grid, shape (m,) [Hz] -> (m, 2, 2) [ohm].

    scr: short-circuit power by the rating [VA]; voltage: between lines, RMS [V]; x_over_r at
    the fundamental, hertz [Hz].
    """
    values = {"scr": scr, "x_over_r": x_over_r, "rating": rating, "voltage": voltage, "hertz": hertz}
    for name, value in values.items():
        if not value > 0:
            raise ConfigError(f"grid impedance: {name} = {value:g}; it must be positive")
    size = voltage**2 / rating / scr
    r = size / sqrt(1 + x_over_r**2)
    x = r * x_over_r
    s = 2j * pi * np.asarray(frequency, float)
    own, cross = r + s * x / (2 * pi * hertz), np.full(s.shape, x + 0j)
    return np.stack([np.stack([own, -cross], -1), np.stack([cross, own], -1)], -2)
