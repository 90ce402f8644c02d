"""The guard alone: what it does when the engine goes, and what is said of a bench that stays live."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from importlib.resources import files

import pytest

from hil.cli import complain
from hil.clock import SimulatedClock
from hil.config import load
from hil.engine import Stop
from hil.errors import Aborted, ConfigError, HilError, NotSafe
from hil.guard import Guard
from hil.sequences import voltage_sag
from hil.session import Options, conduct
from hil.simulated import launch, own_group

pytestmark = pytest.mark.thorough
SHIPPED = files("hil.data") / "benches" / "simulated.toml"
posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")


class Laboratory:
    """A simulated bench with its grid source switched on behind everybody's back."""

    def __init__(self, launched):
        self.launched = launched.ready()
        self.eye = SimulatedClock(launched.control)

    def energise(self):
        from hil.bench import Bench
        from hil.transport.link import CommandLog

        bench = Bench(load(SHIPPED), self.eye, CommandLog(), self.launched.addresses)
        bench.connect()
        bench.make_safe()
        bench.prepare()
        bench.grid.set_voltages((200.0, 200.0, 200.0))
        bench.grid.switch_output(on=True)
        bench.close()
        self.eye.sleep(0.5)
        assert min(self.terminals()["grid"]["measured_volts"]) > 150
        return self

    def terminals(self):
        return self.eye.ask(op="terminals")


@pytest.fixture(scope="module")
def laboratory():
    found = Laboratory(launch(SHIPPED))
    yield found
    found.eye.close()
    found.launched.process.wait(10)


class Alone:
    """A guard and, in place of the engine, a process that sleeps."""

    def __init__(self, laboratory, log, *, patience=60.0, addresses=None):
        self.log = log
        self.engine = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "hil.guard"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **own_group(),
        )
        self.say(
            json.dumps(
                {
                    "bench": str(SHIPPED),
                    "log": str(log),
                    "patience": patience,
                    "engine": self.engine.pid,
                    "addresses": {**laboratory.launched.addresses, **(addresses or {})},
                    "control": laboratory.launched.control,
                }
            )
        )
        assert self.hear() == {"ready": True}

    def say(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()

    def hear(self):
        line = self.process.stdout.readline()
        return json.loads(line) if line else None

    def end(self):
        """Return its exit code, what it said at last, and what it printed to the terminal."""
        answer = self.hear()
        _, errors = self.process.communicate(timeout=60)
        return self.process.returncode, answer, errors

    def entries(self):
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def close(self):
        for process in (self.engine, self.process):
            if process.poll() is None:
                process.kill()
            process.wait()
            for pipe in filter(None, (process.stdin, process.stdout, process.stderr)):
                pipe.close()


@pytest.fixture
def alone(tmp_path):
    started = []

    def begin(laboratory, **kwargs):
        started.append(Alone(laboratory, tmp_path / "guard.jsonl", **kwargs))
        return started[-1]

    yield begin
    for one in started:
        one.close()


def test_done(laboratory, alone):
    guard = alone(laboratory.energise())
    guard.say("beat")
    guard.say("done")
    assert guard.end() == (0, None, "")
    assert not guard.log.exists()
    assert laboratory.terminals()["grid"]["relay"]  # it did nothing


def test_act(laboratory, alone, dead):
    guard = alone(laboratory.energise())
    guard.say("act")
    code, answer, errors = guard.end()
    assert (code, answer["safe"], errors) == (0, True, "")
    assert "the engine could not prove" in answer["text"]
    assert dead(laboratory.terminals())
    assert guard.engine.poll() is None  # it is alive, and was left alone


def test_the_engine_is_gone(laboratory, alone, dead):
    guard = alone(laboratory.energise())
    guard.say("beat")
    guard.process.stdin.close()
    assert guard.hear()["safe"] is True
    assert guard.process.wait(60) == 0
    assert dead(laboratory.terminals())
    first, *exchanges, last = guard.entries()
    assert (first["event"], first["reason"]) == ("acting", "the engine ended without a word")
    assert last["event"] == "safe"
    assert any("RMS of va" in proof for proof in last["proofs"])
    assert any(entry["instrument"] == "grid" and "OUTP OFF" in entry["sent"] for entry in exchanges)


def test_the_engine_is_silent(laboratory, alone, dead):
    guard = alone(laboratory.energise(), patience=0.2)
    code, answer, _ = guard.end()
    assert (code, answer["safe"]) == (0, True)
    assert "said nothing for 0.2 s" in answer["text"]
    assert guard.engine.wait(60) != 0  # killed before anything was sent
    assert dead(laboratory.terminals())


@posix
def test_signals_of_the_terminal_do_not_reach_it(laboratory, alone, dead):
    guard = alone(laboratory.energise())
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        guard.process.send_signal(number)
    guard.say("act")
    code, answer, errors = guard.end()
    assert (code, answer["safe"], errors) == (0, True, "")
    assert dead(laboratory.terminals())


def test_a_bench_that_it_cannot_reach(laboratory, alone):
    """A port on which nobody listens, of the instrument that comes first; the others are spared nothing."""
    guard = alone(laboratory.energise(), addresses={"grid": "TCPIP::127.0.0.1::1::SOCKET"})
    with_interlock = laboratory.terminals()["interlock"]["closed"]
    assert with_interlock
    guard.say("act")
    code, answer, _ = guard.end()
    assert (code, answer["safe"]) == (0, True)  # the interlock inhibits it, and the recorder sees it
    assert max(laboratory.terminals()["grid"]["measured_volts"]) < 50

    nobody = dict.fromkeys(("grid", "battery", "pcs"), "TCPIP::127.0.0.1::1::SOCKET")
    nobody["pcs"] = "127.0.0.1:1"
    nobody["interlock"] = nobody["recorder"] = "grpc://127.0.0.1:1"
    guard = alone(laboratory, addresses=nobody)
    guard.say("act")
    code, answer, errors = guard.end()
    assert (code, answer["safe"]) == (1, False)
    assert "emergency stop" in errors
    assert "Traceback" not in errors
    for name in ("grid", "battery", "pcs"):
        assert f"{name}: " in answer["text"]
    tries = [entry["attempt"] for entry in guard.entries() if entry.get("event") == "not safe"]
    assert tries == [1, 2]


def test_a_log_that_cannot_be_written_does_not_keep_it_from_acting(laboratory, tmp_path, dead):
    guard = Alone(laboratory.energise(), tmp_path / "nowhere" / "guard.jsonl")
    guard.say("act")
    code, answer, errors = guard.end()
    guard.close()
    assert (code, answer["safe"]) == (0, True)
    assert "cannot" not in answer["text"]
    assert "guard.jsonl" in errors
    assert dead(laboratory.terminals())


@posix
def test_neither_disk_nor_terminal(laboratory, tmp_path, dead):
    """Its log cannot be written, and its terminal is gone: a pipe without a reader."""
    read, write = os.pipe()
    os.close(read)
    order = Guard.__new__(Guard)
    order._order = {"bench": str(SHIPPED), "log": str(tmp_path / "no" / "log"), "patience": 60.0, "engine": 0}
    process = subprocess.Popen(
        [sys.executable, "-m", "hil.guard"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=write,
        text=True,
    )
    os.close(write)
    laboratory.energise()
    about = {"addresses": laboratory.launched.addresses, "control": laboratory.launched.control}
    out, _ = process.communicate(json.dumps({**order._order, **about}) + "\nact\n", timeout=60)
    assert json.loads(out.splitlines()[-1])["safe"] is True
    assert dead(laboratory.terminals())


# -- the engine's end of it ----------------------------------------------------------------------


def test_it_never_becomes_ready(tmp_path, capfd):
    guard = Guard(SHIPPED, tmp_path / "guard.jsonl")
    with pytest.raises(HilError, match="without it nothing is energised"):
        guard.arm({}, control=1)  # no simulated bench there
    guard.close()
    assert capfd.readouterr().err == ""


def test_patience_that_is_shorter_than_an_instrument_may_be_silent(tmp_path):
    """The shipped timeouts are 2 s: to connect anew and to ask takes up to 4 s."""
    options = Options(records=tmp_path / "records", patience=3.9)
    with pytest.raises(ConfigError, match="patience of 3.9 s is too short"):
        conduct(voltage_sag.VoltageSag(), load(SHIPPED), options, Stop(), Quiet())
    assert not (tmp_path / "records").exists()


def test_a_stranger_on_the_control_port_leaves_no_orphan():
    """Its process ends with the last client, whatever that one has said."""
    launched = launch(SHIPPED).ready()
    with socket.create_connection(("127.0.0.1", launched.control)) as stranger:
        for junk in (b"GET / HTTP/1.1", b"[]", b'{"op": "sleep", "seconds": "long"}', b"\xff"):
            stranger.sendall(junk + b"\n")
        with stranger.makefile("rb") as lines:
            assert all("error" in json.loads(lines.readline()) for _ in range(4))
    assert launched.process.wait(30) == 0


def test_it_is_dead(laboratory, tmp_path):
    guard = Guard(SHIPPED, tmp_path / "guard.jsonl")
    guard.arm(laboratory.launched.addresses, laboratory.launched.control)
    guard._process.kill()
    guard._process.wait()
    with pytest.raises(Aborted, match="nobody watches the bench"):
        guard.beat()
    report = guard.act()
    assert (report.acted, report.safe) == (False, False)
    assert "emergency stop" in report.text
    guard.done()
    guard.close()


# -- a source that does not answer, through the whole session --------------------------------------


class Quiet:
    def stage(self, name, purpose):
        pass

    def tick(self, seconds, reading):
        pass


@pytest.mark.parametrize("interlock", [True, False])
def test_a_grid_source_that_falls_silent_while_live(tmp_path, bench_text, capsys, interlock):
    """At 4 s the grid feeds a PCS that runs. Silent, it could take "OUTP OFF" or not: nobody knows."""
    text = bench_text(grid=['silent_after = "4 s"'])
    if not interlock:
        before, rest = text.split("[instruments.interlock]")
        text = before + rest[rest.index("[instruments.recorder]") :]
        text = re.sub("remote_inhibit = .*", "", text.replace('"interlock", ', ""))
    path = tmp_path / "bench.toml"
    path.write_text(text)
    options = Options(records=tmp_path / "records")
    sequence = voltage_sag.VoltageSag(phases="abc", before=0.3, after=1.0, steady=0.2, apart=0.1)
    done = conduct(sequence, load(path), options, Stop(), Quiet())
    assert done.outcome.value != "pass"
    about = json.loads((done.folder / "run.json").read_text())
    assert about["safe"] is interlock
    code = complain(done.error)
    printed = capsys.readouterr().err
    assert printed.startswith("hil: ")
    assert "grid" in printed
    if interlock:
        assert code == 3
        assert not (done.folder / "guard.jsonl").exists()
    else:
        assert isinstance(done.error, NotSafe)
        assert code == 4
        assert "use the emergency stop" in printed
        assert (done.folder / "manifest.json").exists()  # the record is whole all the same


def test_a_bench_file_edited_under_way_does_not_confuse_it(laboratory, tmp_path):
    laboratory.energise()
    bench = tmp_path / "lab.toml"
    bench.write_text(SHIPPED.read_text())
    guard = Guard(bench, tmp_path / "guard.jsonl")
    guard.arm(laboratory.launched.addresses, laboratory.launched.control)
    bench.write_text("[bench")
    report = guard.act()
    assert report.safe, report.text
    assert not laboratory.terminals()["grid"]["relay"]


def test_a_run_that_cannot_start_says_so_in_its_record(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise HilError("no port is free")

    monkeypatch.setattr("hil.session.launch", refuse)
    with pytest.raises(HilError, match="no port is free"):
        conduct(voltage_sag.VoltageSag(), load(SHIPPED), Options(records=tmp_path), Stop(), Quiet())
    (about,) = tmp_path.glob("*/run.json")
    assert json.loads(about.read_text())["end"] == "error: no port is free"
