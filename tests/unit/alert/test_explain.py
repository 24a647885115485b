from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.core.zones import Scene
from stages.alert import CAMERA_SILENT, FALL, Rule
from stages.alert.conditions import Condition, Count, MeasureIs, Within
from stages.alert.explain import seconds, sentence, what_is_missing, what_it_does, what_it_reads
from stages.alert.rules import Step
from stages.alert.schedules import Hours
from tests.unit.alert.scripts import FAST, LIES, ZONES, event, people, rule


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (LIES, "the posture is lie"),
        (Condition(posture=("lie", "sit", "kneel"), for_s=90), "the posture is lie, sit or kneel for 90 s"),
        (FAST, "speed is above 2 body heights/s (until it is back at 1.5)"),
        (Condition(measure=MeasureIs("left_knee", below=20)), "left_knee is below 20 degrees"),
        (Condition(not_=Condition(zone=("bed",))), "not (the person is in bed)"),
        (
            Condition(all=(LIES, Condition(any=(FAST, LIES)))),
            f"the posture is lie and ({sentence(FAST)} or {sentence(LIES)})",
        ),
        (people(at_least=2), "there are at least 2 people in view"),
        (Condition(count=Count(at_most=1, of=LIES)), "there are at most 1 people for whom the posture is lie"),
        (event("rep", "squat", within_s=60), "an event rep squat came within the last 1 minute"),
        (
            event("fall", "confirmed", times=3, within_s=3600, until=("recovered",)),
            "3 events fall confirmed came within the last 1 hour and no recovered since",
        ),
        (Condition(within=Within(FAST, LIES, 5)), f"({sentence(FAST)}) and then, within 5 s, (the posture is lie)"),
        (Condition(camera=("stalled",)), "the camera is stalled"),
    ],
)
def test_conditions_in_words(condition: Condition, text: str) -> None:
    assert sentence(condition) == text


def test_what_a_rule_does() -> None:
    full = rule(
        LIES,
        for_s=5,
        settle_s=2,
        cool_down_s=60,
        zones=("left",),
        schedule=(Hours(days=("mon",), from_="22:00", to="06:00"),),
        escalate=(Step(120, "critical"),),
        inhibited_by=("fall",),
    )

    assert what_it_does(full) == [
        "Opens a warning incident for each person in left when the posture is lie for 5 s.",
        "Opens only on mon from 22:00 to 06:00 (UTC); what is open then goes on.",
        "Opens none while fall has an open one of the same person or camera.",
        "Becomes critical 2 minutes after it opened.",
        "While it is unknown (out of view, or not measured) nothing opens and nothing ends; up to 2 s of that count as"
        " if nothing had changed.",
        "Ends when that is no longer so and that lasts 2 s.",
        "Ends by the clock after 10 minutes without evidence.",
        "For 1 minute after its end what comes and goes opens no new one; what lasts longer does.",
    ]
    assert what_it_reads(full) == ["the posture of people", "where people stand: zone left"]


def test_the_built_in_rules_lack_nothing() -> None:
    for each in (FALL, CAMERA_SILENT):
        assert what_it_does(each)
        assert what_it_reads(each)
        assert what_is_missing(each, {}) == []


@pytest.mark.parametrize(
    ("one", "missing"),
    [
        (Rule(name="r", kind="wave", opens={"on": "info"}), "no stage decides events of kind wave"),
        (replace(FALL, closes=("recoverd",)), "has the label recoverd"),
        (rule(event("fall", "confirmd")), "has the label confirmd"),
        (rule(event("zone", "lft:enter")), "no zone gives the event lft:enter"),
        (rule(event("zone", "left:entr")), "no zone gives the event left:entr"),
        (rule(Condition(measure=MeasureIs("speed", above=2))), "speed has no `clear`"),
        (rule(event("rep"), for_s=3.0), "counts for one frame only"),
        (rule(LIES, scope="camera"), "`resolve` can end it"),
        (replace(CAMERA_SILENT, zones=("left",)), "a camera is in no zone"),
        (rule(LIES, zones=("left",), cameras=("gym",)), "none of its zones lies on the camera gym"),
    ],
)
def test_what_is_missing_is_told(one: Rule, missing: str) -> None:
    said = what_is_missing(one, {"ward": ZONES, "gym": Scene()})

    assert any(missing in each for each in said), said


@pytest.mark.parametrize(
    ("value", "text"), [(0.5, "0.5 s"), (60, "1 minute"), (90, "90 s"), (7200, "2 hours"), (86400, "1 day")]
)
def test_durations_in_words(value: float, text: str) -> None:
    assert seconds(value) == text
