"""`posebus db`: the embedded server, the schema, the address."""

from __future__ import annotations

import os
from typing import Annotated, Literal

import typer

from pipeline.cli.run import ConfigOption, DatabaseOption, database_address
from pipeline.cli.terminal import OUT, cell
from pipeline.config import load_config
from pipeline.database import EmbeddedServer, open_database

app = typer.Typer(help="The database: start, stop, migrate, url.", no_args_is_help=True)


@app.command()
def start(config: ConfigOption = None) -> None:
    """Start the embedded server and keep it until `posebus db stop`."""
    server = EmbeddedServer(load_config(config, os.environ).home)
    server.start(keep=True)
    OUT.print(cell(server.url("postgres")))


@app.command()
def stop(config: ConfigOption = None) -> None:
    """Stop the embedded server; refused while another process uses it."""
    stopped = EmbeddedServer(load_config(config, os.environ).home).stop()
    OUT.print("stopped" if stopped else "it was not running")


@app.command()
def migrate(db: DatabaseOption = None, config: ConfigOption = None) -> None:
    """Bring the schema to this version."""
    settings = load_config(config, os.environ)
    with open_database(database_address(settings, db), settings.home, migrate=False) as database:
        applied = database.migrate()
    OUT.print("\n".join(applied) if applied else "the schema is up to date")


@app.command()
def url(
    db: DatabaseOption = None,
    config: ConfigOption = None,
    role: Annotated[Literal["reader", "writer", "owner"], typer.Option(help="Who to log in as.")] = "reader",
) -> None:
    """Show the address for other programs, such as psql, without a password."""
    settings = load_config(config, os.environ)
    address = database_address(settings, db)
    with open_database(address, settings.home, migrate=address is None) as database:
        OUT.print(cell(database.url(role)))
