"""`posebus db`: the embedded server, the schema, the address, and what is kept of the history."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from pipeline.cli.options import ConfigOption, DatabaseOption, database_address
from pipeline.cli.terminal import ERR, OUT, cell, table, warn
from pipeline.config import Config, load_config
from pipeline.core.errors import ConfigError
from pipeline.database import Database, EmbeddedServer, open_database, shown_bytes
from pipeline.database import Progress as Told

app = typer.Typer(help="The database and its history: start, status, erase, backup ...", no_args_is_help=True)
runs_app = typer.Typer(help="Runs beside the live one, run 0: ls, rm.", no_args_is_help=True)
app.add_typer(runs_app, name="runs")

Camera = Annotated[list[str] | None, typer.Option("--camera", help="A camera; again for more.", show_default=False)]
Login = Annotated[str, typer.Argument(help="Name of a login of the database.", metavar="LOGIN", show_default=False)]


@contextmanager
def _opened(db: str | None, config: Path | None) -> Iterator[tuple[Config, Database]]:
    """The database as it is, or the embedded one, which is ours and made ready."""
    settings = load_config(config, os.environ)
    address = database_address(settings, db)
    with open_database(address, settings.home, migrate=address is None) as opened:
        yield settings, opened


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
def migrate(
    db: DatabaseOption = None,
    config: ConfigOption = None,
    plan: Annotated[bool, typer.Option("--plan", help="Show what would be applied; change nothing.")] = False,
) -> None:
    """Bring the schema to this version."""
    settings = load_config(config, os.environ)
    with open_database(database_address(settings, db), settings.home, migrate=False) as opened:
        applied = opened.plan() if plan else opened.migrate()
    OUT.print("\n".join(applied) if applied else "the schema is up to date")


@app.command()
def url(
    db: DatabaseOption = None,
    config: ConfigOption = None,
    role: Annotated[Literal["reader", "writer", "owner"], typer.Option(help="Who to log in as.")] = "reader",
) -> None:
    """Show the address for other programs, such as psql, without a password."""
    with _opened(db, config) as (_, opened):
        OUT.print(cell(opened.url(role)))


@app.command()
def status(db: DatabaseOption = None, config: ConfigOption = None) -> None:
    """Show how much is kept, since when, under which policy, and what will become of it."""
    with _opened(db, config) as (settings, opened):
        found = opened.status()
    policy = found.policy
    retention = "none" if policy.retention_s is None else f"{policy.retention_s / 86400:g} days"
    budget = "none" if policy.budget_bytes is None else shown_bytes(policy.budget_bytes)
    rows = [
        ("tier", found.tier),
        ("schema", found.schema),
        ("used", shown_bytes(found.used_bytes)),
        (
            "of it by the frame",
            f"{shown_bytes(found.raw_bytes)} in {found.units} parts, {found.compressed_units} compressed",
        ),
        ("since", found.oldest and found.oldest.isoformat(sep=" ")),
        ("a day takes", found.bytes_per_day and shown_bytes(found.bytes_per_day)),
        ("retention", retention),
        (
            "compressed after",
            f"{policy.compress_after_s / 3600:g} hours" if found.tier == "ts-full" else "never (tier)",
        ),
        ("budget", budget),
        ("last upkeep", found.kept_at and found.kept_at.isoformat(sep=" ", timespec="seconds")),
        ("minutes due", found.due_minutes),
        ("forecast", found.forecast()),
    ]
    OUT.print(table(("history", ""), rows))
    if settings.history.policy() not in (None, policy):
        warn("the policy of the configuration is another one: posebus db maintain applies it")


@app.command()
def maintain(db: DatabaseOption = None, config: ConfigOption = None) -> None:
    """Apply the policy of the configuration: roll up, compress, drop what is too old or over the budget."""
    with _opened(db, config) as (settings, opened):
        done = opened.maintain(settings.history.policy(), at_most_s=600.0)
    OUT.print(
        f"{done.refreshed} minutes rolled up, {len(done.compressed)} parts compressed, {len(done.dropped)} dropped;"
        f" {shown_bytes(done.used_bytes)} used"
    )
    if done.waiting:
        warn(done.waiting)


@app.command()
def erase(
    camera: Annotated[str | None, typer.Option(help="All of this camera.", show_default=False)] = None,
    track: Annotated[int | None, typer.Option(help="All of this person: a track_id.", show_default=False)] = None,
    before: Annotated[
        str | None, typer.Option(help="All from before this time, ISO 8601 (UTC without a zone).", show_default=False)
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    db: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Erase what is stored of a camera, of a person, or from before a time, in all runs; prints a receipt."""
    moment = None if before is None else _instant(before)
    if [camera, track, moment].count(None) != 2:
        raise ConfigError("say one thing to erase", hint="--camera NAME, --track ID or --before TIME")
    what = f"camera {camera}" if camera is not None else f"track {track}" if track is not None else f"before {moment}"
    if not yes and not typer.confirm(f"Erase {what!r} for good?", err=True):
        raise typer.Exit(1)
    with _opened(db, config) as (_, opened):
        receipt = opened.erase(camera=camera, track_id=track, before=moment)
    OUT.print(cell(receipt.as_json()))


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="The file to write, such as history.zip.", show_default=False)],
    db: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Write all of the history as of now to a file, while everything goes on."""
    with _opened(db, config) as (_, opened), _bars() as progress:
        done = opened.backup(file, progress)
    OUT.print(f"{sum(done.tables.values())} rows of {len(done.tables)} tables, schema version {done.schema}")


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A file that `posebus db backup` wrote.", show_default=False)],
    db: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Fill an empty database from a backup, on any tier."""
    settings = load_config(config, os.environ)
    with (
        open_database(database_address(settings, db), settings.home, migrate=False) as opened,
        _bars() as progress,
    ):
        done = opened.restore(file, progress)
    OUT.print(f"{sum(done.tables.values())} rows of {len(done.tables)} tables, made {done.made_at:%Y-%m-%d %H:%M} UTC")


@app.command()
def grant(login: Login, camera: Camera = None, db: DatabaseOption = None, config: ConfigOption = None) -> None:
    """Let a login read the history: of some cameras, or of all without --camera."""
    with _opened(db, config) as (_, opened):
        made = opened.grant(login, camera)
    OUT.print(cell(f"{login} reads {', '.join(camera) if camera else 'all cameras'}"))
    if made:
        warn(f"the login {login} is new and has no password: set one with \\password in psql")


@app.command()
def revoke(login: Login, camera: Camera = None, db: DatabaseOption = None, config: ConfigOption = None) -> None:
    """Take cameras from a login, or without --camera the right to read anything."""
    with _opened(db, config) as (_, opened):
        gone = opened.revoke(login, camera)
    OUT.print(f"{gone} right{'' if gone == 1 else 's'} taken")


@app.command()
def grants(db: DatabaseOption = None, config: ConfigOption = None) -> None:
    """Show which logins read what."""
    with _opened(db, config) as (_, opened):
        OUT.print(table(("login", "camera"), [(login, camera or "(all)") for login, camera in opened.grants()]))


@runs_app.command("ls")
def list_runs(db: DatabaseOption = None, config: ConfigOption = None) -> None:
    """Show all runs that hold something."""
    with _opened(db, config) as (_, opened):
        rows = [(r.run, r.cameras, r.tracks, _shown(r.first_seen), _shown(r.last_seen)) for r in opened.runs()]
    OUT.print(table(("run", "cameras", "tracks", "from", "to"), rows))


@runs_app.command("rm")
def remove_run(
    run: Annotated[int, typer.Argument(help="Number of a run; not 0, the live one.", show_default=False)],
    db: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Remove a run and all that it holds."""
    with _opened(db, config) as (_, opened):
        removed = opened.remove_run(run)
    OUT.print(f"{sum(removed.values())} rows of run {run} removed")


def _shown(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(sep=" ", timespec="seconds")


def _instant(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"--before {text!r} is no time", hint="such as 2026-01-31T09:00:00Z") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


@contextmanager
def _bars() -> Iterator[Told]:
    """A line for each table, on standard error while it lasts; nothing where that is no terminal."""
    columns = (TextColumn("[bold]{task.description}"), BarColumn(pulse_style="cyan"), DownloadColumn())
    with Progress(*columns, console=ERR, disable=not ERR.is_terminal) as progress:
        tasks: dict[str, int] = {}

        def told(name: str, size: int) -> None:
            if name not in tasks:
                tasks[name] = progress.add_task(name, total=None)
            progress.update(tasks[name], completed=size)  # type: ignore[arg-type]

        yield told
