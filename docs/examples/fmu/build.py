"""Build current_control.fmu with the machine's C compiler: python docs/examples/fmu/build.py FOLDER."""

from __future__ import annotations

import platform
import subprocess
import sys
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
NAME = "current_control"
REALS = ("v_a", "v_b", "v_c", "i1_a", "i1_b", "i1_c", "v_dc", "p_in", "q_in")


def description() -> str:
    """Return modelDescription.xml: every variable, its place in the C code as its value reference."""
    inputs = [(name, "Real", ' start="0"') for name in REALS] + [("enable_in", "Boolean", ' start="false"')]
    outputs = [(name, "Real", "") for name in ("e_a", "e_b", "e_c")]
    outputs += [("gates", "Boolean", ""), ("contactor", "Boolean", "")]
    outputs += [("mode", "Integer", ""), ("alarm", "Integer", "")]
    lines = []
    for place, (name, kind, start) in enumerate(inputs + outputs):
        causality = "input" if place < len(inputs) else "output"
        steps = "continuous" if kind == "Real" else "discrete"
        lines.append(
            f'<ScalarVariable name="{name}" valueReference="{place}" causality="{causality}" '
            f'variability="{steps}"><{kind}{start}/></ScalarVariable>'
        )
    given = "".join(f'<Unknown index="{len(inputs) + n + 1}"/>' for n in range(len(outputs)))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<fmiModelDescription fmiVersion="2.0" modelName="{NAME}" guid="{{hil-bench}}">\n'
        f'<CoSimulation modelIdentifier="{NAME}" canHandleVariableCommunicationStepSize="true"/>\n'
        f"<ModelVariables>\n{chr(10).join(lines)}\n</ModelVariables>\n"
        f"<ModelStructure><Outputs>{given}</Outputs><InitialUnknowns>{given}</InitialUnknowns>"
        "</ModelStructure>\n</fmiModelDescription>\n"
    )


def build(folder: Path, compiler: str = "gcc") -> Path:
    """Compile the control, pack it and return the FMU's path."""
    system = {"Linux": ("linux64", ".so"), "Darwin": ("darwin64", ".dylib"), "Windows": ("win64", ".dll")}
    place, suffix = system[platform.system()]
    library = folder / f"{NAME}{suffix}"
    subprocess.run(
        [compiler, "-O2", "-shared", "-fPIC", str(HERE / f"{NAME}.c"), "-o", str(library), "-lm"], check=True
    )
    path = folder / f"{NAME}.fmu"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("modelDescription.xml", description())
        archive.write(library, f"binaries/{place}/{NAME}{suffix}")
    library.unlink()
    return path


if __name__ == "__main__":
    print(build(Path(sys.argv[1])))  # noqa: T201 - a script that says what it made
