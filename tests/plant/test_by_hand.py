"""A simulated bench: what starts with it, what an operator does by hand, what an open interlock stops."""

import json
from importlib.resources import files

import pytest

from hil.config import load
from hil.errors import ConfigError
from hil.simulated import SimulatedBench

SHIPPED = files("hil.data") / "benches" / "simulated_island.toml"


@pytest.fixture(scope="module")
def idle():
    """Return the shipped island as it starts; no test moves it."""
    return SimulatedBench(load(SHIPPED))


@pytest.fixture
def island(tmp_path):
    """Return the shipped island, black-started at once, its breaker to the source open and its load on."""
    text = SHIPPED.read_text()
    assert 'black_start_ramp = "3 s"' in text
    path = tmp_path / "island.toml"
    path.write_text(text.replace('black_start_ramp = "3 s"', 'black_start_ramp = "300 ms"'))
    bench = SimulatedBench(load(path))
    bench.sleep(0.1)
    assert not bench.bus.load.closed  # the interlock is open: what starts with the bench waits
    bench.interlock.closed = True
    dc = bench.bus.dc
    dc.output, dc.volts, dc.source_amps, dc.sink_amps = True, 850.0, 200.0, 200.0
    dc.source_watts = dc.sink_watts = 130e3
    by_hand(bench, "breaker", close=False)
    bench.sleep(0.1)
    bench.bus.pcs.enable = True
    bench.sleep(1.4)
    return bench


def by_hand(bench, name, **values):
    return bench.answer({"op": "set", "terminal": name, "values": values})


def test_the_island_carries_its_bank(island):
    assert (island.bus.pcs.mode, island.bus.pcs.forming, island.bus.breaker.closed) == (
        "running",
        True,
        False,
    )
    assert island.bus.load.closed
    assert island.bus.load.on
    # 3 x 5 kW at nominal voltage; the electronic load waits for good voltage
    assert island.bus.load.measured_watts == pytest.approx(0.0, abs=50.0)
    assert island.bus.pcs.measured_watts == pytest.approx(15e3, rel=0.02)


def test_all_terminals_are_shown_as_plain_data(idle):
    shown = json.loads(json.dumps(idle.answer({"op": "terminals"})))
    assert set(shown) == {
        *("now", "grid", "dc", "pcs", "breaker", "load", "fault", "transformer"),
        *("genset:0", "genset:1", "interlock"),
    }
    assert shown["pcs"]["alarms"] == []
    assert shown["genset:1"]["state"] == "standstill"
    assert shown["load"]["closed"] is False  # it waits for the interlock


def test_the_load_is_set_by_hand(island):
    by_hand(island, "load", watts=["10 kW"] * 3, on=False)
    island.sleep(1.0)
    assert island.bus.pcs.measured_watts == pytest.approx(30e3, rel=0.02)
    by_hand(island, "load", closed=False, watts=["5 kW"] * 3)
    island.sleep(1.0)
    assert island.bus.pcs.measured_watts == pytest.approx(0.0, abs=50.0)
    before = island.plant.now()
    by_hand(island, "load", profile="start_ramp", low=0.1, high=0.5, edge="1 s", after=2)
    assert island.bus.load.start == before  # a profile begins when it is told
    shown = island.answer({"op": "terminals"})["load"]["profile"]
    assert shown == {"points": 4, "duration": 8.0, "held": False}  # 5 s before, 1 s, 2 s


@pytest.mark.parametrize(
    ("name", "values", "says"),
    [
        ("windmill", {}, "nothing to set by hand is called 'windmill'; known are grid"),
        ("genset:2", {"run": True}, "called 'genset:2'; nearest are genset:"),
        ("dc", {"output": True}, "called 'dc'"),
        ("genset:0", {"speed": 2.0}, "set genset:0: speed = 2 pu: must lie between 0.5 and 1.5 pu"),
        ("genset:0", {"state": "running"}, "set genset:0: unknown key 'state'"),
        ("genset:0", {"run": 1}, "set genset:0: run must be true or false"),
        ("pcs", {"priority": "S"}, "set pcs: priority = 'S': must be one of P, Q, mixed"),
        ("fault", {"kind": "abx"}, "set fault: fault = 'abx'"),
        ("fault", {"ohms": 0.0}, "set fault: fault resistance = 0.0: must be at least"),
        ("grid", {"ohms": [0.1, 0.0]}, "set grid: ohms = (0.1, 0.0)"),
        ("load", {"inductance": ["1 uH"] * 3, "capacitance": ["1 uF"] * 3}, "set load: Bank resonance"),
        ("load", {"file": "nowhere.csv"}, "nowhere.csv: cannot be opened"),
    ],
)
def test_what_cannot_be_set_changes_nothing(idle, name, values, says):
    before = idle.answer({"op": "terminals"})
    with pytest.raises(ConfigError) as caught:
        by_hand(idle, name, **values)
    assert says in str(caught.value)
    assert idle.answer({"op": "terminals"}) == before


def test_an_open_interlock_stops_all(island):
    by_hand(island, "genset:0", run=True)
    by_hand(island, "load", closed=True)
    island.sleep(0.2)
    assert island.bus.gensets[0].state == "starting"
    island.interlock.closed = False
    island.sleep(0.2)
    assert island.bus.pcs.mode == "off"
    assert not island.bus.dc.output
    assert not island.bus.load.closed
    assert island.bus.gensets[0].trip_reason == "commanded"
    assert island.bus.gensets[1].trip_reason == ""  # it stood still
    with pytest.raises(ConfigError, match="set load: the interlock is open"):
        by_hand(island, "load", on=True)
    # closed again, nothing comes back by itself
    island.interlock.closed = True
    island.sleep(0.2)
    assert not island.bus.load.closed
    assert not island.bus.gensets[0].run
    # a trip is reset by withdrawing it
    by_hand(island, "genset:0", run=True)
    island.sleep(0.1)
    assert island.bus.gensets[0].state == "standstill"
    by_hand(island, "genset:0", trip=False, run=False)
    island.sleep(0.1)
    by_hand(island, "genset:0", run=True)
    island.sleep(0.1)
    assert island.bus.gensets[0].state == "starting"


PLANT = """
[plant]
controller = "{controller}"
[plant.load]
rating = "50 kVA"
return_delay = "0.1 s"
return_ramp = "100 pu/s"
on = true
file = "trace.csv"
"""


@pytest.fixture
def site(tmp_path):
    """Build the shipped plain bench with another [plant] and a trace of half the rating, then all of it."""

    def build(controller=""):
        text = (SHIPPED.parent / "simulated.toml").read_text()
        path = tmp_path / "site.toml"
        path.write_text(text[: text.index("[plant]")] + PLANT.format(controller=controller))
        lines = [f"{n},{1.0 if n < 10 else 2.0}\n" for n in range(20)]
        (tmp_path / "trace.csv").write_text("time [s],power [W]\n" + "".join(lines))
        return SimulatedBench(load(path))

    return build


def test_a_trace_starts_with_the_bench(site):
    bench = site()
    bench.sleep(0.5)
    bench.interlock.closed = True
    grid = bench.bus.grid
    grid.relay, grid.volts = True, [480 / 3**0.5] * 3
    bench.sleep(1.5)
    assert bench.bus.load.start == pytest.approx(0.5)  # with the interlock, not before
    # the trace's highest power, 2 W, is the rating of 50 kVA: 1 W is half of it
    assert bench.bus.load.measured_watts == pytest.approx(25e3, rel=0.02)
    by_hand(bench, "load", profile="start_ramp", low=0.2, high=0.8, edge="500 ms", before="1 ms")
    bench.sleep(0.25)
    # the mean of the last 100 ms is the power 50 ms ago: 0.2 + 0.6 0.2 / 0.5 = 0.44 pu
    assert bench.bus.load.measured_watts == pytest.approx(0.44 * 50e3, rel=0.05)
    bench.sleep(0.75)
    assert bench.bus.load.measured_watts == pytest.approx(0.8 * 50e3, rel=0.02)


def test_a_controller_of_the_users_own(site, tmp_path, monkeypatch):
    (tmp_path / "users_control.py").write_text(
        "from hil.plant.control_port import Bridge\n"
        "class Lazy:\n"
        "    def __init__(self, parameters): pass\n"
        "    def step(self, measured, command):\n"
        "        return Bridge((0.0, 0.0, 0.0), mode='fault', alarm='overcurrent')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    bench = site("users_control:Lazy")
    bench.sleep(0.1)
    assert (bench.bus.pcs.mode, bench.bus.pcs.alarms) == ("fault", {"overcurrent"})  # as it answers
    with pytest.raises(ConfigError, match="there is no module 'nowhere'"):
        site("nowhere:Lazy")
