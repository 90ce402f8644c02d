"""[plant] as part of a bench file: nominal values from [bench], errors with the file, what is shown of it."""

import re
from importlib.resources import files

import pytest

from hil.cli.plant import MEANINGS, describe, keys
from hil.config import load
from hil.errors import ConfigError
from hil.plant.genset import DIESEL, GAS

BENCHES = files("hil.data") / "benches"


@pytest.fixture
def bench(tmp_path):
    """Write a bench file that is the shipped one but for its [plant], and maybe more."""

    def write(plant, **replaced):
        text = (BENCHES / "simulated.toml").read_text()
        text = text[: text.index("[plant]")] + plant
        for old, new in replaced.items():
            assert old in text
            text = text.replace(old, new)
        (tmp_path / "lab.toml").write_text(text)
        return tmp_path / "lab.toml"

    return write


def test_the_plant_has_the_benchs_nominal_values():
    for name, volts, hertz in (("simulated", 480.0, 60.0), ("simulated_regatron", 400.0, 50.0)):
        config = load(name)
        q = config.plant.parameters
        assert (q.voltage, q.frequency) == (config.voltage, config.frequency) == (volts, hertz)
        assert (q.rated_power, q.dc_voltage) == (config.power, config.dc_voltage)
        assert (q.scr, q.x_over_r) == (100.0, 8.0)


def test_what_plant_says_goes_before_what_bench_says(bench):
    config = load(bench('[plant]\nrated_power = "50 kW"'))
    assert config.power == 100e3
    assert config.plant.parameters.rated_power == config.plant.parameters.electronic.rating == 50e3


def test_the_path_of_a_trace_is_relative_to_the_bench_file(bench, tmp_path):
    (tmp_path / "trace.csv").write_text("time [s],power [W]\n0,1\n1,2\n")
    config = load(bench('[plant.load]\nfile = "trace.csv"'))
    assert list(config.plant.load["profile"].power) == [50e3, 100e3]


@pytest.mark.parametrize(
    ("plant", "says"),
    [
        ("[plant]\nwind = 3", "lab.toml: plant: unknown key 'wind'"),
        ("[plant.winds]\n", "lab.toml: plant: unknown key 'winds'"),
        ("[plant]\ndc_voltage = 600", "lab.toml: plant: dc_voltage = 600: is too low"),
        ('[plant.load]\nfile = "nowhere.csv"', "nowhere.csv: cannot be opened"),
        (
            '[plant.load]\nprofile = "trainin"',
            "lab.toml: plant.load: no profile 'trainin'; nearest are",
        ),
    ],
)
def test_what_is_wrong_names_the_file(bench, plant, says):
    with pytest.raises(ConfigError, match=re.escape(says)):
        load(bench(plant))


def test_a_bench_of_hardware_has_no_plant(bench):
    addresses = {f"[instruments.{name}]": f'[instruments.{name}]\naddress = "x"' for name in instruments()}
    hardware = {"simulated = true": "simulated = false", **addresses}
    assert load(bench("", **hardware)).plant is None
    with pytest.raises(ConfigError, match="only a simulated bench has a plant"):
        load(bench("[plant]\nscr = 3", **hardware))


def instruments():
    return load("simulated").instruments


def test_the_shipped_island():
    plant = load("simulated_island").plant
    q = plant.parameters
    assert [each.rated_power for each in q.gensets] == [100e3, 80e3]
    assert (q.gensets[0].acceptance, q.gensets[1].acceptance) == (DIESEL.acceptance, GAS.acceptance)
    assert describe(plant) == {
        "rating": "100 kW, 480 V, 60 Hz",
        "grid": "SCR 100, X/R 8",
        "control": "grid-forming, droop 2 %, limit 1.2 pu, priority mixed",
        "battery": "200 kWh, 850 V, LFP, charged to 60 %",
        "load": "R, L, C bank and electronic load of 60 kVA, up to 48 kW",
        "neutral": "in the island, 5.22 % to zero sequence",
        "gensets": "100 kW, droop 4 %; 80 kW, droop 4 %",
        "missions": "ride-through, buffering, dispatch",
    }


def test_a_plain_plant_is_told_in_four_lines():
    assert describe(load("simulated").plant) == {
        "rating": "100 kW, 480 V, 60 Hz",
        "grid": "SCR 100, X/R 8",
        "control": "grid-following, PLL 10 Hz, limit 1.2 pu, priority P",
        "battery": "200 kWh, 850 V, ideal source, charged to 50 %",
    }


def test_every_key_is_listed_with_how_it_is_written():
    rows = {(row["table"], row["key"]): (row["value"], row["default"]) for row in keys()}
    assert rows["plant", "start_delay"] == ("s", "0.5")
    assert rows["plant", "scr"] == ("number", "20")
    assert rows["plant", "undervoltage"][0] == "[[pu, s], ...]"
    assert rows["plant.forming", "power_limits"] == ("[pu, pu]", "[-1, 1]")
    assert rows["plant.forming", "feed_forward"] == ("true or false", "false")
    assert rows["plant.battery", "chemistry"] == ("text", "none")
    assert rows["plant.load", "resistance"] == ('[ohm or "none", ohm or "none", ohm or "none"]', "")
    assert rows["plant.load, sweep", "cycles"] == ("number", "")
    assert rows["plant.load, inference", "arrivals"] == ("text", "")
    assert rows["plant.gensets", "preset"] == ("text", "diesel")
    assert rows["plant.missions", "missions"] == ("[name or table, ...]", "[dispatch]")


def test_every_key_says_what_it_means():
    """In words of the field that it sets, or of the table of what is no field; a unit is no meaning."""
    said = {(row["table"], row["key"]): row["meaning"] for row in keys()}
    assert (
        said["plant", "start_delay"]
        == "How long grid and DC link must be healthy before the contactor closes"
    )
    assert said["plant.battery", "taper"].startswith("Distance from empty")  # inherited
    assert said["plant.load, square", "low"] == "lower level"
    assert said["plant.load, sweep", "low"] == "lowest frequency"
    assert [where for where, text in said.items() if not text[:1].isalpha() and text[0] != '"'] == []
    assert not MEANINGS.keys() - {key for _, key in said} - {", ".join(where) for where in said}
