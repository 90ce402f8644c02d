"""The report shows the numbers of the verdicts, fetches nothing, and trusts no text."""

import io
import json
import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser

import numpy as np
import pytest
from rich.console import Console

from hil.analysis.result import SECTIONS, Analysis, Result, Series, Table
from hil.compliance.envelope import load_envelope
from hil.compliance.verdict import Outcome, judge_all, load_criteria
from hil.errors import StorageError
from hil.record import Event, RecordWriter, open_record
from hil.report.figure import Plot, layout_of, with_limits
from hil.report.glance import glance, worst
from hil.report.html import ReportInput, from_analysis, from_record, render
from hil.report.page import save
from hil.report.plots import plots
from hil.report.terminal import print_results, print_verdicts
from hil.report.thin import Detail, thin, thin_series
from hil.report.wording import measured, remarks, sections, span
from hil.waveform import Channel, Waveform

HOSTILE = "<script>alert(1)</script><img src=http://example.org/x onerror=alert(2)>\"'&"
PARAMETERS = {"residual": 0.25, "duration": 0.32, "phases": "abc", "rated_current": 120.3}
RATE = 10_000.0

BUCKETS = Detail().buckets


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
        p.title: p
        for p in plots(event.analysis, waveform(), load_envelope("ieee2800"), PARAMETERS, Detail(9999))
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
    drawn = thin(wave, wave.channels, [0.0], Detail(10_000))
    assert np.array_equal(drawn.values, wave.samples)
    assert drawn.time == ((wave.start, 1 / RATE, len(wave)),)


@pytest.mark.parametrize("instants", [(), (0.0, 0.32), (0.0, 15.0), (-99.0, 99.0)])
def test_a_long_capture_keeps_its_extremes_and_the_samples_of_the_event(instants):
    wave = waveform(30.0)
    samples = wave.samples.copy()
    samples[0, 250_000], samples[0, 299_999] = 5000.0, -6000.0  # spikes of one sample, far from the event
    wave = Waveform(samples, wave.channels, RATE, wave.start)
    drawn = thin(wave, wave.channels[:1], instants, Detail(9000))
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
    assert np.isnan(thin(wave, wave.channels, [0.0], Detail(9000)).values).sum(axis=1).min() > 10


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
        (4.794e-06, None, "%", "< 0.0001 %"),
        (2e-4, None, "%", "0.0002 %"),
        (0.0, None, "%", "0 %"),
        (None, None, "s", "–"),
        ("abc", None, "", "abc"),
    ],
)
def test_wording_of_a_value(value, uncertainty, unit, text):
    assert measured(Result("k", "K", value, unit, uncertainty)) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s"),
        (119.0, "119 s"),
        (120.0, "2 min"),
        (725.0, "12.1 min"),
        (7140.0, "119 min"),
        (7200.0, "2 h"),
        (86_400.0, "24 h"),
    ],
)
def test_wording_of_a_length_of_time(seconds, text):
    assert span(seconds) == text


@pytest.mark.parametrize(
    ("kind", "lines", "notes"), [("log", [10.0], [1.0]), ("linear", [-3.0, 10.0], [-3.0, 10.0])]
)
def test_limits_are_lines_across_at_their_value(event, kind, lines, notes):
    """On a logarithmic axis plotly.js wants the decimal logarithm of a note, and 10 itself of a line."""
    layout = layout_of({}, "Share [%]", [])
    layout["yaxis"]["type"] = kind
    verdict = replace(event.verdicts[0], low=-3.0, high=10.0)
    drawn = with_limits(Plot("x", "", [], layout, more=True), [verdict])
    assert [(shape["y0"], shape["y1"]) for shape in drawn.layout["shapes"]] == [(y, y) for y in lines]
    assert [note["y"] for note in drawn.layout["annotations"]] == pytest.approx(notes)
    assert not drawn.more


def test_a_limit_of_our_own_making_is_marked(event):
    for confidence, mark in (("engineering default", "tag default"), ("second-hand", "tag")):
        verdict = replace(event.verdicts[0], confidence=confidence)
        html = render(ReportInput("x", [replace(event, verdicts=(verdict,))]))
        assert f'<span class="{mark}">{confidence}</span>' in html


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
    short, thinned = thin_series(time, values, BUCKETS)
    assert len(short) <= 2 * BUCKETS
    assert thinned[short == 4_321] == 9.0
    assert thinned[short == 70_000] == -9.0
    assert np.isnan(thinned[(short > 20_100) & (short < 29_900)]).all()
    gap = short[np.isnan(thinned)]
    assert (gap[0], gap[-1]) == (20_000, 29_999)  # of 1500 spans, 300 to 450
    assert (np.diff(short) > 0).all()
    same, whole = thin_series(time[:5000], values[:5000], BUCKETS)
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
    (plot,) = plots(Analysis((), spectra=(spectrum,)), None, None, {}, Detail(0))
    assert plot.layout["yaxis"]["type"] == "log"
    assert plot.traces[0]["x"] == [5.0, 10.0]


def limits(outcomes=("FAIL", "PASS", "PASS"), statistic="mean of the record, indicative"):
    """Return a table of limits as `hil.compliance.distortion` makes it."""
    names = ("Statistic", "Order", "Channel", "Measured", "Limit", "Margin", "Uncertainty", "Outcome")
    columns, units = (*names, "Reason", "Confidence"), ("", "", "", "%", "%", "%", "%", "", "", "")
    found = (("7", 4.5, 4.0), ("5", 1.0, 4.0), ("THD", 4.7, 8.0))
    rows = tuple(
        (statistic, order, "va", value, limit, limit - value, None, outcome, "", "high")
        for (order, value, limit), outcome in zip(found, outcomes, strict=True)
    )
    title = f"IEEE 519: {'FAIL' if 'FAIL' in outcomes else 'PASS'}"
    return Table("limits_x", title, columns, units, rows, "Power quality", "clause", "percent of 277 V")


VARIATION = Table(
    "variation_x_W", "Utility: power variation",
    ("Limit", "Measured", "At most", "Margin", "Outcome", "Reason", "Confidence"),
    ("", "W", "W", "W", "", "", ""),
    (
        ("Swing in 5 s", 2e6, 1e7, 8e6, "PASS", "", "second-hand"),
        ("Ramp in 10 min", None, 1e5, None, "INCONCLUSIVE", "the record has 60 s", "second-hand"),
    ),
    "Load buffering",
)  # fmt: skip
ENVELOPES = Table(
    "envelopes", "Envelopes",
    ("Envelope", "Event lies", "Time margin", "Voltage margin", "May trip from", "Consecutive events"),
    ("", "", "s", "pu", "s", ""),
    (("ieee2800", "inside", 0.9, 0.45, None, "1 of 4 in 10 s"),),
    "Ride-through",
)  # fmt: skip


def analysed():
    results = (
        Result("event_kind", "Kind", "dip", section="Voltage event"),
        Result("faulted_phases", "Phases", "abc", section="Voltage event"),
        Result("residual_voltage_pu", "Residual voltage", 0.45, "pu", section="Voltage event"),
        Result("event_duration", "Duration", 0.3, "s", 0.017, section="Voltage event"),
        Result("trip", "Trip", None, "s", state="no trip", section="Ride-through"),
        Result("thd_voltage", "THD", 1.44, "%", section="Power quality"),
        Result("pst", "Pst", None, state="not determinable", note="too short", section="Power quality"),
        Result("plt", "Plt", None, state="not determinable", note="too short", section="Power quality"),
    )
    return Analysis(results, tables=(ENVELOPES, limits(), VARIATION))


def test_a_glance_tells_the_event_the_figures_and_every_verdict():
    told = {line.title: (line.text, line.outcome) for line in glance(analysed())}
    assert told == {
        "Event": ("dip, phases abc, to 0.45 pu, for 300 ± 17 ms", None),
        "Trip": ("no trip", None),
        "THD of the voltage": ("1.44 %", None),
        "Envelope ieee2800": ("inside, time margin 900 ms, voltage margin 0.45 pu", None),
        "IEEE 519": ("order 7: 4.5 %, limit 4 %; indicative", Outcome.FAIL),
        "Utility: power variation": (
            "Ramp in 10 min: the record has 60 s; confidence: second-hand", Outcome.INCONCLUSIVE,
        ),
    }  # fmt: skip


def test_the_row_told_at_a_glance_is_the_nearest_to_its_limit():
    """4.7 of 8 % leaves 41 % of the limit, 1 of 4 % leaves 75 %."""
    (line,) = glance(Analysis((), tables=(limits(("INCONCLUSIVE", "PASS", "PASS")),)))
    assert line.text.startswith("order 7")
    rows = limits().rows[1:]
    (line,) = glance(Analysis((), tables=(replace(limits(), rows=rows),)))
    assert (line.outcome, line.text) == (Outcome.PASS, "THD: 4.7 %, limit 8 %; indicative")


def test_the_worst_outcome_of_several_tables():
    assert worst(()) is None
    assert worst((ENVELOPES,)) is None
    assert worst((VARIATION,)) is Outcome.INCONCLUSIVE
    assert worst((VARIATION, limits())) is Outcome.FAIL


def test_a_glance_says_where_samples_are_bad():
    doubtful = Result("event_duration", "Duration", 0.3, "s", valid=False)
    (line,) = glance(Analysis((Result("event_kind", "Kind", "dip"), doubtful)))
    assert line.text == "dip, for 300 ms (samples behind it are missing or clipped)"
    cut = Result("event_duration", "Duration", None, "s", state="unfinished")
    trip = Result("trip", "Trip", None, "s", state="unfinished")
    phase = Result("faulted_phases", "Phases", "b")
    (line,) = glance(Analysis((Result("event_kind", "Kind", "dip"), phase, cut, trip)))
    assert line.text == "dip, phase b, the record ends inside the event"
    (line,) = glance(Analysis((Result("event_kind", "Kind", None, state="no event"),)))
    assert line.text == "no event"


def test_the_page_begins_with_the_glance_and_folds_away_what_has_no_value():
    page = render(from_analysis("capture", waveform(), analysed()))
    assert page.index("At a glance") < page.index("<figure>")
    glanced = page[page.index("At a glance") : page.index("<figure>")]
    assert '<span class="mark FAIL">FAIL</span> order 7: 4.5 %, limit 4 %' in glanced
    folded = page[page.index("Without a value (2)") :]
    assert folded.index(">Pst<") < folded.index("</details>")
    heads = [re.sub(r"<[^>]+>", "", head) for head in re.findall(r"<h3>.*?</h3>", page)]
    order = ["Voltage event", "Ride-through", "Load buffering", "Power quality"]
    assert [head for head in heads if head in order] == order
    assert "<th>Uncertainty</th>" not in page  # a column without content


def test_every_section_is_shown_once():
    results = tuple(Result(name, name, 1.0, section=name) for name in ("", *SECTIONS))
    assert sorted(heading for heading, *_ in sections(Analysis(results))) == sorted(["", *SECTIONS])


def test_limits_of_distortion_are_drawn_as_steps_beside_the_bars():
    (plot,) = plots(Analysis((), tables=(limits(), VARIATION)), None, None, {}, Detail(0))
    bars, steps = plot.traces
    assert (bars["type"], bars["x"], bars["y"]) == ("bar", [5, 7], [1.0, 4.5])  # the total is no order
    assert (steps["line"]["shape"], steps["x"], steps["y"]) == ("hvh", [5, 7], [4.0, 4.0])
    assert "277 V" in plot.caption


def test_an_event_that_outlasts_the_record_is_drawn_to_its_end():
    """The envelope of IEEE 2800 goes on for 6 s from the inception; the picture ends with the samples."""
    known = (Result("inception", "I", 0.2, "s"), Result("reference_voltage", "U", 277.0, "V"))
    time = np.arange(-0.5, 1.5, 0.01)
    series = Series("urms_a", "Ua", "V", time, np.where(time < 0.2, 277.0, 100.0), "a", "urms")
    *waves, rms = plots(Analysis(known, (series,)), waveform(), load_envelope("ieee2800"), {}, Detail(9999))
    for plot in (*waves, rms):
        assert plot.layout["xaxis"]["range"] == pytest.approx([0.1, 1.5])
    (envelope,) = (trace for trace in rms.traces if trace["name"] == "envelope")
    assert (envelope["x"][0], envelope["x"][-1]) == pytest.approx((0.2, 6.2))


def test_channels_beside_those_analysed_are_folded_away():
    names = (("ia", "a"), ("feeder a", "a"), ("ib", "b"), ("i_n", "n"))
    channels = tuple(Channel(name, "A", "current", phase) for name, phase in names)
    wave = Waveform(np.zeros((4, 100)), channels, RATE, 0.0)
    drawn = {plot.title: plot for plot in plots(Analysis(()), wave, None, {}, Detail(9999))}
    assert [trace["name"] for trace in drawn["Currents"].traces] == ["ia", "ib"]
    assert [trace["name"] for trace in drawn["Other currents"].traces] == ["feeder a", "i_n"]
    assert [drawn[name].more for name in ("Currents", "Other currents")] == [False, True]


def test_an_angle_of_180_deg_does_not_jump():
    hertz = np.array([10.0, 20.0, 30.0])
    angle = Series("phase_dq_1", "Z_dq", "deg", hertz, np.array([179.0, -179.0, 178.0]), group="phase")
    (plot,) = plots(Analysis((), spectra=(angle,)), None, None, {}, Detail(0))
    assert plot.traces[0]["y"] == [179.0, 181.0, 178.0]
    assert plot.traces[0]["mode"] == "lines+markers"


@pytest.mark.parametrize(("share", "told"), [(0.004, True), (0.1, False)])
def test_harmonics_too_small_to_see_are_told(share, told):
    orders, values = np.array([60.0, 120.0]), np.array([100.0, share])
    spectrum = Series("harmonics_v_a", "Ua", "%", orders, values, "a", "harmonics_v")
    (plot,) = plots(Analysis((), spectra=(spectrum,)), None, None, {}, Detail(0))
    assert ("None exceeds 0.005 %" in plot.caption) is told


def test_a_page_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    save("old", path)

    def full(self, text, encoding):
        with self.open("w", encoding=encoding) as file:
            file.write(text[:1])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(path), "write_text", full)
    with pytest.raises(StorageError, match=r"report\.html: this page cannot be written \(No space"):
        save("new", path)
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("report.html", "old")]


def test_what_has_few_values_is_not_drawn():
    time = np.arange(5.0)
    for number, drawn in ((4, 0), (5, 1)):
        series = Series("x", "X", "V", time, np.where(time < number, 1.0, np.nan))
        assert len(list(plots(Analysis((), (series,)), None, None, {}, Detail(0)))) == drawn


def test_small_changes_of_a_large_value_are_drawn():
    """Five digits would make steps of 1 mHz of a frequency that moves by 2 mHz."""
    time = np.linspace(0, 1, 50)
    hertz = 60 + 1e-3 * np.sin(7 * time)
    (plot,) = plots(Analysis((), (Series("f", "F", "Hz", time, hertz),)), None, None, {}, Detail(0))
    assert np.abs(np.array(plot.traces[0]["y"]) - hertz).max() < 2e-6


def test_a_remark_that_many_share_is_told_once():
    long = "4 intervals of 12 cycles, 20 left out"
    results = [Result(f"k{k}", f"K{k}", 1.0, note=f"mine {k}; {long}") for k in range(3)]
    told, notes = remarks([*results, Result("x", "X", 1.0, note="alone")])
    assert told == ["mine 0 (1)", "mine 1 (1)", "mine 2 (1)", "alone"]
    assert notes == [f"(1) {long}"]
    assert remarks(results[:2]) == ([f"mine {k}; {long}" for k in range(2)], [])


@pytest.mark.parametrize("width", [80, 120])
def test_a_wide_table_keeps_its_numbers_whole(width):
    names = tuple(f"Quantity {k}" for k in range(16))
    wide = [
        Table("w", "Wide", names, ("V",) * 16, tuple((123.4 + k,) * 16 for k in range(count)))
        for count in (2, 20)
    ]
    out = io.StringIO()
    print_results(Analysis((), tables=tuple(wide)), Console(file=out, width=width))
    text = out.getvalue()
    assert max(map(len, text.splitlines())) <= width
    turned, many = text.split("Wide")[1:]
    assert re.search(r"Quantity 15 +123\.4 V +124\.4 V", turned)
    assert "…" not in text
    assert "12 more rows; columns Quantity" in many
    assert many.count("123.4 V") >= 5


def test_long_heads_are_broken_and_nothing_is_cut():
    heads = tuple(f"Load {k}, share of the energy" for k in range(8))
    many = Table("b", "Bands", heads, ("W",) * 8, ((123.4,) * 8,) * 4)
    out = io.StringIO()
    print_results(Analysis((), tables=(many,)), Console(file=out, width=100))
    assert out.getvalue().count("123.4 W") == 32
    assert out.getvalue().count("energy") == 8


def test_a_limit_of_variation_is_told_with_its_number():
    row = ("Swing in 5 s", 2.2e7, 1e7, -1.2e7, "FAIL", "12 MW above the limit", "high")
    (line,) = glance(Analysis((), tables=(replace(VARIATION, rows=(*VARIATION.rows, row)),)))
    assert line.text == "Swing in 5 s: 22 MW, limit 10 MW; 2 of 3 not passed"
    assert line.outcome is Outcome.FAIL


@pytest.mark.parametrize(("step", "zoomed"), [(0.2, False), (0.01, True)])
def test_a_plot_zooms_to_the_event_where_there_are_values_to_see(step, zoomed):
    """The event with its surroundings takes 0.7 s: 4 values 200 ms apart, 70 values 10 ms apart."""
    known = (Result("inception", "I", 0.0, "s"), Result("event_duration", "D", 0.3, "s"))
    time = np.arange(-0.5, 1.5, step)
    series = Series("x", "X", "%", time, np.sin(time))
    drawn = {
        plot.title: plot for plot in plots(Analysis(known, (series,)), waveform(), None, {}, Detail(9999))
    }
    assert ("range" in drawn["X"].layout["xaxis"]) is zoomed
    assert "range" in drawn["Voltages"].layout["xaxis"]
