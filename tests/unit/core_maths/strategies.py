"""Hypothesis strategies of boxes and poses."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from pipeline.core.types import F64


def boxes(max_boxes: int = 5) -> st.SearchStrategy[F64]:
    corner = st.tuples(
        st.floats(-500, 2000), st.floats(-500, 2000), st.floats(0.5, 900, width=32), st.floats(0.5, 900, width=32)
    )
    return st.lists(corner, min_size=1, max_size=max_boxes).map(_as_boxes)


def _as_boxes(corners: list[tuple[float, float, float, float]]) -> F64:
    rows = np.array(corners)
    rows[:, 2:] += rows[:, :2]
    return rows


def bodies(keypoints: int = 17, max_bodies: int = 4) -> st.SearchStrategy[F64]:
    """(N, K, 2) pixels, some keypoints NaN."""

    def build(seed: int, count: int, hidden: float) -> F64:
        chance = np.random.default_rng(seed)
        points = chance.uniform(0, 700, (count, keypoints, 2))
        points[chance.uniform(size=(count, keypoints)) < hidden] = np.nan
        return points

    return st.builds(build, st.integers(0, 10_000), st.integers(1, max_bodies), st.sampled_from([0.0, 0.3]))
