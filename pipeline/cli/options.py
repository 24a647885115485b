"""Options that many commands have; their modules import little else, so that a worker starts quickly."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.config import Config

ConfigOption = Annotated[
    Path | None, typer.Option("--config", "-c", help="Configuration file (YAML).", show_default=False)
]
DatabaseOption = Annotated[
    str | None,
    typer.Option(
        "--db", help="Address of a PostgreSQL; without it the embedded one.", metavar="DSN", show_default=False
    ),
]
MetricsPortOption = Annotated[
    int | None,
    typer.Option(
        "--metrics-port",
        min=0,
        max=65535,
        help="Show metrics and health here; 0 does not.",
        metavar="PORT",
        show_default=False,
    ),
]


def database_address(settings: Config, db: str | None) -> str | None:
    """Where rows rest: as said on the command line, else as configured; None is the embedded database."""
    if db is not None:
        return db
    return settings.database.dsn.get_secret_value() if settings.database.dsn else None
