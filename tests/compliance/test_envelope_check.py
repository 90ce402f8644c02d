"""Margins of voltages whose time at each level is known, and consecutive events against the rules."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.compliance.envelope import load_envelope
from hil.compliance.envelope_findings import count_events, envelope_findings
from hil.compliance.margins import cumulative_margin, envelope_margin
from hil.compliance.requirements import Repetition
from hil.compliance.sides import excursions
from hil.errors import ConfigError

STEP = 0.01


def course(*parts, step=STEP):
    """Return time and voltage of (voltage, seconds) one after another, and a last value of 1 pu."""
    values = np.concatenate([np.full(round(seconds / step), float(v)) for v, seconds in parts] + [[1.0]])
    return np.arange(values.size) * step, values


@pytest.mark.parametrize(
    ("name", "depth", "seconds", "state", "time", "voltage"),
    [
        # Time margin: the row's time less the time spent. Voltage margin: down to the lowest voltage that
        # is asked for as long, which is 0 pu where the lowest row lasts.
        ("ieee2800", 0.4, 0.3, "inside", 1.2 - 0.3, 0.4),
        ("ieee2800", 0.4, 1.0, "inside", 0.2, 0.4 - 0.25),
        ("ieee2800", 0.4, 1.2, "inside", 0.0, 0.15),
        ("ieee2800", 0.4, 1.5, "outside", -0.3, 0.4 - 0.5),
        ("ieee2800", 0.0, 0.5, "outside", 0.32 - 0.5, -0.25),
        ("ieee2800", 1.15, 0.5, "inside", 0.5, 1.20 - 1.15),
        ("ieee2800", 1.15, 3.0, "outside", -2.0, 1.10 - 1.15),
        ("ieee2800", 1.25, 0.1, "outside", -0.1, 1.20 - 1.25),
        ("ieee1547_cat2", 0.75, 3.5, "inside", 3.87 - 3.5, 0.75 - (0.65 + 0.5 / 8.7)),
        ("ieee1547_cat2", 0.75, 4.0, "outside", 3.87 - 4.0, 0.75 - (0.65 + 1.0 / 8.7)),
        ("vde4110", 0.5, 1.0, "inside", 0.15 + 2.85 / 2 - 1.0, 0.5 - (0.15 + 0.7 * 0.85 / 2.85)),
        ("itic", 0.75, 0.4, "inside", 0.1, 0.75 - 0.70),
        ("aemo_s5254", 1.4, 0.01, "inside", 0.01, None),  # the text has no upper end
    ],
)
def test_a_rectangular_event_in_closed_form(name, depth, seconds, state, time, voltage):
    found = envelope_margin(load_envelope(name), *course((1.0, 0.5), (depth, seconds), (1.0, 0.5)))
    assert found.state == state
    assert found.time == pytest.approx(time, abs=1e-9)
    assert found.voltage == (None if voltage is None else pytest.approx(voltage, abs=1e-9))
    assert found.level == pytest.approx(depth)
    assert found.at == pytest.approx(0.5 + seconds + min(time, 0.0), abs=1e-9)
    assert found.may_trip_from == (None if time >= 0 else pytest.approx(0.5 + seconds + time, abs=1e-9))
    assert found.mode == load_envelope(name).mode(depth)


def test_time_at_a_voltage_counts_the_time_below_it_too():
    """0.3 s at 0.2 pu (0.32 s asked), then 1.0 s at 0.4 pu: 1.3 s below 0.5 pu, where 1.2 s are asked for."""
    found = envelope_margin(load_envelope("ieee2800"), *course((1, 0.2), (0.2, 0.3), (0.4, 1.0), (1, 0.2)))
    assert (found.state, found.level) == ("outside", 0.4)
    assert found.time == pytest.approx(-0.1)
    assert found.may_trip_from == pytest.approx(0.2 + 1.2)


def test_it_may_trip_from_the_first_instant_on_either_side():
    """0.1 s at 1.25 pu (may trip at once), then 0.5 s at 0.2 pu (0.32 s): the dip has the lesser margin."""
    found = envelope_margin(load_envelope("ieee2800"), *course((1, 0.2), (1.25, 0.1), (0.2, 0.5), (1, 0.2)))
    assert (found.state, found.level, found.time) == ("outside", 0.2, pytest.approx(-0.18))
    assert found.at == pytest.approx(0.3 + 0.32)
    assert found.may_trip_from == pytest.approx(0.2)


def test_a_curve_over_time_counts_from_the_begin_of_the_event():
    """0.3 pu at the end of an event of 1.2 s: VDE asks 0.76 s there, though 0.3 pu lasted but 0.2 s."""
    parts = (1, 0.2), (0.8, 1.0), (0.3, 0.2), (1, 0.2)
    found = envelope_margin(load_envelope("vde4110"), *course(*parts))
    assert found.time == pytest.approx(0.15 + 2.85 * 0.15 / 0.7 - 1.2)
    assert (found.state, found.level) == ("outside", 0.3)
    assert envelope_margin(load_envelope("ieee1547_cat3"), *course(*parts)).state == "inside"


def test_a_recovery_along_the_curve_has_no_margin_and_one_above_it_has_its_distance():
    envelope, t = load_envelope("vde4110"), np.arange(-0.1, 4, 1e-3)
    edge = np.where(t < 0, 1.0, np.interp(t, [0.15, 3.0], [0.15, 0.85]))
    for shift in (0.02, -0.02):
        voltage = np.where(t < 3.0, edge + shift, 1.0)
        found = envelope_margin(envelope, t, voltage)
        assert found.voltage == pytest.approx(shift, abs=5e-4)  # 1 ms of the slope is 0.25e-3 pu
        assert found.state == ("inside" if shift > 0 else "outside")


@pytest.mark.parametrize(("seconds", "state"), [(1.17, "inside"), (1.19, "undecided"), (1.21, "undecided"),
                                               (1.23, "outside")])  # fmt: skip
def test_the_edge_within_the_resolution_is_undecided(seconds, state):
    found = envelope_margin(
        load_envelope("ieee2800"), *course((1, 0.2), (0.4, seconds), (1, 0.2)), resolution=0.02
    )
    assert (found.state, found.uncertainty) == (state, 0.02)


@pytest.mark.parametrize(("depth", "state"), [(0.497, "outside"), (0.499, "undecided"), (0.501, "undecided"),
                                             (0.503, "inside")])  # fmt: skip
def test_the_edge_within_the_accuracy_is_undecided(depth, state):
    """Below 0.50 pu 1.2 s are asked for, from there on 3.0 s."""
    event = course((1, 0.2), (depth, 2.0), (1, 0.2))
    assert envelope_margin(load_envelope("ieee2800"), *event, accuracy=0.002).state == state


def test_states_that_are_not_a_margin():
    envelope = load_envelope("ieee2800")
    steady = envelope_margin(envelope, *course((0.97, 20.0)))
    assert (steady.state, steady.time, steady.voltage) == ("continuous", None, pytest.approx(0.05))
    t, v = course((1, 0.2), (0.4, 0.5))
    unfinished = envelope_margin(envelope, t[:-1], v[:-1])
    assert (unfinished.state, unfinished.time, unfinished.voltage) == ("unfinished", None, None)
    t, v = course((0.4, 0.5))
    assert envelope_margin(envelope, t, v).state == "unfinished"  # how long it was so before is not known
    (row, _) = envelope_findings([envelope], t, v[None, :], 1.0, cycle=0.0).tables[0].rows
    assert (row[2], row[3]) == ("unfinished", None)
    t, v = course((1, 0.2), (0.4, 1.5))
    gone = envelope_margin(envelope, t[:-1], v[:-1])
    assert (gone.state, gone.time) == ("outside", None)
    assert gone.may_trip_from == pytest.approx(0.2 + 1.2)
    assert envelope_margin(load_envelope("semi_f47"), *course((1, 0.2), (0.3, 0.1))).state == "not specified"


def test_missing_samples_never_say_inside():
    envelope = load_envelope("ieee2800")
    t, v = course((1, 0.2), (0.4, 0.5), (1, 0.2))
    v[40] = np.nan
    found = envelope_margin(envelope, t, v)
    assert (found.state, found.time, found.valid) == ("not determinable", None, False)
    t, v = course((1, 0.2), (0.4, 2.0), (1, 0.2))
    v[40] = np.nan
    assert (envelope_margin(envelope, t, v).state, envelope_margin(envelope, t, v).valid) == (
        "outside",
        False,
    )
    assert envelope_margin(envelope, t, np.full(t.size, np.nan)).state == "not determinable"


def by_hand(envelope, t, v):
    """Return the time margin from the definition, level by level."""
    held = np.diff(t, append=t[-1])
    levels = sorted({x for x in v.tolist() if math.isfinite(envelope.required_time(x))})
    return min(
        (
            envelope.required_time(x)
            - sum(h for h, y in zip(held, v, strict=True) if (y <= x if x < 1 else y >= x))
            for x in levels
        ),
        default=None,
    )


@given(
    st.sampled_from(["ieee2800", "ieee1547_cat1", "ieee1547_cat2", "prc024", "itic"]),
    st.lists(st.tuples(st.floats(0.0, 1.4), st.integers(1, 80)), min_size=1, max_size=8),
)
@settings(max_examples=60, deadline=None)
def test_any_course_against_the_definition(name, parts):
    envelope = load_envelope(name)
    t, v = course((1, 0.1), *((u, n * STEP) for u, n in parts))
    found = envelope_margin(envelope, t, v)
    expected = by_hand(envelope, t, v)
    assert found.time == (None if expected is None else pytest.approx(expected, abs=1e-9))
    later = envelope_margin(envelope, t + 100.0, v)  # a shift in time changes instants only
    assert later.state == found.state
    if found.may_trip_from is not None:
        assert later.may_trip_from == pytest.approx(found.may_trip_from + 100.0)
        before = t <= found.may_trip_from - STEP  # up to there it was inside
        if before.any():
            assert envelope_margin(envelope, t[before], v[before]).state != "outside"
    wider = envelope_margin(envelope, t, np.stack([v, np.ones(t.size), v]))  # a further, quiet phase
    assert (wider.state, wider.time, wider.voltage) == (found.state, found.time, found.voltage)


@given(st.floats(0.02, 0.85), st.integers(2, 300))
@settings(max_examples=60, deadline=None)
def test_the_voltage_margin_is_how_much_deeper_it_could_be(depth, n):
    envelope = load_envelope("ieee1547_cat2")
    found = envelope_margin(envelope, *course((1, 0.1), (depth, n * STEP), (1, 0.1)))
    deeper = lambda by: envelope_margin(envelope, *course((1, 0.1), (depth - by, n * STEP), (1, 0.1)))  # noqa: E731
    if found.voltage > 2e-6:
        assert deeper(found.voltage - 1e-6).state == "inside"
    if depth - found.voltage - 1e-6 > 0:
        assert deeper(found.voltage + 1e-6).state == "outside"


def test_excursions_have_hysteresis():
    t, v = course(
        (1, 0.1), (0.89, 0.1), (0.91, 0.1), (0.89, 0.1), (0.93, 0.1), (1.2, 0.1), (1.04, 0.1), (1, 0.1)
    )
    (dip, swell) = excursions(load_envelope("ieee2800"), t, v)
    assert [t[i] for i in (*dip, *swell)] == pytest.approx([0.1, 0.4, 0.5, 0.7])
    t, v = course((1, 0.1), (0.5, 0.1))
    assert excursions(load_envelope("ieee2800"), t[:-1], v[:-1]) == [(10, None)]
    v[15] = np.nan  # unknown for one value: still the same event
    assert len(excursions(load_envelope("ieee2800"), t, v)) == 1


def test_times_that_add_up_in_a_window():
    """Four dips to 0.2 pu of 0.1 s within 10 s are 0.4 s, where 0.32 s are asked for; each is inside."""
    envelope = load_envelope("ieee2800")
    dip = (0.2, 0.1), (1.0, 2.0)
    t, v = course((1, 1.0), *dip * 4)
    assert envelope_margin(envelope, t[:200], v[:200]).state == "inside"
    found = cumulative_margin(envelope, t, v)
    assert (found.state, found.confidence) == ("outside", "low")
    assert found.time == pytest.approx(0.32 - 0.4)
    assert found.may_trip_from == pytest.approx(1.0 + 3 * 2.1 + 0.02)
    apart = cumulative_margin(envelope, *course((1, 1.0), *((0.2, 0.1), (1.0, 4.0)) * 4))
    assert (apart.state, apart.time) == ("inside", pytest.approx(0.32 - 0.3))  # three in any 10 s
    cut = cumulative_margin(envelope, *course((1, 1.0), (0.2, 0.1), (1.0, 9.85), (0.2, 0.1), (1, 1.0)))
    assert cut.time == pytest.approx(0.32 - 0.15)  # 50 ms of the first are older than 10 s
    assert cumulative_margin(envelope, t, v, resolution=0.02).uncertainty == pytest.approx(4 * 0.02)
    with pytest.raises(ConfigError, match="no window"):
        cumulative_margin(load_envelope("itic"), t, v)


def rules(name):
    return load_envelope(name).repetition


def test_six_sags_in_82_seconds():
    """Northern Virginia, 10 July 2024: six faults within 82 s, after which 1500 MW of load had left.

    IEEE 2800 asks for six in 120 s; IEEE 1547 category III for three sets in 20 min, so the fourth may trip.
    """
    sags = [(start, start + 0.1) for start in np.linspace(0, 82, 6).tolist()]
    counts = [count_events(rule, sags) for rule in rules("ieee2800")]
    assert [(c.most, c.beyond) for c in counts] == [(1, None), (6, None), (6, None)]
    (count,) = [count_events(rule, sags) for rule in rules("ieee1547_cat3")]
    assert (count.most, count.beyond) == (6, pytest.approx(3 * 16.4))
    (count,) = [count_events(rule, sags) for rule in rules("aemo_s5254")]
    assert (count.most, count.beyond) == (6, None)
    assert rules("ercot_nogrr282") == ()  # counting sags in order to transfer is prohibited


def test_counting_in_a_window():
    rule = Repetition(4, 10.0, "clause", "medium")
    events = [(k * 2.0, k * 2.0 + 0.1) for k in range(5)]
    assert (count_events(rule, events).most, count_events(rule, events).beyond) == (5, 8.0)
    assert count_events(rule, events[:4]).beyond is None
    slow = [(k * 3.4, k * 3.4 + 0.1) for k in range(30)]
    assert (count_events(rule, slow).most, count_events(rule, slow).beyond) == (3, None)
    assert (count_events(rule, []).most, count_events(rule, []).beyond) == (0, None)


def test_events_close_together_are_one_set():
    """Category I: sets 20 s apart, two in 60 min; the third begins a new count after that."""
    (rule,) = rules("ieee1547_cat1")
    burst = [(k * 5.0, k * 5.0 + 1.0) for k in range(6)]
    assert count_events(rule, burst).most == 1
    assert count_events(rule, [*burst, (46.0, 47.0)]).most == 2  # the last ended at 26 s
    third = count_events(rule, [*burst, (46.0, 47.0), (100.0, 101.0)])
    assert (third.most, third.beyond) == (3, 100.0)
    assert count_events(rule, [*burst, (46.0, 47.0), (3700.0, 3701.0)]).beyond is None
    assert count_events(rule, [(0.0, None), (50.0, 51.0)]).most == 1  # the first has not ended


def test_the_table_of_a_record():
    t, v = course((1, 1.0), (0.4, 0.1), (1, 2.0), (0.4, 1.5), (1, 1.0))
    volts = 277.0 * np.stack([v, np.ones(v.size)])
    names = ("ieee2800", "itic", "vde4110", "ieee1547_cat1")
    found = envelope_findings([load_envelope(n) for n in names], t, volts, 277.0, cycle=0.0)
    margins, also = found.tables
    assert (margins.section, margins.key) == ("Ride-through", "envelopes")
    rows = {row[0].split()[0]: dict(zip(margins.columns, row, strict=True)) for row in margins.rows}
    ieee = dict(zip(margins.columns, margins.rows[0], strict=True))
    assert ieee["Envelope"] == "ieee2800"
    assert (ieee["Event lies"], ieee["Event begins"]) == (
        "outside",
        pytest.approx(3.1),
    )  # the worse of the two
    assert ieee["May trip from"] == pytest.approx(3.1 + 1.2)
    assert ieee["Consecutive events"] == "2 of 4 in 10 s; 2 of 6 in 120 s; 2 of 10 in 1800 s"
    summed = next(row for row in margins.rows if "summed" in row[0])
    assert summed[3] == pytest.approx(1.2 - 1.6)
    assert "confidence: low" in summed[2]
    assert "confidence: low" in rows["vde4110"]["Event lies"]
    assert all(len(row) == len(margins.columns) == len(margins.units) for row in margins.rows)
    assert any(row[1] == "ROCOF" and row[2] == "5 Hz/s over 0.1 s" for row in also.rows)


def test_sets_of_events_add_up_and_single_ones_do_not():
    """Category I, 0.75 pu: 0.9 s are asked for; two dips of 0.6 s, 2 s apart, are one set of 1.2 s."""
    t, v = course((1, 1.0), (0.75, 0.6), (1, 2.0), (0.75, 0.6), (1, 1.0))
    cat1 = (
        envelope_findings([load_envelope("ieee1547_cat1")], t, v[None, :], 1.0, cycle=0.0).tables[0].rows[0]
    )
    assert (cat1[2], cat1[3]) == ("outside", pytest.approx(0.9 - 1.2))
    prc = envelope_findings([load_envelope("prc024")], t, v[None, :], 1.0, cycle=0.0).tables[0].rows[0]
    assert (prc[2], prc[3]) == ("inside", pytest.approx(3.0 - 0.6))


def test_no_event_and_no_reference():
    t, v = course((1, 1.0))
    (row,) = envelope_findings([load_envelope("itic")], t, v[None, :], 1.0, cycle=0.02).tables[0].rows
    assert (row[1], row[2], row[3], row[4]) == (None, "continuous", None, pytest.approx(0.1))
    nothing = envelope_findings([load_envelope("itic")], t, v[None, :], math.nan, cycle=0.02)
    assert nothing.tables == ()
    assert "reference" in nothing.warnings[0]


def test_an_hour_of_events():
    """One hour of Urms(1/2) at 60 Hz, a dip of 0.2 s each minute: 30 in any half hour, 10 are asked for."""
    t = np.arange(3600 * 360) / 360
    v = np.where((t - 1) % 60 < 0.2, 0.4, 1.0) * np.ones((2, 1))
    (single, summed) = envelope_findings([load_envelope("ieee2800")], t, v, 1.0, cycle=0.0).tables[0].rows
    assert (single[2], single[3]) == ("inside", pytest.approx(1.0, abs=0.003))
    assert single[8].endswith("31 of 10 in 1800 s, may trip from the one at 601 s")
    assert summed[3] == pytest.approx(1.0, abs=0.003)  # one dip in any 10 s
