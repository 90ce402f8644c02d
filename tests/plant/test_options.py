"""The [plant] table: every key reaches its field in its unit, and what is wrong is named."""

import re
import subprocess
import sys
import tomllib
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.errors import ConfigError
from hil.plant import options
from hil.plant.forming import Forming, Synchro
from hil.plant.genset import DIESEL, GAS, Genset
from hil.plant.grounding import Grounding
from hil.plant.loads import Bank, ElectronicLoad, Transformer
from hil.plant.missions import Mission, Missions
from hil.plant.options import read_plant
from hil.plant.parameters import Parameters
from hil.plant.tables import value

NOMINAL = {"rated_power": 100e3, "voltage": 480.0, "frequency": 60.0, "dc_voltage": 850.0}
ON_BUS = {"voltage", "frequency"}


@pytest.fixture
def plant(tmp_path):
    """Read the text of a [plant] table."""

    def build(text, **nominal):
        content = tomllib.loads(text).get("plant", {})
        return read_plant(content, "lab.toml: plant", {**NOMINAL, **nominal}, tmp_path)

    return build


def test_without_a_table_it_is_the_default_plant_on_the_nominal_values(plant):
    assert plant("").parameters == Parameters()
    small = plant("", rated_power=30e3, voltage=400.0, frequency=50.0, dc_voltage=750.0).parameters
    assert (small.rated_power, small.voltage, small.frequency, small.dc_voltage) == (30e3, 400.0, 50.0, 750.0)
    assert small.electronic == ElectronicLoad(rating=30e3, voltage=400.0)
    assert small.transformer == Transformer(rating=30e3, voltage=400.0, frequency=50.0)
    assert small.missions is small.grounding is None


def test_every_table_reaches_its_fields(plant):
    found = plant("""
        [plant]
        scr = 2
        control = "forming"
        recovery_ramp = "2 pu/s"
        start_delay = "200 ms"
        switching = true
        frequency_band = ["0.95 pu", 1.05]
        undervoltage = [["0.5 pu", "160 ms"], ["0.88 pu", "2 s"]]
        [plant.forming]
        inertia = "1500 ms"
        voltage_integral = "3 1/s"
        power_limits = [-0.9, "0.8 pu"]
        feed_forward = true
        [plant.synchro]
        angle = "20 deg"
        checked = false
        [plant.battery]
        chemistry = "nmc"
        battery_capacity = "0.4 MWh"
        discharge_rate = "0.5 1/h"
        state_of_charge = 0.7
        [plant.load]
        rating = "50 kVA"
        reactor_time = "0.5 s"
        [plant.transformer]
        load = ["1 kW", "2 kW", 3000]
        [plant.grounding]
        reactance = "0.04 pu"
        [[plant.gensets]]
        [[plant.gensets]]
        preset = "gas"
        rated_power = "250 kW"
        overspeed = ["1.1 pu", "0.1 s"]
        [plant.missions]
        missions = [{ name = "ride-through", reserve = 0.1 }, "dispatch"]
        window = ["0.1 pu", "0.9 pu"]
        volt_var = [[0.9, 0.4], [0.98, 0.0], [1.02, 0.0], [1.1, -0.4]]
        """)
    q = found.parameters
    assert (q.scr, q.control, q.recovery_ramp, q.start_delay, q.switching) == (2.0, "forming", 2.0, 0.2, True)
    assert q.frequency_band == (0.95, 1.05)
    assert q.undervoltage == ((0.5, 0.16), (0.88, 2.0))
    assert q.forming == Forming(
        inertia=1.5, voltage_integral=3.0, power_limits=(-0.9, 0.8), feed_forward=True
    )
    assert q.synchro == Synchro(angle=20.0, checked=False)
    assert (q.chemistry, q.battery_capacity, q.discharge_rate) == ("nmc", 400e3, 0.5)
    assert found.state_of_charge == 0.7
    assert (q.electronic.rating, q.bank.reactor_time) == (50e3, 0.5)
    assert q.transformer.load == (1e3, 2e3, 3e3)
    assert q.grounding == Grounding(reactance=0.04)
    assert q.gensets[0] == DIESEL
    assert (q.gensets[1].rated_power, q.gensets[1].overspeed) == (250e3, (1.1, 0.1))
    assert q.gensets[1].turbo_time == GAS.turbo_time != DIESEL.turbo_time
    assert q.missions == Missions(
        missions=(Mission("ride-through", reserve=0.1), Mission("dispatch")),
        load_power=50e3,
        window=(0.1, 0.9),
        volt_var=((0.9, 0.4), (0.98, 0.0), (1.02, 0.0), (1.1, -0.4)),
    )


@pytest.mark.parametrize(
    ("kind", "table", "left_out"),
    [
        (Forming, options.FORMING, set()),
        (Synchro, options.SYNCHRO, set()),
        (Bank, options.BANK, {"resistance", "inductance", "capacitance"}),
        (ElectronicLoad, options.ELECTRONIC, {"voltage"}),
        (Transformer, options.TRANSFORMER, ON_BUS),
        (Grounding, options.GROUNDING, set()),
        (Genset, options.GENSET, ON_BUS),
        (Missions, options.MISSIONS, {"rated_power", "frequency"}),
        (Mission, options.MISSION, set()),
    ],
)
def test_every_field_has_its_unit_once(kind, table, left_out):
    assert set(table) == {each.name for each in fields(kind)} - left_out


def test_the_plants_own_keys_are_fields():
    names = {each.name for each in fields(Parameters)}
    assert set(options.PLANT) <= names
    assert set(options.BATTERY) - {"chemistry", "state_of_charge"} <= names - set(options.PLANT)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[plant]\nscrr = 3", "lab.toml: plant: unknown key 'scrr'; nearest are scr"),
        (
            "[plant.forming]\ndrop = 0.1",
            "lab.toml: plant.forming: unknown key 'drop'; nearest are droop",
        ),
        ("[plant]\nscr = 0.5", "lab.toml: plant: scr = 0.5: must lie between 1 and 1000"),
        ('[plant]\nscr = "2 V"', "plant: scr must be a number without a unit, found '2 V'"),
        ("[plant]\nscr = true", "plant: scr must be a number without a unit, found True"),
        ("[plant]\nstart_delay = nan", "plant: start_delay must be a number [s]"),
        ('[plant]\nstart_delay = "1 V"', "plant: start_delay: '1 V' is not in s"),
        ("[plant]\nstart_delay = []", 'start_delay must be a number [s], or text such as "1 s", found []'),
        ('[plant]\nswitching = "yes"', "plant: switching must be true or false, found 'yes'"),
        ("[plant]\ncontrol = 1", "plant: control must be text, found 1"),
        ("[plant]\nfrequency_band = [0.9]", "plant: frequency_band must be a list of 2, found [0.9]"),
        ("[plant]\nundervoltage = [[0.9]]", "plant: undervoltage[0] must be a list of 2"),
        ("[plant]\nundervoltage = 0.9", "plant: undervoltage must be a list, found 0.9"),
        ("[plant]\nforming = 1", "lab.toml: plant.forming: expected a table, found 1"),
        ("[plant]\nload = 1", "lab.toml: plant.load: expected a table, found 1"),
        ("[plant.gensets]\ndroop = 0.1", "lab.toml: plant.gensets: expected tables, each headed [[plant.gen"),
        ('[[plant.gensets]]\npreset = "steam"', "plant.gensets[0]: no preset 'steam'; there is diesel, gas"),
        ("[[plant.gensets]]\ninertia = -1", "lab.toml: plant.gensets[0]: inertia = -1: must be a number"),
        ("[[plant.gensets]]\nvoltage = 400", "plant.gensets[0]: unknown key 'voltage'"),
        ("[plant.battery]\nstate_of_charge = 1.1", "plant.battery: state_of_charge = 1.1 pu: must lie"),
        (
            '[plant.battery]\nchemistry = "lead"',
            "lab.toml: plant: storage: chemistry = 'lead' must be one",
        ),
        (
            '[plant.missions]\nmissions = ["sleep"]',
            "plant.missions: missions[0]: missions: there is no 'sleep'",
        ),
        ("[plant.missions]\nmissions = [{ share = 1 }]", "plant.missions: missions[0]: name is missing"),
        (
            "[plant.grounding]\nresistance = 0.0",
            "lab.toml: plant.grounding: resistance = 0: must be above zero",
        ),
        ("[plant.transformer]\nload = [1, 2, -3]", "plant.transformer: Transformer load = (1.0, 2.0, -3.0)"),
    ],
)
def test_what_is_wrong_is_named(plant, text, says):
    with pytest.raises(ConfigError, match=re.escape(says)):
        plant(text)


@given(st.floats(-1e6, 1e6))
def test_a_number_and_its_text_are_the_same(number):
    assert value(number, "pu", "x") == value(f"{number!r} pu", "pu", "x") == number
    assert value(number, "W", "x") == pytest.approx(value(f"{number / 1e3!r} kW", "W", "x"), abs=1e-9)


def test_reading_a_plant_imports_no_numba():
    """`hil list benches` and a bench of hardware must not pay for the kernel."""
    code = (
        "import sys; from hil.config import load; load('simulated_island'); import hil.simulated;"
        "sys.exit('numba' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
