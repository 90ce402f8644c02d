"""dq impedance and the generalised Nyquist criterion against state-space models derived here."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.analysis.stability.grid_stability import UNSURE, Grid, critical_scr, impedance_findings, on_grid
from hil.analysis.stability.impedance import (
    DqImpedance,
    OperatingPoint,
    dq_impedance,
    grid_impedance,
    response,
)
from hil.analysis.stability.margins import _decades, margin_findings
from hil.analysis.stability.nyquist import TOO_FEW, active_bands, nyquist, passivity
from hil.analysis.stability.sweep import swept_impedance
from hil.errors import ConfigError
from hil.injections import impedance_from_plan, load_injections
from hil.waveform import Channel, Waveform

HERTZ, RATING, VOLTAGE = 60.0, 100e3, 480.0
W0 = 2 * np.pi * HERTZ
CREST = VOLTAGE * np.sqrt(2 / 3)
AMPS = RATING * 2 / 3 / CREST
BASE = VOLTAGE**2 / RATING
GRID = Grid(RATING, VOLTAGE, 10.0, (10.0, 5.0, 2.0, 1.2))
J = np.array([[0.0, -1.0], [1.0, 0.0]])


def dq_to_abc(dq, angle):
    """Park's transform turned round: d on the crest of phase a."""
    turn = np.exp(1j * (angle - np.arange(3)[:, None] * 2 * np.pi / 3))
    return ((dq[0] + 1j * dq[1]) * turn).real


class Pcs:
    """A current-controlled bridge behind an inductor, with PLL and filtered feed-forward.

    Generator convention; complex d + j q in the frame of the grid: L di/dt = u - v - (R + j w0 L) i.
    """

    L, R = 0.15 * BASE / W0, 0.005 * BASE
    KP = 2 * np.pi * 250 * L
    KI = KP * 2 * np.pi * 25
    FEED = 2 * np.pi * 300

    def __init__(self, pll=25.0, amps=AMPS):
        self.kp = 2 * np.pi * pll
        self.ki = self.kp**2 / 4
        self.amps = amps
        # i, integrators, filtered voltage, PLL's integrator and angle
        drop = self.R * amps
        self.rest = np.array([amps, 0, drop, 0, CREST, 0, 0, 0])

    def bridge(self, x):
        i, integral, feed, turn = (*(x[0:6:2] + 1j * x[1:6:2]), np.exp(1j * x[7]))
        own = i / turn
        return (self.KP * (self.amps - own) + integral + 1j * W0 * self.L * own + feed) * turn

    def slope(self, x, v, di):
        turn = np.exp(1j * x[7])
        own, seen = (x[0] + 1j * x[1]) / turn, v / turn
        integral, feed = self.KI * (self.amps - own), self.FEED * (seen - (x[4] + 1j * x[5]))
        error = seen.imag / CREST
        return np.array(
            [
                di.real,
                di.imag,
                integral.real,
                integral.imag,
                feed.real,
                feed.imag,
                self.ki * error,
                self.kp * error + x[6],
            ]
        )

    def alone(self, x, v):
        v = complex(*v)
        di = (self.bridge(x) - v - (self.R + 1j * W0 * self.L) * (x[0] + 1j * x[1])) / self.L
        return self.slope(x, v, di)

    def on(self, x, scr, x_over_r):
        """Return dx/dt on a grid behind R-L; its source is what makes the terminals those of the rest."""
        size = BASE / scr
        r = size / np.sqrt(1 + x_over_r**2)
        l = r * x_over_r / W0  # noqa: E741 - an inductance
        source = CREST - (r + 1j * W0 * l) * self.amps
        i = x[0] + 1j * x[1]
        both = self.L + l
        di = (self.bridge(x) - source - (self.R + r + 1j * W0 * both) * i) / both
        return self.slope(x, source + (r + 1j * W0 * l) * i + l * di, di)

    def linear(self):
        a = jacobian(lambda x: self.alone(x, (CREST, 0.0)), self.rest)
        b = jacobian(lambda v: self.alone(self.rest, v), np.array([CREST, 0.0]))
        return a, b

    def impedance(self, frequency):
        """Return -V/I, shape (m, 2, 2)."""
        a, b = self.linear()
        s = 2j * np.pi * np.asarray(frequency)[:, None, None]
        return -np.linalg.inv(np.linalg.solve(s * np.eye(8) - a, b + 0j)[:, :2])

    def unstable(self, scr, x_over_r=GRID.x_over_r):
        poles = np.linalg.eigvals(jacobian(lambda x: self.on(x, scr, x_over_r), self.rest))
        return int((poles.real > 0).sum())


def jacobian(function, at):
    columns = []
    for k in range(at.size):
        step = np.zeros(at.size)
        step[k] = 1e-6 * max(1.0, abs(at[k]))
        columns.append((function(at + step) - function(at - step)) / (2 * step[k]))
    return np.array(columns).T


def known(pcs, frequency, title="", uncertainty=0.0):
    m = len(frequency)
    return DqImpedance(
        np.asarray(frequency, float),
        pcs.impedance(frequency),
        np.full((m, 2, 2), uncertainty),
        np.full(m, 1e6),
        ("ok",) * m,
        OperatingPoint(HERTZ, CREST, 1.5 * CREST * pcs.amps, 0.0),
        title,
    )


SWEEP = np.geomspace(0.5, 3000, 400)


def waves(
    z, frequency, axis, *, rate=10e3, seconds=0.6, size=0.02, noise=0.0, seed=0, harmonics=True, hertz=HERTZ
):
    """Return v and i of phases a, b, c: the rest, and a steady injection of voltage on an axis; V = -Z I."""
    t = np.arange(round(rate * seconds)) / rate
    dv = size * CREST * np.array([[1.0, 0.0], [0.0, 1.0], [0.8, 0.6]]["dqx".index(axis)])
    di = -np.linalg.solve(z, dv)
    turn = np.exp(1j * (2 * np.pi * frequency * t + 0.4))
    v = np.array([[CREST], [0]]) + (dv[:, None] * turn).real
    i = np.array([[AMPS], [0.2 * AMPS]]) + (di[:, None] * turn).real
    if harmonics:  # 5 % of the 5th, 3 % of the 7th, 2 % unbalance
        for order, share in ((-5, 0.05), (7, 0.03), (-1, 0.02)):
            ripple = share * np.exp(1j * (order - 1) * 2 * np.pi * hertz * t + 1j * order)
            v += CREST * np.array([ripple.real, ripple.imag])
            i += AMPS * np.array([ripple.imag, ripple.real])
    angle = 2 * np.pi * hertz * t + 1.1 + seed
    rng = np.random.default_rng(seed)
    va, ia = dq_to_abc(v, angle), dq_to_abc(i, angle)
    return va + noise * CREST * rng.standard_normal(va.shape), ia + noise * AMPS * rng.standard_normal(
        ia.shape
    )


def measured(z, frequency, axes="dq", seed=0, **options):
    pair = [
        response(*waves(z, frequency, axis, seed=2 * seed + k, **options), 10e3, frequency)
        for k, axis in enumerate(axes)
    ]
    return dq_impedance([tuple(pair)])


@pytest.mark.parametrize("frequency", [10.0, 41.3, 80.0, 333.0, 1200.0])
@pytest.mark.parametrize("hertz", [60.0, 49.87])
def test_an_inductive_branch(frequency, hertz):
    r, l = 0.1, 1e-3  # noqa: E741 - an inductance
    s, w0 = 2j * np.pi * frequency, 2 * np.pi * hertz
    z = np.array([[r + s * l, -w0 * l], [w0 * l, r + s * l]])  # closed form
    found = measured(z, frequency, seconds=1.0, hertz=hertz)
    assert found.states == ("ok",)
    assert np.abs(found.z[0] - z).max() < 1e-4 * np.abs(z).max()
    assert found.point.hertz == pytest.approx(hertz, abs=1e-4)
    assert found.point.voltage == pytest.approx(CREST, rel=1e-4)
    assert found.point.active_power == pytest.approx(RATING, rel=1e-3)
    assert found.point.reactive_power == pytest.approx(-0.2 * RATING, rel=1e-3)
    # the same branch seen from the other end
    pair = [response(*waves(z, frequency, a, hertz=hertz, seconds=1.0), 10e3, frequency) for a in "dq"]
    assert dq_impedance([tuple(pair)], inward=True).z[0] == pytest.approx(-z, abs=1e-4 * np.abs(z).max())


def test_grid_impedance_is_its_short_circuit_power():
    z = grid_impedance(np.array([80.0]), scr=5.0, x_over_r=10.0, rating=RATING, voltage=VOLTAGE, hertz=HERTZ)[
        0
    ]
    x = z[1, 0].real
    assert np.hypot(z[0, 0].real, x) == pytest.approx(VOLTAGE**2 / (5 * RATING))
    assert x / z[0, 0].real == pytest.approx(10)
    assert z[0, 0].imag == pytest.approx(x * 80 / HERTZ)
    assert z[0, 1] == -z[1, 0]
    assert z[1, 1] == z[0, 0]
    with pytest.raises(ConfigError, match="scr"):
        grid_impedance(np.array([80.0]), scr=0.0, x_over_r=10.0, rating=RATING, voltage=VOLTAGE, hertz=HERTZ)


def test_a_simulated_current_loop():
    """Step through time from rest, exactly, and compare with the transfer function of the same matrices."""
    from scipy import signal

    pcs, rate = Pcs(), 10e3
    a, b = pcs.linear()
    plant = signal.StateSpace(a, b, np.eye(2, 8), np.zeros((2, 2)))
    t = np.arange(round(1.5 * rate)) / rate
    for frequency in (15.0, 90.0, 400.0):
        pair = []
        for axis in range(2):
            dv = np.zeros((t.size, 2))
            dv[:, axis] = 0.01 * CREST * np.sin(2 * np.pi * frequency * t)
            fine = signal.StateSpace(a, b, np.eye(2, 8), np.zeros((2, 2)))
            _, di, _ = signal.lsim(fine if axis else plant, dv, t)
            angle = W0 * t + 0.3
            v = dq_to_abc(np.add(dv.T, [[CREST], [0]]), angle)
            i = dq_to_abc(np.add(di.T, [[AMPS], [0]]), angle)
            pair.append(response(v[:, 5000:], i[:, 5000:], rate, frequency))
        found = dq_impedance([tuple(pair)])
        truth = pcs.impedance([frequency])[0]
        # straight lines between samples, as lsim takes its input, cost (pi f / rate)^2 / 3
        wide = 1e-3 + (np.pi * frequency / rate) ** 2
        assert np.abs(found.z[0] - truth).max() < wide * np.abs(truth).max()


def test_the_interval_holds_in_noise():
    z = Pcs().impedance([80.0])[0]
    inside, errors, stated = 0, [], []
    for seed in range(60):
        found = measured(z, 80.0, noise=0.003, seed=seed + 1, seconds=0.3, harmonics=False)
        away = found.z[0] - z
        inside += (np.abs(away.real) < found.uncertainty[0]).sum()
        inside += (np.abs(away.imag) < found.uncertainty[0]).sum()
        errors.append(np.concatenate([away.real.ravel(), away.imag.ravel()]))
        stated.append(np.tile(found.uncertainty[0].ravel(), 2))
    assert 0.9 < inside / 480 < 0.99  # stated 95 %; the eight of a run are correlated
    ratio = 2 * np.sqrt(np.mean(np.square(errors), axis=0)) / np.sqrt(np.mean(np.square(stated), axis=0))
    assert ratio == pytest.approx(np.ones(8), abs=0.3)


@settings(max_examples=10, deadline=None)
@given(size=st.floats(0.005, 0.05), axes=st.sampled_from(["dq", "qd", "xd", "qx"]), turn=st.integers(0, 9))
def test_size_direction_and_begin_of_the_injections_do_not_matter(size, axes, turn):
    z = Pcs().impedance([80.0])[0]
    found = measured(z, 80.0, axes, size=size, seed=turn)
    assert np.abs(found.z[0] - z).max() < 2e-3 * np.abs(z).max()


def test_what_cannot_be_known_says_why():
    z = Pcs().impedance([80.0])[0]
    assert measured(z, 80.0, "dd").states == ("injections not independent",)
    assert measured(z, 80.0, noise=0.3, size=0.001).states == ("noise",)
    assert measured(z, 80.0, seconds=0.04).states == ("record too short",)
    assert measured(z, 120.0).states == ("at a harmonic",)
    for found in (measured(z, 80.0, "dd"), measured(z, 120.0)):
        assert np.isnan(found.z).all()
        assert np.isnan(found.uncertainty).all()
    v, i = waves(z, 80.0, "d")
    v[0, 7] = np.nan
    assert response(v, i, 10e3, 80.0).state == "spoilt samples"
    assert response(np.zeros((3, 6000)), i, 10e3, 80.0).state == "no fundamental"
    with pytest.raises(ConfigError, match="no pair"):
        dq_impedance(
            [(response(*waves(z, 80.0, "d"), 10e3, 80.0), response(*waves(z, 90.0, "q"), 10e3, 90.0))]
        )


@pytest.mark.parametrize("pll", [10.0, 25.0, 60.0])
@pytest.mark.parametrize("scr", [10.0, 5.0, 3.0, 2.0, 1.5, 1.2])
def test_encirclements_are_the_unstable_poles_of_the_closed_loop(pll, scr):
    pcs = Pcs(pll)
    assert np.linalg.eigvals(pcs.linear()[0]).real.max() < 0  # stable on a stiff grid
    sure, found = on_grid(known(pcs, SWEEP), GRID, scr)
    assert sure == "ok"
    assert found.unstable == pcs.unstable(scr)
    assert found.stable == (found.unstable == 0)


def test_both_verdicts_occur_and_the_critical_ratio_is_between():
    pcs = Pcs(60.0)
    assert pcs.unstable(5.0) == 0
    assert pcs.unstable(1.2) == 2
    value, wide, state = critical_scr(known(pcs, SWEEP), GRID)
    assert state == "ok"
    low, high = 1.2, 5.0  # by bisection of the poles
    while high - low > 1e-4:
        middle = (low + high) / 2
        low, high = (middle, high) if pcs.unstable(middle) else (low, middle)
    assert abs(value - high) < wide + 1e-3
    assert wide < 0.05
    assert on_grid(known(pcs, SWEEP), GRID, high)[1].distance < 0.01
    assert (
        critical_scr(known(pcs, SWEEP), Grid(RATING, VOLTAGE, 10.0, (10.0, 5.0)))[2] == "stable on all grids"
    )
    weak = Grid(RATING, VOLTAGE, 10.0, (1.2,))
    assert critical_scr(known(pcs, SWEEP), weak) == (None, None, "unstable on the strongest grid")


def test_too_few_frequencies_are_said_and_not_guessed():
    found = on_grid(known(Pcs(60.0), [2.0, 300.0, 3000.0]), GRID, 1.2)
    assert found[0] == TOO_FEW
    assert found[1].unstable is None
    assert found[1].stable is None
    assert critical_scr(known(Pcs(60.0), [2.0, 300.0, 3000.0]), GRID)[2].startswith("not determinable")


def test_a_verdict_inside_the_uncertainty_is_none():
    pcs = Pcs(60.0)
    assert on_grid(known(pcs, SWEEP, uncertainty=1e-4), GRID, 5.0)[0] == "ok"
    assert on_grid(known(pcs, SWEEP, uncertainty=3.0), GRID, 5.0)[0] == UNSURE


@pytest.mark.parametrize("gain", [0.5, 1.5])
def test_margins_of_a_diagonal_loop_are_those_of_python_control(gain):
    control = pytest.importorskip("control")
    s = control.tf("s")
    one = gain * 4 / (s + 1) ** 3
    two = 0.3 / (s / 50 + 1)
    frequency = np.geomspace(1e-3, 100, 4000)
    w = 2j * np.pi * frequency
    ratio = np.zeros((frequency.size, 2, 2), complex)
    ratio[:, 0, 0], ratio[:, 1, 1] = one(w), two(w)
    found = nyquist(frequency, ratio)
    gm, pm, sm, wpc, wgc, wms = control.stability_margins(one)
    assert found.stable
    assert found.gain_margin == pytest.approx(gm, rel=1e-4)
    assert found.gain_frequency == pytest.approx(wpc / 2 / np.pi, rel=1e-4)
    assert np.degrees(found.phase_margin) == pytest.approx(pm, rel=1e-3)
    assert found.phase_frequency == pytest.approx(wgc / 2 / np.pi, rel=1e-4)
    assert found.distance == pytest.approx(sm, rel=1e-3)
    assert found.critical_frequency == pytest.approx(wms / 2 / np.pi, rel=5e-3)


@settings(max_examples=15, deadline=None)
@given(gain=st.floats(0.1, 30), angle=st.floats(0, 6.28))
def test_encirclements_of_a_diagonal_loop_in_any_frame(gain, angle):
    # gain / (s + 1)^3 is unstable above 8, with two poles; a rotation of d and q changes no eigenvalue
    if abs(gain - 8) < 0.05:
        return
    frequency = np.geomspace(1e-3, 100, 1000)
    one = gain / (2j * np.pi * frequency + 1) ** 3
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    ratio = turn @ (one[:, None, None] * np.diag([1.0, 0.1])) @ turn.T
    unstable = 2 * (gain > 8) + 2 * (gain > 80)
    assert nyquist(frequency, ratio).unstable == unstable


def test_loci_need_not_be_symmetrical():
    # L = (1 + J a) g(s) has eigenvalues (1 +- j a) g: each locus alone is not its own mirror
    frequency = np.geomspace(1e-3, 100, 2000)
    g = 5 / (2j * np.pi * frequency + 1) ** 3
    found = nyquist(frequency, g[:, None, None] * (np.eye(2) + 0.8 * J))
    # characteristic polynomial: (s+1)^3 + 5 (1 +- 0.8 j) = 0
    poles = [p for sign in (1, -1) for p in np.roots([1, 3, 3, 1 + 5 * (1 + 0.8j * sign)])]
    assert found.unstable == sum(p.real > 0 for p in poles) == 2


def test_a_gap_between_frequencies_may_hide_a_resonance():
    """Within a decade without a measurement a locus may go round and come back."""
    frequency = np.array([1.0, 1.9, 3.7, 7.2, 14.0, 27.0, 52.0, 100.0])
    calm = np.full((8, 1, 1), 0.1) * np.eye(2) + 0j
    assert nyquist(frequency, calm).stable
    gap = nyquist(np.delete(frequency, [3, 4]), calm[:6])
    assert (gap.stable, gap.state) == (None, TOO_FEW)


def test_passivity():
    frequency = np.array([1.0, 2.0, 3.0, 4.0])
    y = np.array([np.diag([1.0, 2.0]), np.diag([-1.0, 2.0]), np.diag([1.0, -1.0]), np.eye(2) + 5 * J]) + 0j
    margin = passivity(y)
    assert margin == pytest.approx([1, -1, -1, 1])  # a skew part takes no power
    assert active_bands(frequency, margin) == ((1.5, 3.5),)
    assert active_bands(frequency, np.full(4, -1.0)) == ((1.0, 4.0),)
    assert active_bands(frequency, np.ones(4)) == ()


def test_the_pll_makes_a_pcs_active_at_low_frequencies():
    low = passivity(np.linalg.inv(Pcs(60.0).impedance([1.0, 5.0])))
    assert (low < 0).all()  # constant power: a negative resistance -V/I on the q axis


def test_findings():
    points = [known(Pcs(60.0), SWEEP, "full power"), known(Pcs(60.0, 0.3 * AMPS), SWEEP, "30 %")]
    findings = impedance_findings(points, GRID)
    results = {r.key: r for r in findings.results}
    assert 1.2 < results["critical_scr_1"].value < 5
    assert results["critical_scr_2"].value is None or (
        results["critical_scr_2"].value < results["critical_scr_1"].value
    )
    assert results["passivity_1"].value < 0
    assert {s.group for s in findings.spectra} == {"impedance", "phase", "nyquist_distance", "passivity"}
    assert len({s.key for s in findings.spectra}) == len(findings.spectra)
    margins, quality = findings.tables
    assert len(margins.rows) == 8
    assert [row[4] for row in margins.rows[:4]] == ["stable", "stable", margins.rows[2][4], "unstable"]
    for table in (margins, quality):
        assert all(len(row) == len(table.columns) == len(table.units) for row in table.rows)
    alone = impedance_findings(points)
    assert {s.group for s in alone.spectra} == {"impedance", "phase", "passivity"}
    lost = measured(Pcs().impedance([80.0])[0], 80.0, "dd")
    findings = impedance_findings([lost], GRID)
    assert findings.results[0].state == "not determinable"
    assert "injections not independent" in findings.warnings[0]


PLAN = """
title = "PCS"
[grid]
rating = "100 kVA"
voltage = "480 V"
x_over_r = 10
scr = [5.0, 1.2]
[[point]]
title = "full power"
active_power = "100 kW"
"""
SEGMENT = (
    '[[point.segment]]\ncapture = "{}"\nbegin = "{} s"\nend = "{} s"\nfrequency = "{} Hz"\naxis = "{}"\n'
)


def write(folder, text):
    path = folder / "plan.toml"
    path.write_text(text)
    return path


def test_a_plan_from_captures(tmp_path):
    pcs, text, captures = Pcs(), PLAN, {}
    for frequency in (80.0, 30.0):
        for axis in "dq":
            name = f"{axis}{frequency:g}"
            v, i = waves(pcs.impedance([frequency])[0], frequency, axis, seconds=1.0)
            if frequency == 30.0:  # between lines
                v = v - np.roll(v, -1, axis=0)
            phases = "abc" if frequency == 80.0 else ("ab", "bc", "ca")
            channels = [Channel(f"v{p}", "V", "voltage", p) for p in phases]
            channels += [Channel(f"i{p}", "A", "current", p) for p in "abc"]
            captures[name] = Waveform(np.vstack([v, i]), tuple(channels), 10e3, start=-0.1)
            text += SEGMENT.format(name, 0.1, 0.8, frequency, axis)
    plan = load_injections(write(tmp_path, text))
    assert plan.grid == Grid(100e3, 480.0, 10.0, (5.0, 1.2))
    asked = []
    (found,) = impedance_from_plan(plan, lambda name: asked.append(name) or captures[name])
    assert sorted(asked) == sorted(captures)
    assert list(found.frequency) == [30.0, 80.0]
    truth = pcs.impedance([30.0, 80.0])
    assert np.abs(found.z - truth).max() < 2e-3 * np.abs(truth).max()
    assert found.title == "full power"

    spoilt = np.ones(10000, bool)
    spoilt[5000] = False
    bad = {
        **captures,
        "d80": Waveform(captures["d80"].samples, captures["d80"].channels, 10e3, -0.1, valid=spoilt),
    }
    (found,) = impedance_from_plan(plan, bad.__getitem__)
    assert found.states == ("ok", "spoilt samples")

    with pytest.raises(ConfigError, match="d30 runs from -0.1 to 0.5 s; the plan asks for 0.1 to 0.8 s"):
        impedance_from_plan(plan, lambda name: captures[name].part(0, 6000))
    with pytest.raises(ConfigError, match="three voltages and three currents"):
        impedance_from_plan(
            plan, lambda name: Waveform(captures[name].samples[:2], captures[name].channels[:2], 10e3, -0.1)
        )
    other = load_injections(write(tmp_path, text.replace("100 kW", "50 kW")))
    with pytest.raises(ConfigError, match="the plan states 50 kW"):
        impedance_from_plan(other, captures.__getitem__)


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ('axis = "q"', 'axis = "d"', "two injections on d at 80 Hz"),
        ('axis = "q"', 'axis = "x"', 'neither "d" nor "q"'),
        ('end = "2 s"', 'end = "1 s"', "before it begins"),
        ('frequency = "80 Hz"', "frequency = 80", "write the unit"),
        ('frequency = "80 Hz"', 'frequency = "0 Hz"', "not positive"),
        ('capture = "a"', "capture = 1", "not a text"),
        ('capture = "a"', 'capture = "a"\nchannel = 1', "unknown key channel"),
        ("x_over_r = 10", "x_over_r = -1", "x_over_r"),
        ("scr = [5.0, 1.2]", "scr = [true]", "scr"),
        ('rating = "100 kVA"', 'rating = "0 kVA"', "rating"),
        ('title = "PCS"', "", "title is missing"),
        ("[[point.segment]]", "[[point.part]]", "segment is missing"),
    ],
)
def test_a_plan_is_read_strictly(tmp_path, old, new, match):
    text = PLAN + SEGMENT.format("a", 1, 2, 80, "d") + SEGMENT.format("a", 3, 4, 80, "q")
    load_injections(write(tmp_path, text))
    with pytest.raises(ConfigError, match=match):
        load_injections(write(tmp_path, text.replace(old, new)))


def test_a_plan_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError, match="nowhere"):
        load_injections(tmp_path / "nowhere.toml")
    lone = PLAN + SEGMENT.format("a", 1, 2, 80, "d")
    with pytest.raises(ConfigError, match="no injection on q"):
        load_injections(write(tmp_path, lone))


def swept(pcs, frequencies, seconds, *, noise=0.0):
    """Return a capture in which all frequencies are injected at once, first on d, then on q."""
    rate, parts = 20e3, []
    for axis in "dq":
        whole = [
            waves(z, f, axis, rate=rate, seconds=seconds, size=0.002)
            for f, z in zip(frequencies, pcs, strict=True)
        ]
        plain = waves(pcs[0], frequencies[0], axis, rate=rate, seconds=seconds, size=0.0)
        rest = np.vstack(plain)
        parts.append(rest + sum(np.vstack(one) - rest for one in whole))
    samples = np.hstack(parts)
    samples += noise * np.random.default_rng(3).standard_normal(samples.shape)
    channels = tuple(
        Channel(f"{kind}{phase}", unit, quantity, phase)
        for kind, unit, quantity in (("v", "V", "voltage"), ("i", "A", "current"))
        for phase in "abc"
    )
    return Waveform(samples, channels, rate, 0.0, source="sweep")


def test_many_frequencies_at_once_give_what_each_gives_alone():
    """Impedances of the state-space model, with harmonics and unbalance beside them."""
    frequencies = [8.0, 14.0, 22.0, 40.0, 76.0, 150.0, 320.0, 900.0]
    z = Pcs().impedance(frequencies)
    found = swept_impedance(swept(z, frequencies, 1.0), frequencies, (0.0, 1.0), 1.0, "x")
    assert set(found.states) == {"ok"}
    assert found.z == pytest.approx(z, rel=2e-3, abs=2e-3 * np.abs(z).max())
    disturbed = swept(z, frequencies, 1.0)
    ripple = 2.0 * np.cos(2 * np.pi * (HERTZ + 45) * np.arange(len(disturbed)) / disturbed.rate)
    samples = disturbed.samples.copy()
    samples[3] += ripple  # 45 Hz in dq, 5 lines beside the injection at 40 Hz: it is no noise of the others
    beside = swept_impedance(replace(disturbed, samples=samples), frequencies, (0.0, 1.0), 1.0, "x")
    louder = beside.uncertainty.max(axis=(1, 2)) / found.uncertainty.max(axis=(1, 2))
    assert louder.argmax() == 3
    noisy = swept_impedance(swept(z, frequencies, 1.0, noise=0.2), frequencies, (0.0, 1.0), 1.0, "x")
    off = np.abs(noisy.z - z)
    assert (off[noisy.known] < 3 * noisy.uncertainty[noisy.known] + 1e-3).mean() > 0.9
    assert noisy.uncertainty[3].max() > 3 * found.uncertainty[3].max()


def test_frequencies_at_harmonics_are_said_so_and_the_others_found():
    frequencies = [20.0, 58.0, 100.0]
    z = Pcs().impedance(frequencies)
    found = swept_impedance(swept(z, frequencies, 1.0), frequencies, (0.0, 1.0), 1.0, "x")
    assert found.states == ("ok", "at a harmonic", "ok")


def test_a_capture_that_ends_before_the_injection_is_refused():
    frequencies = [20.0, 100.0]
    capture = swept(Pcs().impedance(frequencies), frequencies, 1.0)
    with pytest.raises(
        ConfigError, match=r"sweep: an injection lasts from 1.5 to 2.5 s, the capture ends at 2 s"
    ):
        swept_impedance(capture, frequencies, (0.0, 1.5), 1.0, "x")


def test_margins_are_those_of_the_closed_form():
    """Y = k / Z_grid on both axes: L = k, negative where the unit is active; that of k = -1/2 is 6.02 dB.

    A factor of 1/2 e^(j phi) on it never reaches the unit circle: there is no phase margin.
    """
    frequency = np.geomspace(2, 2000, 60)
    for k, decibels in ((-0.5, 6.0206), (-0.8, 1.938)):
        point = known_as(frequency, k)
        found = {r.key: r for r in margin_findings(point, GRID, 2.0).results}
        assert found["stability"].state == "stable"
        assert found["gain_margin"].value == pytest.approx(decibels, abs=1e-3)
        assert (found["phase_margin"].value, found["phase_margin"].state) == (None, "no crossing")


def test_a_locus_on_the_positive_axis_is_counted_nowhere():
    """L = 1/2 that turns a little: it crosses the real axis, but not where a factor makes it -1."""
    point = known_as(np.geomspace(2, 2000, 60), 0.5)
    found = {r.key: r for r in margin_findings(point, GRID, 2.0).results}
    for key in ("gain_margin", "phase_margin"):
        assert (found[key].value, found[key].state) == (None, "no crossing")


def test_each_margin_stands_with_its_own_frequency():
    """L has size 1 at 10 Hz, 60 deg before -1; it is real and negative at 40 Hz, with a size of 1/4."""
    frequency = 10.0 * 2.0 ** np.arange(-2, 8.1, 0.25)
    turn = np.interp(np.log(frequency), np.log([2.5, 10.0, 40.0, 2560.0]), [1.0, -120.0, -180.0, -200.0])
    point = with_ratio(frequency, 10.0 / frequency * np.exp(1j * np.radians(turn)))
    found = {r.key: r for r in margin_findings(point, GRID, 2.0).results}
    assert found["stability"].state == "stable"
    assert found["phase_margin"].value == pytest.approx(60.0)
    assert found["gain_margin"].value == pytest.approx(20 * np.log10(4.0))
    notes = [found[key].note for key in ("phase_margin", "gain_margin")]
    assert notes == ["at 10 Hz in dq", "at 40 Hz in dq"]
    table = impedance_findings([point], Grid(RATING, VOLTAGE, 10.0, (2.0,))).tables[0]
    row = dict(zip(table.columns, table.rows[0], strict=True))
    assert (row["Phase margin"], row["Gain margin"]) == pytest.approx((60.0, 4.0))


def known_as(frequency, k):
    """Return an impedance with L = k (1 + a little that turns) at an SCR of 2."""
    return with_ratio(frequency, k * np.exp(0.3j * np.sin(np.linspace(0, 2 * np.pi, frequency.size))))


def with_ratio(frequency, ratio):
    """Return an impedance with this L on both axes at an SCR of 2."""
    z_grid = grid_impedance(frequency, scr=2.0, x_over_r=10.0, rating=RATING, voltage=VOLTAGE, hertz=HERTZ)
    m = frequency.size
    return DqImpedance(
        frequency,
        z_grid / ratio[:, None, None],
        np.zeros((m, 2, 2)),
        np.full(m, 1e6),
        ("ok",) * m,
        OperatingPoint(HERTZ, CREST, RATING, 0.0),
    )


def test_an_unstable_loop_has_no_margins_and_a_stable_one_has_those_of_the_state_space_model():
    """The PLL of 150 Hz is unstable at an SCR of 1.2 by its poles, that of 25 Hz is not."""
    for pll, state in ((25.0, "stable"), (150.0, "unstable")):
        pcs = Pcs(pll)
        assert (pcs.unstable(1.2) > 0) == (state == "unstable")
        found = {r.key: r for r in margin_findings(known(pcs, SWEEP), GRID, 1.2).results}
        assert found["stability"].state == state
        assert (found["phase_margin"].value is None) == (state == "unstable")
        if state == "stable":
            told = on_grid(known(pcs, SWEEP), GRID, 1.2)[1].phase_margin
            assert found["phase_margin"].value == pytest.approx(np.degrees(told))
    assert found["gain_margin"].state == "unstable"


def test_passivity_is_told_decade_by_decade():
    """A conductance, negative below 50 Hz: the decade of 10 Hz is passive at 5 of its 9 frequencies."""
    frequency = np.arange(10.0, 301.0, 10.0)
    conductance = np.where(frequency < 50, -0.25, 0.5)
    z = np.eye(2) / conductance[:, None, None] + 0j
    m = frequency.size
    point = DqImpedance(frequency, z, np.zeros((m, 2, 2)), np.full(m, 1e6), ("ok",) * m, None)
    (table,) = _decades(point)
    assert [row[:3] for row in table.rows] == [(10.0, 100.0, -0.25), (100.0, 1000.0, 0.5)]
    assert [row[4] for row in table.rows] == pytest.approx([100 * 5 / 9, 100.0])
