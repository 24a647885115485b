"""How long the history is kept, and how large it may become."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

from pipeline.config.section import Section
from pipeline.core.history import LEAST_BUDGET, HistoryPolicy

_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_BYTES = {
    f"{prefix}{unit}": base**power
    for unit, base in (("B", 1000), ("iB", 1024))
    for power, prefix in enumerate("MGT", 2)
}
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?) ?([A-Za-z]+)")
_LONGEST_S = 100 * 366 * 86400


def _amount(text: str, units: dict[str, int], example: str) -> float:
    found = _AMOUNT.fullmatch(text)
    if found is None or found[2] not in units:
        raise ValueError(f"a number and one of {', '.join(units)}, such as {example}")
    return float(found[1]) * units[found[2]]


def _duration(text: str) -> str:
    if not 60 <= _amount(text, _SECONDS, "30d") <= _LONGEST_S:
        raise ValueError("1min to 100 years")
    return text


def _size(text: str) -> str:
    if _amount(text, _BYTES, "200GB") < LEAST_BUDGET:
        raise ValueError(f"at least {LEAST_BUDGET // 1_000_000}MB")
    return text


Duration = Annotated[str, AfterValidator(_duration)]
Size = Annotated[str, AfterValidator(_size)]


class History(Section):
    """How long poses, measures and outcomes of frames are kept. Events, incidents, tracks and the views by minute and
    hour stay. Sink workers and embedded runs carry it out. What is in force stays where none of `retention`,
    `compress_after` and `budget` is given; `retention: null` lifts it.
    """

    retention: Duration | None = None
    """Older poses are dropped: a number and `min`, `h`, `d` or `w`, such as `30d`. Without it none are."""

    compress_after: Duration = "12h"
    """Older poses are compressed, where the database is TimescaleDB with its community licence."""

    budget: Size | None = None
    """What posebus may take in the database: a number and `MB`, `GB`, `TB` (or `MiB` ...), such as `200GB`. The oldest
    poses are dropped early to stay below it."""

    world: bool = True
    """Whether the metres of 3-D keypoints (`world_x`, `world_y`, `world_z`) rest too. Without them BlazePose takes 0.6
    of the disk; angles have been measured by then, but a replay and exports have pixels only."""

    def policy(self) -> HistoryPolicy | None:
        """As the database takes it; None where nothing is said of it."""
        if not self.model_fields_set & {"retention", "compress_after", "budget"}:
            return None
        return HistoryPolicy(
            retention_s=None if self.retention is None else _amount(self.retention, _SECONDS, ""),
            compress_after_s=_amount(self.compress_after, _SECONDS, ""),
            budget_bytes=None if self.budget is None else round(_amount(self.budget, _BYTES, "")),
        )
