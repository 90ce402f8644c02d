"""What the terminal shows while a sequence runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

from hil.cli.common import console

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID


class Display:
    """Stages as they come, with a bar over the expected bench time; lines where it is no terminal."""

    def __init__(self, expected: float, *, plain: bool) -> None:
        self._console: Console = console(stderr=True)
        self._expected = expected
        self._live = self._console.is_terminal and not plain
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        self._seconds = 0.0

    def __enter__(self) -> Display:
        """Start the bar."""
        if self._live:
            from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415 - slow

            self._progress = Progress(
                TextColumn("{task.description:<24}"),
                BarColumn(),
                TextColumn("{task.fields[reading]}"),
                TimeElapsedColumn(),
                console=self._console,
                transient=True,
            )
            self._progress.start()
            self._task = self._progress.add_task("", total=self._expected, reading="")
        return self

    def __exit__(self, *_: object) -> None:
        """Take the bar away."""
        if self._progress is not None:
            self._progress.stop()

    def stage(self, name: str, purpose: str) -> None:
        """Write the stage on a line of its own."""
        line = f"[dim]{self._seconds:8.2f} s[/]  {escape(f'{name:<24}')} [dim]{escape(purpose)}[/]"
        if self._console.is_terminal:
            self._console.print(line, no_wrap=True, overflow="ellipsis")
        else:
            self._console.print(line, soft_wrap=True)
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, description=name)

    def tick(self, seconds: float, reading: str) -> None:
        """Move the bar to the bench time, and show what was measured."""
        self._seconds = seconds
        if self._progress is not None and self._task is not None:
            text = f"bench time {seconds:6.1f} s  {reading}"
            self._progress.update(self._task, completed=min(seconds, self._expected), reading=text)
