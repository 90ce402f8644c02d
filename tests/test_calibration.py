"""Certificates, and the correction that they give."""

import json
from datetime import date
from importlib import resources

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.calibration.certificates import Certificate, correct, from_dict, load
from hil.calibration.chain import Line
from hil.errors import ConfigError, FormatError
from hil.plant.terminals import MORE_SIGNALS, SIGNALS
from hil.waveform import Channel, Waveform

GOOD = {
    "id": '"C-1"',
    "sensor": '"probe"',
    "serial": '"7"',
    "laboratory": '"lab"',
    "calibrated": "2026-01-15",
    "due": "2027-01-15",
    "unit": '"V"',
    "gain": '"10.023 mV"',
    "offset": '"-1.5 mV"',
    "uncertainty": '"0.05 %"',
    "k": "2",
}


def write(folder, **changes):
    entries = {**GOOD, **changes}
    file = folder / "probe.toml"
    file.write_text("\n".join(f"{k} = {v}" for k, v in entries.items() if v is not None), encoding="utf-8")
    return file


sane = st.floats(-1e4, 1e4)


@given(
    gain=st.floats(1e-4, 1e2).flatmap(lambda g: st.sampled_from([g, -g])),
    offset=st.floats(-1.0, 1.0),
    values=st.lists(sane, min_size=1, max_size=20),
)
def test_correcting_undoes_distorting(gain, offset, values):
    line = Line(gain, offset, "V")
    true = np.array(values)
    # rounding: a few ulps of the larger term, brought to the quantity by the gain; and denormals
    eps, tiny = np.finfo(float).eps, np.finfo(float).tiny
    bound = 8 * eps * (abs(true).max() + abs(offset / gain)) + tiny / abs(gain)
    assert abs(line.correct(line.distort(true)) - true).max() <= bound
    volts = true / 1e3
    assert abs(line.distort(line.correct(volts)) - volts).max() <= 8 * np.finfo(float).eps * (
        10 + abs(offset)
    )


def test_a_line_by_hand():
    line = Line(0.01, 0.002, "V")
    assert line.distort(np.array([100.0]))[0] == pytest.approx(1.002, rel=1e-15)
    assert line.correct(np.array([1.002]))[0] == pytest.approx(100.0, rel=1e-15)


@pytest.mark.parametrize(("gain", "offset"), [(0.0, 0.0), (np.nan, 0.0), (np.inf, 0.0), (1.0, np.nan)])
def test_a_line_without_an_inverse_is_refused(gain, offset):
    with pytest.raises(ConfigError, match="no inverse"):
        Line(gain, offset, "A")


def test_a_certificate_is_read_in_si(tmp_path):
    certificate = load(write(tmp_path, noise='"0.4 mV"', k="2.5"))
    assert certificate == Certificate(
        id="C-1",
        sensor="probe",
        serial="7",
        laboratory="lab",
        calibrated=date(2026, 1, 15),
        due=date(2027, 1, 15),
        unit="V",
        gain=pytest.approx(0.010023, rel=1e-12),
        offset=pytest.approx(-0.0015, rel=1e-12),
        uncertainty=pytest.approx(5e-4, rel=1e-12),
        k=2.5,
        noise=pytest.approx(4e-4, rel=1e-12),
    )
    assert load(str(write(tmp_path))).noise is None  # not stated is not zero
    stored = json.loads(json.dumps(certificate.to_dict()))
    assert stored["due"] == "2027-01-15"
    assert from_dict(stored) == certificate
    assert certificate.line == Line(certificate.gain, certificate.offset, "V")


@pytest.mark.parametrize("broken", [{"due": None}, {"due": "soon"}, {"more": 1}])
def test_a_broken_certificate_in_a_record(tmp_path, broken):
    stored = load(write(tmp_path)).to_dict()
    for entry in ({**stored, **broken}, {}):
        with pytest.raises(FormatError, match="a record holds a certificate that cannot be read"):
            from_dict(entry)


@pytest.mark.parametrize(
    ("day", "valid"),
    [("2026-01-14", False), ("2026-01-15", True), ("2027-01-15", True), ("2027-01-16", False)],
)
def test_it_holds_from_the_calibration_to_the_due_day(tmp_path, day, valid):
    assert load(write(tmp_path)).valid_on(date.fromisoformat(day)) is valid


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"gain": None}, "gain is missing"),
        ({"gian": '"1 V"'}, "unknown key 'gian'"),
        ({"gain": "0.01"}, "gain: write the unit"),
        ({"gain": '"0 V"'}, "gain = '0 V' measures nothing"),
        ({"gain": '"10 mA"'}, "gain: '10 mA' is not in V"),
        ({"offset": '"one V"'}, "offset: cannot read"),
        ({"unit": '"kV"'}, "unit: '1 kV' is not in kV"),
        ({"serial": "7"}, "serial = 7 is not a text"),
        ({"id": '" "'}, "id = ' ' is not a text"),
        ({"due": '"2027-01-15"'}, "due = '2027-01-15' is not a date"),
        ({"due": "2027-01-15T12:00:00"}, "due = .* is not a date"),
        ({"due": "2025-01-15"}, "lies before calibrated"),
        ({"uncertainty": '"0 %"'}, "uncertainty = '0 %' is not positive"),
        ({"uncertainty": '"0.1 V"'}, "uncertainty: '0.1 V' is not in %"),
        ({"k": "0"}, "k = 0 is not a coverage factor"),
        ({"k": "true"}, "k = True is not a coverage factor"),
        ({"noise": '"-1 mV"'}, "noise = '-1 mV' is negative"),
        ({"gain": "="}, "Invalid value"),
    ],
)
def test_a_wrong_certificate_names_the_file_and_the_key(tmp_path, changes, text):
    with pytest.raises(ConfigError, match=rf"(?s)probe\.toml: .*{text}"):
        load(write(tmp_path, **changes))


def test_a_certificate_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError, match=r"nothing\.toml: cannot be read"):
        load(tmp_path / "nothing.toml")
    with pytest.raises(ConfigError, match=r"no certificate 'v_a' is shipped.*simulated_v_a"):
        load("v_a")


def test_a_file_that_is_not_text(tmp_path):
    file = tmp_path / "binary.toml"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=r"binary\.toml"):
        load(file)


def test_the_shipped_certificates_cover_the_simulated_bench_and_say_that_they_are_simulated():
    files = [f for f in (resources.files("hil.data") / "certificates").iterdir() if f.name.endswith(".toml")]
    names = {f.name.removesuffix(".toml") for f in files}
    more = {name for name in MORE_SIGNALS if not name.startswith(("i_fault", "i_transformer"))}
    assert names == {f"simulated_{signal}" for signal in {*SIGNALS, *more}}
    found = {name: load(name) for name in names}
    assert len({c.serial for c in found.values()}) == len({c.id for c in found.values()}) == len(names)
    for name, certificate in found.items():
        assert "simulated" in certificate.sensor
        assert "simulated" in certificate.laboratory
        assert certificate.valid_on(date(2036, 1, 15))
        assert certificate.unit == ("A" if "_i_" in name else "V")
    # full scales of the simulated bench, for 10 V at the input
    full_scale = {"v_a": 1000, "v_b": 1000, "v_c": 1000, "i_a": 400, "i_b": 400, "i_c": 400}
    full_scale |= dict.fromkeys(more, 1000)
    for signal, full in {**full_scale, "v_dc": 1500, "i_dc": 400, "trigger": 10}.items():
        assert found[f"simulated_{signal}"].gain * full == pytest.approx(10.0, rel=0.004)


def raw(samples, **changes):
    names = ("va", "ia")
    channels = (Channel(names[0], "V", "voltage", "a"), Channel(names[1], "V", "current", "a"))
    return Waveform(np.array(samples), channels, 1000.0, history=("read",), **changes)


@pytest.fixture
def certificates(tmp_path):
    probe = load(write(tmp_path))
    clamp = load(write(tmp_path, id='"C-2"', unit='"A"', gain='"25 mV"', offset='"0 V"', k="3"))
    return {"va": probe, "ia": clamp}


RANGES = {"va": 10.0, "ia": 5.0}


def test_correction_by_hand(certificates):
    wave = raw([[1.0008, -0.0015], [0.25, -0.5]], start=-0.5, triggered=True, source="run 7")
    fixed = correct(wave, certificates, RANGES)
    # (1.0008 + 0.0015) / 0.010023 = 100 V; -0.0015 V is the offset; 0.25 V / 25 mV/A = 10 A
    np.testing.assert_allclose(fixed.samples, [[100.0, 0.0], [10.0, -20.0]], rtol=1e-12, atol=1e-12)
    assert [(c.name, c.unit, c.quantity, c.phase) for c in fixed.channels] == [
        ("va", "V", "voltage", "a"),
        ("ia", "A", "current", "a"),
    ]
    assert (fixed.rate, fixed.start, fixed.triggered, fixed.source) == (1000.0, -0.5, True, "run 7")
    assert fixed.history == ("read", "corrected va by C-1, ia by C-2")
    assert fixed.valid is None
    assert wave["va"][0] == 1.0008  # raw stays raw


def test_uncertainty_is_brought_to_k_2(certificates):
    fixed = correct(raw([[0.0], [0.0]]), certificates, RANGES)
    assert [c.uncertainty for c in fixed.channels] == pytest.approx([5e-4, 5e-4 * 2 / 3], rel=1e-12)


def test_clipped_and_missing_samples_are_not_valid(certificates):
    samples = [[0.0, 9.99, -9.9999, 9.98, 0.0, np.nan, 0.0], [0.0, 0.0, 0.0, 4.99, 4.995, 0.0, 0.0]]
    fixed = correct(raw(samples), certificates, RANGES)
    assert fixed.valid.tolist() == [True, False, False, True, False, False, True]
    known = np.array([True] * 6 + [False])
    fixed = correct(raw(samples, valid=known), certificates, RANGES)
    assert fixed.valid.tolist() == [True, False, False, True, False, False, False]
    assert known[1]  # the raw mask stays as it was


def test_a_second_correction_is_refused(certificates):
    fixed = correct(raw([[0.0], [0.0]], source="run 7"), certificates, RANGES)
    with pytest.raises(ConfigError, match="run 7 is corrected already"):
        correct(fixed, certificates, RANGES)


@pytest.mark.parametrize("what", ["certificate", "range"])
def test_a_channel_that_nobody_knows_is_refused(certificates, what):
    ranges = dict(RANGES)
    del (certificates if what == "certificate" else ranges)["ia"]
    with pytest.raises(ConfigError, match=f"no {what} for channel 'ia'"):
        correct(raw([[0.0], [0.0]]), certificates, ranges)
