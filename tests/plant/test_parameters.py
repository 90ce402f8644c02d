"""What a plant may be made of, and what is refused."""

import re

import pytest

from hil.errors import ConfigError
from hil.plant.parameters import Parameters
from hil.plant.terminals import PCS_ALARMS


def test_per_unit_base():
    # 480 V, 100 kVA: Z = V^2/S; at SCR 20 the grid's impedance is 1/20 pu
    q = Parameters()
    assert q.impedance == pytest.approx(2.304)
    assert (q.grid_resistance**2 + q.grid_inductance**2) ** 0.5 == pytest.approx(0.05)
    # 43 mpu at 60 Hz
    assert q.capacitance == pytest.approx(0.043 / (377 * 2.304), rel=1e-3)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"filter_inductance": -0.1}, "filter_inductance = -0.1: must be a number that is not negative"),
        ({"filter_inductance": 0.0}, "above zero"),
        ({"rated_power": 0.0}, "rated_power = 0 must be above zero"),
        ({"battery_capacity": -1.0}, "battery_capacity = -1 must not be negative"),
        ({"scr": 0.0}, "scr = 0: must be above zero"),
        ({"scr": 0.5}, "between 1 and 1000"),
        ({"voltage": float("nan")}, "must be a number"),
        ({"frequency": 400.0}, "between 40 and 70 Hz"),
        ({"priority": "S"}, "priority = 'S': must be one of P, Q, mixed"),
        ({"dc_voltage": 600.0}, "too low for 480 V AC"),
        ({"filter_capacitance": 0.01}, "the step is too large"),
    ],
)
def test_what_cannot_be_simulated_is_refused(options, why):
    with pytest.raises(ConfigError, match=re.escape(why)):
        Parameters(**options)


def test_alarms_and_the_control_agree():
    from hil.plant.emt import unit

    names = ("UNDERVOLTAGE", "OVERVOLTAGE", "UNDERFREQUENCY", "OVERFREQUENCY", "OVERCURRENT_", "DC_VOLTAGE")
    assert [PCS_ALARMS[getattr(unit, name) - 1].upper() for name in names] == [n.rstrip("_") for n in names]
