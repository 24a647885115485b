from __future__ import annotations

import numpy as np
import pytest

from pipeline.codec.schemas import SchemaBook
from pipeline.codec.states import AvroStateCodec
from pipeline.core.types import F32, F64
from pipeline.core.vocabulary import FLEXIONS
from stages.analyze.state import AnalyzeState
from stages.analyze.symmetry import Swings, symmetry
from tests.unit.analyze.figures import START_US

JOINTS = ["elbow", "shoulder", "hip", "knee"]
LEFT_KNEE, RIGHT_KNEE = ([each.name for each in FLEXIONS].index(f"{side}_knee") for side in ("left", "right"))


def of_frame(swings: Swings | None, track_id: list[int], flexions: F64, t_us: int) -> tuple[Swings, F32]:
    """The windows after one frame, and the index in it."""
    swings, (index,) = symmetry(swings, np.array(track_id), flexions[None], [START_US + t_us])
    return swings, index


def run(left: float, right: float, seconds: float = 5.0, fps: float = 15.0, phase: float = 0.5) -> F64:
    """The knees' index over time, of ranges `left` and `right` at 1 Hz, `phase` of a second apart."""
    swings: Swings | None = None
    told = []
    for k in range(round(seconds * fps)):
        t = k / fps
        flexions = np.full((1, len(FLEXIONS)), 10.0)
        flexions[0, LEFT_KNEE] = 10 + left * (0.5 - 0.5 * np.cos(2 * np.pi * t))
        flexions[0, RIGHT_KNEE] = 10 + right * (0.5 - 0.5 * np.cos(2 * np.pi * (t + phase)))
        swings, index = of_frame(swings, [7], flexions, round(t * 1e6))
        told.append(index[0])
    return np.array(told)


@pytest.mark.parametrize(("left", "right"), [(60, 60), (60, 40), (30, 70), (0, 60), (60, 0)])
@pytest.mark.parametrize("fps", [30, 10])
def test_the_index_is_the_difference_over_the_mean_of_the_ranges(left: float, right: float, fps: float) -> None:
    index = run(left, right, fps=fps)[-1]

    assert index[JOINTS.index("knee")] == pytest.approx(200 * (right - left) / (right + left), abs=4)
    assert np.isnan(index[:3]).all()


def test_who_hardly_moves_has_none() -> None:
    assert np.isnan(run(15, 10)).all()


def test_what_was_long_ago_is_forgotten() -> None:
    swings: Swings | None = None
    for k in range(120):
        flexions = np.zeros((1, len(FLEXIONS)))
        flexions[0, LEFT_KNEE] = 60.0 * (k % 2) * (k < 30)
        swings, index = of_frame(swings, [7], flexions, k * 100_000)
        if k == 29:
            assert index[0, 3] == pytest.approx(-200)
    assert np.isnan(index[0, 3])


def test_a_gap_begins_anew() -> None:
    moving = np.zeros((1, len(FLEXIONS)))
    swings, _ = of_frame(None, [7], moving, 0)
    moving[0, LEFT_KNEE] = 80.0
    swings, before = of_frame(swings, [7], moving, 100_000)
    _, after = of_frame(swings, [7], moving, 10_000_000)

    assert before[0, 3] == pytest.approx(-200)
    assert np.isnan(after[0, 3])


def test_people_keep_their_own_when_others_come_and_go() -> None:
    rows = np.zeros((2, len(FLEXIONS)))
    swings, _ = of_frame(None, [7, 8], rows, 0)
    rows[1, RIGHT_KNEE] = 50.0
    swings, index = of_frame(swings, [7, 8], rows, 100_000)
    assert index[1, 3] == pytest.approx(200)

    swings, index = of_frame(swings, [8, 9], rows[::-1] * 0, 200_000)

    assert index[0, 3] == pytest.approx(200)
    assert np.isnan(index[1, 3])


def test_windows_are_saved_and_loaded() -> None:
    codec = AvroStateCodec(SchemaBook(), "analyze", AnalyzeState)
    rows = np.zeros((2, len(FLEXIONS)))
    rows[0, LEFT_KNEE] = 33.0
    swings, _ = of_frame(None, [7, 8], rows, 0)

    loaded = codec.decode(codec.encode(AnalyzeState(swings=swings))).swings

    for name in ("track_id", "since_us", "newer", "older"):
        assert np.array_equal(getattr(loaded, name), getattr(swings, name), equal_nan=True)
    of_frame(loaded, [7, 8], rows, 100_000)  # decoded arrays can be written to
