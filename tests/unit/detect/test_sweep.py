from __future__ import annotations

import numpy as np
import pytest

from pipeline.core.values import ALL, FEWER_LOOKS
from stages.detect.windows import windows
from tests.unit.detect.cameras import ALL_MOVES, HEIGHT, NO_MOTION, WIDTH, Camera, empty_room

COUNT = len(windows(WIDTH, HEIGHT, 0.6, 0.5))


def still(_: float) -> np.ndarray:
    return empty_room()


@pytest.mark.parametrize("fps", [60.0, 30.0, 10.0, 4.0, 1.0])
def test_everything_is_seen_within_a_second_whatever_the_frame_rate(fps: float) -> None:
    camera = Camera()

    camera.film(6, fps, still, ALL_MOVES)

    # One frame later than a second at most: a look waits for its frame.
    late = 1.0 + 1.0 / fps + 1e-6
    for window in range(COUNT):
        times = [0.0, *(t for t, w in camera.looks if w == window), 6.0]
        assert max(np.diff(times)) <= late + (0.0 if fps > 1 else 1.0)


@pytest.mark.parametrize("fps", [60.0, 30.0, 10.0])
def test_looks_a_second_do_not_depend_on_the_frame_rate(fps: float) -> None:
    camera = Camera()

    camera.film(5, fps, still, ALL_MOVES)

    assert len(camera.looks) == pytest.approx(5 * COUNT, abs=4)


@pytest.mark.parametrize(("motion", "seconds"), [(ALL_MOVES, 8), (NO_MOTION, 40)], ids=["all moves", "quiet"])
def test_frames_that_are_eased_get_half_of_the_looks(motion: np.ndarray, seconds: int) -> None:
    camera, eased = Camera(), Camera(ease=FEWER_LOOKS)

    for each in (camera, eased):
        each.film(10, 10, still, motion)
        each.looks.clear()
        each.film(seconds, 10, still, motion, start_s=10.0)

    assert len(eased.looks) == pytest.approx(len(camera.looks) / 2, abs=COUNT / 2)
    assert {window for _, window in eased.looks} == set(range(COUNT))


def test_what_is_to_be_done_is_passed_on_with_and_without_a_look() -> None:
    camera = Camera(ease=FEWER_LOOKS)

    detections = camera.film(2, 30, still, ALL_MOVES)

    assert {d.looked > 0 for _, d in detections} == {True, False}
    assert {d.ease for _, d in detections} == {FEWER_LOOKS}


def test_all_is_looked_at_within_a_second_again_once_frames_are_no_longer_eased() -> None:
    camera = Camera(ease=FEWER_LOOKS)
    camera.film(4, 10, still, ALL_MOVES)
    camera.looks.clear()
    camera.ease = ALL

    camera.film(1.1, 10, still, ALL_MOVES, start_s=4.0)

    assert {window for _, window in camera.looks} == set(range(COUNT))


def test_looks_are_spread_evenly_over_frames() -> None:
    camera = Camera()

    detections = camera.film(4, 30, still, ALL_MOVES)

    assert max(d.looked for _, d in detections) <= 2
    assert np.mean([d.looked for _, d in detections]) <= 0.6


def test_quiet_scene_is_nearly_free() -> None:
    camera = Camera()
    camera.film(5, 5, still)
    camera.looks.clear()
    camera.decoded = 0

    camera.film(20, 5, still, start_s=5.0)

    # All windows once in ten seconds.
    assert len(camera.looks) == 2 * COUNT
    assert camera.decoded <= len(camera.looks)


def test_the_longer_it_is_quiet_the_fewer_the_looks_down_to_one_a_minute() -> None:
    camera = Camera()

    camera.film(900, 1, still)

    def longest_wait(begin_s: float, end_s: float) -> float:
        times = [[t for t, w in camera.looks if w == window and begin_s <= t < end_s] for window in range(COUNT)]
        return max(float(np.diff(each).max()) for each in times)

    assert longest_wait(5, 60) <= 11
    assert 15 <= longest_wait(60, 180) <= 31
    assert longest_wait(480, 900) == pytest.approx(60, abs=1)


def test_after_a_gap_it_is_looked_as_if_something_had_moved() -> None:
    camera = Camera()
    camera.film(600, 1, still)
    camera.looks.clear()

    camera.film(4, 10, still, start_s=630)

    assert [
        times for times in (sum(w == window for _, w in camera.looks) for window in range(COUNT)) if times < 3
    ] == []


def test_motion_after_quiet_brings_a_look_at_its_windows_at_once() -> None:
    camera = Camera()
    camera.film(5, 30, still)
    camera.looks.clear()
    corner = np.array([[WIDTH - 40, HEIGHT - 40, WIDTH, HEIGHT]], dtype=np.float32)

    camera.see(5.0, empty_room(), corner)
    camera.see(5.033, empty_room(), corner)

    squares = windows(WIDTH, HEIGHT, 0.6, 0.5)
    seen = [window for _, window in camera.looks]
    assert len(seen) >= 2
    for left, top, side in squares[seen]:
        assert left + side >= WIDTH - 40
        assert top + side >= HEIGHT - 40


def test_what_begins_to_move_is_looked_at_in_each_picture_at_first_and_once_a_second_later() -> None:
    camera = Camera()
    camera.film(10, 5, still)
    camera.looks.clear()
    corner = np.array([[WIDTH - 40, HEIGHT - 40, WIDTH, HEIGHT]], dtype=np.float32)

    camera.film(5, 5, still, corner, start_s=10.0)

    there = camera.looks[0][1]
    times = [round(t - 10, 1) for t, window in camera.looks if window == there]
    assert times == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6, 1.8, 2.8, 3.8, 4.8]


def test_a_state_from_before_windows_stirred_goes_on() -> None:
    camera = Camera()
    camera.film(10, 5, still)
    camera.state.stirred_us = camera.state.stirred_us[:0]

    camera.film(1, 5, still, ALL_MOVES, start_s=10.0)

    assert len(camera.state.stirred_us) == COUNT


def test_frame_without_a_look_is_not_decoded() -> None:
    camera = Camera()

    detections = camera.film(2, 30, still, ALL_MOVES)

    assert camera.decoded == sum(d.looked > 0 for _, d in detections)


def test_whole_picture_is_looked_at_first() -> None:
    camera = Camera()

    camera.see(0.0, empty_room())

    assert camera.looks[0] == (0.0, 0)


def test_motion_everywhere_after_quiet_does_not_bring_all_looks_in_one_frame() -> None:
    camera = Camera()
    camera.film(9, 30, still)

    detections = camera.film(1, 30, still, ALL_MOVES, start_s=9.0)

    assert max(d.looked for _, d in detections) <= 3


def test_hours_without_frames_do_not_save_up_looks() -> None:
    camera = Camera()
    camera.film(2, 30, still)

    assert camera.see(7200.0, empty_room(), ALL_MOVES).looked <= COUNT
    assert camera.see(7200.033, empty_room(), ALL_MOVES).looked <= 2


def test_another_picture_size_begins_a_new_sweep() -> None:
    camera = Camera()
    camera.film(2, 30, still)
    camera.looks.clear()

    camera.see(2.0, np.full((200, 200, 3), 128, dtype=np.uint8))

    assert camera.looks[0][1] == 0
    assert camera.state.width == 200
