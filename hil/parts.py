"""How numba compiles a kernel of many small functions in half of its time; importing this imports numba.

What takes long is Python work of the compiler, once per function, so it is left out here where
it brings nothing:

- A part that takes a `Flat` can be called by compiled code alone: it needs no wrappers for the
  interpreter, and is optimised and turned into machine code once, with the function that calls
  it, and not by itself as well.
- Its code is loops over floats: passes for arrays and closures find nothing in it.
- The types of an operation on two numbers are looked up, ahead of numba's search through what
  arrays and ufuncs make of it; `min` and `max` are two instructions, as in C, not functions.

The code does the same as numba's own. This needs numba's inner modules (tried: 0.61.0 and 0.68.1); where
they have moved, `hil.jit` compiles without it.
"""
# mypy: allow-untyped-calls, allow-untyped-decorators, allow-subclassing-any
# as numba has no types

from __future__ import annotations

import operator
from typing import Any, Final

from numba import types
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import PassManager
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import lower_builtin

from .flat import FLAT

NEEDLESS: Final = ("InlineClosureLikes", "InlineOverloads", "NopythonRewrites")


class _Unfinished(JITCodeLibrary):
    """The code of a part, to be linked into what calls it, which is optimised as a whole."""

    def _optimize_final_module(self) -> None:
        pass

    def _finalize_final_module(self) -> None:
        self._finalized = True


class Compiler(CompilerBase):
    """Numba's compiler, with less to do for a part that takes a `Flat`."""

    def define_pipelines(self) -> Any:
        """Return the passes that this function needs."""
        state = self.state
        whole = DefaultPassBuilder.define_nopython_pipeline(state)
        if FLAT not in state.args:
            return [whole]
        state.flags.no_cpython_wrapper = state.flags.no_cfunc_wrapper = state.flags.no_compile = True
        state.library = _Unfinished(state.targetctx.codegen(), state.func_id.func_qualname)
        short = PassManager("part")
        for kind, what in whole.passes:
            if kind.__name__ not in NEEDLESS:
                short.add_pass(kind, what)
        short.finalize()
        return [short]

    def _compile_core(self) -> Any:
        made = super()._compile_core()
        if made.entry_point is None:  # by this numba finds the code; it wants a function, which nobody calls
            made = made._replace(entry_point=[].append)
            made.target_context.insert_user_function(made.entry_point, made.fndesc, [made.library])
        return made


def _common(args: Any) -> Any:
    """Return the type in which numba calculates with these, or None where it is for numba to say."""
    if all(each is types.int64 for each in args):
        return types.int64
    if all(each is types.float64 or each is types.int64 for each in args):
        return types.float64
    return None


class _Quick(AbstractTemplate):
    metadata = {"target": "cpu"}  # noqa: RUF012 - numba's form: tried before what is for all targets
    key: Any  # the operation

    def generic(self, args: Any, kws: Any) -> Any:
        kind = _common(args) if len(args) in COUNTS and not kws else None
        if kind is None:
            return None
        return signature(types.boolean if self.key in COMPARISONS else kind, *[kind] * len(args))


def _extreme(relation: str) -> Any:
    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:  # noqa: ARG001 - numba's form
        best = args[0]
        compare = builder.fcmp_ordered if sig.return_type is types.float64 else builder.icmp_signed
        for each in args[1:]:
            best = builder.select(compare(relation, each, best), each, best)
        return best

    return code


COMPARISONS: Final = (operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne)
ARITHMETIC: Final = (operator.add, operator.sub, operator.mul, operator.iadd, operator.isub, operator.imul)
EXTREMES: Final = {min: "<", max: ">"}
COUNTS: Final = (2, 3)

for operation in (*COMPARISONS, *ARITHMETIC, *EXTREMES):
    infer_global(operation)(type("_Quick", (_Quick,), {}))
for operation, relation in EXTREMES.items():
    for number in (types.int64, types.float64):
        for count in COUNTS:
            lower_builtin(operation, *[number] * count)(_extreme(relation))
