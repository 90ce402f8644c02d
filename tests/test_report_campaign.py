"""The report of a campaign: what its tests have left is shown, whatever is missing."""

import pytest

from hil.analysis.result import Analysis
from hil.record import Event, RecordWriter, open_record
from hil.report.campaign import _matrix, render_campaign

TEST = {
    "id": "T1",
    "sequence": "voltage_sag",
    "title": "Two sags",
    "objective": "It rides through.",
    "by_model": False,
    "outcome": "INVALID",
    "reason": "the disk is full",
    "folder": "T1",
    "bench_seconds": 12.0,
}
CAMPAIGN = {
    "campaign": "Qualification of a PCS",
    "source": "after a guideline",
    "form": "quick",
    "bench": "lab",
    "simulated": True,
    "flaws": ["trips-early"],
    "nominal": {"voltage": 480.0},
    "started": "2026-03-21T10:15:00+00:00",
    "ended": "2026-03-21T10:20:00+00:00",
    "end": "completed",
    "bench_seconds": 12.0,
    "versions": {"hil-bench": "0.1.0"},
    "platform": "Linux x86_64",
}
RUN = {
    "safety": "everything is off",
    "parameters": {"residual": 0.25},
    "units": {"residual": "pu"},
    "instruments": {"grid": "MX45"},
    "stages": ["sag_abc: all phases"],
    "notes": ["slow link"],
    "captures": {"sag_abc": {"file": "captures/sag_abc.h5", "parameters": {}}},
}


@pytest.fixture
def page(tmp_path):
    """Return a function that renders a campaign of one test, without the script that draws."""

    def render(about, run):
        writer = RecordWriter(tmp_path, "qualification")
        writer.write_json(
            "run.json", {"sequence": "qualification", "outcome": "INVALID", "tests": [TEST], **about}
        )
        own = RecordWriter(writer.folder, "voltage_sag", "T1")
        own.write_json("run.json", {"sequence": "voltage_sag", **run})
        own.write_events([Event("sag_abc", {}, Analysis(()))])
        asked = []
        text = render_campaign(
            open_record(writer.folder), lambda record, name: asked.append(name), lambda _: None
        )
        return text.partition("</style>")[2].partition("<script>")[0], asked, writer.folder.name

    return render


def test_what_is_known_is_shown(page):
    text, asked, _ = page(CAMPAIGN, RUN)
    assert "<h1>Qualification of a PCS</h1>" in text
    assert '<p class="soft">after a guideline</p>' in text
    began = CAMPAIGN["started"]
    assert f"<p>quick form · lab · {began} · run completed · planted flaws: trips-early</p>" in text
    assert "SIMULATED" in text
    assert "1 test: 1 INVALID</div>" in text
    for name, told in {
        "How": "everything is off",
        "Parameters": "residual 0.25 pu",
        "Instruments": "grid: MX45",
        "Applied": "sag_abc: all phases",
        "Notes": "slow link",
        "Bench": "lab",
        "Nominal": "voltage 480 V",
        "Bench time": "12 s",
        "Started": began,
        "Ended": CAMPAIGN["ended"],
        "Versions": "hil-bench: 0.1.0",
        "Platform": "Linux x86_64",
    }.items():
        assert f"<dt>{name}</dt><dd>{told}</dd>" in text
    assert asked == ["sag_abc"]


@pytest.mark.parametrize(
    ("confidence", "mark"), [("engineering default", "tag default"), ("second-hand", "tag")]
)
def test_a_limit_of_our_own_making_is_marked(confidence, mark):
    row = dict.fromkeys(("title", "unit", "limit", "clause"), "") | {"value": 1.0, "uncertainty": None}
    row |= {"test": "T1", "key": "k", "answer": "compliant", "capture": "sag", "captures": 1}
    assert f'<span class="{mark}">{confidence}</span>' in _matrix([{**row, "confidence": confidence}])


def test_a_run_that_broke_off_early_is_in_the_report(page):
    """Its run.json is that of its begin, its campaign's that of a version that says little."""
    text, asked, name = page({}, {"end": "running"})
    assert f"<h1>{name}</h1>" in text
    assert 'id="T1-sag_abc"' in text
    assert '<p class="warning">the disk is full</p>' in text
    assert "Set-up" not in text
    assert "<dt>" not in text.partition("Bench and versions")[2]
    assert "SIMULATED" not in text
    assert asked == []


@pytest.mark.parametrize("lacking", RUN)
def test_no_entry_is_needed(page, lacking):
    text, _, _ = page(CAMPAIGN, {key: value for key, value in RUN.items() if key != lacking})
    assert "Set-up, and what was applied" in text


@pytest.mark.parametrize("lacking", CAMPAIGN)
def test_no_entry_of_the_campaign_is_needed(page, lacking):
    text, _, _ = page({key: value for key, value in CAMPAIGN.items() if key != lacking}, RUN)
    assert "Bench and versions" in text
