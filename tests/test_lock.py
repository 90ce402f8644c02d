"""One run at a time on one bench of hardware."""

import subprocess
import sys

import pytest

from hil.config import load
from hil.engine import Stop
from hil.errors import HilError
from hil.guard import Guard
from hil.lock import hold
from hil.sequences.voltage_sag import VoltageSag
from hil.session import Options, conduct


@pytest.fixture
def bench(tmp_path):
    """A bench of hardware; nothing answers at its addresses."""
    from importlib.resources import files

    text = (files("hil.data") / "benches" / "simulated.toml").read_text()
    text = text[: text.index("[plant]")].replace("simulated = true", "simulated = false")
    addresses = {
        "grid": "TCPIP::127.0.0.1::9::SOCKET",
        "battery": "TCPIP::127.0.0.1::9::SOCKET",
        "pcs": "127.0.0.1:9",
        "interlock": "grpc://127.0.0.1:9",
        "recorder": "grpc://127.0.0.1:9",
    }
    for name, address in addresses.items():
        text = text.replace(f"[instruments.{name}]\n", f'[instruments.{name}]\naddress = "{address}"\n')
    path = tmp_path / "lab.toml"
    path.write_text(text)
    return path


class Quiet:
    def stage(self, name, purpose):
        pass

    def tick(self, seconds, reading):
        pass


def test_a_second_run_is_refused_before_anything_is_sent(bench, tmp_path):
    options = Options(records=tmp_path / "records")
    with hold(bench), pytest.raises(HilError, match=r"lab\.toml is in use by another run"):
        conduct(VoltageSag(), load(bench), options, Stop(), Quiet())
    assert not (tmp_path / "records").exists()


def test_the_bench_is_free_again_when_a_run_has_ended(bench, tmp_path):
    options = Options(records=tmp_path / "records")
    done = conduct(VoltageSag(), load(bench), options, Stop(), Quiet())
    assert "grid" in str(done.error)  # nobody answers there
    assert done.end.end == "error"
    hold(bench).close()


def test_two_benches_do_not_meet(bench, tmp_path):
    other = tmp_path / "other.toml"
    with hold(bench), hold(other):
        pass


def test_a_run_that_is_killed_leaves_the_bench_free(bench):
    code = (
        "import sys, pathlib, hil.lock\n"
        "held = hil.lock.hold(pathlib.Path(sys.argv[1]))\n"
        "print(1, flush=True)\n"
        "input()\n"
    )
    command = [sys.executable, "-c", code, str(bench)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.stdout.readline()
    with pytest.raises(HilError, match="in use"):
        hold(bench)
    process.kill()
    process.communicate()
    hold(bench).close()


@pytest.mark.skipif(sys.platform == "win32", reason="a child inherits it on POSIX only")
def test_the_guard_holds_the_bench_until_it_has_acted(bench, tmp_path):
    held = hold(bench)
    guard = Guard(bench, tmp_path / "guard.jsonl", held=held)
    held.close()  # as when the engine dies
    with pytest.raises(HilError, match="in use"):
        hold(bench)
    guard.close()
    hold(bench).close()
