from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from pipeline.codec.schemas import SchemaBook
from pipeline.codec.states import AvroStateCodec
from pipeline.config.exercises import load_exercises
from pipeline.core.errors import ConfigError
from pipeline.core.records import Record, Tick
from pipeline.core.values import Event
from stages.analyze import AnalyzeOptions, AnalyzeStage, AnalyzeState, Band, Check, Exercise, Phase
from tests.unit.analyze.athletes import (
    EFFORTS,
    PLANK,
    RACK,
    STAND,
    Form,
    Script,
    exercise,
    mirrored,
    perform,
    repetition,
    set_up,
)
from tests.unit.analyze.figures import START_US, stamp_at
from tests.unit.analyze.run import analyze

NAMES = sorted(EFFORTS)
LIBRARY = load_exercises(["library"])
PACE_S = {"jumping-jack": 1.1}
EFFORT = {"low": Phase({"elbow": Band(above=60)}, min_s=0.3), "top": Phase({"elbow": Band(below=40)})}


def reps(*scripts: Script, **how: object) -> dict[str, int]:
    done = analyze(perform(*scripts, **how))  # type: ignore[arg-type]
    return dict(Counter(event.label for event in done.events if event.kind == "rep"))


def only(kind: str, script: Script, **how: object) -> list[Event]:
    return [event for event in analyze(perform(script, **how)).events if event.kind == kind]  # type: ignore[arg-type]


def test_the_library_has_the_exercises_that_are_tried_here() -> None:
    assert sorted(each.name for each in LIBRARY) == NAMES


@pytest.mark.parametrize(("fps", "heading"), [(10, 60), (15, 0), (30, 90), (15, 200)])
@pytest.mark.parametrize("name", NAMES)
def test_repetitions_are_exact_and_of_no_other_exercise(name: str, fps: float, heading: float) -> None:
    script = exercise(name, 4, PACE_S.get(name, 2.0))

    assert reps(script, fps=fps, heading=heading, noise=0.01, seed=round(heading)) == {name: 4}


@pytest.mark.parametrize("name", NAMES)
def test_half_repetitions_and_the_set_up_are_not_counted(name: str) -> None:
    back = [*reversed(set_up(name))]

    assert reps([*exercise(name, 3, PACE_S.get(name, 2.0), depth=0.5), *back], noise=0.01) == {}


@pytest.mark.parametrize("name", ["squat", "curl", "press", "push-up"])
def test_people_of_other_sizes_and_quicker(name: str) -> None:
    script = exercise(name, 3, seconds=1.2, rest_s=0.1)

    assert reps(script, script, statures=(1.5, 1.95), noise=0.01) == {name: 6}


def test_without_depth_the_picture_is_enough_from_the_side() -> None:
    for name in ("squat", "push-up", "deadlift", "sit-up", "lunge"):
        assert reps(exercise(name, 3), metric=False, heading=90, noise=0.003) == {name: 3}


@pytest.mark.parametrize("name", ["curl", "lunge"])
def test_sides_take_turns(name: str) -> None:
    if name == "curl":
        one: Script = [(1.0, Form(arm=8, fore=135, arm_right=3, fore_right=10)), (1.0, STAND), (0.3, STAND)]
    else:
        one = repetition(name, rest_s=0.3)
    script = [(1.0, STAND), *one, *mirrored(one), *one]

    found = only("rep", script, noise=0.005)

    assert [(event.label, event.evidence["left"]) for event in found] == [(name, 1.0), (name, 0.0), (name, 1.0)]


def _moving() -> Iterator[object]:
    walk = [(0.5, Form(thigh=25, shank=20, thigh_right=-20, shank_right=-45, arm=-20, arm_right=20))]
    steps = [step for i in range(6) for step in (walk if i % 2 else mirrored(walk))]
    yield pytest.param([(1.0, STAND), *steps, (1.0, STAND)], id="walking on the spot")
    up = Form(arm=170, fore=175)
    yield pytest.param([(1.0, STAND), (1.0, up), (1.0, up), (1.0, STAND), (1.0, STAND)], id="hands up")
    wave = [(0.3, Form(arm_right=100, fore_right=angle)) for angle in (150, 190, 150, 190)]
    yield pytest.param([(1.0, STAND), *wave, (1.0, STAND)], id="waving")
    hips = Form(arm=-20, fore=40, arms_out=45, fore_out=-50)
    yield pytest.param([(1.0, STAND), (0.8, hips), (1.0, hips), (0.8, STAND), (0.8, STAND)], id="hands on the hips")
    sit = Form(trunk=10, thigh=88, shank=0, arm=40, fore=60)
    yield pytest.param([(1.0, STAND), (1.2, sit), (2.0, sit), (1.2, STAND), (1.0, STAND)], id="a chair")
    row = Form(trunk=65, thigh=20, shank=-20, arm=5, fore=5)
    pull = replace(row, arm=-50, fore=30)
    yield pytest.param([(1.0, STAND), (1.0, row), *[(0.8, pull), (0.8, row)] * 3, (4.0, row)], id="a bent row")
    yield pytest.param([(1.0, STAND), *set_up("push-up"), (4.0, PLANK)], id="a plank")
    yield pytest.param(
        [(1.0, STAND), (1.0, RACK), (3.0, RACK), (1.0, STAND), (1.0, STAND)], id="a bar on the shoulders"
    )


@pytest.mark.parametrize("script", list(_moving()))
def test_other_movements_count_as_nothing(script: Script) -> None:
    for heading in (0, 60):
        assert reps(script, heading=heading, noise=0.01) == {}


def test_lateral_raises_are_none_of_the_exercises() -> None:
    side = Form(arm=0, fore=0, arms_out=88, fore_out=88)
    script = [(1.0, STAND), *[(1.0, side), (1.0, STAND)] * 3, (1.0, STAND)]

    assert reps(script, heading=0, noise=0.01) == {}


@pytest.mark.parametrize(
    ("name", "part"), [("squat", "knee"), ("push-up", "elbow"), ("curl", "wrist"), ("lunge", "ankle")]
)
def test_what_is_needed_and_not_seen_gives_no_verdict(name: str, part: str) -> None:
    assert reps(exercise(name, 2), hide=(f"left_{part}", f"right_{part}")) == {}


def test_what_only_throughout_names_may_be_out_of_sight_but_not_out_of_bounds() -> None:
    hips = ("left_hip", "right_hip")
    upright = Exercise("up", EFFORT, throughout={"trunk_tilt": Band(below=20)})
    leaning = replace(upright, throughout={"trunk_tilt": Band(above=60)})
    needed = replace(upright, phases={**EFFORT, "top": Phase({**EFFORT["top"].pose, "trunk_tilt": Band(below=20)})})

    def counted(one: Exercise, **how: object) -> int:
        done = analyze(perform(exercise("press", 3), **how), exercises=[one])  # type: ignore[arg-type]
        return len(done.labels("rep"))

    assert [counted(each) for each in (upright, leaning, needed)] == [3, 0, 3]
    assert [counted(each, hide=hips) for each in (upright, leaning, needed)] == [3, 3, 0]


def test_a_squat_seen_from_one_side_is_counted_without_asymmetry() -> None:
    found = only("rep", exercise("squat", 2), heading=90, hide=("right_knee", "right_ankle", "right_hip"))

    assert len(found) == 2
    assert all("asymmetry" not in event.evidence for event in found)


# Two exercises that the same movement does.
BEND = Exercise("bend", {"long": Phase({"knee": Band(below=35)}, min_s=0.3), "short": Phase({"knee": Band(above=60)})})
FOLDED = Phase({"knee": Band(above=60), "hip": Band(above=50)})
DEEP = Exercise("deep", {"long": Phase({"knee": Band(below=50)}, min_s=0.3), "short": FOLDED})


def test_one_movement_is_one_repetition_of_the_exercise_that_asks_for_most() -> None:
    for exercises in ((BEND, DEEP), (DEEP, BEND)):
        done = analyze(perform(exercise("squat", 3)), exercises=exercises)
        assert done.labels("rep") == ["deep"] * 3

    # What asks for less is done first, and waits for what asks for more.
    late = replace(DEEP, phases={**DEEP.phases, "long": Phase({"knee": Band(below=20)}, min_s=0.3)})
    assert analyze(perform(exercise("squat", 3)), exercises=(BEND, late)).labels("rep") == ["deep"] * 3


def test_what_asks_for_more_but_is_not_done_does_not_stop_the_other() -> None:
    never = replace(DEEP, phases={**DEEP.phases, "short": Phase({"knee": Band(above=60), "hip": Band(above=170)})})

    assert analyze(perform(exercise("squat", 3)), exercises=(BEND, never)).labels("rep") == ["bend"] * 3


def test_three_phases_are_passed_in_their_order() -> None:
    squat, press = EFFORTS["squat"][1], EFFORTS["press"][1]
    thruster = Exercise("thruster", {
        "stand": Phase({"knee": Band(below=35), "hand_height": Band(below=0.1)}, min_s=0.3),
        "down": Phase({"knee": Band(above=80)}),
        "up": Phase({"knee": Band(below=35), "hand_height": Band(above=0.2)}),
    })  # fmt: skip
    right: Script = [(1.0, STAND), *[(1.0, squat), (1.0, press), (1.0, STAND)] * 2]
    wrong: Script = [(1.0, STAND), *[(1.0, press), (1.0, squat), (1.0, STAND)] * 2]

    assert analyze(perform(right), exercises=[thruster]).labels("rep") == ["thruster"] * 2
    assert analyze(perform(wrong), exercises=[thruster]).labels("rep") == []


BOTTOM = EFFORTS["squat"][1]
LOW = EFFORTS["push-up"][1]
FAULTY: dict[str, tuple[str, Form]] = {
    "fault_knee_valgus": ("squat", replace(BOTTOM, knees_in=12)),
    "fault_lean": ("squat", replace(BOTTOM, trunk=61)),
    "fault_shallow": ("squat", Form(trunk=35, thigh=66, shank=-25, arm=80, fore=80)),
    "fault_asymmetry": ("squat", replace(BOTTOM, shank=-42, shank_right=0)),
    "fault_hip_sag": ("push-up", replace(LOW, trunk=75, thigh=-100, shank=-100)),
}


@pytest.mark.parametrize("fault", FAULTY)
def test_faults_are_told_and_good_repetitions_have_none(fault: str) -> None:
    name, form = FAULTY[fault]
    heading = 20 if fault == "fault_knee_valgus" else 60
    rest = EFFORTS[name][0]
    (faulty,) = only("rep", [*set_up(name), (0.6, rest), (1.0, form), (1.0, rest), (0.5, rest)], heading=heading)
    good = only("rep", exercise(name, 2), heading=heading)

    assert faulty.label == name
    assert faulty.evidence.get(fault) == 1.0, faulty.evidence
    assert [key for event in good for key in event.evidence if key.startswith("fault_")] == []


def test_who_does_not_stand_up_between_two_squats_does_not_lock_out() -> None:
    bent = Form(trunk=20, thigh=30, shank=-23)
    first, second = only(
        "rep",
        [*set_up("squat"), (1.0, BOTTOM), (1.0, bent), (0.5, bent), (1.0, BOTTOM), (1.0, STAND), (1.0, STAND)],
        heading=60,
    )

    assert "fault_lock_out" not in first.evidence
    assert second.evidence["lock_out"] == pytest.approx(53, abs=4)
    assert second.evidence["fault_lock_out"] == 1.0


def test_knees_are_judged_from_the_front_only() -> None:
    seen = {heading: only("rep", exercise("squat", 1), heading=heading)[0].evidence for heading in (0, 90)}

    assert seen[0]["knee_ratio"] > 0.7
    assert "knee_ratio" not in seen[90]


def test_a_set_ends_after_a_pause_by_frames_or_by_the_clock() -> None:
    script = [*exercise("squat", 3), (12.0, STAND), *repetition("squat"), (1.0, STAND)]
    records = list(perform(script, fps=10))
    last_s = (records[-1].stamp.captured_at_us - START_US) / 1e6
    ticks = [Record(stamp_at(last_s + s), Tick("live")) for s in (1.0, 5.0, 15.0)]

    done = analyze([*records, *ticks])

    sets = [event for event in done.events if event.kind == "set"]
    assert [(event.label, event.value) for event in sets] == [("squat", 3.0), ("squat", 1.0)]
    counted = [event for event in done.events if event.kind == "rep"]
    assert (sets[0].at_us, sets[0].end_us) == (counted[0].at_us, counted[2].end_us)
    assert len(done.measures) == len(records) + 1  # the second set ends with the leave, told with a Measures of nobody


def test_a_set_tells_means_and_how_much_slower_it_became() -> None:
    paced = [step for seconds in (2.0, 2.4, 2.8) for step in repetition("squat", seconds)]
    records = list(perform([*set_up("squat"), *paced, (11.0, STAND)], fps=30))

    done = analyze(records)

    (told,) = [event for event in done.events if event.kind == "set"]
    counted = [event.evidence for event in done.events if event.kind == "rep"]
    assert told.evidence["tempo_loss"] == pytest.approx(0.4, abs=0.08)
    for name in ("seconds", "depth", "range", "asymmetry"):
        assert told.evidence[name] == pytest.approx(np.mean([each[name] for each in counted]), abs=0.002)


def test_a_set_ends_when_its_person_leaves() -> None:
    records = list(perform(exercise("curl", 2), fps=10))
    last_s = (records[-1].stamp.captured_at_us - START_US) / 1e6

    done = analyze([*records, Record(stamp_at(last_s + 3.0), Tick("live"))])

    assert [event.kind for event in done.events][-2:] == ["leave", "set"]


def test_states_saved_and_loaded_after_each_frame_change_nothing() -> None:
    codec = AvroStateCodec(SchemaBook(), "analyze", AnalyzeState)
    records = list(perform(exercise("curl", 2), exercise("push-up", 2), exercise("squat", 3), fps=12, noise=0.01))
    stage = AnalyzeStage(AnalyzeOptions(set_pause_s=3.0), LIBRARY)
    state = stage.initial_state("ward")
    events = []
    for record in records:
        state, (_, *new) = stage.step(state, record)
        events += new
        state = codec.decode(codec.encode(state))

    assert events == analyze(records, AnalyzeOptions(set_pause_s=3.0)).events
    assert {event.kind for event in events} >= {"rep", "set"}
    assert len(codec.encode(state)) / len(state.people) < 4096


def test_who_is_away_for_a_moment_goes_on_and_for_longer_begins_again() -> None:
    records = list(perform(exercise("squat", 3), exercise("squat", 3), fps=15))
    short = [r for i, r in enumerate(records) if not 34 <= i < 40]
    assert [e.value for e in analyze(short).events if e.kind == "rep"] == [1, 1, 2, 2, 3, 3]

    # The second repetition of the first person, 3.8 to 6 s.
    half = [r for i, r in enumerate(records) if not 65 <= i < 85]
    assert [e.value for e in analyze(half).events if e.kind == "rep"][-2:] == [2, 2]


def test_a_wrong_exercise_is_told() -> None:
    with pytest.raises(ConfigError, match="allowed: less than 30"):
        Band(above=90, below=30)
    with pytest.raises(ConfigError, match="neither"):
        Band()
    long = BEND.phases["long"]
    for wrong, text in (
        (replace(BEND, phases={"long": long}), "at least 2"),
        (replace(BEND, phases={"long": long, "short": Phase({"kne": Band(above=60)})}), "did you mean knee?"),
        (replace(BEND, phases={"long": long, "short": Phase({"knee": Band(above=40)})}), "lie apart"),
        (replace(BEND, throughout={"other_knee": Band(below=60)}), "unknown measure"),
        (replace(BEND, not_in=("standing",)), "did you mean stand?"),
        (replace(BEND, checks={"a": Check("trunk_tilt", take="asymmetry")}), "allowed: elbow"),
        (replace(BEND, checks={"a": Check("knee", phase="shor")}), "did you mean short?"),
        (replace(BEND, name="my bend"), "letters"),
    ):
        with pytest.raises(ConfigError, match=text.replace("?", r"\?")):
            AnalyzeStage(exercises=[wrong])
    with pytest.raises(ConfigError, match="given twice"):
        AnalyzeStage(exercises=[BEND, BEND])
