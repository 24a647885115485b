from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.types import U8
from stages.ingest.motion import MAX_CELLS, MAX_SIDE, boxes_of, cells_of, change, followed, in_pixels

sides = st.integers(1, 900)


@given(sides, sides)
def test_cells_are_few_and_cover_the_picture(width: int, height: int) -> None:
    cells, side = cells_of(np.full((height, width, 3), 77, dtype=np.uint8))

    h, w = cells.shape
    assert w <= MAX_SIDE
    assert w * h <= MAX_CELLS
    assert width < (w + 1) * side
    assert height < (h + 1) * side
    assert (cells == 77).all()


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (1920, 1080), (1088, 1920), (3840, 2160), (8000, 40)])
def test_usual_sizes_keep_enough_cells(width: int, height: int) -> None:
    cells, _ = cells_of(np.zeros((height, width, 3), dtype=np.uint8))

    assert cells.size > MAX_CELLS / 4 or max(cells.shape) > MAX_SIDE / 2


@given(st.integers(0, 2**32 - 1), st.floats(0, 5))
def test_noise_is_not_motion(seed: int, sigma: float) -> None:
    background = np.full((90, 160), 100, dtype=np.uint8)
    noise = np.random.default_rng(seed).normal(0, sigma, background.shape)

    assert len(boxes_of(change((background + noise).astype(np.uint8), background, 8.0).mask, 8)) == 0


@pytest.mark.parametrize("sigma", [0.0, 0.5, 1.0])
def test_small_step_in_a_quiet_picture_is_motion(sigma: float) -> None:
    background = np.full((90, 160), 100.0)
    moved = background + np.random.default_rng(1).normal(0, sigma, background.shape)
    moved[20:40, 50:60] += 12

    found = change(moved.astype(np.uint8), background.astype(np.uint8), 8.0)

    assert np.abs(boxes_of(found.mask, 8) - (50, 20, 60, 40)).max() <= 2


@given(st.integers(-60, 60))
def test_light_that_changes_all_over_is_not_motion(levels: int) -> None:
    background = np.random.default_rng(2).integers(70, 180, (90, 160)).astype(np.uint8)
    moved = (background.astype(np.int64) + levels).astype(np.uint8)
    moved[20:60, 50:70] = np.where(moved[20:60, 50:70] > 128, 40, 220)

    found = change(moved, background, 8.0)

    assert found.light == levels
    assert not found.everywhere
    assert boxes_of(found.mask, 8).tolist() == [[50, 20, 70, 60]]


def test_new_scene_is_everywhere() -> None:
    generator = np.random.default_rng(3)
    one, two = (generator.integers(0, 255, (90, 160)).astype(np.uint8) for _ in range(2))

    assert change(two, one, 8.0).everywhere


@given(st.integers(0, 2**32 - 1), st.floats(0, 0.6), st.integers(1, 8))
def test_boxes_are_few_do_not_overlap_and_hold_what_moved(seed: int, share: float, most: int) -> None:
    generator = np.random.default_rng(seed)
    coarse = (generator.random((9, 16)) < share).astype(np.uint8)
    mask = np.kron(coarse, np.ones((10, 10), dtype=np.uint8))

    boxes = boxes_of(mask, most)

    assert len(boxes) <= most
    covered = np.zeros(mask.shape, dtype=np.int64)
    for left, top, right, bottom in boxes.tolist():
        covered[top:bottom, left:right] += 1
    assert covered.max(initial=0) <= 1
    assert (covered[mask == 1] == 1).all()
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    assert (np.diff(areas) <= 0).all()


def test_specks_are_no_boxes_and_parts_of_a_body_are_one() -> None:
    mask = np.zeros((90, 160), dtype=np.uint8)
    mask[5, 5] = 1
    mask[30:40, 60:66] = 1
    mask[43:60, 60:66] = 1

    assert boxes_of(mask, 8).tolist() == [[60, 30, 66, 60]]


@given(st.integers(0, 255), st.integers(0, 255))
def test_background_reaches_the_picture_however_small_the_share(was: int, now: int) -> None:
    grey: U8 = np.full((10, 10), was, dtype=np.uint8)
    picture = grey.copy()
    picture[:4] = now
    before = abs(was - now)

    for _ in range(before):
        grey = followed(grey, change(picture, grey, 8.0), 1e-6)

    assert (grey == picture).all()


def test_all_of_the_background_is_taken_over_after_a_long_time() -> None:
    generator = np.random.default_rng(4)
    background, picture = (generator.integers(0, 255, (9, 16)).astype(np.uint8) for _ in range(2))

    assert (followed(background, change(picture, background, 8.0), 1.0) == picture).all()


def test_boxes_in_pixels_reach_the_edge_of_the_frame() -> None:
    boxes = np.array([[0, 0, 2, 3], [5, 5, 10, 6]])

    assert in_pixels(boxes, 8, (6, 10), 87, 50).tolist() == [[0, 0, 16, 24], [40, 40, 87, 50]]


def test_nothing_moved_has_no_box() -> None:
    assert boxes_of(np.zeros((9, 16), np.uint8), 8).shape == (0, 4)


@pytest.mark.parametrize("corner", [(0, 0), (3, 5), (4, 7), (9, 10)])
def test_boxes_of_equal_size_come_in_one_order_wherever_they_are(corner: tuple[int, int]) -> None:
    parts = np.zeros((60, 80), np.uint8)
    for x, y in ((0, 20), (20, 0), (40, 20), (20, 40)):
        parts[y : y + 3, x : x + 3] = 1
    left, top = corner
    moved = np.roll(parts, (top, left), axis=(0, 1))

    assert (boxes_of(moved, 8) - [left, top, left, top]).tolist() == boxes_of(parts, 8).tolist()
