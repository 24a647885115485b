from __future__ import annotations

import numpy as np
import pytest

from pipeline.models.fake import paint_person
from stages.detect.known import explained
from stages.detect.windows import windows
from tests.unit.detect.cameras import ALL_MOVES, HEIGHT, WIDTH, Camera, empty_room

COUNT = len(windows(WIDTH, HEIGHT, 0.6, 0.5))
REGION = np.array([[300, 200, 120, 0.0]], dtype=np.float32)


def person_at(x: float, y: float) -> np.ndarray:
    pixels = empty_room()
    paint_person(pixels, (x, y), (x, y - 50))
    return pixels


def around(x: float, y: float, half: float = 40.0) -> np.ndarray:
    return np.array([[x - half, y - half, x + half, y + half]], dtype=np.float32)


@pytest.mark.parametrize(
    ("box", "is_explained"),
    [((260, 140, 340, 260), True), ((260, 140, 480, 260), False), ((400, 140, 480, 260), False)],
)
def test_motion_is_explained_by_someone_who_covers_it(box: tuple[int, ...], is_explained: bool) -> None:
    assert explained(np.array([box], dtype=np.float32), REGION).tolist() == [is_explained]


def test_motion_of_two_people_in_one_box_is_explained_by_both_together() -> None:
    two = np.concatenate((REGION, REGION + np.array([140, 0, 0, 0], dtype=np.float32)))
    both = np.array([[240, 150, 500, 250]], dtype=np.float32)

    assert explained(both, two).all()
    assert not explained(both, two[:1]).any()


def test_someone_who_moves_on_the_spot_costs_few_looks_and_is_found_every_second() -> None:
    camera = Camera()
    camera.film(6, 30, lambda _: person_at(320, 180), around(320, 180))
    camera.looks.clear()

    detections = camera.film(10, 30, lambda _: person_at(320, 180), around(320, 180), start_s=6.0)

    assert len(camera.looks) <= 10 * 0.4 * COUNT
    times = [6.0, *(t for t, d in detections if len(d.score)), 16.0]
    assert max(np.diff(times)) <= 1.1


def test_newcomer_beside_someone_known_is_found_within_a_second_of_moving_elsewhere() -> None:
    camera = Camera()
    camera.film(6, 30, lambda _: person_at(150, 180), around(150, 180))

    def two(_: float) -> np.ndarray:
        pixels = person_at(150, 180)
        paint_person(pixels, (450, 180), (450, 130))
        return pixels

    motion = np.concatenate((around(150, 180), around(450, 180)))
    detections = camera.film(1.2, 30, two, motion, start_s=6.0)

    seen = [t for t, d in detections if (np.abs(d.region[:, 0] - 450) < 10).any()]
    assert seen
    assert seen[0] <= 7.05


def test_someone_who_left_is_searched_for_all_around_and_then_forgotten() -> None:
    camera = Camera()
    camera.film(6, 30, lambda _: person_at(320, 180), around(320, 180))
    camera.looks.clear()

    camera.film(3, 30, lambda _: empty_room(), start_s=6.0)

    assert len({window for _, window in camera.looks}) >= COUNT // 2
    camera.film(4, 30, lambda _: empty_room(), start_s=9.0)
    assert len(camera.state.region) == 0


def test_state_holds_who_was_found() -> None:
    camera = Camera()
    camera.film(2, 30, lambda _: person_at(320, 180), ALL_MOVES)

    assert camera.state.region[:, :2] == pytest.approx(np.array([[320, 180]]), abs=6)
    assert camera.state.seen_us[0] > 0
