"""Loads, faults and the transformer in engineering terms.

Confidence marks: [V] read in the source, [S] second-hand, [M] general knowledge of the field, [D] measured
here or a judgement made from measurements.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, isfinite, pi, sqrt
from typing import TYPE_CHECKING, Final, cast

import numpy as np

from hil.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hil.profiles.profile import Profile

    Array = NDArray[np.float64]

Phases = tuple[float | None, float | None, float | None]
NONE: Final[Phases] = (None, None, None)
BOLTED: Final = 1e-4
"""Least fault resistance [ohm]: no busbar fault has less, and the bus matrix would lose its digits."""
RATE: Final = 20
"""Steps that a period of the bank's own resonance must have."""


def _refused(what: str, value: object, why: str) -> ConfigError:
    return ConfigError(f"{what} = {value}: {why}")


def _check(what: str, value: float, low: float = 0.0, high: float = np.inf) -> None:
    """Refuse what does not lie above low and at or below high."""
    if not (isfinite(value) and low < value <= high):
        rule = f"must lie above {low:g}" + (f" and not above {high:g}" if isfinite(high) else "")
        raise _refused(what, value, rule)


def _check_all(owner: object, *names: str) -> None:
    for name in names:
        _check(f"{type(owner).__name__} {name}", getattr(owner, name))


@dataclass(frozen=True, slots=True)
class Bank:
    """Passive load, phase to ground: R, L and C in parallel, each phase its own; None where there is none."""

    resistance: Phases = NONE
    """[ohm]"""
    inductance: Phases = NONE
    """[H]"""
    capacitance: Phases = NONE
    """[F]"""
    reactor_time: float = 0.25
    """L / R of the reactors [s]; a quality of about 100 at 60 Hz, air-core reactors have 50 to 150 [M]."""
    damping_time: float = 25e-6
    """R C of the capacitors with their leads [s]; 1 % of the reactance at 60 Hz [M]."""

    def __post_init__(self) -> None:
        _check_all(self, "reactor_time", "damping_time")
        for name in ("resistance", "inductance", "capacitance"):
            values = getattr(self, name)
            if len(values) != 3:
                raise _refused(f"Bank {name}", values, "must have three phases")
            for value in values:
                if value is not None:
                    _check(f"Bank {name}", value)

    @classmethod
    def from_power(
        cls,
        voltage: float,
        frequency: float,
        watts: Sequence[float] = (0.0, 0.0, 0.0),
        inductive: Sequence[float] = (0.0, 0.0, 0.0),
        capacitive: Sequence[float] = (0.0, 0.0, 0.0),
    ) -> Bank:
        """Return the bank that takes these powers [W, var] in each phase at a line-to-line voltage [V]."""
        _check("Bank voltage", voltage)
        _check("Bank frequency", frequency)
        square, omega = voltage * voltage / 3.0, 2 * pi * frequency
        for value in (*watts, *inductive, *capacitive):
            if not (isfinite(value) and value >= 0.0):
                raise _refused("Bank power", value, "must not be negative; give capacitive var as such")
        parts = (
            tuple(square / p if p else None for p in watts),
            tuple(square / (q * omega) if q else None for q in inductive),
            tuple(q / (square * omega) if q else None for q in capacitive),
        )
        resistance, inductance, capacitance = (cast("Phases", part) for part in parts)
        return cls(resistance, inductance, capacitance)

    @classmethod
    def resonant(cls, watts: float, quality: float, voltage: float, frequency: float) -> Bank:
        """Return the islanding load: three-phase power [W], Q_L = Q_C = Q_f P (IEEE 1547.1: Q_f = 1)."""
        reactive = [quality * watts / 3.0] * 3
        return cls.from_power(voltage, frequency, [watts / 3.0] * 3, reactive, reactive)


@dataclass(frozen=True, slots=True)
class ElectronicLoad:
    """Power supplies and their UPS: constant power, limited in current, off the bus in a deep sag."""

    rating: float = 100e3
    """Apparent power that it is built for [VA]."""
    voltage: float = 480.0
    """RMS, line to line [V]."""
    input_lag: float = 1e-3
    """With which power follows demand [s]; supplies filter it within a millisecond [D: board meter]."""
    voltage_lag: float = 10e-3
    """Of the square of the voltage [s]; power factor correction loops cross over at 10 to 20 Hz [M]."""
    current_limit: float = 1.2
    """Most current that it draws [pu]."""
    ups: bool = True
    """Whether a UPS takes the load off the bus in a sag."""
    transfer_voltage: float = 0.7
    """Lowest line-to-line voltage that it rides through [pu] (ITIC curve: 70 % for 0.5 s)."""
    transfer_time: float = 0.01
    """Below that, once the lags have shown it [s]; with them 20 to 40 ms (ITIC: 20 ms of nothing) [M]."""
    return_delay: float = 10.0
    """With good voltage, before the load returns [s]; walk-in settings are 5 to 30 s [M]."""
    return_ramp: float = 0.1
    """How fast the load returns then [pu/s]; a walk-in of 10 s [M]."""

    def __post_init__(self) -> None:
        names = "rating voltage input_lag voltage_lag transfer_voltage transfer_time return_delay return_ramp"
        _check_all(self, *names.split())
        _check("ElectronicLoad current_limit", self.current_limit, 1.0 - 1e-12)
        if self.transfer_voltage >= 1.0:
            raise _refused("ElectronicLoad transfer_voltage", self.transfer_voltage, "must lie below 1 pu")


def load_array(bank: Bank, electronic: ElectronicLoad, step: float, period: float) -> Array:
    """Return the load's array for a step and a control period [s]: breaker open, electronic load off."""
    from .emt import load  # noqa: PLC0415 - numba is slow to import

    if bank.damping_time < 0.5 * step:
        raise _refused("Bank damping_time", bank.damping_time, f"must be at least half the step, {step:g} s")
    x = np.zeros(load.END)
    rho = 1.0 / bank.reactor_time
    x[load.DECAY], x[load.KL] = (2 / step - rho) / (2 / step + rho), 1.0 / (2 / step + rho)
    x[load.HALF] = step / 2
    x[load.KC] = 1.0 / (bank.damping_time + step / 2)
    x[load.BETA] = step * x[load.KC]
    e = electronic
    x[load.RATED] = e.voltage * e.voltage
    x[load.ADMITTANCE] = e.rating / x[load.RATED]
    x[load.LIMIT] = e.current_limit * e.rating / e.voltage
    x[load.DT] = period
    x[load.GAIN_POWER] = 1.0 - exp(-period / e.input_lag)
    x[load.GAIN_VOLTAGE] = 1.0 - exp(-period / e.voltage_lag)
    x[load.TRANSFERS], x[load.UNDER] = float(e.ups), e.transfer_voltage**2
    x[load.PATIENCE], x[load.ABSENCE], x[load.RETURN] = e.transfer_time, e.return_delay, e.return_ramp
    x[load.SHARE] = x[load.SCALE] = 1.0
    command_bank(x, bank)
    for have, want in ((load.G, load.WANT_G), (load.INV_L, load.WANT_INV_L), (load.CAP, load.WANT_CAP)):
        x[have : have + 3] = x[want : want + 3]
    return x


def command_bank(x: Array, bank: Bank) -> None:
    """Command a running load to take these R, L and C; it must have been made with the same times."""
    from .emt import load  # noqa: PLC0415 - numba is slow to import

    step = 2 * float(x[load.HALF])
    for k in range(3):
        ohm, henry, farad = bank.resistance[k], bank.inductance[k], bank.capacitance[k]
        if henry and farad and 2 * pi * sqrt(henry * farad) < RATE * step:
            raise _refused(
                "Bank resonance",
                f"{1 / (2 * pi * sqrt(henry * farad)):.0f} Hz",
                f"a step of {step:g} s follows up to {1 / (RATE * step):.0f} Hz; raise L or C",
            )
        x[load.WANT_G + k] = 1.0 / ohm if ohm else 0.0
        x[load.WANT_INV_L + k] = 1.0 / henry if henry else 0.0
        x[load.WANT_CAP + k] = farad or 0.0


def fault_array(kind: str, resistance: float) -> Array:
    """Return the fault's array: "a", "ab", "abg", "abc", "abcg" and so on for other phases.

    The resistance [ohm] lies between the two phases of "ab", else from each phase to where they meet,
    which is ground except in "abc".
    """
    from .emt import fault  # noqa: PLC0415 - numba is slow to import

    x = np.zeros(fault.END)
    phases = kind.removesuffix("g")
    if phases not in {"a", "b", "c", "ab", "bc", "ca", "ac", "abc"}:
        raise _refused("fault", repr(kind), 'must be one or more of phases a, b, c, and "g" for ground')
    if not (isfinite(resistance) and resistance >= BOLTED):
        raise _refused("fault resistance", resistance, f"must be at least {BOLTED:g} ohm, which is bolted")
    if kind != phases or len(phases) == 1:
        for name in phases:
            x[fault.CONDUCTANCE + "abc".index(name)] = 1.0 / resistance
    elif phases == "abc":
        x[fault.CONDUCTANCE + 3 : fault.CONDUCTANCE + 6] = 1.0 / (3.0 * resistance)  # star to delta
    else:
        pair = {"ab": 3, "bc": 4, "ca": 5, "ac": 5}[phases]
        x[fault.CONDUCTANCE + pair] = 1.0 / resistance
    return x


@dataclass(frozen=True, slots=True)
class Transformer:
    """Three single-phase units in delta; per unit on rating, voltage and frequency."""

    rating: float = 100e3
    """Of the three [VA]."""
    voltage: float = 480.0
    """RMS, line to line [V]."""
    frequency: float = 60.0
    """[Hz]"""
    leakage: float = 0.05
    """Reactance in short circuit [pu]; dry-type units of this size have 3 to 6 % [M]."""
    x_over_r: float = 5.0
    """Of the leakage; 2 to 6 below 500 kVA [M]."""
    no_load_current: float = 0.01
    """With nothing on the secondary [pu]; 0.5 to 2 % [M]."""
    core_loss: float = 0.003
    """At rated voltage [pu]; 0.1 to 0.4 % [M]."""
    knee: float = 1.2
    """Flux, of its rated peak, at which the core saturates [pu]; 1.1 to 1.25 [M-high]."""
    air_core: float = 0.3
    """Inductance of the saturated unit at its terminals, leakage included [pu]; 0.2 to 0.35 [M-high]."""
    load: tuple[float, ...] = (0.0, 0.0, 0.0)
    """Resistive, on the secondary of units a-b, b-c, c-a [W] at rated voltage."""

    def __post_init__(self) -> None:
        names = "rating voltage frequency leakage x_over_r no_load_current core_loss"
        _check_all(self, *names.split())
        _check("Transformer knee", self.knee, 1.0)
        _check("Transformer air_core", self.air_core, self.leakage)
        if self.core_loss >= self.no_load_current:
            raise _refused("Transformer core_loss", self.core_loss, "must lie below the no-load current")
        if len(self.load) != 3 or not all(isfinite(p) and p >= 0.0 for p in self.load):
            raise _refused("Transformer load", self.load, "must be three powers that are not negative")
        if self.magnetising <= self.air_core:
            raise _refused("Transformer air_core", self.air_core, "must lie below the unsaturated inductance")

    @property
    def impedance(self) -> float:
        """Base impedance of a unit [ohm]."""
        return 3.0 * self.voltage * self.voltage / self.rating

    @property
    def magnetising(self) -> float:
        """Magnetising inductance within the knee [pu]."""
        return 1.0 / sqrt(self.no_load_current**2 - self.core_loss**2)

    @property
    def rated_flux(self) -> float:
        """Peak flux linkage of a unit at rated voltage [Wb]."""
        return sqrt(2.0) * self.voltage / (2 * pi * self.frequency)


def transformer_array(q: Transformer, step: float, residual: Sequence[float] = (0.0, 0.0, 0.0)) -> Array:
    """Return the transformer's array for a step [s], breaker open, with residual flux [pu] in each unit."""
    from .emt import transformer  # noqa: PLC0415 - numba is slow to import

    x = np.zeros(transformer.END)
    henry = q.impedance / (2 * pi * q.frequency)
    series, within, beyond = q.leakage * henry, q.magnetising * henry, (q.air_core - q.leakage) * henry
    winding = q.leakage * q.impedance / q.x_over_r
    x[transformer.KNEE] = q.knee * q.rated_flux
    x[transformer.ORIGIN] = x[transformer.KNEE] * (1.0 - beyond / within)
    for k in range(3):
        if not abs(residual[k]) < q.knee:
            raise _refused("residual flux", residual[k], f"must lie within the knee, {q.knee:g} pu")
        x[transformer.FLUX + k] = residual[k] * q.rated_flux
        core = q.voltage * q.voltage / (q.core_loss * q.rating / 3.0 + q.load[k])
        for n, inductance in enumerate((within, beyond)):
            a = np.array(
                [[-(winding + core) / series, core / (inductance * series)], [core, -core / inductance]]
            )
            at = transformer.TABLE + transformer.SET * (2 * k + n)
            x[at : at + transformer.SET] = _first_order_hold(a, np.array([1.0 / series, 0.0]), step).ravel()
    return x


def _first_order_hold(a: Array, b: Array, step: float) -> Array:
    """Return [E, B_old, B_new] of dx/dt = a x + b u, u linear within the step [s] (C. van Loan)."""
    n = len(a)
    whole = np.zeros((n + 2, n + 2))
    whole[:n, :n], whole[:n, n], whole[n, n + 1] = a * step, b * step, 1.0
    halvings = max(0, int(np.ceil(np.log2(np.abs(whole).sum(axis=1).max()))) + 3)
    whole /= 2.0**halvings
    term = total = np.eye(n + 2)
    for power in range(1, 16):  # the norm is below 1/8: the sixteenth term is below 1e-27
        term = term @ whole / power
        total = total + term
    for _ in range(halvings):
        total = total @ total
    return np.column_stack((total[:n, :n], total[:n, n] - total[:n, n + 1], total[:n, n + 1]))


def play(x: Array, profile: Profile, start: float, *, repeated: bool = False, tangent: float = 0.0) -> Array:
    """Let a load follow a profile from a time [s] on; return the points that its `control` takes.

    The tangent is Q / P. A repeated profile begins again at its last point.
    """
    from .emt import load  # noqa: PLC0415 - numba is slow to import

    if profile.unit != "W":
        raise _refused("profile", repr(profile.title), "is per unit; scale it to a rating")
    x[load.POINTS], x[load.TANGENT], x[load.START] = len(profile), tangent, start
    x[load.REPEATED], x[load.HELD] = float(repeated), float(profile.held)
    return np.column_stack((profile.time - profile.time[0], profile.power)).ravel()
