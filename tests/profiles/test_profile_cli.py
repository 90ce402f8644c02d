"""`hil profile` as a user meets it: each action, its JSON, and one line where it cannot be."""

import json

import pytest

from hil.profiles import library
from hil.profiles.files import read
from hil.profiles.measure import steepest

FIT = ("--points", 512, "--dwell", "1 ms .. 262 s", "--power", "0 W .. 300 kW")


def one_line(err):
    """Return the message, which is one line and no traceback."""
    (line,) = err.strip().splitlines()
    assert line.startswith("hil: ")
    return line


def test_list_names_presets_and_excerpts(command):
    code, out, err = command("list", "--json")
    rows = {row["name"]: row for row in json.loads(out)}
    assert (code, err) == (0, "")
    assert rows["ups_90_50"]["parameters"]["period"] == "4 s"
    assert {name for name, row in rows.items() if row["kind"] == "trace"} == set(library.traces())
    assert rows["gpu_4090_step"]["license"].startswith("MIT")
    assert "training_smoothed" in command("list")[1]


def test_every_excerpt_states_source_licence_and_band():
    """MIT, Apache-2.0 and CC BY 4.0 all ask for that; the meter had 4.88 kS/s, the cluster one a minute."""
    bands = {"gpu_4090_step": 0.443 * 4880, "gpu_3090_square": 0.443 * 4880, "cluster_256_a100": 0.443 / 60}
    assert set(library.traces()) == set(bands)
    for name, band in bands.items():
        found = library.find(name)
        assert found.source
        assert found.license
        assert found.bandwidth == pytest.approx(band, rel=1e-3)


def test_make_then_show_then_fit(command, tmp_path):
    code, out, err = command("make", "ups_90_50", "--rating", "300 kW", "--output", "ups.csv")
    assert (code, err) == (0, "")
    assert "150 kW to 270 kW" in out
    code, out, _ = command("show", "ups.csv", "--json")
    found = json.loads(out)
    assert code == 0
    assert found["rises"][2] == pytest.approx(120e3)  # per second, over a second
    assert found["highest"] == 270e3
    page = (tmp_path / found["picture"]).read_text()
    assert page.count("<figure>") == 2
    code, out, _ = command("fit", "ups.csv", *FIT, "--shape", "lines", "--output", "list.csv", "--json")
    fitted = json.loads(out)
    assert (code, fitted["fits"], fitted["points"]) == (0, True, 60)
    assert fitted["rms_error"] == pytest.approx(0.0, abs=1e-6)
    assert read(tmp_path / "list.csv").energy == pytest.approx(read(tmp_path / "ups.csv").energy)


def test_settings_of_a_preset(command, tmp_path):
    code, _, _ = command("make", "training", "--set", "period=0.5 s", "--set", "duration=2 s", "--json")
    assert code == 0
    made = read(tmp_path / "training.csv")
    assert made.duration == 2.0
    assert "period 0.5 s" in made.history[0]


def test_import_repairs_and_says_what(command, tmp_path):
    rows = ["time_s,power_w", "0,100", "1,[N/A]", "2,300", "3,200"]
    (tmp_path / "node.csv").write_text("\n".join(rows))
    code, out, err = command("import", "node.csv")
    assert (code, out) == (2, "")
    assert "node.csv, line 3: no power here; --repair leaves the row out" in one_line(err)
    code, out, err = command(
        "import", "node.csv", "--repair", "--gpus", 1, "--base", "400 W", "--rating", "4 kW"
    )
    assert (code, err) == (0, "")
    assert "Repaired: node.csv, line 3: no power here" in out
    assert read(tmp_path / "node_profile.csv").power.tolist() == [1000.0, 3000.0, 2000.0]


def test_import_scales_a_shipped_excerpt(command, tmp_path):
    code, _, err = command(
        "import", "gpu_4090_step", "--nodes", 8, "--spread", "10 ms", "--filter", "5 ms",
        "--output", "rack.parquet",
    )  # fmt: skip
    if code == 2:
        pytest.skip(one_line(err))  # without pyarrow
    made = read(tmp_path / "rack.parquet")
    assert made.power.max() == pytest.approx(8 * library.find("gpu_4090_step").power.max(), rel=0.05)
    assert steepest(made, 1e-3)[1] < 8 * 340 / 5e-3  # a lag of 5 ms behind a step of 340 W in each
    assert made.license.startswith("MIT")


def test_too_few_points_are_a_verdict_and_no_list(command, tmp_path):
    command("make", "training", "--rating", "300 kW")
    code, out, err = command("fit", "training.csv", *FIT, "--points", 50, "--output", "list.csv")
    assert (code, err) == (1, "")
    assert "It does not fit" in out
    assert "points are enough" in out
    assert not (tmp_path / "list.csv").exists()


def test_picture_of_a_fit(command, tmp_path):
    command("make", "start_ramp", "--rating", "300 kW")
    assert command("fit", "start_ramp.csv", *FIT, "--picture", "fit.html")[0] == 0
    assert "played less profile" in (tmp_path / "fit.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("make", "trainin"), "there is no 'trainin'"),
        (("make", "training", "--set", "period=5"), "training.period"),
        (("make", "training", "--output", "x.txt"), "written as .csv or .parquet"),
        (("make", "training", "--nodes", "4", "--step", "1 us"), "lengthen the step"),
        (("make", "training", "--nodes", "4", "--step", "1e-310 s"), "lengthen the step"),
        (("make", "training", "--filter", "1e-320 s"), "too short for 60 s: needs 0.0003 s"),
        (("make", "inference_azure", "--set", "seed=-1"), "seed = -1 must be a whole number"),
        (("make", "inference_azure", "--set", "seed=1.5"), "seed = 1.5 must be a whole number"),
        (("import", "gpu_4090_step", "--base", "1 W", "--rating", "1 kW"), "cannot be that of a rating"),
        (("show", "nothing"), "there is no profile 'nothing'"),
        (("show", "nothing.csv"), "nothing.csv: cannot be opened"),
        (("import", "gpu_4090_step", "--unit", "kW"), "is a profile already: --unit is for a trace"),
        (("import", "nothing.csv"), "nothing.csv: cannot be opened"),
        (("fit", "training", *FIT), "--rating"),
        (("fit", "gpu_4090_step", *FIT, "--dwell", "1 ms"), "expected a range"),
        (("fit", "gpu_4090_step", *FIT, "--dwell", "2 s .. 1 s"), "--dwell '2 s .. 1 s': a limit"),
        (("fit", "gpu_4090_step", *FIT, "--error", "-1 %"), "--error = -1 % is outside 0 .. 100 %"),
        (("fit", "gpu_4090_step", *FIT, "--slew", "1 W/s"), "times as long"),
    ],
)
def test_what_is_wrong_is_one_line(command, arguments, words):
    code, out, err = command(*arguments)
    assert (code, out) == (2, "")
    assert words in one_line(err)


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (("--seed", "-1"), "--seed: '-1' is not a whole number from 0 on"),
        (("--nodes", "0"), "--nodes: '0' is not a whole number from 1 on"),
    ],
)
def test_counts_and_seeds_are_whole_numbers(command, capsys, option, words):
    with pytest.raises(SystemExit):
        command("make", "training", *option)
    assert words in capsys.readouterr().err


def test_a_profile_needs_no_suffix(command, tmp_path):
    command("make", "start_ramp")
    (tmp_path / "start_ramp.csv").rename(tmp_path / "mine")
    assert command("show", "mine")[0] == 0


def test_help_has_examples(command, capsys):
    for action in ("make", "import", "show", "fit", "list"):
        with pytest.raises(SystemExit):
            command(action, "--help")
        assert f"  hil profile {action}" in capsys.readouterr().out
