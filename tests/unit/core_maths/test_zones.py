from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.zones import Line, Outlines, Strokes, Zone

SQUARE = Zone(((0.2, 0.2), (0.6, 0.2), (0.6, 0.7), (0.2, 0.7)))
SHARES = st.floats(0.01, 0.99)


def depth(zone: Zone, x: float, y: float, width: int = 1000, height: int = 500) -> float:
    return float(Outlines([zone], width, height).depth(np.array([[x * width, y * height]]))[0, 0])


def test_depth_is_the_distance_from_the_border_in_pixels() -> None:
    assert depth(SQUARE, 0.3, 0.4) == pytest.approx(100)
    assert depth(SQUARE, 0.5, 0.65) == pytest.approx(25)
    assert depth(SQUARE, 0.1, 0.4) == pytest.approx(-100)
    assert depth(SQUARE, 0.1, 0.1) == pytest.approx(-np.hypot(100, 50))


@given(x=SHARES, y=SHARES, corners=st.lists(st.floats(0.05, 0.45), min_size=3, max_size=9))
def test_inside_a_star_is_what_lies_nearer_its_middle_than_its_edge(x: float, y: float, corners: list[float]) -> None:
    angles = np.linspace(0, 2 * np.pi, len(corners), endpoint=False)
    star = [(0.5 + r * np.cos(a), 0.5 + r * np.sin(a)) for r, a in zip(corners, angles, strict=True)]
    zone = Zone(tuple((float(a), float(b)) for a, b in star))
    # The edge of the star in the point's direction, by the two lines' equation.
    angle = np.arctan2(y - 0.5, x - 0.5) % (2 * np.pi)
    i = int(angle / (2 * np.pi / len(corners))) % len(corners)
    a, b = np.array(star[i]) - 0.5, np.array(star[(i + 1) % len(corners)]) - 0.5
    ray = np.array([np.cos(angle), np.sin(angle)])
    edge = (a[0] * b[1] - a[1] * b[0]) / (ray[0] * (b[1] - a[1]) - ray[1] * (b[0] - a[0]))
    off = np.hypot(x - 0.5, y - 0.5) - edge

    if abs(off) > 1e-6:
        assert (depth(zone, x, y, 100, 100) > 0) == (off < 0)


def test_several_zones_are_told_apart_and_do_not_touch_each_other() -> None:
    triangle = Zone(((0.0, 1.0), (0.5, 0.5), (1.0, 1.0)))
    both = Outlines([SQUARE, triangle, SQUARE], 1000, 500)
    points = np.random.default_rng(1).uniform(0, 1, (200, 2)) * [1000, 500]

    depths = both.depth(points)

    for column, zone in enumerate((SQUARE, triangle, SQUARE)):
        assert depths[:, column] == pytest.approx(Outlines([zone], 1000, 500).depth(points)[:, 0])


def test_the_rim_of_the_picture_is_no_border() -> None:
    lower = Zone(((0.0, 0.5), (1.0, 0.5), (1.0, 1.0), (0.0, 1.0)))

    assert depth(lower, 0.001, 0.9) == pytest.approx(200)
    assert depth(lower, 0.5, 1.3) == pytest.approx(250), "feet below the picture are at its rim"
    assert depth(lower, -0.2, 0.4) == pytest.approx(-50)
    assert depth(Zone(((0, 0), (1, 0), (1, 1), (0, 1))), 0.5, 0.5) == np.inf


def test_breadth_of_a_square_is_a_quarter_of_its_side_and_of_a_strip_half_its_width() -> None:
    square, strip = Zone(((0, 0), (0.4, 0), (0.4, 0.4), (0, 0.4))), Zone(((0, 0), (1, 0), (1, 0.01), (0, 0.01)))

    assert Outlines([square, strip], 100, 100).breadth == pytest.approx([10, 0.5], rel=0.02)


@pytest.mark.parametrize(
    ("corners", "said"),
    [
        (((0, 0), (1, 1)), "2 corners"),
        (((0.1, 0.1), (0.9, 0.9), (0.9, 0.1), (0.1, 0.9)), "meets"),
        (((0.1, 0.1), (0.9, 0.1), (0.9, 0.1), (0.1, 0.9)), "meets"),
        (((0.1, 0.1), (0.9, 0.1), (0.5, 0.1), (0.5, 0.9)), "meets"),
        (((0, 0), (0.4, 0.4), (0.8, 0.8)), "meets"),
    ],
)
def test_outlines_that_are_none_are_refused(corners: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Zone(corners)


def test_right_of_a_line_is_right_of_who_looks_along_it() -> None:
    rightwards = Strokes([Line(((0.2, 0.5), (0.6, 0.5)))], 1000, 500)
    below = np.array([[400.0, 300.0]])

    assert rightwards.across(below) == pytest.approx(np.array([[50.0]]))
    assert rightwards.along(below) == pytest.approx(np.array([[0.5]]))
    assert Strokes([Line(((0.6, 0.5), (0.2, 0.5)))], 1000, 500).across(below) == pytest.approx(np.array([[-50.0]]))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"ends": ((0.1, 0.1),)}, "1 points"),
        ({"ends": ((0.1, 0.1), (0.1, 0.1))}, "same point"),
        ({"ends": ((0, 0), (1, 1)), "to_left": "in", "to_right": "in"}, "other direction"),
        ({"ends": ((0, 0), (1, 1)), "to_left": "a:b"}, "colon"),
    ],
)
def test_lines_that_are_none_are_refused(line: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Line(**line)
