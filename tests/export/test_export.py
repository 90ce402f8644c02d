"""What is exported at all, and where it goes."""

import errno
import json
import shutil

import pytest

import hil.cli
from hil.capture.blocklog import BlockLog
from hil.errors import ConfigError, FormatError, StorageError
from hil.export import export
from hil.record.manifest import MANIFEST, seal
from hil.waveform import Channel

ALL = ["comtrade", "csv", "junit", "json"]
TOP = ["export.json", "junit.xml", "metrics.csv", "verdicts.csv"]
CAPTURES = ["captures/sag_abc.cfg", "captures/sag_abc.csv", "captures/sag_abc.dat"]


def tree(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_it_lies_beside_the_record_which_stays_as_it_is(tmp_path, make):
    record = make(tmp_path)
    before = {path: path.read_bytes() for path in record.rglob("*") if path.is_file()}
    done = export(record, ALL)
    assert done.folder == tmp_path / f"{record.name}_export"
    assert tree(done.folder) == sorted([*CAPTURES, *TOP])
    assert sorted(path.relative_to(done.folder).as_posix() for path in done.files) == tree(done.folder)
    assert done.warnings == ()
    assert {path: path.read_bytes() for path in record.rglob("*") if path.is_file()} == before


def test_a_campaign_is_several_records(campaign, tmp_path):
    done = export(campaign, ALL, tmp_path / "out")
    assert tree(tmp_path / "out") == sorted(
        [*TOP, *(f"{t}/{name}" for t in ("T2", "T10") for name in CAPTURES)]
    )
    found = json.loads((tmp_path / "out" / "export.json").read_text())
    assert [test["test"] for test in found["tests"]] == ["T2", "T10"]
    assert len(done.warnings) == 2  # neither is sealed
    with pytest.raises(ConfigError, match="lies in the record campaign"):
        export(campaign, ALL, campaign / "out")


def test_a_campaign_closed_as_a_whole(campaign, tmp_path):
    digest = seal(campaign)
    assert export(campaign, ["json"], tmp_path / "out").warnings == ()
    found = json.loads((tmp_path / "out" / "export.json").read_text())
    assert [test["manifest_sha256"] for test in found["tests"]] == [digest, digest]
    (campaign / "T2" / "verdicts.json").write_text("{}")
    with pytest.raises(FormatError, match=r"T2/verdicts\.json is not as it was sealed"):
        export(campaign, ["json"], tmp_path / "again")


def test_a_campaign_that_was_not_closed(qualification):
    """Two of its tests have no record but the campaign's, of which a warning is given once."""
    (qualification / MANIFEST).unlink()
    warnings = export(qualification, ["json"]).warnings
    assert [warning.partition(": ")[0] for warning in warnings] == ["T1", "T2", qualification.name]


def test_a_record_that_was_changed_is_refused_unless_anyway(tmp_path, make):
    record = make(tmp_path)
    text = (record / "verdicts.json").read_text()
    (record / "verdicts.json").write_text(text.replace('"FAIL"', '"PASS"'))
    (record / "bench.toml").write_text("")
    with pytest.raises(FormatError, match=r"bench\.toml is not as it was sealed, as are 1 more.*--anyway"):
        export(record, ALL)
    assert not (tmp_path / f"{record.name}_export").exists()
    done = export(record, ["json"], anyway=True)
    assert any("changed: verdicts.json" in warning for warning in done.warnings)
    (test,) = json.loads(done.files[0].read_text())["tests"]
    assert any(finding.startswith("changed: verdicts.json") for finding in test["findings"])


def test_a_record_that_was_sealed_again_is_refused(tmp_path, make):
    """The one sealed after it knows the manifest that it had."""
    first, _ = make(tmp_path), make(tmp_path)
    (first / MANIFEST).unlink()
    seal(first)
    with pytest.raises(FormatError, match="chained to another version"):
        export(first, ["json"])


def test_a_record_that_was_copied_alone_is_exported_with_a_warning(tmp_path, make):
    make(tmp_path)
    record = make(tmp_path)
    copy = shutil.copytree(record, tmp_path / "elsewhere" / record.name)
    (warning,) = export(copy, ["json"]).warnings
    assert "alone: manifest.json: the record sealed before it" in warning


def test_an_unsealed_record_is_exported_with_a_warning(tmp_path, make):
    (warning,) = export(make(tmp_path, closed=False), ["json"]).warnings
    assert "unsealed: manifest.json" in warning


@pytest.mark.parametrize("where", [".", "captures/x", "../x/../{name}/y"])
def test_nothing_goes_into_the_record(tmp_path, make, where):
    record = make(tmp_path)
    with pytest.raises(ConfigError, match="lies in the record"):
        export(record, ["json"], record / where.format(name=record.name))
    other = make(tmp_path)
    with pytest.raises(ConfigError, match=f"lies in the record {other.name}"):
        export(record, ["json"], other / "x")


def test_nothing_is_overwritten(tmp_path, make):
    record, out = make(tmp_path), tmp_path / "out"
    out.mkdir()
    (out / "junit.xml").write_text("mine")
    with pytest.raises(ConfigError, match=r"junit\.xml is there already"):
        export(record, ALL, out)
    assert tree(out) == ["junit.xml"]
    export(record, ["json"], out)
    assert (tree(out), (out / "junit.xml").read_text()) == (["export.json", "junit.xml"], "mine")


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("at", [1, 3, 7])
def test_a_full_disk_leaves_nothing(tmp_path, make, monkeypatch, there, at):
    """It fills up as the first, the third or the last of seven files is put on it."""
    record, out, calls = make(tmp_path), tmp_path / "out", []
    if there:
        out.mkdir()

    def full(_):
        calls.append(1)
        if len(calls) == at:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StorageError, match=r"nothing was exported: .*No space left on device") as caught:
        export(record, ALL, out)
    assert ".export_" not in str(caught.value)  # a name that nobody has given
    assert list(out.iterdir()) == [] if there else not out.exists()


@pytest.mark.parametrize("there", [True, False])
def test_a_place_that_cannot_be_taken(tmp_path, make, monkeypatch, there):
    record, out = make(tmp_path), tmp_path / "out"
    if there:
        out.mkdir()
    rename = type(out).replace

    def refuse(self, target):
        if target == out / "junit.xml":
            raise PermissionError(errno.EACCES, "Permission denied")
        return rename(self, target)

    monkeypatch.setattr(type(out), "replace", refuse)
    with pytest.raises(StorageError, match="nothing was exported: .*Permission denied"):
        export(record, ALL, out)
    assert tree(out) == [] if there else not out.exists()


@pytest.mark.parametrize("made", [False, True])
def test_what_is_no_record(tmp_path, made):
    if made:
        (tmp_path / "x").mkdir()
    with pytest.raises(FormatError, match="is not a record: neither it nor a folder in it"):
        export(tmp_path / "x", ["json"])


def test_captures_of_a_run_that_took_none(tmp_path, make):
    record = make(tmp_path, closed=False)
    (record / "captures" / "sag_abc.h5").unlink()
    BlockLog(record / "captures" / "sag_abc.blk", (Channel("va", "V", "voltage"),), 1.0).close()
    with pytest.raises(FormatError, match="holds no captured sample"):
        export(record, ["comtrade"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_command(tmp_path, make, capsys):
    record = make(tmp_path, closed=False)
    command = ["export", str(record), "--to", "junit", "--to", "json"]
    assert hil.cli.main([*command, "--out", str(tmp_path / "a")]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == [str(tmp_path / "a" / name) for name in ("junit.xml", "export.json")]
    assert err.startswith(f"warning: {record.name}: unsealed: manifest.json: there is none")
    assert hil.cli.main([*command, "--out", str(tmp_path / "b"), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["folder"], said["files"]) == (
        str(tmp_path / "b"),
        [str(tmp_path / "b" / n) for n in TOP[1::-1]],
    )
    assert "unsealed" in said["warnings"][0]
    changed = make(tmp_path)
    (changed / "bench.toml").write_text("")
    command = ["export", str(changed), "--to", "json"]
    assert hil.cli.main(command) == 2
    assert capsys.readouterr().err.startswith(f"hil: {changed / 'bench.toml'} is not as it was sealed")
    assert hil.cli.main([*command, "--anyway"]) == 0
    assert "extra: bench.toml" in capsys.readouterr().err
