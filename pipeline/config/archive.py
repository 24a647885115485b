"""The section of the archive."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from pipeline.config.section import Section

ARCHIVED = ("poses", "tracks", "motions", "measures", "events", "alerts", "dead-letters")
"""Topics that can be kept: those without pixels."""


def _topic(name: str) -> str:
    if name not in ARCHIVED:
        raise ValueError(f"one of {', '.join(ARCHIVED)}")
    return name


class Archive(Section):
    """Records kept as they came, in Parquet files by topic, day and camera (`posebus worker archive`)."""

    folder: Path | None = None
    """Where they are kept."""

    topics: tuple[Annotated[str, AfterValidator(_topic)], ...] = ("poses", "events", "alerts")
    """What is kept. A replay of the live run can begin at `poses`."""

    flush_s: float = 30.0
    """Records wait so long for others to share their file, [0.1, 3600]."""

    def placed(self, folder: Path) -> Archive:
        """With an absolute path."""
        return self if self.folder is None else self.model_copy(update={"folder": folder / self.folder.expanduser()})
