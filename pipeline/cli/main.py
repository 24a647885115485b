"""The program: its commands, and how it ends."""

from __future__ import annotations

import errno
import os
import signal
import sys
import traceback
from importlib.metadata import version
from typing import Annotated, NoReturn

import typer

from pipeline.cli.lazy import Entry, lazily
from pipeline.cli.terminal import ERR, cell, show_error
from pipeline.core.errors import ConfigError, PosebusError
from pipeline.core.redact import redact

EPILOG = (
    "Exit codes: 0 done; 1 a defect, or a check of `posebus doctor` or a test of rules failed; 2 what was asked for "
    "cannot be done; 3 a source cannot be read, or broke in the middle; 4 the database refuses; 5 a model is not "
    "usable; 6 saved state or records are not usable; 130 and 143 stopped by Ctrl-C or SIGTERM: a run stores what is "
    "in flight first, unless it is told a second time."
)

COMMANDS = {
    "run": Entry("pipeline.cli.run", "run", "Run video through all stages into the database."),
    "init": Entry("pipeline.cli.init", "init", "Make what workers need: topics, schema, logins, cameras."),
    "up": Entry("pipeline.cli.up", "up", "Start all workers here, and start again those that end, until Ctrl-C."),
    "worker": Entry("pipeline.cli.worker", "worker", "Run one kind of worker over Kafka until it is told to stop."),
    "query": Entry("pipeline.cli.query", "query", "Ask the history in SQL."),
    "export": Entry("pipeline.cli.export", "export", "Write stored poses to Parquet, CSV, COCO, TRC, MOT or BVH."),
    "import": Entry(
        "pipeline.cli.import_", "import_", "Put poses of other programs, or of an export, into the history."
    ),
    "render": Entry("pipeline.cli.render", "render", "Draw skeletons, identities, angles and events on a video."),
    "demo": Entry(
        "pipeline.cli.demo", "demo", "Run a simulated gym and a simulated ward through all seven stages into SQL."
    ),
    "camera": Entry("pipeline.cli.camera", "app", "Cameras: add, test, ls, edit, pause, resume, rm, discover, key."),
    "record": Entry("pipeline.cli.record", "record", "Store what a camera sends, without decoding or re-encoding it."),
    "doctor": Entry("pipeline.cli.doctor", "doctor", "Try everything that posebus needs on this machine."),
    "config": Entry("pipeline.cli.configuration", "app", "The configuration: check."),
    "replay": Entry(
        "pipeline.cli.replay",
        "replay",
        "Work on the stored past again, beside the live run, and tell what is decided otherwise now.",
    ),
    "rules": Entry("pipeline.cli.rules", "app", "Rules that make incidents: check, test, explain."),
    "models": Entry("pipeline.cli.models", "app", "The models: ls, check, pull, bench."),
    "topology": Entry(
        "pipeline.cli.topology", "topology", "Show the processes of an installation and the topics between them."
    ),
    "topics": Entry("pipeline.cli.topics", "app", "Topics in Kafka: ensure, describe, delete."),
    "schemas": Entry("pipeline.cli.schemas", "app", "Schemas of records in a schema registry: publish, check, ls."),
    "tail": Entry("pipeline.cli.tail", "tail", "Show the records of a topic as they come."),
    "top": Entry("pipeline.cli.top", "top", "Watch workers and cameras live in the terminal."),
    "lag": Entry("pipeline.cli.lag", "lag", "Show how many records the workers have not yet taken in for good."),
    "dead-letters": Entry(
        "pipeline.cli.dead_letters", "app", "Records that stages could not use: ls, show, replay, drop."
    ),
    "db": Entry("pipeline.cli.database", "app", "The database and its history: start, status, erase, backup ..."),
}

app = typer.Typer(
    name="posebus",
    cls=lazily(COMMANDS),
    help="Skeletons of many people from cameras, as data in SQL.",
    epilog=EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"posebus {version('posebus')}")
        raise typer.Exit


@app.callback()
def _root(
    show_version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Skeletons of many people from cameras, as data in SQL."""


def main() -> None:
    """Run the command line; a user's mistake ends with one line, a hint and an exit code."""
    before = signal.signal(signal.SIGTERM, _leave)
    try:
        try:
            app(prog_name="posebus")
        finally:
            sys.stdout.flush()  # while what goes wrong with it can still be told
    except Exception as error:  # noqa: BLE001  the outermost loop
        sys.exit(_told(error))
    finally:
        signal.signal(signal.SIGTERM, before)


def _leave(number: int, _: object) -> NoReturn:
    """Leave as after Ctrl-C: what is open is closed, and the embedded database is left."""
    raise _Ordered(128 + number)


class _Ordered(SystemExit):
    """A signal asked for the end."""


def _told(error: Exception) -> int:
    """Tell what went wrong; the exit code."""
    order = _order_behind(error)
    if order is not None:
        return order
    if isinstance(error, PosebusError):
        show_error(error)
        return error.exit_code
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or Python would try again at its end
        show_error(ConfigError(_of_system(error), hint="free some space, or write somewhere else"))
        return ConfigError.exit_code
    _show_defect(error)
    return 1


def _order_behind(error: BaseException | None) -> int | None:
    """The exit code of SIGTERM or Ctrl-C where the error is but what became of it: C extensions that are just being
    imported make an ImportError of what a signal raises, and pipes to programs just being started are closed twice.
    """
    seen: list[BaseException] = []
    while error is not None and error not in seen:  # some are each other's cause
        seen.append(error)
        came_of = error.__cause__ or error.__context__
        if isinstance(error, ImportError) or (isinstance(error, OSError) and error.errno == errno.EBADF):
            if isinstance(came_of, KeyboardInterrupt):
                return 128 + signal.SIGINT
            if isinstance(came_of, _Ordered):
                return int(came_of.code or 0)
        error = came_of
    return None


_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)


def _of_system(error: OSError) -> str:
    what = error.filename or "what was asked for"
    return f"{what} cannot be written: {os.strerror(error.errno or 0)}"


def _show_defect(error: Exception) -> None:
    ERR.print(cell(redact("".join(traceback.format_exception(error)))), end="")
    said = f"a defect of posebus: {type(error).__name__}: {' '.join(str(error).split())}"
    show_error(PosebusError(said, hint="please report it together with the lines above"))
