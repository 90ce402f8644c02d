"""What several commands share."""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from hil.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.console import Console


def console(*, stderr: bool = False) -> Console:
    """Return the terminal, or what prints 120 columns wide where it is none, such as a pipe."""
    from rich.console import Console  # noqa: PLC0415 - not needed by --help

    stream = sys.stderr if stderr else sys.stdout
    return Console(file=stream, highlight=False, width=None if stream.isatty() else 120)


def print_json(value: Any) -> None:
    """Print plain data for a program."""
    print(json.dumps(value, indent=2, allow_nan=False))  # noqa: T201 - the answer


def reader_left() -> None:
    """Let the rest of the output go nowhere: whoever read it, such as `head`, has left."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def pairs(given: Sequence[str], option: str, example: str) -> dict[str, str]:
    """Return {"name": "value"} from "name=value" texts."""
    found: dict[str, str] = {}
    for text in given:
        name, separator, value = text.partition("=")
        if not separator or not name.strip() or not value.strip():
            raise ConfigError(f"{option} {text!r}: expected name=value, such as {option} {example}")
        if name.strip() in found:
            raise ConfigError(f"{option}: {name.strip()} is given twice")
        found[name.strip()] = value.strip()
    return found


@contextmanager
def bar(screen: Console, what: str) -> Iterator[Callable[[float], None]]:
    """Show a bar, where it is a terminal, and give what moves it: called with the share done, 0 to 1."""
    if not screen.is_terminal:
        yield lambda share: None  # noqa: ARG005 - nothing to move
        return
    from rich.markup import escape  # noqa: PLC0415 - only for a terminal
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415 - slow

    columns = TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn()
    with Progress(*columns, console=screen, transient=True) as progress:
        task = progress.add_task(escape(what), total=1.0)
        yield lambda share: progress.update(task, completed=share)
