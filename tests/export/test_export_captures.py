"""Captures as they are handed over: read back by ourselves and by readers of others."""

import numpy as np
import pandas as pd
import pytest

from hil.capture.blocklog import BlockLog
from hil.capture.comtrade import read_comtrade
from hil.capture.read import read
from hil.capture.sealed import seal
from hil.export import export
from hil.waveform import Channel

# Volts are stored in single precision: half a step of it at 4 V, over the smallest gain (10 mV per V
# or A), and the values once more in single precision.
TOLERANCE = 2.0**-23 * 2 / 0.01 + 2.0**-24 * 512


@pytest.fixture
def exported(tmp_path, make):
    return export(make(tmp_path), ["comtrade", "csv"]).folder / "captures"


def test_comtrade_holds_what_was_there_in_si(exported, true):
    back = read_comtrade(exported / "sag_abc.cfg")
    assert [(c.name, c.unit, c.quantity, c.phase) for c in back.channels] == [
        ("va", "V", "voltage", "a"),
        ("ia", "A", "current", "a"),
        ("trigger", "V", "trigger", ""),
    ]
    assert (back.rate, back.triggered, back.stated_frequency) == (10_000, True, 60)
    assert back.start == pytest.approx(-0.05, abs=1e-9)  # 500 samples before the edge of the trigger
    assert np.abs(back.samples - true).max() < TOLERANCE


def test_comtrade_as_others_read_it(exported, true):
    """python-comtrade, an independent reader; the recorder was started at 10:15:08.25 UTC."""
    comtrade = pytest.importorskip("comtrade")
    record = comtrade.load(str(exported / "sag_abc.cfg"), str(exported / "sag_abc.dat"))
    assert (record.rev_year, record.ft, record.frequency) == ("2013", "FLOAT32", 60)
    assert record.start_timestamp.isoformat() == "2026-03-21T10:15:08.250000"
    assert record.trigger_timestamp.isoformat() == "2026-03-21T10:15:08.300000"
    assert [(c.name, c.ph, c.uu, c.pors) for c in record.cfg.analog_channels] == [
        ("va", "A", "V", "P"),
        ("ia", "A", "A", "P"),
        ("trigger", "", "V", "P"),
    ]
    assert np.abs(np.array(record.analog) - true).max() < TOLERANCE
    assert record.time[500] == pytest.approx(record.trigger_time)


def test_csv_holds_the_same_numbers(exported, true):
    table = pd.read_csv(exported / "sag_abc.csv", comment="#")
    assert list(table.columns) == ["time [s]", "va [V]", "ia [A]", "trigger [V]", "valid"]
    assert np.allclose(table["time [s]"], (np.arange(2000) - 500) / 10_000, atol=1e-12)
    assert (table["valid"] == 1).all()
    values = table.iloc[:, 1:4].to_numpy().T.astype(np.float32)
    assert np.array_equal(values, read_comtrade(exported / "sag_abc.cfg").samples)
    assert np.abs(values - true).max() < TOLERANCE


def test_csv_says_how_it_was_made(exported):
    back = read(exported / "sag_abc.csv")
    assert any(step.startswith("corrected va by SIM-2026-001") for step in back.history)
    assert (back.triggered, back.start) == (True, pytest.approx(-0.05))
    assert back.part(0, 1).samples.dtype == np.float32


def test_what_a_model_gave_is_in_si_already(tmp_path, make):
    record = make(tmp_path, closed=False)
    with BlockLog(tmp_path / "x.blk", (Channel("v_a", "V", "voltage", "a"),), 100.0, {"model": True}) as log:
        log.append(np.array([[1.0, 400.0]]))
    seal(log.path, record / "captures" / "sag_abc.blk", acquired=2).replace(
        record / "captures" / "sag_abc.h5"
    )
    done = export(record, ["csv"])
    assert pd.read_csv(done.files[0], comment="#")["v_a [V]"].tolist() == [1.0, 400.0]


def test_a_capture_without_its_time(tmp_path, make):
    done = export(make(tmp_path, began=None), ["comtrade"])
    assert "sag_abc does not say when it began; COMTRADE says 1970" in done.warnings[0]
    assert "\n01/01/1970,00:00:00.000000\n" in (done.folder / "captures" / "sag_abc.cfg").read_text()


def test_a_capture_that_is_not_complete(tmp_path, make):
    done = export(make(tmp_path, samples=1500), ["csv"])
    assert [w.partition(": ")[2] for w in done.warnings] == ["capture sag_abc is NOT complete"]
    assert len(pd.read_csv(done.files[0], comment="#")) == 1500


def test_what_a_killed_run_has_left(crashed, true):
    done = export(crashed, ["comtrade"])
    back = read_comtrade(done.folder / "captures" / "sag_abc.cfg")
    assert np.abs(back.samples - true).max() < TOLERANCE
    unsealed, incomplete = done.warnings
    assert "unsealed: manifest.json" in unsealed
    assert incomplete.endswith("capture sag_abc is NOT complete")


def test_long_captures_are_corrected_piece_by_piece(tmp_path, make, monkeypatch):
    """A piece is never longer than what the writers and the search for the trigger take at a time."""
    from hil.calibration import certificates

    monkeypatch.setattr("hil.capture.comtrade_write._BLOCK", 300)
    monkeypatch.setattr("hil.capture.write._ROWS", 300)
    monkeypatch.setattr("hil.analysis.survey._BLOCK", 300)
    lengths, correct = [], certificates.correct

    def watched(wave, *how):
        lengths.append(len(wave))
        return correct(wave, *how)

    monkeypatch.setattr("hil.calibration.certificates.correct", watched)
    monkeypatch.setattr("hil.calibration.correct", watched, raising=False)
    shares = []
    export(make(tmp_path), ["comtrade", "csv"], progress=shares.append)
    assert max(lengths) == 300
    assert len(shares) >= 14  # seven pieces of each file
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
