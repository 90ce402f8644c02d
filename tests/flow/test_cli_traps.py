"""`hil analyze` on files that are awkward, poor or wrong: a result that says how far it holds, or one line.

The command runs in this process; a traceback or a warning of Python fails the test. The samples are
of 230 V sines with a dip of all phases to one half from 0.3 s to 0.4 s, where nothing else is said.
"""

import json
import os
import re
import warnings
from pathlib import Path

import numpy as np
import pytest

from hil.batch import Job, analyse, captures_in
from hil.cli import main
from hil.study import Question

RATE, HERTZ, VOLTS, AMPS = 5e3, 50.0, 230.0, 10.0


def sines(seconds=0.6, rate=RATE, hertz=HERTZ, depth=0.5):
    """Return time and v_a, v_b, v_c, i_a, i_b, i_c."""
    t = np.arange(round(seconds * rate)) / rate
    size = np.where((t >= 0.3) & (t < 0.4), depth, 1.0)
    waves = [np.sqrt(2) * np.sin(2 * np.pi * (hertz * t - k / 3)) for k in range(3)]
    return t, np.array([*(VOLTS * size * w for w in waves), *(AMPS * w for w in waves)])


def csv(name, t, rows, header="t,v_a,v_b,v_c,i_a,i_b,i_c"):
    np.savetxt(name, np.stack([t, *rows], 1), delimiter=",", header=header, comments="", fmt="%.10g")
    return name


def comtrade(name, rows, rates, stamps, *, stated=50, encoding="ascii", names=("Va", "Vb", "Vc")):
    """Write voltages as an ASCII record of 1999; rates: (rate, last sample); stamps [us]."""
    lines = [f"Station,{name},1999", f"{len(rows)},{len(rows)}A,0D"]
    for k, title in enumerate(names, 1):
        lines.append(f"{k},{title},{'ABC'[k - 1]},,V,0.01,0,0,-99999,99999,1,1,S")
    lines += [str(stated), str(len(rates)) if rates else "0"]
    lines += [f"{rate:g},{last}" for rate, last in rates or [(0, rows.shape[1])]]
    lines += ["01/01/2020,00:00:00.000000"] * 2 + ["ASCII", "1"]
    Path(f"{name}.cfg").write_bytes("\r\n".join([*lines, ""]).encode(encoding))
    codes = np.round(np.vstack([np.arange(1, rows.shape[1] + 1), stamps, rows * 100])).astype(int)
    np.savetxt(f"{name}.dat", codes.T, fmt="%d", delimiter=",")
    return f"{name}.cfg"


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def hil(capsys):
    """Run `hil analyze` here and return (exit code, stdout, stderr)."""

    def run(*arguments):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            code = main(["analyze", *map(str, arguments)])
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def found(hil):
    """Return results by key, and the whole answer, of a file that can be analysed."""

    def run(*arguments):
        code, out, err = hil(*arguments, "--json")
        assert (code, err) == (0, "")
        whole = json.loads(out)
        for one in whole["results"]:
            assert one["value"] is None or isinstance(one["value"], str) or np.isfinite(one["value"]), one
        return {one["key"]: one for one in whole["results"]}, whole

    return run


@pytest.fixture
def refused(hil):
    """Return the one line that a wrong file or argument is answered with."""

    def run(*arguments):
        code, out, err = hil(*arguments)
        assert (code, out) == (2, "")
        (line,) = err.strip().splitlines()
        assert line.startswith("hil: ")
        return line

    return run


def the_dip(results, rate=RATE):
    assert results["frequency"]["value"] == pytest.approx(HERTZ, abs=1e-3)
    assert results["voltage_a"]["value"] == pytest.approx(VOLTS, rel=1e-4)
    assert results["residual_voltage"]["value"] == pytest.approx(VOLTS / 2, rel=1e-4)
    assert results["inception"]["value"] == pytest.approx(0.3, abs=5 / rate)
    assert results["event_count"]["value"] == 1


# COMTRADE


def test_a_rate_of_zero_leaves_the_stamps(found):
    t, rows = sines()
    results, _ = found(comtrade("stamps", rows[:3], [], t * 1e6))
    the_dip(results)


def test_a_line_frequency_that_is_not_the_one_recorded(found):
    t, rows = sines()
    results, whole = found(comtrade("wrong", rows[:3], [(RATE, t.size)], t * 1e6, stated=60))
    the_dip(results)
    assert "the file states 60 Hz; the samples show 50.000 Hz" in whole["warnings"]


@pytest.mark.parametrize(
    ("encoding", "names"),
    [
        ("cp1251", ("Напряжение фазы A", "Напряжение фазы B", "Напряжение фазы C")),
        ("gb18030", ("母线电压A相", "母线电压B相", "母线电压C相")),
    ],
)
def test_names_in_an_old_code_page(found, encoding, names):
    t, rows = sines()
    results, whole = found(
        comtrade("names", rows[:3], [(RATE, t.size)], t * 1e6, encoding=encoding, names=names)
    )
    the_dip(results)
    assert tuple(channel["name"] for channel in whole["channels"]) == names


def test_sections_of_several_rates_are_never_taken_for_one(found):
    """0.6 s at 5 kS/s with the dip, then 0.6 s at 2.5 kS/s without: the longest is taken, and says so."""
    t, fast = sines()
    late, slow = sines(rate=RATE / 2, depth=1.0)
    rows, stamps = np.hstack([fast[:3], slow[:3]]), np.concatenate([t, 0.6 + late]) * 1e6
    name = comtrade("rates", rows, [(RATE, t.size), (RATE / 2, t.size + late.size)], stamps)
    results, whole = found(name)
    the_dip(results)
    assert whole["samples"] == t.size
    (warning,) = whole["warnings"]
    assert "#2 samples 3001-4500 at 2500 S/s" in warning
    assert "this is section #1" in warning
    second, _ = found(f"{name}#2")
    assert second["frequency"]["value"] == pytest.approx(HERTZ, abs=1e-3)
    assert second["event_count"]["value"] == 0


# tables


def test_stamps_that_stand_still_are_refused_by_row(refused):
    """Rows 501 and 502 of the numbers share a stamp: lines 502 and 503 of the file, counting the header."""
    t, rows = sines()
    t[501] = t[500]
    assert "row 503" in refused(csv("twice.csv", t, rows))
    assert "does not increase" in refused(csv("back.csv", t[::-1], rows))


def test_stamps_with_a_gap_are_refused(refused):
    t, rows = sines()
    t[1000:] += 0.1
    assert "fixed sampling rate" in refused(csv("hole.csv", t, rows))


def test_flat_tops_are_not_valid(found):
    """Cut at 250 V: RMS of a clipped sine in closed form; no event can be told, and none is counted."""
    t, rows = sines(depth=1.0)
    results, _ = found(csv("flat.csv", t, np.vstack([np.clip(rows[:3], -250, 250), rows[3:]])))
    crest = VOLTS * np.sqrt(2)
    angle = np.arcsin(250 / crest)  # up to here it is a sine
    square = (crest**2 * (angle - np.sin(2 * angle) / 2) + 250**2 * (np.pi - 2 * angle)) / np.pi
    assert results["voltage_a"]["value"] == pytest.approx(np.sqrt(square), rel=2e-3)
    assert results["voltage_a"]["valid"] is False
    assert results["frequency"]["valid"] is False
    assert (results["event_count"]["value"], results["event_count"]["state"]) == (None, "not determinable")
    assert results["thd_voltage"]["value"] is None


def test_a_gap_in_one_current(found):
    """200 of 3000 samples, in 0.1 .. 0.14 s: the voltage and the dip stand, the current does not."""
    t, rows = sines()
    rows[3, 500:700] = np.nan
    results, _ = found(csv("gap.csv", t, rows))
    assert results["valid_share"]["value"] == pytest.approx(100 * (1 - 200 / 3000))
    the_dip(results)
    assert results["residual_voltage"]["value"] == pytest.approx(VOLTS / 2, rel=1e-4)
    assert results["current_a"]["valid"] is False
    assert results["prefault_power"]["valid"] is False


def test_a_current_without_a_number_is_named(refused):
    t, rows = sines()
    rows[4] = np.nan
    assert "i_b" in refused(csv("none.csv", t, rows))


@pytest.mark.parametrize("count", [2, 30, 100, 140])
def test_less_than_two_cycles(found, count):
    """100 samples are one cycle; two between disturbances are the least to tell a frequency from."""
    t, rows = sines()
    results, _ = found(csv("short.csv", t[:count], rows[:, :count]))
    assert results["frequency"]["state"] == "not determinable"
    assert results["frequency"]["note"]
    assert not {"voltage_a", "thd_voltage", "prefault_power", "residual_voltage"} & set(results)


def test_one_row_or_none(refused):
    t, rows = sines()
    assert "one.csv: 1 time stamps give no sampling rate" in refused(csv("one.csv", t[:1], rows[:, :1]))
    Path("head.csv").write_text("t,v_a,v_b,v_c\n")
    assert "no row of numbers" in refused("head.csv")


def test_currents_alone(refused):
    t, rows = sines()
    assert "no channel is an AC or DC voltage" in refused(csv("i.csv", t, rows[3:], "t,i_a,i_b,i_c"))


def test_voltages_that_are_all_told_to_be_elsewhere(refused):
    t, rows = sines()
    csv("grid.csv", t, rows[:1], "t,x")
    line = refused("grid.csv", "--map", "grid.va=x")
    assert "x (grid voltage)" in line


def test_direct_voltage_alone_and_its_report(found, hil):
    t, _ = sines()
    csv("dc.csv", t, np.full((1, t.size), 800.0), "t,v_dc")
    results, _ = found("dc.csv")
    assert results["dc_voltage_max"]["value"] == results["dc_voltage_min"]["value"] == 800.0
    assert results["frequency"]["state"] == "not determinable"
    code, _, err = hil("dc.csv", "--report", "dc.html")
    assert (code, err) == (0, "")
    assert Path("dc.html").stat().st_size > 0


# what it is held against


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--envelope", "nope"), "shipped are"),
        (("--envelope", "nope.toml"), "shipped are"),
        (("--envelope", "bad.toml"), "unknown key speling"),
        (("--distortion", "nope"), "ieee519_2022_voltage"),
        (("--distortion", "ieee519_2022_current"), "--demand-current"),
        (("--distortion", "ieee1547_2018"), "--rated-current"),
        (("--distortion", "ieee519_2022_current", "--demand-current", "10 A"), "Isc / I_L"),
        (("--variation", "nope"), "ercot"),
        (("--rated-current", "0 A"), "positive"),
        (("--demand-current", "-1 A"), "positive"),
        (("--event", "soon"), "--event"),
    ],
)
def test_a_wrong_question(refused, arguments, says):
    Path("bad.toml").write_text(
        'title = "x"\nclause = "x"\nsource = "x"\nconfidence = "low"\nspeling = 1\n'
        '[[points]]\nvoltage = "0.5 pu"\ntime = "1 s"\n'
    )
    t, rows = sines()
    assert says in refused(csv("dip.csv", t, rows), *arguments)


@pytest.mark.parametrize("ratio", ["0", "-3", "nan", "inf", "many"])
@pytest.mark.parametrize("option", ["--short-circuit-ratio", "--site"])
def test_a_ratio_that_is_none(option, ratio, capsys):
    with pytest.raises(SystemExit) as raised:
        main(["analyze", "dip.csv", option, ratio])
    assert raised.value.code == 2
    assert option in capsys.readouterr().err


def test_limits_of_what_is_not_recorded(refused):
    t, rows = sines()
    csv("v.csv", t, rows[:3], "t,v_a,v_b,v_c")
    assert "no current" in refused("v.csv", "--distortion", "ieee1547_2018", "--rated-current", "10 A")
    assert "neither a power is recorded" in refused("v.csv", "--variation", "ercot", "--site", "100")


def test_without_the_ratio_of_the_site_nothing_is_judged(found):
    t, rows = sines()
    _, whole = found(csv("dip.csv", t, rows), "--variation", "ercot")
    (table,) = [table for table in whole["tables"] if table["key"].startswith("variation_ercot")]
    assert table["rows"]
    for row in table["rows"]:
        told = dict(zip(table["columns"], row, strict=True))
        assert (told["Measured"], told["Margin"], told["Outcome"]) == (None, None, "NOT RUN")
        assert "site" in told["Reason"]


def test_a_dead_bus_is_held_against_nothing(found, refused):
    t, rows = sines()
    csv("dead.csv", t, np.vstack([0 * rows[:3], rows[3:]]))
    results, whole = found("dead.csv", "--envelope", "ieee2800")
    assert results["frequency"]["state"] == "not determinable"
    assert not [table for table in whole["tables"] if table["key"] == "envelopes"]
    assert "envelopes: there is no alternating voltage to compare with" in whole["warnings"]
    assert "no alternating voltage" in refused("dead.csv", "--distortion", "ieee519_2022_voltage")


# plans of injections

PLAN = """
title = "plan"
[[point]]
title = "half power"
[[point.segment]]
capture = "{capture}"
begin = "0 s"
end = "{end}"
frequency = "80 Hz"
axis = "d"
[[point.segment]]
capture = "{capture}"
begin = "0 s"
end = "{end}"
frequency = "{other}"
axis = "{axis}"
"""


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"capture": "gone.csv"}, "gone.csv: there is no such file"),
        ({"axis": "d"}, "two injections on d at 80 Hz"),
        ({"other": "90 Hz"}, "at 80 Hz there is no injection on q"),
        ({"axis": "x"}, 'neither "d" nor "q"'),
        ({"end": "9 s"}, "the plan asks for 0 to 9 s"),
        ({"end": "-1 s"}, "before it begins"),
        ({"other": "0 Hz"}, "not positive"),
        ({"capture": "v.csv"}, "three voltages and three currents"),
    ],
)
def test_a_wrong_plan(refused, changes, says):
    t, rows = sines()
    csv("dip.csv", t, rows)
    csv("v.csv", t, rows[:3], "t,v_a,v_b,v_c")
    told = {"capture": "dip.csv", "end": "0.5 s", "other": "80 Hz", "axis": "q", **changes}
    Path("plan.toml").write_text(PLAN.format(**told))
    assert says in refused("plan.toml")


def test_injections_that_are_not_there_give_no_impedance(found):
    """Plain sines hold no 80 Hz in dq: the impedance would be one rounding error by another."""
    t, rows = sines(depth=1.0)
    csv("calm.csv", t, rows)
    Path("plan.toml").write_text(PLAN.format(capture="calm.csv", end="0.5 s", other="80 Hz", axis="q"))
    results, whole = found("plan.toml")
    assert results
    assert {(r["value"], r["state"]) for r in results.values()} == {(None, "not determinable")}
    assert "half power: impedance not determined at 80 Hz (noise)" in whole["warnings"]


# folders


def test_what_in_a_folder_is_no_capture(hil, tmp_path):
    """A FIFO would be waited for, a link may lead nowhere or in a circle: all are told."""
    folder = tmp_path / "captures"
    folder.mkdir()
    t, rows = sines()
    csv("captures/good.csv", t, rows)
    os.mkfifo(folder / "pipe.csv")
    (folder / "x.csv").symlink_to("nowhere.csv")
    (folder / "round.csv").symlink_to("round.csv")
    (folder / "up").symlink_to("..")
    (folder / "folder.csv").mkdir()
    code, out, err = hil(folder, "--jobs", "1")
    assert (code, err) == (2, "")
    assert "pipe.csv: there is no such file" in out
    assert "round.csv: this link leads nowhere" in out
    assert "x.csv: this link leads nowhere" in out
    assert re.search(r"^ ?good\.csv +50 Hz", out, re.MULTILINE)
    assert "4 captures, 3 could not be analysed" in out
    for name in ("pipe.csv", "x.csv", "round.csv"):
        code, out, err = hil(folder / name)
        assert (code, out) == (2, "")
        assert re.fullmatch(r"hil: \S+: there is no such file; check the name", err.strip())


def test_links_to_one_file_are_two_captures(hil, tmp_path):
    t, rows = sines()
    (tmp_path / "captures").mkdir()
    csv("captures/good.csv", t, rows)
    (tmp_path / "captures" / "again.csv").symlink_to("good.csv")
    code, out, _ = hil("captures", "--json", "--jobs", "1")
    assert code == 0
    assert [row["file"] for row in json.loads(out)["captures"]] == ["again.csv", "good.csv"]


def test_reports_that_cannot_be_written_cost_no_result(hil, tmp_path):
    """Of one capture the numbers are printed before the error, of a folder it is refused at once."""
    t, rows = sines()
    (tmp_path / "captures").mkdir()
    csv("captures/good.csv", t, rows)
    (tmp_path / "taken.html").mkdir()
    code, out, err = hil("captures/good.csv", "--report", "taken.html")
    assert code == 3
    assert "Residual voltage" in out
    assert "Report:" not in out
    assert err.startswith("hil: taken.html: this page cannot be written")
    code, out, err = hil("captures/good.csv", "--report", "taken.html", "--json")
    assert code == 3
    assert json.loads(out)["report"] is None
    (tmp_path / "file").touch()
    code, out, err = hil("captures", "--report", "file", "--jobs", "1")
    assert (code, out) == (3, "")
    assert err.startswith("hil: file: ")
    done = analyse(Job(Path("captures/good.csv"), Question(), Path("taken.html")))
    assert done.found is not None
    assert done.report is None
    assert "cannot be written" in done.error


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a system without a disk that is always full")
def test_a_full_disk_is_told_with_the_name(hil):
    t, rows = sines()
    code, _, err = hil(csv("dip.csv", t, rows), "--report", "/dev/full")
    assert (code, err.count("\n")) == (3, 1)
    assert err.startswith("hil: /dev/full: this page cannot be written (No space left on device)")


@pytest.mark.parametrize("option", [("--jobs", "2"), ("--scheduler", "tcp://127.0.0.1:8786")])
def test_an_option_for_folders_beside_a_file(refused, option):
    t, rows = sines()
    assert "is for a folder" in refused(csv("dip.csv", t, rows), *option)


def test_a_file_that_vanishes_costs_its_own_row(tmp_path):
    t, rows = sines()
    (tmp_path / "captures").mkdir()
    csv("captures/good.csv", t, rows)
    csv("captures/soon.csv", t, rows)
    paths = captures_in(tmp_path / "captures")
    paths[1].unlink()
    good, gone = (analyse(Job(path, Question())) for path in paths)
    assert good.error is None
    assert gone.found is None
    assert "soon.csv: there is no such file" in gone.error


def test_a_file_that_may_not_be_read(hil, tmp_path):
    t, rows = sines()
    path = tmp_path / csv("secret.csv", t, rows)
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    code, out, err = hil(path)
    assert (code in {2, 3}, out) == (True, "")
    assert len(err.strip().splitlines()) == 1
    assert "secret.csv" in err
    assert "secret.csv" in analyse(Job(path, Question())).error


def test_a_folder_as_a_data_file(hil, tmp_path):
    """The .dat of a COMTRADE pair is a folder."""
    t, rows = sines()
    comtrade("pair", rows[:3], [(RATE, t.size)], t * 1e6)
    Path("pair.dat").unlink()
    Path("pair.dat").mkdir()
    code, out, err = hil("pair.cfg")
    assert (code in {2, 3}, out) == (True, "")
    assert len(err.strip().splitlines()) == 1
    assert "pair.dat" in err
