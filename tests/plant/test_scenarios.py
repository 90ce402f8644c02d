"""Batches: the same results on any number of cores, in order, whatever becomes of one of them."""

import threading

import numpy as np
import pytest

from hil.errors import Aborted, ConfigError
from hil.plant.parameters import Parameters
from hil.plant.scenarios import Scenario, run_scenario, run_scenarios

FAST = {"start_delay": 0.05}


def power(watts):
    def change(terminals):
        terminals.pcs.active_power = watts

    return change


def sag(terminals):
    terminals.grid.volts = [0.5 * volts for volts in terminals.grid.volts]


def batch():
    return [
        Scenario(
            Parameters(**FAST, scr=scr),
            0.3,
            [(0.1, power(watts)), (0.2, sag)],
            record=("i_a", "v_a", "i_grid_a"),
            name=f"{scr} {watts}",
        )
        for scr in (2.0, 20.0)
        for watts in (-50e3, 80e3)
    ]


def test_two_threads_give_the_same_bits_as_one():
    one, two = run_scenarios(batch(), 1), run_scenarios(batch(), 2)
    for single, paired in zip(one, two, strict=True):
        assert list(single.signals) == ["i_a", "v_a", "i_grid_a"]
        for name, samples in single.signals.items():
            assert samples.shape == (15_000,)
            assert np.array_equal(samples, paired.signals[name])
    assert not np.array_equal(one[0].signals["i_a"], one[1].signals["i_a"])


def test_changes_come_at_their_times():
    # whatever their order in the list
    changes = [(0.2, sag), (0.1, power(30e3))]
    recording = run_scenario(Scenario(Parameters(scr=1000.0, **FAST), 0.4, changes, record=("v_a",)))
    v, cycle = recording.signals["v_a"], round(1 / 60 / recording.step)
    nominal = 480 * np.sqrt(2 / 3)
    assert np.abs(v[10_000 - cycle : 10_000]).max() == pytest.approx(nominal, rel=0.01)
    assert np.abs(v[10_000 + 50 :]).max() == pytest.approx(0.5 * nominal, rel=0.03)
    assert recording.terminals.pcs.active_power == 30e3


def test_summary_stands_instead_of_the_recording():
    scenario = Scenario(
        Parameters(**FAST), 1.5, [(0.2, power(60e3))], summary=lambda r: r.terminals.pcs.measured_watts
    )
    assert run_scenarios([scenario]) == [pytest.approx(60e3, abs=600)]


def test_one_that_fails_stands_as_its_error():
    def refuse(_recording):
        raise ValueError("no peak found")

    q = Parameters(**FAST)
    good = Scenario(q, 0.1, summary=lambda r: r.terminals.pcs.mode)
    outcomes = run_scenarios(
        [
            good,
            Scenario(q, 0.1, [(0.05, power(float("nan")))]),
            Scenario(q, 0.1, summary=refuse),
            Scenario(q, 0.1, controller="no_such_module:Control"),
            good,
        ],
        2,
    )
    assert outcomes[0] == outcomes[4] == "running"
    assert isinstance(outcomes[1], ConfigError)
    assert "no number" in str(outcomes[1])
    assert isinstance(outcomes[2], ValueError)
    assert "no_such_module" in str(outcomes[3])


def test_progress_counts():
    seen = []
    run_scenarios(batch()[:3], 2, lambda done, of: seen.append((done, of)))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_interrupt_stops_all():
    q = Parameters(**FAST)
    begun, begins = [], threading.Lock()

    def note(_terminals):
        with begins:
            begun.append(1)

    def interrupt(done, of):
        raise KeyboardInterrupt

    # a year each, all but the first: only an interrupt ends this
    many = [Scenario(q, 0.01, [(0.0, note)])]
    many += [Scenario(q, 3e7, [(0.0, note)]) for _ in range(7)]
    with pytest.raises(KeyboardInterrupt):
        run_scenarios(many, 2, interrupt)
    assert len(begun) <= 4


def test_a_scenario_that_is_told_to_stop_says_where():
    stop = threading.Event()
    stop.set()
    with pytest.raises(Aborted, match=r"far: stopped at 0\.000 s"):
        run_scenario(Scenario(Parameters(**FAST), 1.0, name="far"), stop)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seconds": 0.0}, "x: cannot last 0.0 s"),
        ({"seconds": float("inf")}, "x: cannot last inf s"),
        ({"changes": [(1.5, sag)]}, "it lasts from 0 to 1.0 s"),
        ({"changes": [(float("nan"), sag)]}, "it lasts from 0 to 1.0 s"),
        ({"record": ("v_d",)}, "there is no signal v_d; there is v_a"),
    ],
)
def test_refuses_what_cannot_be_run(options, message):
    with pytest.raises(ConfigError, match=message):
        Scenario(**{"parameters": Parameters(), "seconds": 1.0, "name": "x", **options})


def test_refuses_no_workers():
    with pytest.raises(ConfigError, match="0 workers cannot do anything"):
        run_scenarios([], 0)
