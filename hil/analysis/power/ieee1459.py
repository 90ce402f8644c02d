"""Powers of voltages and currents that need be neither sinusoidal nor balanced: IEEE 1459-2010.

Generator convention as in `hil.analysis.power.track`: S1 = U1 I1*, P > 0 leaves the PCS, Q > 0 is
overexcited. The effective voltage and current take equal losses in line and neutral
(rho = 1) and equal shares of load between lines and to neutral (xi = 1). What is below
works on one set of values and on arrays of them alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi
from typing import TYPE_CHECKING, Any

import numpy as np

from hil.analysis.phasor import TURN
from hil.analysis.rms import integrals

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
    """Non-fundamental apparent power, SN^2 = S^2 - S1^2 = DI^2 + DV^2 + SH^2 [VA]."""
    di: NDArray[np.float64]
    """Current distortion power U1 IH [var]."""
    dv: NDArray[np.float64]
    """Voltage distortion power UH I1 [var]."""
    sh: NDArray[np.float64]
    """Harmonic apparent power UH IH [VA]."""
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
    sen: NDArray[np.float64]
    """SeN^2 = Se^2 - Se1^2 = DeI^2 + DeV^2 + SeH^2 [VA]."""
    dei: NDArray[np.float64]
    """[var]"""
    dev: NDArray[np.float64]
    """[var]"""
    seh: NDArray[np.float64]
    """[VA]"""
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


def instantaneous_power(u: NDArray[Any], i: NDArray[Any]) -> NDArray[Any]:
    """Return p(t) = sum of u i over the phases, shapes (phases, n) -> (n,) [W]."""
    power: NDArray[Any] = np.einsum("pn,pn->n", u, i)
    return power


def star(lines: NDArray[Any]) -> NDArray[Any]:
    """Return the voltages a, b, c to the centre of the triangle ab, bc, ca, shape (3, ...)."""
    voltages: NDArray[Any] = (lines - np.roll(lines, 1, axis=0)) / 3
    return voltages


def averages(
    u: NDArray[Any], i: NDArray[Any], begins: NDArray[np.float64], ends: NDArray[np.float64], cycles: int
) -> Averages:
    """Return the averages over windows of `cycles` whole cycles each, shapes (phases, windows).

    u, i: samples, shape (phases, n) [V, A]; begins, ends: fractional indices, ascending.
    The phasors' angle zero is a cosine crest at the begin.
    """

    def mean(x: NDArray[Any]) -> NDArray[np.float64]:
        return integrals(x, begins, ends) / (ends - begins)

    def fundamentals(rows: NDArray[Any]) -> NDArray[np.complex128]:
        found = np.empty((len(rows), begins.size), np.complex128)
        for k, (begin, end) in enumerate(zip(begins, ends, strict=True)):
            first, last = int(begin), min(int(np.ceil(end)) + 1, rows.shape[1])
            turn = np.exp(-2j * pi * cycles * (np.arange(first, last) - begin) / (end - begin))
            edges = np.array([begin - first]), np.array([end - first])
            for p, row in enumerate(rows[:, first:last]):
                product = row * turn
                part = [integrals(x, *edges)[0] for x in (product.real, product.imag)]
                found[p, k] = np.sqrt(2) * complex(*part) / (end - begin)
        return found

    return Averages(
        u=np.sqrt([mean(row * row) for row in u]),
        i=np.sqrt([mean(row * row) for row in i]),
        p=np.array([mean(a * b) for a, b in zip(u, i, strict=True)]),
        u1=fundamentals(u),
        i1=fundamentals(i),
        u0=np.sqrt(mean(u.mean(axis=0) ** 2)),
        i0=np.sqrt(mean(i.mean(axis=0) ** 2)),
    )


def averages_of_harmonics(u: NDArray[np.complex128], i: NDArray[np.complex128]) -> Averages:
    """Return the averages of RMS phasors, shape (phases, orders); order 0 is the direct component."""
    size = [np.sqrt((np.abs(x) ** 2).sum(axis=-1)) for x in (u, i, u.mean(axis=0), i.mean(axis=0))]
    return Averages(
        u=size[0],
        i=size[1],
        p=(u * np.conj(i)).real.sum(axis=-1),
        u1=u[:, 1],
        i1=i[:, 1],
        u0=size[2],
        i0=size[3],
    )


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
    uh, ih = _rest(of.u, u1), _rest(of.i, i1)
    s, s1 = of.u * of.i, u1 * i1
    return PhasePowers(
        p=of.p,
        p1=fundamental.real,
        q1=fundamental.imag,
        s=s,
        s1=s1,
        sn=_rest(s, s1),
        di=u1 * ih,
        dv=uh * i1,
        sh=uh * ih,
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
    ueh, ieh = _rest(ue, ue1), _rest(ie, ie1)
    se, se1, positive, p = 3 * ue * ie, 3 * ue1 * ie1, 3 * u[0] * np.conj(i[0]), of.p.sum(axis=0)
    return SystemPowers(
        ue=ue,
        ie=ie,
        se=se,
        se1=se1,
        sen=_rest(se, se1),
        dei=3 * ue1 * ieh,
        dev=3 * ueh * ie1,
        seh=3 * ueh * ieh,
        positive=positive,
        su1=_rest(se1, np.abs(positive)),
        p=p,
        pf=_share(p, se),
        dpf=_share(positive.real, np.abs(positive)),
    )
