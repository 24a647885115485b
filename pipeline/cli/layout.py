"""Which processes an installation has: said on the command line, or configured, and checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from pipeline.cli.worker import BESIDE
from pipeline.config import Config
from pipeline.core.errors import ConfigError
from pipeline.topology import STAGES, check_neighbours

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
    """The processes, by what they do. Raises ConfigError for a layout that leaves a hole or mixes two chains."""
    names = list(settings.worker.layout) if layout is None else [name.strip() for name in layout.split(",")]
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
