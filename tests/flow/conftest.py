"""Whole runs: the command in a process of its own, and the terminals of its simulated bench."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from importlib.resources import files
from pathlib import Path

import pytest

from hil.clock import SimulatedClock

SHIPPED = files("hil.data") / "benches" / "simulated.toml"
QUICK = tuple(
    word
    for setting in ("phases=abc", "before=0.3 s", "after=1 s", "steady=0.2 s", "apart=0.1 s")
    for word in ("--set", setting)
)
PATIENCE = 60.0  # real time in which a slow machine must get there [s]


def bench_text(**faults):
    """Return the shipped bench with faults planted in instruments by name.

    One that falls silent has a short timeout, but not so short that a busy machine looks silent.
    """
    text = SHIPPED.read_text()
    for name, lines in faults.items():
        extra = "".join(f"faults.{line}\n" for line in lines)
        if "silent" in extra:
            extra += 'timeout = "0.8 s"\n'
        text = text.replace(f"[instruments.{name}]\n", f"[instruments.{name}]\n{extra}")
    return text


class Running:
    """`hil run` under way, with a look at the terminals."""

    def __init__(self, folder, bench, *arguments, **kwargs):
        self.records = folder / "records"
        command = [sys.executable, "-m", "hil", "run", "voltage_sag", "--bench", str(bench)]
        # Files, for the simulated bench inherits a pipe and outlives the command while we look at it.
        self.out, self.err = folder / "out.txt", folder / "err.txt"
        with self.out.open("w") as out, self.err.open("w") as err:
            self.process = subprocess.Popen(
                [*command, "--records", str(self.records), *arguments],
                stdout=out,
                stderr=err,
                cwd=folder,
                **kwargs,
            )
        self.clock = None

    @property
    def folder(self):
        return next(iter(self.records.glob("*_voltage_sag")))

    def attach(self):
        """Reach the simulated bench, which then lives as long as this test looks at it."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            for path in self.records.glob("*/run.json"):
                about = json.loads(path.read_text())
                if "simulated_bench" in about:
                    self.clock = SimulatedClock(about["simulated_bench"]["control"])
                    return self
            assert self.process.poll() is None, self.err.read_text()
            time.sleep(0.01)
        raise AssertionError("the simulated bench never came up")

    def terminals(self):
        return self.clock.ask(op="terminals")

    def until(self, condition):
        """Wait until the terminals are as described."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            seen = self.terminals()
            if condition(seen):
                return seen
            time.sleep(0.005)
        raise AssertionError(f"never came: {seen}")

    def until_energised(self):
        return self.until(
            lambda t: t["grid"]["relay"] and t["dc"]["output"] and t["pcs"]["mode"] == "running"
        )

    def until_recording(self):
        """Wait until the first capture holds a good part of a second."""
        log = self.folder / "captures" / "sag_abc.blk"
        return self.until(lambda _: log.exists() and log.stat().st_size > 500_000)

    def finish(self):
        code = self.process.wait(timeout=PATIENCE)
        return code, self.out.read_text(), self.err.read_text()

    def close(self):
        if self.clock is not None:
            self.clock.close()
        if self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGCONT)
            self.process.kill()
        self.process.wait()


def dead(terminals):
    """Say whether nothing at the terminals is live: commanded off, and measured."""
    return (
        not terminals["grid"]["relay"]
        and not terminals["dc"]["output"]
        and not terminals["pcs"]["connected"]
        and max(terminals["grid"]["measured_volts"]) < 50
        and abs(terminals["dc"]["measured_volts"]) < 60
    )


@pytest.fixture
def start(tmp_path):
    """Start `hil run` on a bench given as text; everything is gone when the test ends."""
    started = []

    def begin(text, *arguments, **kwargs):
        bench = tmp_path / "bench.toml"
        bench.write_text(text)
        running = Running(tmp_path, bench, *arguments, **kwargs)
        started.append(running)
        return running

    yield begin
    for running in started:
        running.close()


def command(folder, *arguments, **kwargs):
    """Run a `hil` command in a folder to its end and return (exit code, stdout, stderr)."""
    done = subprocess.run(
        [sys.executable, "-m", "hil", *map(str, arguments)],
        capture_output=True,
        encoding="utf-8",
        cwd=folder,
        timeout=100,
        **kwargs,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def hil(tmp_path):
    """Run a `hil` command to its end and return (exit code, stdout, stderr)."""
    return partial(command, tmp_path)


@pytest.fixture(scope="session")
def quick_run(tmp_path_factory):
    """Return what one quick run with --json gave: (record folder, exit code, stdout, stderr)."""
    folder = tmp_path_factory.mktemp("quick")
    answer = command(folder, "run", "voltage_sag", *QUICK, "--json")
    (record,) = (folder / "records").iterdir()
    return record, *answer


@pytest.fixture
def record(quick_run, tmp_path):
    """Return a copy of a sealed record, to be tampered with."""
    return shutil.copytree(quick_run[0], tmp_path / "copy" / quick_run[0].name)


@pytest.fixture
def prelude(tmp_path):
    """Return the environment in which every Python process first runs some lines, the children too."""

    def environment(lines):
        folder = tmp_path / "prelude"
        folder.mkdir()
        (folder / "sitecustomize.py").write_text(lines)
        path = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))
        return {**os.environ, "PYTHONPATH": path}

    return environment


@pytest.fixture
def only_record(tmp_path):
    """Return the one record that a test has made."""

    def find() -> Path:
        (record,) = (tmp_path / "records").glob("*_voltage_sag")
        return record

    return find


@pytest.fixture(name="bench_text")
def _bench_text():
    return bench_text


@pytest.fixture(name="dead")
def _dead():
    return dead


@pytest.fixture
def quick():
    return QUICK
