"""Telemetry as it really comes: each fault planted once, found with its line, repaired by its rule."""

import numpy as np
import pytest

from hil.errors import ConfigError, FormatError
from hil.profiles.importer import import_trace
from hil.profiles.repair import PER_GPU


@pytest.fixture
def trace(tmp_path):
    """Import lines of text under a name."""

    def load(text, name="trace.csv", **options):
        path = tmp_path / name
        path.write_text(text)
        return import_trace(path, **options)

    return load


def table(*rows, head="time_s,power_w"):
    return "\n".join([head, *(",".join(map(str, row)) for row in rows)]) + "\n"


CLEAN = [(k * 0.1, 100 + k) for k in range(10)]


def test_a_clean_trace_is_held_and_knows_its_band(trace):
    """A boxcar of 100 ms has lost 3 dB at 0.443 / 0.1 s = 4.43 Hz."""
    found, findings = trace(table(*CLEAN), license="MIT", source="lab")
    assert findings == ()
    assert found.held
    assert found.bandwidth == pytest.approx(4.43, rel=1e-3)
    assert found.power.tolist() == [power for _, power in CLEAN]
    assert (found.license, found.source) == ("MIT", "lab")
    assert "10 values, 100 ms apart" in found.sampling


@pytest.mark.parametrize(
    ("rows", "line", "what", "rule", "time", "power"),
    [
        ([(0, 5), (1, "[N/A]"), (2, 6), (3, 7)], 3, "no power here", "leaves", [0, 2, 3], [5, 6, 7]),
        ([(0, 5), (1, ""), (2, 6), (3, 7)], 3, "no power here", "leaves", [0, 2, 3], [5, 6, 7]),
        ([(0, 5), (2, 7), (1, 6), (3, 8)], 4, "time goes back", "sorts", [0, 1, 2, 3], [5, 6, 7, 8]),
        ([(0, 5), (1, 6), (1, 8), (2, 9)], 4, "same time", "mean", [0, 1, 2], [5, 7, 9]),
        ([(0, 500), (1, -2), (2, 9)], 3, "negative by less than 1 %", "zero", [0, 1, 2], [500, 0, 9]),
        (
            [(0, 5), (1, 6), (9, 7), (10, 8), (11, 9)],
            4, "up to 8 s without a value, more than 3 s", "longest stretch", [0, 1, 2], [7, 8, 9],
        ),
    ],
)  # fmt: skip
def test_each_fault_is_refused_by_line_and_repaired_by_its_rule(trace, rows, line, what, rule, time, power):
    with pytest.raises(FormatError, match=rf"trace.csv, line {line}.*: .*{what}.*--repair .*{rule}"):
        trace(table(*rows))
    found, (finding,) = trace(table(*rows), repair=True)
    assert finding.lines == (line,)
    assert found.time.tolist() == time
    assert found.power.tolist() == power
    assert rule in found.sampling


def test_several_faults_are_counted(trace):
    rows = [(0, 5), (1, "N/A"), (2, "N/A"), (3, 6), (3, 7), (4, 8), (5, 8)]
    with pytest.raises(FormatError, match="line 3 .and 1 more, the last in line 4.*; 1 other kinds"):
        trace(table(*rows))


@pytest.mark.parametrize("repair", [False, True])
def test_feeding_back_is_never_repaired(trace, repair):
    """6 W of 500 W are more than the 1 % of a meter's offset."""
    with pytest.raises(FormatError, match="trace.csv, line 3: power is -6 W"):
        trace(table((0, 500), (1, -6), (2, 9)), repair=repair)


def test_a_gap_may_be_declared_none(trace):
    rows = [(0, 5), (1, 6), (9, 7), (10, 8)]
    found, findings = trace(table(*rows), gap=10.0)
    assert findings == ()
    assert found.duration == 10.0


def test_kilowatts_taken_for_watts(trace):
    """Eight GPUs with 4.5 at the top are kW; one is plausible from 15 W to 5 kW."""
    assert PER_GPU == (15.0, 5000.0)
    rows = [(0, 0.6), (1, 4.5), (2, 4.4)]
    with pytest.raises(
        FormatError, match="4.5 W, cannot be that of 8 GPUs.*1000 times too small: kW taken for W"
    ):
        trace(table(*rows), gpus=8)
    found, _ = trace(table(*rows, head="time_s,power"), gpus=8, unit="kW")
    assert found.power.max() == 4500.0
    with pytest.raises(FormatError, match="1000 times too large: W taken for kW"):
        trace(table((0, 600), (1, 4500), head="time_s,power"), gpus=8, unit="kW")
    with pytest.raises(FormatError, match="rating of 2 MW"):
        trace(table((0, 600), (1, 1200)), rating=2e6)


def test_a_power_without_unit_is_refused(trace):
    with pytest.raises(ConfigError, match="--unit W, kW or MW"):
        trace(table(*CLEAN, head="time_s,power"))


@pytest.mark.parametrize(
    ("head", "factor", "seconds"),
    [
        ("time [ms],power [kW]", 1000.0, 0.001), ("Time (s),Power (W)", 1.0, 1.0),
        ("timestamp_us,power_w", 1.0, 1e-6), ("t_s,gpu_power_kw", 1000.0, 1.0),
    ],
)  # fmt: skip
def test_units_in_the_names_of_columns(trace, head, factor, seconds):
    found, _ = trace(table((0, 1), (1, 2), (2, 3), head=head))
    assert found.power.tolist() == [factor, 2 * factor, 3 * factor]
    assert found.time[-1] == pytest.approx(2 * seconds)


def test_seconds_since_1970_in_any_unit(trace):
    for factor in (1, 1000, 10**6, 10**9):
        rows = [(1_700_000_000 * factor, 5), (1_700_000_002 * factor, 6)]
        found, _ = trace(table(*rows, head="timestamp,power_w"))
        assert found.time[-1] == pytest.approx(2.0, abs=1e-6)
    with pytest.raises(FormatError, match="line 2: 0 has no unit of time"):
        trace(table((0, 5), (1, 6), head="time,power_w"))


def test_which_column_must_be_said_where_two_could_be(trace):
    text = table((0, 5, 6), (1, 7, 8), head="time_s,cpu power [W],gpu power [W]")
    with pytest.raises(
        ConfigError, match="cpu power .W., gpu power .W.; name the one of power with --column"
    ):
        trace(text)
    found, _ = trace(text, column="gpu power [W]")
    assert found.power.tolist() == [6, 8]
    with pytest.raises(ConfigError, match="has no column 'x'"):
        trace(text, column="x")


def smi(*rows, head="timestamp, power.draw [W]"):
    return "\n".join([head, *rows]) + "\n"


def test_nvidia_smi_of_one_gpu(trace):
    """power.draw is a mean over a second since Ampere, so 100 ms of sampling do not help: 0.443 Hz."""
    text = smi(*(f"2026/03/01 12:00:00.{k}00, {60 + k}.50 W" for k in range(10)))
    found, _ = trace(text)
    assert found.power.tolist() == [60.5 + k for k in range(10)]
    assert found.time[-1] == pytest.approx(0.9)
    assert found.bandwidth == pytest.approx(0.443)
    assert "each a mean over 1 s" in found.sampling


def test_nvidia_smi_of_a_gpu_without_that_mean(trace):
    head = "timestamp, name, power.draw [W]"
    text = smi(
        *(f"2026/03/01 12:00:00.{k}00, NVIDIA A100-SXM4-40GB, {60 + k} W" for k in range(10)), head=head
    )
    assert trace(text)[0].bandwidth == pytest.approx(4.43, rel=1e-3)
    other = text.replace("A100-SXM4-40GB", "H100 80GB HBM3")
    assert trace(other)[0].bandwidth == pytest.approx(0.443)
    assert trace(other, window=0.1)[0].bandwidth == pytest.approx(4.43, rel=1e-3)


def test_nvidia_smi_of_two_gpus_is_their_sum(trace):
    """A round in which one GPU says [N/A], or is not there, has no sum."""
    head = "timestamp, index, power.draw [W]"
    text = smi(
        "2026/03/01 12:00:00.000, 0, 100 W", "2026/03/01 12:00:00.004, 1, 50 W",
        "2026/03/01 12:00:01.000, 0, 110 W", "2026/03/01 12:00:01.004, 1, [N/A]",
        "2026/03/01 12:00:02.000, 0, 120 W",
        "2026/03/01 12:00:03.000, 0, 130 W", "2026/03/01 12:00:03.004, 1, 70 W",
        "2026/03/01 12:00:04.000, 0, 140 W", "2026/03/01 12:00:04.004, 1, 80 W",
        head=head,
    )  # fmt: skip
    found, (finding,) = trace(text, repair=True)
    assert finding.lines == (4, 6)
    assert found.time.tolist() == [0.0, 3.0, 4.0]
    assert found.power.tolist() == [150, 200, 220]
    assert "sum of 2 GPUs" in found.sampling


def test_dcgm_has_no_times(trace):
    text = (
        "#Entity   POWER\nID        W\n"
        "GPU 1     65.5\nGPU 0     60.5\n"
        "#Entity   POWER\nID        W\n"
        "GPU 1     N/A\nGPU 0     61.5\n"
        "GPU 1     66.5\nGPU 0     62.5\n"
        "GPU 1     67.5\nGPU 0     63.5\n"
    )
    with pytest.raises(ConfigError, match="--interval"):
        trace(text, "dmon.txt")
    found, (finding,) = trace(text, "dmon.txt", interval=0.5, repair=True)
    assert finding.lines == (7,)
    assert found.power.tolist() == [126.0, 129.0, 131.0]
    assert found.time.tolist() == [0.0, 1.0, 1.5]
    with pytest.raises(FormatError, match="line 1: no column POWER"):
        trace(text.replace("POWER", "GPUTL"), "dmon.txt", interval=0.5)


def stamps(*times):
    return table(*((time, 50 + k) for k, time in enumerate(times)), head="timestamp,power_w")


def test_the_clock_goes_back_in_autumn(trace):
    text = stamps(
        *(f"2026-10-25 02:{m:02}:00" for m in range(57, 60)), *(f"2026-10-25 02:{m:02}:00" for m in range(3))
    )
    with pytest.raises(FormatError, match="line 5: local time goes back by an hour"):
        trace(text)
    found, _ = trace(text, repair=True)
    assert np.diff(found.time).tolist() == [60.0] * 5
    assert found.power.tolist() == [50, 51, 52, 53, 54, 55]


def test_the_clock_goes_ahead_in_spring(trace):
    text = stamps("2026-03-29 01:58:00", "2026-03-29 01:59:00", "2026-03-29 03:00:00", "2026-03-29 03:01:00")
    with pytest.raises(FormatError, match="line 4: local time jumps ahead by an hour"):
        trace(text)
    assert np.diff(trace(text, repair=True)[0].time).tolist() == [60.0] * 3


def test_an_hour_at_noon_is_a_gap_and_with_an_offset_it_is_none(trace):
    noon = stamps("2026-03-29 11:58:00", "2026-03-29 11:59:00", "2026-03-29 13:00:00", "2026-03-29 13:01:00")
    with pytest.raises(FormatError, match="line 4: up to 3660 s without a value"):
        trace(noon)
    told = stamps("2026-03-29T01:59:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-29T03:01:00+02:00")
    assert trace(told)[0].time.tolist() == [0.0, 60.0, 120.0]


def test_time_of_day_passes_midnight(trace):
    found, (finding,) = trace(stamps("23:58", "23:59", "00:00", "00:01"), repair=True)
    assert finding.what == "time of day passes midnight"
    assert found.time.tolist() == [0.0, 60.0, 120.0, 180.0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "has no rows"),
        ("time_s,power_w\n", "no rows"),
        ("0,5\n1,6\n", "line 1: is no line of column names"),
        (table((0, 5), (1, "much")), "line 3: power 'much' is not a number"),
        (table((0, 5), ("soon", 6)), "line 3: 'soon' is not a time"),
        (table((0, 5), (1, 6, 7)), "line 3: has 3 cells"),
        ("a\x00b,c\x01d\n0,1\n", "is not text"),
        (table((0, 5)), "fewer than two"),
        (table((0, 5), (0, 6)), "no two values whose time increases"),
        (table((0, 5), (1, "5 bananas")), "line 3: unit 'bananas'"),
        ("a,power_w\n0,5\n", "none of the columns a, power_w is a time"),
    ],
)
def test_what_is_no_trace_is_refused_in_words(trace, text, words):
    with pytest.raises((FormatError, ConfigError), match=words):
        trace(text, repair=True)


def test_semicolons_with_decimal_commas(trace):
    found, _ = trace("time_s;power_w\n0,5;100,25\n1,5;101,75\n")
    assert found.power.tolist() == [100.25, 101.75]


def test_parquet_names_rows(tmp_path):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet

    path = tmp_path / "trace.parquet"
    columns = {"time_s": [0.0, 1.0, 2.0, 3.0], "power_w": [5.0, None, 7.0, 8.0]}
    pyarrow.parquet.write_table(pa.table(columns), path)
    found, (finding,) = import_trace(path, repair=True)
    assert finding.lines == (2,)
    assert found.power.tolist() == [5.0, 7.0, 8.0]
