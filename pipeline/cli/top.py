"""`posebus top`: workers and cameras, live in the terminal."""

from __future__ import annotations

import json
import os
import select
import sys
import termios
import threading
import time
import tty
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any, Literal

import typer
from rich.console import Group
from rich.live import Live
from rich.markup import escape

from pipeline.cli.layout import readers
from pipeline.cli.options import ConfigOption, DatabaseOption, database_address
from pipeline.cli.overview import DROPS_S, Picture
from pipeline.cli.signals import stopped_by_signals
from pipeline.cli.terminal import OUT, cell, table
from pipeline.cli.top_database import DatabaseWatching
from pipeline.cli.top_stages import StageMetrics
from pipeline.cli.watching import Watching
from pipeline.config import Config, load_config
from pipeline.core.errors import TransientError
from pipeline.database import open_database
from pipeline.installation import bus_of, registry_of
from pipeline.logs import setup_logging
from pipeline.topology import Topology

EXAMPLES = """
Examples:

  posebus top                                     until q or Ctrl-C

  posebus top --once                              after a few seconds of watching, once

  posebus top --format json | jq .cameras         an object a second

  posebus top --metrics-port 9100                 without a broker: stages too, of `posebus run --metrics-port 9100`
"""

_EVERY_S = 1.0
_KEY_S = 0.1
_PATIENCE_S = 15.0

Form = Literal["table", "json"]
Watched = Watching | DatabaseWatching
MetricsPort = Annotated[
    int | None,
    typer.Option(
        min=1, max=65535, help="Where `posebus run` shows its metrics.", metavar="PORT", show_default="as configured"
    ),
]


def top(
    once: Annotated[bool, typer.Option("--once", help="Watch for a few seconds, show it once, and end.")] = False,
    form: Annotated[Form, typer.Option("--format", "-f", help="How it is written.")] = "table",
    db: DatabaseOption = None,
    metrics_port: MetricsPort = None,
    config: ConfigOption = None,
) -> None:
    """Watch workers and cameras live in the terminal.

    For each group of workers: records it takes a second, records that come, and how many it is behind. For each camera:
    its state, frames a second that come out of the stages, the age of the newest one, people in it, and what was
    dropped in the last minute. Nobody notices that it watches. Ends with q or Ctrl-C; where the output is no terminal,
    tables are shown once. Where no broker is configured, or with --db, cameras are read from the database.
    """
    settings = load_config(config, os.environ)
    setup_logging("error", settings.log.format)  # an outage is shown in its own line
    stop = threading.Event()
    with ExitStack() as held, stopped_by_signals(stop) as came:
        watching, where = _watching(settings, db, metrics_port, held)
        held.callback(watching.close)
        if once or (form == "table" and not OUT.is_terminal):
            _once(watching, where, form, stop)
        elif form == "json":
            while not stop.wait(_EVERY_S):
                _write_json(watching.picture())
        else:
            _live(watching, where, stop)
    if came:
        raise typer.Exit(128 + came[0])


def _watching(settings: Config, db: str | None, port: int | None, held: ExitStack) -> tuple[Watched, str]:
    """What is watched, and where."""
    if settings.kafka.servers and db is None:
        codec = Topology(settings, None, registry=registry_of(settings)).codec("motions")
        bus_of(settings, "posebus-top").close()  # says at once what is wrong with the configuration
        watching = Watching(codec, lambda: bus_of(settings, "posebus-top"), partial(readers, settings))
        return watching, f"Kafka at {', '.join(settings.kafka.servers)}"
    database = held.enter_context(open_database(database_address(settings, db), settings.home))
    port = settings.worker.metrics_port if port is None else port
    stages = StageMetrics(settings.worker.metrics_host, port) if port else tuple
    return DatabaseWatching(database, stages), str(database.address)


def _once(watching: Watched, where: str, form: Form, stop: threading.Event) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not watching.ready.is_set() and time.monotonic() < deadline and not stop.is_set():
        watching.ready.wait(_KEY_S)
    stop.wait(watching.wait_s)
    if stop.is_set():
        return
    picture = watching.picture()
    if not watching.ready.is_set():
        raise TransientError(picture.problem or f"{where} does not answer")
    if form == "json":
        _write_json(picture)
    else:
        OUT.print(_shown(picture, where))


def _live(watching: Watched, where: str, stop: threading.Event) -> None:
    show_at = 0.0
    with _keys() as pressed, Live(console=OUT, screen=True, auto_refresh=False) as live:
        while not stop.is_set():
            if time.monotonic() >= show_at:
                live.update(_shown(watching.picture(), where), refresh=True)
                show_at = time.monotonic() + _EVERY_S
            if pressed(_KEY_S) in ("q", "Q", "\x1b"):
                return


def _shown(picture: Picture, where: str) -> Group:
    """All of it as tables."""
    at = datetime.now().astimezone().strftime("%H:%M:%S")
    head = f"[bold]posebus[/]  {escape(where)}  {at}  q ends it"
    problem = f"[bold red]{escape(picture.problem)}[/]" if picture.problem else ""
    workers = table(
        ("workers", "reads", "members", "behind", "most in a partition", "takes/s", "comes/s"),
        [
            (row.group, row.topic, row.members, row.behind, row.most, _rate(row.taken), _rate(row.coming))
            for row in picture.workers
        ],
    )
    stages = table(
        ("stage", "frames/s", "ms a frame"), [(row.stage, _rate(row.fps), _rate(row.ms)) for row in picture.stages]
    )
    tables = [shown for shown, rows in ((workers, picture.workers), (stages, picture.stages)) if rows]
    cameras = table(
        ("camera", "state", "frames/s", "age s", "silent s", "people", f"dropped in {DROPS_S:.0f} s"),
        [
            (
                row.camera,
                row.state or None,
                _rate(row.fps),
                _rate(row.age_s),
                _rate(row.silent_s),
                row.people,
                ", ".join(f"{reason} {count}" for reason, count in row.dropped.items()) or None,
            )
            for row in picture.cameras
        ],
    )
    none = "no camera has sent a frame yet" if not picture.cameras else ""
    parts = [head, problem, *(part for shown in tables for part in (shown, "")), cameras, none]
    return Group(*(part for part in parts if part or part == ""))


def _rate(value: float | None) -> str | None:
    return None if value is None else cell(round(value, 1))


def _write_json(picture: Picture) -> None:
    content: dict[str, Any] = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), **asdict(picture)}
    sys.stdout.write(json.dumps(content) + "\n")
    sys.stdout.flush()


@contextmanager
def _keys() -> Iterator[Any]:
    """Gives a function that waits for a key, at most so many seconds; empty where none was pressed."""
    if not sys.stdin.isatty():

        def wait(seconds: float) -> str:
            time.sleep(seconds)
            return ""

        yield wait
        return
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)

    def key(seconds: float) -> str:
        if not select.select([descriptor], [], [], seconds)[0]:
            return ""
        return os.read(descriptor, 1).decode(errors="replace")

    try:
        tty.setcbreak(descriptor)
        yield key
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
