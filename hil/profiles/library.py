"""Profiles by name: a file, a shipped preset, or a shipped excerpt of a recorded trace."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING

from hil.errors import ConfigError
from hil.profiles.files import FIRST, read
from hil.profiles.presets import FOLDER, load, presets

if TYPE_CHECKING:
    from hil.profiles.profile import Profile


def traces() -> tuple[str, ...]:
    """Return the names of the shipped excerpts."""
    found = []
    for path in (files("hil.data") / FOLDER).iterdir():
        if path.name.endswith(".csv"):
            with path.open(encoding="utf-8") as file:
                if file.readline().strip() == FIRST:
                    found.append(path.name.removesuffix(".csv"))
    return tuple(sorted(found))


def find(name: str) -> Profile:
    """Return the profile of a file, a preset as it is shipped, or a shipped excerpt."""
    path = Path(name)
    if path.suffix:
        return load(name).make({}) if path.suffix == ".toml" else read(path)
    if name in presets():
        return load(name).make({})
    if name in traces():
        with as_file(files("hil.data") / FOLDER / f"{name}.csv") as file:
            return read(file)
    if path.exists():
        return read(path)
    raise ConfigError(
        f"there is no profile {name!r}; shipped are {', '.join((*presets(), *traces()))}; "
        "anything else needs the path of a file"
    )
