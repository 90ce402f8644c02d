"""Which instrument of a bench file plays a part, by its name or alone, and where a simulated one is wired."""

from importlib.resources import files

import pytest

from hil.bench import Bench
from hil.clock import HostClock
from hil.config import load
from hil.errors import ConfigError, NotSupported
from hil.transport.link import CommandLog

SHIPPED = files("hil.data") / "benches" / "simulated.toml"
STEPS = 'lines = "port0/line0:1"\nresistors = "5 kW"\nvoltage = "480 V"\nfrequency = "60 Hz"'
LOADS = {"bank": ("nidaqmx_bank", STEPS), "servers": ("nhr_9430", "")}


@pytest.fixture
def bench(tmp_path):
    """Return the shipped bench with more instruments, name to role, driver and further lines."""

    def build(**more):
        text = SHIPPED.read_text()
        order = 'safe_order = ["pcs", "grid", "battery", "interlock", "recorder"'
        assert order in text
        text = text.replace(order, order + "".join(f', "{name}"' for name in more))
        for name, (role, driver, lines) in more.items():
            text = text.replace(
                "[plant]", f'[instruments.{name}]\nrole = "{role}"\ndriver = "{driver}"\n{lines}\n[plant]'
            )
        path = tmp_path / "lab.toml"
        path.write_text(text)
        return load(path)

    return build


@pytest.fixture
def two_loads(bench):
    return bench(**{name: ("load", *rest) for name, rest in LOADS.items()})


def test_the_only_one_of_its_role_is_found_by_any_name(bench):
    one = bench(servers=("load", "nhr_9430", ""))
    for config, role, name in ((one, "load", "servers"), (one, "grid_source", "grid")):
        for asked in ("", name, "something"):
            assert config.find(role, asked).name == name
            assert [item.name for item in config.named(role, asked)] == [name]
        assert config.driver(role) is config.driver(role, name)


def test_of_several_the_one_of_this_name_is_found(two_loads):
    for name in LOADS:
        assert two_loads.find("load", name).name == name
        assert [item.name for item in two_loads.named("load", name)] == [name]


@pytest.mark.parametrize(
    ("role", "name", "found", "says"),
    [
        ("load", "", list(LOADS), "one load is needed; there is bank, servers"),
        ("load", "heater", [], "one load called heater is needed; there is bank, servers"),
        ("genset", "", [], "one genset is needed; there is none"),
    ],
)
def test_what_is_lacking_or_not_told_apart(two_loads, role, name, found, says):
    assert [item.name for item in two_loads.named(role, name)] == found
    with pytest.raises(ConfigError if found else NotSupported) as caught:
        two_loads.find(role, name)
    assert str(caught.value).endswith(f"lab.toml: {says}")


def test_a_bench_finds_its_instruments_likewise(two_loads):
    addresses = dict.fromkeys(two_loads.instruments, "127.0.0.1:1")
    found = Bench(
        two_loads,
        HostClock(),
        CommandLog(),
        addresses | dict.fromkeys(("interlock", "recorder", "bank"), "local:"),
    )
    assert found.load("servers") is found.instruments["servers"]
    assert found.grid is found.instruments["grid"]
    with pytest.raises(ConfigError, match="there is bank, servers"):
        found.load()
    with pytest.raises(NotSupported, match="one switch is needed; there is none"):
        found.switch()


def test_a_bench_of_hardware_is_wired_by_hand(tmp_path):
    path = tmp_path / "lab.toml"
    text = SHIPPED.read_text().replace('driver = "ametek_mx"', 'driver = "ametek_mx"\nterminal = "grid"')
    path.write_text(text)
    assert load(path).instruments["grid"].terminal == "grid"
    text = text.replace("simulated = true", "simulated = false")
    for name in load(path).instruments:
        text = text.replace(f"[instruments.{name}]\n", f'[instruments.{name}]\naddress = "x"\n')
    path.write_text(text)
    with pytest.raises(ConfigError, match="instruments.grid: unknown key 'terminal'"):
        load(path)
