"""T9, generator following: what it refuses, what it asks of the bench, what captures show, its flaws."""

from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest

from hil.analysis.stability.modes import Modes
from hil.config import load
from hil.errors import HilError
from hil.recording import Reading, Recording
from hil.rehearse import rehearse
from hil.steps import FormGrid, SwitchGenset
from hil.waveform import Channel, Waveform

RATE, HERTZ, VOLTS, WATTS = 10e3, 60.0, 277.128, 100e3
NOMINAL = {"voltage": 480.0, "phase_voltage": VOLTS, "frequency": HERTZ, "power": WATTS, "dc_voltage": 850.0}
QUICK = {"ways": "forming", "before": "1.2 s", "after": "5 s", "settling": "2.5 s", "steady": "1 s"}
EVENT = 1.5
"""When the load steps, in a recording made from formulas [s]."""


@pytest.fixture
def bench():
    return load(files("hil.data") / "benches" / "qualification.toml")


def recording(way, power, *, fall=0.0, step=0.4):
    """Return 7 s in which the load steps from 0.4 pu and the frequency falls [Hz]; power: of the PCS [pu]."""
    t = np.arange(round(7.0 * RATE)) / RATE
    since = np.maximum(t - EVENT, 0.0)
    angle = 2 * np.pi * (HERTZ * t - fall * since)
    amps = WATTS / (3 * VOLTS)
    currents = {"i": (power(since) + 0.0 * t, ""), "i_load": (0.4 + step * (t >= EVENT), "load")}
    rows, channels = [], []
    for phase, turn in (("a", 0.0), ("b", -2 * np.pi / 3), ("c", 2 * np.pi / 3)):
        wave = np.sqrt(2) * np.cos(angle + turn)
        rows.append(VOLTS * wave)
        channels.append(Channel(f"v{phase}", "V", "voltage", phase))
        for kind, (share, place) in currents.items():
            rows.append(share * amps * wave)
            channels.append(Channel(f"{kind}{phase}", "A", "current", phase, place=place))
    told = (
        Reading(EVENT, "step", {"step": "SetLoad", "watts": 80e3}, 0.0),
        Reading(0.1, "pcs", {"mode": "starting", "forming": False}),
        Reading(6.9, "pcs", {"mode": "running", "forming": way == "forming"}),
    )
    given = {"way": way, "step": step, "power": 0.4, "droop": 0.02, "settling": 2.0}
    return Recording(f"step_up_{way}", Waveform(np.array(rows), tuple(channels), RATE), told, given, NOMINAL)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"ways": "forming leading"}, "ways = 'forming leading'; expected words out of following, forming"),
        ({"ways": ""}, "ways = ''"),
        ({"lost": "genset_3"}, "lost = 'genset_3'; expected one of genset_1, genset_2"),
        ({"after": "6 s"}, "after = 6 s leaves less than 2 s of the settled state"),
        ({"step": "0 pu"}, "step = 0 pu"),
        ({"droop": "0 pu"}, "droop = 0 pu"),
    ],
)
def test_what_it_refuses(sequence, given, says):
    with pytest.raises(HilError, match=r"^t09_generator: ") as caught:
        sequence("t09_generator", **given)
    assert says in str(caught.value)


def test_each_way_meets_each_event_and_the_lost_set_comes_back_between(sequence, bench):
    test = sequence("t09_generator")
    steps = [step for stage in rehearse(test, bench).stages for step in stage.steps]
    assert [step.on for step in steps if isinstance(step, FormGrid)] == [False, True]
    moves = [(step.name, step.closed) for step in steps if isinstance(step, SwitchGenset)]
    first, second = "genset_1", "genset_2"
    lost = (second, False)
    assert moves == [(first, True), (second, True), lost, (second, True), lost, (first, False), lost]
    events = ("step_up", "loss", "step_down")
    assert list(test.captures()) == [f"{e}_{way}" for way in ("following", "forming") for e in events]


@pytest.mark.parametrize(
    ("way", "fall", "power", "error"),
    [
        ("following", 0.3, 0.4, 0.0),
        ("following", 0.3, 0.3, 10.0),
        ("forming", 0.3, 0.65, 0.0),  # 0.3 Hz are 0.5 % of 60 Hz: at a droop of 2 % a quarter more
        ("forming", 0.3, 0.4, 25.0),
    ],
)
def test_the_share_is_what_set_point_and_droop_give(sequence, way, fall, power, error):
    found = sequence("t09_generator").analyze(recording(way, lambda _: power, fall=fall))
    assert found["share_error"].value == pytest.approx(error, abs=0.1)
    assert found["frequency_settled"].value == pytest.approx(HERTZ - fall, abs=1e-3)
    assert found["load_change"].value == pytest.approx(0.4, abs=1e-3)
    assert found["frequency_dip"].value == pytest.approx(100 * fall / HERTZ, abs=0.02)
    assert found["iso_class"].value == "G3"
    assert found["way_of_control"].state == way


@pytest.mark.parametrize("damping", [0.05, 0.3])
def test_the_ring_down_has_the_damping_of_the_formula(sequence, damping):
    """A mode at 4 Hz: exp(-d w t) cos(sqrt(1 - d^2) w t) with w = 2 pi 4 Hz / sqrt(1 - d^2)."""
    decay = 2 * np.pi * 4.0 * damping / np.sqrt(1 - damping**2)
    ring = lambda t: 0.4 + 0.1 * np.exp(-decay * t) * np.cos(2 * np.pi * 4.0 * t)  # noqa: E731 - a formula
    found = sequence("t09_generator").analyze(recording("following", ring))
    assert found["damping"].value == pytest.approx(damping, rel=0.02)
    assert found["damping"].note == "at 4 Hz"


def test_what_swings_on_is_told_with_its_size(sequence):
    swing = lambda t: 0.4 + 0.02 * np.cos(2 * np.pi * 8.0 * t)  # noqa: E731 - a formula
    found = sequence("t09_generator").analyze(recording("following", swing))
    assert found["residual_oscillation"].value == pytest.approx(2.0, rel=0.03)
    assert found["residual_oscillation"].note == "at 8 Hz"


def test_what_stands_still_has_no_mode(sequence):
    found = sequence("t09_generator").analyze(recording("following", lambda _: 0.4))
    assert (found["damping"].value, found["damping"].state) == (None, "no mode")
    assert found["residual_oscillation"].value < 0.01


@pytest.mark.parametrize(
    ("uncertainty", "share", "value"), [(0.3, 0.5, 0.05), (0.9, 0.5, None), (0.3, 0.001, None)]
)
def test_only_a_mode_that_is_known_and_has_energy_counts(sequence, monkeypatch, uncertainty, share, value):
    """At 2 Hz; the ramp with which a buffer withdraws is fitted by what is not known to a fifth."""
    one = [np.array([x]) for x in (2.0, uncertainty, 0.05, 0.001)]
    found = Modes("ok", *one, np.array([[0.1]]), np.array([[0.0]]), np.array([share]))
    monkeypatch.setattr("hil.sequences.bess._generator_findings.modes", lambda *_, **__: found)
    of = sequence("t09_generator").analyze(recording("following", lambda _: 0.4))
    assert of["damping"].value == value


def test_without_its_event_a_capture_shows_nothing_that_counts(sequence):
    of = recording("following", lambda _: 0.4)
    bare = Recording(of.name, of.waveform, (), of.parameters, of.nominal)
    found = sequence("t09_generator").analyze(bare)
    assert "share_error" not in found
    assert "frequency_dip" not in found
    assert found["way_of_control"].state == "not told"


def test_without_the_currents_of_the_load_it_says_what_is_lacking(sequence):
    of = recording("following", lambda _: 0.4)
    kept = tuple(c for c in of.waveform.channels if c.place != "load")
    bare = replace(of, waveform=replace(of.waveform, samples=of.waveform.select(kept), channels=kept))
    with pytest.raises(HilError, match="no power of the load; give the recorder three currents"):
        sequence("t09_generator").analyze(bare)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("flaws", "missed"),
    [
        ((), set()),
        (("swings=15", "slow-power=0.0003"), {"damping", "no_oscillation", "share"}),
        (("wrong-droop",), {"share"}),
    ],
)
def test_each_flaw_is_found_in_its_line(run, flaws, missed):
    found = run("t09_generator", QUICK, *flaws)
    assert set().union(*found.values()) == missed
