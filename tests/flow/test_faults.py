"""Every instrument with every fault, at connection and under way: one clear error, and a dead bench."""

import json

import pytest

from hil.cli import complain
from hil.clock import SimulatedClock
from hil.compliance.verdict import Outcome
from hil.config import load
from hil.engine import Stop
from hil.sequences.voltage_sag import VoltageSag
from hil.session import Options, conduct

pytestmark = pytest.mark.thorough
INSTRUMENTS = ("grid", "battery", "pcs", "recorder", "interlock")


class Eye:
    """Looks on, and takes hold of the simulated bench as soon as it is there."""

    def __init__(self, records):
        self.records = records
        self.clock = None

    def stage(self, name, purpose):
        if self.clock is None:
            for path in self.records.glob("*/run.json"):
                about = json.loads(path.read_text())
                if "simulated_bench" in about:
                    self.clock = SimulatedClock(about["simulated_bench"]["control"])

    def tick(self, seconds, reading):
        pass

    def terminals(self):
        return self.clock.ask(op="terminals")


@pytest.fixture
def run(tmp_path, bench_text):
    """Run the sag with faults in one instrument; return what came of it, and who looked on."""
    eyes = []

    def go(name, fault, **parameters):
        bench = tmp_path / "bench.toml"
        bench.write_text(bench_text(**{name: [fault]}))
        eyes.append(Eye(tmp_path / "records"))
        options = Options(records=tmp_path / "records")
        done = conduct(VoltageSag(phases="abc", **parameters), load(bench), options, Stop(), eyes[0])
        return done, eyes[0].terminals()

    yield go
    for eye in eyes:
        eye.clock.close()


@pytest.mark.parametrize("fault", ["silent", "garbage", "drops"])
@pytest.mark.parametrize("name", INSTRUMENTS)
def test_under_way(run, dead, capsys, name, fault):
    """At 9.5 s everything is energised and the first capture runs."""
    done, terminals = run(name, f'{fault}_after = "9.5 s"', before=5.0, after=1.0)
    assert dead(terminals), done.end
    assert done.end.safe
    assert done.outcome is not Outcome.PASS or name == "interlock"
    if done.error is not None or name != "interlock":  # nobody speaks to the interlock while all is well
        assert complain(done.error) == 3
        said = capsys.readouterr().err
        assert said.startswith("hil: ")
        assert name in said
    kept = list((done.folder / "captures").glob("sag_abc.*"))
    assert kept
    assert kept[0].stat().st_size > 100_000


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ('silent_after = "0 s"', "no answer"),
        ('garbage_after = "0 s"', ""),
        ('drops_after = "0 s"', ""),
        ('identity = "ACME 9000"', "ACME"),
    ],
)
@pytest.mark.parametrize("name", INSTRUMENTS)
def test_at_connection(run, dead, capsys, name, fault, says):
    done, terminals = run(name, fault)
    assert complain(done.error) == 3
    said = capsys.readouterr().err.strip()
    assert said.startswith(f"hil: {name}")
    assert says in said
    assert "\n" not in said
    assert dead(terminals)
    assert not terminals["interlock"]["closed"]
    assert not any(terminals["grid"]["volts"])
    assert f"nothing was sent to {name}" in done.end.safety or name in done.end.safety
