"""`posebus replay`: the stored past through today's rules and exercises, beside what was decided then."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from pipeline.beside import behind
from pipeline.cli.compare import Difference, differences
from pipeline.cli.options import ConfigOption, DatabaseOption, database_address
from pipeline.cli.terminal import OUT, cell, table, warn
from pipeline.cli.times import event_time_us
from pipeline.config import Config, load_config
from pipeline.config.problems import did_you_mean
from pipeline.config.rules import with_rules_of
from pipeline.core.errors import ConfigError, InvalidRecord
from pipeline.core.ports import BusRecord
from pipeline.core.records import Record
from pipeline.core.values import Event, Measures, Transition
from pipeline.database import Database, PostgresSink, open_database
from pipeline.installation import bus_of, registry_of
from pipeline.logs import setup_logging
from pipeline.models.fake import FakeDetector, FakeEstimator
from pipeline.runners.replay import Replay
from pipeline.sinks.archive import archived_cameras, read_archive
from pipeline.topics import PARTITIONS
from pipeline.topology import Parts, Topology

EXAMPLES = """
Examples:

  posebus replay --from 2026-01-31T09:00 --to 2026-01-31T17:00 --rules new-rules.yaml

  posebus replay --from 2026-01-31T09:00 --to 2026-01-31T10:00 --camera gym --source archive -c site.yaml
"""

WARM_UP_S = 600.0
"""So much before the time asked for is worked on too: who lay on the floor then is known at its beginning."""

_BATCH = 2000
FROM_POSES = ("track", "smooth", "analyze", "alert")
FROM_MOTIONS = ("analyze", "alert")


@dataclass(frozen=True)
class _Camera:
    name: str
    number: int


def replay(
    begin: Annotated[str, typer.Option("--from", help="Event time, ISO 8601, UTC without a zone.", show_default=False)],
    end: Annotated[str, typer.Option("--to", help="Event time, the first that is left out.", show_default=False)],
    camera: Annotated[
        list[str] | None, typer.Option(help="Only this camera; can be given again.", show_default=False)
    ] = None,
    source: Annotated[
        Literal["sql", "archive", "kafka"],
        typer.Option(help="Motions out of the database, or poses out of the archive or Kafka."),
    ] = "sql",
    rules: Annotated[
        Path | None, typer.Option(help="A file of rules instead of the configured ones.", show_default=False)
    ] = None,
    run: Annotated[
        int | None,
        typer.Option(
            min=1, max=2**31 - 1, help="Number of the replay; by default the next free one.", show_default=False
        ),
    ] = None,
    keep: Annotated[bool, typer.Option("--keep/--no-keep", help="Store what comes out as that run.")] = True,
    db: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Work on the stored past again, beside the live run, and tell what is decided otherwise now.

    Nobody is notified. What comes out rests as a run of its own: `posebus query --run N`, `posebus db runs`.
    """
    settings = load_config(config, os.environ)
    setup_logging(settings.log.level, settings.log.format)
    from_us, to_us = event_time_us(begin, "--from"), event_time_us(end, "--to")
    if from_us >= to_us:
        raise ConfigError(f"--from {begin} does not lie before --to {end}", hint="the second one is left out")
    if rules is not None:
        settings = settings.model_copy(
            update={"alert": with_rules_of(rules, settings.alert, settings.scenes, os.environ)}
        )
    with open_database(database_address(settings, db), settings.home, world=settings.history.world) as database:
        chosen = _cameras(database, camera or [])
        taken = {entry.run for entry in database.runs()}
        number = run if run is not None else max(taken, default=0) + 1
        if run in taken:
            raise ConfigError(f"there is a run {run} already", hint=f"posebus db runs rm {run}, or another number")
        started, frames = time.monotonic(), 0
        found: list[Record[Any]] = []
        sink = database.sink("replay") if keep else None
        for each in chosen:
            with (
                database.registry().hold(each.number, each.name, number),
                _writing(sink) as write,
                closing(_results(settings, database, each, source, number, from_us, to_us)) as results,
            ):
                while batch := list(islice(results, _BATCH)):
                    frames += sum(isinstance(record.value, Measures) for record in batch)
                    found += [record for record in batch if isinstance(record.value, Event | Transition)]
                    write(batch)
        took = time.monotonic() - started
        _tell(differences(database, found, [each.name for each in chosen], from_us, to_us))
    kept = f"; it rests as run {number}" if keep else ""
    OUT.print(cell(f"{frames} frames in {took:.1f} s, {frames / max(took, 1e-9):.0f} a second{kept}"))


@contextmanager
def _writing(sink: PostgresSink | None) -> Iterator[Callable[[Sequence[Record[Any]]], None]]:
    """Stores batches while the stages go on; without a sink none."""
    if sink is None:
        yield lambda _: None
        return
    with behind(sink.write, sink.cancel) as write:
        yield write


def _results(
    settings: Config, database: Database, camera: _Camera, source: str, run: int, from_us: int, to_us: int
) -> Generator[Record[Any]]:
    """What comes out for one camera. To be closed: the next records are being read."""
    # No stage of these chains looks at pixels.
    registered = {spec.name: spec for spec in database.cameras().cameras()}
    topology = Topology(settings, Parts(FakeDetector(), FakeEstimator()), strict=True, specs=registered.get)
    stages = FROM_MOTIONS if source == "sql" else FROM_POSES
    chain = topology.chain(stages)
    topics = ("motions", "measures", "events", "alerts", "dead-letters", "poses", "tracks")
    replayed = Replay(chain, {topic: topology.codec(topic) for topic in topics}, run, from_us)
    warm_us = from_us - round(WARM_UP_S * 1e6)
    if source == "sql":
        with (
            closing(database.frames()) as reader,
            closing(reader.frames(camera.name, camera.number, warm_us, to_us)) as records,
        ):
            yield from replayed.results(records)
        return
    codec = Topology(settings, None, registry=registry_of(settings)).codec("poses")
    raws = _archived(settings, camera, warm_us, to_us) if source == "archive" else _on_kafka(settings, camera)
    yield from replayed.results(_decoded(raws, codec, warm_us, to_us))


def _decoded(raws: Iterable[BusRecord], codec: Any, from_us: int, to_us: int) -> Iterator[Record[Any]]:
    """Records in order, each once, of the live run. One that cannot be read is told and left out."""
    last = (-1, -1)
    for raw in raws:
        try:
            record = codec.decode(raw.value or b"")
        except InvalidRecord as error:
            warn(f"a record of {raw.topic} at {raw.offset} is left out: {error.message}")
            continue
        stamp = record.stamp
        if stamp.run != 0 or not from_us <= stamp.captured_at_us < to_us or (stamp.session, stamp.n) <= last:
            continue
        last = (stamp.session, stamp.n)
        yield record


def _archived(settings: Config, camera: _Camera, from_us: int, to_us: int) -> Iterator[BusRecord]:
    folder = settings.archive.folder
    if folder is None:
        raise ConfigError("the archive has no folder", hint="set `archive: {folder: PATH}` in the configuration")
    if camera.name not in archived_cameras(folder, "poses"):
        raise ConfigError(f"the archive in {folder} has no poses of camera {camera.name}")
    yield from read_archive(folder, "poses", camera.name, from_us, to_us)


def _on_kafka(settings: Config, camera: _Camera) -> Iterator[BusRecord]:
    bus = bus_of(settings, "posebus-replay")
    try:
        for raw in bus.read("poses", frozenset((camera.number % PARTITIONS,))):
            if raw.key.decode(errors="replace") == camera.name:
                yield raw
    finally:
        bus.close()


def _cameras(database: Database, names: Sequence[str]) -> list[_Camera]:
    rows = database.query("SELECT camera, camera_no FROM cameras ORDER BY camera").rows
    known = {str(name): _Camera(str(name), int(number)) for name, number in rows}
    for name in names:
        if name not in known:
            raise ConfigError(
                f"no camera named {name} is stored{did_you_mean(name, known)}",
                hint="posebus query 'SELECT camera FROM cameras'",
            )
    if not known:
        raise ConfigError("nothing is stored: no camera", hint="posebus run SOURCE stores one")
    return [known[name] for name in names] if names else list(known.values())


def _tell(found: Sequence[Difference]) -> None:
    rows = [
        (each.what, each.camera, each.name, each.before, each.now, f"+{len(each.only_now)} -{len(each.only_before)}")
        for each in found
    ]
    if not rows:
        OUT.print("no events and no incidents, then and now")
        return
    OUT.print(table(("what", "camera", "kind", "then", "now", "difference"), rows))
    for each in found:
        for sign, times in (("+", each.only_now), ("-", each.only_before)):
            for at in times[:10]:
                OUT.print(cell(f"  {sign} {each.camera} {at} {each.name}"))
            if len(times) > 10:
                OUT.print(cell(f"  {sign} {each.camera} and {len(times) - 10} more of {each.name}"))
