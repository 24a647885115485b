from __future__ import annotations

import numpy as np
from hypothesis import given, settings

from pipeline.core import boxes
from pipeline.core.types import F64
from tests.unit.core_maths import strategies

# Areas reach 1e6 square pixels; sixteen digits of float64 leave more than this.
TOLERANCE = 1e-9


@given(strategies.boxes(), strategies.boxes())
@settings(max_examples=50)
def test_iou_is_symmetric_and_between_zero_and_one(a: F64, b: F64) -> None:
    overlap = boxes.iou(a, b)

    assert overlap.shape == (len(a), len(b))
    np.testing.assert_allclose(overlap, boxes.iou(b, a).T, atol=TOLERANCE)
    assert ((overlap >= 0) & (overlap <= 1 + TOLERANCE)).all()


@given(strategies.boxes())
@settings(max_examples=50)
def test_a_box_overlaps_itself_wholly(a: F64) -> None:
    np.testing.assert_allclose(np.diag(boxes.iou(a, a)), 1.0, atol=TOLERANCE)
    np.testing.assert_allclose(np.diag(boxes.giou(a, a)), 1.0, atol=TOLERANCE)


@given(strategies.boxes(), strategies.boxes())
@settings(max_examples=50)
def test_giou_is_at_most_iou_and_above_minus_one(a: F64, b: F64) -> None:
    generalised = boxes.giou(a, b)

    assert (generalised <= boxes.iou(a, b) + TOLERANCE).all()
    assert (generalised >= -1 - TOLERANCE).all()


@given(strategies.boxes(), strategies.boxes())
@settings(max_examples=50)
def test_iou_does_not_depend_on_place_and_unit(a: F64, b: F64) -> None:
    np.testing.assert_allclose(boxes.iou(a * 2 + 64, b * 2 + 64), boxes.iou(a, b), atol=1e-7)


@given(strategies.boxes())
@settings(max_examples=50)
def test_centre_and_size_goes_back(a: F64) -> None:
    np.testing.assert_allclose(boxes.from_centre_and_size(boxes.centre_and_size(a)), a, atol=1e-9)


def test_giou_tells_near_from_far_where_nothing_overlaps() -> None:
    here = np.array([[0.0, 0.0, 10.0, 20.0]])
    there = np.array([[12.0, 0.0, 22.0, 20.0], [40.0, 0.0, 50.0, 20.0]])

    assert (boxes.iou(here, there) == 0).all()
    near, far = boxes.giou(here, there)[0]
    assert near > far


def test_known_overlap() -> None:
    a = np.array([[0, 0, 10, 10]], np.float32)
    b = np.array([[5, 0, 15, 10], [20, 20, 30, 30]], np.float32)

    np.testing.assert_allclose(boxes.iou(a, b), [[1 / 3, 0]])
    np.testing.assert_allclose(boxes.giou(a, b), [[1 / 3, 200 / 900 - 1]])


def test_boxes_without_area_or_place_are_not_valid() -> None:
    given_boxes = np.array([[0, 0, 1, 1], [0, 0, 0, 1], [2, 0, 1, 1], [np.nan, 0, 1, 1]], np.float32)

    assert boxes.valid(given_boxes).tolist() == [True, False, False, False]
    assert boxes.area(given_boxes[:3]).tolist() == [1, 0, 0]


def test_empty_arrays_give_empty_results() -> None:
    none, one = np.empty((0, 4)), np.array([[0.0, 0.0, 1.0, 1.0]])

    assert boxes.iou(none, one).shape == (0, 1)
    assert boxes.giou(one, none).shape == (1, 0)
    assert boxes.clipped(none, 10, 10).shape == (0, 4)


def test_clipped_to_the_frame() -> None:
    assert boxes.clipped(np.array([[-5.0, 3.0, 700.0, 500.0]]), 640, 480).tolist() == [[0, 3, 640, 480]]
