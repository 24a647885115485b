"""The program: its commands, and how it ends."""

from __future__ import annotations

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from pipeline.cli import configuration, database, demo, doctor, models, query, render, run
from pipeline.cli.terminal import show_error
from pipeline.core.errors import PosebusError

EPILOG = (
    "Exit codes: 0 done; 1 a defect; 2 what was asked for cannot be done; 3 a source cannot be read, or broke in the "
    "middle; 4 the database refuses; 5 a model is not usable; 6 saved state or records are not usable; 130 and 143 "
    "stopped by Ctrl-C or SIGTERM, what was in flight is stored."
)

app = typer.Typer(
    name="posebus",
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


app.command("run", epilog=run.EXAMPLES)(run.run)
app.command("query", epilog=query.EXAMPLES)(query.query)
app.command("render", epilog=render.EXAMPLES)(render.render)
app.command("demo")(demo.demo)
app.command("doctor")(doctor.doctor)
app.add_typer(configuration.app, name="config")
app.add_typer(models.app, name="models")
app.add_typer(database.app, name="db")


def main() -> None:
    """Run the command line; a user's mistake ends with one line, a hint and an exit code."""
    try:
        app()
    except PosebusError as error:
        show_error(error)
        sys.exit(error.exit_code)
