"""`posebus init`: what an installation needs before its workers start; again and again is harmless."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import typer

from pipeline.camera_registry import seed_cameras
from pipeline.cli.numbers import seed_numbers
from pipeline.cli.options import ConfigOption
from pipeline.cli.password_files import LOGINS, ensure_passwords
from pipeline.cli.schemas import published
from pipeline.cli.signals import stopped_by_signals
from pipeline.cli.terminal import OUT, cell, warn
from pipeline.cli.up import specs_of
from pipeline.cli.worker import opened
from pipeline.config import Config, load_config
from pipeline.core.errors import TransientError
from pipeline.database.logins import LoginRole, ensure_login
from pipeline.installation import bus_of, registry_of
from pipeline.logs import setup_logging
from pipeline.topics import TOPICS
from pipeline.topology import kafka_topics

EXAMPLES = """
Examples:

  posebus init --config site.yaml                     topics, schema, policy of the history, cameras

  posebus init --passwords /run/posebus -c site.yaml  the logins `sink` and `reader` as well, with passwords in files

  posebus init --passwords /run/posebus --only passwords

  posebus init -c more.yaml --only cameras            add the cameras of another file
"""

Part = Literal["passwords", "cameras"]
_T = TypeVar("_T")


class _Stopped(Exception):
    """A signal came while something was waited for."""


def init(
    config: ConfigOption = None,
    passwords: Annotated[
        Path | None,
        typer.Option(
            help="Folder with a password for each login; those that are missing are made.",
            metavar="FOLDER",
            show_default=False,
        ),
    ] = None,
    only: Annotated[Part | None, typer.Option(help="Do nothing else.", show_default=False)] = None,
    patience: Annotated[float, typer.Option(min=0, help="Seconds to wait for broker and database.")] = 120.0,
) -> None:
    """Make what workers need: topics, schema, logins, cameras. Does what is missing, and ends."""
    settings = load_config(config, os.environ)
    setup_logging(settings.log.level, settings.log.format)
    made = ensure_passwords(passwords) if passwords is not None else {}
    for kind in made:
        OUT.print(cell(f"login {LOGINS[kind]}: {passwords}/{kind}"))
    if only == "passwords":
        return
    stop = threading.Event()
    with stopped_by_signals(stop), ExitStack() as held:
        waiter = _Waiter(stop, time.monotonic() + patience)
        try:
            _installed(settings, made, waiter, held, cameras_only=only == "cameras")
        except _Stopped:
            raise typer.Exit(143) from None


def _installed(
    settings: Config, passwords: dict[str, str], waiter: _Waiter, held: ExitStack, *, cameras_only: bool
) -> None:
    database = held.enter_context(waiter.until_there(lambda: opened(settings, migrate=not cameras_only)))
    if not cameras_only:
        roles: tuple[LoginRole, ...] = ("writer", "reader")
        for role in (role for role in roles if role in passwords):
            waiter.until_there(partial(ensure_login, database.address, LOGINS[role], role, passwords[role]))
        waiter.until_there(lambda: database.maintain(settings.history.policy()))
        OUT.print("the schema is up to date")
    bus = bus_of(settings, f"init-{socket.gethostname()}-{os.getpid()}")
    held.callback(bus.close)
    if not cameras_only:
        specs = kafka_topics()
        waiter.until_there(lambda: bus.ensure(specs))
        OUT.print(f"{len(specs)} topics are there")
        registry = registry_of(settings)
        if registry is not None:
            waiter.until_there(lambda: published(settings, registry))
            OUT.print(cell(f"{len(TOPICS)} schemas are in the registry {registry.url}"))
    cameras = waiter.until_there(lambda: specs_of(settings, database))
    # Before the cameras themselves: whoever reads them looks for their states first.
    for name in waiter.until_there(lambda: seed_numbers(bus, database, cameras, "init")):
        warn(f"camera {name}: there are rows of it, and nothing that remembers their numbers: it goes on behind them")
    waiter.until_there(lambda: seed_cameras(bus, cameras, "init"))
    OUT.print(cell("\n".join(f"camera {each.name}: number {each.camera_no}" for each in cameras) or "no camera yet"))


class _Waiter:
    """Tries again what passes by itself, up to a deadline for all of it.

    Args:
        stop: Set when it is to end at once.
        deadline: By `time.monotonic`.
    """

    def __init__(self, stop: threading.Event, deadline: float) -> None:
        self._stop = stop
        self._deadline = deadline
        self._told = ""

    def until_there(self, work: Callable[[], _T]) -> _T:
        """What `work` gives. Raises its TransientError when time is up."""
        while not self._stop.is_set():
            try:
                return work()
            except TransientError as error:
                if time.monotonic() + error.retry_after_s > self._deadline:
                    raise
                if error.message != self._told:
                    self._told = error.message
                    warn(f"waits: {error.message}")
                self._stop.wait(error.retry_after_s)
        raise _Stopped
