"""Functions compiled where numba is installed, and left as they are where it is not."""

import shutil
import sys
from pathlib import Path

import pytest

import hil
from hil import jit


def half(x):
    return x / 2


def test_with_numba():
    pytest.importorskip("numba")
    assert jit.COMPILED
    for made in (jit.compiled(half), jit.part(half), jit.compiled(half, fastmath=True)):
        assert made is not half
        assert made.py_func is half
        assert made(3.0) == 1.5
    assert jit.compiled(half, fastmath=True).targetoptions["fastmath"]
    assert not jit.compiled(half).targetoptions.get("fastmath")


def test_without_numba_nothing_is_changed(monkeypatch):
    """Also where it was there when `jit` was imported: a kernel that is imported again is plain Python."""
    monkeypatch.setitem(sys.modules, "numba", None)
    assert not jit.COMPILED
    assert jit.compiled(half) is half
    assert jit.compiled(half, fastmath=True) is half
    assert jit.part(half) is half


def test_nowhere_to_keep_the_machine_code(monkeypatch):
    numba = pytest.importorskip("numba")
    njit = numba.njit

    def refuse(*args, cache=False, **options):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return njit(*args, **options)

    monkeypatch.setattr(numba, "njit", refuse)
    assert jit.compiled(half)(5.0) == 2.5


@pytest.mark.parametrize("name", ["jit", "flat", "parts", "kernel/one"])
def test_machine_code_is_made_anew_where_a_file_of_it_has_changed(tmp_path, monkeypatch, name):
    """Those that say how it is compiled included."""
    for each in ("jit", "flat", "parts"):
        shutil.copy(Path(hil.__file__).with_name(f"{each}.py"), tmp_path)
    (tmp_path / "kernel").mkdir()
    (tmp_path / "kernel" / "one.py").write_text("x = 1\n")
    monkeypatch.setattr(jit, "__file__", str(tmp_path / "jit.py"))
    before, again = (jit.stamp(tmp_path / "kernel").dtype for _ in range(2))
    with (tmp_path / f"{name}.py").open("a") as file:
        file.write("\n")
    assert before == again != jit.stamp(tmp_path / "kernel").dtype


def test_nothing_else_is_there():
    with pytest.raises(AttributeError, match="no attribute 'missing'"):
        _ = jit.missing
