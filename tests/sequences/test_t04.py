"""T4, AI load buffering: what it refuses, what it plays, what it measures, and what flaws it finds."""

import numpy as np
import pytest

from hil.analysis.buffering.limiter import limited
from hil.config import load
from hil.errors import HilError
from hil.recording import Reading, Recording
from hil.rehearse import rehearse
from hil.steps import FireProfile, LoadProfile, SetLoad
from hil.waveform import Channel, Waveform

RATE, HERTZ, VOLTS, WATTS = 10e3, 60.0, 277.128, 100e3
IT = 96e3
"""Rating of the load [W]."""
NOMINAL = {"voltage": 480.0, "phase_voltage": VOLTS, "frequency": HERTZ, "power": WATTS, "dc_voltage": 850.0}
QUICK = {
    "profiles": "fault_stop/3",
    "sweep": "2 10",
    "cycles": "2",
    "before": "0.4 s",
    "after": "0.3 s",
    "steady": "0.2 s",
}


@pytest.fixture
def bench():
    return load("qualification")


def recording(name, power, grid, *, seconds, parameters=None, mode="running", volts=1.0):
    """Return a recording of three balanced phases in which load and grid have these powers [pu of IT]."""
    t = np.arange(round(seconds * RATE)) / RATE
    rows, channels = [], []
    for n, phase in enumerate("abc"):
        wave = np.sqrt(2) * np.cos(2 * np.pi * HERTZ * t - n * 2 * np.pi / 3)
        rows.append(volts * VOLTS * wave)
        channels.append(Channel(f"v{phase}", "V", "voltage", phase))
        for place, of in (("load", power(t)), ("grid", grid(t))):
            rows.append(of * IT / (3 * VOLTS * volts) * wave)
            channels.append(Channel(f"i_{place}_{phase}", "A", "current", phase, place=place))
    readings = (Reading(0.5, "pcs", {"mode": "running"}), Reading(1.5, "pcs", {"mode": mode, "alarms": []}))
    return Recording(
        name, Waveform(np.array(rows), tuple(channels), RATE), readings, parameters or {}, NOMINAL
    )


def profile(grid, *, seconds=12.0, **more):
    """Return a recording of a step of the load from 0.2 to 0.8 after a second."""
    return recording(
        "profile_start_step",
        lambda t: np.where(t < 1.0, 0.2, 0.8),
        grid,
        seconds=seconds,
        parameters={"profile": "start_step"},
        **more,
    )


def ramped(ramp):
    return lambda t: np.clip(0.2 + ramp * (t - 1.0), 0.2, 0.8)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"profiles": "training"}, "'training': expected profile/length"),
        ({"profiles": "training/0.5"}, "length of training = 0.5 s"),
        ({"profiles": "training/9 training/8"}, "names training twice"),
        ({"profiles": ""}, "profiles is empty"),
        ({"profiles": "nothing/9"}, "there is no profile 'nothing'"),
        ({"profiles": "gpu_4090_step/9"}, "lasts 1.2 s; an excerpt cannot last 9 s"),
        ({"profiles": "training_worst/60"}, "60 s of training_worst in 100 points miss it by"),
        ({"sweep": "1 fast"}, "sweep = '1 fast'"),
        ({"sweep": "30"}, "4 periods of 30 Hz do not go into 100 points of at least 0.02 s"),
        ({"cycles": "60"}, "61 periods of 0.05 Hz do not go into 100 points"),
        ({"cycles": "2.5"}, "cycles = 2.5 is no whole number"),
        ({"ramp": "0 pu/s"}, "ramp = 0 pu/s"),
    ],
)
def test_what_it_refuses(sequence, given, says):
    with pytest.raises(HilError) as caught:
        sequence("t04_buffering", **given)
    assert says in str(caught.value)


def test_the_full_test_fits_the_load_of_the_bench(sequence, bench):
    test = sequence("t04_buffering")
    rehearsal = rehearse(test, bench)
    assert [name for name, _, _ in rehearsal.captures] == list(test.captures())
    steps = [step for stage in rehearsal.stages for step in stage.steps]
    lists = [step.points for step in steps if isinstance(step, LoadProfile)]
    assert len(lists) == sum(isinstance(step, FireProfile) for step in steps) == len(test.captures())
    assert max(point.watts for points in lists for point in points) == pytest.approx(IT)
    # the load has been set to where the profile begins: a list may begin with an edge
    begins = [step.watts / IT for step in steps if isinstance(step, SetLoad)]
    assert begins[:2] == pytest.approx([0.4, 0.15])  # the low levels of both trainings
    assert begins[-2:] == pytest.approx([0.3, 0.3])  # of the sweep
    # 0.05 and 0.1 Hz alone last more than 100 s; one period each of the rest before three that count
    sweeps = [given["tones"] for given in test.captures().values() if "tones" in given]
    assert sweeps == ["0.05", "0.1 0.2 0.5 1 2 5 10 20"]
    small = sequence("t04_buffering", profiles="fault_stop/3", points="32", sweep="1 2 5 10 20")
    assert [given.get("tones") for given in small.captures().values()] == [None, "1 2 5 10", "20"]
    assert sum(point.seconds for point in lists[-1]) == pytest.approx(
        4 * sum(1 / f for f in (0.1, 0.2, 0.5)) + 4 * 1.85
    )


def test_an_excerpt_lies_about_the_steepest_edge(sequence):
    (given,) = sequence("t04_buffering", profiles="fault_stop/7", sweep="").captures().values()
    assert given["swing"] == pytest.approx(0.88)  # 100 to 12 %


def test_ramp_and_error_are_those_of_a_formula(sequence):
    found = sequence("t04_buffering").analyze(profile(ramped(0.15)))
    assert found["grid_ramp_100ms"].value == pytest.approx(0.15, rel=1e-3)
    assert found["grid_ramp_1000ms"].value == pytest.approx(0.15, rel=1e-3)
    assert found["load_ramp_100ms"].value == pytest.approx(6.0, rel=1e-3)
    assert found["tracking_error_rms"].value == pytest.approx(0.0, abs=2e-4)
    assert found["load_swing"].value == pytest.approx(0.6, abs=1e-3)
    assert (found["voltage_lowest"].value, found["voltage_highest"].value) == pytest.approx(
        (1.0, 1.0), abs=1e-3
    )
    assert (found["trip"].value, found["trip"].state) == (None, "no trip")
    assert "from 0.3" in found["energy_share"].note
    assert found["list_points"].value == 3.0  # before, the step, after
    utilities = next(table for table in found.tables if table.key == "variation")
    assert {row[4] for row in utilities.rows} <= {"PASS", "FAIL", "INCONCLUSIVE"}


def test_a_grid_beside_its_target_is_off_by_that(sequence):
    """Half as fast as declared: a triangle up to 0.3 after 4 s, and back to nothing after 4 s more."""
    found = sequence("t04_buffering").analyze(profile(ramped(0.075)))
    # RMS of a triangle of height h over its length is h / sqrt(3); it lasts 8 of 12 s
    assert found["tracking_error_rms"].value == pytest.approx(0.3 * np.sqrt(8 / 12 / 3), rel=5e-3)


def test_a_trip_is_told_with_its_time(sequence):
    found = sequence("t04_buffering").analyze(profile(ramped(0.15), mode="tripped", volts=0.94))
    assert (found["trip"].value, found["trip"].state) == (1.5, "tripped")
    assert found["voltage_lowest"].value == pytest.approx(0.94, abs=1e-3)


def test_the_sweep_gives_the_transfer_of_a_limiter(sequence):
    """2 R / (pi^2 f A), the first harmonic of a triangle, over that of the square, 4 / pi of 0.3."""
    test = sequence("t04_buffering", sweep="0.5 2 10", cycles="2")
    (name,) = [name for name in test.captures() if name.startswith("sweep_")]
    given = test.captures()[name]

    def power(t):
        since, found = t - 1.0, np.full(t.size, 0.3)
        for hertz in (0.5, 2.0, 10.0):
            here = (since > -1e-9) & (since < 3 / hertz - 1e-9)
            high = np.where(since[here] * hertz < 1.0 - 1e-9, 0.8, 0.9)  # the first period does not count
            found[here] = np.where((since[here] + 1e-9) * hertz % 1.0 < 0.5, high, 0.3)
            since = since - 3 / hertz
        return found

    grid = lambda t: limited(power(t), RATE, 0.15, 0.3)  # noqa: E731 - a formula
    found = test.analyze(recording(name, power, grid, seconds=9.5, parameters=given))
    together = test.summarize({name: found})
    gain = next(s for s in together.spectra if s.key == "transfer")
    assert gain.time == pytest.approx([0.5, 2.0, 10.0])
    assert gain.values == pytest.approx(0.15 / (2 * np.pi * 0.3 * gain.time), rel=0.01)
    assert together["transfer_largest"].value == pytest.approx(0.159, abs=0.002)
    # a tone that was not recorded leaves the whole open
    short = test.analyze(recording(name, power, grid, seconds=8.5, parameters=given))
    assert test.summarize({name: short})["transfer_largest"].value is None
    assert test.summarize({})["transfer_largest"].state == "not determinable"


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("flaw", "not_met", "of_all"),
    [
        ("", set(), set()),
        ("buffers-steeply", {"grid_ramp", "grid_ramp_slow", "tracking"}, set()),
        ("slow-power", {"grid_ramp", "grid_ramp_slow", "tracking"}, {"transfer"}),
    ],
)
def test_flaws_are_found_in_their_line(run, flaw, not_met, of_all):
    found = run("t04_buffering", QUICK, *filter(None, [flaw]))
    assert set(found["profile_fault_stop"]) == not_met
    assert set(found["summary"]) == of_all
