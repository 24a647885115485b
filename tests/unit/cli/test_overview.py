"""What `posebus top` makes of records and backlogs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from pipeline.cli.overview import Overview
from pipeline.core.records import Dropped, Record, Tick
from pipeline.core.values import Motions
from tests.samples import poses, stamp, track_ids

NOW_US = 1_800_000_000_000_000


@dataclass(frozen=True)
class Behind:
    """A backlog of one partition."""

    group: str
    topic: str
    committed: int | None
    end: int
    records: int


def motions(people: int) -> Motions:
    found = poses(people)
    return Motions(found, track_ids(people), np.zeros(found.keypoint_score.shape, np.uint8))


def live(value: Any, *, camera: str = "gym", arrived_s_ago: float = 0.0) -> Record[Any]:
    arrived = NOW_US - round(arrived_s_ago * 1e6)
    return Record(replace(stamp(camera=camera), clock="arrival", arrived_at_us=arrived), value)


def test_a_camera_has_the_rate_of_its_last_seconds() -> None:
    overview = Overview(0.0)
    for frame in range(250):  # 25 a second for 10 s
        overview.took(live(motions(2)), frame / 25)

    row = overview.picture(10.0, NOW_US).cameras[0]

    assert row.fps == pytest.approx(25, abs=0.3)
    assert row.people == 2
    assert overview.picture(12.5, NOW_US).cameras[0].fps == pytest.approx(12.5, abs=0.3)
    assert overview.picture(60.0, NOW_US).cameras[0].fps == 0


def test_the_first_seconds_have_a_rate_too() -> None:
    overview = Overview(0.0)
    for frame in range(50):
        overview.took(live(motions(1)), frame / 25)

    assert overview.picture(2.0, NOW_US).cameras[0].fps == pytest.approx(25)


def test_what_lay_there_before_counts_nowhere_and_tells_of_the_camera() -> None:
    overview = Overview(0.0)
    overview.took(live(motions(3), arrived_s_ago=100), 0.1, new=False)
    overview.took(live(Dropped("pose", "late"), arrived_s_ago=99), 0.1, new=False)
    overview.took(live(Tick("stalled")), 0.1, new=False)

    row = overview.picture(1.0, NOW_US).cameras[0]

    assert (row.state, row.people, row.fps, row.dropped) == ("stalled", 3, 0, {})
    assert row.age_s == pytest.approx(99)
    assert row.silent_s is None


def test_age_grows_while_nothing_comes_and_recordings_have_none() -> None:
    overview = Overview(0.0)
    overview.took(live(motions(1), arrived_s_ago=0.2), 1.0)
    overview.took(Record(stamp(camera="file"), motions(1)), 1.0)

    recorded, at_once = overview.picture(1.0, NOW_US).cameras
    later = overview.picture(4.0, NOW_US + 3_000_000).cameras[1]

    assert recorded.age_s is None
    assert recorded.silent_s == 0
    assert at_once.age_s == pytest.approx(0.2)
    assert later.age_s == pytest.approx(3.2)
    assert later.silent_s == pytest.approx(3.0)


def test_drops_are_counted_by_stage_and_reason_for_a_minute() -> None:
    overview = Overview(0.0)
    for at in (1.0, 2.0, 50.0):
        overview.took(live(Dropped("detect", "late")), at)
    overview.took(live(Dropped("pose", "invalid")), 50.0)

    assert overview.picture(60.0, NOW_US).cameras[0].dropped == {"detect: late": 3, "pose: invalid": 1}
    assert overview.picture(65.0, NOW_US).cameras[0].dropped == {"detect: late": 1, "pose: invalid": 1}
    assert overview.picture(120.0, NOW_US).cameras[0].dropped == {}


def test_workers_have_lag_and_rates_over_their_partitions() -> None:
    overview = Overview(0.0)
    for second in range(4):
        overview.looked(
            [
                Behind("posebus-pose", "detections", 100 + 20 * second, 150 + 25 * second, 50 + 5 * second),
                Behind("posebus-pose", "detections", None, 40, 7),  # begun at 33, never committed
                Behind("posebus-sink", "motions", 5, 5, 0),
            ],
            {"posebus-pose": 2},
            float(second),
        )

    pose, sink = overview.picture(3.0, NOW_US).workers

    assert (pose.group, pose.topic, pose.members, pose.behind, pose.most) == ("posebus-pose", "detections", 2, 72, 65)
    assert pose.taken == pytest.approx(20)
    assert pose.coming == pytest.approx(25)
    assert (sink.behind, sink.members, sink.taken) == (0, None, 0)


def test_one_look_gives_no_rate_and_a_topic_made_anew_no_negative_one() -> None:
    overview = Overview(0.0)
    overview.looked([Behind("g", "t", 900, 1000, 100)], {}, 0.0)
    first = overview.picture(0.0, NOW_US).workers[0]
    overview.looked([Behind("g", "t", 0, 10, 10)], {}, 1.0)

    assert first.taken is None
    assert overview.picture(1.0, NOW_US).workers[0].taken is None
    assert overview.picture(1.0, NOW_US).workers[0].behind == 10


def test_rates_forget_what_was_long_ago() -> None:
    overview = Overview(0.0)
    for second in range(30):
        overview.looked([Behind("g", "t", 100 * min(second, 10), 1000, 0)], {}, float(second))

    assert overview.picture(30.0, NOW_US).workers[0].taken == 0


def test_an_outage_is_told_with_its_length_and_leaves_the_rest() -> None:
    overview = Overview(0.0)
    overview.looked([Behind("g", "t", 1, 2, 1)], {}, 1.0)
    overview.failed("Kafka does not answer", 5.0)
    overview.failed("Kafka does not answer", 8.0)

    away = overview.picture(12.0, NOW_US)
    overview.looked([Behind("g", "t", 2, 2, 0)], {}, 13.0)

    assert away.problem == "Kafka does not answer (for 7 s)"
    assert [row.behind for row in away.workers] == [1]
    assert overview.picture(13.0, NOW_US).problem is None
