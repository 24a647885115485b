"""Arrays of several frames as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

Scalar = TypeVar("Scalar", bound=np.generic)


def joined(frames: Sequence[npt.NDArray[Scalar]]) -> npt.NDArray[Scalar]:
    """The rows of one frame after those of another; of a single frame the array itself."""
    return frames[0] if len(frames) == 1 else np.concatenate(frames)
