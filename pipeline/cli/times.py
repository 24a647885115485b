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


def ago(seconds: float) -> str:
    """A duration for people, in its largest unit: `12 s`, `3 min`, `5 h`, `2 d`."""
    for unit, length_s, most in (("s", 1, 120), ("min", 60, 120), ("h", 3600, 48)):
        if seconds < most * length_s:
            return f"{int(max(seconds, 0) // length_s)} {unit}"
    return f"{int(seconds // 86_400)} d"
