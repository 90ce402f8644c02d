"""What the simulated PCS reports against what recorders see: readings, event log, and the flaws of both."""

import numpy as np
import pytest

from hil.instruments.sunspec import Device
from hil.instruments.sunspec_pcs_twin import SunSpecPcsTwin
from hil.plant.emt import events
from hil.plant.forming import Synchro
from hil.plant.loads import Bank
from hil.plant.terminals import CHANNELS, PCS_EVENTS
from hil.transport.link import CommandLog
from hil.transport.modbus import ModbusLink
from hil.twin.base import Scene

LIARS = (
    *("misreports", "reports-late", "flat-line=watts", "missing-channel=volts"),
    *("wrong-event-times", "soc-drifts", "soc-miscounts"),
)


def reported(s):
    """Return all that the PCS reports, by channel."""
    return {name: getattr(s.pcs, at) for name, at in CHANNELS.items()}


def test_good_telemetry_is_what_the_recorder_sees(running):
    s = running(power=0.6, reactive=0.2)
    s.plant.advance(0.2)
    w = s.record(0.1)  # the card's window
    told = reported(s)
    volts = np.stack([w[f"v_{x}"] for x in "abc"])
    amps = np.stack([w[f"i_{x}"] for x in "abc"])
    assert told["volts"] == pytest.approx(np.sqrt((volts**2).mean(axis=1)), rel=1e-3)
    assert told["amps"] == pytest.approx(np.sqrt((amps**2).mean(axis=1)), rel=1e-3)
    # T1: 0.5 % of the reading
    assert told["watts"] == pytest.approx((volts * amps).sum(axis=0).mean(), rel=1e-3)
    across = np.stack([volts[1] - volts[2], volts[2] - volts[0], volts[0] - volts[1]])
    assert told["var"] == pytest.approx((across * amps).sum(axis=0).mean() / np.sqrt(3), rel=5e-3)
    assert told["hertz"] == pytest.approx(60.0, abs=1e-3)
    assert told["dc_volts"] == pytest.approx(w["v_dc"][-1000:].mean(), rel=1e-3)
    assert told["dc_amps"] == pytest.approx(w["i_dc"][-1000:].mean(), rel=1e-3)
    assert told["celsius"] > 25.0
    assert 0.49 < told["state_of_charge"] < 0.5


def test_what_is_told_does_not_touch_what_is(running):
    """All flaws of telemetry at once leave the network as it is, bit for bit."""
    waves = []
    for flawed in ((), LIARS):
        s = running(*flawed, power=0.5)
        s.sag(0.6)
        w = s.record(0.2)
        waves.append(np.stack([w[name] for name in s.inputs.signals]))
        for name, value in reported(s).items():
            if name == "volts" and flawed:
                assert value is None
    assert np.array_equal(*waves)


def test_a_lag_shows_in_a_step(running):
    for flawed, part in (((), 1.0), (("reports-late",), 1 - np.exp(-0.9)), (("reports-late=0.1",), 1.0)):
        s = running(*flawed)
        s.command(80e3)
        w = s.record(0.5)
        # 0.45 s after the middle of the card's 100 ms, 0.9 time constants of 0.5 s
        assert w["p"][-5000:].mean() == pytest.approx(80e3, rel=0.01)
        assert s.pcs.measured_watts == pytest.approx(part * 80e3, rel=0.03)


@pytest.mark.parametrize("channel", ["watts", "hertz", "amps"])
def test_a_flat_line_stands_still(running, channel):
    told = {}
    for flawed in ((), (f"flat-line={channel}",)):
        s, seen = running(*flawed, power=0.2), []
        for hertz, watts in ((60.0, 20e3), (60.5, 60e3), (59.5, 90e3)):
            s.grid.hertz = hertz
            s.command(watts)
            s.plant.advance(0.5037)
            seen.append(reported(s))
        told[flawed] = seen
    good, flat = told.values()
    assert good[0][channel] != good[1][channel] != good[2][channel]
    assert flat[0][channel] == flat[1][channel] == flat[2][channel]
    for name in CHANNELS.keys() - {channel}:
        assert [x[name] for x in flat] == [x[name] for x in good]


def test_a_line_is_flat_from_when_it_runs(running):
    s = running("flat-line=volts")
    s.sag(0.9)
    s.plant.advance(0.5)
    assert s.pcs.measured_volts == pytest.approx([s.volts] * 3, rel=0.01)


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_missing_channel_is_none_and_not_zero(running, channel):
    told = reported(running(f"missing-channel={channel}", power=0.2))
    assert [name for name, value in told.items() if value is None] == [channel]


def test_reported_charge_drifts_without_a_current(setting):
    s = setting("soc-drifts=36")  # 0.01 per second
    s.pcs.enable = False
    w = s.record(2.0)
    assert w["i_dc"].sum() * 20e-6 < 10.0  # the link charges, of 847 kC in the battery
    assert s.pcs.state_of_charge == pytest.approx(0.52, abs=1e-4)


@pytest.mark.parametrize(("flawed", "factor"), [((), 1.0), (("soc-miscounts",), 1.1)])
def test_reported_charge_counts_too_much(running, flawed, factor):
    s = running(*flawed, power=1.0, battery_capacity=10e3)
    before = s.pcs.state_of_charge
    coulombs = s.record(2.0)["i_dc"].sum() * 20e-6
    assert before - s.pcs.state_of_charge == pytest.approx(factor * coulombs * 850 / (10e3 * 3600), rel=1e-6)


def test_what_is_told_does_not_depend_on_who_looks_when(running):
    whole, sliced = (running("reports-late=0.1", "flat-line=var", power=0.3) for _ in range(2))
    for s in (whole, sliced):
        s.command(70e3)
        s.sag(0.8)
    whole.plant.advance(0.2517)
    for _ in range(2517):
        sliced.plant.advance(100e-6)
    assert whole.pcs == sliced.pcs
    assert whole.pcs.measured_watts != pytest.approx(70e3, rel=0.01)


def log(s, after=0.0):
    return [text for time, text in s.pcs.events if time > after - 1e-6]


def test_the_log_tells_start_and_stop(setting):
    s = setting()
    s.plant.advance(0.3)
    s.pcs.enable = False
    s.plant.advance(0.1)
    assert log(s) == ["starting", "running", "off"]
    assert {text for _, text in s.pcs.events} <= set(PCS_EVENTS)
    times = [time for time, _ in s.pcs.events]
    assert times[0] == 0.0
    assert 0.1 < times[1] < 0.2
    assert times[2] == pytest.approx(0.3, abs=1e-3)


@pytest.mark.parametrize(("flawed", "late"), [((), 0.0), (("wrong-event-times",), 1.0)])
def test_a_trip_is_logged_to_the_millisecond(running, flawed, late):
    s = running(*flawed, power=0.8, scr=1000.0)
    begin = s.plant.time
    s.sag(0.2)
    w = s.record(0.6)
    time, text = s.pcs.events[-1]
    assert text == "tripped: undervoltage"
    # the bridge stops in the control period that logs it: the current begins to collapse
    current = np.abs(np.stack([w[f"i_{x}"] for x in "abc"])).max(axis=0)
    flows = begin + w["t"][np.flatnonzero(current > 0.5 * current[10_000])[-1]]
    assert time - late == pytest.approx(flows, abs=2e-3)
    # IEEE 2800 with 20 % in hand: 0.40 s below 0.25, and at most a quarter period to see it
    assert time - late - begin == pytest.approx(0.40, abs=0.006)


def test_the_log_tells_island_and_return(running):
    s = running(power=0.3, synchro=Synchro(angle=30.0, slip=0.5))
    t = s.plant.terminals
    t.load.closed, t.load.bank = True, Bank.from_power(480.0, 60.0, [10e3] * 3)
    s.plant.advance(0.2)
    begin = s.plant.time
    t.breaker.close = False
    s.plant.advance(0.5)
    assert log(s, begin) == ["islanded", "forming"]
    assert s.pcs.events[-1][0] == pytest.approx(begin, abs=1e-3)
    s.pcs.synchronise = t.breaker.close = True
    s.plant.advance(10.0)
    assert log(s, begin) == ["islanded", "forming", "resynchronised", "following"]


def test_the_limit_is_logged_once_and_not_for_each_flicker(running):
    s = running(power=1.0, scr=1000.0)
    begin = s.plant.time
    s.sag(0.26)  # asks for 2 (1 - 0.26 - 0.1) = 1.28 pu
    s.plant.advance(0.5)
    assert s.pcs.limited
    assert log(s, begin) == ["current limit on"]
    s.sag(1.0)
    s.plant.advance(0.5)
    assert not s.pcs.limited
    assert log(s, begin)[-1] == "current limit off"
    assert len(log(s, begin)) <= 4


@pytest.mark.parametrize("count", [events.ENTRIES, events.ENTRIES + 1, 70])
def test_entries_that_were_overrun_are_told(running, count):
    """Nobody looks for so long that the control's ring runs over, or just not yet."""
    s = running()
    for _ in range(3):
        s.pcs.enable = not s.pcs.enable
        s.plant.advance(0.001)
    seen = len(s.pcs.events)
    world = s.plant.world
    for n in range(count):
        at = events.RING + 2 * (int(world[events.COUNT]) % events.ENTRIES)
        world[at], world[at + 1] = float(n), float(events.TIED + n % 2)
        world[events.COUNT] += 1.0
    s.plant.advance(0.0)
    texts = [text for _, text in s.pcs.events[seen:]]
    assert texts.count("entries lost") == (count > events.ENTRIES)
    assert (texts[0] == "entries lost") == (count > events.ENTRIES)
    assert texts[-2:] == ["starting", "off"][:: 1 if count % 2 else -1]


def test_what_is_told_reaches_the_wire(running):
    s = running("missing-channel=hertz", "misreports", "wrong-event-times", power=0.5)
    twin = SunSpecPcsTwin(Scene("pcs", s.pcs, s.plant))
    link = ModbusLink("pcs", twin.start(), s.plant, CommandLog())
    try:
        link.open()
        device = Device("pcs", link)
        assert device.read(701, "W", "Hz") == {"W": pytest.approx(55e3, rel=0.01), "Hz": None}
        address, _ = device.models()[64900]
        count, _, milliseconds, code = link.read(address + 3, 4)
        time, text = s.pcs.events[-1]
        assert (count, milliseconds, PCS_EVENTS[code - 1]) == (2, round(1000 * time), text)
        assert text == "running"
        assert time > 1.0  # a second late
    finally:
        link.close()
        twin.stop()
