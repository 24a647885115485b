from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.detect.windows import cut, touched, windows


@given(st.integers(16, 4000), st.integers(16, 4000), st.floats(0.3, 1.0), st.floats(0.0, 0.6))
def test_squares_cover_the_picture_and_overlap(width: int, height: int, share: float, overlap: float) -> None:
    squares = windows(width, height, share, overlap)[1:]

    for axis, length in ((0, width), (1, height)):
        starts = np.unique(squares[:, axis])
        side = squares[0, 2]
        assert starts[0] == 0
        assert starts[-1] + side == pytest.approx(max(length, side), rel=1e-5)
        # Thousandths of a pixel are lost in float32.
        assert (np.diff(starts) <= side * (1 - overlap) + 0.01).all()
    assert len(np.unique(squares, axis=0)) == len(squares)


def test_widescreen_picture_has_sixteen_windows_the_whole_first() -> None:
    squares = windows(1280, 720, 0.6, 0.5)

    assert len(squares) == 16
    assert squares[0].tolist() == [0, -280, 1280]
    assert set(squares[1:, 2].tolist()) == {432}


def test_neighbours_are_apart_in_the_order() -> None:
    squares = windows(1280, 720, 0.6, 0.5)[1:]

    jumps = np.hypot(*np.diff(squares[:, :2], axis=0).T)

    assert jumps.min() > 250


def test_cut_scales_and_fills_with_black() -> None:
    pixels = np.full((100, 200, 3), 200, dtype=np.uint8)
    pixels[50:, 100:] = 50

    picture = cut(pixels, np.array([0, -50, 200], dtype=np.float32), 40)

    assert picture.shape == (40, 40, 3)
    assert (picture[:10] == 0).all()
    assert (picture[30:] == 0).all()
    assert (picture[10:20] == 200).all()
    assert (picture[20:30, 20:] == 50).all()


@given(st.integers(1, 400), st.integers(1, 400), st.sampled_from([128, 224]))
def test_every_window_of_a_small_picture_is_cut_whole(width: int, height: int, size: int) -> None:
    pixels = np.full((height, width, 3), 200, dtype=np.uint8)

    for square in windows(width, height, 0.6, 0.5)[1:12]:
        picture = cut(pixels, square, size)
        # At the edges, what is left of half a pixel of the frame.
        edge = 1 + int(np.ceil(size / square[2])) if square[2] >= 1 else size
        assert (picture[edge : size - edge, edge : size - edge] == 200).all()
    assert cut(pixels, windows(width, height, 0.6, 0.5)[0], size).shape == (size, size, 3)


def test_touched_are_those_with_common_area() -> None:
    squares = np.array([[0, 0, 10], [10, 0, 10], [5, 5, 10]], dtype=np.float32)

    assert touched(squares, np.array([[0, 0, 6, 6]], dtype=np.float32)).tolist() == [True, False, True]
    assert touched(squares, np.zeros((0, 4), dtype=np.float32)).tolist() == [False] * 3
