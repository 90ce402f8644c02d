"""What [plant.load] and an operator tell the load: banks, powers, profiles and measured traces."""

import re

import numpy as np
import pytest

from hil.errors import ConfigError
from hil.plant.load_options import load_commands
from hil.plant.loads import ElectronicLoad
from hil.plant.parameters import Parameters
from hil.profiles import files, library, presets
from hil.profiles.profile import Profile

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


def test_what_is_to_be_repeated_must_be_named(told):
    with pytest.raises(ConfigError, match="load: repeated: only a profile is"):
        told(repeated=True, on=True)


def test_a_preset_with_other_parameters_on_the_loads_rating(told):
    commands = told(profile="training", high="0.9 pu", low=0.2, period="1 s", duty=0.6, edge="10 ms")
    profile = commands["profile"]
    assert commands["repeated"] is True
    # as long as the preset, 60 s; high from the end of one edge to the begin of the next
    assert (profile.unit, profile.duration) == ("W", 60.0)
    assert profile.time[:5].tolist() == [0.0, 0.01, 0.6, 0.61, 1.0]
    assert profile.power[:5].tolist() == pytest.approx([10e3, 45e3, 45e3, 10e3, 10e3])


@pytest.mark.parametrize("name", presets.presets())
def test_every_preset_can_be_asked_for(told, name):
    commands = told(profile=name)
    shipped = presets.load(name)
    expected = shipped.make({})
    assert np.array_equal(commands["profile"].time, expected.time)
    assert commands["profile"].power == pytest.approx(50e3 * expected.power)
    assert commands["repeated"] is (shipped.generator in {"square", "sweep"})
    # any parameter, as it stands in the preset, but for percent, which the table gives per unit
    plain = {key: text for key, text in shipped.parameters.items() if "%" not in text}
    assert np.array_equal(told(profile=name, **plain)["profile"].power, commands["profile"].power)


@pytest.mark.parametrize("name", library.traces())
def test_every_recorded_trace_can_be_asked_for(told, name):
    profile = told(profile=name, peak=0.5)["profile"]
    assert profile.power.max() == pytest.approx(25e3)
    assert np.array_equal(profile.time, library.find(name).time)


def test_words_and_whole_numbers_of_a_preset(told):
    one, two = (
        told(
            profile="inference_azure",
            arrivals="poisson",
            rate=60,
            context=10,
            generated=10,
            duration=9,
            seed=s,
        )
        for s in (1, 2)
    )
    assert "poisson" in one["profile"].source.lower()
    assert not np.array_equal(one["profile"].power, two["profile"].power)


def test_what_ends_elsewhere_than_it_begins_is_not_repeated(told, trace):
    with pytest.raises(ConfigError, match="load: repeated: the profile's last power is not its first"):
        told(profile="start_step", repeated=True)
    trace(TRACE)
    assert told(file="trace.csv", repeated=True)["repeated"]  # it is made of steps; one more is none of ours


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"profile": "trainig", "high": 1}, "load: no profile 'trainig'; nearest are training"),
        ({"profile": ["training"]}, "load: profile must be text"),
        ({"profile": "start_step", "period": "1 s"}, "load: unknown key 'period'"),
        ({"profile": "start_step", "high": 1.3}, "= 65000: the electronic load takes 0 to 60000"),
        ({"profile": "start_step", "low": -1}, "load: profile: point 1: power of a load is negative (-1)"),
        ({"profile": "training", "high": 0.3}, "load: low = 0.4 pu must lie below high = 0.3 pu"),
        ({"profile": "training", "period": 1e-6, "edge": 1e-9}, "1 to 500000 are possible"),
        ({"profile": "training", "high": "80 V"}, "load: high: '80 V' is not in pu"),
        ({"profile": "training", "peak": 1}, "load: unknown key 'peak'"),
        ({"profile": "training", "file": "x.csv"}, "profile and file exclude each other"),
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
    # its highest, 700 W, becomes 25 kW; each value is held for 0.1 s, the last for as long as it is on
    assert commands["profile"].time.tolist() == pytest.approx([0.0, 0.1, 0.2, 0.3])
    assert commands["profile"].held
    assert list(commands["profile"].power) == pytest.approx([0.0, 25e3 * 2 / 7, 25e3, 12.5e3])
    assert commands["repeated"] is False


def test_a_profile_of_a_file_is_played_as_it_is(told, tmp_path):
    made = Profile(np.array([0.0, 1.0, 4.0]), np.array([0.2, 0.8, 0.2]), unit="pu")
    files.write(made, tmp_path / "mine.csv")
    found = told(file="mine.csv", repeated=True)
    assert found["profile"].time.tolist() == [0.0, 1.0, 4.0]
    assert found["profile"].power.tolist() == pytest.approx([10e3, 40e3, 10e3])
    assert not found["profile"].held
    assert found["repeated"]


def test_a_preset_of_a_file(told, tmp_path):
    parameters = 'low = "10 %"\nhigh = "90 %"\nedge = "1 s"\nbefore = "1 s"\nafter = "1 s"\n'
    (tmp_path / "mine.toml").write_text(
        f'title = "Mine"\nsource = "me"\ngenerator = "start"\n[parameters]\n{parameters}'
    )
    assert told(file="mine.toml")["profile"].power.tolist() == pytest.approx([5e3, 5e3, 45e3, 45e3])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "trace.csv: has no rows"),
        ("t,p\n0,1\n", "columns are t, p; name the one of power"),
        ("time [s],power [W]\n0,1\n", "fewer than two values"),
        (TRACE.replace("10.2", "10.1"), "line 4: the same time as before"),
        (TRACE.replace("10.2", "9"), "line 4: time goes back"),
        (TRACE.replace("700", "-9"), "line 4: power is -9 W"),
        (TRACE.replace("700", "nan"), "line 4: no power here"),
        (TRACE.replace("10.2", "inf"), "line 4"),
        (TRACE.replace("700", ""), "line 4: no power here"),
        (TRACE.replace("700", "7,0"), "line 4: has 3 cells, there are 2 columns"),
        (TRACE + "12,1\n", "line 6: up to 1.7 s without a value, more than 0.3 s"),
    ],
)
def test_a_bad_trace_is_refused_with_its_line(told, trace, text, says):
    path = trace(text)
    with pytest.raises(ConfigError, match=re.escape(says)) as caught:
        told(file="trace.csv")
    assert f"make a profile of it first: hil profile import {path}" in str(caught.value)


def test_a_trace_that_cannot_be_played(told, trace):
    with pytest.raises(ConfigError, match=r"nowhere\.csv: cannot be opened"):
        told(file="nowhere.csv")
    trace("time [s],power [W]\n0,0\n1,0\n")
    with pytest.raises(ConfigError, match="zero throughout"):
        told(file="trace.csv")
    trace(TRACE)
    with pytest.raises(ConfigError, match="takes 0 to 60000"):
        told(file="trace.csv", peak=2)
