"""T5, buffering in a weak grid: what it refuses, how the ladder is judged, and what flaws it finds."""

import numpy as np
import pytest

from hil.analysis.result import Analysis, Result
from hil.config import load
from hil.errors import HilError
from hil.recording import Reading, Recording
from hil.waveform import Channel, Waveform

RATE, HERTZ, VOLTS, WATTS = 10e3, 60.0, 277.128, 100e3
NOMINAL = {"voltage": 480.0, "phase_voltage": VOLTS, "frequency": HERTZ, "power": WATTS, "dc_voltage": 850.0}
QUICK = {"profiles": "fault_stop/3", "ladder": "2", "square": "2 s"}


@pytest.fixture
def bench():
    return load("qualification")


def rung(ramp=0.18, voltage=0.97, trip="no trip"):
    values = {
        "grid_ramp_100ms": (ramp, "pu/s"),
        "grid_ramp_1000ms": (0.1, "pu/s"),
        "tracking_error_rms": (0.001, "pu"),
        "energy_share": (1.0, "%"),
        "voltage_lowest": (voltage, "pu"),
        "voltage_highest": (0.99, "pu"),
    }
    results = [Result(key, key, value, unit) for key, (value, unit) in values.items()]
    return Analysis((*results, Result("trip", "Trip", None, "s", state=trip)))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"ladder": "1.5 2"}, "ladder = '1.5 2'; expected ratios that fall"),
        ({"ladder": "2 2"}, "expected ratios that fall"),
        ({"ladder": "2 1.502 1.501"}, "expected ratios that fall, by a hundredth at least"),
        ({"ladder": ""}, "expected ratios that fall"),
        ({"ladder": "two"}, "ladder = 'two'"),
        ({"ladder": "2 0.1"}, "ladder = 0.1"),
        ({"profiles": "training/9 training/8"}, "names training twice"),
        ({"profiles": "gpu_4090_step/9"}, "an excerpt cannot last 9 s"),
        ({"square": "1 s"}, "square = 1 s"),
    ],
)
def test_what_it_refuses(sequence, given, says):
    with pytest.raises(HilError) as caught:
        sequence("t05_weak_grid", **given)
    assert says in str(caught.value)


def test_all_of_it_is_by_model(sequence):
    captures = sequence("t05_weak_grid", ladder="2 1.25", profiles="training/9").captures()
    assert list(captures) == ["weak_training", "weak_step", "scr_200", "scr_125"]
    assert {given["by"] for given in captures.values()} == {"model"}
    assert [given["scr"] for given in captures.values()] == [2.0, 2.0, 2.0, 1.25]


@pytest.mark.parametrize(
    ("rungs", "lowest", "left"),
    [
        # 0.18 of 0.2 pu/s leaves 10 %; 0.97 pu lies 0.02 of half a range of 0.05 pu above its end
        ((rung(), rung(ramp=0.19), rung(ramp=0.21)), 1.6, 5.0),
        ((rung(), rung(voltage=0.952), rung(trip="tripped")), 1.6, 4.0),
        ((rung(), rung(ramp=0.21), rung()), 2.0, 10.0),  # what holds further down does not count
        ((rung(), rung(), rung()), 1.4, 10.0),
        ((rung(voltage=0.94), rung(), rung()), None, None),
        ((rung(), rung(trip="not determinable"), rung()), 2.0, 10.0),
    ],
)
def test_the_lowest_ratio_is_the_last_before_a_limit_breaks(sequence, rungs, lowest, left):
    names = ("scr_200", "scr_160", "scr_140")
    found = sequence("t05_weak_grid", ladder="2 1.6 1.4").summarize(dict(zip(names, rungs, strict=True)))
    assert found["lowest_scr"].value == lowest
    assert found["lowest_scr_margin"].value == (None if left is None else pytest.approx(left))
    ladder = next(table for table in found.tables if table.key == "ladder")
    holds = [row[8] == "none" for row in ladder.rows]
    assert sum(1 for k in range(3) if all(holds[: k + 1])) == (
        0 if lowest is None else 1 + [2, 1.6, 1.4].index(lowest)
    )


def test_a_step_shows_the_mode_that_rings(sequence):
    """A ring of 3 Hz and a damping ratio of 0.05 on the ramp of the grid; 5 s later 0.4 % still swings."""

    def ring(t):
        since = np.maximum(t - 1.0, 0.0)
        mode = 0.05 * np.exp(-0.05 * 2 * np.pi * 3.0 * since) * np.sin(2 * np.pi * 3.0 * since)
        return (
            np.clip(0.3 + 0.15 * since, 0.3, 0.9)
            + mode
            + np.where(t > 4.5, 4e-3 * np.sin(2 * np.pi * t), 0.0)
        )

    t = np.arange(round(8.5 * RATE)) / RATE
    rows, channels = [], []
    for n, phase in enumerate("abc"):
        wave = np.sqrt(2) * np.cos(2 * np.pi * HERTZ * t - n * 2 * np.pi / 3)
        rows.append(VOLTS * wave)
        channels.append(Channel(f"v{phase}", "V", "voltage", phase))
        for place, of in (("load", np.where(t < 1.0, 0.3, 0.9)), ("grid", ring(t))):
            rows.append(of * WATTS / (3 * VOLTS) * wave)
            channels.append(Channel(f"i_{place}_{phase}", "A", "current", phase, place=place))
    waveform = Waveform(np.array(rows), tuple(channels), RATE)
    recorded = Recording("weak_step", waveform, (Reading(0.5, "pcs", {"mode": "running"}),), {}, NOMINAL)
    found = sequence("t05_weak_grid", rating="1 pu").analyze(recorded)
    assert found["mode_frequency_grid"].value == pytest.approx(3.0, abs=0.01)
    assert found["mode_damping_grid"].value == pytest.approx(0.05, abs=0.002)
    # two whole periods less their straight line, which takes some of a sine: at most its amplitude
    assert found["residual_oscillation"].value == pytest.approx(0.4, abs=0.15)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("flaw", "not_met", "of_all"),
    [
        ("", set(), set()),
        ("buffers-steeply", {"grid_ramp", "grid_ramp_slow", "tracking"}, {"lowest_scr"}),
        (
            "slow-power",
            {"grid_ramp", "grid_ramp_slow", "tracking", "voltage", "voltage_high"},
            {"lowest_scr"},
        ),
    ],
)
def test_flaws_are_found_in_their_line(run, flaw, not_met, of_all):
    found = run("t05_weak_grid", QUICK, *filter(None, [flaw]))
    assert set(found["weak_fault_stop"]) == not_met
    assert set(found["summary"]) == of_all
    assert ("damping" in found["weak_step"]) == bool(flaw)
