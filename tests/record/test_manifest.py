"""Whatever is changed in a sealed record is found."""

import json
import shutil

import pytest

from hil.record import verify
from hil.record.manifest import MANIFEST, seal

FILES = [
    "run.json",
    "bench.toml",
    "commands.jsonl",
    "captures/sag_abc.h5",
    "certificates.json",
    "metrics.json",
    "series.npz",
    "verdicts.json",
    "report.html",
]


def kinds(folder):
    return [(finding.kind, finding.file) for finding in verify(folder)]


def test_an_untouched_record_has_no_findings(tmp_path, sealed):
    folders = [sealed(tmp_path) for _ in range(3)]
    assert [verify(folder) for folder in folders] == [[], [], []]
    manifest = json.loads((folders[0] / MANIFEST).read_text())
    assert sorted(manifest["files"]) == sorted(FILES)
    assert manifest["previous"] is None


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("where", ["first", "last"])
def test_one_bit_in_any_file_is_found(tmp_path, sealed, name, where):
    folder = sealed(tmp_path)
    data = bytearray((folder / name).read_bytes())
    data[0 if where == "first" else -1] ^= 1
    (folder / name).write_bytes(data)
    assert kinds(folder) == [("changed", name)]


def test_one_bit_anywhere_in_the_manifest_is_found(tmp_path, sealed):
    folder = sealed(tmp_path)
    whole = (folder / MANIFEST).read_bytes()
    for place in range(0, len(whole), 7):
        data = bytearray(whole)
        data[place] ^= 1
        (folder / MANIFEST).write_bytes(data)
        assert kinds(folder) == [("changed", MANIFEST)], place


def test_missing_and_added_files_are_found(tmp_path, sealed):
    folder = sealed(tmp_path)
    (folder / "captures" / "sag_abc.h5").unlink()
    (folder / "captures" / "other.h5").write_bytes(b"x")
    assert kinds(folder) == [("extra", "captures/other.h5"), ("missing", "captures/sag_abc.h5")]


def test_a_record_resealed_after_a_change_breaks_the_chain(tmp_path, sealed):
    first, second = sealed(tmp_path), sealed(tmp_path)
    (first / "verdicts.json").write_text("{}")
    (first / MANIFEST).unlink()
    seal(first)
    assert ("chain", MANIFEST) in kinds(first)
    assert ("chain", MANIFEST) in kinds(second)


def test_a_removed_record_breaks_the_chain(tmp_path, sealed):
    first, second, third = (sealed(tmp_path) for _ in range(3))
    shutil.rmtree(second)
    assert verify(first) == []
    (finding,) = verify(third)
    assert finding.kind == "alone"
    assert second.name in finding.text


def test_a_renamed_record_is_found(tmp_path, sealed):
    folder = sealed(tmp_path)
    moved = folder.rename(folder.with_name("20200101T000000Z_voltage_sag"))
    (finding,) = verify(moved)
    assert (finding.kind, folder.name in finding.text) == ("chain", True)


def test_the_chain_names_the_record_sealed_before(tmp_path, sealed):
    from hashlib import sha256

    first, second = sealed(tmp_path), sealed(tmp_path)
    manifest = json.loads((second / MANIFEST).read_text())
    assert manifest["previous_record"] == first.name
    assert manifest["previous"] == sha256((first / MANIFEST).read_bytes()).hexdigest()
