from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.types import F64, I64
from pipeline.exchange.uniform import LONGEST_GAP_S, Uniform


def evened(at_us: list[int], values: list[float], fps: float | None = None, cut: int = 1000) -> tuple[F64, F64, float]:
    even = Uniform(fps)
    times: I64 = np.array(at_us, np.int64)
    rows = np.array(values, np.float64)[:, None]
    pieces = [piece for i in range(0, len(times), cut) for piece in even.add(times[i : i + cut], rows[i : i + cut])]
    pieces += list(even.end())
    assert even.fps is not None
    return np.concatenate([p[0] for p in pieces]), np.concatenate([p[1] for p in pieces])[:, 0], even.fps


def test_even_frames_stay_as_they_are() -> None:
    times, values, fps = evened([0, 40_000, 80_000, 120_000], [1.0, 5.0, np.nan, 2.0])

    assert fps == 25
    assert times.tolist() == [0, 0.04, 0.08, 0.12]
    np.testing.assert_array_equal(values, [1.0, 5.0, np.nan, 2.0])


def test_a_missing_frame_is_between_its_neighbours_and_a_long_gap_is_unknown() -> None:
    _, values, _ = evened([0, 100_000, 200_000, 400_000, 1_400_000, 1_500_000], [0, 1, 2, 4, 14, 15])

    assert values[:5].tolist() == [0, 1, 2, 3, 4]
    assert np.isnan(values[5:14]).all()
    assert values[14:].tolist() == [14, 15]
    assert LONGEST_GAP_S < 1


def test_thirds_of_a_frame_do_not_drift() -> None:
    at_us = [round(i * 1e6 / 29.97) for i in range(3000)]

    times, values, fps = evened(at_us, [float(i) for i in range(3000)])

    assert fps == 29.97
    assert len(times) == 3000
    np.testing.assert_allclose(values, np.arange(3000), atol=1e-4)


def test_one_frame_alone_is_one_row() -> None:
    times, values, _ = evened([7], [3.0])

    assert (times.tolist(), values.tolist()) == ([0.0], [3.0])


@settings(deadline=None)
@given(
    steps=st.lists(st.integers(1_000, 900_000), min_size=1, max_size=40),
    fps=st.sampled_from([5.0, 10.0, 25.0]),
    cut=st.integers(1, 7),
)
def test_however_frames_come_in_pieces_the_rows_are_the_same_and_on_the_line(
    steps: list[int], fps: float, cut: int
) -> None:
    at_us = np.cumsum([0, *steps]).tolist()
    line = [at * 3.0 for at in at_us]

    whole, pieces = evened(at_us, line, fps), evened(at_us, line, fps, cut)

    np.testing.assert_array_equal(whole[0], pieces[0])
    np.testing.assert_array_equal(whole[1], pieces[1])
    known = np.isfinite(whole[1])
    # The time of a row within a microsecond of a frame is that frame's.
    np.testing.assert_allclose(whole[1][known], whole[0][known] * 3e6, atol=3.1)
