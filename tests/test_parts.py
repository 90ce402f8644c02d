"""Parts of a kernel are compiled with less work, and to what numba by itself would make of them."""

import inspect
import itertools
import math
import operator
import struct
import sys
from collections import defaultdict

import numpy as np
import pytest

pytest.importorskip("numba")

from numba import types
from numba.core import typed_passes, untyped_passes
from numba.core.codegen import CPUCodeLibrary
from numba.core.compiler import CompilerBase
from numba.core.registry import cpu_target
from numba.core.target_extension import CPU
from numba.core.utils import order_by_target_specificity

from hil import jit, parts
from hil.jit import flat

NEEDLESS = [getattr(untyped_passes, name, None) or getattr(typed_passes, name) for name in parts.NEEDLESS]
NUMBERS = (0.0, -0.0, 1.5, -1.5, 2, -2, 3, math.inf, -math.inf, math.nan)


@jit.inlined
def limit(w, at):
    w[at] = max(-1.0, min(w[at], 1.0, w[0]))


@jit.part
def limit_all(w, count):
    for n in range(count):
        limit(w, n + 1)


@jit.part
def kernel(array):
    w = flat(array)
    limit_all(w, len(array) - 1)
    limit(w, len(array) - 1)


@pytest.fixture
def log(monkeypatch):
    """Names of the functions that have gone through numba's machinery, by what it did with them."""
    done = defaultdict(list)

    def spy(owner, method, name):
        original = getattr(owner, method)

        def noted(self, *args):
            done[owner.__name__, method].append(name(self, *args))
            return original(self, *args)

        monkeypatch.setattr(owner, method, noted)

    for step in ("_optimize_final_module", "_finalize_final_module"):
        spy(CPUCodeLibrary, step, lambda library: library.name)
    for kind in NEEDLESS:
        spy(kind, "run_pass", lambda _, state: state.func_id.func_name)
    spy(CompilerBase, "compile_extra", lambda _, function: function.__name__)
    return done


def test_parts_of_a_kernel_are_compiled_with_as_little_work_as_can_be(log):
    array = np.array([2.0, -3.0, 5.0, 0.5])
    kernel(array)
    assert list(array) == [2.0, -1.0, 1.0, 0.5]
    # each once, and nothing for `min` and `max`
    assert log.pop(("CompilerBase", "compile_extra")) == ["kernel", "limit_all", "limit"]
    assert len(log) == 2 + len(NEEDLESS)
    for step, names in log.items():  # numba compiles its own runtime first, in whatever test that is
        assert [name for name in names if name != "nrt"] == ["kernel"], step
    for function in (limit, limit_all):
        (made,) = function.overloads.values()
        names = {each.name for each in made.library.get_defined_functions()}
        assert made.fndesc.llvm_func_name in names
        assert names.isdisjoint({made.fndesc.llvm_cpython_wrapper_name, made.fndesc.llvm_cfunc_wrapper_name})


def bits(number):
    return "nan" if math.isnan(number) else struct.pack("d", number)


@jit.part
def extremes_of_two(a, b):
    return min(a, b), max(a, b)


@jit.part
def extremes_of_three(a, b, c):
    return min(a, b, c), max(a, b, c)


@pytest.mark.parametrize("function", [extremes_of_two, extremes_of_three])
def test_min_and_max_are_pythons(function):
    """To the bit: of equal zeros the first, and what is not a number is passed over or kept by its place."""
    count = len(inspect.signature(function.py_func).parameters)
    for values in itertools.product(NUMBERS, repeat=count):
        got, expected = function(*values), function.py_func(*values)
        assert [bits(x) for x in got] == [bits(x) for x in expected], values


@pytest.mark.parametrize(
    "name", ["lt", "le", "gt", "ge", "eq", "ne", "add", "sub", "mul", "iadd", "isub", "imul"]
)
def test_types_are_those_that_numba_finds(name):
    context = cpu_target.typing_context
    context.refresh()
    whole = context.resolve_value_type(getattr(operator, name))
    quick = [each for each in whole.templates if issubclass(each, parts._Quick)]
    assert len(quick) == 1
    assert order_by_target_specificity(CPU, whole.templates)[0] is quick[0]  # asked first
    numbas = type(whole)(tuple(each for each in whole.templates if each not in quick))
    for args in itertools.product((types.int64, types.float64), repeat=2):
        expected = numbas.get_call_type(context, args, {})
        assert quick[0](context).apply(args, {}) == expected
        assert whole.get_call_type(context, args, {}) == expected


@pytest.mark.parametrize("op", [operator.add, operator.lt, min])
@pytest.mark.parametrize(
    "args", [(types.float64, types.float32), (types.float64[:], types.float64), 4 * (types.float64,), ()]
)
def test_other_types_are_left_to_numba(op, args):
    quick = next(
        each
        for each in cpu_target.typing_context.resolve_value_type(op).templates
        if issubclass(each, parts._Quick)
    )
    assert quick(cpu_target.typing_context).apply(args, {}) is None


def test_with_a_numba_that_has_other_inner_modules(monkeypatch):
    monkeypatch.setitem(sys.modules, "hil.parts", None)
    for decorator in (jit.part, jit.inlined):
        made = decorator(limit.py_func)
        assert made._compiler.pipeline_class is not parts.Compiler
        assert made is not limit.py_func
    assert limit._compiler.pipeline_class is parts.Compiler
