"""The folders are parts of one package, and every part is shipped."""

import importlib
import pkgutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.source
def test_every_package_is_listed():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    listed = set(project["tool"]["setuptools"]["packages"])
    found = {"hil"} | {
        ".".join(("hil", *path.parent.relative_to(ROOT / "hil").parts))
        for path in ROOT.glob("hil/**/__init__.py")
    }
    for folder in ("instruments", "sequences", "calibration", "data"):
        for path in (ROOT / folder).rglob("__init__.py"):
            found.add(".".join(("hil", *path.parent.relative_to(ROOT).parts)))
    assert found == listed


@pytest.mark.source
def test_every_data_file_is_shipped():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    patterns = project["tool"]["setuptools"]["package-data"]["hil.data"]
    shipped = {path for pattern in patterns for path in (ROOT / "data").glob(pattern)}
    data = {
        path for path in (ROOT / "data").rglob("*") if path.is_file() and path.suffix not in {".py", ".pyc"}
    }
    assert shipped == {
        path for path in data if "captures" not in path.parts
    }  # samples stay in the source tree


@pytest.mark.source
def test_top_level_is_what_users_expect():
    for name in (
        "pyproject.toml",
        "README.md",
        "hil",
        "instruments",
        "sequences",
        "calibration",
        "tests",
        "data",
    ):
        assert (ROOT / name).exists(), name


def test_nothing_bare_is_imported():
    """The folders' generic names must not become importable by themselves."""
    code = (
        "import importlib, pkgutil, sys, hil\n"
        "for module in pkgutil.walk_packages(hil.__path__, 'hil.'):\n"
        "    if not module.name.endswith('__main__'):\n"
        "        importlib.import_module(module.name)\n"
        "for leaf in ('instruments', 'sequences', 'calibration', 'data'):\n"
        "    package = importlib.import_module(f'hil.{leaf}')\n"
        "    for module in pkgutil.walk_packages(package.__path__, f'hil.{leaf}.'):\n"
        "        importlib.import_module(module.name)\n"
        "print(sorted({'instruments', 'sequences', 'calibration'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd="/")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_help_imports_nothing_heavy():
    """`hil --help` stays fast because it imports no science: names, not times, are what can be asserted."""
    code = (
        "import sys, hil.cli\n"
        "try:\n    hil.cli.main(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'numpy', 'scipy', 'pandas', 'plotly', 'rich', 'pyvisa', 'pymodbus', 'numba', 'h5py'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.strip() == "[]"
    assert "hil run voltage_sag" in done.stdout


@pytest.mark.source
def test_every_word_on_the_map_leads_somewhere():
    """Each name in the table of drivers, twins, sequences and corrections resolves."""
    from hil.table import TABLE, resolve

    for group, names in TABLE.items():
        for name in names:
            assert resolve(group, name) is not None, (group, name)


def test_every_module_of_the_package_imports():
    """Also on the wheel, where a module that is not listed is missing."""
    names = set()
    for package in ("hil", "hil.instruments", "hil.sequences", "hil.calibration"):
        path = importlib.import_module(package).__path__
        names |= {module.name for module in pkgutil.walk_packages(path, f"{package}.")}
    assert {"hil.plant.emt.step", "hil.analysis.quality.engine", "hil.instruments.ametek_mx"} <= names
    for name in sorted(names):
        if not name.endswith("__main__"):
            importlib.import_module(name)
