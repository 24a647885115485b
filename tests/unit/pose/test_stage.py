from __future__ import annotations

import numpy as np
import pytest

from pipeline.codec.schemas import SchemaBook
from pipeline.codec.states import AvroStateCodec
from pipeline.core.errors import ConfigError
from pipeline.core.perception import Estimated
from pipeline.core.stage import ModelStage
from pipeline.core.values import FEWER_LOOKS, LIGHTER_MODEL
from pipeline.models.fake import FakeEstimator, figure_keypoints
from stages.pose import PoseOptions, PoseStage, PoseState
from stages.pose.stage import Crop
from tests.unit.pose.cameras import HEIGHT, LENGTH, SIDE, WIDTH, Camera, hips, picture, regions

PIXEL = SIDE / 128
"""A pixel of the crop in pixels of the frame."""


def test_detected_person_becomes_a_pose_in_pixels_of_the_frame() -> None:
    poses = Camera().see(0.0, picture((200, 180)), regions((205, 175)))

    truth = figure_keypoints(np.array([[200, 180]], np.float32), np.array([[200, 180 - LENGTH]], np.float32))
    assert poses.skeleton == "blazepose33"
    assert (poses.width, poses.height) == (WIDTH, HEIGHT)
    assert poses.keypoints[0, :, :2] == pytest.approx(truth[0], abs=2 * PIXEL)
    assert poses.xyxy[0] == pytest.approx((*truth[0].min(axis=0), *truth[0].max(axis=0)), abs=2 * PIXEL)


def test_leaning_person_is_seen_upright_and_turned_back() -> None:
    lean = 1.0

    poses = Camera().see(0.0, picture((200, 180), lean=lean), regions((200, 180), rotation=0.8))

    head = (200 + LENGTH * np.sin(lean), 180 - LENGTH * np.cos(lean))
    truth = figure_keypoints(np.array([[200, 180]], np.float32), np.array([head], np.float32))
    assert poses.keypoints[0, :, :2] == pytest.approx(truth[0], abs=2 * PIXEL)
    # Metres keep the direction of the pixels: the nose lies where the lean says.
    nose = poses.world[0, 0]
    assert np.arctan2(nose[0], -nose[1]) == pytest.approx(lean, abs=0.05)


def test_person_is_followed_without_further_detections() -> None:
    camera = Camera()
    camera.see(0.0, picture((100, 180)), regions((100, 180)))

    for i in range(1, 45):
        poses = camera.see(i / 30, picture((100 + 10 * i, 180)))

        assert hips(poses) == [pytest.approx((100 + 10 * i, 180), abs=2 * PIXEL)]


def test_velocity_carries_a_region_to_a_fast_person_at_five_frames_a_second() -> None:
    camera = Camera()
    camera.see(0.0, picture((60, 180)), regions((60, 180)))
    # Faster and faster, at last by half a region a frame: too far without a velocity.
    places = np.cumsum([20, 40, 60, 75, 80, 80, 80])

    seen = [len(camera.see((i + 1) / 5, picture((60 + x, 180)))) for i, x in enumerate(places)]

    assert seen == [1] * len(places)


def test_detection_of_a_followed_person_is_not_looked_at_again() -> None:
    camera = Camera()
    camera.see(0.0, picture((200, 180)), regions((200, 180)))

    poses = camera.see(0.033, picture((200, 180)), regions((210, 185), (195, 170)))

    assert camera.looked == [1, 1]
    assert len(poses) == 1


def test_detection_beside_a_followed_person_is_someone_else() -> None:
    camera = Camera()
    people = ((200.0, 180.0), (200 + 0.3 * SIDE, 180.0))
    camera.see(0.0, picture(people[0]), regions(people[0]))

    camera.see(0.033, picture(*people), regions(people[1]))
    for i in range(2, 8):
        poses = camera.see(i / 30, picture(*people))

    assert hips(poses) == [pytest.approx(p, abs=2 * PIXEL) for p in people]


def test_two_regions_on_one_person_give_one_skeleton() -> None:
    camera = Camera()

    poses = camera.see(0.0, picture((200, 180)), regions((170, 180), (230, 180)))

    assert camera.looked == [2]
    assert len(poses) == 1
    assert camera.see(0.033, picture((200, 180))).score.tolist() == poses.score.tolist()
    assert camera.looked == [2, 1]


def test_two_people_side_by_side_are_two_skeletons() -> None:
    camera = Camera()
    people = ((200.0, 180.0), (255.0, 185.0))
    camera.see(0.0, picture(*people), regions(*people))

    for i in range(1, 10):
        assert hips(camera.see(i / 30, picture(*people))) == [pytest.approx(p, abs=2 * PIXEL) for p in people]


def test_no_skeleton_where_nobody_is() -> None:
    camera = Camera()

    assert len(camera.see(0.0, picture(), regions((200, 180)))) == 0
    assert len(camera.state.region) == 0


def test_person_who_was_hidden_for_a_moment_is_found_without_a_detection() -> None:
    camera = Camera()
    for i in range(20):
        camera.see(i / 30, picture((100 + 5 * i, 180)), regions((100, 180)) if i == 0 else None)

    hidden = [len(camera.see(i / 30, picture())) for i in range(20, 30)]
    again = camera.see(1.0, picture((100 + 5 * 30, 180)))

    assert hidden == [0] * 10
    assert hips(again) == [pytest.approx((250, 180), abs=2 * PIXEL)]


def test_person_who_left_is_forgotten() -> None:
    camera = Camera()
    for i in range(30):
        camera.see(i / 30, picture((300, 180)), regions((300, 180)) if i == 0 else None)
    for i in range(30, 50):
        camera.see(i / 30, picture())

    assert len(camera.state.region) == 0
    assert camera.looked[-1] == 0


def test_detection_tells_where_a_lost_person_is() -> None:
    camera = Camera()
    for i in range(20):
        camera.see(i / 30, picture((300, 180)), regions((300, 180)) if i == 0 else None)
    camera.see(20 / 30, picture())

    poses = camera.see(21 / 30, picture((330, 200)), regions((330, 200)))

    assert camera.looked[-1] == 1
    assert hips(poses) == [pytest.approx((330, 200), abs=2 * PIXEL)]


def test_pixels_are_asked_for_once_a_frame_and_only_when_someone_is_there() -> None:
    camera = Camera()
    people = ((150.0, 180.0), (300.0, 180.0), (450.0, 180.0))

    camera.see(0.0, picture())
    assert camera.decoded == 0
    camera.see(0.033, picture(*people), regions(*people))
    assert camera.decoded == 1


def test_more_people_than_allowed_are_left_out_the_least_certain_first() -> None:
    camera = Camera(PoseOptions(max_people=2))
    people = ((100.0, 180.0), (300.0, 180.0), (500.0, 180.0))

    poses = camera.see(0.0, picture(*people), regions(*people), score=(0.9, 0.6, 0.8))

    assert [x for x, _ in hips(poses)] == pytest.approx([100, 500], abs=2 * PIXEL)


def test_keypoints_outside_the_frame_score_nothing_and_the_box_ends_at_the_frame() -> None:
    poses = Camera().see(0.0, picture((320, 330)), regions((320, 330)))

    below = poses.keypoints[0, :, 1] > HEIGHT
    assert below.any()
    assert (poses.keypoint_score[0, below] == 0).all()
    assert (poses.keypoint_score[0, ~below] > 0.9).all()
    assert poses.xyxy[0, 3] == HEIGHT


def test_another_picture_size_forgets_whom_it_followed() -> None:
    camera = Camera()
    camera.see(0.0, picture((200, 180)), regions((200, 180)))

    camera.see(0.033, picture((200, 180))[:300])

    assert camera.looked[-1] == 0


def test_other_models_forget_whom_these_followed() -> None:
    camera = Camera()
    camera.see(0.0, picture((200, 180)), regions((200, 180)))
    camera.stage = PoseStage(camera.options, camera.estimator, camera._pixels, models="others")

    camera.see(0.033, picture((200, 180)))
    assert camera.looked[-1] == 0

    camera.see(0.067, picture((200, 180)), regions((200, 180)))
    camera.see(0.1, picture((200, 180)))
    assert camera.looked[-1] == 1


def test_state_survives_its_bytes_and_goes_on_the_same() -> None:
    people = ((150.0, 180.0), (400.0, 180.0))
    camera, other = Camera(), Camera()
    camera.see(0.0, picture(*people), regions(*people))
    codec = AvroStateCodec(SchemaBook(), "pose", PoseState)

    content = codec.encode(camera.state)
    other.state = codec.decode(content)
    first, second = (c.see(0.033, picture((155, 180), (400, 180))) for c in (camera, other))

    assert len(content) < 2 * 4096
    assert first.keypoints.tobytes() == second.keypoints.tobytes()
    assert codec.encode(camera.state) == codec.encode(other.state)


def test_planning_and_folding_leave_the_given_state_as_it_was() -> None:
    camera = Camera()
    camera.see(0.0, picture((200, 180)), regions((200, 180)))
    codec = AvroStateCodec(SchemaBook(), "pose", PoseState)
    state, before = camera.state, codec.encode(camera.state)

    camera.see(0.033, picture((210, 180)), regions((400, 180)))

    assert codec.encode(state) == before


def test_is_a_model_stage() -> None:
    assert isinstance(Camera().stage, ModelStage)


class Counted(FakeEstimator):
    """Says how many crops it was given."""

    def __init__(self) -> None:
        self.crops = 0

    def estimate(self, crops: np.ndarray) -> Estimated:
        self.crops += len(crops)
        return super().estimate(crops)


def test_the_lighter_model_looks_at_frames_that_say_so_and_goes_on_with_who_is_followed() -> None:
    usual, lighter = Counted(), Counted()
    camera = Camera(estimator=usual, lighter=lighter)

    camera.see(0.0, picture((100, 180), (400, 180)), regions((100, 180), (400, 180)))
    assert (usual.crops, lighter.crops) == (2, 0)
    camera.ease = FEWER_LOOKS
    camera.see(0.1, picture((102, 180), (400, 180)))
    assert (usual.crops, lighter.crops) == (4, 0)
    camera.ease = LIGHTER_MODEL
    poses = camera.see(0.2, picture((104, 180), (400, 180)))

    assert (usual.crops, lighter.crops) == (4, 2)
    assert [x for x, _ in hips(poses)] == pytest.approx([104, 400], abs=3)


def test_crops_of_both_models_in_one_batch_come_back_in_their_order() -> None:
    camera = Camera(lighter=FakeEstimator())
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 255, (128, 128, 3), dtype=np.uint8) for _ in range(5)]
    requests = [Crop(each, np.zeros(4, np.float32), i, i % 2 == 1) for i, each in enumerate(pictures)]

    assert [seen.crop.number for seen in camera.stage.infer(requests)] == list(range(5))
    assert [seen.row for seen in camera.stage.infer(requests)] == [0, 0, 1, 1, 2]


def test_without_a_lighter_model_the_usual_one_looks() -> None:
    camera = Camera(ease=LIGHTER_MODEL)

    assert len(camera.see(0.0, picture((100, 180)), regions((100, 180))).score) == 1


def test_a_lighter_model_that_cannot_take_the_place_is_refused() -> None:
    other = FakeEstimator()
    other.size = 96

    with pytest.raises(ConfigError, match=r"models\.lighter gives blazepose33 of crops of 96 pixels"):
        Camera(lighter=other)
