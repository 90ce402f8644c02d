"""`hil analyze injections.toml` end to end, on a unit whose impedance is known in closed form.

The unit is a source behind R and L. In the dq frame that turns with the grid its impedance is
[[R + sL, -wL], [wL, R + sL]]; what it injects falls where the voltage at its terminals rises.
"""

import json
import re
from pathlib import Path

import numpy as np
import pytest

RATE, W = 5e3, 2 * np.pi * 60
R, L = 0.2, 1e-3
VOLTS = 480 * np.sqrt(2 / 3)  # crest
AMPS = 100e3 / (1.5 * VOLTS)
FREQUENCIES = (10.0, 20.0, 40.0, 80.0, 130.0, 200.0, 330.0, 500.0)


def impedance(hertz):
    s = 2j * np.pi * hertz
    return np.array([[R + s * L, -W * L], [W * L, R + s * L]])


def sweep(path, axis):
    """Write a capture of one second for each frequency, the voltage swinging by 2 % on one axis."""
    t = np.arange(round(len(FREQUENCIES) * RATE)) / RATE
    swing = np.zeros((4, t.size))
    for k, hertz in enumerate(FREQUENCIES):
        voltage = np.array([axis == "d", axis == "q"]) * 0.02 * VOLTS
        current = np.linalg.solve(impedance(hertz), -voltage)
        here = (t >= k) & (t < k + 1)
        swing[:, here] = np.real(np.outer([*voltage, *current], np.exp(2j * np.pi * hertz * t[here])))
    ud, uq, i_d, iq = swing + np.array([[VOLTS], [0], [AMPS], [0]])
    rows = [t]
    for d, q in ((ud, uq), (i_d, iq)):
        for phase in range(3):
            angle = W * t - 2 * np.pi * phase / 3
            rows.append(d * np.cos(angle) - q * np.sin(angle))
    names = "t,v_a,v_b,v_c,i_a,i_b,i_c"
    np.savetxt(path, np.stack(rows, 1), delimiter=",", header=names, comments="", fmt="%.9g")


def plan(active_power="100 kW"):
    lines = [
        'title = "PCS 100 kVA"', "[grid]", 'rating = "100 kVA"', 'voltage = "480 V"', "x_over_r = 5.0",
        "scr = [10.0, 1.5]", "[[point]]", 'title = "full power"', f'active_power = "{active_power}"',
    ]  # fmt: skip
    for axis in "dq":
        for k, hertz in enumerate(FREQUENCIES):
            lines += ["[[point.segment]]", f'capture = "sweep {axis}.csv"', f'begin = "{k} s"']
            lines += [f'end = "{k + 1} s"', f'frequency = "{hertz:g} Hz"', f'axis = "{axis}"']
    return "\n".join(lines) + "\n"


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "lab"
    folder.mkdir()
    for axis in "dq":
        sweep(folder / f"sweep {axis}.csv", axis)
    (folder / "injections.toml").write_text(plan())
    return folder


def test_the_impedance_and_its_margins(hil, folder):
    code, out, err = hil("analyze", "lab/injections.toml", "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found["title"] == "PCS 100 kVA"
    assert found["warnings"] == []
    told = {s["key"]: np.array(s["values"]) for s in found["spectra"]}
    for k, hertz in enumerate(FREQUENCIES):
        for row, a in enumerate("dq"):
            for column, b in enumerate("dq"):
                z = impedance(hertz)[row, column]
                assert told[f"impedance_{a}{b}_1"][k] == pytest.approx(abs(z), rel=1e-4)
                turned = told[f"phase_{a}{b}_1"][k] - np.degrees(np.angle(z))
                assert (turned + 180) % 360 - 180 == pytest.approx(0, abs=0.02)
    # The eigenvalues of Y are 1 / (R + j(2 pi f +- w)L), and Y + Y^H is twice their real part.
    x = (2 * np.pi * FREQUENCIES[-1] + W) * L
    (passive,) = (r["value"] for r in found["results"] if r["key"] == "passivity_1")
    assert passive == pytest.approx(R / (R**2 + x**2), rel=1e-3)
    (margins,) = (t for t in found["tables"] if t["title"] == "Stability margins")
    rows = [dict(zip(margins["columns"], row, strict=True)) for row in margins["rows"]]
    # Two passive circuits in series are stable, however weak the grid.
    assert [(row["SCR"], row["Verdict"]) for row in rows] == [(10.0, "stable"), (1.5, "stable")]
    assert rows[0]["P"] == pytest.approx(100e3, rel=1e-3)


def test_the_terminal_and_the_report(hil, folder, tmp_path):
    code, out, err = hil("analyze", "lab/injections.toml", "--report")
    assert (code, err) == (0, "")
    assert out.startswith("injections.toml: PCS 100 kVA\n")
    assert "stable on all grids" in out
    assert out.endswith("Report: injections_report.html\n")
    page = (tmp_path / "injections_report.html").read_text(encoding="utf-8")
    for title in ("PCS 100 kVA", "Impedance in the dq frame", "Passivity", "Distance of the Nyquist loci"):
        assert re.search(rf"<h\d>{title}", page)


def test_a_power_that_the_captures_do_not_show(hil, folder):
    (folder / "injections.toml").write_text(plan("-100 kW"))
    code, out, err = hil("analyze", "lab/injections.toml")
    where = Path("lab") / "injections.toml"
    assert (code, out) == (2, "")
    assert err.startswith(f"hil: {where}: point full power: the captures show 100 kW")
    assert len(err.splitlines()) == 1


def test_what_a_plan_does_not_take(hil, folder):
    code, out, err = hil("analyze", "lab/injections.toml", "--envelope", "ieee2800")
    assert (code, out) == (2, "")
    assert "takes --report and --json" in err


def test_an_empty_plan(hil, folder):
    (folder / "empty.toml").touch()
    code, _, err = hil("analyze", "lab/empty.toml")
    assert code == 2
    assert err.startswith(f"hil: {Path('lab') / 'empty.toml'}: point, title is missing")
    assert len(err.splitlines()) == 1
