"""What a plant-level control may be set to, and what is refused."""

import pytest

from hil.errors import ConfigError
from hil.plant.emt import missions as m
from hil.plant.missions import LIMITS, NAMES, SUPPORT, VOLT_VAR, Mission, Missions, array, demand_response


def test_the_default_is_a_pcs_that_follows_its_setpoint():
    x = array(Missions())
    assert [n for n in range(m.MISSIONS) if x[m.ON + n]] == [m.DISPATCH]
    assert x[m.VV_ON] == x[m.VW_ON] == 0.0


def test_names_match_the_slots():
    for name, n in zip(
        NAMES, (m.RIDE_THROUGH, m.BUFFERING, m.FREQUENCY, m.DISPATCH, m.MAINTENANCE), strict=True
    ):
        x = array(Missions(missions=(Mission(name, 0.25, 0.125),)))
        assert (x[m.ON + n], x[m.SHARE + n], x[m.RESERVE + n]) == (1.0, 0.25, 0.125)
        assert x[m.ORDER] == n
        assert sorted(x[m.ORDER : m.ORDER + m.MISSIONS]) == list(range(m.MISSIONS))
    assert LIMITS[m.FREE] == "free"
    assert LIMITS[m.BY_POWER] == "power"
    assert len(LIMITS) == m.BY_POWER + 1


def test_engineering_terms_become_per_unit():
    x = array(Missions(rated_power=100e3, load_power=50e3, grid_ramp_up=0.2, deadband=0.036, frequency=60.0))
    assert x[m.GRID_UP] == pytest.approx(0.1)  # 20 % of 50 kW per second, on 100 kW
    assert x[m.DEADBAND] == pytest.approx(0.0006)
    assert x[m.PER_DROOP] == pytest.approx(20.0)


def test_a_buffering_pcs_supports_the_voltage_unless_told_otherwise():
    buffering = (Mission("buffering"),)
    assert array(Missions(buffering))[m.VV_ON] == 1.0
    assert Missions(buffering).curve == SUPPORT
    assert array(Missions(buffering, volt_var=()))[m.VV_ON] == 0.0
    assert array(Missions(buffering, volt_var=VOLT_VAR))[m.VV_V] == VOLT_VAR[0][0]


def on(*names, **values):
    return {"missions": tuple(Mission(name, **values) for name in names)}


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"rated_power": 0.0}, "rated_power = 0 must be above zero"),
        ({"band": 0.0}, "band = 0 must be above zero"),
        ({"droop": -0.05}, "droop = -0.05 must be a finite number that is not negative"),
        ({"grid_ramp_up": float("nan")}, "grid_ramp_up = nan"),
        ({"low_pass": float("inf")}, "low_pass = inf"),
        (on("dispatch", "dispatch"), "dispatch, dispatch names one twice"),
        (on("dispatch", "ride-through"), "must have ride-through first"),
        (on("maintenance", "dispatch"), "maintenance last"),
        ({"window": (0.8, 0.2)}, "window = .* must rise"),
        ({"window": (0.2, 1.1)}, "must rise, within 0 and 1"),
        (on("buffering", "dispatch", reserve=0.3), "leaves no energy to the last mission"),
        (on("ride-through", "maintenance", reserve=0.35), "target = 0.5 must lie between 0.55 and 0.8"),
        ({"volt_var": ((0.9, 0.4), (0.98, 0.0), (0.98, 0.0), (1.1, -0.4))}, "volt_var .* rising"),
        ({"volt_var": ((0.9, 0.4), (1.1, -0.4))}, "four points"),
        ({"volt_var": ((0.9, float("nan")), (0.98, 0.0), (1.02, 0.0), (1.1, -0.4))}, "volt_var"),
        ({"volt_watt": (1.1, 1.06)}, "volt_watt = .* two rising"),
        ({"volt_watt": (1.06, 1.1, 1.2)}, "volt_watt"),
    ],
)
def test_what_cannot_be_followed_is_refused(values, why):
    with pytest.raises(ConfigError, match=why):
        Missions(**values)


@pytest.mark.parametrize(
    ("values", "why"),
    [
        (("arbitrage",), "there is no 'arbitrage'; there is ride-through, buffering"),
        (("dispatch", -0.1), "dispatch: share = -0.1"),
        (("dispatch", 1.0, 1.5), "dispatch: reserve = 1.5 must lie between 0 and 1"),
    ],
)
def test_a_mission_is_refused(values, why):
    with pytest.raises(ConfigError, match=why):
        Mission(*values)


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ((120e3, 60.0, 1e4, 1e4), r"power = 120000 W is beyond the PCS's limit of 100000 W"),
        ((-60e3, 60.0, 1e4, 1e4), "limit of 50000 W"),
        ((float("nan"), 60.0, 1e4, 1e4), "power = nan"),
        ((50e3, 0.0, 1e4, 1e4), "duration = 0 "),
        ((50e3, 60.0, -1.0, 1e4), "ramp = -1 "),
        ((50e3, 60.0, 1e4, float("inf")), "back = inf"),
    ],
)
def test_a_demand_response_event_is_refused(values, why):
    q = Missions(charge_limit=0.5)
    x = array(q)
    with pytest.raises(ConfigError, match=why):
        demand_response(x, q, *values)
    assert x[m.EVENT_LEFT] == 0.0
