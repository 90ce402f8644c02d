"""Current and power through disturbances whose instants are known, against closed forms."""

import numpy as np
import pytest

from hil.analysis.event.disturbances import cycle_means, disturbance_findings, returned
from hil.errors import ConfigError
from hil.waveform import Channel, Waveform

RATE, HERTZ = 20e3, 60.0
HALF = 0.5 / HERTZ


def recorded(amps, end=2.0, begin=-0.5):
    """Return 1 V and a current [A] that follows a function of time, both RMS and in phase."""
    t = begin + np.arange(round((end - begin) * RATE)) / RATE
    waves = [np.sqrt(2) * np.cos(2 * np.pi * (HERTZ * t - k / 3)) for k in range(3)]
    rows = [*waves, *(wave * amps(t) for wave in waves)]
    channels = [
        Channel(f"{q[0]}{p}", u, q, p) for q, u in (("voltage", "V"), ("current", "A")) for p in "abc"
    ]
    return Waveform(np.array(rows), tuple(channels), RATE, begin, triggered=True)


def found(amps, disturbances, back_at=0.95, **kwargs):
    findings = disturbance_findings(recorded(amps, **kwargs), HERTZ, 3.0, disturbances, back_at)
    return {result.key: result for result in findings.results}


def test_a_mean_over_a_cycle_is_dated_at_its_middle():
    """Of t it is t itself, and of a squared cosine a half."""
    w = recorded(lambda _: 1.0)
    time, means = cycle_means(w.time, w, HERTZ)
    assert means == pytest.approx(time, abs=1e-7)
    assert cycle_means(w["va"] ** 2, w, HERTZ)[1] == pytest.approx(1.0, abs=2e-3)


def test_power_that_ramps_is_back_when_its_mean_is():
    """0 to 1 in 0.5 s: 95 % after 0.475 s, 90 % after 0.45 s."""
    amps = lambda t: np.where(t < 0.0, 1.0, np.clip((t - 0.3) / 0.5, 0.0, 1.0))  # noqa: E731 - a formula
    for back_at, seconds in ((0.95, 0.475), (0.90, 0.45)):
        one = found(amps, [(0.0, 0.3)], back_at)
        assert one["power_back"].value == pytest.approx(seconds, abs=2e-3)
    assert one["power_before"].value == pytest.approx(1.0, abs=1e-3)
    assert one["ridden"].state == "ridden through"
    assert one["pause"].value == pytest.approx(0.3 + 0.05, abs=0.02)  # and until the ramp is at a tenth
    assert one["power_overshoot"].value == pytest.approx(0.0, abs=0.1)


def test_the_worst_of_several_counts():
    def amps(t):
        return np.where(((t > 0) & (t < 0.3)) | ((t > 1.0) & (t < 1.5)), 0.5, 1.0)

    one = found(amps, [(0.0, 0.1), (1.0, 1.1)])
    assert one["power_back"].value == pytest.approx(0.4 + 0.4 * HALF, abs=HALF)
    assert one["pause"].value == 0.0
    assert (
        found(lambda t: np.where(t > 0, 0.9, 1.0), [(0.0, 0.1), (1.0, 1.1)])["power_back"].state
        == "not recovered"
    )


def test_what_ends_without_current_has_tripped():
    one = found(lambda t: np.where(t < 0.1, 1.0, 0.02), [(0.0, 0.3)])
    assert one["ridden"].state == one["power_back"].state == "tripped"
    assert one["pause"].value == pytest.approx(1.9 - 2 * HALF, abs=0.02)


def test_a_record_that_ends_too_soon_says_so():
    one = found(lambda t: 1.0 + 0.0 * t, [(0.0, 3.0)])
    assert {one[key].state for key in ("ridden", "power_back")} == {"unfinished"}
    assert one["power_overshoot"].value is None


def test_an_overshoot_counts_from_a_cycle_after_the_end():
    amps = lambda t: 1.0 + 0.5 * ((t > 0.3) & (t < 0.31)) + 0.2 * ((t > 0.5) & (t < 0.6))  # noqa: E731 - a formula
    assert found(amps, [(0.0, 0.3)])["power_overshoot"].value == pytest.approx(20.0, abs=0.1)


def test_without_power_before_nothing_is_told():
    one = found(lambda t: 0.01 + 0.0 * t, [(0.0, 0.3)])
    assert one["power_before"].state == "no power"
    assert {one[key].state for key in ("ridden", "pause", "power_back", "power_overshoot")} == {
        "not determinable"
    }


def test_charging_counts_like_discharging():
    assert found(lambda t: 0.0 * t - 1.0, [(0.0, 0.3)])["power_back"].value == 0.0


def test_three_phases_are_needed():
    w = recorded(lambda _: 1.0)
    two = Waveform(w.samples[:5], w.channels[:5], RATE, w.start)
    with pytest.raises(ConfigError, match="three voltages and currents"):
        disturbance_findings(two, HERTZ, 3.0, [(0.0, 0.3)], 0.95)


def test_it_is_back_only_where_it_stays():
    time = np.arange(10.0)
    share = np.array([1, 1, 0, 0, 1, 0, 1, 1, 1, 0.0])
    assert returned(time, share, 0.95, 2.0, 9.0) == 4.0
    assert returned(time, share, 0.95, 0.0, 2.0) == 0.0
    assert returned(time, share, 0.95, 2.0, np.inf) is None
    assert returned(time, share, 0.95, 20.0, np.inf) is None
