"""Writing, reading and refusing records."""

import errno
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hil.analysis.result import Analysis, Result
from hil.errors import ConfigError, FormatError, StorageError
from hil.record import RecordWriter, analysis_from_dict, analysis_to_dict, open_record, verify


def same(one, other):
    return (
        one.results == other.results
        and one.history == other.history
        and one.warnings == other.warnings
        and all(
            (a.key, a.title, a.unit, a.phase, a.group) == (b.key, b.title, b.unit, b.phase, b.group)
            and np.array_equal(a.time, b.time)
            and np.array_equal(a.values, b.values, equal_nan=True)
            for a, b in zip((*one.series, *one.spectra), (*other.series, *other.spectra), strict=True)
        )
    )


def test_a_reopened_record_gives_back_every_bit(tmp_path, sealed, event):
    record = open_record(sealed(tmp_path))
    (found,) = record.events()
    assert same(found.analysis, event.analysis)
    assert (found.name, found.parameters, found.verdicts) == (event.name, event.parameters, event.verdicts)
    assert record.sealed
    assert record.run["simulated"] is True
    assert record.certificates() == [{"id": "PT-A-1"}]
    assert [path.name for path in record.captures] == ["sag_abc.h5"]
    assert record.commands() == ({"instrument": "grid", "sent": "OUTP ON"},)  # the torn line is left out


def test_analysis_through_json_text_keeps_the_results(event):
    text = json.dumps(analysis_to_dict(event.analysis), allow_nan=False)
    assert analysis_from_dict(json.loads(text)).results == event.analysis.results


def test_the_folder_is_there_at_once_and_its_name_is_its_own(tmp_path):
    folders = [RecordWriter(tmp_path, "voltage_sag").folder for _ in range(3)]
    assert len(set(folders)) == 3
    assert all(folder.is_dir() and "Z_voltage_sag" in folder.name for folder in folders)


def test_a_crashed_run_can_be_read_and_is_called_unsealed(tmp_path):
    writer = RecordWriter(tmp_path, "voltage_sag")
    record = open_record(writer.folder)
    assert (record.sealed, record.events(), record.run["end"]) == (False, (), "running")
    assert [finding.kind for finding in verify(writer.folder)] == ["unsealed"]


@pytest.mark.parametrize("name", ["../run.json", "/etc/passwd", "", "manifest.json", "a/../../b"])
def test_no_file_leaves_the_record(tmp_path, name):
    with pytest.raises(ConfigError, match="cannot name a file"):
        RecordWriter(tmp_path, "voltage_sag").path(name)


def test_a_sequence_that_cannot_name_a_folder_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="sag/../x"):
        RecordWriter(tmp_path, "sag/../x")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_nan_never_reaches_json(tmp_path, value):
    writer = RecordWriter(tmp_path, "voltage_sag")
    with pytest.raises(FormatError, match=r"x\.json"):
        writer.write_json("x.json", {"a": [value]})
    assert not (writer.folder / "x.json").exists()
    with pytest.raises(FormatError, match="'k'"):
        analysis_to_dict(Analysis((Result("k", "K", value, "V"),)))


def test_numpy_scalars_are_stored_as_numbers(event):
    result = replace(event.analysis.results[0], value=np.float32(0.5), valid=np.bool_(False))
    (row,) = analysis_to_dict(Analysis((result,)))["results"]
    assert json.loads(json.dumps(row))["value"] == 0.5
    assert row["valid"] is False


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES])
def test_a_full_disk_is_one_clear_error_and_leaves_what_was_there(tmp_path, monkeypatch, code):
    writer = RecordWriter(tmp_path, "voltage_sag")
    before = (writer.folder / "run.json").read_bytes()

    def full(_):
        raise OSError(code, "No space left on device")

    monkeypatch.setattr("hil.record.storage.os.fsync", full)
    for write in (
        lambda: writer.write_json("run.json", {"sequence": "voltage_sag", "end": "completed"}),
        lambda: writer.write_text("report.html", "x"),
        writer.seal,
    ):
        with pytest.raises(StorageError, match="No space left on device"):
            write()
    assert (writer.folder / "run.json").read_bytes() == before
    assert [path.name for path in writer.folder.iterdir()] == ["run.json"]  # and no half-written file


def test_a_records_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="cannot write"):
        RecordWriter(tmp_path / "file" / "records", "voltage_sag")


def test_a_sealed_record_is_never_sealed_again(tmp_path, event):
    writer = RecordWriter(tmp_path, "voltage_sag")
    writer.seal()
    with pytest.raises(StorageError, match="sealed already"):
        writer.seal()


@pytest.mark.parametrize("text", ["", "[]", "{}", "{\x00"])
def test_what_is_not_a_record_is_refused(tmp_path, text):
    with pytest.raises(FormatError, match="not a record"):
        open_record(tmp_path)
    with pytest.raises(FormatError, match="not a record"):
        open_record(tmp_path / "nowhere")
    with pytest.raises(FormatError, match="not a record"):
        verify(tmp_path)
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(FormatError, match="hil verify"):
        open_record(tmp_path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("metrics.json", b"{}x"),
        ("metrics.json", b'{"sag_abc": {"results": [{"key": "x"}]}}'),
        ("metrics.json", b'{"other": {}}'),
        ("verdicts.json", b'{"captures": []}'),
        ("series.npz", b"PK\x03\x04 not an archive"),
    ],
)
def test_damaged_contents_are_a_format_error(tmp_path, sealed, name, content):
    folder = sealed(tmp_path)
    (folder / name).write_bytes(content)
    with pytest.raises(FormatError):
        open_record(folder).events()


def test_series_cut_short_is_a_format_error(tmp_path, sealed):
    folder = sealed(tmp_path)
    path = Path(folder, "series.npz")
    data = bytearray(path.read_bytes())
    middle = len(data) // 4
    data[middle : middle + 40] = bytes(40)
    path.write_bytes(data)
    with pytest.raises(FormatError):
        open_record(folder).events()
