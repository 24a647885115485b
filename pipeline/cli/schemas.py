"""`posebus schemas`: the schemas of records, here and in a schema registry."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from typing import Annotated, Literal

import typer

from pipeline.cli.options import ConfigOption
from pipeline.cli.terminal import OUT, cell, table
from pipeline.codec.compatibility import problems
from pipeline.codec.confluent import subject_of
from pipeline.codec.registry import COMPATIBILITY, SchemaRegistry, Version
from pipeline.codec.schemas import Schema, SchemaBook
from pipeline.config import Config, load_config
from pipeline.core.errors import ConfigError
from pipeline.installation import registry_of
from pipeline.logs import setup_logging
from pipeline.topics import TOPICS

app = typer.Typer(help="Schemas of records in a schema registry: publish, check, ls.", no_args_is_help=True)

PUBLISH_EXAMPLES = """
Examples:

  posebus schemas publish --config site.yaml

Workers look ids up, they add nothing: publish first, at each new version of posebus, then start them.
"""
CHECK_EXAMPLES = """
Examples:

  posebus schemas check --config site.yaml
"""
LS_EXAMPLES = """
Examples:

  posebus schemas ls

  posebus schemas ls --format json
"""

_Form = Annotated[Literal["table", "json"], typer.Option("--format", "-f", help="How rows are written.")]


@dataclass(frozen=True)
class _Entry:
    """A topic, what we write to it, and what the registry has of it."""

    topic: str
    subject: str
    schema: Schema
    id: int | None
    versions: list[Version]
    level: str | None

    @property
    def ours(self) -> Version | None:
        """The version that is our newest schema."""
        return next((each for each in self.versions if each.id == self.id), None)

    @property
    def complaints(self) -> list[str]:
        """What has to be mended, one sentence each."""
        if not self.versions:
            return ["is not published"]
        found = [] if self.level == COMPATIBILITY else [f"compatibility is {self.level}, expected {COMPATIBILITY}"]
        if self.ours is None:
            found.append("the newest schema is not published")
        for each in self.versions:
            for pair in ((each.definition, self.schema.definition), (self.schema.definition, each.definition)):
                found += [f"version {each.number}: {problem}" for problem in problems(*pair)]
        return found


@app.command(epilog=PUBLISH_EXAMPLES)
def publish(config: ConfigOption = None) -> None:
    """Put the schemas of all topics of records into the registry; what is there stays."""
    settings, registry = _opened(config)
    for topic, id in published(settings, registry).items():
        OUT.print(cell(f"{topic}: id {id}"))


@app.command(epilog=CHECK_EXAMPLES)
def check(config: ConfigOption = None, form: _Form = "table") -> None:
    """Compare our schemas with those in the registry; ends with 1 where something has to be mended."""
    settings, registry = _opened(config)
    entries = _entries(settings, registry)
    if form == "json":
        _print_json([{"topic": e.topic, "subject": e.subject, "complaints": e.complaints} for e in entries])
    else:
        rows = [(e.topic, e.subject, "; ".join(e.complaints) or "right") for e in entries]
        OUT.print(table(("topic", "subject", "found"), rows))
    if any(entry.complaints for entry in entries):
        raise typer.Exit(1)


@app.command("ls", epilog=LS_EXAMPLES)
def ls(config: ConfigOption = None, form: _Form = "table") -> None:
    """List what the registry has of our topics."""
    settings, registry = _opened(config)
    rows = [
        {
            "topic": entry.topic,
            "subject": entry.subject,
            "versions": len(entry.versions),
            "newest": entry.versions[-1].number if entry.versions else None,
            "our version": entry.ours.number if entry.ours else None,
            "our id": entry.ours.id if entry.ours else None,
            "compatibility": entry.level,
        }
        for entry in _entries(settings, registry)
    ]
    if form == "json":
        _print_json(rows)
    else:
        OUT.print(table(list(rows[0]), [list(row.values()) for row in rows]))


def published(settings: Config, registry: SchemaRegistry) -> dict[str, int]:
    """Publish the schemas of all topics of records; the id of each. Raises ConfigError, TransientError."""
    book = SchemaBook()
    return {
        topic.name: registry.publish(subject_of(settings.kafka.prefix, topic.name), book.newest(topic.schema))
        for topic in TOPICS.values()
    }


def _opened(config: ConfigOption) -> tuple[Config, SchemaRegistry]:
    settings = load_config(config, os.environ)
    setup_logging(settings.log.level, settings.log.format)
    registry = registry_of(settings)
    if registry is None:
        raise ConfigError(
            "no schema registry is configured",
            hint="set `schema_registry: http://registry:8081` in the configuration, or POSEBUS_SCHEMA_REGISTRY_URL",
        )
    return settings, registry


def _entries(settings: Config, registry: SchemaRegistry) -> list[_Entry]:
    book = SchemaBook()
    found = []
    for topic in TOPICS.values():
        subject = subject_of(settings.kafka.prefix, topic.name)
        schema = book.newest(topic.schema)
        id, versions = registry.id_of(subject, schema), registry.versions(subject)
        found.append(_Entry(topic.name, subject, schema, id, versions, registry.compatibility(subject)))
    return found


def _print_json(value: object) -> None:
    sys.stdout.write(json.dumps(value, indent=1) + "\n")
