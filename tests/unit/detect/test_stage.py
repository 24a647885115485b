from __future__ import annotations

import numpy as np
import pytest

from pipeline.codec.schemas import SchemaBook
from pipeline.codec.states import AvroStateCodec
from pipeline.core.stage import ModelStage
from pipeline.core.types import U8
from pipeline.core.values import FEWER_LOOKS
from pipeline.models.fake import paint_person
from stages.detect import DetectState
from tests.unit.detect.cameras import ALL_MOVES, HEIGHT, WIDTH, Camera, empty_room


def person_at(x: float, y: float, length: float = 50.0) -> U8:
    pixels = empty_room()
    paint_person(pixels, (x, y), (x, y - length))
    return pixels


@pytest.mark.parametrize("x", [40, 200, 330, 600])
@pytest.mark.parametrize("y", [70, 180, 330])
def test_person_is_found_within_a_second_anywhere(x: int, y: int) -> None:
    camera = Camera()

    found = [(t, d) for t, d in camera.film(1.1, 30, lambda _: person_at(x, y), ALL_MOVES) if len(d.score)]

    assert found
    t, detections = found[0]
    assert t <= 1.0
    # A pixel of the detector is three of the frame here.
    assert detections.region[0, :2] == pytest.approx((x, y), abs=4)
    assert detections.region[0, 2] == pytest.approx(2.5 * 50, rel=0.15)
    left, top, right, bottom = detections.xyxy[0]
    assert left < x < right
    assert top < y < bottom


def test_person_who_sits_still_is_found_again_and_again() -> None:
    camera = Camera()

    detections = camera.film(12, 10, lambda _: person_at(320, 180))

    times = [t for t, d in detections if len(d.score)]
    assert max(np.diff([*times, 12.0])) <= 1.2


def test_person_who_sits_still_stays_known_while_frames_are_eased() -> None:
    camera = Camera(ease=FEWER_LOOKS)

    detections = camera.film(20, 10, lambda _: person_at(320, 180))

    times = [t for t, d in detections if len(d.score)]
    assert max(np.diff([*times, 20.0])) <= 2.2
    assert len(camera.state.region) == 1


def test_person_in_several_windows_of_one_frame_is_one_detection() -> None:
    camera = Camera()

    # One frame a second looks at all windows at once.
    for _, detections in camera.film(3, 1, lambda _: person_at(320, 180), ALL_MOVES):
        assert len(detections.score) == 1


def test_two_people_are_two_detections() -> None:
    def two(_: float) -> U8:
        pixels = person_at(250, 200)
        paint_person(pixels, (340, 190), (340, 140))
        return pixels

    camera = Camera()

    *_, (_, detections) = camera.film(3, 1, two, ALL_MOVES)

    assert sorted(detections.region[:, 0]) == pytest.approx([250, 340], abs=4)


def test_image_is_passed_on_as_it_came() -> None:
    camera, pixels = Camera(), empty_room()

    assert camera.see(0.0, pixels).image.data is pixels


def test_planning_does_not_change_the_state() -> None:
    camera = Camera()
    camera.film(1, 10, lambda _: empty_room(), ALL_MOVES)
    codec = AvroStateCodec(SchemaBook(), "detect", DetectState)
    other = Camera()
    other.state = codec.decode(codec.encode(camera.state))
    record_of = [c.see for c in (camera, other)]

    first, second = (see(1.0, person_at(100, 100), ALL_MOVES) for see in record_of)

    assert first.region.tobytes() == second.region.tobytes()
    assert codec.encode(camera.state) == codec.encode(other.state)


def test_state_survives_its_bytes_and_is_small() -> None:
    camera = Camera()
    camera.film(2, 10, lambda _: person_at(100, 100), ALL_MOVES)
    codec = AvroStateCodec(SchemaBook(), "detect", DetectState)

    content = codec.encode(camera.state)
    again = codec.decode(content)

    assert len(content) < 2000
    assert again.credit == camera.state.credit
    assert again.looked_us.tolist() == camera.state.looked_us.tolist()
    assert again.active_us.tolist() == camera.state.active_us.tolist()


def test_same_input_gives_the_same_bytes() -> None:
    def run() -> bytes:
        film = Camera().film(2, 15, lambda t: person_at(100 + 200 * t, 150), ALL_MOVES)
        return b"".join(d.region.tobytes() + d.xyxy.tobytes() + d.score.tobytes() for _, d in film)

    assert run() == run()


def test_is_a_model_stage() -> None:
    assert isinstance(Camera().stage, ModelStage)
    assert (WIDTH, HEIGHT) == (640, 360)
