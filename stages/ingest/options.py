"""What ingest can be told."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.core.errors import ConfigError


@dataclass(frozen=True, slots=True)
class IngestOptions:
    """Where a picture counts as moving."""

    adapt_s: float = 0.5
    """Time constant in seconds with which the background follows the picture. With a longer one who pauses stays boxed
    for longer, and who walks drags a longer trail in the box."""
    min_change: float = 8.0
    """Smallest change of grey, in levels of 255, that counts, however quiet the picture is."""
    max_boxes: int = 8
    """At most so many motion boxes a frame; beyond, those that lie closest together become one."""

    def __post_init__(self) -> None:
        for name, value, low in (("adapt_s", self.adapt_s, 0.0), ("min_change", self.min_change, 0.0)):
            if not low < value < float("inf"):
                raise ConfigError(f"ingest.{name} is {value}, expected a number above {low:g}")
        if self.max_boxes < 1:
            raise ConfigError(f"ingest.max_boxes is {self.max_boxes}, expected 1 or more")
