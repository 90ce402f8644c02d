"""Powers of voltages and currents that need be neither sinusoidal nor balanced: IEEE 1459-2010.

Generator convention as in `hil.analysis.power.track`: S1 = U1 I1*, P > 0 leaves the PCS, Q > 0 is
overexcited. The effective voltage and current take equal losses in line and neutral
(rho = 1) and equal shares of load between lines and to neutral (xi = 1). What is below
works on one set of values and on arrays of them alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hil.analysis.phasor import TURN

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Averages:
    """What whole cycles of voltages and currents come down to."""

    u: NDArray[np.float64]
    """RMS of each phase, shape (phases, ...) [V]."""
    i: NDArray[np.float64]
    """[A]"""
    p: NDArray[np.float64]
    """Mean of u i of each phase [W]."""
    u1: NDArray[np.complex128]
    """RMS phasor of the fundamental of each phase [V]."""
    i1: NDArray[np.complex128]
    """[A]"""
    u0: NDArray[np.float64]
    """RMS of the mean of the phases, shape (...) [V]."""
    i0: NDArray[np.float64]
    """RMS of a third of the sum of the currents [A]."""


@dataclass(frozen=True, eq=False)
class PhasePowers:
    """Powers of each phase, IEEE 1459-2010, 3.1.2; shape (phases, ...)."""

    p: NDArray[np.float64]
    """Active power P [W]."""
    p1: NDArray[np.float64]
    """Of the fundamental [W]."""
    q1: NDArray[np.float64]
    """Fundamental reactive power Q1 [var]."""
    s: NDArray[np.float64]
    """Apparent power S [VA]."""
    s1: NDArray[np.float64]
    """Of the fundamental [VA]."""
    sn: NDArray[np.float64]
    """Non-fundamental apparent power, SN^2 = S^2 - S1^2 [VA]."""
    pf: NDArray[np.float64]
    """Power factor P/S [pu]; NaN without apparent power."""
    dpf: NDArray[np.float64]
    """Displacement factor P1/S1 [pu]."""


@dataclass(frozen=True, eq=False)
class SystemPowers:
    """Powers of three phases together, IEEE 1459-2010, 3.2.2 and 3.2.3; shape (...)."""

    ue: NDArray[np.float64]
    """Effective voltage, phase to neutral [V]."""
    ie: NDArray[np.float64]
    """Effective current [A]."""
    se: NDArray[np.float64]
    """Effective apparent power 3 Ue Ie [VA]."""
    se1: NDArray[np.float64]
    """Of the fundamental [VA]."""
    positive: NDArray[np.complex128]
    """P1+ + j Q1+ of the positive sequence [W, var]."""
    su1: NDArray[np.float64]
    """Unbalance power, SU1^2 = Se1^2 - S1+^2 [VA]."""
    p: NDArray[np.float64]
    """Active power of all phases [W]."""
    pf: NDArray[np.float64]
    """Power factor P/Se [pu]."""
    dpf: NDArray[np.float64]
    """Fundamental positive-sequence power factor P1+/S1+ [pu]."""


def symmetrical_three(phasors: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """Return positive, negative and zero sequence of the phases a, b, c, shape (3, ...) (Fortescue)."""
    turns = np.array([[1, TURN, TURN**2], [1, TURN**2, TURN], [1, 1, 1]]) / 3
    components: NDArray[np.complex128] = np.tensordot(turns, phasors, axes=1)
    return components


def _share(part: NDArray[Any], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    out = np.full(np.shape(whole), np.nan)
    share: NDArray[np.float64] = np.divide(part, whole, out=out, where=np.asarray(whole) > 0)
    return share


def _rest(whole: NDArray[np.float64], part: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the root of whole^2 - part^2, which rounding may leave just below zero."""
    rest: NDArray[np.float64] = np.sqrt(np.maximum((whole - part) * (whole + part), 0.0))
    return rest


def phase_powers(of: Averages) -> PhasePowers:
    """Return the powers of each phase."""
    u1, i1, fundamental = np.abs(of.u1), np.abs(of.i1), of.u1 * np.conj(of.i1)
    s, s1 = of.u * of.i, u1 * i1
    return PhasePowers(
        p=of.p,
        p1=fundamental.real,
        q1=fundamental.imag,
        s=s,
        s1=s1,
        sn=_rest(s, s1),
        pf=_share(of.p, s),
        dpf=_share(fundamental.real, s1),
    )


def system_powers(of: Averages, *, wires: int = 4) -> SystemPowers:
    """Return the powers of three phases together; wires: 3, or 4 with a neutral."""

    def effective(
        u: NDArray[np.float64], i: NDArray[np.float64], u0: NDArray[np.float64], i0: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        # The line voltages hold 3 (sum U^2 - 3 U0^2), the neutral carries 3 I0.
        ue = np.sqrt((u**2).mean(axis=0) - u0**2 * (0.5 if wires == 4 else 1.0))
        return ue, np.sqrt((i**2).mean(axis=0) + (3 * i0**2 if wires == 4 else 0.0))

    u, i = symmetrical_three(of.u1), symmetrical_three(of.i1)
    ue, ie = effective(of.u, of.i, of.u0, of.i0)
    ue1, ie1 = effective(np.abs(of.u1), np.abs(of.i1), np.abs(u[2]), np.abs(i[2]))
    se, se1, positive, p = 3 * ue * ie, 3 * ue1 * ie1, 3 * u[0] * np.conj(i[0]), of.p.sum(axis=0)
    return SystemPowers(
        ue=ue,
        ie=ie,
        se=se,
        se1=se1,
        positive=positive,
        su1=_rest(se1, np.abs(positive)),
        p=p,
        pf=_share(p, se),
        dpf=_share(positive.real, np.abs(positive)),
    )
