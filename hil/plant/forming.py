"""Parameters of grid-forming control, of the synchro-check, and of a PCS that is bad."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hil.errors import ConfigError

from .refusal import check
from .terminals import CHANNELS

LIMITERS: Final = ("clamp", "virtual-impedance")


@dataclass(frozen=True, slots=True)
class Forming:
    """How a PCS forms a grid; per unit is on its rating.

    Droop with inertia zero is WECC's REGFM_A1, a virtual synchronous machine with an
    inertia above zero REGFM_B1. Defaults are the REGFM_A1 set of Sandia's PSTess where it
    has one.
    """

    droop: float = 0.02
    """Frequency per power [pu]; 0.01 to 0.05 is usual. Zero with an inertia: isochronous."""
    inertia: float = 0.0
    """H [s]; 1 to 5 where a machine is imitated, zero for droop."""
    damping: float = 0.0
    """Power per deviation from the measured frequency [pu], of the virtual machine."""
    power_filter: float = 0.01
    """Time constant of the measured power [s]; zero for none."""
    voltage_filter: float = 0.01
    """Time constant of the measured voltage [s]."""
    reactive_droop: float = 0.02
    """Voltage per reactive power [pu]."""
    voltage_gain: float = 0.0
    """Proportional, of the voltage control."""
    voltage_integral: float = 5.86
    """Of the voltage control [1/s]; zero: the internal voltage is the set-point."""
    highest_voltage: float = 1.3
    """Of the internal voltage [pu]; rated power at a factor of 0.8 needs 1.24 behind the virtual and the
    filter's reactance together; PSTess has 1.15 behind its 0.15 pu alone."""
    virtual_resistance: float = 0.05
    """Of the virtual impedance [pu]"""
    virtual_reactance: float = 0.15
    """Besides the filter's own [pu]."""
    active_damping: float = 0.2
    """Resistance against changes of the current [pu] (motulator: 0.2)."""
    damping_time: float = 0.03
    """What is slower than this counts as no change [s]."""
    feed_forward: bool = False
    """Whether the active damping acts against the power reference's current, not against the filtered
    current (reference-feedforward power synchronisation)."""
    power_limits: tuple[float, float] = (-1.0, 1.0)
    """Beyond which the frequency gives way [pu]."""
    reactive_limit: float = 1.0
    """Beyond which the voltage gives way [pu]."""
    overload_gain: float = 0.01
    """Proportional, of the frequency that gives way."""
    overload_integral: float = 0.1
    """Of the frequency that gives way, per unit of power and second."""
    reactive_integral: float = 20.0
    """Of the voltage that gives way, per unit of reactive power and second."""
    limiter: str = "clamp"
    """What limits the current, "clamp" or "virtual-impedance"; the clamp always stands behind the other."""
    threshold: float = 1.0
    """Current from which the virtual impedance grows [pu]."""
    growth: float = 0.8
    """Of the virtual impedance per unit of current beyond [pu]."""
    black_start_ramp: float = 3.0
    """Time in which the voltage rises onto a dead bus [s]; 2 to 10 s is usual."""
    negative_sequence: float = 15.0
    """How fast the negative-sequence voltage of unbalanced loads is brought down [1/s]; zero: not at all."""

    def __post_init__(self) -> None:
        check(
            self,
            "plant.forming",
            above_zero={"voltage_filter", "damping_time", "black_start_ramp", "threshold"},
        )
        if self.limiter not in LIMITERS:
            raise ConfigError(
                f"[plant.forming] limiter = {self.limiter!r}: must be one of {', '.join(LIMITERS)}"
            )
        if self.droop == 0.0 and self.inertia == 0.0:
            raise ConfigError("[plant.forming] droop = 0: without an inertia nothing would set the frequency")
        low, high = self.power_limits
        if not low < 0.0 < high:
            raise ConfigError(f"[plant.forming] power_limits = {self.power_limits}: must lie around zero")


@dataclass(frozen=True, slots=True)
class Synchro:
    """When the breaker between bus and source may close (IEEE 1547-2018 table 5, above 1.5 MVA)."""

    slip: float = 0.1
    """Largest difference of the frequencies [Hz]"""
    voltage: float = 0.05
    """Largest difference of the voltages [pu]"""
    angle: float = 10.0
    """Largest difference of the phases [deg]"""
    time: float = 0.1
    """For how long all of it must hold [s]."""
    checked: bool = True
    """Whether a relay prevents what is out of step at all."""
    islands: bool = True
    """Whether the PCS goes on alone when the breaker opens."""
    leave: float = 0.0
    """Voltage below which the PCS opens the breaker itself [pu]; zero: it never does."""

    def __post_init__(self) -> None:
        check(self, "plant.synchro", above_zero={"slip", "voltage", "angle"})


@dataclass(frozen=True, slots=True)
class Defects:
    """What a good PCS has none of; flaws set it."""

    hunting: float = 0.0
    """Part by which the current limit falls and rises while it acts."""
    recovery_overshoot: float = 0.0
    """How far the active power returns past its goal after a sag [pu]."""
    power_error: float = 0.0
    """Part by which the active power misses its set-point."""
    dc_offset: float = 0.0
    """In the bridge's voltage [pu]."""
    fifth_harmonic: float = 0.0
    """In the bridge's voltage [pu]."""
    refuses_black_start: bool = False
    confuses_priorities: bool = False
    telemetry_lag: float = 0.0
    """Time constant of what it reports [s]."""
    flat_channel: str = ""
    """Which of `CHANNELS` stands still from when it runs."""
    missing_channel: str = ""
    """Which of `CHANNELS` it does not report."""
    event_delay: float = 0.0
    """By how much the times in its event log are late [s]."""
    charge_drift: float = 0.0
    """How fast the reported state of charge rises by itself [pu/h]."""
    charge_miscount: float = 0.0
    """Part by which it counts more charge than flows."""

    def __post_init__(self) -> None:
        check(self, "plant.defects")
        for name in ("flat_channel", "missing_channel"):
            if getattr(self, name) not in ("", *CHANNELS):
                raise ConfigError(
                    f"[plant.defects] {name} = {getattr(self, name)!r}: must be one of {', '.join(CHANNELS)}"
                )
