"""`posebus lag`: how far the workers are behind."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import typer

from pipeline.bus.kafka import Backlog, KafkaBus
from pipeline.cli.layout import readers
from pipeline.cli.options import ConfigOption
from pipeline.cli.terminal import OUT, table
from pipeline.config import load_config
from pipeline.core.errors import ConfigError
from pipeline.installation import bus_of
from pipeline.logs import setup_logging
from pipeline.topics import CAMERAS

EXAMPLES = """
Examples:

  posebus lag                                              each group of workers and what it reads

  posebus lag --by camera --group posebus-pose             where the pose workers are behind

  posebus lag --by partition --format json
"""

By = Literal["topic", "partition", "camera"]


def lag(
    by: Annotated[By, typer.Option("--by", help="One row for each of these.")] = "topic",
    group: Annotated[
        list[str] | None, typer.Option("--group", "-g", help="Only this group; can be given again.", show_default=False)
    ] = None,
    form: Annotated[Literal["table", "json"], typer.Option("--format", "-f", help="How rows are written.")] = "table",
    config: ConfigOption = None,
) -> None:
    """Show how many records the workers have not yet taken in for good, out of what lies in Kafka.

    A topic of which a worker of the layout never took anything counts as a whole. Cameras that share a partition share
    a row: what lies in it is not told apart.
    """
    settings = load_config(config, os.environ)
    setup_logging(settings.log.level, settings.log.format)
    bus = bus_of(settings, "posebus-lag")
    try:
        reads = readers(settings, bus.groups())
        groups = sorted({*bus.groups(), *reads})
        for name in group or ():
            if name not in groups:
                raise ConfigError(f"no group is named {name}", hint=f"there are: {', '.join(groups) or 'none'}")
        backlogs = bus.backlogs(group or groups, reads=reads)
        cameras = _cameras(bus) if by == "camera" else {}
    finally:
        bus.close()
    rows = _rows(backlogs, by, cameras)
    if form == "json":
        json.dump(rows, sys.stdout, indent=1)
        sys.stdout.write("\n")
    elif rows:
        OUT.print(table(list(rows[0]), [list(row.values()) for row in rows]))
    else:
        OUT.print("no worker has taken anything in yet")


def _rows(backlogs: Sequence[Backlog], by: By, cameras: dict[int, str]) -> list[dict[str, Any]]:
    if by == "topic":
        sums: dict[tuple[str, str], list[int]] = {}
        for each in backlogs:
            both = sums.setdefault((each.group, each.topic), [0, 0])
            both[0] += each.records
            both[1] = max(both[1], each.records)
        return [
            {"group": group, "topic": topic, "behind": total, "most in a partition": most}
            for (group, topic), (total, most) in sums.items()
        ]
    return [
        {
            "group": each.group,
            "topic": each.topic,
            **({"camera": cameras[each.partition]} if by == "camera" else {}),
            "partition": each.partition,
            "committed": each.committed,
            "end": each.end,
            "behind": each.records,
        }
        for each in backlogs
        if by == "partition" or each.partition in cameras
    ]


def _cameras(bus: KafkaBus) -> dict[int, str]:
    """The cameras of each partition; a record of the topic is keyed by the camera's name and lies in its partition."""
    facts = bus.describe([CAMERAS])
    if not facts:
        raise ConfigError(f"no topic named {CAMERAS}", hint="make the topics: posebus topics ensure")
    names: dict[int, dict[str, bool]] = {}
    for record in bus.read(CAMERAS, frozenset(range(facts[0].partitions))):
        names.setdefault(record.partition, {})[record.key.decode(errors="replace")] = record.value is not None
    living = {partition: sorted(name for name, there in own.items() if there) for partition, own in names.items()}
    return {partition: ", ".join(own) for partition, own in living.items() if own}
