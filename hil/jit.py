"""Numba where it is installed, plain Python where it is not; the one place that decides.

It decides anew for each module that imports from here, so a module that is imported once more after
numba was taken away, as tests and benchmarks do, is plain Python. Importing this imports no numba;
decorating does.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

COMPILED: bool  # looked up below: whether numba is there
flat: Any  # looked up below: hil.flat.flat, or what returns the array itself


def __getattr__(name: str) -> Any:
    if name == "flat":
        return _flat()
    if name != "COMPILED":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        import numba  # noqa: F401, PLC0415 - half a second, for the modules with compiled functions alone
    except ImportError:
        return False
    return True


def compiled(function: Any, **options: Any) -> Any:
    """Compile a function without the interpreter's lock, and keep the machine code beside its file.

    Options are numba's. The cache is renewed when that file changes, and only then.
    """
    try:
        from numba import njit  # noqa: PLC0415 - as above
    except ImportError:
        return function
    try:
        return njit(cache=True, nogil=True, **options)(function)
    except RuntimeError:  # nowhere to keep the cache: no folder is writable
        return njit(nogil=True, **options)(function)


def part(function: Any) -> Any:
    """Compile a function into those that call it; it is kept with them, not by itself."""
    try:
        from numba import njit  # noqa: PLC0415 - as above
    except ImportError:
        return function
    return njit(nogil=True, error_model="numpy", **_quickly())(function)


def inlined(function: Any) -> Any:
    """Compile a function into those that call it, without a call: for what runs in every step.

    A call costs as much as thirty operations, most of it counting references to the arrays.
    """
    try:
        from numba import njit  # noqa: PLC0415 - as above
    except ImportError:
        return function
    return njit(nogil=True, error_model="numpy", forceinline=True, **_quickly())(function)


def stamp(*folders: Path) -> Any:
    """Return an argument for a `compiled` function whose parts are in other files, in these folders.

    Numba renews its cache when the function's own file changes or the types of its arguments; this
    argument's type has a name that changes with any file of them, and with those that say how
    parts are compiled.
    """
    import numpy as np  # noqa: PLC0415 - as numba

    digest = sha256()
    for file in (Path(__file__), *(Path(__file__).with_name(f"{name}.py") for name in ("flat", "parts"))):
        digest.update(file.read_bytes())
    for folder in folders:
        for file in sorted(folder.glob("*.py")):
            digest.update(file.read_bytes())
    return np.zeros(1, np.dtype([(f"of_{digest.hexdigest()[:16]}", "u1")]))[0]


def _quickly() -> dict[str, Any]:
    try:
        from .parts import Compiler  # noqa: PLC0415 - as above
    except ImportError:  # a numba that has moved its inner modules: it takes longer, that is all
        return {}
    return {"pipeline_class": Compiler}


def _flat() -> Any:
    try:
        import numba  # noqa: F401, PLC0415 - as above
    except ImportError:
        return lambda array: array
    from .flat import flat  # noqa: PLC0415 - as above

    return flat
