"""`posebus worker`: one kind of worker process over Kafka."""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Annotated

import cv2
import typer

from pipeline.bus.kafka import KafkaBus
from pipeline.bus.kafka.topics import settings_of
from pipeline.cli.options import ConfigOption, MetricsPortOption, database_address
from pipeline.cli.signals import stopped_by_signals
from pipeline.cli.upkeep import history_kept
from pipeline.config import Config, load_config
from pipeline.config.worker import Runner
from pipeline.core.errors import BusUnavailable, ConfigError, DatabaseError, SinkUnavailable, TransientError
from pipeline.installation import bus_of, cluster_of, registry_of
from pipeline.logs import setup_logging
from pipeline.metrics import Metrics
from pipeline.runners.faust_app import GROUP_SUFFIX
from pipeline.runners.worker.aside import again_and_again
from pipeline.runners.worker.health import Health
from pipeline.sinks.archive import ArchiveSink
from pipeline.topology import check_neighbours, kafka_topics
from pipeline.workers import INGEST, Runnable, Workers

if TYPE_CHECKING:
    from pipeline.database import Database, Outbox

log = logging.getLogger(__name__)

SINK = "sink"
NOTIFY = "notify"
ARCHIVE = "archive"
BESIDE = (SINK, NOTIFY, ARCHIVE)
"""Workers beside the seven stages."""

EXAMPLES = """
Examples:

  posebus worker pose                                 one stage

  posebus worker track+smooth+analyze+alert           neighbours in one process, with no hop between them

  posebus worker ingest+detect+pose                   no pixel ever enters the bus

  posebus worker sink --metrics-port 9101

  posebus worker notify                               tells the channels of `notify:` of incidents
"""


def worker(
    what: Annotated[
        str,
        typer.Argument(
            help="A stage, neighbouring stages joined by +, `sink` or `notify`.",
            metavar="STAGE[+STAGE...]",
            show_default=False,
        ),
    ],
    config: ConfigOption = None,
    name: Annotated[
        str | None,
        typer.Option("--name", help="Of this process, unlike all others; by default made up.", show_default=False),
    ] = None,
    metrics_port: MetricsPortOption = None,
    runner: Annotated[
        Runner | None,
        typer.Option(
            help="Who polls and commits: our own loop, or Faust; by default as configured.", show_default=False
        ),
    ] = None,
    instance: Annotated[
        str | None,
        typer.Option(
            help="Of this process among all of its kind, the same after a restart: it has its cameras back at once.",
            show_default=False,
        ),
    ] = None,
    parent: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Run one kind of worker over Kafka until it is told to stop."""
    settings = load_config(config, os.environ)
    setup_logging(settings.log.level, settings.log.format)
    stages = what.split("+")
    chosen = runner or ("own" if stages[0] == INGEST else settings.worker.runner)
    if what not in BESIDE:
        check_neighbours(stages)
    client = name or f"{what}-{socket.gethostname()}-{os.getpid()}"
    cv2.setNumThreads(1)
    stop = threading.Event()
    metrics = Metrics()
    with ExitStack() as held:
        held.enter_context(stopped_by_signals(stop))
        if parent is not None:
            held.enter_context(again_and_again("watch of the parent", partial(_end_with, parent, stop), 1.0))
        bus = bus_of(settings, client, instance=instance)
        held.callback(bus.close)
        alive: Callable[[], None] = lambda: None  # noqa: E731
        port = settings.worker.metrics_port if metrics_port is None else metrics_port
        if port:
            health = Health(metrics, what, settings.worker.metrics_host, port)
            held.callback(health.close)
            alive = health.beat
        made = _when_there(lambda: _make(settings, bus, client, stages, metrics, held, chosen), stop, alive)
        if made is not None:
            log.info("%s works", what, extra={"name_of_worker": client})
            made.run(stop, alive)


def opened(settings: Config, *, migrate: bool = True) -> Database:
    """The database. Raises SinkUnavailable where waiting helps, DatabaseError where it does not."""
    from pipeline.database import open_database  # only where it is needed: a worker that was killed is back sooner

    try:
        address, world = database_address(settings, None), settings.history.world
        return open_database(address, settings.home, migrate=migrate, world=world)
    except DatabaseError as error:
        if isinstance(error.__cause__, SinkUnavailable):
            raise error.__cause__ from error
        raise


def _end_with(parent: int, stop: threading.Event) -> None:
    """Whoever started us would start others in our place when it comes back."""
    if os.getppid() != parent:
        stop.set()


def _make(
    settings: Config, bus: KafkaBus, client: str, stages: list[str], metrics: Metrics, held: ExitStack, runner: str
) -> Runnable:
    _check_topics(bus)
    workers = Workers(settings, bus, client, metrics, registry_of(settings))
    held.callback(workers.close)
    group = f"posebus-{stages[0]}"
    other = group if runner == "faust" else f"{group}{GROUP_SUFFIX}"
    if bus.members(other):
        raise ConfigError(
            f"the group {other} is at work on the same records: one runner at a time",
            hint="stop the workers of the other runner first",
        )
    if stages == [NOTIFY]:
        from pipeline.notify import notifier_of

        if runner == "faust":
            raise ConfigError("notify has no keyed state: Faust does not run it", hint="leave out --runner faust")
        return workers.notify(notifier_of(settings.notify), _outbox(settings, held))
    if stages == [ARCHIVE]:
        if settings.archive.folder is None:
            raise ConfigError("the archive has no folder", hint="set `archive: {folder: PATH}` in the configuration")
        return workers.archive(ArchiveSink(settings.archive.folder))
    if stages == [SINK]:
        database = held.enter_context(opened(settings))
        sink = database.sink()
        held.enter_context(workers.camera_history(database.cameras().note).running())
        held.enter_context(history_kept(database, settings.history.policy()))
        return workers.sink(sink) if runner == "own" else workers.faust_sink(sink, cluster_of(settings))
    return workers.stages(stages) if runner == "own" else workers.faust_stages(stages, cluster_of(settings))


def _outbox(settings: Config, held: ExitStack) -> Outbox:
    """Not tried here: who is to be told of a fall does not wait for a database."""
    from pipeline.database import Outbox, open_database
    from pipeline.database.connect import Address

    dsn = database_address(settings, None)
    if dsn is None:
        return held.enter_context(open_database(None, settings.home)).outbox()
    outbox = Outbox(Address(dsn))
    held.callback(outbox.close)
    return outbox


def _check_topics(bus: KafkaBus) -> None:
    """Raises ConfigError for an installation whose topics were never made, or do not take what we send."""
    specs = kafka_topics()
    found = {facts.name: facts for facts in bus.describe([spec.name for spec in specs])}
    for spec in specs:
        if spec.name not in found:
            try:
                bus.topic_id(spec.name)
            except ConfigError as error:
                raise ConfigError(error.message, hint="posebus topics ensure makes them") from error
            continue
        facts = found[spec.name]
        # Without the right to see its settings nothing is known.
        if facts.settings and spec.max_message_bytes is not None and facts.max_bytes < spec.max_message_bytes:
            raise ConfigError(
                f"the topic {bus.prefix}{spec.name} takes records of {facts.max_bytes} bytes, "
                f"posebus sends up to {spec.max_message_bytes}",
                hint=f"set its max.message.bytes to {settings_of(spec)['max.message.bytes']}",
            )


def _when_there(make: Callable[[], Runnable], stop: threading.Event, alive: Callable[[], None]) -> Runnable | None:
    """What `make` gives, once broker and database answer; None when stopped before."""
    told = ""
    while not stop.is_set():
        alive()
        try:
            return make()
        except (BusUnavailable, SinkUnavailable, TransientError) as error:
            if error.message != told:  # once, however long it lasts
                told = error.message
                log.warning("waits: %s", error.message)
            stop.wait(error.retry_after_s)
    return None
