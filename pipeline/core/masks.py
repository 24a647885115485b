"""Questions about masks: `mask.any()` and `mask.all()` take five times as long on the small arrays of one frame."""

from __future__ import annotations

from pipeline.core.types import Bool


def any_of(mask: Bool) -> bool:
    """Whether any is true."""
    return b"\1" in mask.tobytes()


def all_of(mask: Bool) -> bool:
    """Whether all are true."""
    return b"\0" not in mask.tobytes()
