from __future__ import annotations

from collections.abc import Iterable
from math import pi, sin
from typing import Any

import numpy as np
import pytest

from pipeline.codec.schemas import SchemaBook
from pipeline.codec.states import AvroStateCodec
from pipeline.core.records import Record
from pipeline.core.types import F64
from pipeline.core.values import Event
from stages.analyze import AnalyzeStage, AnalyzeState
from tests.unit.analyze.actors import HANGING, UP, Actor, clip, standing, still, walking, waving, with_arms
from tests.unit.analyze.figures import FALLEN, Clip, Pose, body, squats, turned
from tests.unit.analyze.run import analyze, seconds

SIDEWAYS = (90.0, 90.0)
LOWER_BODY = ("left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle")


def gestures(records: Iterable[Record[Any]]) -> list[Event]:
    return [event for event in analyze(records).events if event.kind == "gesture"]


def labels(records: Iterable[Record[Any]]) -> list[str]:
    return [event.label for event in gestures(records)]


def during(from_s: float, to_s: float, posed: Actor) -> Actor:
    """Arms as posed for a while, hanging before and after."""
    return lambda t_s: posed(t_s) if from_s <= t_s < to_s else with_arms(standing())


@pytest.mark.parametrize(
    ("hz", "fps"), [(hz, fps) for fps in (5.0, 10.0, 30.0) for hz in (0.6, 1.0, 2.0, 4.0) if hz <= 0.4 * fps]
)
@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_a_wave_is_one_gesture_with_begin_and_end(hz: float, fps: float, noise: float) -> None:
    begin, end = gestures(clip([waving(hz)], 9, fps=fps, noise=noise))

    assert (begin.label, end.label) == ("wave", "wave:end")
    assert seconds(begin.at_us) == pytest.approx(1.0, abs=0.75 / hz)
    assert begin.end_us is None
    assert end.at_us == begin.at_us
    assert end.end_us is not None
    assert seconds(end.end_us) == pytest.approx(6.0, abs=0.75 / hz)
    assert end.value == pytest.approx((end.end_us - end.at_us) / 1e6, abs=0.001)
    assert begin.evidence["hands"] == 1.0
    assert begin.evidence["right_arm"] == 1.0
    assert begin.evidence["hz"] == pytest.approx(hz, rel=0.4)


def test_a_wave_is_told_after_two_to_and_fro() -> None:
    assert labels(clip([waving(1.0, to_s=2.2)], 6, fps=30)) == []
    assert labels(clip([waving(1.0, to_s=3.6)], 6, fps=30)) == ["wave", "wave:end"]


@pytest.mark.parametrize("hz", [0.2, 6.0])
def test_slower_and_faster_than_people_wave_is_no_wave(hz: float) -> None:
    assert labels(clip([waving(hz, to_s=11)], 12, fps=30)) == []


def test_both_hands_may_wave() -> None:
    begin = gestures(clip([waving(1.0, hands=2)], 7))[0]

    assert (begin.label, begin.evidence["hands"]) == ("wave", 2.0)


def test_a_hand_that_goes_up_and_down_does_not_wave() -> None:
    def pumping(t_s: float) -> F64:
        upper = 130 + 40 * sin(2 * pi * t_s)
        return with_arms(standing(), (upper, 178), (upper, 178))

    assert "wave" not in labels(clip([pumping], 8, fps=30))


@pytest.mark.parametrize("fps", [5.0, 10.0, 30.0])
def test_a_wave_goes_on_through_a_short_gap(fps: float) -> None:
    assert labels(clip([waving(1.5)], 9, fps=fps, away=((0, 3.0, 3.3),))) == ["wave", "wave:end"]


def test_a_wave_of_a_person_seen_from_the_waist_up_counts() -> None:
    assert labels(clip([waving(1.0)], 9, hide=LOWER_BODY)) == ["wave", "wave:end"]


def test_a_wave_ends_when_its_person_is_gone() -> None:
    actors = [waving(1.0, to_s=20), still(pose=Pose(x=2))]

    events = gestures(clip(actors, 9, away=((0, 5.0, 99.0),)))

    assert [event.label for event in events] == ["wave", "wave:end"]
    assert events[1].end_us is not None
    assert seconds(events[1].end_us) <= 5.0


@pytest.mark.parametrize("fps", [5.0, 10.0, 30.0])
def test_hands_up_is_told_after_half_a_second(fps: float) -> None:
    begin, end = gestures(clip([during(1.0, 4.0, still(UP, UP))], 7, fps=fps, noise=0.01))

    assert (begin.label, end.label) == ("hands_up", "hands_up:end")
    assert seconds(begin.at_us) == pytest.approx(1.0, abs=0.25)
    assert end.value == pytest.approx(3.0, abs=0.35)


def test_hands_up_for_a_moment_or_one_alone_is_none() -> None:
    assert labels(clip([during(1.0, 1.4, still(UP, UP))], 4, fps=30)) == []
    assert labels(clip([during(1.0, 4.0, still(HANGING, UP))], 5)) == []


@pytest.mark.parametrize("fps", [5.0, 10.0, 30.0])
@pytest.mark.parametrize(("upper", "direction"), [(90.0, 180.0), (60.0, -150.0), (130.0, 140.0)])
def test_a_straight_arm_points_and_says_where(fps: float, upper: float, direction: float) -> None:
    arm = (upper, upper)

    begin, end = gestures(clip([during(1.0, 4.0, still(HANGING, arm))], 7, fps=fps))

    assert (begin.label, end.label) == ("point", "point:end")
    assert seconds(begin.at_us) == pytest.approx(1.0, abs=0.25)
    assert begin.evidence["right_arm"] == 1.0
    turn = (begin.evidence["direction"] - direction + 180) % 360 - 180
    assert abs(turn) < 5, "degrees on the picture: 0 = right, 90 = up"


def test_the_left_arm_points_to_the_right_of_the_picture() -> None:
    begin = gestures(clip([still(SIDEWAYS, HANGING)], 3))[0]

    assert begin.evidence["direction"] == pytest.approx(0.0, abs=5)
    assert begin.evidence["right_arm"] == 0.0


def test_pointing_is_seen_on_the_picture_alone() -> None:
    assert labels(clip([still(HANGING, SIDEWAYS)], 3, metric=False)) == ["point"]


@pytest.mark.parametrize(
    "arms",
    [
        pytest.param((HANGING, HANGING), id="hanging"),
        pytest.param((HANGING, (25.0, 20.0)), id="swinging"),
        pytest.param((HANGING, (90.0, 150.0)), id="bent"),
        pytest.param((SIDEWAYS, SIDEWAYS), id="both"),
        pytest.param((HANGING, (85.0, 85.0)), id="shortly"),
    ],
)
def test_what_is_not_pointing(arms: tuple[tuple[float, float], tuple[float, float]], request: Any) -> None:
    until = 1.5 if request.node.callspec.id == "shortly" else 9.0

    assert labels(clip([during(1.0, until, still(*arms))], 5, noise=0.005)) == []


def test_an_arm_that_is_raised_and_lowered_does_not_point() -> None:
    def raising(t_s: float) -> F64:
        angle = 10 + 80 * (0.5 - 0.5 * np.cos(2 * pi * t_s / 2))
        return with_arms(standing(), HANGING, (angle, angle))

    assert "point" not in labels(clip([raising], 9, fps=30))


def test_squats_walks_and_falls_hold_no_gestures() -> None:
    walk = walking((0, -2, 4.5), (4, 2, 6), (8, -2, 4))
    fallen = with_arms(body(FALLEN), UP, UP)

    assert labels(Clip([squats(3), turned(squats(3), 0.0)], fps=15, noise=0.005).records()) == []
    assert labels(clip([walk], 8, noise=0.01)) == []
    assert "hands_up" not in labels(clip([lambda _: fallen], 5))


@pytest.mark.parametrize("fps", [5.0, 10.0, 30.0])
def test_hands_held_up_still_do_not_wave_by_jitter(fps: float) -> None:
    assert labels(clip([still(UP, UP)], 40, fps=fps, noise=0.01)) == ["hands_up"]


def test_people_gesture_side_by_side() -> None:
    def beside(x: float, actor: Actor) -> Actor:
        return lambda t_s: actor(t_s) + np.array([x, 0.0, 0.0])

    actors = [beside(-1.5, waving(1.0)), beside(0, still(UP, UP)), beside(1.5, still(HANGING, SIDEWAYS))]

    events = gestures(clip(actors, 8, away=((1, 3.0, 3.2),)))

    told = {event.track_id % 2**48: event.label for event in events if event.track_id and ":" not in event.label}
    assert told == {1: "wave", 2: "hands_up", 3: "point"}


def test_states_saved_after_each_frame_change_nothing() -> None:
    codec = AvroStateCodec(SchemaBook(), "analyze", AnalyzeState)
    stage = AnalyzeStage()
    records = list(clip([waving(1.0), still(HANGING, SIDEWAYS)], 8, noise=0.005, away=((1, 2.0, 3.0),)))
    state = stage.initial_state("ward")
    events: list[Event] = []
    for record in records:
        state, out = stage.step(state, record)
        events += [each for each in out if isinstance(each, Event) and each.kind == "gesture"]
        state = codec.decode(codec.encode(state))

    assert events == gestures(records)
    assert len(events) > 2
