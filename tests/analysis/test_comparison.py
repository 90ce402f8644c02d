"""A model beside what was measured, against closed forms."""

import numpy as np
import pytest

from hil.analysis.comparison import compare, curves, mean_absolute_error
from hil.analysis.result import Analysis, Series
from hil.waveform import Channel, Waveform

NOMINAL = {"power": 100e3, "phase_voltage": 277.128, "frequency": 60.0}
RATE = 20e3
SPANS = {"before": (-0.4, 0.0), "during": (0.0, 0.5), "after": (0.5, 0.9)}


def over(values, step=0.01, begin=-0.5):
    values = np.asarray(values, float)
    return Series("p", "P", "pu", begin + step * np.arange(values.size), values)


def test_error_of_straight_lines_and_steps():
    """Between t and t + 0.1 the distance is 0.1 everywhere; a pulse of 0.2 for half the window, 0.1 of it."""
    t = -0.5 + 0.01 * np.arange(150)
    assert mean_absolute_error(over(t), over(t + 0.1), 0.0, 0.5) == pytest.approx(0.1)
    pulse = np.where((t > -0.005) & (t < 0.245), 0.2, 0.0)
    assert mean_absolute_error(over(pulse), over(0 * t), 0.0, 0.5) == pytest.approx(0.1)
    assert mean_absolute_error(over(pulse), over(-pulse), 0.0, 0.5) == pytest.approx(0.2)


def test_error_does_not_hang_on_where_the_instants_of_the_other_lie():
    t = -0.5 + 0.007 * np.arange(250) + 0.0033
    other = Series("p", "P", "pu", t, 2 * t)
    one = over(2 * (-0.5 + 0.01 * np.arange(150)))
    assert mean_absolute_error(one, other, 0.0, 0.5) == pytest.approx(0.0, abs=1e-12)


def test_what_is_not_known_all_through_the_window_has_no_error():
    whole = over(np.zeros(150))
    gap = np.zeros(150)
    gap[70] = np.nan  # 0.2 s
    assert mean_absolute_error(whole, over(gap), 0.0, 0.5) is None
    assert mean_absolute_error(over(gap), whole, 0.0, 0.5) is None
    assert mean_absolute_error(over(gap), whole, 0.5, 0.9) == 0.0
    assert mean_absolute_error(whole, over(np.zeros(80)), 0.0, 0.5) is None
    assert mean_absolute_error(whole, whole, -0.8, 0.0) is None


def capture(p, q, *, u=lambda t: 1.0 + 0 * t, uncertainty=0.001, currents=True):
    """Return a recording of powers over time [pu]: I = conj(S / U), against the voltage."""
    t = np.arange(round(1.5 * RATE)) / RATE - 0.5
    turn = np.exp(2j * np.pi * 60 * t)
    volts = u(t) * NOMINAL["phase_voltage"]
    amps = np.conj((p(t) + 1j * q(t)) * NOMINAL["power"] / (3 * volts))
    rows, channels = [], []
    for kind, of in (("voltage", volts), ("current", amps))[: 1 + currents]:
        for phase, place in (("a", 0), ("b", -2 * np.pi / 3), ("c", 2 * np.pi / 3)):
            rows.append(np.sqrt(2) * np.real(of * turn * np.exp(1j * place)))
            unit = "V" if kind == "voltage" else "A"
            channels.append(Channel(kind[0] + phase, unit, kind, phase, uncertainty))
    return Waveform(np.array(rows), tuple(channels), RATE, -0.5)


def analysed(waveform, event=0.0):
    found = curves(waveform, NOMINAL, event)
    return Analysis(found.results, found.series)


def test_powers_of_rating_from_the_event_on():
    """A step of P from 0.8 to 0.3 and of Q from 0 to 0.2 at 0.1 s, seen by a window of one cycle."""
    after = lambda t: t >= 0.1  # noqa: E731 - a formula
    waveform = capture(lambda t: np.where(after(t), 0.3, 0.8), lambda t: np.where(after(t), 0.2, 0.0))
    found = {of.key: of for of in curves(waveform, NOMINAL, 0.1).series}
    for key, before, later in (("p_event", 0.8, 0.3), ("q_event", 0.0, 0.2), ("u_event", 1.0, 1.0)):
        of = found[key]
        assert of.unit == "pu"
        assert of.values[of.time < 0] == pytest.approx(before, abs=1e-6)
        assert of.values[of.time > 1 / 60 + 1e-3] == pytest.approx(later, abs=1e-6)


def test_uncertainty_of_power_is_that_of_voltage_and_current_together():
    steady = lambda t: 0.5 + 0 * t  # noqa: E731 - a formula
    of = lambda **given: analysed(capture(steady, steady, **given))["power_uncertainty"]  # noqa: E731
    assert of(uncertainty=0.003).value == pytest.approx(100 * 0.003 * 2**0.5)
    assert (of(uncertainty=None).value, of(uncertainty=None).state) == (None, "not known")


def test_the_worst_event_counts_and_is_named():
    """The model has 0.1 pu less P from the event on in one event; 0.02 pu less Q throughout in the other."""
    flat = lambda t: 0.8 + 0 * t  # noqa: E731 - a formula
    none = lambda t: 0 * t  # noqa: E731
    unit = analysed(capture(flat, none))
    less_p = analysed(capture(lambda t: np.where(t >= 0, 0.7, 0.8), none))
    less_q = analysed(capture(flat, lambda t: 0 * t - 0.02))
    found = compare({"sag": (unit, less_p), "jump": (unit, less_q)}, SPANS)
    of = {r.key: r for r in found.results}
    assert of["p_error_before"].value == pytest.approx(0.0, abs=1e-4)
    # the window of a cycle sees half of it during the first cycle of 0.5 s
    assert of["p_error_during"].value == pytest.approx(10 * (1 - 0.5 / 60 / 0.5), abs=0.05)
    assert of["p_error_after"].value == pytest.approx(10.0, abs=1e-4)
    assert of["p_error_after"].note == "in sag"
    assert of["q_error_before"].value == pytest.approx(2.0, abs=1e-4)
    assert of["q_error_before"].note == "in jump"
    assert of["q_error_before"].uncertainty == pytest.approx(0.1 * 2**0.5)
    assert of["u_error_during"].value == pytest.approx(0.0, abs=1e-4)
    assert len(found.tables[0].rows) == 6
    assert {s.group for s in found.series} == {"compared_sag", "compared_jump"}


def test_an_event_that_one_of_them_lacks_leaves_nothing_known():
    flat = lambda t: 0.8 + 0 * t  # noqa: E731 - a formula
    unit = analysed(capture(flat, flat))
    blind = analysed(capture(flat, flat, currents=False))
    found = {r.key: r for r in compare({"a": (unit, unit), "b": (unit, None)}, SPANS).results}
    assert (found["p_error_after"].value, found["p_error_after"].state) == (None, "not compared")
    assert found["p_error_after"].note == "not compared: b"
    found = {r.key: r for r in compare({"a": (unit, blind)}, SPANS).results}
    assert found["q_error_during"].state == "not compared"
    assert found["u_error_during"].value == 0.0


def test_a_model_alone_is_not_called_measured():
    flat = lambda t: 0.8 + 0 * t  # noqa: E731 - a formula
    shown = compare({"sag": (None, analysed(capture(flat, flat)))}, SPANS).series
    assert {of.key for of in shown} == {"p_sag_model", "q_sag_model"}
