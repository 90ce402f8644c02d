"""The engine in this process, on the shipped simulated bench: however a run ends, the bench is dead."""

import re
from dataclasses import asdict, dataclass, replace
from importlib.resources import files
from typing import ClassVar

import pytest

from hil.bench import Bench
from hil.capture.sealed import read_sealed_metadata
from hil.clock import SimulatedClock
from hil.compliance.verdict import Outcome, overall
from hil.config import load
from hil.engine import Stop, run
from hil.errors import ConfigError, FormatError, HilError, InstrumentError, LinkLost, NotSafe, NotSupported
from hil.guard import Guard, GuardReport
from hil.limits import Limit
from hil.recording import SUFFIX, read_readings
from hil.rehearse import nominal
from hil.roles import LogEntry
from hil.sequence import Nominal, Stage, parameters
from hil.sequences import voltage_sag
from hil.simulated import launch
from hil.steps import Arm, Await, Disarm, Hold, MoreClients, RampGrid, ReadLog, SetGrid, SetPower, SwitchGrid
from hil.transport.link import CommandLog

pytestmark = pytest.mark.thorough
SHIPPED = files("hil.data") / "benches" / "simulated.toml"
SAG = voltage_sag.VoltageSag(phases="abc", before=0.3, after=1.0, steady=0.2, apart=0.1)


class Standby:
    """Stands in for the guard, and remembers what it was told."""

    def __init__(self, *, safe=True):
        self.told = []
        self.safe = safe

    def beat(self):
        pass

    def done(self):
        self.told.append("done")

    def act(self):
        self.told.append("act")
        return GuardReport(acted=True, safe=self.safe, text="the stand-in says so")


class Eyes:
    """Looks on; calls `at` with each stage's name and with "tick"."""

    def __init__(self, at=lambda _: None):
        self.stages = []
        self.at = at

    def stage(self, name, purpose):
        self.stages.append(name)
        self.at(name)

    def tick(self, seconds, reading):
        self.at("tick")


class Laboratory:
    """One simulated bench; each run on it has clock, links and folder of its own."""

    def __init__(self, launched):
        self.launched = launched.ready()
        self.eye = SimulatedClock(launched.control)  # it lives as long as this one is held

    def bench(self):
        clock = SimulatedClock(self.launched.control)
        return Bench(load(SHIPPED), clock, CommandLog(), self.launched.addresses)

    def run(self, sequence, folder, *, guard=None, stop=None, watch=None, bench=None):
        bench = bench or self.bench()
        try:
            return run(sequence, bench, folder, guard or Standby(), stop or Stop(), watch or Eyes())
        finally:
            bench.clock.close()

    def terminals(self):
        return self.eye.ask(op="terminals")

    def close(self):
        self.eye.close()
        self.launched.process.wait(10)


@pytest.fixture(scope="module")
def laboratory():
    found = Laboratory(launch(SHIPPED))
    yield found
    found.close()


@pytest.fixture
def mortal():
    """A bench of its own, for a test that spoils it."""
    found = Laboratory(launch(SHIPPED))
    yield found
    found.eye.close()
    found.launched.process.kill()
    found.launched.process.wait()


@dataclass(frozen=True)
class Steps:
    """A sequence of one stage."""

    steps: tuple

    NAME: ClassVar[str] = "steps"
    CRITERIA: ClassVar[str] = "voltage_sag"
    ENVELOPE: ClassVar[str] = "ieee2800"
    PARAMETERS: ClassVar[dict] = {}

    def captures(self):
        return {step.name: {} for step in self.steps if isinstance(step, Arm)}

    def stages(self, nominal):
        yield Stage("only", self.steps)


LIVE = (
    SetGrid((100.0, 100.0, 100.0), 60.0),
    SwitchGrid(on=True),
    Await("grid.voltage", Limit(95, 105, "V"), 2.0),
)


@dataclass(frozen=True)
class Cut:
    """The voltage sag up to a step, and then `trouble`."""

    count: int
    trouble: object

    NAME: ClassVar[str] = "cut"
    captures = staticmethod(SAG.captures)

    def stages(self, nominal):
        left = self.count
        stages, answer = SAG.stages(nominal), None
        while True:
            stage = stages.send(answer)
            if left <= len(stage.steps):
                yield replace(stage, steps=stage.steps[:left])
                self.trouble()
                yield Stage("after the trouble", (Hold(0.1),))
                raise AssertionError("the run went on")
            left -= len(stage.steps)
            answer = yield stage


def all_steps():
    config = load(SHIPPED)
    return [step for stage in SAG.stages(nominal(config)) for step in stage.steps]


STEPS = all_steps()
ARM, DISARM = (next(k for k, step in enumerate(STEPS, 1) if isinstance(step, kind)) for kind in (Arm, Disarm))


@pytest.mark.parametrize("count", range(len(STEPS) + 1))
def test_an_error_after_each_step(laboratory, dead, tmp_path, count):
    """In turn: an instrument's error, a defect of ours, the operator, an error met elsewhere."""
    stop = Stop()

    def instrument():
        raise InstrumentError("grid: trouble")

    def defect():
        return 1 / 0

    def operator():
        stop.reason = "trouble at the operator's"

    def elsewhere():
        stop.fail(HilError("trouble on the disk"))

    trouble = (instrument, defect, operator, elsewhere)[count % 4]
    guard = Standby()
    result = laboratory.run(Cut(count, trouble), tmp_path, guard=guard, stop=stop)
    terminals = laboratory.terminals()
    assert dead(terminals)
    assert not terminals["interlock"]["closed"]
    assert (result.end, result.safe, guard.told) == (
        "aborted" if trouble is operator else "error",
        True,
        ["done"],
    )
    assert ("ZeroDivisionError" if trouble is defect else "trouble") in result.text
    assert all("is within" in proof for proof in result.proofs)
    if count <= ARM:  # it began, and ended before its first sample
        assert result.captures == {}
    else:
        kept = read_sealed_metadata(tmp_path / result.captures["sag_abc"])
        assert kept["complete"] is (count >= DISARM)
        # 0.3 s before, 0.32 s of sag and 1 s after it, at 50 kS/s
        seconds = {1: 0.3, 2: 0.3}.get(count - ARM, 1.62)
        assert kept["stored"] == pytest.approx(50_000 * seconds, abs=2)


# -- who fails, and when -------------------------------------------------------------------------


def test_a_sequence_that_leaves_everything_on(laboratory, dead, tmp_path):
    guard = Standby()
    result = laboratory.run(Steps(LIVE), tmp_path, guard=guard)
    assert (result.end, result.safe, guard.told) == ("completed", True, ["done"])
    assert dead(laboratory.terminals())


def test_a_terminal_that_is_gone_is_no_reason_to_stay_live(laboratory, dead, tmp_path):
    def hung_up(_):
        raise OSError(5, "Input/output error")

    guard = Standby()
    result = laboratory.run(Steps((*LIVE, Hold(2.0))), tmp_path, guard=guard, watch=Eyes(hung_up))
    assert (result.end, result.safe, guard.told) == ("completed", True, ["done"])
    assert dead(laboratory.terminals())


def test_a_stop_while_connecting_closes_nothing(laboratory, tmp_path):
    stop = Stop()

    def at(stage):
        if stage == "connect":
            stop.reason = "stopped by the operator"

    watch = Eyes(at)
    result = laboratory.run(Steps(LIVE), tmp_path, stop=stop, watch=watch)
    assert (result.end, result.text, result.safe) == ("aborted", "stopped by the operator", True)
    assert watch.stages == ["connect", "safe state"]
    assert not laboratory.terminals()["interlock"]["closed"]


def test_a_stop_while_it_is_made_safe_changes_nothing(laboratory, dead, tmp_path):
    stop = Stop()

    def at(stage):
        if stage == "safe state":
            stop.reason = "a second Ctrl-C"

    result = laboratory.run(Steps(LIVE), tmp_path, stop=stop, watch=Eyes(at))
    assert (result.end, result.safe) == ("completed", True)
    assert dead(laboratory.terminals())


@pytest.mark.parametrize("defect", [KeyError("no such thing"), InstrumentError("grid: the relay sticks")])
def test_one_that_cannot_be_made_safe_does_not_spare_the_others(
    laboratory, dead, tmp_path, monkeypatch, defect
):
    """Nothing reaches the grid source: the interlock inhibits it, and the recorder sees it."""
    bench = laboratory.bench()
    guard = Standby()

    def fail():
        raise defect

    def at(stage):
        if stage == "only":
            monkeypatch.setattr(bench.grid, "make_safe", fail)

    result = laboratory.run(Steps(LIVE), tmp_path, guard=guard, watch=Eyes(at), bench=bench)
    assert (result.end, result.safe, guard.told) == ("completed", True, ["done"])
    assert dead(laboratory.terminals())


def test_a_log_that_cannot_be_read_stops_nothing(laboratory, tmp_path, monkeypatch):
    bench = laboratory.bench()

    def refuse():
        raise NotSupported("pcs: no such log")

    monkeypatch.setattr(bench.pcs, "read_log", refuse)
    steps = Steps((Arm("one"), Hold(0.2), ReadLog(), Disarm()))
    result = laboratory.run(steps, tmp_path, bench=bench)
    assert (result.end, result.safe, result.notes) == ("completed", True, ["pcs: no such log"])
    (told,) = (r for r in read_readings(tmp_path / f"one{SUFFIX}", 0.0) if r.source == "no_log")
    assert told.values == {"why": "pcs: no such log"}


def test_an_interlock_that_was_never_reached_proves_nothing(laboratory, monkeypatch):
    """It ended while connecting; a silent source counts as live, for nobody opened the line."""
    bench = laboratory.bench()
    for name in ("grid", "recorder"):
        bench.identities[name] = bench.instruments[name].connect()

    def fail():
        raise LinkLost("grid: gone")

    monkeypatch.setattr(bench.grid, "make_safe", fail)
    with pytest.raises(NotSafe, match="grid: gone.*emergency stop"):
        bench.make_safe(timeout=0.2, reached_only=True)
    monkeypatch.undo()
    bench.make_safe()
    bench.close()
    bench.clock.close()


def test_a_bench_that_the_engine_cannot_prove_dead_goes_to_the_guard(laboratory, tmp_path, monkeypatch):
    bench = laboratory.bench()
    guard = Standby()

    def at(stage):
        if stage == "safe state":
            monkeypatch.setattr(bench.dc, "read_voltage", lambda: 850.0)

    result = laboratory.run(Steps((Hold(0.1),)), tmp_path, guard=guard, watch=Eyes(at), bench=bench)
    assert guard.told == ["act"]
    assert result.safety == "the stand-in says so"
    assert any("850 V is NOT within" in note for note in result.notes)

    monkeypatch.setattr(type(bench.dc), "read_voltage", lambda _: 850.0)
    result = laboratory.run(Steps((Hold(0.1),)), tmp_path, guard=Standby(safe=False))
    assert result.safe is False
    assert isinstance(result.error, NotSafe)
    assert result.end == "error"


def test_a_guard_that_dies_ends_the_run_and_the_engine_makes_safe(laboratory, dead, tmp_path):
    from hil.session import _CommandFile

    stop = Stop()
    guard = Guard(SHIPPED, tmp_path / "guard.jsonl")
    guard.arm(laboratory.launched.addresses, laboratory.launched.control)
    commands = _CommandFile(tmp_path / "commands.jsonl", stop)
    commands.guard = guard
    bench = laboratory.bench()
    bench.log.sink = commands.add

    def at(stage):
        if stage == "only":
            guard._process.kill()
            guard._process.wait()

    steps = (*LIVE, Hold(3600.0))
    result = laboratory.run(Steps(steps), tmp_path, guard=guard, stop=stop, watch=Eyes(at), bench=bench)
    assert (result.end, result.safe) == ("aborted", True)
    assert "the guard is gone" in result.text
    assert result.seconds < 3600
    assert dead(laboratory.terminals())
    guard.close()  # once more does no harm


def test_a_simulated_bench_that_dies(mortal, tmp_path):
    def at(stage):
        if stage == "tick" and (tmp_path / "sag_abc.blk").exists():
            mortal.launched.process.kill()

    guard = Standby(safe=False)
    result = mortal.run(SAG, tmp_path, guard=guard, watch=Eyes(at))
    assert guard.told == ["act"]
    assert (result.end, result.safe) == ("error", False)
    assert isinstance(result.error, NotSafe)
    assert "the simulated bench is gone" in result.text
    assert read_sealed_metadata(tmp_path / result.captures["sag_abc"])["complete"] is False


def test_a_command_log_that_cannot_be_written(laboratory, dead, tmp_path):
    from hil.session import _CommandFile

    stop = Stop()
    bench = laboratory.bench()
    bench.log.sink = _CommandFile(tmp_path / "nowhere" / "commands.jsonl", stop).add
    result = laboratory.run(Steps(LIVE), tmp_path, stop=stop, bench=bench)
    assert (result.end, result.safe) == ("error", True)
    assert "commands.jsonl" in result.text
    assert dead(laboratory.terminals())


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ((*LIVE, "a word"), "'a word' is no step"),
        ((*LIVE, Disarm()), "never begun"),
        ((*LIVE, Await("moon.phase", Limit(0, 1, ""), 1.0)), "cannot wait for 'moon.phase'"),
        ((*LIVE, SetGrid((400.0, 0.0, 0.0), 60.0)), "grid.voltage = 400 V is outside 0 .. 300 V"),
    ],
)
def test_a_sequence_that_nobody_has_rehearsed(laboratory, dead, tmp_path, steps, says):
    result = laboratory.run(Steps(steps), tmp_path)
    assert (result.end, result.safe) == ("error", True)
    assert says in result.text
    assert dead(laboratory.terminals())


def test_stages_that_are_none(laboratory, tmp_path):
    @dataclass(frozen=True)
    class Wrong(Steps):
        def stages(self, nominal):
            yield self.steps

    result = laboratory.run(Wrong(LIVE), tmp_path)
    assert (result.end, result.safe) == ("error", True)
    assert "internal error: AttributeError" in result.text


def test_a_sequence_that_never_ends_is_stopped(laboratory, dead, tmp_path):
    stop = Stop()

    @dataclass(frozen=True)
    class Endless(Steps):
        def stages(self, nominal: Nominal):
            yield Stage("on", self.steps)
            while True:
                if (yield Stage("again", (Hold(0.5),))) is not None and nominal.power:
                    stop.reason = "the operator has seen enough"

    result = laboratory.run(Endless(LIVE), tmp_path, stop=stop)
    assert (result.end, result.safe) == ("aborted", True)
    assert dead(laboratory.terminals())


def test_a_capture_that_is_not_ended_is_kept_and_incomplete(laboratory, tmp_path):
    result = laboratory.run(Steps((Arm("one"), Hold(0.2), Arm("two"))), tmp_path)
    assert "capture two begins before one has ended" in result.text
    assert list(result.captures) == ["one"]
    kept = read_sealed_metadata(tmp_path / "one.h5")
    assert (kept["complete"], kept["acquired"], kept["stored"]) == (False, None, 10_000)


def test_a_capture_that_cannot_be_sealed_stays_and_is_an_error(laboratory, tmp_path):
    (tmp_path / "one.h5").write_text("in the way")
    result = laboratory.run(Steps((Arm("one"), Hold(0.2), Disarm())), tmp_path)
    assert (result.end, result.safe, result.captures) == ("error", True, {})
    assert (tmp_path / "one.blk").stat().st_size > 4 * 9 * 10_000  # float32, nine channels
    assert any("stays as one.blk" in note for note in result.notes)


def test_nothing_is_sealed_while_the_bench_is_live(laboratory, tmp_path):
    """Sealing takes seconds in which nobody watches, and in which a guard would lose its patience."""

    def at(stage):
        if stage == "safe state":
            found.update(path.name for path in tmp_path.iterdir())

    found = set()
    laboratory.run(Steps((Arm("one"), Hold(0.2), Disarm())), tmp_path, watch=Eyes(at))
    assert found == {"one.blk", "one.readings.jsonl"}
    assert {path.name for path in tmp_path.iterdir()} == {"one.h5", "one.readings.jsonl"}


def test_what_the_pcs_says_and_what_was_commanded_stand_beside_a_capture(laboratory, tmp_path):
    """Asked every 50 ms for 0.4 s; times are of the bench, from the first sample on."""
    steps = (*LIVE, Arm("one", poll=0.05), Hold(0.2), SetPower(0.0, 1e3), Hold(0.2), Disarm())
    result = laboratory.run(Steps(steps), tmp_path)
    assert result.end == "completed", result.text
    readings = read_readings(tmp_path / f"one{SUFFIX}")
    times = [reading.time for reading in readings if reading.source == "pcs"]
    assert times == pytest.approx([0.05 * k for k in range(len(times))], abs=2e-3)
    assert 8 <= len(times) <= 9
    said = next(reading.values for reading in readings if reading.source == "pcs")
    assert said["mode"] == "off"
    assert said["voltage"] == pytest.approx(100.0, rel=0.02)
    (step,) = (reading for reading in readings if reading.values.get("step") == "SetPower")
    assert step.values == {"step": "SetPower", "watts": 0.0, "var": 1e3}
    assert step.time == pytest.approx(0.2, abs=0.01)


def test_entries_of_a_log_stand_beside_a_capture_at_their_own_time(laboratory, tmp_path, monkeypatch):
    """Read 0.2 s after the first sample; what is 0.15 s old then is of 0.05 s."""
    bench = laboratory.bench()
    monkeypatch.setattr(bench.pcs, "read_log", lambda: (LogEntry(bench.clock.now() - 0.15, "tripped"),))
    laboratory.run(Steps((Arm("one"), Hold(0.2), ReadLog(), Disarm())), tmp_path, bench=bench)
    (entry,) = (r for r in read_readings(tmp_path / f"one{SUFFIX}") if r.source == "log")
    assert (entry.values, entry.time) == ({"text": "tripped"}, pytest.approx(0.05, abs=0.01))


def test_further_clients_that_are_refused_are_a_finding(laboratory, tmp_path):
    """Three clients: the bench's own, one that is served, one that is refused."""
    bench = laboratory.bench()
    real, opened = bench.pcs.reader, []

    def reader():
        if opened:
            raise LinkLost("pcs: no connection")
        opened.append(real())
        return opened[0]

    bench.pcs.reader = reader
    result = laboratory.run(Steps((Arm("one"), MoreClients(2, 0.25), Disarm())), tmp_path, bench=bench)
    assert result.end == "completed", result.text
    (told,) = (r for r in read_readings(tmp_path / f"one{SUFFIX}") if r.source == "clients")
    assert told.values == {"served": 2, "of": 3, "why": ["pcs: no connection"]}
    assert told.time == pytest.approx(0.25, abs=5e-3)


def test_a_trip_limit_stops_the_run(laboratory, dead, tmp_path):
    """100 V RMS has a peak of 141.4 V; the block of samples in which it trips may end before the peak."""
    bench = laboratory.bench()
    channels = tuple(replace(c, trip=120.0 if c.name == "vb" else c.trip) for c in bench.config.channels)
    bench.config = replace(bench.config, channels=channels)
    result = laboratory.run(Steps((*LIVE, Arm("one"), Hold(1.0), Disarm())), tmp_path, bench=bench)
    assert (result.end, result.safe) == ("aborted", True)
    reached = re.fullmatch(r"vb reached ([\d.]+) V; the bench trips at 120 V", result.text)
    assert reached
    assert 120.0 < float(reached[1]) < 142.0
    assert dead(laboratory.terminals())


def test_a_ramp_begins_where_a_transient_has_ended(laboratory, tmp_path):
    from hil.steps import Fire, LoadTransient
    from hil.transient import ListPoint

    points = (ListPoint(0.1, (60.0,) * 3, 60.0), ListPoint(0.1, (50.0,) * 3, 60.0))
    bench = laboratory.bench()
    steps = (*LIVE, LoadTransient(points), Fire(), Hold(0.5), RampGrid(0.0, 0.5))
    result = laboratory.run(Steps(steps), tmp_path, bench=bench)
    assert result.end == "completed", result.text
    sent = [entry.sent for entry in bench.log.entries if entry.instrument == "grid"]
    after = sent[next(k for k, text in enumerate(sent) if "INIT" in text) :]
    ramp = [text for text in after if "VOLT 40.000" in text or "VOLT 80.000" in text]
    assert ramp  # 50 V to 0 in 5 steps: the first is to 40 V; from 100 V it would be to 80 V
    assert all("VOLT 40.000" in text for text in ramp)


# -- what the same seed gives --------------------------------------------------------------------


def test_the_same_seed_gives_the_same_bits(tmp_path):
    launched = [launch(SHIPPED, seed=seed) for seed in (7, 7, 8)]
    digests = []
    for number, one in enumerate(launched):
        laboratory = Laboratory(one)
        folder = tmp_path / str(number)
        folder.mkdir()
        result = laboratory.run(SAG, folder)
        laboratory.close()
        assert result.end == "completed"
        digests.append(read_sealed_metadata(folder / "sag_abc.h5")["sha256"])
    assert digests[0] == digests[1]
    assert digests[2] != digests[0]


def test_stop_check_prefers_the_error():
    stop = Stop()
    stop.check()
    stop.reason = "stopped by somebody"
    first = ConfigError("first")
    stop.fail(first)
    stop.fail(ConfigError("second"))
    with pytest.raises(ConfigError) as caught:
        stop.check()
    assert caught.value is first


# -- no PASS where something was wrong -------------------------------------------------------------


def judge(folder, result, *, started="2026-06-01T00:00:00+00:00"):
    """Return the verdicts on what a run of the voltage sag has left."""
    from hil.evaluate import CRITERIA, ENVELOPE, evaluate

    data = files("hil.data")
    (folder / CRITERIA).write_text((data / "criteria" / "voltage_sag.toml").read_text())
    (folder / ENVELOPE).write_text((data / "envelopes" / "ieee2800.toml").read_text())
    ratings = nominal(load(SHIPPED))
    captures = {
        name: {"file": result.captures.get(name), "parameters": {**given, "rated_current": ratings.current}}
        for name, given in SAG.captures().items()
    }
    run = {
        "sequence": "voltage_sag",
        "parameters": parameters(SAG),
        "captures": captures,
        "nominal": {**asdict(ratings), "phase_voltage": ratings.phase_voltage},
        "started": started,
        "end": result.end,
    }
    (event,) = evaluate(folder, run)
    return event.verdicts


def test_a_good_pcs_passes_unless_a_certificate_has_expired(laboratory, tmp_path):
    """The shipped certificates are due on 2036-01-15."""
    result = laboratory.run(SAG, tmp_path)
    assert result.end == "completed"
    assert overall(judge(tmp_path, result)) is Outcome.PASS
    assert overall(judge(tmp_path, result, started="2036-01-15T12:00:00+00:00")) is Outcome.PASS
    late = judge(tmp_path, result, started="2036-01-16T12:00:00+00:00")
    assert overall(late) is Outcome.INVALID
    assert Outcome.PASS not in {verdict.outcome for verdict in late if verdict.required}


def test_a_capture_that_cannot_be_analysed_does_not_pass(laboratory, tmp_path, monkeypatch):
    result = laboratory.run(SAG, tmp_path)

    def gap(*_):
        raise FormatError("no current in any phase")

    monkeypatch.setattr(type(SAG), "analyze", gap)
    assert overall(judge(tmp_path, result)) is Outcome.NOT_RUN


def test_a_recorder_that_loses_samples(laboratory, tmp_path):
    bench = laboratory.bench()
    read, blocks = bench.recorder.read, []

    def forgetful():
        blocks.append(read())
        return blocks[-1][:, :0] if len(blocks) == 12 else blocks[-1]

    def at(stage):
        if stage == "sag_abc":
            bench.recorder.read = forgetful
        elif stage == "de-energise":
            bench.recorder.read = read

    result = laboratory.run(SAG, tmp_path, watch=Eyes(at), bench=bench)
    assert result.end == "completed"
    kept = read_sealed_metadata(tmp_path / "sag_abc.h5")
    assert kept["acquired"] - kept["stored"] == blocks[11].shape[1] > 0
    assert overall(judge(tmp_path, result)) is Outcome.INVALID


def test_a_pcs_that_trips_under_way(dead, tmp_path):
    """The flaw cuts the trip times to a tenth; the run goes on, and starts it again for the next sag."""
    laboratory = Laboratory(launch(SHIPPED, ["trips-early"]))
    watch = Eyes()
    sequence = replace(SAG, phases="abc ab")
    result = laboratory.run(sequence, tmp_path, watch=watch)
    terminals = laboratory.terminals()
    laboratory.close()
    assert (result.end, result.safe) == ("completed", True)
    assert "restart before sag_ab" in watch.stages
    assert set(result.captures) == {"sag_abc", "sag_ab"}
    assert dead(terminals)
    assert overall(judge(tmp_path, result)) is Outcome.FAIL


@pytest.mark.parametrize("count", [ARM - 1, ARM, ARM + 1, ARM + 2])
def test_a_run_that_ends_early_never_passes(laboratory, tmp_path, count):
    """Before the capture, with no sample in it, without its sag, and with the sag under way."""
    stop = Stop()
    result = laboratory.run(Cut(count, lambda: stop.fail(HilError("trouble"))), tmp_path, stop=stop)
    assert overall(judge(tmp_path, result)) is Outcome.INVALID
