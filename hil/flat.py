"""An array of floats by its address alone, for compiled code with many calls.

Numba hands an array over as seven words and counts references at each call; an address is one
word and counts nothing, so calls cost little and code compiles in a third less time. Bounds are
not checked, and whoever calls `flat` keeps the array. Importing this imports numba; `hil.jit.flat`
is the same, and the array itself where numba is missing.
"""
# mypy: allow-untyped-calls, allow-untyped-decorators, allow-subclassing-any
# as numba has no types

from __future__ import annotations

import operator
from typing import Any

from llvmlite import ir
from numba import types
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model


class Flat(types.Type):
    """Numba's type of such an address."""

    def __init__(self) -> None:
        super().__init__(name="Flat")


FLAT = Flat()


@register_model(Flat)
class _Model(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, ir.DoubleType().as_pointer())


@infer_global(operator.getitem)
class _Get(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:  # noqa: ARG002 - numba's form
        if isinstance(args[0], Flat) and isinstance(args[1], types.Integer):
            return signature(types.float64, FLAT, types.intp)
        return None


@infer_global(operator.setitem)
class _Set(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:  # noqa: ARG002 - numba's form
        if isinstance(args[0], Flat) and isinstance(args[1], types.Integer):
            return signature(types.void, FLAT, types.intp, types.float64)
        return None


@lower_builtin(operator.getitem, Flat, types.Integer)
def _get(context: Any, builder: Any, sig: Any, args: Any) -> Any:  # noqa: ARG001 - numba's form
    return builder.load(builder.gep(args[0], [args[1]]))


@lower_builtin(operator.setitem, Flat, types.Integer, types.Float)
def _set(context: Any, builder: Any, sig: Any, args: Any) -> None:  # noqa: ARG001 - numba's form
    builder.store(args[2], builder.gep(args[0], [args[1]]))


@intrinsic
def flat(context: Any, array: Any) -> Any:  # noqa: ARG001 - numba's form
    """Return the address of a contiguous array of floats."""
    if not (isinstance(array, types.Array) and array.dtype is types.float64 and array.layout == "C"):
        return None

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return context.make_array(sig.args[0])(context, builder, args[0]).data

    return signature(FLAT, array), code
