"""What a user can get wrong in a bench file or an argument: one line, exit code 2, nothing started."""

import pytest

from hil.config import load
from hil.errors import ConfigError


def changed(bench_text, old, new):
    text = bench_text()
    assert old in text
    return text.replace(old, new, 1)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('voltage = "480 V"', 'voltge = "480 V"', "bench: voltage is missing"),
        ('power = "100 kW"', 'power = "100 kW"\ncolour = "red"', "unknown key 'colour'"),
        ('driver = "ametek_mx"', 'driver = "ametek_mx"\nbaud = "9600"', "unknown key 'baud'"),
        ('power = "100 kW"', 'power = "100 kV"', "power: '100 kV' is not in W"),
        ('power = "100 kW"', "power = 100", "write the unit"),
        ('driver = "ametek_mx"', 'driver = "ametek"', "known are"),
        ('driver = "ametek_mx"', 'driver = "ea_psb"', "ea_psb is a dc_source"),
        ('role = "pcs"', 'role = "pc"', "no role 'pc'"),
        ('min = "0 V", max = "300 V"', 'min = "0 V", max = "500 V"', "exceeds the instrument's rating"),
        ('min = "0 V", max = "300 V"', 'min = "300 V", max = "0 V"', "holds nothing"),
        ('min = "0 V", max = "300 V"', 'min = "0 V", maximum = "300 V"', "max is missing"),
        ("limits.voltage", "limits.volts", "unknown quantity 'volts'"),
        ('"pcs", "grid"', '"grid"', "safe_order must name every instrument"),
        ('input = "ai1"', 'input = "ai0"', "two channels hang on one input"),
        ('certificate = "simulated_v_a"', 'certificate = "nobody"', "channels.va"),
        ("[plant]", "[plant]\nwind = 3", "unknown key 'wind'"),
        ("[bench]", "[bench", "cannot be read as TOML"),
    ],
)
def test_one_clear_line_and_nothing_is_started(hil, tmp_path, bench_text, old, new, says):
    bench = tmp_path / "lab.toml"
    bench.write_text(changed(bench_text, old, new))
    code, out, err = hil("run", "voltage_sag", "--bench", bench, "--records", tmp_path / "records")
    assert code == 2
    assert out == ""
    assert err.startswith("hil: ")
    assert len(err.strip().splitlines()) == 1
    assert "lab.toml" in err
    assert says in err
    assert not (tmp_path / "records").exists()


def test_a_limit_below_the_setpoints_of_the_sequence(hil, tmp_path, bench_text):
    bench = tmp_path / "lab.toml"
    bench.write_text(changed(bench_text, 'min = "0 V", max = "300 V"', 'min = "0 V", max = "200 V"'))
    code, _, err = hil("run", "voltage_sag", "--bench", bench)
    assert code == 2
    assert "stage 'energise'" in err
    assert "grid.voltage = 221.7" in err
    assert "outside 0 .. 200 V" in err
    assert "Nothing was sent" in err
    assert not (tmp_path / "records").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("run", "voltage_sgg"), "known are t01_telemetry"),
        (("run", "voltage_sag", "--bench", "nowhere.toml"), "no bench file nowhere.toml"),
        (("run", "voltage_sag", "--bench", "lab"), "shipped are"),
        (("run", "voltage_sag", "--set", "depth=0.5 pu"), "no parameter 'depth'"),
        (("run", "voltage_sag", "--set", "duration=0.5"), "is not in s"),
        (("run", "voltage_sag", "--set", "duration"), "expected name=value"),
        (("run", "voltage_sag", "--set", "duration=-1 s"), "outside 0.01 .. 10 s"),
        (("run", "voltage_sag", "--set", "phases=abd"), "words out of a, b, c"),
        (("run", "voltage_sag", "--set", "power=1.5 pu"), "outside -1 .. 1 pu"),
        (("run", "voltage_sag", "--flaw", "explodes"), "trips-early"),
        (("preview", "voltage_sag", "--set", "residual=2 pu"), "outside 0 .. 0.9 pu"),
        (("analyze", "nothing.cfg"), "nothing.cfg"),
        (("verify", "nowhere"), "is not a record"),
        (("report", "nowhere"), "is not a record"),
    ],
)
def test_wrong_arguments(hil, arguments, says):
    code, _, err = hil(*arguments)
    assert code == 2
    assert err.startswith("hil: ")
    assert len(err.strip().splitlines()) == 1
    assert says in err


def test_faults_are_for_simulated_benches_only(tmp_path, bench_text):
    bench = tmp_path / "lab.toml"
    text = changed(bench_text, "simulated = true", "simulated = false")
    for name in ("grid", "battery", "pcs", "recorder", "interlock"):
        text = text.replace(f"[instruments.{name}]\n", f'[instruments.{name}]\naddress = "x"\n')
    bench.write_text(
        text.replace("[instruments.grid]\n", '[instruments.grid]\nfaults.silent_after = "1 s"\n')
    )
    with pytest.raises(ConfigError, match="simulated bench only"):
        load(bench)


def test_every_shipped_bench_is_whole():
    from hil.config import shipped_benches

    assert {"simulated"} <= set(shipped_benches())
    for path in shipped_benches().values():
        config = load(path)
        assert config.safe_order
        assert config.text == path.read_text()
