"""The trigger, the share of good samples and DC extremes, whatever the blocks they are read in."""

import numpy as np
import pytest

from hil.analysis import survey as module
from hil.analysis.survey import survey, trigger_time
from hil.waveform import Channel, Waveform


def capture(row, quantity="trigger", phase="", **more):
    channels = (Channel("x", "V", quantity, phase, 0.002),)
    return Waveform(np.asarray(row, float)[None], channels, 1000.0, **more)


@pytest.mark.parametrize("block", [1, 7, 100, 1 << 17])
@pytest.mark.parametrize("edge", [2, 99, 100, 101, 499])
def test_the_edge_is_the_first_sample_of_the_pulse(monkeypatch, block, edge):
    monkeypatch.setattr(module, "_BLOCK", block)
    row = np.zeros(500)
    row[edge:] = 5.0
    row[edge - 1] = np.nan
    assert trigger_time(capture(row, start=-0.25)) == pytest.approx(-0.25 + edge / 1000)


@pytest.mark.parametrize("block", [7, 1 << 17])
def test_what_is_no_edge(monkeypatch, block):
    """High from the first sample on, or noise alone."""
    monkeypatch.setattr(module, "_BLOCK", block)
    falls = np.where(np.arange(500) < 100, 5.0, 0.0)
    assert trigger_time(capture(falls)) is None
    assert trigger_time(capture(np.random.default_rng(1).normal(size=500))) is None
    again = np.where(np.arange(500) >= 300, 5.0, falls)
    assert trigger_time(capture(again)) == pytest.approx(0.3)


@pytest.mark.parametrize("block", [7, 1 << 17])
def test_extremes_and_share(monkeypatch, block):
    monkeypatch.setattr(module, "_BLOCK", block)
    row = 850 + np.sin(np.arange(1000) / 10)
    row[[3, 500]] = 700.0, 900.0
    good = {result.key: result for result in survey(capture(row, "voltage", "dc")).results}
    assert (good["dc_voltage_min"].value, good["dc_voltage_max"].value) == (700.0, 900.0)
    assert good["dc_voltage_max"].uncertainty == pytest.approx(1.8)
    assert good["valid_share"].value == 100
    row[10] = np.nan
    valid = np.arange(1000) != 600
    spoilt = {result.key: result for result in survey(capture(row, "voltage", "dc", valid=valid)).results}
    assert spoilt["valid_share"].value == pytest.approx(99.8)
    assert not spoilt["dc_voltage_min"].valid
    assert spoilt["dc_voltage_min"].value == 700.0
    assert spoilt["trigger"].state == "no trigger"


def test_a_dc_voltage_without_a_number_has_no_extremes():
    found = {result.key: result for result in survey(capture(np.full(500, np.nan), "voltage", "dc")).results}
    assert (found["dc_voltage_min"].value, found["dc_voltage_min"].state) == (None, "not determinable")
    row = np.full(500, 850.0)
    row[7], row[8] = np.inf, -np.inf  # a division that went wrong, not a voltage
    found = {result.key: result for result in survey(capture(row, "voltage", "dc")).results}
    assert (found["dc_voltage_max"].value, found["dc_voltage_max"].valid) == (850.0, False)
