"""What the model of a unit is made of, entry by entry, with unit and meaning: its list of parameters.

The units are those of the bench file's tables, the meaning stands beside each field where it is defined.
"""

from __future__ import annotations

import ast
import re
from dataclasses import fields
from inspect import getsource
from textwrap import dedent
from typing import TYPE_CHECKING, Any, Final

from .options import BATTERY, FORMING, MISSIONS, PLANT, SYNCHRO
from .tables import written

if TYPE_CHECKING:
    from .options import PlantOptions

SITE: Final = {"bank", "electronic", "transformer", "grounding", "gensets"}
"""Not the unit, but what is around it."""
PARTS: Final = {"forming", "synchro", "missions"}
"""Tables of their own."""
HONEST: Final = {"defects", "telemetry_gain"}
"""Nothing in a good unit."""
_UNIT: Final = re.compile(r"\s*\[(K|degC|s|pu)\]")


def stated(options: PlantOptions) -> dict[str, list[str]]:
    """Return value, unit and meaning of every parameter of the unit; what is not stated is empty."""
    q = options.parameters
    rows = _rows("", q, {**PLANT, **BATTERY}, SITE | PARTS | HONEST)
    rows |= _rows("forming.", q.forming, FORMING, set())
    rows |= _rows("synchro.", q.synchro, SYNCHRO, set())
    if q.missions is not None:
        rows |= _rows("missions.", q.missions, MISSIONS, {"rated_power", "frequency"})  # the plant's
    if options.controller:
        rows["controller"] = [options.controller, "", "your own control, whose parameters are not stated"]
    return rows


def _rows(prefix: str, owner: Any, units: dict[str, Any], left_out: set[str]) -> dict[str, list[str]]:
    rows, said = {}, meanings(type(owner))
    for each in fields(owner):
        if each.name in left_out:
            continue
        text = said.get(each.name, "")
        found = _UNIT.search(text)
        unit = written(units[each.name]) if each.name in units else found[1] if found else ""
        rows[prefix + each.name] = [_text(getattr(owner, each.name)), unit, brief(text)]
    return rows


def meanings(kind: type[Any]) -> dict[str, str]:
    """Return the docstring of each field of a dataclass, inherited ones too."""
    said: dict[str, str] = {}
    for base in reversed(kind.__mro__[:-1]):
        definition = ast.parse(dedent(getsource(base))).body[0]
        assert isinstance(definition, ast.ClassDef)
        for field, text in zip(definition.body, definition.body[1:], strict=False):
            match field, text:
                case (
                    ast.AnnAssign(target=ast.Name(id=name)),
                    ast.Expr(value=ast.Constant(value=str(words))),
                ):
                    said[name] = " ".join(words.split())
    return said


def brief(text: str) -> str:
    """Return what a docstring says first, without units."""
    return re.sub(r"\s*\[[^\]]*\]", "", text.partition(";")[0]).rstrip(".").strip()


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_text, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(getattr(value, "name", value))
