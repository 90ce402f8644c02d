"""Off is proven by measurement: what a PCS does not tell, the recorder measures, or the bench is live."""

from dataclasses import replace
from importlib.resources import files
from math import nan

import numpy as np
import pytest

from hil.bench import Bench
from hil.calibration.certificates import load as certificate
from hil.config import load
from hil.errors import LinkLost, NotSafe
from hil.instruments.sunspec_pcs import AT_AC, AT_DC
from hil.limits import Limit
from hil.roles import Proof
from hil.transport.link import CommandLog

BENCH = load(files("hil.data") / "benches" / "simulated.toml")
WITHOUT_DC = replace(BENCH, channels=tuple(c for c in BENCH.channels if c.phase != "dc"))
ELSEWHERE = replace(
    BENCH, channels=tuple(replace(c, place="grid") if c.name == "ia" else c for c in BENCH.channels)
)
OFF = Proof("pcs.connected", 0.0, Limit(0.0, 0.0, ""))
UNTOLD = Proof("pcs.active_power", nan, Limit(-2000.0, 2000.0, "W"), AT_AC)
UNTOLD_DC = Proof("pcs.dc_voltage", nan, Limit(-60.0, 60.0, "V"), AT_DC)


class Box:
    """An instrument that says this of itself, or fails to."""

    ENERGISES = True

    def __init__(self, name, *proofs):
        self.name, self.proofs = name, proofs

    def connect(self):
        return self.name

    def make_safe(self):
        pass

    def prove_safe(self):
        for proof in self.proofs:
            if isinstance(proof, Exception):
                raise proof
        return self.proofs


class Eye(Box):
    """A recorder that sees steady values by channel [V, A]; or fails."""

    ENERGISES = False

    def __init__(self, config, seen):
        super().__init__("recorder")
        self.lines = {c.name: certificate(c.certificate).line for c in config.channels}
        self.seen = seen

    def configure(self, inputs, rate):
        self.inputs = [each.name for each in inputs]

    def start(self):
        if self.seen is None:
            raise LinkLost("recorder: gone")

    def read(self):
        return np.array(
            [self.lines[name].distort(np.full(100, self.seen.get(name, 0.0))) for name in self.inputs]
        )

    def stop(self):
        pass


@pytest.fixture
def prove(world):
    """Return a function that makes a bench safe, by what the PCS says, the recorder sees, the grid says."""

    def go(*said, seen=(), grid=(), config=BENCH):
        bench = Bench(replace(config, instruments={}), world, CommandLog())
        bench.config = config
        bench.instruments = {name: Box(name) for name in config.instruments}
        bench.instruments["pcs"] = Box("pcs", OFF, *said)
        bench.instruments["grid"] = Box("grid", *grid)
        bench.instruments["recorder"] = Eye(config, None if seen is None else dict(seen))
        go.bench = bench
        return [str(proof) for proof in bench.make_safe(timeout=0.2)]

    return go


def test_a_power_that_is_told_needs_no_other_witness(prove):
    proofs = prove(replace(UNTOLD, value=150.0), seen={"ia": 50.0})
    assert "pcs.active_power = 150 W is within -2000 .. 2000 W" in proofs
    assert not any("ia" in proof for proof in proofs)


def test_what_is_not_told_is_proven_by_the_recorder(prove):
    """2 % of the 120.28 A that 100 kW at 480 V are; the DC voltage as always."""
    proofs = prove(UNTOLD, UNTOLD_DC, seen={"ib": 2.3})
    assert not any("pcs.active_power" in proof or "pcs.dc_voltage" in proof for proof in proofs)
    assert "recorder: RMS of ib = 2.3 A is within 0 .. 2.40563 A" in proofs
    assert sum(" of i" in proof for proof in proofs) == 3
    assert any(proof.startswith("recorder: RMS of vdc = 0") for proof in proofs)


@pytest.mark.parametrize(
    ("seen", "says"),
    [
        ({"ic": 2.5}, "RMS of ic = 2.5 A is NOT within"),
        ({"ia": -2.5}, "RMS of ia = 2.5 A is NOT within"),
        ({"va": 51.0}, "RMS of va = 51 V is NOT within"),
        ({"vdc": 61.0}, "RMS of vdc = 61 V is NOT within"),
        (None, "pcs: pcs.active_power is not told, nor did the recorder measure it"),
    ],
)
def test_what_is_neither_told_nor_measured_dead_is_live(prove, seen, says):
    with pytest.raises(NotSafe, match=says):
        prove(UNTOLD, seen=seen)


@pytest.mark.parametrize(("said", "config"), [(UNTOLD_DC, WITHOUT_DC), (UNTOLD, ELSEWHERE)])
def test_what_the_recorder_has_no_channel_for_stays_unproven(prove, said, config):
    with pytest.raises(NotSafe, match=f"pcs: {said.quantity} is not told"):
        prove(said, config=config)


def test_a_current_elsewhere_says_nothing_of_the_pcs(prove):
    ia = next(c for c in BENCH.channels if c.name == "ia")
    more = replace(BENCH, channels=(*BENCH.channels, replace(ia, name="i_grid_a", place="grid")))
    assert not any("i_grid_a" in proof for proof in prove(UNTOLD, seen={"i_grid_a": 50.0}, config=more))


def test_a_source_that_does_not_tell_is_live_whatever_the_recorder_sees(prove):
    with pytest.raises(NotSafe, match="grid: grid.voltage is not told"):
        prove(grid=[Proof("grid.voltage", nan, Limit(0.0, 50.0, "V"))])


def test_while_a_source_is_live_the_recorder_is_not_asked_and_nothing_counts_as_measured(prove):
    with pytest.raises(NotSafe, match=r"pcs\.active_power is not told, nor did the recorder measure it"):
        prove(UNTOLD, grid=[Proof("grid.voltage", 277.0, Limit(0.0, 50.0, "V"))])


def test_that_the_recorder_could_not_look_is_kept_where_every_source_tells(prove):
    assert prove(seen=None) == ["pcs.connected = 0  is within 0 .. 0 "]
    assert prove.bench.blind == "recorder: gone"


def test_one_that_fails_to_answer_is_live(prove):
    with pytest.raises(NotSafe, match="grid: no answer"):
        prove(grid=[LinkLost("grid: no answer")])


def test_a_direct_voltage_is_safe_below_60_v_and_an_alternating_one_below_that_of_the_bench(prove):
    proofs = prove(seen={"vdc": 55.0, "va": 49.0})
    assert "recorder: RMS of vdc = 55 V is within 0 .. 60 V" in proofs
    assert "recorder: RMS of va = 49 V is within 0 .. 50 V" in proofs


def test_a_live_sign_beside_the_untold_one_counts(prove):
    with pytest.raises(NotSafe, match="pcs: pcs.connected = 1  is NOT"):
        prove(UNTOLD, replace(OFF, value=1.0))
