"""`posebus topics`: the topics of an installation in Kafka."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated

import typer

from pipeline.bus.kafka import KafkaBus, TopicFacts
from pipeline.bus.kafka.topics import settings_of
from pipeline.cli.options import ConfigOption
from pipeline.cli.terminal import OUT, cell, table, warn
from pipeline.config import load_config
from pipeline.core.errors import ConfigError
from pipeline.core.ports import TopicSpec
from pipeline.installation import bus_of
from pipeline.logs import setup_logging
from pipeline.topology import kafka_topics

app = typer.Typer(help="Topics in Kafka: ensure, describe, delete.", no_args_is_help=True)

EXAMPLES = """
Examples:

  POSEBUS_KAFKA_SERVERS=localhost:9092 posebus topics ensure

  posebus topics describe --config posebus.yaml
"""

DELETE_EXAMPLES = """
Examples:

  posebus topics delete tracks motions                     their records are gone, and what workers had read of them

  posebus topics delete --all --yes                        all topics of this installation
"""


@app.command(epilog=EXAMPLES)
def ensure(config: ConfigOption = None) -> None:
    """Make the topics that are missing. What is there is never changed; another count of partitions is an error."""
    with _opened(config) as bus:
        specs = kafka_topics()
        before = {facts.name for facts in bus.describe([spec.name for spec in specs])}
        bus.ensure(specs)
        _show(specs, {facts.name: facts for facts in bus.describe([spec.name for spec in specs])}, before)


@app.command(epilog=EXAMPLES)
def describe(config: ConfigOption = None) -> None:
    """Show the topics as they are, and where they are not as `posebus topics ensure` makes them."""
    with _opened(config) as bus:
        specs = kafka_topics()
        found = {facts.name: facts for facts in bus.describe([spec.name for spec in specs])}
    _show(specs, found, set(found))
    if len(found) < len(specs):
        raise ConfigError(
            f"{len(specs) - len(found)} of {len(specs)} topics are missing", hint="make them: posebus topics ensure"
        )


@app.command(epilog=DELETE_EXAMPLES)
def delete(
    names: Annotated[list[str] | None, typer.Argument(help="Topics, without the prefix.", show_default=False)] = None,
    everything: Annotated[bool, typer.Option("--all", help="All topics of the installation.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    config: ConfigOption = None,
) -> None:
    """Remove topics with all their records. Stop the workers first."""
    if bool(names) == everything:
        raise ConfigError("say which topics", hint="name them, or --all")
    known = [spec.name for spec in kafka_topics()]
    for name in names or ():
        if name not in known:
            raise ConfigError(f"no topic of posebus is named {name}", hint=f"there are: {', '.join(known)}")
    with _opened(config) as bus:
        there = [facts.name for facts in bus.describe(names or known)]
        missing = [name for name in names or () if name not in there]
        if missing:
            raise ConfigError(f"no topic named {missing[0]}", hint=f"there are: {', '.join(there) or 'none'}")
        if there and not yes and not typer.confirm(f"Delete {', '.join(there)} with all records?", err=True):
            raise typer.Exit(1)
        for name in there:
            bus.delete(name)
    OUT.print(f"deleted: {', '.join(there) or 'nothing'}")


@contextmanager
def _opened(config: ConfigOption) -> Iterator[KafkaBus]:
    settings = load_config(config, os.environ)
    setup_logging(settings.log.level, settings.log.format)
    bus = bus_of(settings, "posebus-topics")
    try:
        yield bus
    finally:
        bus.close()


def _show(specs: list[TopicSpec], found: Mapping[str, TopicFacts], before: set[str]) -> None:
    rows: list[tuple[object, ...]] = []
    total = 0
    for spec in specs:
        facts = found.get(spec.name)
        if facts is None:
            rows.append((spec.name, "missing", *[None] * 5))
            continue
        bound = _bound(facts)
        total += bound or 0
        rows.append(
            (
                spec.name,
                "there" if spec.name in before else "made",
                facts.partitions,
                facts.replication,
                _kept(facts),
                _bytes(facts.max_bytes),
                None if bound is None else _bytes(bound),
            )
        )
    OUT.print(table(("topic", "state", "partitions", "copies", "kept", "record up to", "disk up to"), rows))
    OUT.print(
        cell(f"disk of all copies: up to {_bytes(total)}, beside the compacted topics, which keep one record a key")
    )
    for spec in specs:
        for difference in _differences(spec, found.get(spec.name)):
            warn(f"{spec.name}: {difference}")


def _differences(spec: TopicSpec, facts: TopicFacts | None) -> Iterator[str]:
    if facts is None:
        return
    if facts.partitions != spec.partitions:
        yield f"has {facts.partitions} partitions, expected {spec.partitions}"
    for name, wanted in settings_of(spec).items():
        seen = facts.settings.get(name)
        if seen is not None and seen != wanted:
            yield f"{name} is {seen}; posebus makes it with {wanted}"


def _bound(facts: TopicFacts) -> int | None:
    """Bytes that all copies of a topic may take, where there is a bound: what is kept, and the newest segment."""
    kept = int(facts.settings.get("retention.bytes", -1))
    if facts.compacted or kept < 0:
        return None
    return (kept + int(facts.settings.get("segment.bytes", 0))) * facts.partitions * facts.replication


def _kept(facts: TopicFacts) -> str:
    if facts.compacted:
        return "last of each key"
    milliseconds = int(facts.settings.get("retention.ms", -1))
    return "for ever" if milliseconds < 0 else _time(milliseconds / 1000)


def _time(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:g} {unit}"
    return f"{seconds:g} s"


def _bytes(count: int) -> str:
    for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count >= size:
            return f"{count / size:.4g} {unit}"
    return f"{count} B"
