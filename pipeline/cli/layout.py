"""Which processes an installation has: said on the command line, or configured, and checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import typer

from pipeline.cli.worker import ARCHIVE, BESIDE, NOTIFY, SINK
from pipeline.config import Config
from pipeline.core.errors import ConfigError
from pipeline.runners.faust_app import GROUP_SUFFIX
from pipeline.runners.worker.notify import TOPIC as ALERTS
from pipeline.topics import CAMERAS, STORED
from pipeline.topology import STAGES, check_neighbours
from pipeline.workers import INGEST

OptionalLayout = Annotated[
    str | None,
    typer.Option(
        "--layout",
        help="Processes, separated by commas: stages, neighbours joined by +, and what stands beside them.",
        metavar="WORKERS",
        show_default=False,
    ),
]


def chosen_layout(settings: Config, layout: str | None) -> list[str]:
    """The processes, by what they do. Raises ConfigError for a layout that leaves a hole or mixes two chains.

    Where nobody says which, and receivers are configured, one process more tells them of incidents.
    """
    names = list(settings.worker.layout) if layout is None else [name.strip() for name in layout.split(",")]
    if layout is None and "layout" not in settings.worker.model_fields_set and settings.notify.webhooks:
        names.append(NOTIFY)
    check_layout(names)
    return names


def check_layout(names: Sequence[str]) -> None:
    """Raises ConfigError unless every stage has its place, in one kind of process only, and so has the sink."""
    for name in names:
        if name not in BESIDE:
            check_neighbours(name.split("+"))
    missing = [needed for needed in (*STAGES, "sink") if not any(needed in name.split("+") for name in names)]
    if missing:
        raise ConfigError(f"the layout lacks {', '.join(missing)}", hint=f"it has: {', '.join(names)}")
    for stage in STAGES:
        kinds = sorted({name for name in names if stage in name.split("+")})
        if len(kinds) > 1:
            raise ConfigError(
                f"the layout has {stage} in two kinds of process: {', '.join(kinds)}",
                hint="processes of the same kind share the cameras; two chains with one stage do not mix",
            )


def reads_of(name: str, archived: Sequence[str] = ()) -> Sequence[str]:
    """Topics that a process of this name reads."""
    if name == SINK:
        return STORED
    if name == NOTIFY:
        return (ALERTS,)
    if name == ARCHIVE:
        return archived
    return STAGES[name.split("+")[0]].reads or (CAMERAS,)


def group_name(name: str) -> str:
    """Its consumer group: of its first stage."""
    return f"posebus-{name.split('+')[0]}"


def readers(settings: Config, groups: Sequence[str]) -> Mapping[str, Sequence[str]]:
    """Topics of the groups that commit what they have read: of those that are there, and of those of the layout.

    Args:
        groups: That the cluster knows.
    """
    kinds = {group_name(name): reads_of(name, settings.archive.topics) for name in (*STAGES, *BESIDE) if name != INGEST}
    laid_out = {group_name(name) for name in settings.worker.layout if not name.startswith(INGEST)}
    absent = {group for group in laid_out if f"{group}{GROUP_SUFFIX}" not in groups}
    return {
        group: kinds[group.removesuffix(GROUP_SUFFIX)]
        for group in sorted({*groups, *absent})
        if group.removesuffix(GROUP_SUFFIX) in kinds
    }
