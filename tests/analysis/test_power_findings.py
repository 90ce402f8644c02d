"""What the powers of a whole capture come to, from reduced data made in closed form."""

from math import cos, radians, sqrt

import numpy as np
import pytest

from hil.analysis.power.findings import power_findings
from hil.analysis.power.phase_findings import jump_results
from hil.analysis.quality.values import HalfCycles, Intervals, Quality
from hil.waveform import Channel

ORDERS = 8


def phasor(size, degrees):
    return size * np.exp(1j * radians(degrees))


def balanced(size, degrees=0.0, order=1):
    """Return one harmonic order of three phases in the order a-b-c, as RMS phasors."""
    x = np.zeros((3, ORDERS), complex)
    x[:, order] = phasor(size, degrees) * np.exp(-2j * np.pi / 3 * order * np.arange(3))
    return x


def quality_of(u, i, *, hertz=50.0, phases="abc", seconds=2.0, spoilt=(), uncertainty=None, half=None):
    """Return the reduced data of a steady capture whose RMS phasors are given, shape (phases, orders)."""
    k, m = round(seconds * 5), round(seconds * 2 * hertz)
    both = np.vstack([u, i])
    rms = np.sqrt((np.abs(both) ** 2).sum(axis=1))
    flags = np.zeros(k, bool)
    flags[list(spoilt)] = True
    wide = np.ones(k)
    pairs = tuple((n, n) for n in range(len(i)) if len(phases[n]) == 1) if len(u) == len(i) else ()
    begin = np.arange(k) * 0.2
    empty = np.empty((len(both), k, 0), np.float32)
    intervals = Intervals(
        cycles=10,
        begin=begin,
        end=begin + 0.2,
        frequency=hertz * wide,
        held=np.zeros(k, bool),
        spoilt=flags,
        rms=rms[:, None] * wide,
        mean=both[:, :1].real * wide,
        phasors=both[:, 1:2] * wide,
        power=np.array([[(u[a] * np.conj(i[b])).real.sum()] for a, b in pairs]).reshape(-1, 1) * wide,
        groups=empty,
        subgroups=empty,
        interharmonics=empty,
        interharmonic_groups=empty,
        bands=empty,
    )
    end = 0.02 + np.arange(m) * 0.5 / hertz
    steady = both[:, 1:2] * np.ones(m) if half is None else half(end, both[:, 1:2])
    return Quality(
        voltages=tuple(Channel(f"v_{p}", "V", "voltage", p, uncertainty) for p in phases),
        currents=tuple(Channel(f"i_{n}", "A", "current", n, uncertainty) for n in "abc"[: len(i)]),
        pairs=pairs,
        frequency=hertz,
        frequency_uncertainty=1e-4,
        intervals=intervals,
        half_cycles=HalfCycles(end, np.full(m, hertz), steady.astype(np.complex64), np.zeros(m, bool)),
        urms=(),
        spectrum=np.empty((len(both), 0)),
        bin_width=5.0,
        flicker=None,
    )


def values(findings):
    return {r.key: r.value for r in findings.results}


def test_findings_of_a_steady_three_phase_capture():
    u, i = balanced(230), balanced(10, -30) + balanced(0.5, 15, order=5)
    found = power_findings(quality_of(u, i, uncertainty=0.003))
    value = values(found)
    assert value["active_power"] == pytest.approx(3 * 2300 * cos(radians(30)))
    assert value["fundamental_reactive_power"] == pytest.approx(3 * 1150)  # lagging: positive
    assert value["displacement_factor"] == pytest.approx(cos(radians(30)))
    assert value["effective_voltage"] == pytest.approx(230)
    assert value["unbalance_power"] == pytest.approx(0, abs=1e-3)
    assert (value["u_positive"], value["i_positive"]) == pytest.approx((230, 10))
    assert value["u_negative"] == pytest.approx(0, abs=1e-9)
    by_key = {r.key: r for r in found.results}
    assert by_key["active_power"].uncertainty == pytest.approx(0.003 * sqrt(2) * 6900, rel=0.01)
    # Whatever sequence the 5th was, the true value lies inside what is stated.
    ie = by_key["effective_current"]
    low, high = sqrt(100.25), sqrt(100 + 4 * 0.25)
    assert ie.value == pytest.approx((low + high) / 2)
    assert ie.uncertainty == pytest.approx(np.hypot((high - low) / 2, 0.003 * ie.value))
    assert "between 10.012 and 10.05 A" in ie.note
    assert by_key["u_positive"].uncertainty == pytest.approx(0.69)
    assert by_key["active_power"].window == pytest.approx((0.0, 2.0))
    assert {r.section for r in found.results} == {"Power", "Voltage and current"}
    (table,) = found.tables
    assert [row[0] for row in table.rows] == ["a", "b", "c"]
    ratio = 100 * 0.5 / 10  # only the current is distorted: SN / S1 = IH / I1
    assert table.rows[1][1:] == pytest.approx(
        (
            2300 * cos(radians(30)),
            1150,
            230 * sqrt(100.25),
            cos(radians(30)) * 10 / sqrt(100.25),
            cos(radians(30)),
            ratio,
        )
    )


def test_neutral_harmonics_that_could_be_large_leave_the_current_open():
    u, i = balanced(230), balanced(10) + balanced(6, order=3)
    found = {r.key: r for r in power_findings(quality_of(u, i)).results}
    assert found["effective_current"].value is None
    assert found["effective_current"].state == "not determinable"
    assert found["power_factor"].value is None
    assert found["active_power"].value == pytest.approx(6900)
    # Three wires have no neutral.
    three = {r.key: r for r in power_findings(quality_of(u, i), wires=3).results}
    assert three["effective_current"].value == pytest.approx(sqrt(136))


def test_spoilt_intervals_and_those_after_the_event_do_not_count():
    quality = quality_of(balanced(230), balanced(10), spoilt=[0])
    quality.intervals.power[:, 0] = 1e9
    quality.intervals.power[:, 6:] = -1e9
    found = {r.key: r for r in power_findings(quality, before=1.3).results}
    assert found["active_power"].value == pytest.approx(6900)
    assert found["active_power"].window == pytest.approx((0.2, 1.2))
    none = {r.key: r for r in power_findings(quality, before=0.1).results}
    assert none["active_power"].value is None
    assert none["active_power"].note == "no undisturbed interval"


def test_a_single_phase():
    distorted = np.zeros((2, 1, ORDERS), complex)
    distorted[0, 0, [1, 3]] = phasor(100, 0), phasor(8, -70)
    distorted[1, 0, [1, 3]] = phasor(100, -30), phasor(20, -165)
    found = values(power_findings(quality_of(*distorted, phases=["a"])))
    assert found["active_power"] == pytest.approx(1e4 * cos(radians(30)) + 160 * cos(radians(95)))
    assert found["apparent_power"] == pytest.approx(sqrt((1e4 + 64) * (1e4 + 400)))
    assert found["power_factor"] == pytest.approx(found["active_power"] / found["apparent_power"])
    assert "u_positive" not in found


def test_voltages_between_lines():
    u, i = balanced(230, 12), balanced(10, -18)
    lines = u - np.roll(u, -1, axis=0)
    found = power_findings(quality_of(lines, i, phases=["ab", "bc", "ca"]), wires=3)
    value = values(found)
    assert value["active_power"] is None  # the harmonics' part is not recorded
    assert value["fundamental_power"] == pytest.approx(6900 * cos(radians(30)))
    assert value["fundamental_reactive_power"] == pytest.approx(3450)
    assert value["effective_voltage"] == pytest.approx(230)
    assert value["u_positive"] == pytest.approx(230 * sqrt(3))
    assert "u_zero" not in value
    p = next(s for s in found.series if s.key == "p_positive")
    assert p.values == pytest.approx(6900 * cos(radians(30)))


def test_a_jump_and_a_ramp_of_the_whole_capture():
    def half(end, phasors):
        # The frequency rises by 1 Hz/s from 2 s to 3 s; at 5 s the phase jumps by 40 degrees.
        x = np.clip(end - 0.01 - 2, 0, 1)
        angle = 2 * np.pi * (x**2 / 2 + np.maximum(end - 0.01 - 3, 0))
        share = np.clip((end - 5) / 0.02, 0, 1)
        return phasors * np.exp(1j * angle) * (1 - share + share * phasor(1, 40))

    found = power_findings(quality_of(balanced(230), balanced(10, 180), seconds=8.0, half=half))
    value = values(found)
    assert value["rocof_max"] == pytest.approx(1.0, rel=0.01)
    assert value["rocof_100ms_max"] == pytest.approx(1.0, rel=0.01)
    assert value["phase_jump"] == pytest.approx(40, abs=0.1)
    (row,) = found.tables[-1].rows
    assert row[:2] == pytest.approx((5.01, 40), abs=0.02)
    series = {s.key: s for s in found.series}
    assert series["frequency_track"].values.max() == pytest.approx(51, abs=0.005)
    assert series["p_positive"].values[:20] == pytest.approx(-6900)  # charging
    assert series["i_active"].values[:20] == pytest.approx(-10)
    assert series["i_reactive"].values[:20] == pytest.approx(0, abs=1e-5)


def test_no_alternating_voltage_is_no_zero():
    quality = quality_of(balanced(230), balanced(10), spoilt=range(10))
    quality.half_cycles.spoilt[:] = True
    found = power_findings(quality)
    assert all(r.value is None and r.state != "ok" for r in found.results)
    assert np.isnan(next(s for s in found.series if s.key == "p_positive").values).all()


def test_the_jump_of_each_phase_as_a_short_dip_begins():
    time = 0.02 + 0.01 * np.arange(60)
    share = np.clip((time - 0.2) / 0.02, 0, 1) * (time <= 0.28)  # ends at 0.28 s, and turns back
    rows = np.array([1 - share + share * 0.5 * phasor(1, degrees) for degrees in (-35, 180)])
    rows = np.vstack([rows, 1 - share])
    one, half_turn, dead = jump_results(time, rows, ["a", "b", "c"], 50.0, 0.2, 0.28)
    assert (one.key, one.section) == ("phase_jump_a", "Voltage event")
    assert one.value == pytest.approx(-35, abs=0.01)
    assert "sign" in half_turn.note
    assert (dead.value, dead.state, dead.note) == (None, "not determinable", "no voltage after")
