"""T8, transitions: what it refuses, what it asks of the bench, what captures show, what flaws it finds."""

from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest

from hil.config import load
from hil.errors import HilError
from hil.recording import Reading, Recording
from hil.rehearse import rehearse
from hil.steps import MoveSwitch, RunGenset
from hil.waveform import Channel, Waveform

RATE, HERTZ, VOLTS, WATTS = 10e3, 60.0, 277.128, 100e3
NOMINAL = {"voltage": 480.0, "phase_voltage": VOLTS, "frequency": HERTZ, "power": WATTS, "dc_voltage": 850.0}
RUNNING = {"mode": "running", "forming": True}
QUICK = {
    "powers": "0.2",
    "genset": "none",
    "before": "0.5 s",
    "after": "1.5 s",
    "steady": "4 s",
    "synchronising": "5 s",
}


@pytest.fixture
def bench():
    return load(files("hil.data") / "benches" / "qualification.toml")


def recording(name, parameters, *, level=1.0, lead=0.0, slip=0.0, source=1.0, closes=None, readings=()):
    """Return 3 s of a bus, the source beside it, and currents of 0.5 pu that the grid gives from `closes` on.

    level: of the bus over time [pu]; lead, slip: by which it is ahead of the source at 1 s, and faster
    [deg, Hz], until they are tied together; source: its voltage [pu].
    """
    t = np.arange(round(3.0 * RATE)) / RATE
    tied = np.zeros(t.size, bool) if closes is None else t >= closes
    level = level(t) if callable(level) else level
    angle = np.where(tied, 0.0, np.radians(lead) + 2 * np.pi * slip * (t - 1.0))
    amps = WATTS / (3 * VOLTS)
    shares = {"i": (0.5 - 0.3 * tied, ""), "i_grid": (0.3 * tied, "grid"), "i_load": (0.5, "load")}
    rows, channels = [], []
    for phase, turn in (("a", 0.0), ("b", -2 * np.pi / 3), ("c", 2 * np.pi / 3)):
        wave = lambda shift, turn=turn: np.sqrt(2) * np.cos(2 * np.pi * HERTZ * t + shift + turn)  # noqa: E731 - a formula
        rows += [np.where(tied, source, level) * VOLTS * wave(angle), source * VOLTS * wave(0.0)]
        channels += [
            Channel(f"v{phase}", "V", "voltage", phase),
            Channel(f"vs{phase}", "V", "voltage", phase, place="source"),
        ]
        for kind, (share, place) in shares.items():
            rows.append(share * amps * wave(angle))
            channels.append(Channel(f"{kind}{phase}", "A", "current", phase, place=place))
    told = (*readings, Reading(2.9, "pcs", RUNNING))
    return Recording(name, Waveform(np.array(rows), tuple(channels), RATE), told, parameters, NOMINAL)


def told_to_close(begin, end, position):
    """Return what stands beside a capture when the breaker was told to close."""
    middle, half = (begin + end) / 2, (end - begin) / 2
    asked = {"step": "MoveSwitch", "position": "closed", "name": "grid_breaker", "attempt": True}
    return (Reading(end, "switch", {"is": position}), Reading(middle, "step", asked, half))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"powers": "half"}, "powers = 'half'; expected numbers"),
        ({"powers": "0.5 0.5"}, "powers = '0.5 0.5'"),
        ({"powers": "1.2"}, "powers = 1.2 pu"),
        ({"attempts": "angle phase"}, "attempts = 'angle phase'; expected words out of voltage, angle, slip"),
        ({"low": "0.97 pu"}, "low = 0.97 pu"),
        ({"fast": "0.1 Hz"}, "fast = 0.1 Hz"),
    ],
)
def test_what_it_refuses(sequence, given, says):
    with pytest.raises(HilError, match=r"^t08_transition: ") as caught:
        sequence("t08_transition", **given)
    assert says in str(caught.value)


def test_each_power_is_a_cycle_and_only_the_first_has_attempts(sequence, bench):
    test = sequence("t08_transition")
    attempts = [f"attempt_{out}" for out in ("voltage", "angle", "slip")]
    later = ["leave_80", "return_80"]
    assert list(test.captures()) == ["leave_20", *attempts, "return_20", *later, "transfer"]
    steps = [step for stage in rehearse(test, bench).stages for step in stage.steps]
    tries = [step.position for step in steps if isinstance(step, MoveSwitch) and step.attempt]
    assert tries == ["closed"] * 5
    assert [step.name for step in steps if isinstance(step, RunGenset)] == ["genset_1", "genset_1"]


def test_the_step_at_the_closing_is_that_of_the_formula(sequence):
    """6 deg ahead at 1 s and 0.05 Hz faster: 6 + 360 x 0.05 x 0.4 = 13.2 deg when it closes at 1.4 s."""
    given = {"power": 0.2, "load": 0.5}
    of = recording("return_20", given, level=0.97, lead=6.0, slip=0.05, closes=1.4)
    found = sequence("t08_transition").analyze(of)
    assert found["closing"].state == "closed"
    assert found["closing_angle"].value == pytest.approx(13.2, abs=0.05)
    assert found["closing_slip"].value == pytest.approx(0.05, abs=1e-3)
    assert found["closing_voltage"].value == pytest.approx(0.03, abs=1e-4)
    # a mean over one cycle is within 0.05 pu of where a step of 0.3 pu ends after 5/6 of it
    assert found["power_back"].value == pytest.approx((1 - 0.05 / 0.3) / HERTZ, abs=1.5e-3)
    assert found["way_of_control"].state == "forming"


def test_the_difference_of_voltage_is_as_uncertain_as_both_sides(sequence):
    """0.1 % in all six voltages, alike on each side: sqrt(2) times as much in their difference."""
    of = recording("return_20", {"power": 0.2, "load": 0.5}, level=0.97, closes=1.4)
    channels = tuple(replace(channel, uncertainty=1e-3) for channel in of.waveform.channels)
    of = replace(of, waveform=replace(of.waveform, channels=channels))
    found = sequence("t08_transition").analyze(of)["closing_voltage"]
    assert found.uncertainty == pytest.approx(2**0.5 * 1e-3, rel=0.01)


def test_power_that_does_not_come_back_is_no_number(sequence):
    of = recording("return_70", {"power": 0.7, "load": 0.5}, closes=1.4)
    assert (result := sequence("t08_transition").analyze(of)["power_back"]).value is None
    assert result.state == "not back"


def test_what_never_closes_has_no_step(sequence):
    of = recording("return_20", {"power": 0.2, "load": 0.5}, readings=told_to_close(1.0, 2.0, "open"))
    found = sequence("t08_transition").analyze(of)
    assert found["closing"].state == "stayed open"
    assert (found["closing_angle"].value, found["closing_angle"].state) == (None, "did not close")


@pytest.mark.parametrize(
    ("lowest", "seconds", "margin"),
    [
        (0.85, 0.3, 0.15),  # 0.3 s and a cycle: the curve has 0.7 pu there
        (0.75, 0.7, -0.05),  # 0.7 s: 0.8 pu
        (1.0, 0.3, 0.1),  # nothing happens: 0.9 and 1.1 pu are equally far
    ],
)
def test_the_distance_from_the_itic_curve(sequence, lowest, seconds, margin):
    dip = lambda t: np.where((t >= 1.0) & (t < 1.0 + seconds), lowest, 1.0)  # noqa: E731 - a formula
    found = sequence("t08_transition").analyze(recording("leave_20", {"power": 0.5, "load": 0.5}, level=dip))
    assert found["itic_margin"].value == pytest.approx(margin, abs=2e-3)
    assert found["lowest_voltage"].value == pytest.approx(lowest, abs=1e-3)


def test_frequency_and_power_before(sequence):
    """The bus turns 0.3 Hz faster than nominal; the PCS gives the 0.5 pu of the load, at 1 pu of voltage."""
    asked = Reading(1.5, "step", {"step": "MoveSwitch", "position": "open"}, 0.01)
    found = sequence("t08_transition").analyze(
        recording("leave_50", {"power": 0.5, "load": 0.5}, slip=0.3, readings=(asked,))
    )
    assert found["frequency_deviation"].value == pytest.approx(0.3, abs=1e-3)
    assert found["power_before"].value == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize(
    ("out", "given", "state"),
    [
        ("angle", {"lead": 60.0}, "as meant"),
        ("angle", {"lead": 5.0}, "angle was in step"),
        ("angle", {"lead": 60.0, "slip": 0.3}, "slip was out of step, too"),
        ("angle", {"lead": 60.0, "source": 0.9}, "voltage was out of step, too"),
        ("slip", {"slip": 0.5}, "as meant"),
        ("slip", {"slip": 0.05}, "slip was in step"),
        ("voltage", {"source": 0.9}, "as meant"),
        ("voltage", {"source": 0.97}, "voltage was in step"),
        ("voltage", {"source": 0.0}, "angle not known"),
    ],
)
def test_an_attempt_must_be_what_it_was_meant_to_be(sequence, out, given, state):
    of = recording(f"attempt_{out}", {"out": out}, readings=told_to_close(1.0, 2.0, "open"), **given)
    found = sequence("t08_transition").analyze(of)
    assert found["attempt_as_meant"].state.endswith(state)
    assert found["closing"].state == "stayed open"


@pytest.mark.parametrize("says", ["open", "closed"])
def test_currents_tell_of_a_closing_whatever_the_contact_says(sequence, says):
    readings = told_to_close(1.0, 1.1, says)
    of = recording("attempt_angle", {"out": "angle"}, lead=60.0, closes=1.05, readings=readings)
    found = sequence("t08_transition").analyze(of)
    assert found["closing"].state == "closed"
    assert found["attempt_as_meant"].state == "as meant"


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("flaw", "missed"),
    [
        ("", {}),
        ("no-synchro-check", {"attempt_angle": {"refused"}}),
        ("no-island", {"leave_20": {"load_voltage", "frequency", "island"}}),
    ],
)
def test_flaws_are_found_in_their_line(run, flaw, missed):
    attempts = {"attempts": "angle"} if flaw else {}
    found = run("t08_transition", {**QUICK, **attempts}, *filter(None, [flaw]))
    for name, outcomes in found.items():
        failed = {key for key, outcome in outcomes.items() if outcome != "NOT RUN"}
        assert failed == missed.get(name, set()), name
