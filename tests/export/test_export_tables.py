"""Metrics and verdicts as CSV and JSON."""

import json
from dataclasses import fields
from typing import get_args

import pandas as pd
import pytest

from hil.export import export
from hil.export.tables import UNITS
from hil.record import open_record
from hil.roles.pcs import PcsState
from hil.roles.power_meter import Power
from hil.steps import Arm, Await, Hold, MoreClients, ReadMeter, Step


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
        *("capture", "parameters", "results", "tables", "history", "warnings", "verdicts", "readings")
    }
    assert (test["reason"], capture["readings"]) == ("", None)
    assert capture["verdicts"] == [verdict.to_dict() for verdict in verdicts]


def test_readings(tmp_path, make, readings):
    """In the order of time, which is zero at the trigger: 500 samples at 10 kHz after the recorder's."""
    done = export(make(tmp_path, readings=readings), ["csv", "json"])
    captures = done.folder / "captures"
    assert done.files[:2] == (captures / "sag_abc.csv", captures / "sag_abc.readings.csv")
    table = pd.read_csv(done.files[1])
    assert list(table.columns) == [
        *("time [s]", "late [s]", "source", "recorder.started", "log.text"),
        *("pcs.voltage [V]", "pcs.temperature [°C]", "pcs.alarms", "step.step", "step.volts [pu]"),
        *("step.volts [V]", "power_meter.1.active_power [W]", "power_meter.power_factor"),
    ]
    assert table["time [s]"].tolist() == [-0.05, 0.1, 0.2, 0.25, 0.3, 0.35]
    assert table["late [s]"].tolist() == [0.002, 0, 0.001, 0, 0, 0]
    assert table["source"].tolist() == ["recorder", "log", "pcs", "step", "step", "power_meter"]
    said = [row.dropna().tolist()[3:] for _, row in table.iterrows()]
    assert said == [
        [True],
        ["tripped, by itself"],
        [277.1, "overcurrent; hot"],
        ["SetVoltage", 1.02],
        ["RampGrid", 250.0],
        [80e3, 0.9],
    ]
    ((capture,),) = [test["captures"] for test in json.loads(done.files[-1].read_text())["tests"]]
    assert capture["readings"] == "captures/sag_abc.readings.csv"


def test_readings_that_are_not_exported_are_not_named(tmp_path, make, readings):
    (path,) = export(make(tmp_path, readings=readings), ["json"]).files
    ((capture,),) = [test["captures"] for test in json.loads(path.read_text())["tests"]]
    assert capture["readings"] is None


def numbers(kind):
    return {field.name for field in fields(kind) if "float" in str(field.type)}


def test_every_number_that_is_read_has_a_unit():
    assert numbers(PcsState) == set(UNITS["pcs"])
    assert numbers(Power) | {"interval"} == set(UNITS["power_meter"]) | {"power_factor"}
    told = [kind for kind in get_args(Step) if kind not in {Arm, Await, Hold, MoreClients, ReadMeter}]
    for kind in told:
        assert numbers(kind) <= set(UNITS.get(kind.__name__, UNITS["step"])), kind
    assert {name for kind in told for name in numbers(kind)} == set(UNITS["step"])


def test_what_became_of_each_test_of_a_campaign(qualification):
    (path,) = export(qualification, ["json"]).files
    found = json.loads(path.read_text())["tests"]
    assert [(test["test"], test["outcome"], test["reason"]) for test in found] == [
        ("T1", "PASS", ""),
        ("T2", "INVALID", "no space to seal"),
        ("T3", "INVALID", "the link is dead"),
        ("T4", "NOT RUN", "the bench has no load (ai)"),
    ]
    assert [test["record"] for test in found] == ["T1", "T2", qualification.name, qualification.name]
    assert [len(test["captures"]) for test in found] == [1, 1, 0, 0]
    run = {"sequence": "sequence_of_T4", "title": "Title of T4", "bench": "simulated", "simulated": True}
    about = open_record(qualification).run
    assert found[3]["run"] == run | {name: about[name] for name in ("nominal", "started", "versions")}
