"""The shipped envelopes against the tables of the standards, and the strict reading of their files."""

import math
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.compliance.envelope import CONFIDENCE, MODES, load_envelope
from hil.errors import ConfigError

INF = math.inf
NAMES = sorted(
    path.name.removesuffix(".toml") for path in (files("hil.data") / "envelopes").iterdir()
    if path.name.endswith(".toml")
)  # fmt: skip
# (envelope, voltage [pu], time to stay connected [s], mode) from the tables, at and beside the corners.
TABLE = [
    # IEEE 1547-2018, Table 14: 0.7 s + 4 s/pu (V - 0.70) from 0.70 to 0.88 pu.
    ("ieee1547_cat1", 0.49, 0.0, "cease"),
    ("ieee1547_cat1", 0.50, 0.16, "permissive"),
    ("ieee1547_cat1", 0.70, 0.7, "mandatory"),
    ("ieee1547_cat1", 0.80, 0.7 + 4 * 0.1, "mandatory"),
    ("ieee1547_cat1", 0.8799, 0.7 + 4 * 0.1799, "mandatory"),
    ("ieee1547_cat1", 0.88, INF, "continuous"),
    ("ieee1547_cat1", 1.10, INF, "continuous"),
    ("ieee1547_cat1", 1.12, 1.0, "permissive"),
    ("ieee1547_cat1", 1.16, 0.5, "permissive"),
    ("ieee1547_cat1", 1.19, 0.2, "permissive"),
    ("ieee1547_cat1", 1.21, 0.0, "cease"),
    # Table 15: 3 s + 8.7 s/pu (V - 0.65) from 0.65 to 0.88 pu.
    ("ieee1547_cat2", 0.29, 0.0, "cease"),
    ("ieee1547_cat2", 0.30, 0.16, "permissive"),
    ("ieee1547_cat2", 0.45, 0.32, "permissive"),
    ("ieee1547_cat2", 0.65, 3.0, "mandatory"),
    ("ieee1547_cat2", 0.75, 3.0 + 8.7 * 0.1, "mandatory"),
    ("ieee1547_cat2", 1.19, 0.2, "permissive"),
    # Table 16.
    ("ieee1547_cat3", 0.05, 1.0, "momentary cessation"),
    ("ieee1547_cat3", 0.50, 10.0, "mandatory"),
    ("ieee1547_cat3", 0.70, 20.0, "mandatory"),
    ("ieee1547_cat3", 0.88, INF, "continuous"),
    ("ieee1547_cat3", 1.15, 12.0, "momentary cessation"),
    ("ieee1547_cat3", 1.21, 0.0, "cease"),
    # IEEE 2800-2022, Tables 12 and 11.
    ("ieee2800", 0.05, 0.32, "permissive"),
    ("ieee2800", 0.10, 0.32, "mandatory"),
    ("ieee2800", 0.89, 6.0, "mandatory"),
    ("ieee2800", 1.07, 1800.0, "continuous"),
    ("ieee2800", 1.15, 1.0, "mandatory"),
    ("ieee2800", 1.21, 0.0, "may trip"),
    ("ieee2800_auxiliary", 0.20, 0.16, "mandatory"),
    ("ieee2800_auxiliary", 0.49, 1.2, "mandatory"),
    ("ieee2800_auxiliary", 0.69, 2.5, "mandatory"),
    ("ieee2800_auxiliary", 0.89, 3.0, "mandatory"),
    # NERC PRC-024-3.
    ("prc024", 0.44, 0.15, "mandatory"),
    ("prc024", 0.64, 0.30, "mandatory"),
    ("prc024", 0.74, 2.0, "mandatory"),
    ("prc024", 0.89, 3.0, "mandatory"),
    ("prc024", 1.12, 1.0, "mandatory"),
    ("prc024", 1.19, 0.2, "mandatory"),
    ("prc024", 1.21, 0.0, "may trip"),
    # ERCOT NOGRR 282, large electronic loads.
    ("ercot_nogrr282", 0.19, 0.15, "mandatory"),
    ("ercot_nogrr282", 0.20, 0.25, "mandatory"),
    ("ercot_nogrr282", 0.50, 0.50, "mandatory"),
    ("ercot_nogrr282", 0.80, 2.0, "mandatory"),
    ("ercot_nogrr282", 1.15, 2.0, "mandatory"),
    ("ercot_nogrr282", 1.25, 0.0, "not specified"),
    # ITIC (CBEMA 2000), SEMI F47-0706.
    ("itic", 0.0, 0.02, "mandatory"),
    ("itic", 0.70, 0.5, "mandatory"),
    ("itic", 0.80, 10.0, "mandatory"),
    ("itic", 0.90, INF, "continuous"),
    ("itic", 1.15, 0.5, "mandatory"),
    ("itic", 1.30, 0.003, "mandatory"),
    ("itic", 1.80, 0.001, "mandatory"),
    ("itic", 2.10, 0.0, "may trip"),
    ("semi_f47", 0.49, 0.0, "not specified"),
    ("semi_f47", 0.50, 0.2, "mandatory"),
    ("semi_f47", 0.70, 0.5, "mandatory"),
    ("semi_f47", 0.80, 1.0, "mandatory"),
    ("semi_f47", 1.2, 0.0, "not specified"),
    # EN 50549: 0.05 pu for 0.25 s, a line to 0.85 pu at 3.0 s; VDE-AR-N 4110: 0.15 pu for 0.15 s.
    ("en50549_1", 0.04, 0.0, "may trip"),
    ("en50549_1", 0.45, 0.25 + 2.75 / 2, "mandatory"),
    ("en50549_2", 1.12, 60.0, "mandatory"),
    ("en50549_2", 1.24, 0.1, "mandatory"),
    ("vde4110", 0.15, 0.15, "mandatory"),
    ("vde4110", 0.50, 0.15 + 2.85 / 2, "mandatory"),
    ("vde4110", 1.18, 5.0, "mandatory"),
    # GB/T: zero for 150 ms, 0.2 pu until 625 ms, a line to 0.9 pu at 2 s.
    ("gbt36547", 0.0, 0.150, "mandatory"),
    ("gbt36547", 0.2, 0.625, "mandatory"),
    ("gbt34120", 0.55, 0.625 + 1.375 / 2, "mandatory"),
    ("gbt34120", 1.28, 0.5, "mandatory"),
    # NER S5.2.5.4.
    ("aemo_s5254", 0.65, 0.0, "not specified"),
    ("aemo_s5254", 0.75, 2.0, "mandatory"),
    ("aemo_s5254", 0.85, 10.0, "mandatory"),
    ("aemo_s5254", 1.12, 1200.0, "mandatory"),
    ("aemo_s5254", 1.35, 0.02, "mandatory"),
]


@pytest.mark.parametrize(("name", "voltage", "seconds", "mode"), TABLE)
def test_the_rows_of_the_standards(name, voltage, seconds, mode):
    envelope = load_envelope(name)
    assert envelope.required_time(voltage) == pytest.approx(seconds, abs=1e-9)
    assert envelope.mode(voltage) == mode


def test_every_envelope_is_checked_above():
    assert {name for name, *_ in TABLE} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_number_has_clause_source_and_confidence(name):
    envelope = load_envelope(name)
    assert envelope.title
    assert envelope.clause
    assert envelope.source
    assert {band.confidence for band in envelope.points} <= set(CONFIDENCE)
    assert {band.mode for band in envelope.points} <= set(MODES)
    others = (envelope.frequency, envelope.rocof, envelope.phase_jump, envelope.trip,
              envelope.repetition, envelope.recovery)  # fmt: skip
    for part in (row for rows in others for row in rows):
        assert part.clause
        assert part.confidence in CONFIDENCE


@pytest.mark.parametrize("name", ["en50549_1", "en50549_2", "vde4110"])
def test_what_is_known_from_memory_only_says_so(name):
    envelope = load_envelope(name)
    assert envelope.confidence == "low"
    assert all(band.confidence == "low" for band in envelope.low)


@given(st.sampled_from(NAMES), st.floats(0.0, 2.5), st.floats(0.0, 2.5))
def test_further_from_nominal_never_has_a_longer_time(name, one, other):
    envelope = load_envelope(name)
    if (one < 1) == (other < 1):
        near, far = sorted((one, other), key=lambda v: abs(v - 1))
        assert envelope.required_time(far) <= envelope.required_time(near)


def test_the_curve_has_the_slanted_line():
    low, high = load_envelope("vde4110").curve()
    assert low == ((0.0, 0.0), (0.0, 0.0), (0.0, 0.15), (0.15, 0.15), (3.0, 0.85))
    assert high == ((0.0, 1.25), (0.1, 1.25), (0.1, 1.2), (5.0, 1.2), (5.0, 1.15), (60.0, 1.15), (60.0, 1.1))


def test_what_stands_beside_the_voltages():
    """IEEE 1547-2018: Tables 11-13 (trip), 17 (sets), 19 (frequency), 21 (ROCOF), 6.4.2.7 (restore)."""
    cat = {k: load_envelope(f"ieee1547_cat{k}") for k in (1, 2, 3)}
    trips = {k: {t.name: (t.voltage or t.frequency, t.time) for t in e.trip} for k, e in cat.items()}
    assert trips[3] == {
        "OV2": (1.20, 0.16), "OV1": (1.10, 13.0), "UV1": (0.88, 21.0), "UV2": (0.50, 2.0),
        "OF2": (62.0, 0.16), "OF1": (61.2, 300.0), "UF1": (58.5, 300.0), "UF2": (56.5, 0.16),
    }  # fmt: skip
    assert (trips[1]["UV1"], trips[2]["UV1"], trips[1]["UV2"]) == ((0.70, 2.0), (0.70, 10.0), (0.45, 0.16))
    settings = {t.name: t for t in cat[3].trip}
    assert (settings["UV1"].voltage_range, settings["UV1"].time_range) == ((0.0, 0.88), (21.0, 50.0))
    assert [cat[k].rocof[0].rate for k in (1, 2, 3)] == [0.5, 2.0, 3.0]
    assert [(r.count, r.spacing, r.window) for k in (1, 2, 3) for r in cat[k].repetition] == [
        (2, 20.0, 3600.0), (2, 10.0, 3600.0), (3, 5.0, 1200.0),
    ]  # fmt: skip
    assert (cat[3].recovery[0].share, cat[3].recovery[0].time) == (0.80, 0.4)
    hertz = (56.9, 57.0, 58.7, 58.8, 60.0, 61.2, 61.8, 61.9)
    needed = [max((b.time for b in cat[2].frequency if b.low <= f <= b.high), default=0.0) for f in hertz]
    assert needed == [0.0, 299.0, 299.0, INF, INF, INF, 299.0, 0.0]
    ieee2800 = load_envelope("ieee2800")
    assert [(r.count, r.window) for r in ieee2800.repetition] == [(4, 10.0), (6, 120.0), (10, 1800.0)]
    assert (ieee2800.phase_jump[0].angle, ieee2800.rocof[0].rate) == (25.0, 5.0)
    assert ieee2800.window.confidence == "low"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('mode = "permissive"', 'mode = "allowed"'), "mode 'allowed' is not one of"),
        (("count = 4", "count = 0"), "count = 0"),
        (("count = 4", 'count = "4"'), "count = '4'"),
        (("count = 4", "count = true"), "count = True"),
        (('rate = "5 Hz/s"', 'rate = "5 V/s"'), "'5 V/s' is not in Hz/s"),
        (('angle = "25 deg"', 'angle = "25"'), "25"),
        (('window = "600 s"', 'windw = "600 s"'), "unknown key windw"),
        (('share = "1.00 pu"\n', ""), "share is missing"),
        (('voltage = "0.90 pu", time = "6.00 s"', 'voltage = "1 pu", time = "9 s"'), "below or above 1 pu"),
        (('time = "6.00 s"', 'time = "-6.00 s"'), "from 0 s on"),
        (('time = "6.00 s"', 'time = "6.00 s", ramp = "7 s"'), "without a ramp"),
        (('time = "1.0 s", mode', 'time = "1.0 s", ramp = "2 s", mode'), "only below 1 pu"),
        (('time = "1.20 s"', 'time = "1.20 s", ramp = "1 s"'), "a ramp rises"),
        (('time = "1.20 s"', 'time = "1.20 s", confidence = "low"'), "less sure than the 'high'"),
        (('edition = "2022"', "elapsed = 1"), "neither true nor false"),
        (('edition = "2022"', "trip = 5"), "trip is not a list"),
        (("points = [", "points = [3, "), "3 is not a table"),
    ],
)  # fmt: skip
def test_files_are_read_strictly(tmp_path, change, message):
    text = (files("hil.data") / "envelopes" / "ieee2800.toml").read_text("utf-8")
    path = tmp_path / "mine.toml"
    path.write_text(text.replace(*change))
    with pytest.raises(ConfigError, match=message):
        load_envelope(path)


def test_a_trip_setting_has_a_level(tmp_path):
    text = (files("hil.data") / "envelopes" / "ieee1547_cat3.toml").read_text("utf-8")
    path = tmp_path / "mine.toml"
    path.write_text(text.replace('name = "UV1"\nvoltage = "0.88 pu"', 'name = "UV1"'))
    with pytest.raises(ConfigError, match="mine.toml: trip: give the voltage or the frequency"):
        load_envelope(path)


def test_a_range_has_two_ends(tmp_path):
    text = (files("hil.data") / "envelopes" / "ieee1547_cat3.toml").read_text("utf-8")
    path = tmp_path / "mine.toml"
    path.write_text(text.replace('time_range = ["21 s", "50 s"]', 'time_range = ["21 s"]'))
    with pytest.raises(ConfigError, match="list of two"):
        load_envelope(path)


def test_a_file_of_an_older_record_still_reads(tmp_path):
    """Records keep their envelope as it was: voltages and times only."""
    path = tmp_path / "old.toml"
    path.write_text(
        'title = "t"\nclause = "c"\nsource = "s"\nconfidence = "high"\n'
        'points = [{ voltage = "0.5 pu", time = "0.2 s" }, { voltage = "1.2 pu", time = "0 s" }]\n'
    )
    envelope = load_envelope(path)
    assert (envelope.required_time(0.4), envelope.required_time(1.3)) == (0.2, 0.0)
    assert (envelope.mode(0.4), envelope.mode(1.3), envelope.mode(1.0)) == (
        "mandatory", "may trip", "continuous",
    )  # fmt: skip
