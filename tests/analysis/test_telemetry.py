"""Running means of what was recorded, and how late a reported power comes: closed forms."""

import numpy as np
import pytest

from hil.analysis.telemetry import delay, recorded
from hil.errors import ConfigError
from hil.waveform import Channel, Waveform

RATE, HERTZ, VOLTS = 10e3, 60.2, 277.0
STEPS = (1.5, 2.313, 3.127, 3.951)
"""When the power moves up by 10 kW, and then down and up again [s]."""


def three_phase(amps, phi=0.0, start=0.0, valid=None):
    """Return voltages and currents of a balanced system; amps: RMS at each sample, lagging by phi."""
    time = start + np.arange(amps.size) / RATE
    angles = [2 * np.pi * (HERTZ * time - k / 3) for k in range(3)]
    rows = [2**0.5 * VOLTS * np.cos(a) for a in angles] + [2**0.5 * amps * np.cos(a - phi) for a in angles]
    channels = [Channel(f"v{p}", "V", "voltage", p) for p in "abc"]
    channels += [Channel(f"i{p}", "A", "current", p) for p in "abc"]
    return Waveform(np.array(rows), tuple(channels), RATE, start, valid=valid)


def stepped():
    """Return the record of a power that is 20 kW, and 10 kW more after every other step."""
    time = np.arange(50_000) / RATE
    up = sum((-1) ** k * (time >= at) for k, at in enumerate(STEPS))
    return three_phase((20e3 + 10e3 * up) / (3 * VOLTS))


def told_at(time, late, window):
    """Return the mean over the last `window` of that power, `late` late: a ramp for each step."""
    return 20e3 + 10e3 * sum(
        (-1) ** k * np.clip((time - late - at) / window, 0, 1) for k, at in enumerate(STEPS)
    )


def test_means_are_those_of_the_closed_form():
    """V and I as given; P = 3 V I cos phi, Q = 3 V I sin phi, lagging positive."""
    of = recorded(three_phase(np.full(20_000, 100.0), 0.4))
    end = np.array([0.7, 1.5])
    for name, expected in (
        ("voltage", VOLTS),
        ("current", 100.0),
        ("active_power", 3 * VOLTS * 100 * np.cos(0.4)),
        ("reactive_power", 3 * VOLTS * 100 * np.sin(0.4)),
        ("frequency", HERTZ),
    ):
        assert of.mean(name, end, 0.1) == pytest.approx(expected, rel=1e-6)


def test_off_the_record_and_after_a_missing_sample_there_is_no_mean():
    valid = np.ones(20_000, bool)
    valid[12_345] = False
    of = recorded(three_phase(np.full(20_000, 1.0), valid=valid))
    found = of.mean("voltage", np.array([0.05, 1.2, 1.5, 2.5]), 0.1)
    assert np.isfinite(found).tolist() == [False, True, False, False]


def test_two_phases_are_refused():
    whole = three_phase(np.full(100, 1.0))
    with pytest.raises(ConfigError, match="three voltages and three currents"):
        recorded(Waveform(whole.samples[:5], whole.channels[:5], RATE))


@pytest.mark.parametrize("late", [-0.0213, 0.0, 0.0037, 0.25])
@pytest.mark.parametrize("window", [0.02, 0.1])
def test_the_delay_is_found_whatever_gain_and_offset(late, window):
    time = np.arange(0.0, 5.0, 0.013)
    told = 1.1 * told_at(time, late, window) - 700.0
    found = delay(recorded(stepped()), time, told, window=window, renewal=0.0)
    assert found.seconds == pytest.approx(late, abs=1e-4)
    assert found.uncertainty < 3e-4  # sums stand every millisecond
    assert found.correlation == pytest.approx(1.0, abs=1e-5)


def test_a_reading_is_allowed_to_wait_for_its_renewal():
    """Renewed every 20 ms it is 10 ms old on the mean; not declared, these count as late."""
    time = np.arange(0.0, 5.0, 0.013)
    told = told_at(np.floor(time / 0.02 + 1e-9) * 0.02, 0.0, 0.1)
    of = recorded(stepped())
    allowed = delay(of, time, told, window=0.1, renewal=0.02)
    late = delay(of, time, told, window=0.1, renewal=0.0)
    assert abs(allowed.seconds) < allowed.uncertainty < 3e-3
    assert late.seconds - allowed.seconds == pytest.approx(0.010, abs=1e-3)


def test_between_two_renewals_every_age_counts_alike():
    """What is told is the mean of readings of every age up to a renewal: nothing is left but rounding."""
    time = np.arange(0.0, 5.0, 0.013)
    ages = (np.arange(1000) + 0.5) / 1000 * 0.1
    told = np.mean([told_at(time, age, 0.02) for age in ages], axis=0)
    found = delay(recorded(stepped()), time, told, window=0.02, renewal=0.1)
    assert found.seconds == pytest.approx(0.0, abs=1e-4)
    assert found.uncertainty < 1e-3


@pytest.mark.parametrize(
    "told",
    [
        lambda time: np.full(time.size, 20e3),  # stands still
        lambda time: np.full(time.size, np.nan),  # is not told
        lambda time: told_at(time, 3.0, 0.1)[:8],  # too few
        lambda time: told_at(time, 1.3, 0.1),  # later than is looked for
    ],
)
def test_without_edges_there_is_no_delay(told):
    time = np.arange(0.0, 5.0, 0.013)
    values = told(time)
    assert delay(recorded(stepped()), time[: values.size], values, window=0.1, renewal=0.0) is None
