"""The report shows the numbers of the verdicts, fetches nothing, and trusts no text."""

import io
import json
import re
from html import unescape
from html.parser import HTMLParser

import numpy as np
import pytest
from rich.console import Console

from hil.analysis.result import Analysis, Result, Series, Table
from hil.compliance.envelope import load_envelope
from hil.compliance.verdict import Outcome, judge_all, load_criteria
from hil.record import Event, RecordWriter, open_record
from hil.report.html import ReportInput, from_analysis, from_record, render
from hil.report.plots import plots
from hil.report.terminal import print_results, print_verdicts
from hil.report.thin import BUCKETS, thin, thin_series
from hil.report.wording import measured
from hil.waveform import Channel, Waveform

HOSTILE = "<script>alert(1)</script><img src=http://example.org/x onerror=alert(2)>\"'&"
PARAMETERS = {"residual": 0.25, "duration": 0.32, "phases": "abc", "rated_current": 120.3}
RATE = 10_000.0


def waveform(seconds=2.0, name="v_a"):
    time = np.arange(round(seconds * RATE)) / RATE - 0.5
    level = np.where((time >= 0) & (time < 0.32), 0.25, 1.0)
    turn = 2 * np.pi * 60 * time
    rows = [level * 392 * np.sin(turn), 100 * np.sin(turn), np.full(len(time), 850.0)]
    channels = (
        Channel(name, "V", "voltage", "a"),
        Channel("i_a", "A", "current", "a"),
        Channel("v_dc", "V", "voltage", "dc"),
    )
    return Waveform(np.array(rows), channels, RATE, -0.5, triggered=True)


@pytest.fixture
def event():
    results = (
        Result("inception", "Inception", 0.0, "s"),
        Result("reference_voltage", "Reference voltage", 277.0, "V"),
        Result("residual_voltage", "Residual voltage", 69.4, "V"),
        Result("residual_voltage_pu", "Residual voltage", 0.2504, "pu", 0.001),
        Result("event_duration", "Duration", 0.325, "s", 0.0083),
        Result("trip", "Trip", 0.2, "s", state="tripped"),
        Result("thd_current", "Current THD", 4.98, "%", 0.06),
        Result("peak_current", "Peak current", 12_345.678, "A", None),
        Result("frequency", "Frequency", 60.0, "Hz", valid=False, note="short"),
        Result("recovery_time", "Recovery", None, "s", state="not recovered"),
    )
    time = np.linspace(-0.5, 1.5, 200)
    series = (
        Series("urms_a", "Ua", "V", time, np.full(200, 277.0), "a", "urms"),
        Series("p", "P", "W", time, np.full(200, 8e4), "", "power"),
        Series("q", "Q", "var", time, np.where(time < 0, np.nan, 5.0), "", "power"),
    )
    spectra = (Series("harmonics_v_a", "Ua", "%", np.array([60.0, 120, 180]), np.array([100, 0.1, 2]), "a"),)
    analysis = Analysis(results, series, spectra, (), ("Urms(1/2)",), ("mind the gap",))
    verdicts = judge_all(load_criteria("voltage_sag"), analysis, PARAMETERS, load_envelope("ieee2800"))
    return Event("sag_abc", PARAMETERS, analysis, verdicts)


@pytest.fixture
def report(event):
    run = {"sequence": "voltage_sag", "end": "completed", "simulated": True, "bench": "bench 7"}
    return ReportInput(
        "Voltage sag", [event], {"sag_abc": waveform()}, load_envelope("ieee2800"), "r1", run,
        commands=[{"sent": "OUTP ON"}],
    )  # fmt: skip


class Page(HTMLParser):
    """Elements with their attributes, and the text of each row of each table."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.rows, self.scripts = [], [], []
        self.inside, self.in_cell = None, False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.inside = tag
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"}:
            self.rows[-1].append("")
            self.in_cell = True

    def handle_endtag(self, tag):
        self.inside = None if tag == "script" else self.inside
        self.in_cell = self.in_cell and tag not in {"td", "th"}

    def handle_data(self, data):
        if self.inside == "script":
            self.scripts.append(data)
        elif self.in_cell:
            self.rows[-1][-1] += data

    def figures(self):
        return [json.loads(text) for text in self.scripts if text.startswith('{"x":')]


def test_the_report_shows_the_numbers_of_the_verdicts(report, event):
    page = Page(render(report))
    rows = {row[1].split(verdict.why)[0]: row for verdict in event.verdicts for row in page.rows
            if len(row) == 6 and row[1].startswith(verdict.title)}  # fmt: skip
    assert len(rows) == len(event.verdicts)
    for verdict in event.verdicts:
        row = rows[verdict.title]
        assert row[0] == verdict.outcome
        assert row[2] == measured(verdict) + verdict.reason
        assert row[3] == verdict.limit
        assert row[5].startswith(verdict.clause)
        assert row[5].endswith(verdict.confidence)
    assert rows["Peak current"][2].startswith("12.35 kA")
    assert rows["Current THD before the sag"][2].startswith("4.980 ± 0.060 %")


def test_the_outcome_stands_at_the_top(report):
    html = render(report)
    assert re.search(r'class="overall FAIL"><b>FAIL</b>', html)
    assert "SIMULATED" in html
    assert "bench 7" in html
    assert "mind the gap" in html


def test_a_run_on_hardware_is_not_called_simulated(report):
    run = {**report.run, "simulated": False}
    assert 'class="simulated"' not in render(ReportInput("x", report.events, run=run))


def test_nothing_is_fetched(report):
    page = Page(render(report))
    for tag, attributes in page.elements:
        assert tag not in {"link", "iframe", "img", "object", "embed", "base"}
        assert not {"src", "href", "srcset", "action"} & attributes.keys(), tag
    policy = next(a["content"] for tag, a in page.elements if a.get("http-equiv"))
    assert policy.startswith("default-src 'none'")
    assert "http" not in policy
    head = render(report).split("<style>")[1].split("</style>")[0]
    assert "url(" not in head
    assert "@import" not in head
    assert "showSendToCloud:false" in page.scripts[-1]  # plotly.js offers to upload the data by default


def test_hostile_text_stays_text(event):
    result = Result(HOSTILE, HOSTILE, HOSTILE, "", state=HOSTILE, method=HOSTILE, note=HOSTILE)
    series = Series(HOSTILE, HOSTILE, HOSTILE, np.arange(3.0), np.arange(3.0), HOSTILE, HOSTILE)
    analysis = Analysis((*event.analysis.results, result), (series,), (series,), (), (HOSTILE,), (HOSTILE,))
    report = ReportInput(
        HOSTILE,
        [Event(HOSTILE, {HOSTILE: HOSTILE}, analysis, event.verdicts)],
        {HOSTILE: waveform(name=HOSTILE)},
        record=HOSTILE,
        run={"sequence": HOSTILE, "end": HOSTILE, HOSTILE: {HOSTILE: [HOSTILE]}},
        certificates=HOSTILE,
        commands=[{HOSTILE: HOSTILE}],
        files={HOSTILE: {"bytes": 1, "sha256": HOSTILE}},
    )
    html, plain = render(report), render(ReportInput("x", [event], {"sag_abc": waveform()}, run={"a": "b"}))
    assert "<script>alert" not in html
    assert "<img" not in html.split("<script>")[0]
    page = Page(html)
    assert {tag for tag, _ in page.elements} <= {tag for tag, _ in Page(plain).elements} | {"code", "pre"}
    assert not any("onerror" in attributes for _, attributes in page.elements)
    assert any(trace["name"] == HOSTILE for figure in page.figures() for trace in figure["traces"])


def test_the_same_record_gives_the_same_bytes(tmp_path, event):
    writer = RecordWriter(tmp_path, "voltage_sag")
    writer.write_events([event])
    samples = {"sag_abc": waveform()}
    first = render(from_record(open_record(writer.folder), samples, load_envelope("ieee2800")))
    writer.write_text("report.html", first)
    writer.seal()
    assert render(from_record(open_record(writer.folder), samples, load_envelope("ieee2800"))) == first


def test_an_analysis_alone_has_no_verdict(event):
    html = render(from_analysis("capture.cff", waveform(), event.analysis))
    assert 'class="overall' not in html
    assert "12.35 kA" in html


def test_a_run_without_captures_says_so():
    assert "No capture was analysed" in render(ReportInput("x", [], run={"end": "aborted: interlock"}))


def test_the_plots_have_the_event_in_the_envelope(event):
    drawn = {
        p.title: p for p in plots(event.analysis, waveform(), load_envelope("ieee2800"), PARAMETERS, 9999)
    }
    assert list(drawn) == [
        "Voltages",
        "Currents",
        "DC voltage",
        "RMS voltage, one cycle, each half cycle",
        "Active and reactive power",
        "Ride-through envelope",
        "Voltage harmonics",
    ]
    point = {t["name"]: (t["x"], t["y"]) for t in drawn["Ride-through envelope"].traces}
    assert point["measured"] == ([0.325], [0.2504])
    assert point["commanded"] == ([0.32], [0.25])
    rms = {t["name"]: t for t in drawn["RMS voltage, one cycle, each half cycle"].traces}
    assert (0.32, 0.25 * 277.0) in list(zip(rms["envelope"]["x"], rms["envelope"]["y"], strict=True))
    bars = drawn["Voltage harmonics"].traces[0]
    assert (bars["x"], bars["y"]) == ([2, 3], [0.1, 2.0])
    assert drawn["Active and reactive power"].traces[1]["y"] == [None] * 50 + [5.0] * 150


def test_a_short_capture_is_drawn_whole():
    wave = waveform(0.5)
    drawn = thin(wave, wave.channels, [0.0], 10_000)
    assert np.array_equal(drawn.values, wave.samples)
    assert drawn.time == ((wave.start, 1 / RATE, len(wave)),)


@pytest.mark.parametrize("instants", [(), (0.0, 0.32), (0.0, 15.0), (-99.0, 99.0)])
def test_a_long_capture_keeps_its_extremes_and_the_samples_of_the_event(instants):
    wave = waveform(30.0)
    samples = wave.samples.copy()
    samples[0, 250_000], samples[0, 299_999] = 5000.0, -6000.0  # spikes of one sample, far from the event
    wave = Waveform(samples, wave.channels, RATE, wave.start)
    drawn = thin(wave, wave.channels[:1], instants, 9000)
    time = np.concatenate([first + step * np.arange(n) for first, step, n in drawn.time])
    assert drawn.values.shape == (1, len(time))
    assert len(time) <= 9000 + 2 * BUCKETS
    assert np.all(np.diff(time) > 0)
    assert (drawn.values.max(), drawn.values.min()) == (5000.0, -6000.0)
    if instants == (0.0, 0.32):
        near = (time > -0.05) & (time < 0.5)
        whole = (wave.time > -0.05) & (wave.time < 0.5)
        assert np.array_equal(drawn.values[0][near], wave["v_a"][whole])


def test_bad_samples_are_gaps_in_the_plot():
    wave = waveform(30.0)
    valid = np.ones(len(wave), dtype=bool)
    valid[5000:5010] = valid[200_000:210_000] = False
    wave = Waveform(wave.samples, wave.channels, RATE, wave.start, valid=valid)
    assert np.isnan(thin(wave, wave.channels, [0.0], 9000).values).sum(axis=1).min() > 10


def test_the_file_stays_small(event):
    """Seven channels at 50 kS/s for 5 s, in three events, stay below 12 MB with plotly.js inside."""
    rng = np.random.default_rng(0)
    channels = [Channel(f"v_{i}", "V", "voltage", "abc"[i % 3]) for i in range(7)]
    wave = Waveform(rng.normal(0, 300, (7, 250_000)), tuple(channels), 50_000.0, -1.0)
    events = [Event(name, PARAMETERS, event.analysis, event.verdicts) for name in "xyz"]
    html = render(ReportInput("x", events, dict.fromkeys("xyz", wave)))
    assert 5e6 < len(html) < 12e6


@pytest.mark.parametrize(
    ("value", "uncertainty", "unit", "text"),
    [
        (60.0002, 0.001, "Hz", "60.0002 ± 0.0010 Hz"),
        (49_820.0, 410.0, "W", "49.82 ± 0.41 kW"),
        (0.325, 1 / 120, "s", "325.0 ± 8.3 ms"),
        (0.0, 0.02, "s", "0 ± 20 ms"),
        (1.5, None, "pu", "1.5 pu"),
        (3.0, 20.0, "", "3 ± 20"),
        (-5.0, 0.0, "A", "-5 A"),
        (60.0, 2e-12, "Hz", "60 Hz"),
        (None, None, "s", "–"),
        ("abc", None, "", "abc"),
    ],
)
def test_wording_of_a_value(value, uncertainty, unit, text):
    assert measured(Result("k", "K", value, unit, uncertainty)) == text


def console():
    return Console(file=io.StringIO(), width=100)


def test_terminal_tables_are_plain_text_in_a_hundred_columns(event):
    out = console()
    print_verdicts(event.verdicts, out)
    print_results(event.analysis, out)
    text = out.file.getvalue()
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 100
    for verdict in event.verdicts:
        assert verdict.outcome in text
        assert measured(verdict) in text
    assert f"Overall: {Outcome.FAIL}" in text
    assert "missing or clipped" in text
    assert "Warning: mind the gap" in text


def test_terminal_takes_no_markup_from_names():
    out = console()
    print_results(Analysis((Result("k", "[bold]name[/bold]", "[red]x", ""),)), out)
    assert "[bold]name[/bold]" in out.file.getvalue()
    assert "[red]x" in unescape(out.file.getvalue())


def test_a_long_series_keeps_its_extremes_and_its_gaps():
    time = np.arange(100_000.0)
    values = np.sin(time / 500)
    values[4_321], values[70_000] = 9.0, -9.0
    values[20_000:30_000] = np.nan
    short, thinned = thin_series(time, values)
    assert len(short) <= 2 * BUCKETS
    assert thinned[short == 4_321] == 9.0
    assert thinned[short == 70_000] == -9.0
    assert np.isnan(thinned[(short > 20_100) & (short < 29_900)]).all()
    assert (np.diff(short) > 0).all()
    same, whole = thin_series(time[:5000], values[:5000])
    assert len(same) == len(whole) == 5000


def test_results_and_tables_stand_under_their_headings(event):
    """In the order in which people read: headings of `SECTIONS`, results before tables."""
    results = (
        Result("thds", "THDS", 2.5, "%", section="Power quality"),
        Result("frequency", "Frequency", 60.0, "Hz", section="Voltage and current"),
    )
    table = Table(
        "bands", "Bands", ("Band", "Amplitude"), ("", "V"), tuple((f"{k} kHz", 0.001 * k) for k in range(30)),
        "Power quality", "IEC 61000-4-7", HOSTILE,
    )  # fmt: skip
    analysis = Analysis(results, tables=(table,))
    out = io.StringIO()
    print_results(analysis, Console(file=out, width=100))
    text = out.getvalue()
    places = [
        text.index(word) for word in ("Voltage and current", "Frequency", "Power quality", "THDS", "Bands")
    ]
    assert places == sorted(places)
    assert "7 kHz" in text
    assert "7 mV" in text
    assert "8 kHz" not in text
    assert "22 more rows" in text
    page = render(from_analysis("capture", waveform(), analysis))
    assert "29 kHz" in page
    assert "29 mV" in page
    assert HOSTILE not in page


def test_a_spectrum_is_drawn_over_frequency(event):
    spectrum = Series(
        "spectrum_v_a", "Ua", "%", np.array([5.0, 10.0]), np.array([1e-3, 1.0]), "a", "spectrum_v"
    )
    (plot,) = plots(Analysis((), spectra=(spectrum,)), None, None, {}, 0)
    assert plot.layout["yaxis"]["type"] == "log"
    assert plot.traces[0]["x"] == [5.0, 10.0]
