"""`posebus up`: all workers of an installation as processes of this machine."""

from __future__ import annotations

import logging
import os
import socket
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from pipeline.bus.kafka import KafkaBus
from pipeline.camera_registry import seed_cameras
from pipeline.cameras import sealed
from pipeline.cli.layout import OptionalLayout, chosen_layout
from pipeline.cli.options import ConfigOption, MetricsPortOption, database_address
from pipeline.cli.schemas import published
from pipeline.cli.signals import stopped_by_signals
from pipeline.cli.terminal import OUT, cell, warn
from pipeline.config import Config, load_config
from pipeline.core.cameras import CameraSpec
from pipeline.core.errors import ConfigError, TransientError
from pipeline.database import Database, open_database
from pipeline.installation import bus_of, registry_of
from pipeline.logs import setup_logging
from pipeline.runners.supervise import Supervisor
from pipeline.topology import kafka_topics

_LAST_PORT = 65535

log = logging.getLogger(__name__)

EXAMPLES = """
Examples:

  posebus up --config site.yaml

  posebus up -c site.yaml --layout ingest,detect,pose,track,smooth,analyze,alert,sink

  posebus up -c site.yaml --metrics-port 9100       the first worker on 9100, the second on 9101, ...

  posebus up --embedded                             all of it in one process, without Kafka

  posebus up --embedded --metrics-port 9100         the same, watched by Prometheus
"""


def up(
    config: ConfigOption = None,
    layout: OptionalLayout = None,
    embedded: Annotated[
        bool,
        typer.Option(
            "--embedded",
            help="No Kafka: the cameras of the registry in one process (posebus run --cameras), started again when it"
            " ends.",
        ),
    ] = False,
    metrics_port: MetricsPortOption = None,
) -> None:
    """Start all workers here, and start again those that end, until Ctrl-C."""
    settings = load_config(config, os.environ)
    setup_logging(settings.log.level, settings.log.format)
    stop = threading.Event()
    if embedded:
        if layout is not None:
            raise ConfigError("--embedded and --layout exclude each other", hint="one process has no layout")
        with stopped_by_signals(stop):
            command = _alone(config, metrics_port)
            code = Supervisor({"cameras": command}, lambda name, what: warn(f"{name} {what}")).run(stop)
        if code:
            raise typer.Exit(code)
        return
    names = chosen_layout(settings, layout)
    port = settings.worker.metrics_port if metrics_port is None else metrics_port
    if port + len(names) - 1 > _LAST_PORT:
        raise ConfigError(
            f"metrics port {port}: {len(names)} workers need as many ports, and the last one is {_LAST_PORT}",
            hint=f"at most --metrics-port {_LAST_PORT + 1 - len(names)}",
        )
    with stopped_by_signals(stop):
        bus = bus_of(settings, f"up-{socket.gethostname()}-{os.getpid()}")
        with open_database(database_address(settings, None), settings.home) as database:
            if not _prepared(settings, bus, database, stop):
                return
            supervisor = Supervisor(_commands(names, config, port), lambda name, what: warn(f"{name} {what}"))
            OUT.print(cell(f"{len(names)} workers: {', '.join(names)}; {_of(len(settings.cameras))}"))
            if port:
                OUT.print(f"metrics on the ports {port} to {port + len(names) - 1}, in this order")
            code = supervisor.run(stop)
        bus.close()
    if code:
        raise typer.Exit(code)


def _prepared(settings: Config, bus: KafkaBus, database: Database, stop: threading.Event) -> bool:
    """Topics are there and cameras registered, once the broker answers; False when stopped before."""
    told, registry = "", registry_of(settings)
    while not stop.is_set():
        try:
            bus.ensure(kafka_topics())
            if registry is not None:
                published(settings, registry)
            seed_cameras(bus, specs_of(settings, database), "up")
        except TransientError as error:
            if error.message != told:  # once, however long it lasts
                told = error.message
                warn(f"waits: {error.message}")
            stop.wait(error.retry_after_s)
        else:
            return True
    return False


def specs_of(settings: Config, database: Database) -> list[CameraSpec]:
    """The cameras of the configuration as the registry knows them, their passwords sealed."""
    return [
        replace(
            camera.spec(name, database.registry().camera_no(name)), password=sealed(camera.secret or "", os.environ)
        )
        for name, camera in settings.cameras.items()
    ]


def _commands(names: Sequence[str], config: Path | None, port: int) -> Mapping[str, Sequence[str]]:
    """The command of each process; several of the same kind are numbered. Metrics are on `port` and those after it."""
    commands: dict[str, Sequence[str]] = {}
    for n, name in enumerate(names):
        unique = name
        while unique in commands:
            unique = f"{name}#{sum(other.split('#')[0] == name for other in commands) + 1}"
        # Another `up` beside this one has workers of its own. Kafka knows letters, digits, dot, dash and underscore.
        instance = f"{unique}-{socket.gethostname()}-{os.getpid()}".replace("+", ".").replace("#", ".")
        options = ["--parent", str(os.getpid()), "--instance", instance]
        options += [] if config is None else ["--config", str(config.absolute())]
        options += ["--metrics-port", str(port + n)] if port else []
        commands[unique] = [sys.executable, "-m", "pipeline.cli", "worker", name, *options]
    return commands


def _alone(config: Path | None, metrics_port: int | None) -> Sequence[str]:
    """The command of the one process of an installation without Kafka."""
    options = [] if config is None else ["--config", str(config.absolute())]
    options += [] if metrics_port is None else ["--metrics-port", str(metrics_port)]
    return [sys.executable, "-m", "pipeline.cli", "run", "--cameras", "--parent", str(os.getpid()), *options]


def _of(cameras: int) -> str:
    return "1 camera" if cameras == 1 else f"{cameras} cameras"
