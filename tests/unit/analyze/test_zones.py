from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from pipeline.codec.schemas import SchemaBook
from pipeline.codec.states import AvroStateCodec
from pipeline.core.records import Record, Tick
from pipeline.core.values import Event
from pipeline.core.zones import Line, Scene, Zone
from stages.analyze import AnalyzeStage, AnalyzeState
from tests.unit.analyze.actors import clip, share_of_floor, still, walking
from tests.unit.analyze.figures import BLAZEPOSE, Pose, stamp_at
from tests.unit.analyze.run import seconds

MIDDLE, FLOOR = share_of_floor(0.0, 4.5)
TILL: Mapping[str, Zone] = {"till": Zone(((MIDDLE, 0.2), (1, 0.2), (1, 1), (MIDDLE, 1)))}
DOOR: Mapping[str, Line] = {"door": Line(((MIDDLE, FLOOR - 0.2), (MIDDLE, FLOOR + 0.1)), to_left="in", to_right="out")}
ACROSS = walking((0, -1.2, 4.5), (2, 1.2, 4.5), (5, 1.2, 4.5))
THERE_AND_BACK = walking((0, -1.2, 4.5), (2, 1.2, 4.5), (5, 1.2, 4.5), (7, -1.2, 4.5), (9, -1.2, 4.5))
ON_THE_BORDER = walking((0, -1.2, 4.5), (2, 0.0, 4.5), (32, 0.0, 4.5), (34, 1.2, 4.5), (36, 1.2, 4.5))
FPS = (5.0, 10.0, 30.0)


def watch(
    records: Iterable[Record[Any]],
    zones: Mapping[str, Zone] | None = None,
    lines: Mapping[str, Line] | None = None,
    state: AnalyzeState | None = None,
    codec: AvroStateCodec | None = None,
) -> tuple[list[Event], AnalyzeState]:
    stage = AnalyzeStage(scenes={"ward": Scene(zones or {}, lines or {})})
    state = state or stage.initial_state("ward")
    events: list[Event] = []
    for record in records:
        state, out = stage.tick(state, record) if isinstance(record.value, Tick) else stage.step(state, record)
        events += [each for each in out if isinstance(each, Event) and each.kind in ("zone", "line")]
        if codec is not None:
            state = codec.decode(codec.encode(state))
    return events, state


def told(events: list[Event]) -> list[tuple[str, float | None]]:
    return [(event.label, event.value) for event in events]


def labels(events: list[Event]) -> list[str]:
    return [event.label for event in events]


@pytest.mark.parametrize("fps", FPS)
@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_who_comes_and_goes_is_told_once_with_the_seconds_between(fps: float, noise: float) -> None:
    events, _ = watch(clip([THERE_AND_BACK], 9, fps=fps, noise=noise), TILL)

    assert labels(events) == ["till:enter", "till:count", "till:leave", "till:count"]
    enter, first, leave, second = events
    # The margin, a tenth of the body's height, is passed at 1.2 m/s an eighth of a second after the border.
    assert seconds(enter.at_us) == pytest.approx(1.13, abs=0.25)
    assert leave.value == pytest.approx(5.0, abs=0.45)
    assert (first.value, second.value) == (1.0, 0.0)
    assert (first.at_us, second.at_us) == (enter.at_us, leave.at_us)
    assert first.track_id is None
    assert enter.track_id == leave.track_id


@pytest.mark.parametrize("fps", FPS)
@pytest.mark.parametrize("seed", range(4))
def test_who_stands_on_the_border_and_jitters_crosses_once(fps: float, seed: int) -> None:
    events, _ = watch(clip([ON_THE_BORDER], 36, fps=fps, noise=0.02, seed=seed), TILL, DOOR)

    assert sorted(labels(events)) == ["door:in", "till:count", "till:enter"]


@pytest.mark.parametrize("fps", FPS)
@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_each_crossing_is_told_once_with_its_direction_and_time(fps: float, noise: float) -> None:
    events, _ = watch(clip([THERE_AND_BACK], 9, fps=fps, noise=noise), lines=DOOR)

    assert labels(events) == ["door:in", "door:out"]
    assert [seconds(event.at_us) for event in events] == pytest.approx([1.0, 6.0], abs=0.1)
    assert all(event.evidence["feet_seen"] == 1.0 for event in events)


def test_two_who_cross_each_other_are_told_apart() -> None:
    back = walking((0, 1.2, 4.6), (2, -1.2, 4.6), (5, -1.2, 4.6))

    events, _ = watch(clip([ACROSS, back], 5, noise=0.01), TILL, DOOR)

    by_person = {
        track % 2**48: [e.label for e in events if e.track_id == track]
        for track in {e.track_id for e in events}
        if track
    }
    assert sorted(by_person[1]) == ["door:in", "till:enter"]
    assert sorted(by_person[2]) == ["door:out", "till:enter", "till:leave"]


@pytest.mark.parametrize("fps", FPS)
def test_a_gap_while_crossing_loses_nothing(fps: float) -> None:
    events, _ = watch(clip([ACROSS], 5, fps=fps, away=((0, 0.6, 1.5),)), TILL, DOOR)

    assert sorted(labels(events)) == ["door:in", "till:count", "till:enter"]
    crossing = next(event for event in events if event.kind == "line")
    assert seconds(crossing.at_us) == pytest.approx(1.0, abs=0.11)


def test_who_crosses_and_is_gone_at_once_has_crossed() -> None:
    events, _ = watch(clip([ACROSS, still(pose=Pose(x=-2))], 5, away=((0, 1.3, 9.0),)), lines=DOOR)

    assert labels(events) == ["door:in"]


def test_around_the_end_of_a_line_is_not_across() -> None:
    short = {"door": Line(((MIDDLE, 0.1), (MIDDLE, FLOOR - 0.1)))}

    assert labels(watch(clip([THERE_AND_BACK], 9), lines=short)[0]) == []


def test_a_dash_through_a_zone_is_no_visit() -> None:
    narrow = {"aisle": Zone(((MIDDLE - 0.05, 0.2), (MIDDLE + 0.05, 0.2), (MIDDLE + 0.05, 1), (MIDDLE - 0.05, 1)))}
    dash = walking((0, -1.2, 4.5), (0.6, 1.2, 4.5), (3, 1.2, 4.5))

    assert labels(watch(clip([dash], 3, fps=30), narrow)[0]) == []


def test_a_zone_narrower_than_the_margin_can_be_entered() -> None:
    narrow = {"spot": Zone(((MIDDLE - 0.02, 0.2), (MIDDLE + 0.02, 0.2), (MIDDLE + 0.02, 1), (MIDDLE - 0.02, 1)))}
    stop = walking((0, -1.2, 4.5), (2, 0.0, 4.5), (5, 0.0, 4.5), (7, 1.2, 4.5), (9, 1.2, 4.5))

    assert labels(watch(clip([stop], 9), narrow)[0]) == ["spot:enter", "spot:count", "spot:leave", "spot:count"]


def test_dwelling_is_told_while_inside_at_each_of_its_times() -> None:
    till = {"till": Zone(TILL["till"].corners, dwell_s=(1.0, 3.0, 60.0))}

    events, _ = watch(clip([THERE_AND_BACK], 9), till)

    dwelt = [event for event in events if event.label == "till:dwell"]
    assert [event.value for event in dwelt] == [1.0, 3.0]
    assert {event.at_us for event in dwelt} == {event.at_us for event in events if event.label == "till:enter"}


def test_numbers_of_people_that_change_for_a_moment_are_not_told() -> None:
    inside = walking((0, 1.0, 4.5), (5, 1.0, 4.5), (6, -1.2, 4.5), (9, -1.2, 4.5))
    relief = walking((0, -1.2, 4.8), (5, -1.2, 4.8), (6, 1.0, 4.8), (9, 1.0, 4.8))

    events, _ = watch(clip([inside, relief], 9), TILL)

    assert [event.value for event in events if event.label == "till:count"] == [1.0]
    assert labels(events).count("till:enter") == 2


def test_who_leaves_the_picture_leaves_the_zone_by_the_clock() -> None:
    state = watch(clip([ACROSS], 4), TILL)[1]
    ticks = [Record(stamp_at(4.0 + i, 100), Tick("live")) for i in range(5)]

    events, _ = watch(ticks, TILL, state=state)

    assert labels(events) == ["till:leave", "till:count"]
    assert seconds(events[0].at_us) == pytest.approx(3.9, abs=0.01)
    assert events[1].value == 0.0


def test_who_stands_behind_a_table_is_where_the_legs_were() -> None:
    first = list(clip([walking((0, -1.2, 4.5), (3, 1.2, 4.5), (6, 1.2, 4.5))], 3))
    legs = tuple(
        name for name in BLAZEPOSE.keypoints if any(part in name for part in ("knee", "ankle", "heel", "foot"))
    )
    after = list(clip([walking((0, -1.2, 4.5), (3, 1.2, 4.5), (6, 1.2, 4.5))], 6, hide=legs))[30:]

    events, _ = watch([*first, *after], TILL)

    assert labels(events) == ["till:enter", "till:count"]


def test_zones_drawn_anew_keep_what_is_known_of_those_that_stay() -> None:
    records = list(clip([ACROSS], 5))
    more = {"new": Zone(((0, 0), (1, 0), (1, 1), (0, 1))), **TILL}
    state = watch(records[:30], TILL)[1]

    events, _ = watch(records[30:], more, state=state)

    assert sorted(labels(events)) == ["new:count", "new:enter"]


def test_a_camera_without_zones_remembers_none() -> None:
    events, state = watch(clip([ACROSS], 2))

    assert (events, state.placed) == ([], None)


def test_states_saved_after_each_frame_change_nothing() -> None:
    codec = AvroStateCodec(SchemaBook(), "analyze", AnalyzeState)
    actors = [THERE_AND_BACK, still(pose=Pose(x=1.5, z=5.0))]
    made = [
        watch(clip(actors, 9, noise=0.02, away=((1, 3.0, 4.0),)), TILL, DOOR, codec=each)[0] for each in (None, codec)
    ]

    assert made[0] == made[1]
    assert len(made[0]) > 4


def test_what_is_remembered_of_a_person_is_small() -> None:
    codec = AvroStateCodec(SchemaBook(), "analyze", AnalyzeState)
    zones, lines = {f"z{i}": TILL["till"] for i in range(32)}, {f"l{i}": DOOR["door"] for i in range(32)}

    def size(people: int) -> int:
        actors = [walking((0, -1 + 0.2 * i, 4.5), (2, 1.0, 4.5)) for i in range(people)]
        state = watch(clip(actors, 2), zones, lines)[1]
        state.people, state.moves = [], None
        return len(codec.encode(state))

    assert (size(9) - size(1)) / 8 < 2000
