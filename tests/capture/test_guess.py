"""Names and units of channels, as recorders and people write them."""

import numpy as np
import pytest

from hil.capture.guess import apply_mapping, guess_channels, si_unit
from hil.errors import ConfigError
from hil.waveform import Channel, Waveform


@pytest.mark.parametrize(
    ("name", "unit", "quantity", "phase"),
    [
        ("VA", "V", "voltage", "a"),
        ("Va", "", "voltage", "a"),
        ("V_b", "V", "voltage", "b"),
        ("UL1", "V", "voltage", "a"),
        ("U3", "V", "voltage", "c"),
        ("L1-N", "V", "voltage", "a"),
        ("L2-N", "", "voltage", "b"),
        ("V4A", "V", "voltage", "a"),
        ("A:BUS V", "V", "voltage", "a"),
        ("220kV bus_Ub", "V", "voltage", "b"),
        ("IA", "A", "current", "a"),
        ("I1", "", "current", "a"),
        ("IL2", "A", "current", "b"),
        ("Ic1", "A", "current", "c"),
        ("3I0", "A", "current", "n"),
        ("In", "A", "current", "n"),
        ("Vab", "V", "voltage", "ab"),
        ("U12", "V", "voltage", "ab"),
        ("UL2-L3", "V", "voltage", "bc"),
        ("U_L3_L1", "V", "voltage", "ca"),
        ("Vdc", "V", "voltage", "dc"),
        ("V_dc_link", "V", "voltage", "dc"),
        ("DC current", "A", "current", "dc"),
        ("P", "W", "power", ""),
        ("power", "", "power", ""),
        ("trig", "V", "trigger", ""),
        ("Trigger 1", "", "trigger", ""),
        ("CH1", "V", "voltage", ""),
        ("AI0", "V", "voltage", ""),
        ("V10", "V", "voltage", ""),
        ("temperature", "degC", "other", ""),
        ("f", "Hz", "other", ""),
        ("Ia", "V", "other", ""),
        ("VS", "V", "voltage", ""),
        ("foo", "", "other", ""),
    ],
)
def test_usual_names(name, unit, quantity, phase):
    (channel,) = guess_channels([name], [unit])
    assert (channel.quantity, channel.phase) == (quantity, phase)


def test_r_s_t_are_phases_together():
    channels = guess_channels(["IR", "IS", "IT"], ["A"] * 3)
    assert [c.phase for c in channels] == ["a", "b", "c"]


def test_stated_phase_wins_over_the_name():
    (channel,) = guess_channels(["Ua"], ["V"], ["B"])
    assert channel.phase == "b"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("kV", (1e3, "V")),
        ("KV", (1e3, "V")),
        ("mV", (1e-3, "V")),
        ("MW", (1e6, "W")),
        ("a", (1, "A")),
        ("ms", (1e-3, "s")),
        ("\u00b5s", (1e-6, "s")),
        ("kvar", (1e3, "var")),
        ("VA", (1, "VA")),
        ("none", (1, "")),
        ("pu", (1, "pu")),
    ],
)
def test_units(text, expected):
    assert si_unit(text) == expected


@pytest.mark.parametrize(
    ("name", "quantity", "phase", "place"),
    [
        ("load_ia", "current", "a", "load"),
        ("Load Ia", "current", "a", "load"),
        ("loadIa", "current", "a", "load"),
        ("I_LOAD_A", "current", "a", "load"),
        ("Iload1", "current", "a", "load"),
        ("I_grid_L1", "current", "a", "grid"),
        ("grid_p", "power", "", "grid"),
        ("P_load", "power", "", "load"),
        ("PLOAD", "power", "", "load"),
        ("load power", "power", "", "load"),
        ("Ugrid_a", "voltage", "a", "grid"),
        ("Vgrid_ab", "voltage", "ab", "grid"),
        ("U_grid_L1-L2", "voltage", "ab", "grid"),
        ("U_L1_grid", "voltage", "a", "grid"),
        ("Grid Voltage L3", "voltage", "c", "grid"),
        ("payload_w", "other", "", ""),
        ("OVERLOAD", "other", "", ""),
        ("loading", "other", "", ""),
        ("grid frequency", "other", "", ""),
        ("ia", "current", "a", ""),
    ],
)
def test_measuring_points(name, quantity, phase, place):
    channel = guess_channels([name, "va"], ["", "V"])[0]  # beside a voltage of the unit under test
    assert (channel.name, channel.quantity, channel.phase, channel.place) == (name, quantity, phase, place)


def test_one_measuring_point_is_that_of_the_unit_under_test():
    """A plain capture of the grid: there is nothing to tell it from. Powers keep their point."""
    names = ["Ugrid_a", "Ugrid_b", "Igrid_a", "P_grid", "P_load", "Udc"]
    channels = guess_channels(names, [""] * 6)
    assert [c.place for c in channels] == ["", "", "", "grid", "load", ""]
    assert [c.name for c in channels] == names


def test_currents_of_the_unit_beside_voltages_of_the_grid():
    channels = guess_channels(["Ugrid_a", "Ia", "Igrid_a", "Iload_a"], [""] * 4)
    assert [c.place for c in channels] == ["", "", "grid", "load"]


def test_two_measuring_points_stay_apart():
    channels = guess_channels(["Ugrid_a", "Uload_a"], [""] * 2)
    assert [c.place for c in channels] == ["grid", "load"]


def test_mapping_names_a_measuring_point(waveform):
    told = apply_mapping(waveform, {"grid.va": "CH2", "load.p": "x"})
    assert [(c.quantity, c.phase, c.place) for c in told.channels] == [
        ("voltage", "a", ""),
        ("voltage", "a", "grid"),
        ("power", "", "load"),
    ]
    again = apply_mapping(told, {"grid.va": "Va"})
    assert [(c.quantity, c.place) for c in again.channels[:2]] == [("voltage", "grid"), ("other", "")]


@pytest.fixture
def waveform():
    channels = (Channel("Va", "V", "voltage", "a"), Channel("CH2", "V", "voltage"), Channel("x", "", "other"))
    return Waveform(np.zeros((3, 4)), channels, 1000.0, source="x.csv")


def test_mapping_replaces_what_was_guessed(waveform):
    told = apply_mapping(waveform, {"va": "CH2", "trigger": "x", "vbc": "Va"})
    assert [(c.name, c.quantity, c.phase) for c in told.channels] == [
        ("Va", "voltage", "bc"),
        ("CH2", "voltage", "a"),
        ("x", "trigger", ""),
    ]
    assert told.history == ("mapping(va = CH2, trigger = x, vbc = Va)",)
    (old, *_) = apply_mapping(waveform, {"va": "CH2"}).channels
    assert (old.quantity, old.phase) == ("other", "")
    assert apply_mapping(waveform, {"p": "x"}).channels[2].unit == "W"


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"vx": "Va"}, "x.csv: cannot map 'vx'.*known are va, vb.*it has Va, CH2, x"),
        ({"va": "nope"}, "to channel 'nope'"),
        ({"ia": "Va"}, "'ia' is in A, channel 'Va' is in V"),
        ({"va": "Va", "vb": "Va"}, "one channel two roles"),
    ],
)
def test_mapping_that_cannot_be(waveform, mapping, message):
    with pytest.raises(ConfigError, match=message):
        apply_mapping(waveform, mapping)
