"""`posebus dead-letters`: what stages could not use: seen, sent again, or left behind."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import numpy as np
import typer

from pipeline.cli.options import ConfigOption, DatabaseOption, database_address
from pipeline.cli.terminal import OUT, cell, table, warn
from pipeline.cli.times import event_time_us
from pipeline.config import Config, load_config
from pipeline.core.errors import ConfigError, InvalidRecord
from pipeline.database import open_database
from pipeline.database.letters import Letter, Letters, Wanted
from pipeline.installation import bus_of, registry_of
from pipeline.logs import setup_logging
from pipeline.redeliver import Plan, decoded, plan, send
from pipeline.state.changelog import ChangelogStore
from pipeline.topology import CHANGELOGS, Topology

app = typer.Typer(help="Records that stages could not use: ls, show, replay, drop.", no_args_is_help=True)

LS_EXAMPLES = """
Examples:

  posebus dead-letters ls                                       what nobody has handled yet

  posebus dead-letters ls --stage track --reason SchemaError

  posebus dead-letters ls --camera gym --since 2026-01-31T09:00 --all --format json
"""
SHOW_EXAMPLES = """
Examples:

  posebus dead-letters show 3f2a                                the beginning of an id is enough
"""
REPLAY_EXAMPLES = """
Examples:

  posebus dead-letters replay 3f2a 77c0

  posebus dead-letters replay --stage track --reason SchemaError

Only what still comes in order is sent: a stage takes each record of a camera once, and only forward. For what came
before, `posebus replay` computes a stretch of time anew.
"""
DROP_EXAMPLES = """
Examples:

  posebus dead-letters drop 3f2a

  posebus dead-letters drop --stage pose --until 2026-01-31
"""

_Form = Annotated[Literal["table", "json"], typer.Option("--format", "-f", help="How it is written.")]
_Ids = Annotated[list[str] | None, typer.Argument(help="Letters, by the beginning of their id.", show_default=False)]
_Stage = Annotated[str | None, typer.Option("--stage", "-s", help="Only those of this stage.", show_default=False)]
_Reason = Annotated[str | None, typer.Option("--reason", "-r", help="Only those for this reason.", show_default=False)]
_CameraOption = Annotated[str | None, typer.Option("--camera", help="Only those of this camera.", show_default=False)]
_Since = Annotated[
    str | None,
    typer.Option("--since", help="Only from this event time on, or without one; ISO 8601.", show_default=False),
]
_Until = Annotated[
    str | None,
    typer.Option("--until", help="Only before this event time, or without one; ISO 8601.", show_default=False),
]


@app.command("ls", epilog=LS_EXAMPLES)
def ls(
    stage: _Stage = None,
    reason: _Reason = None,
    camera: _CameraOption = None,
    since: _Since = None,
    until: _Until = None,
    everything: Annotated[bool, typer.Option("--all", "-a", help="Also those that were handled.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many.")] = 100,
    form: _Form = "table",
    db: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """List dead letters."""
    wanted = _wanted(stage, reason, camera, since, until, everything)
    settings = _settings(config)
    with _letters(settings, db) as store:
        found = store.find(wanted, limit + 1)
    if form == "json":
        _print_json([_summary(letter) for letter in found[:limit]])
        return
    rows = [
        (
            str(each.letter_id)[:8],
            _time(each.at),
            each.camera,
            each.stage,
            each.reason,
            each.topic,
            each.handled,
            each.error,
        )
        for each in found[:limit]
    ]
    OUT.print(table(("id", "time", "camera", "stage", "reason", "topic", "handled", "error"), rows))
    OUT.print(f"({len(rows)} dead letter{'' if len(rows) == 1 else 's'})")
    if len(found) > limit:
        warn(f"there are more than {limit}: --limit shows more of them")


@app.command(epilog=SHOW_EXAMPLES)
def show(
    letter: Annotated[str, typer.Argument(help="Beginning of its id.", metavar="ID")],
    form: _Form = "table",
    db: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Show a dead letter: decoded where that can be done, else as hexadecimal digits with the reason."""
    settings = _settings(config)
    with _letters(settings, db) as store:
        (found,) = _named(store, [letter])
    shown = _summary(found) | _content(Topology(settings, None, registry=registry_of(settings)), found)
    if form == "json":
        _print_json(shown)
        return
    for name, value in shown.items():
        text = json.dumps(value, indent=1) if isinstance(value, dict) else value
        OUT.print(f"[bold]{name}[/]: {cell(text)}")


@app.command(epilog=REPLAY_EXAMPLES)
def replay(
    letters: _Ids = None,
    stage: _Stage = None,
    reason: _Reason = None,
    camera: _CameraOption = None,
    since: _Since = None,
    until: _Until = None,
    form: _Form = "table",
    db: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Send dead letters to their stage again, where they still come in order; ends with 2 if one of them does not."""
    wanted = _wanted(stage, reason, camera, since, until)
    settings = _settings(config)
    bus = bus_of(settings, "posebus-dead-letters")
    try:
        with _letters(settings, db) as store:
            chosen = _chosen(store, letters, wanted)
            made = plan(
                Topology(settings, None, registry=registry_of(settings)),
                ChangelogStore(bus, "dead-letters", CHANGELOGS),
                chosen,
            )
            if made.sent:
                send(bus, "dead-letters", made.sent)
                store.handle(made.sent, "replayed")
    finally:
        bus.close()
    _tell(made, form)


@app.command(epilog=DROP_EXAMPLES)
def drop(
    letters: _Ids = None,
    stage: _Stage = None,
    reason: _Reason = None,
    camera: _CameraOption = None,
    since: _Since = None,
    until: _Until = None,
    db: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Mark dead letters as handled: they are kept, and shown no more by `ls`."""
    wanted = _wanted(stage, reason, camera, since, until)
    settings = _settings(config)
    with _letters(settings, db) as store:
        count = store.handle(_chosen(store, letters, wanted), "dropped")
    OUT.print(f"{count} dropped")


def _settings(config: Any) -> Config:
    settings = load_config(config, os.environ)
    setup_logging(settings.log.level, settings.log.format)
    return settings


@contextmanager
def _letters(settings: Config, db: str | None) -> Iterator[Letters]:
    address = database_address(settings, db)
    # The embedded database is ours: one that is new, or older than this posebus, is made ready.
    with open_database(address, settings.home, migrate=address is None) as database:
        letters = Letters(database.address)
        try:
            yield letters
        finally:
            letters.close()


def _wanted(
    stage: str | None,
    reason: str | None,
    camera: str | None,
    since: str | None,
    until: str | None,
    handled: bool = False,
) -> Wanted:
    def moment(text: str | None, option: str) -> datetime | None:
        return None if text is None else datetime.fromtimestamp(event_time_us(text, option) / 1e6, UTC)

    return Wanted(stage, reason, camera, moment(since, "--since"), moment(until, "--until"), None, handled)


def _chosen(store: Letters, ids: Sequence[str] | None, wanted: Wanted) -> list[Letter]:
    """Those that are named, or else all that are wanted. Raises ConfigError where nothing was said."""
    if ids:
        return _named(store, ids)
    if wanted == Wanted():
        raise ConfigError(
            "which dead letters?", hint="name them, or some of --stage, --reason, --camera, --since, --until"
        )
    return store.find(wanted)


def _named(store: Letters, ids: Sequence[str]) -> list[Letter]:
    named: dict[UUID, Letter] = {}
    for each in ids:
        if not each or set(each.lower()) - set("0123456789abcdef-"):
            raise ConfigError(f"{each!r} is no id of a dead letter", hint="posebus dead-letters ls shows them")
        found = store.find(Wanted(letter_id=each, handled=True), 2)
        if len(found) != 1:
            how = "more than one dead letter has an id that begins" if found else "no dead letter has an id that begins"
            raise ConfigError(f"{how} with {each}", hint="posebus dead-letters ls --all shows them")
        named[found[0].letter_id] = found[0]
    return list(named.values())


def _tell(made: Plan, form: str) -> None:
    if form == "json":
        refused = [{"letter_id": str(each.letter.letter_id), "why": each.why} for each in made.refused]
        _print_json({"sent": [str(letter.letter_id) for letter in made.sent], "refused": refused})
    else:
        OUT.print(f"{len(made.sent)} sent again")
    if not made.refused:
        return
    first = made.refused[0]
    more = f", and {len(made.refused) - 1} more" if len(made.refused) > 1 else ""
    late = any(each.late for each in made.refused)
    raise ConfigError(
        f"{str(first.letter.letter_id)[:8]} cannot be sent again: {first.why}{more}",
        hint="posebus replay computes a stretch of time anew, in a run of its own"
        if late
        else "posebus dead-letters drop marks it as handled",
    )


def _summary(letter: Letter) -> dict[str, Any]:
    return {
        "letter_id": str(letter.letter_id),
        "time": _time(letter.at),
        "camera": letter.camera,
        "stage": letter.stage,
        "reason": letter.reason,
        "error": letter.error,
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "handled": letter.handled,
        "bytes": len(letter.content),
        "sha256": letter.sha256.hex(),
    }


def _content(topology: Topology, letter: Letter) -> dict[str, Any]:
    try:
        record = decoded(topology, letter)
    except InvalidRecord as error:
        return {"undecodable": error.message, "content": letter.content.hex()}
    return {"stamp": _plain(record.stamp), "value": {"kind": type(record.value).__name__, **_plain(record.value)}}


def _plain(value: Any) -> Any:
    """What JSON knows."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: _plain(getattr(value, each.name)) for each in dataclasses.fields(value)}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat(sep=" ", timespec="milliseconds")


def _print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, indent=1) + "\n")
