"""`posebus topology`: which process runs which stages, and what flows between them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

import typer

from pipeline.cli.layout import OptionalLayout, chosen_layout, group_name, reads_of
from pipeline.cli.options import ConfigOption
from pipeline.cli.terminal import OUT, table
from pipeline.config import load_config
from pipeline.topics import REPLAYED, STORED
from pipeline.topology import CHANGELOGS, STAGES

EXAMPLES = """
Examples:

  posebus topology

  posebus topology --layout ingest+detect+pose,track+smooth+analyze+alert,sink --format mermaid
"""


def topology(
    config: ConfigOption = None,
    layout: OptionalLayout = None,
    format: Annotated[Literal["table", "mermaid"], typer.Option(help="For people, or for a page.")] = "table",
) -> None:
    """Show the processes of an installation and the topics between them."""
    settings = load_config(config, os.environ)
    names, archived = chosen_layout(settings, layout), settings.archive.topics
    if format == "mermaid":
        OUT.print("\n".join(_mermaid(names, archived)), markup=False)
        return
    rows = [
        (
            name,
            ", ".join(reads_of(name, archived)),
            ", ".join(_writes(name)),
            ", ".join(_keeps(name)) or None,
            group_name(name),
        )
        for name in names
    ]
    OUT.print(table(("worker", "reads", "writes", "keeps its state in", "group"), rows))


def _mermaid(names: Sequence[str], archived: tuple[str, ...]) -> Iterator[str]:
    """A flow chart: processes as boxes, topics as rounded ones."""
    yield "flowchart LR"
    yield "  source[(cameras in the network, files)] --> w0"
    shown: set[str] = set()
    for i, name in enumerate(names):
        yield f'  w{i}["{name}"]'
        for topic in reads_of(name, archived):
            yield f"  {topic}([{topic}]) --> w{i}"
        for topic in _writes(name):
            if topic in _TABLES:
                yield f"  w{i} --> {topic}"
                shown.add(topic)
            else:
                yield f"  w{i} --> {topic}([{topic}])"
    for topic in sorted(shown):
        yield f"  {topic}[({topic})]"


_TABLES = ("database", "receivers", "files")


def _writes(name: str) -> tuple[str, ...]:
    """What leaves the process: what the next stage of the chain gets by hand does not, unless others read it too."""
    if name == "sink":
        return ("database",)
    if name == "notify":
        return ("receivers",)
    if name == "archive":
        return ("files",)
    stages = name.split("+")
    found: list[str] = []
    for stage, after in zip(stages, [*stages[1:], None], strict=True):
        inside = STAGES[after].reads if after else ()
        found += [topic for topic in STAGES[stage].writes if topic not in inside or topic in (*STORED, *REPLAYED)]
    return tuple(found)


def _keeps(name: str) -> tuple[str, ...]:
    return tuple(CHANGELOGS[stage] for stage in name.split("+") if stage in CHANGELOGS)
