"""Everything that is said of a PCS in a voltage event, on signals whose answers are known in closed form.

Voltages and currents are cosines with complex envelopes: v_k = Re sqrt 2 U_k(t) exp(j 2 pi f t).
"""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hil.analysis.analyze import analyze
from hil.analysis.event import dips
from hil.analysis.event.ride_through import oscillation, ride_through_findings
from hil.analysis.event.span import Span, span_of
from hil.analysis.event.voltages import choose, inception_result, urms_cycles
from hil.analysis.frequency import line_frequency
from hil.analysis.power.track import PowerTrack, power_track
from hil.analysis.result import SECTIONS
from hil.analysis.signals import sort
from hil.waveform import Channel, Waveform

A = np.exp(2j * np.pi / 3)
TURN = np.array([1, A**2, A])
VOLTS, AMPS = 230.0, 100.0
BEGIN, END = 0.4, 0.7
FEW = settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def record(
    depth=(0.4, 0.4, 0.4), current=np.ones_like, *, hertz=50.0, rate=20e3, duration=2.0, end=END, noise=0.0,
    shift=0.0, start=0.0, order="abc",
):  # fmt: skip
    """Return a capture: voltages times complex `depth` in the event, currents times complex current(t).

    current(t) is one envelope for all phases, or three; noise is a share of either amplitude;
    shift: jump of the voltages' phase at the inception, for good [rad].
    """
    t = np.arange(round(rate * duration)) / rate
    carrier = np.sqrt(2) * np.exp(2j * np.pi * hertz * t)
    inside, rng = (t >= BEGIN) & (t < end), np.random.default_rng(1)
    envelopes = np.broadcast_to(np.asarray(current(t), complex), (3, t.size))
    rows, channels = [], []
    for phase in order:
        k = "abc".index(phase)
        volts = VOLTS * np.where(inside, depth[k], 1.0) * np.exp(1j * shift * (t >= BEGIN))
        for name, unit, amplitude, envelope in (
            ("v", "V", VOLTS, volts), ("i", "A", AMPS, AMPS * envelopes[k])
        ):  # fmt: skip
            wave = (envelope * TURN[k] * carrier).real
            rows.append(wave + noise * amplitude * rng.normal(size=t.size))
            quantity = "voltage" if unit == "V" else "current"
            channels.append(Channel(f"{name}_{phase}", unit, quantity, phase, 0.002))
    return Waveform(np.array(rows), tuple(channels), rate, start=start)


def ride(waveform, reference=VOLTS, **options):
    """Return the findings by their keys, and the table of phases."""
    signals = sort(waveform)
    line = line_frequency(signals.voltages.samples, waveform.rate)
    cycle = waveform.rate / line.value
    track = power_track(signals, line.value)
    voltage, _ = urms_cycles(signals, track, cycle)
    events = dips.find_events(*dips.merge(voltage.times, voltage.values), reference)
    event = choose(events, None)
    begun, start = inception_result(signals, event, cycle, reference)
    last = float(signals.seconds(len(waveform) - 1))
    later = [e.start for e in events if event and e.start > (event.end or np.inf)]
    horizon = later[0] - track.cycle if later else last
    span = span_of(event, start, horizon, track, reference) if event else None
    found = ride_through_findings(
        signals, track, event, span, end=min(start, last) - track.cycle / 2, reference=reference,
        inception=begun, **options,
    )  # fmt: skip
    results = {r.key: r for r in found.results}
    assert len(results) == len(found.results)
    for r in found.results:
        assert r.section == "Ride-through"
        assert r.section in SECTIONS
        if isinstance(r.value, float):
            assert np.isfinite(r.value), r.key
            assert r.state in {"ok", "none", "tripped", "tripped before the event"}, (r.key, r.state)
            assert r.uncertainty is not None or r.unit != "s", r.key  # every time has an uncertainty
        else:
            assert r.state != "ok", r.key
    return results, found.tables


def rising(tau):
    """Return an active current of 0.5 and a reactive one that rises to 0.5 from the inception on."""
    return lambda t: 0.5 - 0.5j * (1 - np.exp(-np.maximum(t - BEGIN, 0) / tau))


def gone_from(at):
    return lambda t: np.where(t < at, 1.0, 0.0)


@pytest.mark.parametrize("hertz", [50.0, 60.0])
@pytest.mark.parametrize("rate", [10e3, 50e3])
@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_a_trip_after_the_inception(hertz, rate, noise):
    found, _ = ride(record(current=gone_from(BEGIN + 0.15), hertz=hertz, rate=rate, noise=noise))
    delay = found["trip_delay"]
    assert found["trip"].state == "tripped"
    assert abs(delay.value - 0.15) <= delay.uncertainty
    assert delay.uncertainty < 0.2 / hertz
    assert found["cessation_response"].value == pytest.approx(0.15, abs=0.125 / hertz)
    assert found["second_trip"].state == "no recovery"
    for key in ("recovery_time", "recovery_time_95", "recovery_time_100", "restore_time"):
        assert (found[key].value, found[key].state) == (None, "not recovered"), key


@pytest.mark.parametrize(
    ("current", "options", "state", "value"),
    [
        (np.ones_like, {}, "no trip", None),
        (gone_from(0.5), {}, "tripped", 0.5),
        (gone_from(BEGIN), {}, "tripped", BEGIN),
        (gone_from(0.25), {}, "tripped before the event", 0.25),
        (gone_from(0.05), {}, "tripped before the event", 0.05),  # no current in the ten cycles before it
        (lambda t: np.where((t < 0.1) | (t > 0.8), 1.0, 0.0), {}, "not determinable", None),
        (np.zeros_like, {"noise": 0.01}, "no current from the start", None),
        (np.zeros_like, {}, "no current from the start", None),
        (np.ones_like, {"duration": 0.75}, "unfinished", None),  # 50 ms after the event
        (np.ones_like, {"end": 9.0}, "unfinished", None),
        (gone_from(0.5), {"end": 9.0}, "unfinished", None),
        (gone_from(1.95), {}, "unfinished", None),  # 50 ms before the end
        (gone_from(1.5), {}, "tripped", 1.5),
    ],
)
def test_no_trip_and_all_its_neighbours_are_different_results(current, options, state, value):
    trip = ride(record(current=current, **options))[0]["trip"]
    assert trip.state == state
    assert trip.value == (None if value is None else pytest.approx(value, abs=2.5e-3))


@pytest.mark.parametrize("at", [0.4503, 0.457, 0.4611, 0.4689])
def test_a_loss_is_dated_to_the_sample(at):
    """Three phases: one of them is always above 10 % of its peak."""
    found, _ = ride(record(current=lambda t: np.where((t < at) | (t >= at + 0.3), 1.0, 0.0), rate=50e3))
    assert found["cessation_start"].value == pytest.approx(at, abs=3e-5)
    assert found["cessation"].value == pytest.approx(0.3, abs=5e-5)


def test_noise_does_not_pass_for_a_current():
    """At 8 % noise the RMS after a trip at 50 % of the amplitude is 16 %: that is not told from a current."""
    found, _ = ride(record(current=lambda t: 0.5 * gone_from(0.5)(t), noise=0.08))
    assert (found["trip"].value, found["trip"].state) == (None, "not determinable")


@pytest.mark.parametrize("hertz", [50.0, 60.0])
@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_momentary_cessation(hertz, noise):
    """The current ceases 60 ms after the inception and is back 80 ms after the voltage."""
    lost, back = BEGIN + 0.06, END + 0.08
    found, (table,) = ride(
        record(current=lambda t: np.where((t < lost) | (t >= back), 1.0, 0.0), hertz=hertz, noise=noise)
    )
    for key, value in (
        ("cessation", back - lost), ("cessation_start", lost), ("cessation_response", 0.06),
        ("current_return", 0.08), ("recovery_time", 0.08), ("restore_time", 0.08),
    ):  # fmt: skip
        assert abs(found[key].value - value) <= found[key].uncertainty, key
    assert (found["trip"].state, found["second_trip"].state) == ("no trip", "no trip")
    assert found["event_end"].value == pytest.approx(END, abs=found["event_end"].uncertainty)
    assert [row[5:] for row in table.rows] == [
        (pytest.approx(lost, abs=0.125 / hertz), pytest.approx(back, abs=0.125 / hertz), "returns")
    ] * 3


@pytest.mark.parametrize(("left", "lasting"), [(0.08, 0.1), (0.12, 0.0)])
def test_a_current_below_ten_percent_is_gone(left, lasting):
    found, _ = ride(record(current=lambda t: np.where((t < 0.5) | (t >= 0.6), 1.0, left)))
    assert found["cessation"].value == pytest.approx(lasting, abs=1e-3)
    assert "below 10%" in found["cessation"].method


@pytest.mark.parametrize("tau", [0.05, 0.1])
@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_exponential_recovery_to_each_share(tau, noise):
    """i = 1 - 0.8 exp(-t / tau): a share s is reached at tau ln(0.8 / (1 - s))."""
    found, _ = ride(
        record(
            current=lambda t: np.where(t < BEGIN, 1.0, 1 - 0.8 * np.exp(-np.maximum(t - END, 0) / tau)),
            noise=noise, duration=2.5,
        )
    )  # fmt: skip
    for key, share in (
        ("restore_time", 0.80), ("recovery_time", 0.90),
        ("recovery_time_95", 0.95), ("recovery_time_100", 0.99),
    ):  # fmt: skip
        expected = tau * np.log(0.8 / (1 - share))
        spread = 0.0 if share < 0.99 else 4 * noise * tau  # noise on a slope that has become flat
        assert abs(found[key].value - expected) <= found[key].uncertainty + spread, key
        assert f"raw {found[key].value + 0.01:.4f}" in found[key].note


def test_a_record_too_short_to_say_that_the_power_did_not_come_back():
    weak = lambda t: np.where(t < BEGIN, 1.0, 0.7)  # noqa: E731
    short, _ = ride(record(current=weak, duration=1.3))
    assert short["recovery_time"].state == short["restore_time"].state == "unfinished"
    long, _ = ride(record(current=weak, duration=1.75))
    assert long["recovery_time"].state == long["restore_time"].state == "not recovered"


def test_active_current_is_back_before_the_power():
    """The voltage comes back to 0.93 pu only, the current to 0.85 pu: 79 % of the power."""
    t0, rate = END, 20e3
    waveform = record(current=lambda t: np.where(t < BEGIN, 1.0, 0.85), duration=2.5)
    t = waveform.time
    samples = np.array(waveform.samples)
    samples[::2] *= np.where(t >= t0, 0.93, 1.0)
    found, _ = ride(Waveform(samples, waveform.channels, rate))
    assert found["restore_time"].value == pytest.approx(0.0, abs=0.01)
    assert (found["recovery_time"].value, found["recovery_time"].state) == (None, "not recovered")


def test_current_left_in_mandatory_operation():
    """0.6 of the current for the first 0.15 s of the event, 0.9 for the rest; the first cycle is left out."""
    found, (table,) = ride(
        record(current=lambda t: np.where(t < BEGIN, 1, np.where(t < 0.55, 0.6, np.where(t < END, 0.9, 1))))
    )
    assert found["event_current_min"].value == pytest.approx(0.6, rel=1e-4)
    share = (0.15 - 0.02) / (0.3 - 0.02)
    assert found["event_current_mean"].value == pytest.approx(0.6 * share + 0.9 * (1 - share), abs=0.015)
    rows = [
        dict(zip(("phase", "V", "pu", "least", "mean", "lost", "back", "loss"), r, strict=True))
        for r in table.rows
    ]
    assert [row["phase"] for row in rows] == ["a", "b", "c"]
    assert [row["least"] for row in rows] == pytest.approx([0.6] * 3, rel=1e-3)
    assert [row["pu"] for row in rows] == pytest.approx([0.4] * 3, rel=1e-3)
    assert all(row["loss"] is None for row in rows)


def test_one_phase_that_is_lost():
    """Phase b trips at 0.5 s; the others go on: no trip of the unit, and the table says which."""
    found, (table,) = ride(
        record(depth=(1.0, 0.3, 1.0), current=lambda t: np.array([np.ones_like(t), t < 0.5, np.ones_like(t)]))
    )
    assert found["trip"].state == "no trip"
    rows = {row[0]: row for row in table.rows}
    assert rows["b"][5] == pytest.approx(0.5, abs=2.5e-3)
    assert rows["b"][6:] == (None, "to the end")
    assert rows["a"][5:] == rows["c"][5:] == (None, None, None)
    assert [rows[p][2] for p in "abc"] == pytest.approx([1.0, 0.3, 1.0], abs=2e-3)


def test_a_pause_before_the_event_is_not_of_the_event():
    found, (table,) = ride(record(current=lambda t: np.where((t >= 0.05) & (t < 0.15), 0.0, 1.0)))
    assert (found["cessation"].value, found["cessation"].state) == (0.0, "none")
    assert all(row[5:] == (None, None, None) for row in table.rows)


def test_a_second_trip():
    """Out at 0.5 s, back at 0.8 s, out for good at 1.5 s."""
    found, _ = ride(record(current=lambda t: np.where((t < 0.5) | ((t >= 0.8) & (t < 1.5)), 1.0, 0.0)))
    assert found["second_trip"].value == pytest.approx(1.5, abs=2.5e-3)
    assert found["second_trip"].state == found["trip"].state == "tripped"
    assert found["trip_delay"].value == pytest.approx(1.1, abs=5e-3)


@pytest.mark.parametrize("hertz", [50.0, 60.0])
def test_positive_sequence_of_a_single_phase_sag(hertz):
    """U+ = (1 + 1 + d) / 3, U- = (1 - d) / 3."""
    found, _ = ride(record(depth=(0.25, 1.0, 1.0), hertz=hertz))
    assert found["event_u1"].value == pytest.approx(2.25 / 3, abs=1e-3)
    assert found["event_u2"].value == pytest.approx(0.75 / 3, abs=1e-3)


def unbalanced(lead, size):
    """Return currents with a negative sequence that leads that of the voltages in the event by `lead` [rad].

    Voltages d, 1, 1: U- = (d - 1) / 3, so the current's is size * exp(j lead) * (-1).
    """
    negative = -size * np.exp(1j * lead) * np.array([1, A, A**2]) / TURN

    def current(t):
        inside = (t >= BEGIN) & (t < END)
        return 1 + np.where(inside, negative[:, None], 0)

    return current


@pytest.mark.parametrize("degrees", [95.0, -60.0, 180.0])
@pytest.mark.parametrize("order", ["abc", "cab"])
@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_the_angle_of_negative_sequence_current(degrees, order, noise):
    found, _ = ride(
        record(depth=(0.4, 1, 1), current=unbalanced(np.radians(degrees), 0.3), order=order, noise=noise)
    )
    angle = found["event_i2_angle"]
    assert (angle.value - degrees + 180) % 360 - 180 == pytest.approx(0, abs=max(0.1, 100 * noise))
    assert angle.uncertainty < 3
    assert found["event_i2"].value == pytest.approx(0.3, abs=2e-3)


def test_the_same_angle_where_the_phases_turn_the_other_way_and_between_lines():
    waveform = record(depth=(0.4, 1, 1), current=unbalanced(np.radians(95), 0.3))
    by_name = {c.name: row for c, row in zip(waveform.channels, waveform.samples, strict=True)}
    swap = {"a": "a", "b": "c", "c": "b"}
    turned = Waveform(
        np.array([by_name[f"{c.name[0]}_{swap[c.phase]}"] for c in waveform.channels]),
        waveform.channels, waveform.rate,
    )  # fmt: skip
    assert ride(turned)[0]["event_i2_angle"].value == pytest.approx(95, abs=0.1)
    lines = np.array(
        [by_name[f"v_{x}"] - by_name[f"v_{y}"] for x, y in ("ab", "bc", "ca")]
        + [by_name[f"i_{p}"] for p in "abc"]
    )
    channels = [Channel(f"v_{x}", "V", "voltage", x) for x in ("ab", "bc", "ca")]
    channels += [Channel(f"i_{p}", "A", "current", p) for p in "abc"]
    found, _ = ride(Waveform(lines, tuple(channels), waveform.rate), reference=np.sqrt(3) * VOLTS)
    assert found["event_i2_angle"].value == pytest.approx(95, abs=0.1)
    assert found["event_u2"].value == pytest.approx(0.2, abs=1e-3)
    assert found["event_u1"].value == pytest.approx(0.8, abs=1e-3)


def test_no_negative_sequence_has_no_angle():
    found, _ = ride(record())
    assert (found["event_i2_angle"].value, found["event_i2_angle"].state) == (None, "no negative sequence")


@pytest.mark.parametrize("tau", [0.02, 0.04])
@pytest.mark.parametrize("noise", [0.0, 0.001])
def test_reactive_current_by_ieee_2800(tau, noise):
    """I_Q = 1 - exp(-t / tau): 90 % after tau ln 10, 10-90 % in tau ln 9, -2.5 % after tau ln 40."""
    found, _ = ride(record(current=rising(tau), end=1.2, duration=2.4, noise=noise))
    assert found["reactive_current"].value == pytest.approx(1.0, abs=0.1)
    for key, expected in (
        ("reactive_response_time", tau * np.log(10)), ("reactive_rise_time", tau * np.log(9)),
        ("reactive_settling_time", tau * np.log(40)),
    ):  # fmt: skip
        assert abs(found[key].value - expected) <= found[key].uncertainty, key
    assert "band -2.5% to +10% of 1 pu" in found["reactive_settling_time"].note


def test_the_settling_band_is_a_share_of_the_rated_current():
    """Of 400 A in place of 50 A the band is eight times as wide: exp(-t / tau) = 0.2 after tau ln 5."""
    tau = 0.05
    waveform = record(current=rising(tau), end=1.2, duration=2.4)
    found, _ = ride(waveform, rated=400.0)
    assert found["reactive_settling_time"].value == pytest.approx(tau * np.log(5), abs=0.01)


@pytest.mark.parametrize(("zeta", "hertz"), [(0.05, 4.0), (0.1, 8.0), (0.2, 6.0)])
@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_oscillation_after_the_event(zeta, hertz, noise):
    """P swings as exp(-zeta w0 t) cos(w t) after the event; damped frequency and ratio are read back."""
    w0 = 2 * np.pi * hertz / np.sqrt(1 - zeta**2)

    def current(t):
        after = np.maximum(t - END, 0)
        return 1 + np.where(t < END, 0, 0.3 * np.exp(-zeta * w0 * after) * np.cos(2 * np.pi * hertz * after))

    found, _ = ride(record(current=current, duration=2.7, noise=noise))
    damping, frequency = found["oscillation_damping"], found["oscillation_frequency"]
    assert damping.value == pytest.approx(zeta, abs=max(damping.uncertainty, 0.003))
    assert damping.uncertainty < 0.35 * zeta + 0.01
    assert frequency.value == pytest.approx(hertz, abs=max(frequency.uncertainty, 0.03 * hertz))


@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_a_smooth_recovery_does_not_oscillate(noise):
    found, _ = ride(
        record(
            current=lambda t: np.where(t < END, 1, 1 - 0.5 * np.exp(-np.maximum(t - END, 0) / 0.1)),
            noise=noise,
            rate=5e3,
        )
    )
    for key in ("oscillation_damping", "oscillation_frequency"):
        assert (found[key].value, found[key].state) == (None, "no oscillation")


def test_noise_of_the_power_is_no_oscillation():
    """White noise of 3 % on the power, ten seconds: no three half waves in a row stand out of three sigma."""
    time = np.arange(0.02, 10.0, 0.02 / 16)
    power = 69e3 * (1 + 0.03 * np.random.default_rng(2).normal(size=time.size)) + 0j
    ones = np.ones((3, time.size))
    track = PowerTrack(
        time=time, ends=np.arange(time.size), cycle=0.02, voltages=ones + 0j, u1=ones[0] + 0j, unbalance=None,
        swapped=False, i1=ones[0] + 0j, power=power, urms=ones, irms=ones, spoilt=np.zeros(time.size, bool),
    )  # fmt: skip
    damping, _ = oscillation(track, Span(1.0, 1.5, 10.0), 69e3 + 0j, 1.0)
    assert (damping.value, damping.state) == (None, "no oscillation")


@pytest.mark.parametrize("jump", [0.0, np.pi / 6])
def test_a_swell_and_a_jump_of_phase(jump):
    found, _ = ride(record(depth=(1.2, 1.2, 1.2), shift=jump, current=gone_from(0.55)))
    assert found["event_u1"].value == pytest.approx(1.2, abs=0.005)
    assert found["trip"].value == pytest.approx(0.55, abs=2.5e-3)
    assert found["trip_delay"].value == pytest.approx(0.15, abs=5e-3)


@pytest.mark.parametrize("jump", [0.0, 30.0, -60.0])
def test_the_jump_of_phase_at_the_inception_stands_beside_the_event(jump):
    found = analyze(record(shift=np.radians(jump)), nominal_voltage=VOLTS)
    for phase in "abc":
        assert found[f"phase_jump_{phase}"].value == pytest.approx(jump, abs=0.1)
        assert found[f"phase_jump_{phase}"].section == "Voltage event"


@pytest.mark.parametrize("where", [0.2, 0.5, 1.0])
def test_missing_samples_spoil_what_rests_on_them(where):
    waveform = record(current=gone_from(0.55))
    samples = np.array(waveform.samples)
    samples[:, waveform.index(where) : waveform.index(where) + 20] = np.nan
    found, _ = ride(Waveform(samples, waveform.channels, waveform.rate))
    assert not found["trip"].valid
    assert not found["cessation_start"].valid
    assert found["prefault_power"].valid == (where > BEGIN)
    assert found["event_current_min"].valid == (where != 0.5)
    assert found["recovery_time"].valid == (where < END)
    assert found["event_i2"].valid == (where != 0.5)


def test_the_peak_current_may_be_a_negative_one():
    waveform = record()
    samples, at = np.array(waveform.samples), waveform.index(0.41)
    samples[3, at] = -400.0  # i_b
    peak = ride(Waveform(samples, waveform.channels, waveform.rate))[0]["peak_current"]
    assert (peak.value, peak.note) == (400.0, f"i_b at {at / waveform.rate:.5f} s")


def test_a_current_alone_that_is_missing_spoils_the_powers_and_not_the_voltage():
    waveform = record()
    samples = np.array(waveform.samples)
    samples[1, waveform.index(0.35) : waveform.index(0.5)] = np.nan
    found, _ = ride(Waveform(samples, waveform.channels, waveform.rate))
    assert not found["prefault_power"].valid
    assert not found["event_current_min"].valid
    assert found["postfault_power"].valid


def test_no_event_says_so_everywhere():
    found, tables = ride(record(depth=(1, 1, 1)))
    assert tables == ()
    given_values = {"prefault_power", "prefault_reactive_power", "peak_current", "peak_current_pu"}
    for key, result in found.items():
        if key not in given_values:
            assert result.value is None
            assert result.state == ("no trip" if key == "trip" else "no event"), key


def test_voltages_alone():
    waveform = record()
    only = Waveform(waveform.samples[::2], waveform.channels[::2], waveform.rate)
    found, (table,) = ride(only)
    assert set(found) == {"event_end", "event_u1"}
    assert table.rows[0][1] == pytest.approx(92.0, rel=1e-3)


@FEW
@given(st.floats(0.1, 50.0), st.floats(-5.0, 5.0), st.permutations("abc"))
def test_scale_time_and_order_of_channels_change_nothing_else(scale, shift, order):
    """Currents `scale` times as large, times `shift` later, channels in another order."""
    lost, back = BEGIN + 0.06, END + 0.08
    current = lambda t: np.where((t < lost) | (t >= back), 1.0, 0.0)  # noqa: E731
    plain, _ = ride(record(depth=(0.4, 0.6, 1.0), current=current, rate=10e3))
    changed, _ = ride(
        record(
            depth=(0.4, 0.6, 1.0), current=lambda t: scale * current(t), rate=10e3, start=shift,
            order="".join(order),
        )
    )  # fmt: skip
    assert set(plain) == set(changed)
    for key, one in plain.items():
        two = changed[key]
        assert (one.state, one.unit) == (two.state, two.unit), key
        if one.value is None:
            assert two.value is None
        elif key in {"event_end", "cessation_start"}:
            assert two.value - shift == pytest.approx(one.value, abs=1e-6)
        elif one.unit in {"W", "var", "A"}:
            assert two.value == pytest.approx(scale * one.value, rel=1e-6, abs=1e-3 * scale)
        else:
            assert two.value == pytest.approx(one.value, rel=1e-5, abs=1e-5), key
