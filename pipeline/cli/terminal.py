"""What the command line writes on a terminal: errors, hints, progress, tables."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from pipeline.core.errors import PosebusError
from pipeline.core.redact import redact

# A pipe has no width: what is written there is never cut.
OUT = Console(highlight=False, soft_wrap=True, emoji=False, width=None if sys.stdout.isatty() else 10_000)
ERR = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)


def show_error(error: PosebusError) -> None:
    """The sentence and the hint, without passwords."""
    ERR.print(f"[bold red]error:[/] {escape(redact(error.message))}")
    if error.hint:
        ERR.print(f"[bold]hint:[/]  {escape(redact(error.hint))}")


def warn(text: str) -> None:
    """One line that is not an error."""
    ERR.print(f"[yellow]note:[/]  {escape(redact(text))}")


def table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, title: str | None = None) -> Table:
    """A table of texts; None is shown as a dash, floats shortly."""
    result = Table(title=title, title_justify="left", title_style="bold", header_style="bold", box=None)
    for column in columns:
        result.add_column(escape(column), overflow="fold")
    for row in rows:
        result.add_row(*(cell(value) for value in row))
    return result


def cell(value: object) -> str:
    """A value as people read it."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    return escape(str(value))


class RunProgress:
    """Frames read and stored of each camera, on standard error while a run lasts."""

    def __init__(self, progress: Progress, totals: dict[str, int | None]) -> None:
        self._progress = progress
        self._tasks = {
            name: progress.add_task(name, total=total, rate="") for name, total in totals.items()
        }  # fmt: skip

    def stored(self, camera: str, frames: int, fps: float) -> None:
        """So many frames of the source are stored."""
        if camera not in self._tasks:
            self._tasks[camera] = self._progress.add_task(camera, total=None, rate="")
        self._progress.update(self._tasks[camera], completed=frames, rate=f"{fps:.0f} frames/s")


@contextmanager
def run_progress(totals: dict[str, int | None]) -> Iterator[RunProgress]:
    """Shows bars while the block lasts; nothing where standard error is no terminal."""
    columns = (
        SpinnerColumn(),
        TextColumn("[bold]{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=ERR, transient=False, disable=not sys.stderr.isatty()) as progress:
        yield RunProgress(progress, totals)
