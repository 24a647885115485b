"""What of the history is kept."""

from __future__ import annotations

from dataclasses import dataclass

LEAST_BUDGET = 50_000_000
"""Bytes; the tables and a day of one camera without people take a good part of it."""


@dataclass(frozen=True, slots=True)
class HistoryPolicy:
    """What of the history is kept.

    Attributes:
        retention_s: Poses, measures and outcomes of frames are dropped when they are so old; None: never.
        compress_after_s: They are compressed when they are so old, where the server can.
        budget_bytes: The oldest of them are dropped early to stay below it; None: no bound.
    """

    retention_s: float | None = None
    compress_after_s: float = 12 * 3600.0
    budget_bytes: int | None = None
