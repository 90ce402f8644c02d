"""Hours of a simulated bench as its lab sees them: what meters show, what the PCS says, a count of charge.

Nothing in it is the plant's inner state. Meters are ideal and show means over an interval;
telemetry has the flaws that are planted in the PCS; the external count of charge integrates the
metered DC current over the nameplate's capacity, and knows nothing of what the cells do not
store: it falls behind by one less the coulombic efficiency of all charge that goes in.
"""

from __future__ import annotations

from dataclasses import replace
from math import ceil, pi, sqrt
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hil.errors import ConfigError
from hil.waveform import Channel, Waveform

from .flaws import plant as plant_flaws
from .phasor import FLAGS, SHARES, simulate
from .phasor_scenario import Profile, Scenario
from .telemetry import Telemetry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from .flaws import Flaw
    from .loads import Bank
    from .options import PlantOptions
    from .parameters import Parameters
    from .phasor import Record

SPACING: Final = 0.01
"""Over which the mean of a load's profile is taken, or a little less [s]."""
METERED: Final[Mapping[str, Channel]] = {
    "frequency": Channel("frequency", "Hz", "other"),
    "voltage": Channel("voltage", "V", "other"),
    "grid_power": Channel("grid_power", "W", "power", place="grid"),
    "load_power": Channel("load_power", "W", "power", place="load"),
    "pcs_power": Channel("pcs_power", "W", "power"),
    "pcs_reactive": Channel("pcs_reactive", "var", "other"),
    "battery_power": Channel("dc_power", "W", "power", "dc"),
    "dc_current": Channel("dc_current", "A", "other", "dc"),
}
"""What meters show, by the record's column: positive out of grid, PCS and battery, and into the load; the
voltage is RMS, line to line."""
COUNTED: Final = Channel("counted_charge", "", "other")
"""State of charge by the external count [pu], from that of the beginning."""
TOLD: Final[Mapping[str, str]] = {
    "volts": "V",
    "amps": "A",
    "watts": "W",
    "var": "var",
    "hertz": "Hz",
    "dc_volts": "V",
    "dc_amps": "A",
    "state_of_charge": "",
    "celsius": "degC",
}
"""What the PCS says of each of `terminals.CHANNELS`, as "told_watts" and so on; of phases the mean."""


def scenario(plant: PlantOptions, flaws: Sequence[Flaw] = (), **asked: Any) -> Scenario:
    """Return the scenario of a bench's [plant] table; what is asked for are fields of `Scenario`.

    The load is what starts with the bench, unless a load is asked for; gensets stand still.
    """
    if plant.controller:
        raise ConfigError(
            f"phasor simulation: [plant] controller = {plant.controller!r}: phasors know no control but the "
            "built-in one. Leave the controller out, or run it in the EMT plant"
        )
    q = replace(plant_flaws(plant.parameters, flaws), gensets=())
    return Scenario(**{"plant": q, "state_of_charge": plant.state_of_charge, **_load(plant), **asked})


def _load(plant: PlantOptions) -> dict[str, Any]:
    """Return the load that starts with the bench: its bank as an impedance, the electronic load as powers."""
    told = plant.load
    fields: dict[str, Any] = {}
    if told.get("closed") and "bank" in told:
        power = _bank(told["bank"], plant.parameters)
        fields |= {"impedance_power": power.real, "impedance_reactive": power.imag}
    if told.get("on"):
        fields |= {key: told[of] for key, of in _POWERS.items() if of in told}
        if (profile := told.get("profile")) is not None:
            count = ceil(profile.duration / SPACING - 1e-9)
            step = profile.duration / count
            edges = profile.time[0] + step * np.arange(count + 1)
            watts = np.diff(profile.energy_until(edges)) / step
            rest = {"held": True, "repeated": told.get("repeated", False)}
            fields["load_power"] = Profile(step, watts, **rest)
            fields["load_reactive"] = Profile(step, told.get("tangent", 0.0) * watts, **rest)
    return fields


_POWERS: Final = {"load_power": "active_power", "load_reactive": "reactive_power"}


def _bank(bank: Bank, q: Parameters) -> complex:
    """Return the power of a bank at nominal voltage [VA]; unequal phases are one bank of the same sum."""
    w, total = 2 * pi * q.frequency, 0j
    for ohm, henry, farad in zip(bank.resistance, bank.inductance, bank.capacitance, strict=True):
        admittance = complex(1.0 / ohm if ohm else 0.0)
        if henry:
            admittance += 1.0 / (henry * complex(1.0 / bank.reactor_time, w))
        if farad:
            admittance += 1j * w * farad / complex(1.0, w * bank.damping_time)
        total += q.voltage**2 / 3.0 * admittance.conjugate()
    return total


def observe(
    scenario: Scenario,
    seconds: float,
    dt: float = 0.01,
    interval: float = 1.0,
    progress: Callable[[float], None] | None = None,
) -> Waveform:
    """Return what a lab records in a span [s], each interval at its end; a channel that is not told has none.

    Telemetry is read once in an interval, and is that interval's mean.
    """
    record = simulate(scenario, seconds, dt, interval, progress)
    q = scenario.plant
    columns = {channel: record[name] for name, channel in METERED.items()}
    counted = scenario.state_of_charge - np.cumsum(record["dc_current"]) * interval / q.charge
    columns |= {COUNTED: counted} | _told(record, q, scenario.state_of_charge, interval)
    return Waveform(
        np.array(list(columns.values())),
        tuple(columns),
        rate=1.0 / interval,
        start=interval,
        source="plant in phasors",
    )


def _told(
    record: Record, q: Parameters, charge: float, interval: float
) -> dict[Channel, NDArray[np.float64]]:
    """Return what the PCS says, with its flaws."""
    power = np.hypot(record["pcs_power"], record["pcs_reactive"])
    true = {
        "volts": record["voltage"] / sqrt(3),
        "amps": power / (sqrt(3) * record["voltage"]),
        "watts": record["pcs_power"],
        "var": record["pcs_reactive"],
        "hertz": record["frequency"],
        "dc_volts": record["dc_voltage"],
        "dc_amps": record["dc_current"],
        "state_of_charge": record["state_of_charge"],
        "celsius": record["temperature"],
    }
    card = Telemetry(q, charge, interval)
    rows = [
        card.tell(dict(zip(true, row, strict=True)), n, running=True)
        for n, row in enumerate(zip(*(x.tolist() for x in true.values()), strict=True), 1)
    ]
    told = {
        Channel(f"told_{name}", unit, "other"): np.array([row[name] for row in rows])
        for name, unit in TOLD.items()
        if rows[-1][name] is not None
    }
    limited = record["flags"].astype(int) >> FLAGS.index("current limit") & 1
    told[Channel("told_limited", "", "other")] = limited.astype(float)
    shares = {name: record[name] for name in SHARES if name in record.columns}
    return told | {Channel(f"told_{name}", "W", "other"): share for name, share in shares.items()}
