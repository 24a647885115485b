from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

from pipeline.codec.schemas import SchemaBook
from pipeline.codec.states import AvroStateCodec
from pipeline.core.records import Record
from pipeline.core.types import F32
from pipeline.core.vocabulary import MEASURES
from stages.analyze import AnalyzeOptions, AnalyzeStage, AnalyzeState
from tests.unit.analyze.actors import Actor, clip, share_of_floor, still, walking
from tests.unit.analyze.figures import BLAZEPOSE, Camera, Pose, body, hold, pose_at
from tests.unit.analyze.run import analyze

COLUMN = {measure.name: i for i, measure in enumerate(MEASURES)}
CAMERAS = (Camera(), Camera(height=2.5, pitch=10.0), Camera(height=3.0, pitch=20.0))
ABOUT = walking((0, -1.5, 3.5), (5, 1.5, 3.5), (12, -1.5, 7.5), (15, 1.5, 7.5), (20, 1.5, 4.0), (25, 0.0, 4.0))


def measured(name: str, records: Iterable[Record[Any]], person: int = 0, state: AnalyzeState | None = None) -> F32:
    """(T,) of one person, NaN where that person is away."""
    done = analyze(records, AnalyzeOptions(), state)
    column: F32 = np.array(
        [m.scalars[person, COLUMN[name]] if len(m.scalars) > person else np.nan for m in done.measures]
    )
    return column


def test_where_people_stand_is_a_measure() -> None:
    x, y = share_of_floor(0.7, 5.0)
    records = list(clip([still(pose=Pose(heading=90.0, x=0.7, z=5.0))], 1))

    assert measured("foot_x", records) == pytest.approx(x, abs=0.001)
    assert measured("foot_y", records) == pytest.approx(y, abs=0.001)


def test_feet_that_were_never_seen_are_at_the_bottom_of_the_box() -> None:
    legs = tuple(
        name for name in BLAZEPOSE.keypoints if any(part in name for part in ("knee", "ankle", "heel", "foot"))
    )
    records = list(clip([still(pose=Pose(heading=90.0))], 1, hide=legs))

    bottom = np.array([record.value.poses.xyxy[0, 3] for record in records]) / 720

    assert measured("foot_y", records) == pytest.approx(bottom, abs=0.001)


@pytest.mark.parametrize("camera", CAMERAS)
@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_height_of_who_stands_is_what_was_learned(camera: Camera, noise: float) -> None:
    ratio = measured("ground_height", clip([ABOUT], 25, camera=camera, noise=noise))

    assert np.isnan(ratio[:60]).all(), "one place is not enough"
    known = ratio[np.isfinite(ratio)]
    assert len(known) > 60
    assert np.abs(known - 1.0).max() < (0.05 if noise == 0.0 else 0.15)


def test_one_place_teaches_no_floor() -> None:
    assert np.isnan(measured("ground_height", clip([still()], 60, fps=5))).all()
    assert np.isnan(measured("ground_speed", clip([still()], 60, fps=5))).all()


def falling(away: bool) -> Actor:
    """Walks about for 25 s, then falls along the view."""
    towards = Pose(topple=88.0, trunk=8.0, thigh=15.0, shank=-10.0, heading=180.0 if away else 0.0, z=4.5, x=0.5)
    up = Pose(heading=towards.heading, z=4.5, x=0.5)
    script = hold((0.0, up), (2.0, up), (0.8, towards, "fall"), (5.0, towards))
    return lambda t_s: ABOUT(t_s) if t_s < 25 else body(pose_at(script, t_s - 25))


@pytest.mark.parametrize("away", [True, False])
def test_a_fall_along_the_view_makes_a_person_low_for_the_place(away: bool) -> None:
    ratio = measured("ground_height", clip([falling(away)], 31, camera=CAMERAS[1], noise=0.005))

    assert np.nanmin(ratio[255:270]) > 0.9
    assert np.nanmax(ratio[-20:]) < 0.55


def test_short_people_are_short_for_the_place() -> None:
    child = body(Pose(heading=90.0, x=-0.5, z=5.0), stature=1.1)
    actors: list[Actor] = [ABOUT, lambda _: child]

    ratio = measured("ground_height", clip(actors, 28, away=((1, 0.0, 26.0),)), person=1)

    assert np.nanmedian(ratio) == pytest.approx(1.1 / 1.75, abs=0.08)


def test_a_child_at_one_place_does_not_bend_the_floor() -> None:
    child = body(Pose(heading=90.0, x=-1.0, z=2.9), stature=1.0)
    actors: list[Actor] = [ABOUT, lambda _: child]

    ratio = measured("ground_height", clip(actors, 25))

    assert np.abs(ratio[np.isfinite(ratio)] - 1.0).max() < 0.12


@pytest.mark.parametrize("fps", [5.0, 10.0, 30.0])
def test_speed_across_the_view_is_right_but_for_the_stature(fps: float) -> None:
    there = walking((0, -1.5, 3.5), (5, 1.5, 3.5), (12, -1.5, 7.5), (17, 1.5, 5.5), (19.4, -1.5, 5.5), (24, -1.5, 5.5))

    speed = measured("ground_speed", clip([there], 24, fps=fps, noise=0.005))

    at_s = np.arange(len(speed)) / fps
    # The figure has 1.75 m and a long neck; the stage takes people for 1.68 m.
    assert np.nanmedian(speed[(at_s > 18.2) & (at_s < 19.3)]) == pytest.approx(1.25, rel=0.15)
    assert np.nanmedian(speed[at_s > 22]) < 0.15


def test_speed_is_unknown_after_a_gap_and_where_feet_are_guessed() -> None:
    speed = measured("ground_speed", clip([ABOUT, still()], 25, away=((0, 16.0, 17.5),)))

    assert np.isfinite(speed[155:159]).all()
    back = 175
    assert np.isnan(speed[back])
    assert np.isfinite(speed[back + 2])


def test_a_camera_that_is_turned_is_learned_anew() -> None:
    camera, other = CAMERAS[0], CAMERAS[2]
    state = AnalyzeStage().initial_state("ward")
    measured("ground_height", clip([ABOUT], 25, camera=camera), state=state)

    later = clip([lambda t_s: ABOUT(t_s % 25)], 150, fps=5, camera=other)
    ratio = measured("ground_height", (r for r in later), state=state)

    assert np.nanmedian(np.abs(ratio[-125:] - 1.0)) < 0.1


def test_states_saved_after_each_frame_change_nothing() -> None:
    codec = AvroStateCodec(SchemaBook(), "analyze", AnalyzeState)
    records = list(clip([ABOUT, still()], 25, fps=5, noise=0.01, away=((1, 3.0, 9.0),)))
    stage = AnalyzeStage()
    state = stage.initial_state("ward")
    saved = []
    for record in records:
        state, (measures, *_) = stage.step(state, record)
        saved.append(measures.scalars)  # type: ignore[union-attr]
        state = codec.decode(codec.encode(state))

    for measures, other in zip(analyze(records).measures, saved, strict=True):
        np.testing.assert_array_equal(measures.scalars, other)
