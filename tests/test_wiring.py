"""Which terminals of the plant the instruments of a simulated bench are wired to."""

import re
from importlib.resources import files

import pytest

from hil.config import load
from hil.errors import ConfigError
from hil.simulated import SimulatedBench
from hil.wiring import wire

SHIPPED = files("hil.data") / "benches" / "simulated_island.toml"
SWITCH = 'role = "switch"\ndriver = "nidaqmx_switch"'
GENSET = 'role = "genset"\ndriver = "nidaqmx_genset"'
METER = 'role = "power_meter"\ndriver = "yokogawa_wt"'
NHR = 'role = "load"\ndriver = "nhr_9430"'
BANK = (
    'role = "load"\ndriver = "nidaqmx_bank"\nlines = "port0/line0:1"\nresistors = "5 kW"\n'
    'voltage = "480 V"\nfrequency = "60 Hz"'
)


@pytest.fixture
def bench(tmp_path):
    """Read the shipped island, two gensets on its bus, with more instruments: name to their lines."""

    def build(**more):
        text = SHIPPED.read_text()
        order = 'safe_order = ["pcs", "grid", "battery", "interlock", "recorder"'
        assert order in text
        text = text.replace(order, order + "".join(f', "{name}"' for name in more))
        tables = "".join(f"[instruments.{name}]\n{lines}\n" for name, lines in more.items())
        path = tmp_path / "site.toml"
        path.write_text(text.replace("[plant]\n", f"{tables}[plant]\n"))
        return load(path)

    return build


def test_the_role_says_where_as_a_rule(bench):
    found = wire(bench(s=SWITCH, one=GENSET, two=GENSET, m=METER, ai=NHR, rlc=BANK))
    assert {name: " ".join(terminals) for name, terminals in found.items()} == {
        "grid": "grid",
        "battery": "dc",
        "pcs": "pcs",
        "interlock": "interlock",
        "recorder": "inputs",
        "s": "breaker",
        "one": "genset:0",
        "two": "genset:1",
        "m": "meter:pcs",
        "ai": "load",
        "rlc": "load",
    }


def test_the_bench_file_says_where_else(bench):
    found = wire(
        bench(
            s=f'{SWITCH}\nterminal = "transformer"',
            pair=f'{SWITCH}\nterminal = "breaker genset:1"',
            one=f'{GENSET}\nterminal = "genset:1"',
            two=GENSET,
            m=f'{METER}\nterminal = "meter:load"',
        )
    )
    assert found["s"] == ("transformer",)
    assert found["pair"] == ("breaker", "genset:1")
    assert (found["one"], found["two"]) == (("genset:1",), ("genset:0",))
    assert found["m"] == ("meter:load",)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"s": f'{SWITCH}\nterminal = "load"'}, "s: terminal 'load' is none for a switch; there is breaker,"),
        ({"s": f'{SWITCH}\nterminal = "breker"'}, "s: terminal 'breker' is none for a switch"),
        ({"g": f'{GENSET}\nterminal = "genset:2"'}, "there is genset:0, genset:1"),
        ({"m": f'{METER}\nterminal = "inputs"'}, "there is meter:pcs, meter:grid, meter:load"),
        (dict.fromkeys("xyz", GENSET), "z: the plant has no genset left"),
        (dict.fromkeys("xy", SWITCH), "y: the plant has no switch left"),
        (
            {"x": SWITCH, "y": f'{SWITCH}\nterminal = "breaker"'},
            "y: terminal 'breaker': another nidaqmx_switch is wired to it",
        ),
        (dict.fromkeys("xy", BANK), "y: the plant has no load left"),
    ],
)
def test_what_does_not_go_together_is_found_when_the_file_is_read(bench, more, says):
    with pytest.raises(ConfigError, match=re.escape(says)):
        bench(**more)


def test_a_switch_needs_a_terminal_for_each_of_its_positions(bench):
    for lines in (
        f'{SWITCH}\npositions = "grid genset"\nlines = "port0/line1:2"\ncontacts = "port1/line1:2"',
        'role = "switch"\ndriver = "manual"\npositions = "grid genset"',
    ):
        with pytest.raises(ConfigError, match=r"s: positions grid genset, terminals wired to it: 1"):
            SimulatedBench(bench(s=lines))
