from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stages.analyze import Band, Exercise, Phase
from stages.analyze.features import COLUMNS
from stages.analyze.looks import Shown, look_at
from stages.analyze.moves import RepTable
from stages.analyze.plan import Plan, plan_of
from stages.analyze.reps import count_reps
from tests.unit.analyze.figures import (
    BEND,
    HALF_SQUAT,
    KNEEL,
    SIT,
    SQUAT,
    STAND,
    TIE_SHOES,
    Clip,
    Pose,
    Script,
    hold,
    squats,
    turned,
)
from tests.unit.analyze.run import analyze, seconds


def reps(script: Script, **clip: object) -> list[float | None]:
    done = analyze(Clip([script], **clip).records())  # type: ignore[arg-type]
    return [event.value for event in done.events if event.kind == "rep"]


@pytest.mark.parametrize("fps", [5, 10, 30])
@pytest.mark.parametrize("heading", [0, 60, 90, 200])
def test_squats_are_counted_from_all_sides_at_any_rate(fps: float, heading: float) -> None:
    assert reps(turned(squats(4), heading), fps=fps, noise=0.008) == [1, 2, 3, 4]


@pytest.mark.parametrize("seed", range(3))
def test_quick_squats_without_a_rest_are_counted(seed: int) -> None:
    assert reps(squats(5, down_s=0.6, rest_s=0.1), fps=15, noise=0.008, seed=seed) == [1, 2, 3, 4, 5]


def test_a_repetition_carries_its_evidence() -> None:
    done = analyze(Clip([squats(1)]).records())

    rep = done.of("rep", "squat")
    assert rep.end_us is not None
    assert 1.0 <= seconds(rep.at_us) < 1.6
    assert 2.5 < seconds(rep.end_us) <= 3.0
    assert rep.evidence["knee_flexion"] == pytest.approx(115, abs=3)
    assert rep.evidence["seconds"] == pytest.approx(seconds(rep.end_us) - seconds(rep.at_us), abs=0.01)
    assert 0.4 < rep.evidence["depth"] < 0.6


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(squats(4, depth=HALF_SQUAT), id="half squats"),
        pytest.param(hold((1, STAND), (1, SIT), (2, SIT), (1, STAND), (1, STAND)), id="a chair"),
        pytest.param(hold((1, STAND), (1, BEND), (1, BEND), (1, STAND), (1, STAND)), id="bending"),
        pytest.param(hold((1, STAND), (1, KNEEL), (1, KNEEL), (1, STAND), (1, STAND)), id="kneeling"),
        pytest.param(hold((1, STAND), (1, TIE_SHOES), (4, TIE_SHOES), (1, STAND), (1, STAND)), id="tying shoes"),
        pytest.param(hold((1, SQUAT), (1, STAND), (1, STAND)), id="standing up"),
        pytest.param(hold((1, STAND), (1, SQUAT), (2, SQUAT)), id="not back up"),
    ],
)
def test_what_is_no_repetition(script: Script) -> None:
    for heading in (0, 60, 180):
        assert reps(turned(script, heading), noise=0.008) == []


def test_getting_into_position_is_not_counted() -> None:
    stoop = Pose(trunk=50, thigh=80, shank=-20, x=-0.8)
    set_up = hold((0.2, replace(STAND, x=-2)), (1.5, replace(STAND, x=-0.8)), (0.6, stoop), (0.8, STAND), (1.0, STAND))
    start_s = set_up[-1].at_s
    script = set_up + [replace(moment, at_s=moment.at_s + start_s) for moment in squats(3)]

    assert reps(script, noise=0.005) == [1, 2, 3]


@pytest.mark.parametrize("knee", [35.0, 80.0, 95.0])
def test_jitter_at_a_threshold_adds_nothing(knee: float) -> None:
    edge = Pose(trunk=30, thigh=knee * 0.65, shank=-knee * 0.35)
    script = hold((1.0, STAND), (1.0, edge), (1.5, edge), (1.0, STAND), (1.0, STAND))

    counts = [reps(script, fps=30, noise=0.02, seed=seed) for seed in range(4)]

    assert max(map(len, counts)) <= 1


def test_a_gap_in_the_middle_is_no_repetition_and_the_count_goes_on() -> None:
    clip = Clip([squats(3)], away=((0, 3.9, 4.9),))

    done = analyze(clip.records())

    assert [e.value for e in done.events if e.kind == "rep"] in ([1, 2], [1, 2, 3])
    assert done.labels("leave") == []


def test_hidden_knees_count_nothing() -> None:
    assert reps(squats(2), hide=("left_knee", "right_knee")) == []


DIP = Exercise(
    "dip",
    {"up": Phase({"knee": Band(below=35)}, min_s=0.3), "down": Phase({"knee": Band(above=80)})},
    not_in=("sit", "kneel"),
)


class Person:
    """One person, of whom nothing but some measures is seen, in frames at 15 a second."""

    def __init__(self, exercise: Exercise, steady_s: float) -> None:
        self.plan: Plan = plan_of([exercise])
        self.steady_s = steady_s
        self.table: RepTable | None = None
        self.frames = self.done = 0

    def shows(self, **measures: float | None) -> None:
        features = np.full((1, 1, len(COLUMNS)), np.nan, np.float32)
        for name, value in measures.items():
            features[0, 0, COLUMNS[name]] = np.nan if value is None else value
        times_us = [1_000_000 + 66_667 * self.frames]
        shown = Shown(times_us, np.array([7]), features, np.zeros((1, 1, 2), np.float32), np.array([[400.0]]))
        self.table, (look,) = look_at(self.table, self.plan, shown, max_gap_s=1.0, steady_s=self.steady_s)
        self.done += len(count_reps(self.table, self.plan, look, np.zeros(1, np.int64), max_gap_s=1.0))
        self.frames += 1


@pytest.mark.parametrize(("steady_s", "count"), [(0.1, 1), (0.001, 0)])
def test_one_wrong_frame_does_not_end_a_phase(steady_s: float, count: int) -> None:
    person = Person(DIP, steady_s)
    # Ready after 0.3 s, but for the one knee of 45 degrees.
    for knee in [20, 20, 45, 20, 20, 20, 120, 120, 120, 120, 120, 20, 20, 20]:
        person.shows(knee=knee)
    assert person.done == count


STEP = Exercise(
    "step",
    {
        "up": Phase({"hip_drop": Band(below=0.2), "feet_apart": Band(below=0.3)}, min_s=0.3),
        "down": Phase({"hip_drop": Band(above=0.35), "feet_apart": Band(above=0.28)}),
    },
    min_s=0.2,
    max_s=5,
)
"""Hips tell its phases apart, feet do not."""


@pytest.mark.parametrize(
    ("hips", "feet", "count"),
    [
        pytest.param([0.6] * 4, [0.5] * 4, 1, id="all in sight"),
        pytest.param([0.6] * 4, [None] * 4, 1, id="feet hidden all the way down"),
        pytest.param([0.6] * 4, [None, 0.5, None, None], 1, id="feet hidden for a part"),
        pytest.param([0.6] * 4, [0.1] * 4, 0, id="feet together: another exercise"),
        pytest.param([0.6] * 8, [0.1, None, None, 0.1, 0.1, 0.1, 0.1, 0.1], 0, id="feet together, hidden for a moment"),
        pytest.param([None] * 4, [0.5] * 4, 0, id="hips hidden: nothing tells the phases"),
        pytest.param([0.3] * 4, [None] * 4, 0, id="half the way down, feet hidden"),
        pytest.param([0.6] * 40, [None] * 40, 0, id="feet hidden for too long"),
    ],
)
def test_what_is_out_of_sight_for_a_moment_decides_nothing(
    hips: list[float | None], feet: list[float | None], count: int
) -> None:
    person = Person(STEP, steady_s=0.001)
    stand: list[float | None] = [0.0] * 8
    for drop, apart in zip([*stand, *hips, *stand], [*stand, *feet, *stand], strict=True):
        person.shows(hip_drop=drop, feet_apart=apart)
    assert person.done == count


def test_exercises_are_data() -> None:
    done = analyze(Clip([squats(2)]).records(), exercises=[DIP])

    assert done.labels("rep") == ["dip", "dip"]


def test_counts_outlive_a_change_of_the_list_of_exercises() -> None:
    records = list(Clip([squats(4)]).records())
    half = len(records) // 2
    first = analyze(records[:half], exercises=[DIP])

    second = analyze(records[half:], None, first.state, [replace(DIP, name="other", phases={
        "up": Phase({"elbow": Band(below=35)}), "down": Phase({"elbow": Band(above=80)})}), DIP])  # fmt: skip

    assert [e.value for e in second.events if e.kind == "rep"][-1] == 4


def test_a_state_of_before_hidden_phases_were_counted_goes_on() -> None:
    records = list(Clip([squats(4)]).records())
    half = len(records) // 2
    first = analyze(records[:half])
    assert first.state.moves is not None
    first.state.moves.hidden_s = np.zeros((len(first.state.moves.track_id), 0), np.float32)

    second = analyze(records[half:], None, first.state)

    assert [e.value for e in second.events if e.kind == "rep"][-1] == 4


def test_same_input_gives_the_same_bytes() -> None:
    clip = Clip([squats(2), turned(squats(2), 90)], noise=0.01)
    one, two = analyze(clip.records()), analyze(clip.records())

    assert one.events == two.events
    for a, b in zip(one.measures, two.measures, strict=True):
        assert a.angles.tobytes() == b.angles.tobytes()
        assert a.scalars.tobytes() == b.scalars.tobytes()
        assert np.array_equal(a.posture, b.posture)
