"""What a DC side may be made of, and what is refused."""

import numpy as np
import pytest

from hil.errors import ConfigError
from hil.plant.emt import storage as s
from hil.plant.storage import LIMITS, OPEN_CIRCUIT, Storage, array


def test_engineering_terms_become_si():
    q = Storage()
    # 850 V, 100 kW: Z = V^2/S; 200 kWh at 850 V are 235.3 Ah
    assert q.dc_impedance == pytest.approx(7.225)
    assert q.charge == pytest.approx(3600 * 235.294, rel=1e-5)
    assert 0.5 * q.link_capacitance * 850.0**2 == pytest.approx(0.5 * 0.01 * 100e3)
    x = array(q, 20e-6, 0.4)
    assert x[s.SOC] == 0.4
    assert x[s.R0] == pytest.approx(0.07225)
    assert x[s.LINK] * 20e-6 == pytest.approx(q.link_capacitance)
    assert x[s.DISCHARGE_A] == pytest.approx(235.294, rel=1e-5)
    assert x[s.CLOSED] == 0.0


def test_tables_rise_and_lfp_is_flat():
    for name, cell in OPEN_CIRCUIT.items():
        assert len(cell) == s.INTERVALS + 1, name
        assert all(np.diff(cell) > 0), name
    # 10 to 95 % of an LFP cell lie between 3.2 and 3.35 V
    assert OPEN_CIRCUIT["lfp"][2] >= 3.2
    assert OPEN_CIRCUIT["lfp"][19] <= 3.35
    x = array(Storage(chemistry="lfp"), 20e-6, 0.5)
    assert x[s.OCV + 10] == 1.0


def test_every_limit_has_a_name():
    assert LIMITS[s.FREE] == "free"
    assert LIMITS[s.OPEN] == "open"
    assert len(LIMITS) == s.OPEN + 1


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"rated_power": 0.0}, "rated_power = 0 must be above zero"),
        ({"battery_time": -1.0}, "battery_time = -1 must not be negative"),
        ({"dc_voltage": float("nan")}, "dc_voltage = nan must be a finite number"),
        ({"ambient": float("inf")}, "ambient = inf must be a finite"),
        ({"efficiency": 1.01}, "efficiency = 1.01 must not be above one"),
        ({"coulombic_efficiency": 1.1}, "coulombic_efficiency"),
        ({"chemistry": "lead"}, "chemistry = 'lead' must be one of none, lfp, nmc"),
        ({"taper": 0.6}, "taper = 0.6"),
        (
            {"dc_resistance": 0.19, "battery_resistance": 0.01},
            "battery_resistance = 0.01 must stay below 0.2",
        ),
    ],
)
def test_what_cannot_be_simulated_is_refused(values, why):
    with pytest.raises(ConfigError, match=why):
        Storage(**values)


def test_cold_surroundings_and_a_battery_without_rc_branch_are_not_refused():
    x = array(Storage(ambient=-20.0, battery_resistance=0.0), 20e-6, 0.0)
    assert x[s.T_PCS] == x[s.T_BATTERY] == -20.0
    assert x[s.G1] == 0.0
    assert array(Storage(), 20e-6, 1.0)[s.SOC] == 1.0


@pytest.mark.parametrize(
    ("step", "soc", "why"), [(2e-3, 0.5, "step = 0.002"), (2e-5, 1.1, "state_of_charge")]
)
def test_array_refuses_step_and_charge(step, soc, why):
    with pytest.raises(ConfigError, match=why):
        array(Storage(), step, soc)
