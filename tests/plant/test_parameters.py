"""What a [plant] table may hold, and what is refused."""

import re

import pytest

from hil import units
from hil.errors import ConfigError
from hil.plant import flaws
from hil.plant.parameters import PARAMETERS, Parameters, from_options
from hil.plant.terminals import PCS_ALARMS


def test_defaults_are_accepted_and_named():
    defaults = Parameters()
    values = {name: getattr(defaults, name) for name in PARAMETERS}
    assert from_options(values) == from_options({}) == defaults


def test_every_unit_can_be_read():
    for name, unit in PARAMETERS.items():
        if unit != "text":
            assert units.parse(f"3 {unit}", unit, name) == 3.0


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
        ({"filter_inductance": -0.1}, "filter_inductance = -0.1 pu: must be a number that is not negative"),
        ({"filter_inductance": 0.0}, "above zero"),
        ({"scr": 0.0}, "scr = 0: must be above zero"),
        ({"scr": 0.5}, "between 1 and 1000"),
        ({"voltage": float("nan")}, "must be a number"),
        ({"frequency": 400.0}, "between 40 and 70 Hz"),
        ({"priority": "S"}, "priority = 'S': must be one of P, Q, mixed"),
        ({"dc_voltage": 600.0}, "too low for 480 V AC"),
        ({"filter_capacitance": 0.01}, "the step is too large"),
        ({"voltage": "480"}, "must be a number"),
        ({"scrr": 3.0}, "no parameter 'scrr'; there is rated_power"),
    ],
)
def test_what_cannot_be_simulated_is_refused(options, why):
    with pytest.raises(ConfigError, match=re.escape(why)):
        from_options(options)


def test_flaws_are_found_by_name():
    assert flaws.parse("trips-early").strength == flaws.FLAWS["trips-early"].strength
    assert flaws.parse(" trips-early=0.5 ").strength == 0.5
    for name, flaw in flaws.FLAWS.items():
        assert flaw.name == name
        assert flaw.about
        assert flaw.plant(Parameters()) != Parameters()


@pytest.mark.parametrize(
    "text", ["trip-early", "trips-early=", "trips-early=fast", "trips-early=-1", "no-support=nan"]
)
def test_unknown_flaws_are_refused(text):
    with pytest.raises(ConfigError, match="trips-early, |not negative"):
        flaws.parse(text)


def test_flaw_scales_the_undervoltage_times():
    early = flaws.parse("trips-early=0.5").plant(Parameters())
    assert early.undervoltage[0] == (0.25, 0.2)
    assert early.overvoltage == Parameters().overvoltage


def test_alarms_and_the_control_agree():
    from hil.plant.emt import unit

    names = ("UNDERVOLTAGE", "OVERVOLTAGE", "UNDERFREQUENCY", "OVERFREQUENCY", "OVERCURRENT_", "DC_VOLTAGE")
    assert [PCS_ALARMS[getattr(unit, name) - 1].upper() for name in names] == [n.rstrip("_") for n in names]
