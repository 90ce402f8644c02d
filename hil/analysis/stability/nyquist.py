"""Stability of a unit on a grid from their dq impedances: the generalised Nyquist criterion.

The return ratio is L = Z_grid Y_unit (A. G. J. MacFarlane, I. Postlethwaite, 1977,
doi:10.1080/00207177708922267; J. Sun, 2011, doi:10.1109/TPEL.2011.2136439). Where the unit is
stable on a stiff grid and the grid by itself, the closed loop has as many unstable poles
as its eigenvalue loci together encircle -1 clockwise, over negative and positive
frequencies. One locus need not be symmetrical; but since d and q are real signals
L(-jw) is the conjugate of L(jw), and so the pair of loci is: positive frequencies suffice.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hil.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

LARGEST_STEP: Final = pi / 2
"""Turn of a locus about -1 from one frequency to the next, beyond which they cannot be counted [rad]."""
LARGEST_RATIO: Final = 2.0
"""Of a frequency to the one before: a resonance narrower than this may hide between them."""
TOO_FEW: Final = "not enough frequencies to count encirclements"


@dataclass(frozen=True, eq=False)
class Nyquist:
    """How the loci pass -1."""

    state: str
    """"ok", or why encirclements are not known."""
    frequency: NDArray[np.float64]
    """Shape (m,) [Hz]."""
    loci: NDArray[np.complex128]
    """Eigenvalues, each continuous over frequency, shape (2, m)."""
    unstable: int | None
    """Clockwise encirclements of -1: unstable poles of the closed loop."""
    distance: float
    """Smallest distance of a locus to -1 (vector margin)."""
    critical_frequency: float
    """Where that is [Hz]."""
    phase_margin: float | None
    """Smallest angle between -1 and where a locus crosses the unit circle; None: none does [rad]."""
    phase_frequency: float | None
    """[Hz]"""
    gain_margin: float | None
    """Factor on L, nearest to 1, that takes a locus through -1; None: no locus crosses the
    negative real axis."""
    gain_frequency: float | None
    """[Hz]"""

    @property
    def stable(self) -> bool | None:
        """Say whether the closed loop is stable; None where it is not known."""
        return None if self.unstable is None else self.unstable == 0


def eigenloci(ratio: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """Return the eigenvalues, shape (m, 2, 2) -> (2, m), each as continuous as can be."""
    loci: NDArray[np.complex128] = np.linalg.eigvals(ratio).T.astype(complex)
    for k in range(1, loci.shape[1]):
        ahead = loci[:, k - 1] + (loci[:, k - 1] - loci[:, k - 2] if k > 1 else 0)
        kept, turned = np.abs(loci[:, k] - ahead).sum(), np.abs(loci[::-1, k] - ahead).sum()
        if turned < kept:
            loci[:, k] = loci[::-1, k]
    return loci


def nyquist(frequency: NDArray[np.float64], ratio: NDArray[np.complex128]) -> Nyquist:
    """Return how the eigenvalue loci of L pass -1; frequencies ascending, shape (m,); L (m, 2, 2)."""
    frequency = np.asarray(frequency, float)
    if frequency.size < 2 or ratio.shape != (frequency.size, 2, 2):
        raise ConfigError(f"nyquist: {frequency.size} frequencies do not suit a ratio of shape {ratio.shape}")
    if not (frequency[0] > 0 and (np.diff(frequency) > 0).all() and np.isfinite(ratio).all()):
        raise ConfigError("nyquist: frequencies must be positive and ascending, and every entry known")
    loci = eigenloci(ratio)
    away = 1 + loci
    # det(I + L) is real at zero and at infinite frequency; from the first and the last one it goes there
    # on the short way, if that is short. Twice this half is the whole curve.
    found = np.prod(away, axis=0)
    steps = np.angle(away[:, 1:] / away[:, :-1])
    ends = np.array([_to_real(found[0]), _to_real(found[-1])])
    unstable, state = None, TOO_FEW
    dense = (frequency[1:] <= LARGEST_RATIO * frequency[:-1]).all()
    if (
        dense
        and np.abs(steps).max() <= LARGEST_STEP
        and np.abs(ends).max() <= pi / 4
        and (np.abs(found) > 0).all()
    ):
        turns = (steps.sum() + ends[1] - ends[0]) / pi
        unstable, state = -round(float(turns)), "ok"
        if unstable < 0:  # poles cannot be less than none: the unit or the grid alone is unstable
            unstable, state = None, "encirclements against the clock: the unit by itself is unstable"
    distance = np.abs(away)
    nearest = int(distance.min(axis=0).argmin())
    phase, phase_at = _smallest(frequency, loci, "phase")
    gain, gain_at = _smallest(frequency, loci, "gain")
    return Nyquist(
        state,
        frequency,
        loci,
        unstable,
        float(distance.min()),
        float(frequency[nearest]),
        phase,
        phase_at,
        gain,
        gain_at,
    )


def _to_real(value: complex) -> float:
    """Return the turn that takes a number onto the real axis on the short way [rad]."""
    angle = float(np.angle(value))
    return -angle if abs(angle) <= pi / 2 else float(np.copysign(pi, angle)) - angle


def _smallest(
    frequency: NDArray[np.float64], loci: NDArray[np.complex128], kind: str
) -> tuple[float | None, float | None]:
    """Return the smallest margin of a kind and its frequency, between the samples by straight lines."""
    best: tuple[float | None, float | None] = (None, None)
    least = np.inf
    for locus in loci:
        size = np.log(np.abs(locus) + 1e-300)
        turn = np.unwrap(np.angle(-locus))  # zero on the negative real axis
        crossed: NDArray[Any] = size if kind == "phase" else np.sin(turn)
        sign = np.signbit(crossed)
        for k in np.flatnonzero(sign[1:] != sign[:-1]):
            part = crossed[k] / (crossed[k] - crossed[k + 1])
            hertz = float(frequency[k] * (frequency[k + 1] / frequency[k]) ** part)
            angle = float(turn[k] + part * (turn[k + 1] - turn[k]))
            if kind == "phase":
                margin = abs((angle + pi) % (2 * pi) - pi)
                cost = margin
            elif np.cos(angle) < 0:
                continue  # the positive real axis
            else:
                cost = abs(float(size[k] + part * (size[k + 1] - size[k])))
                margin = float(np.exp(-(size[k] + part * (size[k + 1] - size[k]))))
            if cost < least:
                least, best = cost, (margin, hertz)
    return best


def passivity(admittance: NDArray[Any]) -> NDArray[np.float64]:
    """Return the smaller eigenvalue of (Y + Y^H) / 2, shape (m, 2, 2) -> (m,) [S]; passive where >= 0."""
    both = (admittance + np.conj(np.swapaxes(admittance, -1, -2))) / 2
    low: NDArray[np.float64] = np.linalg.eigvalsh(both)[..., 0].astype(float)
    return low


def active_bands(
    frequency: NDArray[np.float64], margin: NDArray[np.float64]
) -> tuple[tuple[float, float], ...]:
    """Return the bands [Hz] where the passivity margin is negative; their edges lie on straight lines."""
    edges: list[float] = [float(frequency[0])] if margin[0] < 0 else []
    for k in np.flatnonzero(np.signbit(margin[1:]) != np.signbit(margin[:-1])):
        part = margin[k] / (margin[k] - margin[k + 1])
        edges.append(float(frequency[k] + part * (frequency[k + 1] - frequency[k])))
    if margin[-1] < 0:
        edges.append(float(frequency[-1]))
    return tuple(zip(edges[::2], edges[1::2], strict=True))
