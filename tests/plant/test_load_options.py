"""What [plant.load] and an operator tell the load: banks, powers, profiles and measured traces."""

import re

import numpy as np
import pytest

from hil.errors import ConfigError
from hil.plant.load_options import PROFILES, load_commands, read_trace
from hil.plant.loads import ElectronicLoad
from hil.plant.parameters import Parameters

Q = Parameters(electronic=ElectronicLoad(rating=50e3))
TRACE = "time [s],power [W]\n10,0\n10.1,200\n10.2,700\n10.3,350\n"


@pytest.fixture
def told(tmp_path):
    def read(**content):
        return load_commands(content, "load", Q, tmp_path)

    return read


@pytest.fixture
def trace(tmp_path):
    def write(text):
        (tmp_path / "trace.csv").write_text(text)
        return tmp_path / "trace.csv"

    return write


def test_a_bank_by_its_powers(told):
    bank = told(watts=["5 kW", 0, "10 kW"], capacitive=[0, 0, "1 kvar"], closed=True)["bank"]
    square = 480.0**2 / 3  # V^2 phase to neutral: R = V^2 / P, C = Q / (2 pi f V^2)
    assert bank.resistance == pytest.approx((square / 5e3, None, square / 10e3))
    assert bank.inductance == (None, None, None)
    assert bank.capacitance[2] == pytest.approx(1e3 / (2 * np.pi * 60 * square))


def test_a_bank_by_its_parts(told):
    commands = told(resistance=["2 ohm", "none", 3], inductance=["1 mH", "none", "none"])
    assert commands.keys() == {"bank"}
    assert commands["bank"].resistance == (2.0, None, 3.0)
    assert commands["bank"].inductance == (1e-3, None, None)


def test_a_power_ends_a_profile(told):
    assert told(active_power="10 kW", on=True) == {
        "active_power": 10e3,
        "on": True,
        "profile": None,
        "repeated": False,
    }
    assert told(profile="none")["profile"] is None
    assert "profile" not in told(on=False, reactive_power="-1 kvar")


def test_a_square_on_the_loads_rating(told):
    commands = told(profile="square", high="0.9 pu", low=0.2, period="1 s", duty=0.6, edge="10 ms")
    profile = commands["profile"]
    assert commands["repeated"] is True
    assert profile.spacing * profile.watts.size == pytest.approx(1.0)
    assert (profile.watts.max(), profile.watts.min()) == pytest.approx((45e3, 10e3))
    # high from the end of one edge to the begin of the next: 0.6 s - 0.01 s, and its two ends
    assert (profile.watts > 45e3 - 1.0).sum() == 591


@pytest.mark.parametrize(
    ("kind", "given_values"),
    [
        ("start", {"low": 0.1, "high": 1.0, "edge": "1 s"}),
        ("fault_stop", {"low": 0.1, "high": 1.0, "edge": "1 s"}),
        ("checkpoint", {"low": 0.3, "high": 1.0, "duration": "5 s"}),
        ("sweep", {"mean": 0.5, "swing": 1.0, "frequencies": [1, "2 Hz"], "cycles": 3}),
        ("inference", {"low": 0.1, "high": 1.0, "duration": "9 s", "rate": "60 1/s", "seed": 1}),
    ],
)
def test_every_profile_can_be_asked_for(told, kind, given_values):
    profile = told(profile=kind, **given_values)["profile"]
    assert profile.watts.max() == pytest.approx(50e3, rel=1e-3)


def test_every_profile_is_tried():
    assert set(PROFILES) == {"square", "start", "fault_stop", "checkpoint", "sweep", "inference"}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"profile": "sqare"}, "load: no profile 'sqare'; nearest are square"),
        ({"profile": "square", "high": 1, "low": 0}, "load: the profile 'square' needs period"),
        ({"profile": "start", "period": "1 s"}, "load: unknown key 'period'"),
        (
            {"profile": "start", "high": 1.3, "low": 0, "edge": 1},
            "= 65000: the electronic load takes 0 to 60000",
        ),
        ({"profile": "start", "high": 1, "low": -1, "edge": 1}, "power not be negative"),
        ({"profile": "start", "high": 1, "low": 0, "edge": 2e4}, "from 20000 to 20000 s, has more than"),
        (
            {"profile": "square", "high": 1, "low": 0, "period": 2, "edge": 1e-9},
            "has more than 10000000 points",
        ),
        ({"profile": "square", "file": "x.csv"}, "profile and file exclude each other"),
        ({"profile": "none", "active_power": 1.0}, "profile and active_power exclude each other"),
        ({"active_power": "61 kW"}, "active_power = 61000: the electronic load takes 0 to 60000"),
        ({"active_power": -1.0}, "active_power = -1: the electronic load takes 0 to"),
        ({"reactive_power": "-61 kvar"}, "takes -60000 to 60000"),
        ({"watts": [1, 1, 1], "resistance": [1, 1, 1]}, "by watts or by resistance, not both"),
        ({"watts": [1, 1, -1]}, "Bank power = -1.0: must not be negative"),
        ({"resistance": [1, 1, 0]}, "Bank resistance = 0.0: must lie above 0"),
        ({"watts": "15 kW"}, "load: watts must be a list of 3"),
        ({"volts": 1}, "load: unknown key 'volts'"),
        ({"on": 1}, "load: on must be true or false"),
        ({"peak": 1}, "load: unknown key 'peak'"),
    ],
)
def test_what_the_load_cannot_do_is_refused(told, content, says):
    with pytest.raises(ConfigError, match=re.escape(says)):
        told(**content)


def test_a_trace_is_brought_to_the_loads_rating(told, trace):
    trace(TRACE)
    commands = told(file="trace.csv", peak=0.5)
    # its highest, 700 W, becomes 25 kW; the last value counts, each is held for 0.1 s
    assert commands["profile"].spacing == pytest.approx(0.1)
    assert commands["profile"].held
    assert list(commands["profile"].watts) == pytest.approx([0.0, 25e3 * 2 / 7, 25e3, 12.5e3])
    assert commands["repeated"] is False
    assert told(file="trace.csv", spacing="50 ms")["profile"].watts.size == 7


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "line 1: expected the columns time [s], power [W]"),
        ("t,p\n0,1\n", "line 1: expected the columns"),
        ("time [s],power [W]\n0,1\n", "1 lines of power"),
        (TRACE.replace("10.2", "10.1"), "line 4: 10.1 s does not follow 10.1 s"),
        (TRACE.replace("10.2", "9"), "line 4: 9 s does not follow"),
        (TRACE.replace("700", "-1"), "line 4: '10.2,-1' is no time with a power that is not negative"),
        (TRACE.replace("700", "nan"), "line 4"),
        (TRACE.replace("10.2", "inf"), "line 4"),
        (TRACE.replace("700", ""), "line 4: expected a time and a power"),
        (TRACE.replace("700", "7,0"), "line 4: expected a time and a power"),
        (TRACE + "12,1\n", "line 6: a gap of 1.7 s, the usual spacing is 0.1 s"),
    ],
)
def test_a_bad_trace_is_refused_with_its_line(trace, text, says):
    path = trace(text)
    with pytest.raises(ConfigError, match=re.escape(says)) as caught:
        read_trace(path)
    assert str(path) in str(caught.value)


def test_a_trace_that_cannot_be_played(told, trace):
    with pytest.raises(ConfigError, match="cannot be read as a trace"):
        told(file="nowhere.csv")
    trace("time [s],power [W]\n0,0\n1,0\n")
    with pytest.raises(ConfigError, match="no power"):
        told(file="trace.csv")
    trace(TRACE)
    with pytest.raises(ConfigError, match="more than 10000000 points"):
        told(file="trace.csv", spacing="0.01 us")
    with pytest.raises(ConfigError, match="takes 0 to 60000"):
        told(file="trace.csv", peak=2)
