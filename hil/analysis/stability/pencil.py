"""Poles of damped sinusoids by the matrix pencil, total least squares.

Y. Hua, T. K. Sarkar, 1990, doi:10.1109/29.56027.
"""

from __future__ import annotations

from math import pi
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST: Final = 24
"""Poles looked for at most; a mode has two."""
_DIRECTIONS: Final = 32


def _pencil(x: NDArray[np.float64], columns: int, order: int | None) -> NDArray[np.complex128]:
    """Return the poles of x in the z plane, by the matrix pencil.

    The Hankel matrices are never written down: they multiply by Fourier transform, and
    their strongest right singular vectors come from a subspace iteration.
    """
    from scipy import fft  # noqa: PLC0415 - keeps `hil --help` quick

    channels, n = x.shape
    rows = n - columns + 1
    size = fft.next_fast_len(n, real=True)
    spectra = fft.rfft(x, size)

    def squared(v: NDArray[Any]) -> NDArray[Any]:
        """Return H' H of each row of v."""
        turned = np.conj(fft.rfft(v, size))
        out = np.zeros_like(v)
        for spectrum in spectra:
            left = fft.irfft(spectrum * turned, size)[:, :rows]
            out += fft.irfft(spectrum * np.conj(fft.rfft(left, size)), size)[:, :columns]
        return out

    count = min(_DIRECTIONS, columns // 2)
    basis = np.random.default_rng(0).standard_normal((count, columns))
    for _ in range(4):
        basis = np.linalg.qr(squared(basis).T)[0].T
    energy, turn = np.linalg.eigh(squared(basis) @ basis.T)
    energy, vectors = energy[::-1], (basis.T @ turn)[:, ::-1]
    seen = np.minimum(np.minimum(np.arange(1, n + 1), np.arange(n, 0, -1)), min(rows, columns))
    rest = float((x * x).sum(axis=0) @ seen) - float(energy.sum())
    noise = max(rest / (channels * rows * (columns - count)), 1e-20 * float(energy[0]) / n)
    if order is None:
        from scipy.special import gammainccinv  # noqa: PLC0415 - keeps `hil --help` quick

        # The strongest direction of noise is its strongest line, which is above this once in 100 records.
        edge = n * noise * float(gammainccinv(channels, 0.01 / n))
        strong = int((energy > edge)[:MOST].sum())
    else:
        strong = min(2 * order, count)
    vectors = vectors[:, :strong]
    shift = np.linalg.lstsq(vectors[:-1], vectors[1:])[0]
    poles: NDArray[np.complex128] = np.linalg.eigvals(shift).astype(complex)
    return poles


def stable_poles(x: NDArray[np.float64], rate: float, order: int | None) -> NDArray[np.complex128]:
    """Return the poles [1/s] that a second pencil parameter confirms; Im >= 0."""
    n = x.shape[1]
    found = []
    for columns in (n // 3, n // 2):
        z = _pencil(x, columns, order)
        z = z[(np.abs(z) > 0.2) & (z.imag >= -1e-9) & ~((np.abs(z.imag) <= 1e-9) & (z.real <= 0))]
        found.append(np.log(np.where(np.abs(z.imag) <= 1e-9, z.real, z)) * rate)
    first, second = found
    if not first.size or not second.size:
        return np.empty(0, complex)
    away = np.abs(first[:, None] - second).min(axis=1)
    kept: NDArray[np.complex128] = first[away < pi * rate / n + 0.3 * np.abs(first.real)]
    return kept
