"""T1: readings beside meter, recorder and log; refused parameters; whole runs of good and bad units."""

from importlib.resources import files

import numpy as np
import pytest

from hil.analysis.metered import beside_meter
from hil.analysis.reported import beside_recorder, channels, readings_of
from hil.analysis.result import Analysis, Series
from hil.analysis.telemetry import recorded
from hil.compliance.verdict import judge, load_criteria
from hil.config import load
from hil.errors import ConfigError, LimitError
from hil.recording import Reading, Recording
from hil.rehearse import rehearse
from hil.sequence import build
from hil.sequences.bess.t01_telemetry import Telemetry
from hil.session import Options, conduct
from hil.watch import Stop
from hil.waveform import Channel, Waveform

NOMINAL = {"voltage": 480.0, "phase_voltage": 277.0, "frequency": 60.0, "power": 100e3, "dc_voltage": 850.0}
RATE = 10e3
QUICK = {
    "points": "0.1/0.1 1/0 -0.5/0.3 0.75/-0.3",
    "settle": "0.6 s",
    "interval": "0.2 s",
    "poll": "19 ms",
    "turnover": "20 s",
    "together": "1 s",
    "stops": "3",
}
SAID = {
    "mode": "running",
    "voltage": 277.0,
    "current": 60.168,
    "active_power": 50e3,
    "reactive_power": 0.0,
    "frequency": 60.0,
    "state_of_charge": 0.5,
    "temperature": 30.0,
    "limited": False,
}


def watts(values, **more):
    """Return a reading of the meter in the middle of the record: 50 kW, of 0.2 s."""
    return Reading(
        1.0, "power_meter", {"interval": 0.2, "active_power": values, "reactive_power": 0.0, **more}
    )


def taken(share, meter=50e3, name="points", more=(), **said):
    """Return two seconds in which a share of 100 kW flows and the PCS says what is given."""
    time = np.arange(round(2 * RATE)) / RATE
    angles = [2 * np.pi * (60 * time - k / 3) for k in range(3)]
    amps = 100e3 / (3 * 277.0) * np.broadcast_to(share, time.shape)
    rows = [2**0.5 * 277.0 * np.cos(a) for a in angles] + [2**0.5 * amps * np.cos(a) for a in angles]
    kinds = [Channel(f"{q[0]}{p}", "", q, p) for q in ("voltage", "current") for p in "abc"]
    pcs = [
        Reading(t, "pcs", {**SAID, **{k: v(t) if callable(v) else v for k, v in said.items()}})
        for t in np.arange(0.0, 2.0, 0.02).tolist()
    ]
    return Recording(
        name, Waveform(np.array(rows), tuple(kinds), RATE), (*pcs, watts(meter), *more), {}, NOMINAL
    )


def metered(recording):
    of, pcs = recorded(recording.waveform), recording.of("pcs")
    found = beside_meter(recording, of, np.array([r.time for r in pcs]), readings_of(pcs), 0.1)
    return Analysis(found.results)


def told(recording):
    of, pcs = recorded(recording.waveform), recording.of("pcs")
    return beside_recorder(recording, of, np.array([r.time for r in pcs]), readings_of(pcs), 0.1)


def test_an_error_counts_against_the_reading():
    found = metered(taken(0.5, active_power=50.2e3))
    assert found["active_power_error"].value == pytest.approx(0.4, abs=1e-3)  # 200 W of 50 kW
    assert found["active_power_error_low"].state == "no such point"
    assert found["reactive_power_error_low"].value == pytest.approx(0.0, abs=1e-3)
    assert found["meter_agreement"].value == pytest.approx(0.0, abs=1e-3)


def test_below_a_fifth_of_rating_it_counts_against_the_rating():
    found = metered(taken(0.1, meter=10e3, active_power=10.2e3))
    assert found["active_power_error_low"].value == pytest.approx(0.2, abs=1e-3)  # 200 W of 100 kW
    assert found["active_power_error"].state == "no such point"


def test_power_that_drifts_is_no_error_of_a_unit_that_follows_it():
    """40 to 60 kW within 2 s: a mean over 0.1 s is 0.5 kW below the instant, the meter's is at its middle."""
    time = np.arange(round(2 * RATE)) / RATE
    found = metered(taken(0.4 + 0.1 * time, meter=50e3, active_power=lambda t: 40e3 + 10e3 * (t - 0.05)))
    assert found["active_power_error"].value == pytest.approx(0.0, abs=1e-3)
    assert found["power_drift"].value == pytest.approx(0.5, abs=0.05)


def test_a_meter_of_another_power_and_one_without_a_value():
    assert metered(taken(0.5, meter=40e3))["meter_agreement"].value == pytest.approx(10.0, abs=1e-3)
    found = metered(taken(0.5, meter=None))
    assert {found[key].state for key in ("active_power_error", "meter_agreement")} == {"no reading"}


def test_a_power_that_is_not_told_is_missing():
    assert metered(taken(0.5, active_power=None))["active_power_error"].state == "missing"


def test_channels_beside_the_recorder_at_rest():
    """2.77 V of 277 V, 0.6 A of 120.3 A, 30 mHz; what stands in the first windows does not count."""
    said = {"voltage": lambda t: 279.77 if t > 0.29 else 0.0, "current": 60.77, "frequency": 60.03}
    found = Analysis(told(taken(0.5, **said)).results)
    assert found["voltage_error"].value == pytest.approx(1.0, abs=1e-3)
    assert found["current_error"].value == pytest.approx(0.5, abs=2e-3)
    assert found["frequency_error"].value == pytest.approx(0.03, abs=1e-5)


def test_while_power_moves_or_the_unit_is_off_nothing_is_at_rest():
    time = np.arange(round(2 * RATE)) / RATE
    assert Analysis(told(taken(0.4 + 0.1 * time)).results)["current_error"].state == "missing"
    assert Analysis(told(taken(0.5, mode="off")).results)["voltage_error"].state == "missing"


LIVELY = {
    "voltage": (277.0, 268.0, 277.0),
    "current": (10.0, 100.0, 20.0),
    "active_power": (1e3, 90e3, -9e3),
    "reactive_power": (0.0, 10e3, -3e3),
    "frequency": (60.0, 60.2, 60.0),
    "state_of_charge": (0.50, 0.501, 0.498),
    "temperature": (30.0, 31.0, 32.0),
    "limited": (0.0, 1.0, 0.0),
    "running": (1.0, 1.0, 0.0),
}


def judged(**changed):
    """Return what is found of the channels of two captures, the second with other values."""
    time, whole = np.arange(3.0), {**LIVELY, **changed}
    series = [Series(f"told_{k}", k, "", time, np.array(v)) for k, v in whole.items()]
    series += [Series(f"true_{k}", k, "", time, np.array(v)) for k, v in list(LIVELY.items())[:5]]
    first = [Series(s.key, s.title, "", time[:1], s.values[:1]) for s in series]
    last = [Series(s.key, s.title, "", time[1:], s.values[1:]) for s in series]
    found = channels([Analysis((), tuple(first)), Analysis((), tuple(last))])
    return {r.key.removeprefix("channels_"): r.value for r in found.results if r.state != "ok"}


@pytest.mark.parametrize(
    ("changed", "faults"),
    [
        ({"state_of_charge": (0.50, 0.499, 0.498)}, {}),
        ({"state_of_charge": (0.50, 0.502, 0.504)}, {"implausible": "State of charge"}),
        ({"state_of_charge": (1.01, 1.0, 0.99)}, {"implausible": "State of charge"}),
        ({"temperature": (30.0, 31.0, 160.0)}, {"implausible": "PCS temperature"}),
        ({"temperature": (30.0, np.nan, 32.0)}, {"missing": "PCS temperature"}),
        ({"temperature": (30.0, 31.0, np.nan)}, {}),  # it is off then
        ({"frequency": (60.0, 60.05, 60.0)}, {"still": "Frequency"}),  # a quarter of what was recorded
        ({"frequency": (60.0, 60.12, 60.0)}, {}),  # three fifths
        ({"limited": (0.0, 0.0, 0.0), "voltage": (277.0,) * 3}, {"still": "Voltage, Current limit flag"}),
        ({"running": (1.0, 1.0, 1.0)}, {"still": "Mode"}),
        ({"running": (np.nan,) * 3}, {"missing": "Mode"}),
    ],
)
def test_channels_that_are_missing_stand_still_or_cannot_be(changed, faults):
    assert judged(**{"state_of_charge": (0.50, 0.499, 0.498), **changed}) == faults


def test_the_log_is_held_against_the_waveform_in_order():
    """Power ends at 0.5 s and 1.2 s; entries of the same two ends lie 3 ms and 1 s late, one is older."""
    time = np.arange(round(2 * RATE)) / RATE
    share = np.where((time < 0.5) | ((time > 0.8) & (time < 1.2)), 0.5, 0.0)
    log = [(-3.0, "off"), (0.3, "running"), (0.503, "off"), (0.6, "starting"), (2.2, "tripped: overvoltage")]
    log = [Reading(t, "log", {"text": text}) for t, text in log]
    found = Telemetry().analyze(taken(share, name="events", more=log))
    assert found["log_time"].value == pytest.approx(1.0, abs=2e-3)
    assert found["log_resolution"].value == 1e-3
    (table,) = (t for t in found.tables if t.key == "event_log")
    assert [round(row[3], 3) for row in table.rows] == pytest.approx([0.003, 1.0], abs=2e-3)
    short = Telemetry().analyze(taken(share, name="events", more=log[1:3]))
    assert (short["log_time"].state, short["log_resolution"].state) == ("entries missing", "too few entries")


@pytest.mark.parametrize(
    ("document", "outcome", "required", "reason"),
    [
        ("", "NOT RUN", False, "not readable, document to be supplied"),
        ("ABC-13", "PASS", True, "not readable, by document"),
    ],
)
def test_a_log_that_cannot_be_read_is_for_a_document_to_answer(document, outcome, required, reason):
    why = Reading(1.9, "no_log", {"why": "pcs: SunSpec has no event log"})
    found = Telemetry(log_document=document).analyze(taken(0.5, name="events", more=[why]))
    asked = [c for c in load_criteria("t01_telemetry") if c.key in {"log_resolution", "log_time"}]
    assert len(asked) == 2
    for verdict in (judge(criterion, found, {}) for criterion in asked):
        assert (verdict.value, verdict.outcome) == (None, outcome)
        assert (verdict.required, verdict.reason) == (required, reason)
    notes = {found[key].note for key in ("log_resolution", "log_time")}
    assert notes == {f"{document}; " * bool(document) + "pcs: SunSpec has no event log"}


def test_clients_are_counted_and_why_one_was_refused_is_told():
    values = {"served": 2, "of": 3, "why": ["pcs: no connection"]}
    found = Telemetry().analyze(taken(0.5, more=[Reading(1.5, "clients", values)]))
    assert (found["clients"].value, found["clients"].note) == (2.0, "pcs: no connection")
    assert Telemetry().analyze(taken(0.5))["clients"].state == "not tried"


def test_only_an_edge_that_was_there_can_be_missed():
    """A run that broke off before any step of power says nothing of the unit."""
    share = np.where(np.arange(round(2 * RATE)) < RATE, 0.2, 0.8)
    states = [Telemetry().analyze(taken(of))["time_alignment"].state for of in (share, 0.5)]
    assert states == ["no edge", "not determinable"]


def test_the_clock_of_the_bench_widens_the_uncertainty():
    """Rectangular: 3 ms of the recorder's start are 2 x 3 / sqrt(3) ms at k = 2."""
    time = np.arange(round(2 * RATE)) / RATE
    share = np.where(time > 1.4, 0.8, 0.5)

    def said(t):
        return 50e3 + 30e3 * min(max((t - 1.4) / 0.1, 0.0), 1.0)

    known = Telemetry(renewal=0.0).analyze(taken(share, active_power=said))["time_alignment"]
    late = [Reading(0.0, "recorder", {"started": True}, 3e-3)]
    vague = Telemetry(renewal=0.0).analyze(taken(share, active_power=said, more=late))["time_alignment"]
    assert known.value == vague.value == pytest.approx(0.0, abs=2e-4)
    assert vague.uncertainty == pytest.approx(np.hypot(known.uncertainty, 6e-3 / 3**0.5))


def test_the_document_is_owed_until_it_is_named():
    owed, named = (Telemetry(retention_document=text).summarize({}) for text in ("", "ABC-12, rev. 3"))
    assert (owed["retention"].value, owed["retention"].state) == (None, "document to be supplied")
    assert (named["retention"].value, named["retention"].state) == ("ABC-12, rev. 3", "by document")


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"points": "0.5"}, ConfigError, "expected P/Q"),
        ({"points": "1.1/0 1/0"}, LimitError, "points, P"),
        ({"points": "1/0"}, ConfigError, "two or more"),
        ({"settle": "1 s"}, LimitError, "settle"),  # the meter looks back by two intervals of 0.5 s
        ({"stops": "2.5"}, ConfigError, "no whole number"),
        ({"clients": "1"}, LimitError, "clients"),
        ({"limit_voltage": "1.1 pu"}, LimitError, "limit_voltage"),
    ],
)
def test_what_measures_nothing_is_refused(given, error, message):
    with pytest.raises(error, match=message):
        build(Telemetry, given)


@pytest.mark.parametrize(("given", "longest"), [({}, 150.0), (QUICK, 60.0)])
def test_both_forms_fit_the_bench(given, longest):
    bench = load(files("hil.data") / "benches" / "qualification.toml")
    assert rehearse(build(Telemetry, given), bench).seconds < longest


class Silent:
    def stage(self, name, purpose):
        pass

    def tick(self, seconds, reading):
        pass


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("flaws", "failed"),
    [
        ((), {}),
        (
            (
                "misreports=1.02",
                "reports-late=0.03",
                "wrong-event-times=0.02",
                "missing-channel",
                "flat-line=state_of_charge",
            ),
            {
                "active_power_error": 2.0,
                "active_power_error_low": 0.2,
                "time_alignment": 0.024,
                "log_time": 0.0207,
                "channels_missing": "PCS temperature",
                "channels_still": "State of charge",
            },
        ),
        (  # off is proven all the same, by the recorder
            ("missing-channel=watts",),
            {
                "active_power_error": None,
                "active_power_error_low": None,
                "time_alignment": None,
                "channels_missing": "Active power",
            },
        ),
    ],
)
def test_each_flaw_fails_its_own_line(tmp_path, flaws, failed):
    for package in ("nidaqmx", "grpc"):
        pytest.importorskip(package, reason="the bench's recorder needs it")
    bench = load(files("hil.data") / "benches" / "qualification.toml")
    options = Options(records=tmp_path, flaws=flaws, report=False)
    done = conduct(build(Telemetry, QUICK), bench, options, Stop(), Silent())
    assert done.error is None
    verdicts = {v.key: v for event in done.events for v in event.verdicts if v.outcome != "PASS"}
    owed = verdicts.pop("log_retention")
    assert (owed.outcome, owed.required) == ("NOT RUN", False)
    assert {v.outcome for v in verdicts.values()} <= {"FAIL"}
    for key, value in failed.items():
        expected = pytest.approx(value, rel=0.1) if isinstance(value, float) else value
        assert verdicts[key].value == expected
    assert verdicts.keys() == failed.keys()
    assert done.outcome == ("FAIL" if failed else "PASS")
