"""Text with a unit at the edge, SI inside."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.errors import ConfigError, LimitError
from hil.limits import Limit
from hil.units import parse, show


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("480 V", "V", 480.0),
        ("100 kW", "W", 100e3),
        ("-30 kvar", "var", -30e3),
        ("50 kS/s", "Hz", 50e3),
        ("320ms", "s", 0.32),
        ("1.5e3 A", "A", 1500.0),
        ("20 uF", "F", 20e-6),
        ("0.25 pu", "pu", 0.25),
        ("2.5 %", "%", 2.5),
        ("10 mohm", "ohm", 0.01),
    ],
)
def test_parse(text, unit, value):
    assert parse(text, unit, "x") == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(
    ("given", "unit"),
    [
        ("480", "V"),
        (480, "V"),
        ("480 A", "V"),
        ("480 v", "V"),
        ("four V", "V"),
        ("1 kpu", "V"),
        ("", "V"),
        (None, "V"),
        ("1 k", ""),
        ("1e999 V", "V"),
        ("-1e999 V", "V"),
        ("1e306 kV", "V"),
    ],
)
def test_what_has_no_unit_or_the_wrong_one_is_refused(given, unit):
    with pytest.raises(ConfigError, match="grid limit"):
        parse(given, unit, "grid limit")


@given(st.floats(-1e8, 1e8, allow_nan=False), st.sampled_from(["V", "A", "W", "var"]))
def test_show_and_parse_are_inverse_to_four_digits(value, unit):
    shown = parse(show(value, unit), unit, "x")
    assert shown == pytest.approx(value, rel=6e-4, abs=1e-9)


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_a_limit_returns_the_value_itself_or_raises(value):
    limit = Limit(-2.0, 3.0, "V")
    if -2.0 <= value <= 3.0:
        assert limit.check(value, "x") == value
    else:
        with pytest.raises(LimitError, match="outside -2 .. 3 V"):
            limit.check(value, "x")


def test_a_limit_that_holds_nothing_is_refused():
    with pytest.raises(ConfigError):
        Limit(2.0, 1.0, "V")


def test_limits_nest_only_in_one_unit():
    assert Limit(0, 300, "V").contains(Limit(0, 300, "V"))
    assert not Limit(0, 300, "V").contains(Limit(0, 300.1, "V"))
    assert not Limit(0, 300, "V").contains(Limit(1, 2, "A"))
