"""Questions about masks: `mask.any()` and `mask.all()` take four times as long on the small arrays of one frame."""

from __future__ import annotations

import numpy as np

from pipeline.core.types import Bool


def any_of(mask: Bool) -> bool:
    """Whether any is true."""
    return bool(np.count_nonzero(mask))


def all_of(mask: Bool) -> bool:
    """Whether all are true."""
    return bool(np.count_nonzero(mask) == mask.size)
