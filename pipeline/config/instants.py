"""Times that users write."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

OLDEST = datetime(1970, 1, 2, tzinfo=UTC)
_AHEAD = timedelta(days=360)
"""The database takes event times from 1970 to a year ahead."""

EXAMPLE = "2026-01-31T09:00:00Z"


def instant_us(text: str) -> int:
    """An ISO 8601 time in microseconds since the epoch; UTC where it names no zone. Raises ValueError saying why."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("no time") from None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    latest = datetime.now(UTC) + _AHEAD
    if not OLDEST <= at <= latest:
        raise ValueError(f"no time of a recording: expected one from {OLDEST:%Y-%m-%d} to {latest:%Y-%m-%d}")
    return round(at.timestamp() * 1e6)
