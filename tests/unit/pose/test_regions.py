from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.regions import (
    centre_distance,
    keep_distinct,
    points_to_frame,
    regions_of_axes,
    regions_to_frame,
    to_frame_matrices,
)
from pipeline.core.types import F32

coordinates = st.floats(-2000, 2000, width=32)
sides = st.floats(8, 2000, width=32)
angles = st.floats(-3, 3, width=32)
squares = st.tuples(coordinates, coordinates, sides, angles)


def region(*values: float) -> F32:
    return np.array([values], dtype=np.float32)


def test_upright_axis_has_no_rotation_and_one_to_the_right_turns_clockwise() -> None:
    base = np.array([[100, 100]] * 3, dtype=np.float32)
    top = np.array([[100, 60], [140, 100], [100, 140]], dtype=np.float32)

    made = regions_of_axes(base, top, scale=1.25)

    assert made[:, 2].tolist() == [100, 100, 100]
    assert made[:, 3] == pytest.approx([0, np.pi / 2, np.pi])


@given(squares)
def test_middle_of_the_crop_is_the_centre_and_its_upper_edge_lies_upward(
    square: tuple[float, float, float, float],
) -> None:
    x, y, side, rotation = square

    middle, above = points_to_frame(
        np.array([[[128, 128], [128, 0]]], dtype=np.float32), to_frame_matrices(region(*square), 256)
    )[0]

    # float32 keeps seven digits of coordinates up to a few thousand pixels.
    assert middle == pytest.approx((x, y), abs=0.01)
    assert above == pytest.approx((x + np.sin(rotation) * side / 2, y - np.cos(rotation) * side / 2), abs=0.01)


@given(squares)
def test_region_that_fills_the_crop_is_the_region_itself(square: tuple[float, float, float, float]) -> None:
    outer = region(*square)

    inner = regions_to_frame(region(128, 128, 256, 0), outer, 256)

    assert inner[0] == pytest.approx(outer[0], abs=0.01)


def test_rotations_add_up_and_stay_within_half_a_turn() -> None:
    made = regions_to_frame(region(128, 128, 256, 2.0), region(0, 0, 256, 2.0), 256)

    assert made[0, 3] == pytest.approx(4.0 - 2 * np.pi)


def test_distance_is_a_share_of_the_smaller_side() -> None:
    assert centre_distance(region(0, 0, 100, 0), region(30, 40, 50, 0)).tolist() == [[1.0]]


def test_of_a_chain_the_best_stays_and_frees_the_far_end() -> None:
    same = np.array([[1, 1, 0], [1, 1, 1], [0, 1, 1]], dtype=np.bool_)

    assert keep_distinct(same, np.array([0.5, 0.9, 0.7], dtype=np.float32)).tolist() == [1]
    assert keep_distinct(same, np.array([0.9, 0.5, 0.7], dtype=np.float32)).tolist() == [0, 2]
