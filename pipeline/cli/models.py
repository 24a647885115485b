"""`posebus models`: which models there are, whether their files are right, and getting them."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from pipeline.cli.run import ConfigOption
from pipeline.cli.terminal import OUT, cell, show_error, table
from pipeline.config import load_config
from pipeline.core.errors import ModelError
from pipeline.models import entries, find, pull

app = typer.Typer(help="The models: ls, check, pull.", no_args_is_help=True)


@app.command("ls")
def show(config: ConfigOption = None) -> None:
    """List the models that can be named in the configuration, and where their files lie."""
    home = load_config(config, os.environ).home
    rows = []
    for name, entry in entries().items():
        try:
            place: str | None = str(find(name, home))
        except ModelError:
            place = None
        rows.append((name, entry.task, entry.skeleton, entry.licence, place))
    OUT.print(table(("model", "task", "skeleton", "licence", "file"), rows))


@app.command()
def check(config: ConfigOption = None) -> None:
    """Compare the file of every model with the hash that it must have."""
    home = load_config(config, os.environ).home
    wrong: ModelError | None = None
    for name in entries():
        try:
            OUT.print(f"{name}: right, {cell(find(name, home))}")
        except ModelError as error:
            show_error(error)
            wrong = error
    if wrong is not None:
        raise typer.Exit(wrong.exit_code)


@app.command("pull")
def fetch(
    pack: Annotated[str, typer.Argument(help="Name of a pack of models.")] = "blazepose", config: ConfigOption = None
) -> None:
    """Get the model files out of their published package into the home folder."""
    for file in pull(pack, load_config(config, os.environ).home):
        OUT.print(cell(file))
