from __future__ import annotations

import copy

import numpy as np
import pytest

from pipeline.core.records import Record
from pipeline.core.values import Motions, Poses, Tracks
from stages.smooth import SmoothOptions, SmoothStage
from tests.builders import Person, clip, figure, poses_record, stand, tracked, walk
from tests.unit.smooth.smoothing import FIRST, lag_s, of_person, smooth, steps, wave


@pytest.mark.parametrize(("fps", "most"), [(30, 0.3), (25, 0.3), (15, 0.36)])
def test_jitter_of_standing_still_is_reduced(fps: float, most: float) -> None:
    records = tracked(stand(people=3, seconds=8, fps=fps, noise=0.005))

    motions = smooth(records)

    for person in (FIRST, FIRST + 1, FIRST + 2):
        rows = slice(2 * round(fps), None)
        raw, smoothed = of_person([r.value for r in records], person)[rows], of_person(motions, person)[rows]
        assert smoothed.std(axis=0).mean() < most * raw.std(axis=0).mean()
    worlds = [
        of_person(v, FIRST, lambda poses: poses.world)[50:].std(axis=0).mean() for v in (motions, _values(records))
    ]
    assert worlds[0] < 0.45 * worlds[1]


def _values(records: list[Record[Tracks]]) -> list[Tracks]:
    return [record.value for record in records]


@pytest.mark.parametrize(("frequency", "amplitude"), [(1.0, 0.15), (2.0, 0.2), (0.5, 0.15)])
def test_lag_in_motion_is_below_60_ms(frequency: float, amplitude: float) -> None:
    records = wave(frequency, amplitude)

    motions = smooth(records)

    raw, smoothed = of_person(_values(records), FIRST)[:, 15, 1], of_person(motions, FIRST)[:, 15, 1]
    assert 0 <= lag_s(raw - raw.mean(), smoothed - smoothed.mean(), frequency) < 0.06


def test_a_speed_of_rest_lets_the_filter_follow_at_once_and_hold_as_still() -> None:
    quick = SmoothOptions(min_cutoff_hz=0.6, beta=30, derivative_cutoff_hz=2, rest_speed=0.15)
    moving, still = wave(1.0, 0.15), tracked(stand(people=1, seconds=8, fps=25, noise=0.005))

    followed, held = (smooth(records, SmoothStage(quick)) for records in (moving, still))

    raw, smoothed = of_person(_values(moving), FIRST)[:, 15, 1], of_person(followed, FIRST)[:, 15, 1]
    assert 0 <= lag_s(raw - raw.mean(), smoothed - smoothed.mean(), 1.0) < 0.02
    rest = [of_person(v, FIRST)[50:].std(axis=0).mean() for v in (held, _values(still))]
    assert rest[0] < 0.3 * rest[1]


def test_kalman_follows_a_steady_walk_without_lag() -> None:
    records = tracked(clip([Person(x=100, speed=300)], seconds=3))

    kalman = of_person(smooth(records, SmoothStage(SmoothOptions(filter="kalman"))), FIRST)
    ema = of_person(smooth(records, SmoothStage(SmoothOptions(filter="ema"))), FIRST)

    raw = of_person(_values(records), FIRST)
    # Within the unit of storage and the settling of the velocity.
    np.testing.assert_allclose(kalman[-1, :, 0], raw[-1, :, 0], atol=0.5)
    # An EMA lags by its time constant less half a frame at least: 0.1 s x 300 px/s.
    assert (raw[-1, :, 0] - ema[-1, :, 0] > 20).all()


@pytest.mark.parametrize("name", ["one_euro", "ema", "kalman"])
def test_every_filter_reduces_jitter_and_is_settled_on_a_still_person(name: str) -> None:
    options = SmoothOptions(filter=name)  # type: ignore[arg-type]
    noisy, still = tracked(stand(seconds=6, noise=0.005)), tracked(stand(seconds=2))

    jitter = of_person(smooth(noisy, SmoothStage(options)), FIRST)[50:].std(axis=0).mean()
    raw = of_person(_values(noisy), FIRST)[50:].std(axis=0).mean()

    assert jitter < 0.7 * raw
    calm = of_person(smooth(still, SmoothStage(options)), FIRST)
    np.testing.assert_allclose(calm, of_person(_values(still), FIRST), atol=1 / 16)


def test_a_low_score_moves_the_result_less() -> None:
    base = figure() * 400 + [500, 300, 0]
    moved = base + np.array([4.0, 0, 0])
    results = {}
    for score in (0.95, 0.15):
        records = [poses_record(base[None], score, at_s=i / 25) for i in range(5)]
        records.append(poses_record(moved[None], score, at_s=5 / 25))
        motions = smooth([Record(r.stamp, Tracks(r.value, np.array([FIRST]))) for r in records])
        results[score] = motions[-1].poses.keypoints[0, 0, 0] - motions[0].poses.keypoints[0, 0, 0]

    assert 0 <= results[0.15] < results[0.95]


def test_people_and_their_order_are_those_of_the_tracks() -> None:
    records = tracked(walk(people=4, hide={2: (0.4, 0.9)}, noise=0.01))

    for record, motions in zip(records, smooth(records), strict=True):
        assert motions.track_id.tolist() == record.value.track_id.tolist()


def test_each_is_smoothed_as_if_alone() -> None:
    """Order and company of the others do not matter, to the bit."""
    filmed = walk(people=3, noise=0.01, hide={1: (0.5, 0.8)})
    records = tracked(filmed)
    alone = [Record(r.stamp, Tracks(_only(r.value, FIRST), np.array([FIRST]))) for r in records]

    together = of_person(smooth(records), FIRST)

    np.testing.assert_array_equal(together, of_person(smooth(alone), FIRST))


def _only(tracks: Tracks, track_id: int) -> Poses:
    row = tracks.track_id.tolist().index(track_id)
    p = tracks.poses
    rows = slice(row, row + 1)
    return Poses(
        p.skeleton,
        p.width,
        p.height,
        p.xyxy[rows],
        p.score[rows],
        p.keypoints[rows],
        p.keypoint_score[rows],
        p.world[rows],
    )


def test_nothing_is_carried_from_one_number_to_another() -> None:
    here, there = figure() * 400 + [300, 300, 0], figure() * 400 + [900, 300, 0]
    records = []
    for i in range(20):
        record = poses_record((here if i < 10 else there)[None], at_s=i / 25)
        records.append(Record(record.stamp, Tracks(record.value, np.array([FIRST + (i >= 10)]))))

    motions = smooth(records)

    np.testing.assert_allclose(motions[10].poses.keypoints[0], there, atol=1 / 16)


def test_same_input_gives_the_same_bytes_also_across_a_copy_of_the_state() -> None:
    records, stage = tracked(walk(people=3, noise=0.02, hide={1: (0.5, 1.0)})), SmoothStage()
    whole = smooth(records)

    first, state = steps(stage, stage.initial_state("door"), records[:25])
    second, _ = steps(stage, copy.deepcopy(state), records[25:])

    assert [_bytes(m) for m in whole] == [_bytes(m) for m in first + second]


def _bytes(motions: Motions) -> tuple[bytes, ...]:
    p = motions.poses
    return tuple(
        array.tobytes()
        for array in (p.xyxy, p.score, p.keypoints, p.keypoint_score, p.world, motions.track_id, motions.flags)
    )
