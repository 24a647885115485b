"""`posebus config`: checks a configuration."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.terminal import OUT, cell
from pipeline.config import load_config
from pipeline.models import check_names

app = typer.Typer(help="The configuration: check.", no_args_is_help=True)


@app.callback()
def _root() -> None:
    """The configuration: check."""


@app.command()
def check(file: Annotated[Path, typer.Argument(help="Configuration file (YAML).")]) -> None:
    """Say everything that is wrong with a configuration, each with its line and what is allowed there."""
    settings = load_config(file, os.environ)
    check_names(settings.models)
    cameras = f"{len(settings.cameras)} camera{'' if len(settings.cameras) == 1 else 's'}"
    OUT.print(f"{cell(file)}: right, {cameras}")
