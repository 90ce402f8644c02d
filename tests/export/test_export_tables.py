"""Metrics and verdicts as CSV and JSON."""

import json

import pandas as pd
import pytest

from hil.export import export
from hil.record import open_record


def test_metrics(tmp_path, make):
    done = export(make(tmp_path), ["csv"])
    table = pd.read_csv(done.folder / "metrics.csv", dtype={"value": str})
    assert list(table.columns) == [
        *("test", "capture", "key", "title", "value", "unit", "uncertainty", "state", "method")
    ]
    assert table["test"].tolist() == ["voltage_sag"] * 3
    duration, trip, phases = table.itertuples()
    assert (duration.title, float(duration.value), duration.unit) == (
        "Duration, of the event",
        0.1 + 0.2,
        "s",
    )
    assert (duration.uncertainty, duration.method) == (pytest.approx(1 / 120, rel=1e-14), "5.4.1")
    assert pd.isna(trip.value)
    assert (trip.state, phases.value) == ("no trip", "abc")


def test_verdicts(tmp_path, make, verdicts):
    done = export(make(tmp_path), ["csv"])
    table = pd.read_csv(done.folder / "verdicts.csv")
    assert set(table.columns) >= {
        *("capture", "criterion", "value", "limit", "margin", "outcome", "clause", "source", "confidence")
    }
    assert table["outcome"].tolist() == ["PASS", "FAIL", "INVALID", "INCONCLUSIVE", "NOT RUN"]
    assert table["key"].tolist() == [verdict.key for verdict in verdicts]
    assert table["criterion"][1] == "Title of fails, with comma"
    assert table["value"].isna().tolist() == [False, False, True, False, True]
    assert (table["margin"][1], table["low"][1], table["limit"][1]) == (-0.03, 0.23, "0.23 pu .. 0.27 pu")
    assert table["required"].tolist() == [True] * 4 + [False]


def test_everything(tmp_path, make, verdicts):
    folder = make(tmp_path)
    (path,) = export(folder, ["json"]).files

    def refuse(constant):
        pytest.fail(f"{constant} is no JSON")

    found = json.loads(path.read_bytes(), parse_constant=refuse)
    assert (found["format"], found["version"]) == ("hil-export", 1)
    (test,) = found["tests"]
    assert (test["test"], test["record"], test["outcome"]) == ("voltage_sag", folder.name, "FAIL")
    assert test["findings"] == []
    assert test["run"] == open_record(folder).run
    (capture,) = test["captures"]
    assert (capture["capture"], capture["parameters"]) == ("sag_abc", {"residual": 0.25})
    assert [row["value"] for row in capture["results"]] == [0.1 + 0.2, None, "abc"]
    assert capture["tables"][0]["rows"] == [[1.0, None]]
    assert capture["warnings"] == ["careful"]
    assert set(capture) == {
        *("capture", "parameters", "results", "tables", "history", "warnings", "verdicts")
    }
    assert capture["verdicts"] == [verdict.to_dict() for verdict in verdicts]
