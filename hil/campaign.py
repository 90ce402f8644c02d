"""A campaign file: which tests, with which parameters, in a quick and a full form."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hil.compliance.criteria import load_criteria
from hil.errors import ConfigError, HilError, LimitError, NotSupported
from hil.plant.tables import near
from hil.rehearse import rehearse
from hil.sequence import build
from hil.table import names, resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from hil.config import BenchConfig
    from hil.rehearse import Rehearsal
    from hil.sequence import Sequence

TOP: Final = ("title", "source", "bench", "test")
FORMS: Final = ("quick", "full")
KEYS: Final = ("sequence", "set", *FORMS, "criteria")


@dataclass(frozen=True)
class Entry:
    """One test of a campaign, ready to be run."""

    id: str
    """Such as "T7"; names its folder in the record."""
    sequence: Sequence
    criteria: Path | None
    """Criteria other than those that are shipped with the sequence."""
    where: str
    """File and line."""


@dataclass(frozen=True)
class Campaign:
    """A campaign file in one of its forms."""

    path: Path
    text: str
    title: str
    source: str
    """What asks for these tests."""
    bench: str
    """Bench that it runs on where no other is named."""
    form: str
    """"quick" or "full"."""
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Planned:
    """What a test of a campaign will do on a bench, or why it cannot be run there."""

    entry: Entry
    rehearsal: Rehearsal | None
    lacking: str = ""


def shipped_campaigns() -> dict[str, Path]:
    """Return the shipped campaign files by name."""
    folder = Path(str(files("hil.data"))) / "campaigns"
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def load_campaign(name: str, *, full: bool = False, only: Collection[str] = ()) -> Campaign:
    """Read a campaign file, or the shipped one of this name, in its quick or full form.

    only: ids of the tests to keep. Raises `ConfigError` with file, line and the nearest valid choice.
    """
    shipped = shipped_campaigns()
    path = shipped.get(name, Path(name))
    if not path.is_file():
        raise ConfigError(f"there is no campaign {name!r}; {near(name, shipped)}, or give a .toml file")
    try:
        text = path.read_text(encoding="utf-8")
        content = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as TOML: {error}") from None
    for key in content:
        if key not in TOP:
            raise ConfigError(f"{at(path, text, key)}: unknown key {key!r}; {near(key, TOP)}")
    form = "full" if full else "quick"
    tables = content.get("test")
    if not isinstance(tables, dict) or not tables:
        raise ConfigError(f"{path}: it names no test; write a table such as [test.T7]")
    if unknown := [each for each in only if each not in tables]:
        raise ConfigError(f"{path}: there is no test {unknown[0]!r}; {near(unknown[0], tables)}")
    entries = tuple(
        _entry(key, table, form, path, text) for key, table in tables.items() if not only or key in only
    )
    return Campaign(
        path=path,
        text=text,
        title=str(content.get("title", path.stem)),
        source=str(content.get("source", "")),
        bench=str(content.get("bench", "simulated")),
        form=form,
        entries=entries,
    )


def _entry(key: str, table: Any, form: str, path: Path, text: str) -> Entry:
    header = f"[test.{key}]"
    where = at(path, text, header)
    if not key.isalnum():
        raise ConfigError(f"{where}: the test {key!r} cannot name a folder; use letters and digits")
    if not isinstance(table, dict) or "sequence" not in table:
        raise ConfigError(
            f'{where}: a test needs a sequence = "...", one of {", ".join(names("hil.sequences"))}'
        )
    for name in table:
        if name not in KEYS:
            raise ConfigError(
                f"{at(path, text, name, after=header)}: unknown key {name!r}; {near(name, KEYS)}"
            )
    sequence, known = str(table["sequence"]), names("hil.sequences")
    if sequence not in known:
        line = at(path, text, "sequence", after=header)
        raise ConfigError(f"{line}: there is no sequence {sequence!r}; {near(sequence, known)}")
    kind = resolve("hil.sequences", sequence)
    given: dict[str, str] = {}
    for group in ("set", *FORMS):
        values = table.get(group, {})
        if not isinstance(values, dict):
            raise ConfigError(f'{where}: {group} must be a table, such as {group} = {{ power = "0.5 pu" }}')
        for name, value in values.items():
            line = at(path, text, name, after=header)
            if name not in kind.PARAMETERS:
                raise ConfigError(
                    f"{line}: {sequence} has no parameter {name!r}; {near(name, kind.PARAMETERS)}"
                )
            if group in {"set", form}:
                given[name] = str(value)
    try:
        built = build(kind, given)
    except (ConfigError, LimitError) as error:
        named = next((name for name in given if name in str(error)), header)
        raise type(error)(f"{at(path, text, named, after=header)}: {error}") from None
    criteria = None
    if "criteria" in table:
        criteria = path.parent / str(table["criteria"])
        _check_criteria(criteria, at(path, text, "criteria", after=header))
    return Entry(key, built, criteria, where)


def _check_criteria(path: Path, where: str) -> None:
    """Refuse criteria that cannot be judged by, with the line of the criterion."""
    try:
        load_criteria(path)
    except ConfigError as error:
        if not path.is_file():
            raise ConfigError(f"{where}: {error}") from None
        text = path.read_text("utf-8", "replace")
        keys = re.findall(r'^\s*key\s*=\s*"([^"]+)"', text, re.MULTILINE)
        key = next((key for key in keys if f": {key}:" in str(error)), None)
        line = str(path) if key is None else at(path, text, "limit", after=f'key = "{key}"')
        raise ConfigError(f"{line}: {error}") from None


def plan(
    campaign: Campaign, config: BenchConfig, progress: Callable[[str], None] | None = None
) -> tuple[Planned, ...]:
    """Rehearse every test on a bench; nothing is connected.

    A test whose instruments the bench lacks is planned as not to be run. Raises `HilError` for
    what the bench may not or cannot do, with file and line of the test.
    """
    planned = []
    for entry in campaign.entries:
        if progress is not None:
            progress(entry.id)
        lacking = [
            f"{role} ({name})"
            for name, role in entry.sequence.ROLES.items()
            if len(config.named(role, name)) != 1
        ]
        if not entry.sequence.BENCH and config.plant is None:
            lacking.append("simulated plant, and the test runs by model")
        if lacking:
            planned.append(Planned(entry, None, f"the bench has no {', no '.join(lacking)}"))
            continue
        try:
            planned.append(Planned(entry, rehearse(entry.sequence, config)))
        except NotSupported as error:
            planned.append(Planned(entry, None, f"the bench cannot do it: {error}"))
        except HilError as error:
            raise type(error)(f"{entry.where}: {error}") from None
    return tuple(planned)


def at(path: Path, text: str, word: str, after: str = "") -> str:
    """Return "file:line" of the first line that begins with a word, or holds it, after a header."""
    lines = text.split("\n")
    begin = next((n for n, line in enumerate(lines) if after and line.strip().startswith(after)), 0)
    for fits in (str.startswith, str.__contains__):
        for number, line in enumerate(lines[begin:], start=begin + 1):
            if fits(line.strip(), word):
                return f"{path}:{number}"
    return str(path)
