"""Functions compiled where numba is installed, and left as they are where it is not."""

import sys

import pytest

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


def test_nothing_else_is_there():
    with pytest.raises(AttributeError, match="no attribute 'missing'"):
        _ = jit.missing
