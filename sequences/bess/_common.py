"""Steps that tests of a battery PCS share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.errors import ConfigError
from hil.limits import Limit
from hil.steps import (
    Arm,
    Await,
    Disarm,
    Fire,
    FormGrid,
    Hold,
    LoadTransient,
    MoveSwitch,
    RampGrid,
    SetDc,
    SetGrid,
    SetPower,
    SetVoltage,
    SwitchDc,
    SwitchGrid,
    SwitchPcs,
)

if TYPE_CHECKING:
    from hil.sequence import Nominal
    from hil.steps import Step
    from hil.transient import ListPoint


def around(value: float, width: float, unit: str) -> Limit:
    """Return the limit from `width` below a value to `width` above it."""
    return Limit(value - width, value + width, unit)


def sags_in(text: str, name: str) -> tuple[tuple[float, float], ...]:
    """Return residual voltages [pu] and times [s] from text such as "0.27/1.2 0.52/3.0"."""
    found = []
    for word in text.split():
        try:
            residual, seconds = map(float, word.split("/"))
        except ValueError:
            raise ConfigError(f'{name}: {word!r}: expected voltage/time, such as "0.27/1.2"') from None
        Limit(0.0, 1.3, "pu").check(residual, f"{name}, voltage")
        Limit(0.1, 60.0, "s").check(seconds, f"{name}, time")
        found.append((residual, seconds))
    if len({round(100 * residual) for residual, _ in found}) < len(found):
        raise ConfigError(
            f"{name} = {text!r}: two have the same voltage to a percent, by which captures are named; "
            "run the test once for each"
        )
    return tuple(found)


def energise(nominal: Nominal, watts: float, steady: float, var: float = 0.0) -> tuple[Step, ...]:
    """Return the steps: battery first, then the grid, then the PCS: nothing is closed onto a live circuit."""
    return (*feed(nominal), *start(nominal, watts, steady, var))


def feed(nominal: Nominal) -> tuple[Step, ...]:
    """Switch on the battery, then the grid."""
    volts = nominal.phase_voltage
    return (
        *battery(nominal),
        SetGrid((0.0, 0.0, 0.0), nominal.frequency),
        SwitchGrid(on=True),
        RampGrid(volts, 2.0),
        Await("grid.voltage", around(volts, 0.02 * volts, "V"), 5.0),
    )


def battery(nominal: Nominal) -> tuple[Step, ...]:
    """Switch the battery on, with the AC source off."""
    amps = 1.5 * nominal.power / nominal.dc_voltage
    return (
        Await("grid.highest_voltage", Limit(0.0, 0.1 * nominal.phase_voltage, "V"), 1.0),
        SetDc(nominal.dc_voltage, amps, 1.3 * nominal.power),  # more than a PCS at its limit takes
        SwitchDc(on=True),
        Await("dc.voltage", around(nominal.dc_voltage, 0.02 * nominal.dc_voltage, "V"), 10.0),
    )


def to_form(nominal: Nominal) -> tuple[Step, ...]:
    """Make a dead island that the PCS is to form: breaker to the source open, battery on."""
    return (
        *battery(nominal),
        MoveSwitch("open", "grid_breaker"),
        FormGrid(on=True),
        SetVoltage(1.0, 1.0),
        SetPower(0.0),
    )


def start(nominal: Nominal, watts: float, steady: float, var: float = 0.0) -> tuple[Step, ...]:
    """Start the PCS at no power, then bring it to its powers and let it settle."""
    return (*run(), *bring_to(nominal, watts, steady, var))


def run() -> tuple[Step, ...]:
    """Start the PCS at no power."""
    return (SetPower(0.0), SwitchPcs(on=True), Await("pcs.running", Limit(1.0, 1.0, ""), 60.0))


def bring_to(nominal: Nominal, watts: float, steady: float, var: float = 0.0) -> tuple[Step, ...]:
    """Bring a running PCS to its powers and let it settle."""
    return (
        SetPower(watts, var),
        Await("pcs.active_power", around(watts, 0.02 * nominal.power, "W"), 20.0),
        Hold(steady),
    )


def restart(nominal: Nominal, watts: float, steady: float, var: float = 0.0) -> tuple[Step, ...]:
    """Acknowledge a trip and start again."""
    return (SwitchPcs(on=False), Hold(1.0), *start(nominal, watts, steady, var))


def recorded(
    name: str, points: tuple[ListPoint, ...], before: float, after: float, then: float
) -> tuple[Step, ...]:
    """Play a transient within a capture that begins before it and ends after it; wait then [s]."""
    return (
        LoadTransient(points),
        Arm(name, poll=0.5),
        Hold(before),
        Fire(),
        Hold(sum(point.seconds for point in points) + after),
        Disarm(),
        Hold(then),
    )


def de_energise() -> tuple[Step, ...]:
    """Return the steps of the reverse order; the bench is made safe and measured afterwards in any case."""
    return (
        SetPower(0.0),
        Hold(1.0),
        SwitchPcs(on=False),
        Await("pcs.connected", Limit(0.0, 0.0, ""), 5.0),
        RampGrid(0.0, 1.0),
        SwitchGrid(on=False),
        SwitchDc(on=False),
    )


def end_island() -> tuple[Step, ...]:
    """Return the steps that end an island: loads are off already."""
    return (
        SwitchPcs(on=False),
        Await("pcs.connected", Limit(0.0, 0.0, ""), 5.0),
        FormGrid(on=False),
        SwitchDc(on=False),
    )
