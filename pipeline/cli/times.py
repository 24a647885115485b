"""Times on the command line."""

from __future__ import annotations

from datetime import UTC, datetime

from pipeline.core.errors import ConfigError


def event_time_us(text: str, option: str) -> int:
    """Microseconds since the epoch of a time in ISO 8601, UTC without a zone. Raises ConfigError."""
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ConfigError(f"{option} {text} is no time", hint="write it like 2026-01-31T09:00:00Z") from None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return round(at.timestamp() * 1e6)
