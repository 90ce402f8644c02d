"""What was found in one captured event, to and from JSON; arrays go beside it into a .npz file."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile
from zlib import error as ZlibError  # noqa: N812 - an exception

import numpy as np

from hil.analysis.result import Analysis, Result, Series, Table
from hil.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from hil.analysis.result import Cell
    from hil.compliance.verdict import Parameters, Verdict

    Arrays = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class Event:
    """One capture, analysed and judged."""

    name: str
    """Name of the capture."""
    parameters: Parameters
    """What was commanded, in SI units."""
    analysis: Analysis
    verdicts: tuple[Verdict, ...] = ()


def analysis_to_dict(analysis: Analysis) -> dict[str, Any]:
    """Return an analysis for JSON; of series and spectra only what they are, see `analysis_arrays`."""
    return {
        "results": [_result_to_dict(result) for result in analysis.results],
        "series": [_head(series) for series in analysis.series],
        "spectra": [_head(series) for series in analysis.spectra],
        "tables": [asdict(table) for table in analysis.tables],
        "history": list(analysis.history),
        "warnings": list(analysis.warnings),
    }


def analysis_arrays(analysis: Analysis) -> dict[str, NDArray[np.float64]]:
    """Return the arrays of the series and spectra by name."""
    arrays = {}
    for kind, group in (("series", analysis.series), ("spectra", analysis.spectra)):
        for series in group:
            arrays[f"{kind}/{series.key}/time"] = series.time
            arrays[f"{kind}/{series.key}/values"] = series.values
    return arrays


def analysis_from_dict(data: Mapping[str, Any], arrays: Arrays | None = None) -> Analysis:
    """Return the analysis that `analysis_to_dict` wrote; without arrays it has no series and spectra."""
    try:
        results = [
            Result(**{**row, "window": None if row["window"] is None else tuple(row["window"])})
            for row in data["results"]
        ]
        series = {
            kind: tuple(
                Series(
                    time=arrays[f"{kind}/{h['key']}/time"], values=arrays[f"{kind}/{h['key']}/values"], **h
                )
                for h in data[kind]
            )
            for kind in ("series", "spectra")
            if arrays is not None
        }
        tables = [
            Table(**{**t, **{name: tuple(t[name]) for name in ("columns", "units")}, "rows": _rows(t)})
            for t in data.get("tables", ())
        ]
        return Analysis(
            results=tuple(results),
            series=series.get("series", ()),
            spectra=series.get("spectra", ()),
            tables=tuple(tables),
            history=tuple(data["history"]),
            warnings=tuple(data["warnings"]),
        )
    except (KeyError, TypeError) as error:
        raise FormatError(f"this is not a stored analysis: {error!r}") from error


def pack(arrays: Arrays) -> bytes:
    """Return arrays as the content of a .npz file."""
    buffer = BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type] # the stub mixes up its own keyword
    return buffer.getvalue()


def unpack(path: Path) -> dict[str, NDArray[np.float64]]:
    """Return the arrays of a .npz file."""
    try:
        with np.load(BytesIO(path.read_bytes()), allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (OSError, ValueError, BadZipFile, ZlibError) as error:
        raise FormatError(f"cannot read {path}: {error}") from error


def _rows(table: Mapping[str, Any]) -> tuple[tuple[Cell, ...], ...]:
    return tuple(tuple(row) for row in table["rows"])


def _head(series: Series) -> dict[str, str]:
    return {name: getattr(series, name) for name in ("key", "title", "unit", "phase", "group")}


def _result_to_dict(result: Result) -> dict[str, Any]:
    row = asdict(result)
    for name in ("value", "uncertainty"):
        number = row[name]
        if number is not None and not isinstance(number, str):
            row[name] = float(number)
            if not np.isfinite(row[name]):
                raise FormatError(f"result {result.key!r}: {name} is {number}; what is missing is None")
    row["valid"] = bool(result.valid)
    row["window"] = None if result.window is None else [float(edge) for edge in result.window]
    return row
