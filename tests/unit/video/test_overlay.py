from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pipeline.core.ids import make_id, make_track_id
from pipeline.core.skeletons import SKELETONS
from pipeline.core.types import U8, Bool
from pipeline.core.values import DOUBTFUL, Event, Measures, Motions, Poses
from pipeline.core.vocabulary import ANGLES, MEASURES, POSTURES
from pipeline.video.overlay import Overlay, OverlayOptions
from pipeline.video.palette import ALARM, person_colour, side_colour
from pipeline.video.sheet import skeleton_picture

T0 = 1_700_000_000_000_000
BARE = OverlayOptions(labels=False, header=False, angles=())


def people(
    *centres: float, score: float = 1.0, skeleton: str = "coco17", size: tuple[int, int] = (640, 480)
) -> Motions:
    """Upright stick figures 240 pixels tall, standing at these x, their left side to the right."""
    names = SKELETONS[skeleton].keypoints
    heights = {"shoulder": -70, "elbow": -30, "wrist": 10, "hip": 10, "knee": 70, "ankle": 130}
    one = np.zeros((len(names), 3), dtype=np.float32)
    for k, name in enumerate(names):
        part = next((part for part in heights if part in name), None)
        side = 30 if "left" in name else -30 if "right" in name else 0
        one[k] = (side if part else side / 4, heights[part] if part else -100, 0)
    n = len(centres)
    keypoints = np.repeat(one[None], n, axis=0)
    keypoints[:, :, 0] += np.array(centres, dtype=np.float32)[:, None]
    keypoints[:, :, 1] += 240
    boxes = np.concatenate((keypoints[:, :, :2].min(1), keypoints[:, :, :2].max(1)), 1) if n else np.zeros((0, 4))
    poses = Poses(
        skeleton,
        *size,
        boxes.astype(np.float32),
        np.ones(n, np.float32),
        keypoints,
        np.full((n, len(names)), score, np.float32),
        np.zeros((n, 0, 3), np.float32),
    )
    ids = np.array([make_track_id(3, i + 1) for i in range(n)], dtype=np.int64)
    return Motions(poses, ids, np.zeros((n, len(names)), np.uint8))


def measured(motions: Motions, *events: Event) -> Measures:
    n = len(motions.track_id)
    return Measures(
        motions.track_id,
        np.full(n, POSTURES.index("stand"), np.uint8),
        np.full((n, len(ANGLES)), 33, np.float32),
        np.full((n, len(MEASURES)), np.nan, np.float32),
        events,
    )


def event(kind: str, label: str, track_id: int | None, value: float | None = None) -> Event:
    return Event(make_id(kind, label), kind, label, track_id, T0 - 5_000_000, None, value)


def grey(width: int = 640, height: int = 480) -> U8:
    return np.full((height, width, 3), 120, dtype=np.uint8)


def changed(drawn: U8) -> Bool:
    result: Bool = (drawn != 120).any(axis=2)
    return result


def test_picture_itself_is_not_touched() -> None:
    pixels = grey()
    pixels.flags.writeable = False

    drawn = Overlay("gym").draw(pixels, T0, people(300), measured(people(300)))

    assert (pixels == 120).all()
    assert drawn.shape == pixels.shape
    assert changed(drawn).any()


def test_nothing_is_drawn_of_nobody() -> None:
    for motions in (None, people()):
        assert not changed(Overlay(options=BARE).draw(grey(), T0, motions)).any()


def test_limbs_lie_where_the_keypoints_are_and_sides_differ() -> None:
    drawn = Overlay(options=BARE).draw(grey(), T0, people(300))
    colour = person_colour(1)

    rows, columns = np.nonzero(changed(drawn))
    assert (columns.min(), columns.max()) == (pytest.approx(270, abs=8), pytest.approx(330, abs=8))
    assert (rows.min(), rows.max()) == (pytest.approx(140, abs=8), pytest.approx(370, abs=8))
    between_hip_and_knee = 280
    assert drawn[between_hip_and_knee, 329].tolist() == list(side_colour(colour, "left_knee"))
    assert drawn[between_hip_and_knee, 269].tolist() == list(side_colour(colour, "right_knee"))


def test_drawing_follows_the_size_of_the_picture() -> None:
    drawn = Overlay(options=BARE).draw(grey(1280, 960), T0, people(300))

    _, columns = np.nonzero(changed(drawn))
    assert (columns.min(), columns.max()) == (pytest.approx(540, abs=14), pytest.approx(660, abs=14))


def test_keypoints_fade_with_their_score() -> None:
    strength = []
    for score in (0.95, 0.5, 0.35, 0.1):
        drawn = Overlay(options=BARE).draw(grey(), T0, people(300, score=score)).astype(int)
        strength.append(int(np.abs(drawn - 120).max()))

    assert strength == sorted(strength, reverse=True)
    assert len(set(strength)) == 4
    assert strength[-1] == 0


def test_unseen_and_far_away_keypoints_do_no_harm() -> None:
    motions = people(300, 5000)
    keypoints = motions.poses.keypoints.copy()
    keypoints[0, 3:8] = np.nan
    keypoints[1, 0, :2] = -1e9
    poses = motions.poses
    changed_poses = Poses(
        poses.skeleton, 640, 480, poses.xyxy, poses.score, keypoints, poses.keypoint_score, poses.world
    )
    motions = Motions(changed_poses, motions.track_id, motions.flags)

    assert changed(Overlay("gym").draw(grey(), T0, motions, measured(motions))).any()


def test_doubtful_keypoints_are_not_drawn() -> None:
    motions = people(320)
    wrist = SKELETONS["coco17"].index["left_wrist"]
    keypoints = motions.poses.keypoints.copy()
    keypoints[0, wrist, :2] = (600, 40)
    motions = replace(motions, poses=replace(motions.poses, keypoints=keypoints))
    flags = np.zeros_like(motions.flags)
    flags[0, wrist] = DOUBTFUL

    drawn = Overlay(options=BARE).draw(grey(), T0, replace(motions, flags=flags))

    assert not changed(drawn)[:, 400:].any()
    assert changed(Overlay(options=BARE).draw(grey(), T0, motions))[:, 400:].any()


@pytest.mark.parametrize("skeleton", SKELETONS)
def test_every_skeleton_can_be_drawn(skeleton: str) -> None:
    motions = people(200, 400, skeleton=skeleton)

    assert changed(Overlay().draw(grey(), T0, motions, measured(motions))).any()
    assert skeleton_picture([(T0, motions)]).shape == (720, 1600, 3)


def test_people_have_their_own_colour_and_label() -> None:
    options = OverlayOptions(header=False, angles=())
    motions = people(150, 450)

    drawn = Overlay(options=options).draw(grey(), T0, motions, measured(motions))

    assert (drawn == person_colour(1)).all(axis=2)[:, :300].any()
    assert (drawn == person_colour(2)).all(axis=2)[:, 300:].any()
    assert changed(drawn)[:135, 100:200].any()
    assert changed(drawn)[:135, 400:500].any()


def test_labels_of_people_in_one_place_do_not_cover_each_other() -> None:
    options = OverlayOptions(header=False, angles=())
    one, two = people(300), people(300, 305)

    heights = [
        int(changed(Overlay(options=options).draw(grey(), T0, motions))[:130].any(axis=1).sum())
        for motions in (one, two)
    ]

    assert heights[1] > 1.8 * heights[0]


def test_angles_are_written_beside_their_keypoints() -> None:
    motions = people(300)
    options = OverlayOptions(labels=False, header=False, angles=("left_knee",))

    plain = Overlay(options=BARE).draw(grey(), T0, motions, measured(motions))
    drawn = Overlay(options=options).draw(grey(), T0, motions, measured(motions))

    rows, columns = np.nonzero((plain != drawn).any(axis=2))
    assert 295 < rows.min() <= rows.max() < 325
    assert 325 < columns.min() <= columns.max() < 380


def test_event_is_shown_for_its_time_and_counted_from_when_it_was_decided() -> None:
    overlay = Overlay(options=BARE)
    motions = people(500)
    bottom_left = (slice(300, None), slice(0, 300))

    seen = []
    for seconds in (0.0, 1.0, 1.4, 1.6):
        events = (event("rep", "squat", int(motions.track_id[0]), 5.0),) if seconds == 0 else ()
        drawn = overlay.draw(grey(), T0 + round(seconds * 1e6), motions, measured(motions, *events))
        seen.append(int(np.abs(drawn[bottom_left].astype(int) - 120).max()))

    assert seen[0] == seen[1] > seen[2] > seen[3] == 0


def test_fallen_person_is_framed_until_recovered() -> None:
    overlay = Overlay(options=OverlayOptions(labels=False, header=False, angles=(), caption_s=0))
    motions = people(300)
    track = int(motions.track_id[0])

    framed = []
    for label in ("suspected", "confirmed", "", "recovered", ""):
        events = (event("fall", label, track),) if label else ()
        drawn = overlay.draw(grey(), T0, motions, measured(motions, *events))
        framed.append(bool((drawn == ALARM).all(axis=2).any()))

    assert framed == [True, True, True, False, False]


def test_many_events_do_not_cover_the_picture() -> None:
    overlay = Overlay(options=BARE)
    events = [event("enter", "", None) for _ in range(40)]

    drawn = overlay.draw(grey(), T0, None, measured(people(), *events))

    assert not changed(drawn)[:240].any()


def test_small_pictures_hold_everything() -> None:
    motions = people(16, size=(32, 24))

    drawn = Overlay("a camera with a long name").draw(grey(32, 24), T0, motions, measured(motions))

    assert drawn.shape == (24, 32, 3)


def test_sheet_has_a_row_for_each_of_those_seen_longest() -> None:
    history = [(T0 + k * 100_000, people(200, 400) if k < 50 else people(200)) for k in range(100)]

    sheet = skeleton_picture(history, people=2, steps=6, width=800, height=400)

    assert sheet.shape == (400, 800, 3)
    for row, number in ((sheet[:200], 1), (sheet[200:], 2)):
        found = (row == side_colour(person_colour(number), "left_knee")).all(axis=2)
        legs = np.flatnonzero(found.any(axis=0))
        assert np.count_nonzero(np.diff(legs) > 60) == 5


def test_sheet_of_nobody_says_so() -> None:
    assert (skeleton_picture([(T0, people())]) < 150).any()
    assert (skeleton_picture([]) < 150).any()
