"""What queries of docs/sql-cookbook.md say of people whose movements are scripted: so many steps, so near, so often.

The scripts go through the stage `analyze` and the sink, as in life.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.config.exercises import load_exercises
from pipeline.core.ids import make_track_id
from pipeline.core.records import Record
from pipeline.core.values import Motions
from pipeline.database import Database, open_database
from stages.analyze import AnalyzeStage
from tests.builders import Clip, Person, clip, tracked
from tests.homes import Server, new_database
from tests.integration.history.test_cookbook import asked
from tests.unit.analyze import figures
from tests.unit.analyze.athletes import STAND, Form, Script, exercise, mirrored, perform

MORNING = datetime(2026, 1, 31, 8, tzinfo=UTC)
CAMERAS = {"gym1": 1, "ward2": 2, "street3": 3}
NEAREST_PX = 10.0
FELL_S, HIT_S = 3.0, 3.8
EXERCISES = [("squat", 5, 3.0), ("curl", 8, 2.0)]
REST_S = 0.5
LEFT_DEG, RIGHT_DEG = 100.0, 50.0
"""Range of each knee of who spares the right one."""


@pytest.fixture(scope="module")
def scripted(server: Server) -> Iterator[Database]:
    with open_database(new_database(server), Path("unused")) as database:
        for camera, number in CAMERAS.items():
            assert database.registry().camera_no(camera) == number
        sink = database.sink()
        sink.write(list(lived(meeting(), "gym1", MORNING, person=1)))
        sink.write(list(lived(walking(), "street3", MORNING, person=1)))
        for n, (name, count, seconds) in enumerate(EXERCISES):
            script = [*exercise(name, count, seconds, rest_s=REST_S), (12.0, STAND)]
            begin = MORNING + timedelta(minutes=20 + 5 * n)
            sink.write(list(lived(perform(script, fps=10), "gym1", begin, person=10 + n)))
        for n, script in enumerate((limping(), mirrored(limping()))):
            begin = MORNING - timedelta(days=21 - 7 * n)
            sink.write(list(lived(perform(script, fps=10), "gym1", begin, person=20 + n)))
        for n, lies_s in enumerate((5.0, 0.4)):
            begin = MORNING + timedelta(minutes=30 + n)
            sink.write(list(lived(falling(lies_s), "ward2", begin, person=1 + n)))
        yield database


def lived(records: Iterable[Record[Motions]], camera: str, begin: datetime, person: int) -> Iterator[Record[Any]]:
    """The records at another place and time, with what `analyze` says of them; their people are numbered from there."""
    stage = AnalyzeStage(None, load_exercises(["library"]))
    state, first_us, number = stage.initial_state(camera), None, CAMERAS[camera]
    for record in records:
        first_us = record.stamp.captured_at_us if first_us is None else first_us
        at_us = round(begin.timestamp() * 1e6) + record.stamp.captured_at_us - first_us
        own = record.value.track_id & (2**47 - 1)
        track_id = np.array([make_track_id(number, person + int(n) - 1) for n in own], np.int64)
        place = {"camera": camera, "camera_no": number, "session": person}
        stamp = replace(record.stamp, **place, captured_at_us=at_us, arrived_at_us=at_us)
        moved = Record(stamp, replace(record.value, track_id=track_id))
        state, told = stage.step(state, moved)
        yield moved
        yield from (Record(stamp, value) for value in told)


def motions(filmed: Clip) -> Iterator[Record[Motions]]:
    for record in tracked(filmed):
        poses = record.value.poses
        flags = np.zeros(poses.keypoint_score.shape, np.uint8)
        yield Record(record.stamp, Motions(poses, record.value.track_id, flags))


def meeting() -> Iterator[Record[Motions]]:
    """The first one passes the second at 12.5 s, ten pixels below; the third stays away."""
    people = [Person(200.0, 360.0 + NEAREST_PX, 40.0), Person(700.0), Person(1100.0)]
    return motions(clip(people, seconds=20, fps=10))


def walking() -> Iterator[Record[Motions]]:
    """Two walk at 0.9 and 0.7 strides a second for a minute, one stands."""
    ways = [{"turn": np.pi / 2, "cadence": 0.9}, {"turn": np.pi / 2, "cadence": 0.7}, {"turn": np.pi / 2}]
    people = [Person(200.0 + 300 * i, speed=2.0, **way) for i, way in enumerate(ways)]
    return motions(clip(people, seconds=60, fps=10))


def limping() -> Script:
    """Bends of both knees, the left one twice as far."""
    low = Form(trunk=30, thigh=LEFT_DEG / 2, shank=-LEFT_DEG / 2, thigh_right=RIGHT_DEG / 2, shank_right=-RIGHT_DEG / 2)
    return [(0.6, STAND), *[(0.75, form) for _ in range(12) for form in (low, STAND)]]


def falling(lies_s: float) -> Iterator[Record[Motions]]:
    """Stands, falls to the side, and lies for so long before getting up."""
    down = replace(figures.FALLEN, towards=90)
    script = figures.hold(
        *((FELL_S, figures.STAND), (HIT_S - FELL_S, down, "fall"), (lies_s, down)),
        *((1.2, figures.STAND), (3.0, figures.STAND)),
    )
    return figures.Clip([figures.turned(script, 60)], noise=0.004, fps=10).records()


def test_steps_a_minute_are_those_of_the_script(scripted: Database) -> None:
    found = {track: float(steps) for track, steps in asked(scripted, "Steps a minute")}

    walkers = {make_track_id(3, 1): 120 * 0.9, make_track_id(3, 2): 120 * 0.7}
    assert found.keys() == walkers.keys()  # who stands makes no steps
    for track, steps in walkers.items():
        assert found[track] == pytest.approx(steps, abs=2)  # one at either end of the minute


def test_the_nearest_two_are_those_who_pass_each_other(scripted: Database) -> None:
    ((ts, one, other, pixels),) = asked(scripted, "The two who came nearest")

    assert ts == MORNING + timedelta(seconds=12.5)
    assert (one, other) == (make_track_id(1, 1), make_track_id(1, 2))
    assert float(pixels) == NEAREST_PX


def test_sets_have_the_repetitions_and_the_tempo_of_the_script(scripted: Database) -> None:
    rows = asked(scripted, "Repetitions of each set")

    assert [(name, count) for _, name, count, *_ in rows] == [(name, count) for name, count, _ in EXERCISES]
    for (ts, _, count, each, per_minute), (n, (_, _, seconds)) in zip(rows, enumerate(EXERCISES), strict=True):
        begin = MORNING + timedelta(minutes=20 + 5 * n)
        assert timedelta(seconds=1) < ts - begin < timedelta(seconds=3)
        # `analyze` has a repetition begin and end some way out of the rest, where noise does not reach.
        assert 0.4 * seconds < float(each) <= seconds
        whole = (count - 1) * (seconds + REST_S) + float(each)
        assert float(per_minute) == pytest.approx(60 * count / whole, rel=0.03)


def test_symmetry_has_the_sign_of_the_side_that_moves_more(scripted: Database) -> None:
    weeks = {ts: float(percent) for ts, percent, _ in asked(scripted, "Left against right")}

    # 100 (right - left) / mean of both, on the Mondays of three weeks; those of the last one squat on both legs.
    index = 200 * (RIGHT_DEG - LEFT_DEG) / (RIGHT_DEG + LEFT_DEG)
    mondays = [datetime(2026, 1, day, tzinfo=UTC) for day in (5, 12, 26)]
    assert list(weeks) == mondays
    assert [weeks[monday] for monday in mondays] == [
        *(pytest.approx(index, abs=6), pytest.approx(-index, abs=6), pytest.approx(0, abs=3))
    ]


def test_who_fell_is_listed_once_with_what_led_to_it_and_who_stumbled_is_not(scripted: Database) -> None:
    ((ts, camera, track, descent, tilt, posture),) = asked(scripted, "Who fell")

    begin = MORNING + timedelta(minutes=30)
    assert (camera, track) == ("ward2", make_track_id(2, 1))
    assert begin + timedelta(seconds=FELL_S - 0.2) <= ts <= begin + timedelta(seconds=HIT_S)
    assert posture == "stand"
    assert tilt > 60
    # Hips come down from half the body height within the fall; the fastest moment is faster than its mean.
    assert descent > 0.4 / (HIT_S - FELL_S)
