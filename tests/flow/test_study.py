"""What `study` adds to the measurements of a capture: which limits are the right ones, and whose power."""

import numpy as np
import pytest

from hil.analysis.analyze import Given
from hil.study import Question, study

RATE, HERTZ = 2e3, 60.0


def csv(path, names, rows):
    t = np.arange(rows.shape[1]) / RATE
    head = ",".join(["t", *names])
    np.savetxt(path, np.stack([t, *rows], 1), delimiter=",", header=head, comments="", fmt="%.10g")
    return path


def sines(rms, seconds):
    t = np.arange(round(seconds * RATE)) / RATE
    return np.array([rms * np.sqrt(2) * np.sin(2 * np.pi * (HERTZ * t - k / 3)) for k in range(3)])


@pytest.mark.parametrize(
    ("roles", "limit"),
    [(("va", "vb", "vc"), 3.0), (("vab", "vbc", "vca"), 5.0)],
)
def test_the_voltage_class_is_that_between_lines(tmp_path, roles, limit):
    """IEEE 519-2022, Table 1: 5 % of any harmonic up to 1 kV, 3 % above; 600 V to neutral are 1039 V."""
    path = csv(tmp_path / "v.csv", ("x", "y", "z"), sines(600.0, 1.0))
    question = Question(
        mapping=dict(zip(roles, "xyz", strict=True)),
        given=Given(nominal_voltage=600.0),
        distortion=("ieee519_2022_voltage",),
    )
    (table,) = (t for t in study(path, question).analysis.tables if "Order" in t.columns)
    limits = {row[table.columns.index("Order")]: row[table.columns.index("Limit")] for row in table.rows}
    assert limits["5"] == limit


@pytest.fixture
def buffered(tmp_path):
    """A load that swings by 60 kW at 2 Hz, of which the unit delivers 45 kW."""
    t = np.arange(round(45 * RATE)) / RATE
    swing = np.sin(2 * np.pi * 2 * t)
    rows = np.vstack([sines(277.0, 45.0), 200e3 + 30e3 * swing, 22.5e3 * swing])
    return csv(tmp_path / "load.csv", ("va", "vb", "vc", "x", "y"), rows)


def test_what_the_unit_delivers_is_taken_off_the_load(buffered):
    """30 - 22.5 kW of amplitude A are left: the steepest ramp is 2 pi f A, the energy goes with A^2."""
    question = Question(mapping={"load.p": "x", "p": "y"}, rated_power=300e3)
    found = study(buffered, question).analysis
    for key, amplitude in (("load", 30e3), ("grid", 7.5e3)):
        steepest = 2 * np.pi * 2 * amplitude / 300e3
        assert abs(found[f"{key}_ramp_1ms"].value) == pytest.approx(steepest, rel=0.01)
    assert found["band_energy_ratio"].value == pytest.approx(100 / 16, rel=0.01)


def test_variation_is_that_of_the_grid(buffered):
    """ERCOT limits the swing in 5 s: 15 kW of the bench are 1.5 MW of a site a hundred times as large."""
    question = Question(
        mapping={"load.p": "x", "p": "y"}, rated_power=300e3, variation=("ercot",), site=100.0
    )
    tables = study(buffered, question).analysis.tables
    (table,) = (t for t in tables if t.key.startswith("variation_ercot"))
    (row,) = table.rows
    measured = row[table.columns.index("Measured")]
    assert measured == pytest.approx(1.5e6, rel=0.02)
