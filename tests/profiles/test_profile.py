"""The container: what it refuses, its integrals in closed form, and files that give back every bit."""

import importlib.util

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.errors import ConfigError, FormatError
from hil.profiles.files import is_ours, read, write
from hil.profiles.profile import Profile, equal, without_idle_points

SUFFIXES = [".csv", *([".parquet"] if importlib.util.find_spec("pyarrow") else [])]
TRIANGLE = Profile(np.array([0.0, 1.0, 3.0]), np.array([0.0, 6.0, 0.0]))
STAIRS = Profile(np.array([0.0, 1.0, 3.0]), np.array([6.0, 2.0, 9.0]), held=True)


@pytest.mark.parametrize(
    ("time", "power", "words"),
    [
        ([0, 1, 1], [1, 2, 3], "point 3: time does not increase"),
        ([0, 2, 1], [1, 2, 3], "point 3: time does not increase"),
        ([0, 1, 2], [1, -2, 3], "point 2: power of a load is negative"),
        ([0, 1, 2], [1, np.nan, 3], "point 2: power is not a number"),
        ([0, np.inf, 2], [1, 2, 3], "point 2: time is not a number"),
        ([0], [1], "two or more"),
        ([0, 1], [1, 2, 3], "two or more"),
    ],
)
def test_refuses_what_is_no_profile(time, power, words):
    with pytest.raises(FormatError, match=words):
        Profile(np.array(time, float), np.array(power, float))


def test_energy_of_a_triangle_and_of_stairs():
    """Half base times height: 9 J. Stairs: 6 W for 1 s, 2 W for 2 s: 10 J, the last point has no duration."""
    assert TRIANGLE.energy == 9.0
    assert TRIANGLE.mean == 3.0
    assert STAIRS.energy == 10.0


def test_power_and_energy_between_the_points():
    assert TRIANGLE.at([0.5, 2.0, -1.0, 4.0]).tolist() == [3.0, 3.0, 0.0, 0.0]
    assert STAIRS.at([0.999, 1.0]).tolist() == [6.0, 2.0]
    assert STAIRS.at(1.0, before=True) == 6.0
    assert TRIANGLE.energy_until([0.5, 2.0]).tolist() == [0.75, 7.5]  # t^2 6/2; 9 - 1 * 3 / 2
    assert STAIRS.energy_until([2.0, -1.0, 4.0]).tolist() == [8.0, -6.0, 19.0]  # the ends hold on


def test_arrays_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        TRIANGLE.power[0] = 1.0


def test_points_that_say_nothing_are_left_out():
    time = np.arange(6.0)
    line = without_idle_points(Profile(time, np.array([0.0, 1.0, 2.0, 3.0, 3.0, 3.0])))
    assert line.time.tolist() == [0.0, 3.0, 5.0]
    held = without_idle_points(Profile(time, np.array([1.0, 1.0, 2.0, 2.0, 1.0, 1.0]), held=True))
    assert held.time.tolist() == [0.0, 2.0, 4.0, 5.0]
    assert held.energy == 7.0


@settings(deadline=None)  # the first call imports pyarrow
@given(
    points=st.lists(
        st.tuples(
            st.floats(-1e9, 1e9, allow_nan=False), st.floats(0, 1e300, allow_nan=False, allow_subnormal=True)
        ),
        min_size=2,
        max_size=20,
        unique_by=lambda point: point[0],
    ),
    held=st.booleans(),
    unit=st.sampled_from(["W", "pu"]),
    bandwidth=st.one_of(st.just(np.inf), st.floats(1e-6, 1e6)),
    words=st.text(st.characters(exclude_categories=["Cs", "Cc"])),
)
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_gives_back_every_bit(tmp_path_factory, suffix, points, held, unit, bandwidth, words):
    time, power = np.array(sorted(points)).T
    made = Profile(
        time.copy(), power.copy(), unit, held, bandwidth, words, words, "MIT", words, ("a", words or "b")
    )
    path = tmp_path_factory.mktemp("round") / f"p{suffix}"
    write(made, path)
    assert is_ours(path)
    assert equal(read(path), made)


def test_a_line_that_is_no_point_is_named(tmp_path):
    path = tmp_path / "p.csv"
    write(TRIANGLE, path)
    lines = path.read_text().splitlines()
    lines[-2] = "1.0;6.0"
    path.write_text("\n".join(lines))
    with pytest.raises(FormatError, match=rf"p.csv, line {len(lines) - 1}: '1.0;6.0'"):
        read(path)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("# between: lines", "# betwixt: lines", "line 3: '# betwixt: lines'"),
        ("# between: lines", "# between: curves", "between"),
        ("# unit: W\n", "", "unit"),
        ("# unit: W\n", "# unit: W\n# unit: W\n", "line 3"),
        ("power [W]", "power [kW]", "expected 'time"),
        ("# hil profile: 1", "# profile", "line 1: is not a profile; import it"),
    ],
)
def test_a_header_must_say_what_it_is(tmp_path, old, new, words):
    path = tmp_path / "p.csv"
    write(TRIANGLE, path)
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(FormatError, match=words):
        read(path)


def test_nothing_is_overwritten(tmp_path):
    path = tmp_path / "p.csv"
    write(TRIANGLE, path)
    with pytest.raises(ConfigError, match="already exists"):
        write(STAIRS, path)
    assert equal(read(path), TRIANGLE)
    with pytest.raises(ConfigError, match="csv or .parquet"):
        write(STAIRS, tmp_path / "p.txt")
