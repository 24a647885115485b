"""The comparison itself: perfect on the truth, and it sees every kind of mistake."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest

from pipeline.core.ids import make_id, make_track_id
from pipeline.core.skeletons import SKELETONS
from pipeline.core.values import Event, Measures, Motions, Poses
from pipeline.core.vocabulary import ANGLES, MEASURES
from pipeline.video.simulate import SimulatedSource
from pipeline.video.simulate.scene import parse_scene
from tests.quality.chain import START_US, Seen
from tests.quality.score import Score, compare

Spoil = Callable[[int, Motions], Motions]


def truth_as_seen(source: SimulatedSource, spoil: Spoil, events: dict[int, tuple[Event, ...]]) -> Iterator[Seen]:
    """The truth of the clip in the shape of what the stages make, after `spoil` (frame, motions)."""
    nobody = Measures(
        np.empty(0, np.int64),
        np.empty(0, np.uint8),
        np.empty((0, len(ANGLES)), np.float32),
        np.empty((0, len(MEASURES)), np.float32),
    )
    for k in range(source.spec.frames):
        truth = source.scene.truth(k)
        n = len(truth)
        keypoints = np.concatenate((truth.keypoints, np.zeros((n, 33, 1), np.float32)), axis=2)
        poses = Poses(
            skeleton="blazepose33",
            width=source.spec.width,
            height=source.spec.height,
            xyxy=truth.xyxy,
            score=np.ones(n, np.float32),
            keypoints=keypoints,
            keypoint_score=np.ones((n, 33), np.float32),
            world=truth.world,
        )
        ids = np.array([make_track_id(1, int(person) + 1) for person in truth.person], dtype=np.int64)
        motions = spoil(k, Motions(poses, ids, np.zeros((n, 33), np.uint8)))
        at_s = source.spec.time_s(k)
        yield Seen(
            seq=k,
            at_s=at_s,
            motions=motions,
            measures=nobody,
            events=events.get(k, ()),
        )


def as_it_is(_: int, motions: Motions) -> Motions:
    return motions


def event(kind: str, label: str, person: int, at_s: float, end_s: float) -> Event:
    at_us, end_us = (START_US + round(1e6 * s) for s in (at_s, end_s))
    return Event(make_id(kind, label, at_us), kind, label, make_track_id(1, person + 1), at_us, end_us, None)


@pytest.fixture(scope="module")
def gym() -> SimulatedSource:
    return SimulatedSource(parse_scene("sim://gym?people=2&seed=1000&seconds=18&fps=5&width=320&height=240"))


@pytest.fixture(scope="module")
def ward() -> SimulatedSource:
    return SimulatedSource(parse_scene("sim://ward?people=1&seed=1001&seconds=26&fps=5&width=320&height=240"))


def score(source: SimulatedSource, spoil: Spoil = as_it_is, *events: Event) -> Score:
    """Events are told in the frame after their end."""
    fps = source.spec.fps
    by_frame: dict[int, tuple[Event, ...]] = {}
    for one in events:
        k = int(((one.end_us or one.at_us) - START_US) / 1e6 * fps) + 1
        by_frame[k] = (*by_frame.get(k, ()), one)
    return compare(source, truth_as_seen(source, spoil, by_frame))


def test_truth_is_perfect(gym: SimulatedSource) -> None:
    result = score(gym)

    assert (result.recall, result.precision, result.switches, result.error) == (1.0, 1.0, 0, 0.0)
    assert result.repetitions > 0
    assert result.counted == result.extra == 0


def test_exchanged_numbers_are_switches(gym: SimulatedSource) -> None:
    def spoil(k: int, motions: Motions) -> Motions:
        return replace(motions, track_id=motions.track_id[::-1]) if k >= 40 and len(motions.track_id) == 2 else motions

    assert score(gym, spoil).switches == 2


def test_missing_people_lower_the_recall_and_skeletons_on_nobody_the_precision(gym: SimulatedSource) -> None:
    def aside(k: int, motions: Motions) -> Motions:
        keypoints = motions.poses.keypoints.copy()
        keypoints[:1, :, 0] += 0.5 * gym.spec.height
        return replace(motions, poses=replace(motions.poses, keypoints=keypoints))

    result = score(gym, aside)

    assert result.recall <= 0.6
    assert result.precision <= 0.6


def test_error_is_in_body_heights_and_a_mirrored_body_is_told(gym: SimulatedSource) -> None:
    def lower(_: int, motions: Motions) -> Motions:
        keypoints = motions.poses.keypoints.copy()
        keypoints[:, :, 1] += 10
        return replace(motions, poses=replace(motions.poses, keypoints=keypoints))

    def mirrored(_: int, motions: Motions) -> Motions:
        keypoints = motions.poses.keypoints[:, SKELETONS["blazepose33"].mirrored]
        return replace(motions, poses=replace(motions.poses, keypoints=keypoints))

    # People of the gym are about 150 pixels tall in a picture of 240.
    assert score(gym, lower).error == pytest.approx(10 / 150, rel=0.25)
    swapped = score(gym, mirrored)
    assert swapped.mirrored == len(swapped.errors)


def test_repetitions_are_matched_by_time_and_person(gym: SimulatedSource) -> None:
    first = gym.scene.actors[0].script.repetitions[0]
    right = event("rep", "squat", 0, first.start_s + 0.2, first.end_s)
    other_person = event("rep", "squat", 1, 1.0, 2.0)
    again = event("rep", "squat", 0, first.start_s + 0.3, first.end_s)

    result = score(gym, as_it_is, right, other_person, again)

    assert (result.counted, result.extra) == (1, 2)


def test_falls_count_when_they_are_told_and_confirmed_at_their_time(ward: SimulatedSource) -> None:
    (fall,) = ward.scene.actors[0].script.falls[:1]
    told = [
        event("fall", label, 0, fall.start_s, fall.impact_s + after)
        for label, after in (("suspected", 0), ("confirmed", 3))
    ]
    late = event("fall", "suspected", 0, fall.impact_s + 1.0, fall.impact_s + 1.5)

    assert (score(ward, as_it_is, *told).falls_found, score(ward, as_it_is, *told).falls_false) == (1, 0)
    assert (score(ward, as_it_is, told[0]).falls_found, score(ward).falls_found) == (0, 0)
    assert (score(ward, as_it_is, late).falls_found, score(ward, as_it_is, late).falls_false) == (0, 1)
