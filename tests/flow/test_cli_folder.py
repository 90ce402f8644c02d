"""`hil analyze DIR`: all captures of a folder, one bad one among them, on processes and on Dask."""

import json
import os
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import hil.batch
from hil.batch import Job, captures_in, in_processes
from hil.study import Question

CAPTURES = Path(__file__).parents[2] / "data" / "captures"
FAULT = CAPTURES / "oedi_transients" / "f1_1b274run.cfg"


@pytest.fixture
def folder(tmp_path):
    """Three captures: a fault at 60 Hz, a steady 50 Hz in a subfolder, and one cut off."""
    folder = tmp_path / "captures"
    (folder / "lab [1]").mkdir(parents=True)
    for suffix in (".cfg", ".dat"):
        shutil.copy(FAULT.with_suffix(suffix), folder / f"fault{suffix}")
        shutil.copy(FAULT.with_suffix(suffix), folder / f"cut{suffix}")
    (folder / "cut.dat").write_bytes((folder / "cut.dat").read_bytes()[:-7])
    (folder / "notes.md").write_text("not a capture")
    t = np.arange(5000) / 10e3
    waves = [230 * np.sqrt(2) * np.sin(2 * np.pi * (50 * t - k / 3)) for k in range(3)]
    table = np.stack([t, *waves], 1)
    path = folder / "lab [1]" / "steady.csv"
    np.savetxt(path, table, delimiter=",", header="t,v_a,v_b,v_c", comments="")
    return folder


def rows(out):
    return {row["file"]: row for row in json.loads(out)["captures"]}


def value(row, key):
    return next(result["value"] for result in row["results"] if result["key"] == key)


def check(found):
    assert sorted(found) == ["cut.cfg", "fault.cfg", "lab [1]/steady.csv"]
    assert found["cut.cfg"]["error"].startswith(str(Path("captures") / "cut.dat"))
    assert "cut off" in found["cut.cfg"]["error"]
    assert value(found["fault.cfg"], "faulted_phases") == "b"
    assert value(found["fault.cfg"], "frequency") == pytest.approx(60, abs=1e-3)
    assert value(found["lab [1]/steady.csv"], "frequency") == pytest.approx(50, abs=1e-3)
    assert value(found["lab [1]/steady.csv"], "voltage_b") == pytest.approx(230, rel=1e-4)


@pytest.mark.skipif(os.sep == "\\", reason="names with a backslash")
def test_one_bad_file_does_not_stop_the_rest(hil, folder):
    code, out, err = hil("analyze", "captures", "--json", "--jobs", "2")
    assert (code, err) == (2, "")
    check(rows(out))
    assert json.loads(out)["failed"] == 1


def test_the_summary_and_the_reports(hil, folder, tmp_path):
    (folder / "cut.cfg").unlink()
    (folder / "cut.dat").unlink()
    code, out, err = hil("analyze", "captures", "--report")
    assert (code, err) == (0, "")
    fault = next(line for line in out.splitlines() if line.strip().startswith("fault.cfg"))
    for word in ("60 Hz", "dip", "0.38", "unfinished"):
        assert word in fault
    assert "fault.cfg: the file states 50 Hz; the samples show 60.000 Hz" in out
    assert "2 captures, 0 could not be analysed" in out
    assert "2 reports in captures_reports" in out
    reports = tmp_path / "captures_reports"
    pages = sorted(path.relative_to(reports) for path in reports.rglob("*.html"))
    assert pages == [Path("fault.cfg.html"), Path("lab [1]") / "steady.csv.html"]


def test_what_counts_as_a_capture(tmp_path):
    """A .dat stands for itself only where it is alone: then its error says that the .cfg is missing."""
    for name in ("a.cfg", "a.DAT", "b.dat", "c.csv", "d.txt~", "e.html", ".hidden.csv"):
        (tmp_path / name).touch()
    assert [path.name for path in captures_in(tmp_path)] == ["a.cfg", "b.dat", "c.csv"]


class Deadly(type(Path())):
    """A path that ends the process which it is sent to."""

    def __reduce__(self):
        return os._exit, (9,)


def test_a_file_that_kills_its_process_costs_its_own_row():
    """As the kernel does where memory runs out. The others are all looked at, none is lost."""
    names = ["a.cfg", "b.cfg", "deadly.cfg", "c.cfg", "d.cfg", "e.cfg"]
    jobs = [Job((Deadly if "deadly" in name else Path)(name), Question()) for name in names]
    errors = {one.path.name: one.error for one in in_processes(jobs, 2)}
    assert sorted(errors) == sorted(names)
    assert [name for name in names if "killed" in errors[name]] == ["deadly.cfg"]
    assert all("no such file" in errors[name] for name in names if name != "deadly.cfg")


@pytest.mark.parametrize(("set_by_user", "found"), [(None, "1"), ("3", "3")])
def test_processes_have_one_thread_for_linear_algebra(monkeypatch, set_by_user, found):
    """What a process of the pool has in its environment, in place of an analysis."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if set_by_user:
        monkeypatch.setenv("OMP_NUM_THREADS", set_by_user)
    monkeypatch.setattr(hil.batch, "analyse", partial(os.getenv, "OMP_NUM_THREADS"))
    assert list(in_processes([Job(Path("a.cfg"), Question())], 1)) == [found]
    assert os.environ.get("OMP_NUM_THREADS") == set_by_user


@pytest.fixture(scope="module")
def scheduler():
    """Return the address of a Dask scheduler with one worker, both processes of their own."""
    distributed = pytest.importorskip("distributed")
    cluster = distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address=None, host="127.0.0.1"
    )
    yield cluster.scheduler_address
    cluster.close()


def test_a_dask_cluster_gives_the_same(hil, folder, scheduler):
    code, out, err = hil("analyze", "captures", "--json", "--scheduler", scheduler)
    assert (code, err) == (2, "")
    found = rows(out)
    found["cut.cfg"]["error"] = found["cut.cfg"]["error"].replace(str(folder.parent) + os.sep, "")
    check(found)


@pytest.mark.parametrize(
    ("address", "says"), [("tcp://127.0.0.1:9", "no Dask scheduler"), ("nonsense", "tcp://HOST:PORT")]
)
def test_no_scheduler_there(hil, folder, address, says):
    pytest.importorskip("distributed")
    code, out, err = hil("analyze", "captures", "--scheduler", address)
    assert (code, out) == (2, "")
    assert says in err
    assert len(err.strip().splitlines()) == 1


@pytest.mark.parametrize("jobs", ["0", "many"])
def test_a_wrong_number_of_jobs(hil, folder, jobs):
    code, _, err = hil("analyze", "captures", "--jobs", jobs)
    assert code == 2
    assert "--jobs" in err


def test_the_summary_says_how_each_capture_stands_against_limits(hil, folder):
    """A column of its own, where limits were asked for; steady.csv has no distortion to speak of."""
    _, plain, _ = hil("analyze", "captures")
    assert "Limits" not in plain
    code, out, _ = hil("analyze", "captures", "--distortion", "ieee519_2022_voltage")
    assert code == 2  # one capture is cut
    assert "Limits" in out
    steady = next(line for line in out.splitlines() if "steady.csv" in line)
    assert steady.split()[-1] == "PASS"
