from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.core.records import Record, Tick
from stages.analyze import AnalyzeOptions
from tests.unit.analyze.figures import (
    BEND,
    FALLEN,
    KNEEL,
    ON_BED,
    SIT,
    STAND,
    TIE_SHOES,
    Camera,
    Clip,
    Script,
    hold,
    squats,
    stamp_at,
    turned,
)
from tests.unit.analyze.run import Analyzed, analyze, seconds

HIGH = Camera(height=2.5, pitch=25)


def fall(towards: float = 0.0, seconds_: float = 0.8, floor_s: float = 4.0, up: bool = True) -> Script:
    down = replace(FALLEN, towards=towards)
    get_up = [(2.0, KNEEL), (1.5, STAND), (2.5, STAND)] if up else []
    return hold((2.0, STAND), (seconds_, down, "fall"), (floor_s, down), *get_up)


def run(script: Script, heading: float = 60, **clip: object) -> Analyzed:
    return analyze(Clip([turned(script, heading)], noise=0.008, **clip).records())  # type: ignore[arg-type]


@pytest.mark.parametrize("towards", [0, 90, 180, 270])
@pytest.mark.parametrize(
    ("heading", "fps", "camera"), [(0, 15, HIGH), (60, 5, Camera()), (90, 30, Camera()), (200, 10, HIGH)]
)
def test_falls_in_all_directions_are_suspected_confirmed_and_recovered(
    towards: float, heading: float, fps: float, camera: Camera
) -> None:
    done = run(fall(towards), heading, fps=fps, camera=camera)

    assert done.labels("fall") == ["suspected", "confirmed", "recovered"]


@pytest.mark.parametrize("seconds_", [0.6, 0.9, 1.2])
def test_fast_and_slow_falls(seconds_: float) -> None:
    assert run(fall(90, seconds_), fps=10).labels("fall") == ["suspected", "confirmed", "recovered"]


def test_a_fall_tells_when_it_began_and_carries_its_evidence() -> None:
    done = run(fall(), 90)

    suspected, confirmed, recovered = (done.of("fall", label) for label in ("suspected", "confirmed", "recovered"))
    assert suspected.at_us == confirmed.at_us == recovered.at_us
    assert 1.9 < seconds(suspected.at_us) < 2.8
    assert confirmed.value == pytest.approx(3.0, abs=0.6)
    assert recovered.end_us is not None
    assert recovered.end_us > suspected.at_us
    assert confirmed.evidence["peak_descent"] > 0.75
    assert confirmed.evidence["trunk_tilt"] > 60
    assert confirmed.evidence["head_height"] < 0.3
    assert 0 <= confirmed.evidence["x"] <= 1
    assert 0 <= confirmed.evidence["y"] <= 1
    assert len({suspected.event_id, confirmed.event_id, recovered.event_id}) == 3


def test_a_stumble_is_suspected_and_recovered_only() -> None:
    script = hold((2.0, STAND), (0.7, FALLEN, "fall"), (0.5, FALLEN), (1.0, STAND), (3.0, STAND))

    assert run(script).labels("fall") == ["suspected", "recovered"]


def test_who_goes_on_sitting_on_the_floor_was_not_lying() -> None:
    floor = replace(SIT, shank=88, trunk=10)
    script = hold((2.0, STAND), (0.7, FALLEN, "fall"), (0.6, FALLEN), (0.6, floor), (6.0, floor))

    assert run(script).labels("fall") == ["suspected", "dismissed"]


@pytest.mark.parametrize("heading", [0, 60, 180])
@pytest.mark.parametrize(
    "script",
    [
        pytest.param(hold((2, STAND), (0.7, SIT), (3, SIT), (1, STAND)), id="sits down fast"),
        pytest.param(hold((2, STAND), (0.8, BEND), (3, BEND), (1, STAND)), id="bends"),
        pytest.param(hold((2, STAND), (0.8, TIE_SHOES), (4, TIE_SHOES), (1, STAND)), id="ties shoes"),
        pytest.param(hold((2, STAND), (0.8, KNEEL), (4, KNEEL), (1, STAND)), id="kneels"),
        pytest.param(squats(4, down_s=0.6), id="squats fast"),
        pytest.param(
            hold((2, STAND), (1.2, SIT), (0.8, SIT), (1.5, ON_BED), (4, ON_BED), (1.5, SIT), (1, STAND)), id="to bed"
        ),
        pytest.param(hold((2, STAND), (1.5, KNEEL), (1.8, FALLEN), (4, FALLEN), (2, KNEEL)), id="to the floor, slowly"),
        pytest.param(
            hold((1, replace(STAND, z=7)), (2, replace(STAND, z=3)), (1, replace(STAND, z=3))), id="comes near"
        ),
    ],
)
def test_what_is_no_fall(script: Script, heading: float) -> None:
    for fps, camera in ((15, Camera()), (6, HIGH)):
        assert run(script, heading, fps=fps, camera=camera).labels("fall") == []


def test_who_lies_when_first_seen_has_not_fallen() -> None:
    assert run(hold((6.0, FALLEN)), 90).labels("fall") == []


def test_a_first_skeleton_that_is_wrong_is_no_fall() -> None:
    script = hold((0.2, STAND), (0.1, FALLEN), (5.0, FALLEN))

    assert run(script, 90).labels("fall") == []


def test_who_rolls_over_in_bed_has_not_fallen() -> None:
    turned_over = replace(ON_BED, heading=120, x=0.3)
    script = hold((2.0, ON_BED), (0.5, turned_over), (4.0, turned_over))

    assert analyze(Clip([script], noise=0.008).records()).labels("fall") == []


def test_two_falls_are_two() -> None:
    first = fall(floor_s=3.5)
    second = [replace(moment, at_s=moment.at_s + first[-1].at_s) for moment in fall(180, floor_s=3.5)]

    done = run(first + second)

    assert done.labels("fall") == ["suspected", "confirmed", "recovered"] * 2
    assert len({event.event_id for event in done.events}) == len(done.events)


def test_of_two_people_the_one_who_fell_is_told() -> None:
    done = analyze(Clip([turned(squats(3), 0), fall()], noise=0.008).records())

    fallen = {event.track_id for event in done.events if event.kind == "fall"}
    squatting = {event.track_id for event in done.events if event.kind == "rep"}
    assert len(fallen) == 1
    assert len(squatting) == 1
    assert fallen != squatting


def test_a_fall_is_confirmed_although_frames_are_missing() -> None:
    done = run(fall(90), fps=15, away=((0, 2.3, 2.8), (0, 3.5, 4.2)))

    assert done.labels("fall") == ["suspected", "confirmed", "recovered"]


def test_nothing_is_confirmed_of_whom_nobody_sees() -> None:
    done = run(fall(90), fps=15, away=((0, 3.3, 99.0),))

    assert done.labels("fall") == ["suspected"]


def test_people_enter_and_leave() -> None:
    records = list(Clip([hold((6.0, STAND))], away=((0, 0.0, 1.0), (0, 2.0, 5.5))).records())

    done = analyze(records)

    entered = [seconds(event.at_us) for event in done.events if event.kind == "enter"]
    left = done.of("leave", "leave")
    assert entered == pytest.approx([1.0, 5.53], abs=0.04)
    assert seconds(left.at_us) == pytest.approx(1.93, abs=0.04)
    assert left.value == pytest.approx(0.93, abs=0.04)


def test_people_leave_by_the_clock_when_no_frame_comes() -> None:
    records = list(Clip([hold((1.0, STAND))], seconds=1.0).records())
    ticks = [Record(stamp_at(s), Tick("live")) for s in (1.5, 2.5, 3.5, 4.5)]

    done = analyze([*records, *ticks])

    left = done.of("leave", "leave")
    with_it = [m for m in done.measures if left in m.events]
    assert len(with_it) == 1
    assert len(with_it[0].track_id) == 0
    assert len(done.measures) == len(records) + 1


def test_people_are_forgotten_in_the_end() -> None:
    records = list(Clip([hold((1.0, STAND))], seconds=1.0).records())
    done = analyze([*records, Record(stamp_at(4.0), Tick("live"))], AnalyzeOptions(keep_s=5.0))

    assert [person.present for person in done.state.people] == [False]
    assert analyze([Record(stamp_at(60.0), Tick("live"))], AnalyzeOptions(keep_s=5.0), done.state).state.people == []
