"""An FMU as the PCS's control: the same power as a Python class with the same algorithm, and refusals."""

import importlib.util
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from hil.errors import ConfigError, FormatError, MissingExtra
from hil.plant.control_port import ControlFailed, load_controller
from hil.plant.parameters import Parameters
from hil.plant.plant import Plant
from hil.plant.scenarios import switched_on

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
NEEDED = (
    *("v_a", "v_b", "v_c", "i1_a", "i1_b", "i1_c", "v_dc", "enable_in", "p_in", "q_in"),
    *("e_a", "e_b", "e_c", "gates", "contactor", "mode"),
)


def module(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


@pytest.fixture(scope="module")
def fmu(tmp_path_factory):
    """The example, compiled."""
    pytest.importorskip("fmpy")
    if shutil.which("gcc") is None:
        pytest.skip("there is no gcc")
    return module(EXAMPLES / "fmu" / "build.py").build(tmp_path_factory.mktemp("fmu"))


@pytest.fixture
def changed(fmu, tmp_path):
    """Pack the example anew with a description that was changed."""

    def pack(*changes):
        path = tmp_path / "changed.fmu"
        with zipfile.ZipFile(fmu) as old, zipfile.ZipFile(path, "w") as new:
            for name in old.namelist():
                content = old.read(name)
                if name == "modelDescription.xml":
                    text = content.decode()
                    for pattern, other in changes:
                        text, count = re.subn(pattern, other, text)
                        assert count, pattern
                    content = text.encode()
                new.writestr(name, content)
        return path

    return pack


def described(folder, variables, kind="CoSimulation"):
    """Write an FMU that is but a description; variables: name, causality, XML element."""
    inner = "".join(
        f'<ScalarVariable name="{name}" valueReference="{n}" causality="{causality}" variability="discrete">'
        f"<{element}/></ScalarVariable>"
        for n, (name, causality, element) in enumerate(variables)
    )
    outputs = "".join(f'<Unknown index="{n + 1}"/>' for n, v in enumerate(variables) if v[1] == "output")
    path = folder / "described.fmu"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            "modelDescription.xml",
            f'<fmiModelDescription fmiVersion="2.0" modelName="m" guid="g"><{kind} modelIdentifier="m"/>'
            f"<ModelVariables>{inner}</ModelVariables><ModelStructure><Outputs>{outputs}</Outputs>"
            f"<InitialUnknowns>{outputs}</InitialUnknowns></ModelStructure></fmiModelDescription>",
        )
    return path


def complete():
    inputs = [(name, "input", 'Real start="0"') for name in NEEDED[:10]]
    return inputs + [(name, "output", "Real") for name in NEEDED[10:]]


def run(controller, watts, var, *, sag=None):
    q = Parameters()
    terminals = switched_on(q, ("i_a",))
    p = Plant(q, terminals, seed=1, controller=controller)
    terminals.pcs.active_power, terminals.pcs.reactive_power = watts, var
    p.advance(0.4)
    if sag is not None:
        terminals.grid.volts = [sag * volts for volts in terminals.grid.volts]
        p.advance(0.1)
    return p, np.concatenate(terminals.inputs.blocks, axis=1)


@pytest.mark.source
@pytest.mark.parametrize(("watts", "var", "sag"), [(80e3, 20e3, None), (-50e3, -30e3, 0.9), (90e3, 0.0, 0.0)])
def test_runs_in_the_loop_like_the_same_algorithm_in_python(fmu, watts, var, sag):
    mine, current = run(load_controller(str(fmu), Parameters()), watts, var, sag=sag)
    control = module(EXAMPLES / "current_control.py").CurrentControl(Parameters())
    other, expected = run(control, watts, var, sag=sag)
    assert np.abs(current[3:6]).max() > 50.0
    assert np.allclose(current, expected, rtol=0.0, atol=1e-6)
    pcs = mine.terminals.pcs
    assert (pcs.mode, pcs.alarms) == (other.terminals.pcs.mode, other.terminals.pcs.alarms)
    if sag == 0.0:
        assert (pcs.mode, pcs.alarms, pcs.connected) == ("fault", {"overcurrent"}, False)
    else:
        assert pcs.mode == "running"
        assert pcs.measured_watts == pytest.approx(watts, abs=1e3)
        assert pcs.measured_var == pytest.approx(var, abs=1e3)


@pytest.mark.source
def test_each_plant_has_its_own(fmu):
    first, again = (run(load_controller(str(fmu), Parameters()), 80e3, 0.0)[1] for _ in range(2))
    assert np.array_equal(first, again)


@pytest.mark.source
def test_an_error_of_the_fmu_is_told_and_blocks_the_gates(fmu):
    q = Parameters()
    terminals = switched_on(q)
    p = Plant(q, terminals, controller=load_controller(str(fmu), q))
    p.advance(0.3)
    assert terminals.pcs.mode == "running"
    from hil.plant.emt import storage

    p.world[storage.V_DC] = 2500.0
    with pytest.raises(
        ControlFailed, match=r"current_control\.fmu: fmi2DoStep failed .*DC link above 2000 V"
    ):
        p.advance(0.1)
    assert (terminals.pcs.mode, terminals.pcs.connected) == ("fault", False)


@pytest.mark.source
def test_a_mode_that_does_not_exist_is_refused(changed):
    # what it calls its mode is its first bridge voltage
    path = changed((r'(name="mode" valueReference=)"15"(.*?)<Integer/>', r'\1"10"\2<Real/>'))
    with pytest.raises(ControlFailed, match=r"changed\.fmu: mode = -?\d+\..*; mode is 0 to 4, alarm 0 to 6"):
        run(load_controller(str(path), Parameters()), 0.0, 0.0)


@pytest.fixture(scope="module")
def fmu_3(tmp_path_factory):
    """The example behind the functions of FMI 3; those that nothing calls return an error."""
    fmi3 = pytest.importorskip("fmpy.fmi3")
    if shutil.which("gcc") is None:
        pytest.skip("there is no gcc")
    from fmpy import platform_tuple, sharedLibraryExtension

    folder = tmp_path_factory.mktemp("fmu_3")
    names = [name for name in dir(fmi3.FMU3Slave) if name.startswith("fmi3") and f"{name}(" not in FMI_3]
    unused = "\n".join(f"API int {name}(void) {{ return ERROR; }}" for name in names)
    source, library = folder / "three.c", folder / "three.so"
    source.write_text(f'#include "{(EXAMPLES / "fmu" / "current_control.c").as_posix()}"\n{FMI_3}{unused}\n')
    subprocess.run(["gcc", "-shared", "-fPIC", source, "-o", library, "-lm"], check=True)
    kinds = {"enable_in": "Boolean", "gates": "Boolean", "contactor": "Boolean", "mode": "Int32"}
    places = (*NEEDED[:7], "p_in", "q_in", "enable_in", *NEEDED[10:])
    variables = '<Float64 name="time" valueReference="99" causality="independent"/>' + "".join(
        f'<{kind} name="{name}" valueReference="{n}" variability="discrete" '
        + ('causality="output"/>' if n > 9 else f'causality="input" start="{START[kind]}"/>')
        for n, name in enumerate(places)
        for kind in [kinds.get(name, "Float64")]
    )
    outputs = "".join(f'<Output valueReference="{n}"/>' for n in range(10, 16))
    with zipfile.ZipFile(folder / "three.fmu", "w") as archive:
        archive.write(library, f"binaries/{platform_tuple}/three{sharedLibraryExtension}")
        archive.writestr(
            "modelDescription.xml",
            '<fmiModelDescription fmiVersion="3.0" modelName="three" instantiationToken="t">'
            f'<CoSimulation modelIdentifier="three"/><ModelVariables>{variables}</ModelVariables>'
            f"<ModelStructure>{outputs}</ModelStructure></fmiModelDescription>",
        )
    return folder / "three.fmu"


START = {"Float64": "0", "Boolean": "false"}
FMI_3 = """
#include <stdbool.h>
API const char *fmi3GetVersion(void) { return "3.0"; }
API Component fmi3InstantiateCoSimulation(const char *name, const char *token, const char *resources,
    bool visible, bool logging, bool events, bool early, const Ref *refs, size_t n, void *environment,
    void *log, void *update) { return fmi2Instantiate(name, 1, token, resources, NULL, visible, logging); }
API void fmi3FreeInstance(Component c) { fmi2FreeInstance(c); }
API int fmi3EnterInitializationMode(Component c, bool has, double tolerance, double start, bool ends,
    double stop) { return OK; }
API int fmi3ExitInitializationMode(Component c) { return OK; }
API int fmi3SetFloat64(Component c, const Ref *at, size_t n, const double *value, size_t values)
    { return fmi2SetReal(c, at, n, value); }
API int fmi3GetFloat64(Component c, const Ref *at, size_t n, double *value, size_t values)
    { return fmi2GetReal(c, at, n, value); }
API int fmi3SetBoolean(Component c, const Ref *at, size_t n, const bool *value, size_t values)
    { int whole = value[0]; return n == 1 ? fmi2SetBoolean(c, at, n, &whole) : ERROR; }
API int fmi3GetInt32(Component c, const Ref *at, size_t n, int *value, size_t values)
    { return fmi2GetInteger(c, at, n, value); }
API int fmi3GetBoolean(Component c, const Ref *at, size_t n, bool *value, size_t values)
{
    int whole[2];
    if (n != 2 || fmi2GetInteger(c, at, n, whole) != OK) return ERROR;
    value[0] = whole[0], value[1] = whole[1];
    return OK;
}
API int fmi3DoStep(Component c, double now, double period, bool final, bool *event, bool *ends, bool *early,
    double *last)
{
    *event = *ends = *early = false;
    *last = now + period;
    return fmi2DoStep(c, now, period, 0);
}
"""


@pytest.mark.source
def test_fmi_3_runs_like_fmi_2(fmu, fmu_3):
    two, three = (run(load_controller(str(path), Parameters()), 80e3, 20e3)[1] for path in (fmu, fmu_3))
    assert np.abs(three[3:6]).max() > 50.0
    assert np.allclose(two, three, rtol=0.0, atol=1e-6)


@pytest.mark.parametrize("name", NEEDED)
def test_a_missing_variable_is_refused_by_name(tmp_path, name):
    pytest.importorskip("fmpy")
    path = described(tmp_path, [v for v in complete() if v[0] != name])
    what = "output" if name in NEEDED[10:] else "input"
    with pytest.raises(ConfigError, match=rf"described\.fmu: the FMU has no {what} {name}$"):
        load_controller(str(path), Parameters())


def test_an_input_that_nobody_sets_is_refused(tmp_path):
    pytest.importorskip("fmpy")
    path = described(tmp_path, [*complete(), ("i_2_a", "input", 'Real start="0"')])
    with pytest.raises(ConfigError, match="nothing sets the input i_2_a; the plant knows v_a, .*i2_a"):
        load_controller(str(path), Parameters())


def test_other_files_are_refused(tmp_path, monkeypatch):
    pytest.importorskip("fmpy")
    q = Parameters()
    with pytest.raises(ConfigError, match="there is no such FMU"):
        load_controller(str(tmp_path / "none.fmu"), q)
    (tmp_path / "text.fmu").write_text("no archive")
    with pytest.raises(FormatError, match=r"text\.fmu: this is no FMU that fmpy .* reads"):
        load_controller(str(tmp_path / "text.fmu"), q)
    path = described(tmp_path, complete(), kind="ModelExchange")
    with pytest.raises(ConfigError, match="without co-simulation of FMI 2 or 3"):
        load_controller(str(path), q)
    path = described(tmp_path, complete())  # and no library for any machine
    with pytest.raises(ConfigError, match="the FMU did not start: Cannot find shared library"):
        load_controller(str(path), q)
    path = described(tmp_path, [*complete()[:-1], ("mode", "output", "String")])
    with pytest.raises(ConfigError, match="mode is of type String; it must be a scalar of one of Real"):
        load_controller(str(path), q)


def test_without_fmpy_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "fmpy", None)
    with pytest.raises(MissingExtra, match=r'pip install "hil-bench\[fmu\]"'):
        load_controller(str(tmp_path / "any.fmu"), Parameters())
