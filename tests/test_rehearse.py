"""The rehearsal: what is refused at the desk, and the times and set-points that it foretells."""

from dataclasses import dataclass, replace
from importlib.resources import files
from typing import ClassVar

import pytest

from hil.config import load
from hil.errors import ConfigError, LimitError
from hil.limits import Limit
from hil.rehearse import MOST, nominal, rehearse
from hil.sequence import Stage
from hil.sequences.voltage_sag import VoltageSag
from hil.steps import (
    Arm,
    Await,
    Disarm,
    Fire,
    Hold,
    LoadTransient,
    RampGrid,
    ReadLog,
    SetDc,
    SetGrid,
    SetPower,
    SwitchGrid,
)
from hil.transient import ListPoint

BENCH = load(files("hil.data") / "benches" / "simulated.toml")


@dataclass(frozen=True)
class Steps:
    """A sequence of one stage."""

    steps: tuple
    planned: tuple = ()

    NAME: ClassVar[str] = "steps"
    ROLES: ClassVar[dict] = {}

    def captures(self):
        return {name: {} for name in self.planned}

    def stages(self, nominal):
        yield Stage("only", self.steps)


def point(volts=(277.0, 277.0, 277.0), seconds=0.5, hertz=60.0):
    return ListPoint(seconds, volts, hertz)


def test_ratings_of_the_bench():
    """480 V between lines are 277.13 V to neutral; 100 kW at 480 V are 120.28 A."""
    found = nominal(BENCH)
    assert (found.voltage, found.frequency, found.power, found.dc_voltage) == (480.0, 60.0, 100e3, 850.0)
    assert found.phase_voltage == pytest.approx(277.128, abs=1e-3)
    assert found.current == pytest.approx(120.281, abs=1e-3)


@pytest.mark.parametrize(
    ("step", "says"),
    [
        (SetGrid((301.0, 0.0, 0.0), 60.0), "grid.voltage = 301 V is outside 0 .. 300 V"),
        (SetGrid((0.0, 0.0, -1.0), 60.0), "grid.voltage = -1 V"),
        (SetGrid((0.0, float("nan"), 0.0), 60.0), "grid.voltage = nan V"),
        (SetGrid((0.0, 0.0, 0.0), 67.0), "grid.frequency = 67 Hz is outside 45 .. 66 Hz"),
        (RampGrid(301.0, 1.0), "grid.voltage = 301 V"),
        (RampGrid(100.0, -1.0), "ramp = -1 s"),
        (SetDc(951.0, 1.0, 1.0), "battery.voltage = 951 V is outside 0 .. 950 V"),
        (SetDc(850.0, 201.0, 1.0), "battery.current = -201 A is outside -200 .. 200 A"),
        (SetDc(850.0, 1.0, 131e3), "battery.power = -131000 W"),
        (SetPower(-101e3), "pcs.active_power = -101000 W"),
        (SetPower(0.0, 61e3), "pcs.reactive_power = 61000 var"),
        (LoadTransient((point((277.0, 277.0, 301.0)),)), "grid.voltage = 301 V"),
        (LoadTransient((point(hertz=44.0),)), "grid.frequency = 44 Hz"),
        (Hold(-0.1), "hold = -0.1 s"),
        (Hold(float("inf")), "hold = inf s"),
        (Await("dc.voltage", Limit(0, 1, "V"), float("inf")), "timeout = inf s"),
    ],
)
def test_a_set_point_outside_its_limits_is_refused(step, says):
    with pytest.raises(LimitError) as caught:
        rehearse(Steps((step,)), BENCH)
    text = str(caught.value)
    assert text.startswith(f"steps, stage 'only': {says}")
    assert "Nothing was sent" in text
    assert str(BENCH.path) in text


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ((Fire(),), "fired before one is loaded"),
        ((LoadTransient((point(),)), Fire(), Fire()), "fired before one is loaded"),
        ((LoadTransient((point(seconds=901.0),)),), "its list plays 0.001 to 900 s"),
        ((LoadTransient((point(seconds=0.0004),)),), "its list plays 0.001 to 900 s"),
        ((LoadTransient((point(seconds=0.0104),)),), "would become 0.01 s"),
        ((LoadTransient((point(),) * 100),), "100 points, the memory holds 99"),
        ((LoadTransient(()),), "no points"),
        ((Disarm(),), "never begun"),
        ((Arm("one"), Arm("two")), "two begins before one has ended"),
        ((Arm("one"), Disarm(), Arm("one"), Disarm()), "one is recorded twice"),
        ((Arm("three"), Disarm()), "nobody would judge it"),
        ((Arm("one"), Hold(1.0)), "one never ends"),
        ((Hold(1.0),), "no stage records one, two"),
        ((Await("moon.phase", Limit(0, 1, ""), 1.0),), "cannot wait for 'moon.phase'"),
        ((Await("dc.voltage", Limit(0, 1, "A"), 1.0),), "cannot wait for 'dc.voltage' in 'A'"),
        (("a word",), "'a word' is no step"),
        ((Hold,), "is no step"),
    ],
)
def test_what_makes_no_sense_is_refused(steps, says):
    with pytest.raises(ConfigError, match="^steps") as caught:
        rehearse(Steps(steps, planned=("one", "two")), BENCH)
    assert says in str(caught.value)


def test_stages_that_are_none_and_stages_without_end():
    class Wrong(Steps):
        def stages(self, nominal):
            yield self.steps

    class Endless(Steps):
        def stages(self, nominal):
            while True:
                yield Stage("again", ())

    with pytest.raises(ConfigError, match="is no stage"):
        rehearse(Wrong((Hold(1.0),)), BENCH)
    with pytest.raises(ConfigError, match=f"more than {MOST} stages"):
        rehearse(Endless(()), BENCH)


def test_limits_are_those_of_the_bench_and_where_it_names_none_the_rating():
    """An MX or RS goes from 16 to 500 Hz; the bench file narrows it to 45 to 66 Hz."""
    grid = BENCH.find("grid_source")
    free = {**BENCH.instruments, grid.name: replace(grid, limits={})}
    wider = replace(BENCH, instruments=free)
    assert rehearse(Steps((SetGrid((0.0, 0.0, 0.0), 400.0),)), wider).seconds == 0.0
    with pytest.raises(LimitError, match="outside 16 .. 500 Hz"):
        rehearse(Steps((SetGrid((0.0, 0.0, 0.0), 501.0),)), wider)


def test_times_waits_and_set_points():
    steps = (
        SetGrid((0.0, 0.0, 0.0), 60.0),
        SwitchGrid(on=True),
        RampGrid(200.0, 2.0),
        Await("grid.voltage", Limit(190, 210, "V"), 5.0),  # 1 s as one hopes, 5 s at worst
        LoadTransient((point((50.0, 200.0, 200.0), 0.1), point((200.0, 200.0, 200.0), 0.5))),
        Arm("one"),
        Hold(1.0),
        Fire(),
        Hold(2.0),
        Disarm(),
    )
    found = rehearse(Steps(steps, planned=("one",)), BENCH)
    assert (found.seconds, found.longest) == (6.0, 10.0)
    assert found.captures == (("one", 3.0, 6.0),)
    assert found.starts == (0.0,)
    assert found.notes == ()
    traces = {trace.title: trace for trace in found.traces}
    assert traces["grid output"].values == (1.0,)
    a, b = traces["grid voltage a"], traces["grid voltage b"]
    assert (a.unit, a.values[0], max(a.values)) == ("V", 0.0, 200.0)
    assert a.times == tuple(sorted(a.times))
    assert list(zip(a.times, a.values, strict=True))[-2:] == [(4.0, 50.0), (4.1, 200.0)]
    assert set(b.values[-2:]) == {200.0}


def test_the_shipped_sag_takes_the_time_that_its_steps_add_up_to():
    """Ramps of 2 s and 1 s, a hold of 1 s, six waits of 1 s and one of its timeout, and each sag."""
    sag = VoltageSag(phases="abc a", before=1.0, after=4.0, duration=0.32)
    found = rehearse(sag, BENCH)
    each = 1.0 + 0.32 + 4.0
    assert found.seconds == pytest.approx(2.0 + 1.0 + 1.0 + 6.0 + 5.0 + 2 * (each + 10.0))
    assert [stage.name for stage in found.stages] == ["energise", "sag_abc", "sag_a", "de-energise"]
    assert [(name, end - begin) for name, begin, end in found.captures] == [
        ("sag_abc", pytest.approx(each)),
        ("sag_a", pytest.approx(each)),
    ]
    residual = 0.25 * 480 / 3**0.5
    for name, begin, _ in found.captures:
        for phase in "abc":
            trace = next(t for t in found.traces if t.title == f"grid voltage {phase}")
            at = [v for t, v in zip(trace.times, trace.values, strict=True) if abs(t - begin - 1.0) < 1e-9]
            expected = residual if phase in name.removeprefix("sag_") else 480 / 3**0.5
            assert at == [pytest.approx(expected)]
    final = {trace.title: trace.values[-1] for trace in found.traces}
    for title in ("grid output", "DC output", "PCS", "active power", "grid voltage a"):
        assert final[title] == 0.0, title


def test_progress_is_told_stage_by_stage():
    heard = []
    rehearse(VoltageSag(phases="a"), BENCH, heard.append)
    assert heard == ["energise", "sag_a", "de-energise"]


def of_unit(identity):
    """Return the bench with a PCS of which the bench file expects this."""
    pcs = replace(BENCH.instruments["pcs"], identity=identity)
    return replace(BENCH, instruments={**BENCH.instruments, "pcs": pcs})


LOG = Steps((Arm("one"), ReadLog(), Disarm()), ("one",))


@pytest.mark.parametrize(
    ("identity", "noted"), [("HIL,PCS-250,.*", 0), ("ACME,.*", 1), ("", 1), (".*,HIL,.*", 1)]
)
def test_an_event_log_that_may_not_be_readable_is_noted_at_the_desk(identity, noted):
    notes = rehearse(LOG, of_unit(identity)).notes
    assert len(notes) == noted
    assert all("driver sunspec reads only that of units 'HIL,.*'" in note for note in notes)


@pytest.mark.parametrize("identity", ["HIL,PCS-250,.*", ""])
def test_a_driver_that_reads_no_log_is_noted_for_every_unit(monkeypatch, identity):
    monkeypatch.setattr(BENCH.driver("pcs"), "LOGS", "")
    (note,) = rehearse(LOG, of_unit(identity)).notes
    assert "driver sunspec reads no unit's" in note
