"""What every recorder must do beyond what every instrument must, on its twin."""

import numpy as np
import pytest

from hil.calibration.certificates import correct, load
from hil.errors import ConfigError, InstrumentError, NoReply
from hil.instruments.nidaqmx_recorder import BUFFER
from hil.plant.terminals import SIGNALS, AnalogInputs, Sensor
from hil.roles import Input
from hil.waveform import Channel, Waveform

NAME = "nidaqmx"
BASE = 50e3  # the plant's step of 20 us
LSB = 10.0 / 2**15  # 16 bit over -10 .. 10 V
INPUTS = [Input(signal, f"ai{i}", 10.0) for i, signal in enumerate(SIGNALS)]


@pytest.fixture
def rig(make_rig):
    return make_rig(NAME)


def configured(rig, **setup):
    recorder = rig.ready(**setup)
    recorder.configure(INPUTS, BASE)
    return recorder


def feed(rig, block):
    with rig.world.lock:
        rig.terminals.blocks.append(block)


def sensed(sensors):
    return AnalogInputs({f"ai{i}": sensor for i, sensor in enumerate(sensors)})


def ramps(count, first=0):
    """Each channel counts samples in codes of the converter, from an offset of its own."""
    codes = np.arange(first, first + count) % 10_000 + 100.0 * np.arange(len(SIGNALS))[:, np.newaxis]
    return codes * LSB


def test_identity_names_the_device_and_the_driver(rig):
    identity = rig.driver().connect()
    assert str(identity) == "National Instruments,USB-6366,00000000,NI-DAQmx 24.5.0"


def test_connecting_and_configuring_do_not_sample(rig):
    recorder = configured(rig)
    assert not rig.terminals.running
    recorder.start()
    assert rig.terminals.running
    recorder.stop()
    assert not rig.terminals.running


def test_what_is_read_is_what_was_acquired(rig):
    recorder = configured(rig)
    recorder.start()
    got = []
    for size, first in ((1, 0), (999, 1), (5000, 1000), (250, 6000)):
        feed(rig, ramps(size, first))
        got.append(recorder.read())
    assert recorder.read().shape == (9, 0)
    last, acquired = recorder.stop()
    assert (last.shape, acquired) == ((9, 0), 6250)
    np.testing.assert_array_equal(np.concatenate(got, axis=1), ramps(6250))


def test_what_still_waits_comes_with_the_stop(rig):
    recorder = configured(rig)
    recorder.start()
    feed(rig, ramps(300))
    first = recorder.read()
    feed(rig, ramps(200, 300))
    last, acquired = recorder.stop()
    assert acquired == first.shape[1] + last.shape[1] == 500
    np.testing.assert_array_equal(np.concatenate([first, last], axis=1), ramps(500))


def test_samples_that_come_while_it_stops_are_not_counted(rig, monkeypatch):
    """A real device goes on sampling between the calls of a stop: here, between count and read."""
    recorder = configured(rig)
    recorder.start()
    feed(rig, ramps(300))
    count = rig.twin._count

    def busy(ask):
        value = count(ask)
        feed(rig, ramps(7, 300))
        return value

    monkeypatch.setattr(rig.twin, "_count", busy)
    last, acquired = recorder.stop()
    assert acquired == 300
    np.testing.assert_array_equal(last, ramps(300))


def test_a_read_that_got_lost_shows_in_the_count(rig):
    recorder = configured(rig)
    recorder.start()
    feed(rig, ramps(300))
    rig.twin._tasks["hil_box"].adc.take(rig.world.lock)
    rig.twin._tasks["hil_box"].adc.read(100)  # the answer never arrives
    last, acquired = recorder.stop()
    assert (last.shape[1], acquired) == (200, 300)


def test_several_blocks_come_in_one_read(rig):
    recorder = configured(rig)
    recorder.start()
    for first in range(0, 3000, 1000):
        feed(rig, ramps(1000, first))
    assert recorder.snapshot() == {"sampling": True, "rate": BASE, "acquired": 3000, "waiting": 3000}
    np.testing.assert_array_equal(recorder.read(), ramps(3000))


def test_a_second_start_counts_anew(rig):
    recorder = configured(rig)
    for _ in range(2):
        feed(rig, ramps(70))  # from before the start: not recorded
        recorder.start()
        feed(rig, ramps(40))
        assert recorder.read().shape == (9, 40)
        assert recorder.stop()[1] == 40


def test_channels_keep_the_order_of_the_inputs(rig):
    recorder = rig.driver()
    recorder.configure([Input("dc", "ai6", 10.0), Input("va", "ai0", 10.0)], BASE)
    recorder.start()
    feed(rig, ramps(10))
    np.testing.assert_array_equal(recorder.read(), ramps(10)[[6, 0]])


@pytest.mark.parametrize(
    ("asked", "got", "divisor"),
    [(50e3, 50e3, 1), (25e3, 25e3, 2), (20e3, 25e3, 2), (16e3, 50e3 / 3, 3), (10e3, 10e3, 5)],
)
def test_the_rate_is_the_next_that_the_clock_can_do(rig, asked, got, divisor):
    recorder = rig.driver()
    assert recorder.configure(INPUTS, asked) == pytest.approx(got, rel=1e-12)
    recorder.start()
    parts = []
    for first in range(0, 700, 70):  # blocks that are no multiple of 3
        feed(rig, ramps(70, first))
        parts.append(recorder.read())
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), ramps(700)[:, ::divisor])
    assert recorder.stop()[1] == len(range(0, 700, divisor))


def test_a_rate_that_the_device_cannot_do_is_refused(rig):
    recorder = rig.driver()
    with pytest.raises(InstrumentError, match=r"box at grpc.*-200077.*SampClk\.Rate"):
        recorder.configure(INPUTS, 100e3)


@pytest.mark.parametrize(
    ("inputs", "text"),
    [
        ([Input("va", "ai15", 10.0)], "-200170.*ai15"),
        ([Input("va", "ai0", 20.0)], r"-200077.*AI\.Max"),
    ],
)
def test_what_the_device_refuses_surfaces_with_its_text(rig, inputs, text):
    with pytest.raises(InstrumentError, match=text):
        rig.driver().configure(inputs, BASE)


def test_a_device_that_is_not_there(rig):
    with pytest.raises(InstrumentError, match=r"-200220.*Dev7"):
        rig.driver(options={"device": "Dev7"}).connect()


def test_no_inputs_and_reading_before_the_start_are_refused(rig):
    recorder = configured(rig)
    with pytest.raises(ConfigError, match="no inputs"):
        recorder.configure([], BASE)
    with pytest.raises(ConfigError, match="start it first"):
        recorder.read()
    with pytest.raises(ConfigError, match="start it first"):
        recorder.stop()


def test_a_full_buffer_is_read_and_one_sample_more_is_an_error(rig):
    recorder = configured(rig)
    full = round(BUFFER * BASE)
    block = np.zeros((len(SIGNALS), full))
    recorder.start()
    feed(rig, block)
    assert recorder.read().shape == (9, full)
    feed(rig, block)
    feed(rig, block[:, :1])
    for _ in range(2):  # it stays an error: the gap cannot be closed
        with pytest.raises(InstrumentError, match="-200279"):
            recorder.read()
    with pytest.raises(InstrumentError, match="-200279"):
        recorder.stop()
    recorder.make_safe()
    recorder.configure(INPUTS, BASE)
    recorder.start()
    assert recorder.stop()[1] == 0


def test_safe_in_any_state_and_twice(rig):
    recorder = rig.driver()
    recorder.make_safe()
    recorder.configure(INPUTS, BASE)
    recorder.make_safe()
    recorder.configure(INPUTS, BASE)
    recorder.start()
    recorder.make_safe()
    recorder.make_safe()
    assert not rig.terminals.running
    assert recorder.prove_safe() == ()
    assert recorder.snapshot() == {"sampling": False, "rate": None, "acquired": None, "waiting": None}


def test_closing_leaves_it_sampling_and_the_next_session_sets_it_free(rig):
    configured(rig).start()
    rig.drivers[-1].close()
    assert rig.terminals.running  # closing a link changes nothing at the box
    with pytest.raises(InstrumentError, match="-50103"):
        configured(rig, name="another").start()
    recorder = configured(rig)
    assert not rig.terminals.running
    recorder.start()
    feed(rig, ramps(5))
    assert recorder.read().shape == (9, 5)


def test_safe_on_a_server_that_has_forgotten_the_task(rig):
    """As after a restart of the server, which the channel rides out unseen."""
    recorder = configured(rig)
    recorder.start()
    rig.twin._tasks.clear()
    with pytest.raises(InstrumentError, match="-200088"):
        recorder.read()
    recorder.make_safe()
    recorder.configure(INPUTS, BASE)
    recorder.start()
    assert recorder.stop()[1] == 0


@pytest.mark.timeout(30)
def test_a_silent_server_is_no_reply_and_the_next_session_recovers(rig):
    recorder = configured(rig)
    recorder.start()
    rig.fail(silent_after=0.0)
    with pytest.raises(NoReply, match=r"box at grpc://.*'read' within 0\.05 s"):
        recorder.read()
    rig.fail()
    with pytest.raises(InstrumentError, match="configure it"):  # the gap is not papered over
        recorder.read()
    recorder.make_safe()
    assert not rig.terminals.running
    recorder.configure(INPUTS, BASE)
    recorder.start()
    assert recorder.stop()[1] == 0


def test_the_converter_saturates_at_full_scale(rig):
    recorder = rig.driver()
    recorder.configure([Input("va", "ai0", 5.0)], BASE)
    recorder.start()
    block = np.zeros((len(SIGNALS), 4))
    block[0] = [7.0, -7.0, 0.6 * 5.0 / 2**15, 0.4 * 5.0 / 2**15]
    feed(rig, block)
    step = 5.0 / 2**15  # two's complement: one code less on the positive side
    np.testing.assert_allclose(recorder.read()[0], [5.0 - step, -5.0, step, 0.0], rtol=0, atol=1e-15)


def test_noise_depends_on_the_seed_and_not_on_the_slices(make_rig):
    noisy = [Sensor(signal, lambda values: values, noise=0.01) for signal in SIGNALS]

    def record(seed, slices):
        rig = make_rig(NAME, terminals=sensed(noisy), seed=seed)
        recorder = configured(rig)
        recorder.start()
        parts = []
        for size in slices:
            feed(rig, np.zeros((len(SIGNALS), size)))
            parts.append(recorder.read())
        return np.concatenate(parts, axis=1)

    whole = record(1, [6000])
    np.testing.assert_array_equal(whole, record(1, [1, 2999, 3000]))
    assert not np.array_equal(whole, record(2, [6000]))
    # sigma of a sample deviation over n = 6000 is sigma / sqrt(2 n): 5 of them are 4.6 %
    np.testing.assert_allclose(whole.std(axis=1), 0.01, rtol=0.046)
    assert abs(np.corrcoef(whole)[np.triu_indices(9, 1)]).max() < 5 / np.sqrt(6000)


def test_true_values_come_back_through_distortion_converter_and_correction(make_rig):
    certificates = {signal: load(f"simulated_{signal}") for signal in SIGNALS}
    sensors = [Sensor(s, c.line.distort, c.noise or 0.0) for s, c in certificates.items()]
    rig = make_rig(NAME, terminals=sensed(sensors))
    recorder = configured(rig)
    recorder.start()
    angle = 2 * np.pi * 60.0 * np.arange(5000) / BASE
    turns = [0.0, -2 * np.pi / 3, 2 * np.pi / 3]
    true = np.array(
        [392.0 * np.cos(angle + turn) for turn in turns]  # 480 V line to line
        + [170.0 * np.cos(angle + turn) for turn in turns]  # 100 kW
        + [850.0 + 0 * angle, 118.0 + 0 * angle, np.where(angle > 10.0, 5.0, 0.0)]
    )
    feed(rig, true)
    raw = recorder.read()
    wave = Waveform(raw, tuple(Channel(s, "V", "other") for s in SIGNALS), BASE)
    fixed = correct(wave, certificates, dict.fromkeys(SIGNALS, 10.0))
    assert fixed.valid is None
    for signal, values in zip(SIGNALS, true, strict=True):
        certificate = certificates[signal]
        # half a code, and noise: 6 sigma leave 1e-4 samples in these 45 000
        bound = (LSB / 2 + 6 * (certificate.noise or 0.0)) / certificate.gain
        assert abs(fixed[signal] - values).max() <= bound * (1 + 1e-9)
    # the trap: without the correction phase a would be 0.23 % wrong, more than all its noise
    assert abs(raw[0].std() / 0.01 / true[0].std() - 1) == pytest.approx(0.0023, abs=1e-4)
