"""The shipped site with every role, driven by its drivers: what the qualification tests rely on."""

import threading
from importlib.resources import files

import numpy as np
import pytest

from hil.analysis.power.series import power_series
from hil.bench import Bench
from hil.calibration.certificates import correct
from hil.calibration.certificates import load as load_certificate
from hil.config import load
from hil.guard import _act
from hil.roles import Input, LoadPoint, Setup
from hil.simulated import SimulatedBench
from hil.transport.link import CommandLog
from hil.waveform import Channel, Waveform

BENCHES = files("hil.data") / "benches"
RATED = 100e3
SERVERS = 96e3
"""Rating of the electronic load [W], which the grid's ramp of 0.2 pu/s refers to."""


class Site:
    """A simulated bench in this process, which is also the clock of its drivers."""

    def __init__(self, name):
        for package in ("nidaqmx", "grpc"):
            pytest.importorskip(package, reason="the bench's recorder, relays and contactors need it")
        self.config = load(BENCHES / f"{name}.toml")
        self.world = SimulatedBench(self.config)
        self.addresses = {name: twin.start() for name, twin in self.world.twins.items()}
        self.bench = Bench(self.config, self, CommandLog(), self.addresses)
        self.bench.connect()
        self.bench.make_safe()
        self.bench.prepare()

    def now(self):
        return self.world.plant.now()

    def sleep(self, seconds):
        self.world.sleep(seconds)

    def battery(self):
        dc = self.bench.dc
        dc.set_voltage(850.0)
        dc.set_current_limits(176.0, 176.0)
        dc.set_power_limits(120e3, 120e3)
        dc.switch_output(on=True)

    def follow(self):
        """Energise battery and grid, and start the PCS."""
        self.battery()
        self.bench.grid.set_frequency(60.0)
        self.bench.grid.set_voltages((480 / 3**0.5,) * 3)
        self.bench.grid.switch_output(on=True)
        self.sleep(0.5)
        return self.start()

    def start(self):
        self.bench.pcs.switch(on=True)
        self.sleep(1.0)
        assert self.bench.pcs.read_state().mode == "running"
        return self

    def record(self, seconds):
        """Record all channels as the bench file has them, and return what was there."""
        channels = self.config.channels
        self.bench.recorder.configure([Input(c.name, c.input, c.range) for c in channels], 50e3)
        self.bench.recorder.start()
        self.sleep(seconds)
        samples, _ = self.bench.recorder.stop()
        named = tuple(Channel(c.name, "V", c.quantity, c.phase, place=c.place) for c in channels)
        certificates = {c.name: load_certificate(c.certificate) for c in channels}
        return correct(Waveform(samples, named, 50e3), certificates, {c.name: c.range for c in channels})

    def powers(self, seconds):
        """Return the mean active power at each measuring point over some time."""
        return {place: float(p.mean()) for place, p in power_series(self.record(seconds)).at.items()}

    def stop(self):
        self.bench.close()
        for twin in self.world.twins.values():
            twin.stop()


@pytest.fixture
def site():
    """Build a site, prepared; in the end no thread is left behind."""
    sites = []

    def build(name="qualification"):
        sites.append(Site(name))
        return sites[-1]

    yield build
    for each in sites:
        each.stop()


def test_prepared_only_the_breaker_to_the_source_is_closed(site):
    bench = site().bench
    assert bench.switch("grid_breaker").read_position() == "closed"
    assert bench.switch("transformer_breaker").read_position() == "open"
    assert not any(bench.genset(name).read_closed() for name in ("genset_1", "genset_2"))
    assert not any(bench.load(name).read_on() for name in ("bank", "servers"))


def test_it_follows_set_points_as_on_the_plain_bench(site):
    """Full rating there and back, and vars: on the way, and where it settles."""
    heard = []
    for name in ("simulated", "qualification"):
        one = site(name).follow()
        pcs, told = one.bench.pcs, one.world.bus.pcs
        for watts, var in ((RATED, 0.0), (-RATED, 0.0), (0.0, 50e3), (80e3, -50e3)):
            pcs.set_active_power(watts)
            pcs.set_reactive_power(var)
            wave = []
            for _ in range(3):
                one.sleep(0.05)
                wave.append((told.measured_watts, told.measured_var))
            one.sleep(0.3)
            state = pcs.read_state()
            assert (state.active_power, state.reactive_power) == pytest.approx((watts, var), abs=0.01 * RATED)
            heard += [*wave, (state.active_power, state.reactive_power)]
    plain, whole = np.reshape(heard, (2, -1, 2))
    assert np.abs(whole - plain).max() < 0.002 * RATED


def test_the_meter_agrees_with_the_telemetry(site):
    """Of two sums over the same currents; class 0.5 S allows 0.5 % of reading (IEC 62053-22)."""
    one = site().follow()
    meter, pcs = one.bench.meter(), one.bench.pcs
    meter.set_interval(0.2)
    for watts, var in ((10e3, 5e3), (50e3, -20e3), (RATED, 0.0), (-75e3, 40e3)):
        pcs.set_active_power(watts)
        pcs.set_reactive_power(var)
        one.sleep(0.5)
        reading, state = meter.read(), pcs.read_state()
        assert reading.missing == ()
        assert reading.total.active_power == pytest.approx(state.active_power, rel=0.005)
        assert reading.total.reactive_power == pytest.approx(state.reactive_power, rel=0.005, abs=20.0)
        assert reading.total.voltage == pytest.approx(state.voltage, rel=0.005)
        assert reading.total.current == pytest.approx(state.current, rel=0.005)
        assert reading.elements[0].frequency == pytest.approx(state.frequency, rel=1e-4)


def test_both_loads_draw_and_each_point_has_its_power(site):
    """With 30 kW from the PCS the grid feeds the rest of 25 kW in the bank and 20 kW of servers."""
    one = site().follow()
    bank, servers = one.bench.load("bank"), one.bench.load("servers")
    bank.set_power(25e3, 5e3)
    servers.set_power(20e3)
    for each in (bank, servers):
        each.switch(on=True)
    one.bench.pcs.set_active_power(30e3)
    one.sleep(45e3 / (0.2 * SERVERS) + 1.0)  # until the grid has taken it up
    found = one.powers(0.5)
    drawn = 25e3 + 20e3  # the bank's resistors at 0.2 % more than nominal voltage draw 0.4 % more
    assert found["load"] == pytest.approx(drawn, rel=0.01)
    assert found[""] == pytest.approx(30e3, rel=0.01)
    assert found["grid"] == pytest.approx(drawn - 30e3, rel=0.02)
    assert servers.read_power() == pytest.approx((20e3, 0.0), abs=100.0)  # its own, not the bank's
    servers.switch(on=False)
    one.sleep(0.3)
    assert max(servers.read_currents()) < 0.1
    assert all(proof.holds for proof in servers.prove_safe())
    assert not bank.prove_safe()[0].holds


def test_each_phase_of_the_bank_draws_what_it_is_set_to(site):
    """P = U^2 / R; a reactor lags by 90 degrees: phase a 10 kW, b 5 kvar inductive, c 5 kvar capacitive."""
    one = site().follow()
    bank = one.bench.load("bank")
    bank.set_phases((10e3, 0.0, 0.0), (0.0, 5e3, -5e3))
    bank.switch(on=True)
    one.sleep(3.0)
    wave = one.record(0.1)  # six cycles
    turn = np.exp(-2j * np.pi * 60.0 * wave.time)
    for phase, power in (("a", 10e3), ("b", 5e3j), ("c", -5e3j)):
        u, i = (2**0.5 * (wave[name] @ turn) / len(wave) for name in (f"v{phase}", f"i_load_{phase}"))
        assert u * i.conjugate() == pytest.approx(power, abs=0.02 * 10e3)


def test_the_servers_swing_stays_off_the_grid(site):
    """20 to 80 kW at once: half a second later the grid has moved by its ramp, 0.15 pu/s of 96 kW."""
    one = site().follow()
    servers = one.bench.load("servers")
    servers.set_power(20e3)
    servers.switch(on=True)
    one.sleep(2.0)
    servers.load_profile([LoadPoint(1.0, 80e3)])
    before = one.powers(0.1)
    servers.fire_profile()
    one.sleep(0.45)
    after = one.powers(0.1)
    assert before["grid"] == pytest.approx(20e3, abs=0.01 * RATED)
    assert after["load"] == pytest.approx(80e3, rel=0.01)
    ramp = 0.15 * SERVERS * 0.5
    assert after["grid"] - before["grid"] == pytest.approx(ramp, rel=0.1)
    assert after[""] == pytest.approx(80e3 - 20e3 - ramp, rel=0.05)


def test_it_forms_and_carries_the_bank(site):
    """Dead bus, breaker open: voltage within 2 %, frequency on the droop line, 60 (1 - 0.02 P) Hz."""
    one = site()
    bank, breaker, pcs = one.bench.load("bank"), one.bench.switch("grid_breaker"), one.bench.pcs
    breaker.switch("open")
    bank.set_power(50e3)
    pcs.form(on=True)
    one.battery()
    one.sleep(0.5)
    one.start()
    one.sleep(3.0)  # black start ramp
    bank.switch(on=True)
    one.sleep(6.0)
    state = pcs.read_state()
    assert (state.mode, state.forming, state.limited) == ("running", True, False)
    assert state.voltage == pytest.approx(480 / 3**0.5, rel=0.02)
    assert state.active_power == pytest.approx(50e3, rel=0.03)
    assert state.frequency == pytest.approx(60.0 * (1 - 0.02 * state.active_power / RATED), abs=0.01)
    assert breaker.read_position() == "open"
    assert [entry.text for entry in pcs.read_log()][-2:] == ["running", "forming"]


def test_a_second_genset_closes_in_step_with_the_first(site):
    """40 kW in the bank peak at 40e3 / (3 x 277) x 1.41 = 68 A; sets out of step would exchange far more."""
    one = site()
    bench, sets = one.bench, one.world.bus.gensets
    bench.switch("grid_breaker").switch("open")
    first, second = bench.genset("genset_1"), bench.genset("genset_2")
    first.run(on=True)
    first.switch(closed=True)  # onto a dead bus
    bench.load("bank").set_power(40e3)
    bench.load("bank").switch(on=True)
    second.run(on=True)
    second.switch(closed=True)
    wave = one.record(1.0)
    assert max(np.abs(wave[f"i_genset_{phase}"]).max() for phase in "abc") < 1.2 * 68.0
    assert [each.trip_reason for each in sets] == ["", ""]
    assert sum(each.measured_watts for each in sets) == pytest.approx(40e3, rel=0.05)
    assert sets[1].measured_watts > 5e3


def test_three_clients_at_once(site):
    """Three drivers on connections of their own, while a fourth takes the bench's time on."""
    one = site().follow()
    one.bench.pcs.set_active_power(40e3)
    one.sleep(0.5)
    driver, item = type(one.bench.pcs), one.config.find("pcs")
    drivers = [
        driver(Setup("pcs", one.addresses["pcs"], one, CommandLog(), options=item.options)) for _ in range(3)
    ]
    for each in drivers:
        each.connect()
    together, heard = threading.Barrier(4), []

    def ask(pcs):
        together.wait()
        heard.extend(pcs.read_state() for _ in range(20))

    threads = [threading.Thread(target=ask, args=(pcs,)) for pcs in drivers]
    for thread in threads:
        thread.start()
    together.wait()
    one.sleep(0.2)
    for thread in threads:
        thread.join()
    for each in drivers:
        each.close()
    assert len(heard) == 60
    assert {state.mode for state in heard} == {"running"}
    assert [state.active_power for state in heard] == pytest.approx([40e3] * 60, rel=0.01)


def test_the_voltage_sag_passes(hil, quick):
    code, out, err = hil("run", "voltage_sag", "--bench", "qualification", *quick)
    assert code == 0, err
    assert "PASS" in out


@pytest.fixture
def live(site):
    """Return a site on which everything that can be live is."""
    one = site()
    bench = one.bench
    genset = bench.genset("genset_1")
    bench.switch("grid_breaker").switch("open")
    genset.run(on=True)
    genset.switch(closed=True)  # onto a dead bus
    one.sleep(1.0)
    bench.switch("transformer_breaker").switch("closed")
    one.battery()
    for name, watts in (("bank", 20e3), ("servers", 10e3)):
        bench.load(name).set_power(watts)
        bench.load(name).switch(on=True)
    one.sleep(1.0)
    bus = one.world.bus
    assert (bus.gensets[0].closed, bus.transformer.closed, bus.load.closed, bus.load.on) == (True,) * 4
    assert bus.gensets[0].measured_watts > 25e3
    return one


DEAD = {
    *("pcs.connected", "genset_1: breaker closed", "genset_2: breaker closed", "servers.current_a"),
    *("bank: main contactor closed", "grid_breaker: contact says closed", "recorder: RMS of va"),
    *("transformer_breaker: contact says closed", "recorder: RMS of v_source_a"),
}


def test_make_safe_proves_every_role_dead(live):
    proofs = live.bench.make_safe()
    assert all(proof.holds for proof in proofs)
    assert {proof.quantity for proof in proofs} >= DEAD
    bus = live.world.bus
    assert not any((bus.gensets[0].closed, bus.transformer.closed, bus.load.closed, bus.load.on))


def test_the_guard_makes_all_of_it_safe(live, tmp_path):
    live.bench.close()  # the engine is gone
    order = {"log": str(tmp_path / "guard.log"), "addresses": live.addresses}
    report = _act(order, live.config, "the engine ended without a word", live)
    assert report.safe, report.text
    assert all(name in report.text for name in DEAD)
