"""`posebus doctor`: what is installed, what works, and what to do about the rest."""

from __future__ import annotations

import os

import typer

from pipeline.cli.options import ConfigOption, DatabaseOption, database_address
from pipeline.cli.terminal import OUT, cell
from pipeline.config import load_config
from pipeline.doctor import run_checks


def doctor(db: DatabaseOption = None, config: ConfigOption = None) -> None:
    """Try everything that posebus needs on this machine, and say what to do where something fails."""
    settings = load_config(config, os.environ)
    failed = 0
    for check in run_checks(settings.home, settings.models, database_address(settings, db)):
        mark = "[green]ok[/]  " if check.ok else "[red]fail[/]"
        OUT.print(f"{mark} [bold]{cell(check.name)}[/]: {cell(check.found)}")
        if not check.ok:
            failed += 1
            OUT.print(f"       {cell(check.advice)}")
    if failed:
        raise typer.Exit(1)
