"""Rules with a condition: the life of their incidents."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pipeline.codec.schemas import SchemaBook
from pipeline.codec.states import AvroStateCodec
from pipeline.core.errors import ConfigError
from pipeline.core.records import Record, Tick
from pipeline.core.values import Transition
from stages.alert import FALL, AlertOptions, AlertStage, AlertState, Rule
from stages.alert.conditions import Condition, Within
from stages.alert.look import MOST_PEOPLE
from stages.alert.rules import Step
from stages.alert.trial import Happening, Shown, Trial, TrialStep, records
from tests.unit.alert.scripts import FAST, LEFT, LIES, RIGHT, at, came, event, lives, people, rule

FALLS = Happening("fall", "suspected", 1)


@pytest.mark.parametrize("period_s", [0.2, 1.0, 9.0])
def test_a_thousand_flickers_are_one_incident(period_s: float) -> None:
    calm = rule(LIES, cool_down_s=30.0)
    down = at(0, times=1000, every_s=period_s, p1="lie")
    up = at(period_s / 2, times=1000, every_s=period_s, p1="stand")

    incidents = came(calm, down, up, lasts_s=1000 * period_s + 60, fps=10.0 / period_s if period_s > 1 else 10.0)

    assert len(incidents) == 1


def test_a_measure_that_is_noisy_at_its_limit_is_one_incident() -> None:
    noise = np.random.default_rng(5).normal(2.0, 0.15, 1000)
    steps = [at(0.1 * i, p1=float(value)) for i, value in enumerate(noise)]

    assert len(came(rule(FAST), *steps)) == 1


def test_what_comes_back_while_it_settles_goes_on() -> None:
    slow = rule(LIES, settle_s=3.0)

    steps = [at(0, p1="lie"), at(2, p1="stand"), at(4, p1="lie"), at(6, p1="stand")]

    assert lives(came(slow, *steps, lasts_s=12)) == [(0.0, 9.0)]


def test_time_without_a_verdict_does_not_settle() -> None:
    slow = rule(LIES, settle_s=6.0)

    steps = [at(0, p1="lie"), at(2, p1="stand"), at(3, p1="unknown"), at(13, p1="stand")]

    # 10.1 s without a verdict, of which 2 s count.
    assert lives(came(slow, *steps, lasts_s=20)) == [(0.0, pytest.approx(16.1, abs=0.11))]


def test_what_lasts_longer_than_the_cool_down_opens_again() -> None:
    calm = rule(LIES, cool_down_s=5.0)

    steps = [at(0, p1="lie"), at(1, p1="stand"), at(3, p1="lie")]

    assert lives(came(calm, *steps, lasts_s=10)) == [(0.0, 1.0), (6.0, None)]


def test_nothing_opens_out_of_the_cool_down_without_a_verdict() -> None:
    calm = rule(LIES, cool_down_s=5.0)

    steps = [at(0, p1="lie"), at(1, p1="stand"), at(3, p1="lie"), at(4, p1="unknown")]

    assert lives(came(calm, *steps, lasts_s=30)) == [(0.0, 1.0)]


def test_it_ends_by_the_clock_without_evidence() -> None:
    short = rule(LIES, hold_s=10.0)

    (incident,) = came(short, at(0, p1="lie"), at(1, p1=None), lasts_s=20)

    assert incident.ended_s == pytest.approx(10.9)


def test_a_condition_of_its_own_may_end_it() -> None:
    until_up = rule(LIES, resolve=Condition(posture=("stand",), for_s=2.0))

    steps = [at(0, p1="lie"), at(3, p1="sit"), at(5, p1="stand")]

    assert lives(came(until_up, *steps, lasts_s=10)) == [(0.0, 7.0)]


def test_severity_rises_while_it_lasts() -> None:
    graver = rule(LIES, severity="info", escalate=(Step(5.0, "warning"), Step(20.0, "critical")))

    assert [each.severity for each in came(graver, at(0, p1="lie"), at(4, p1="stand"))] == ["info"]
    assert [each.severity for each in came(graver, at(0, p1="lie"), at(6, p1="stand"))] == ["warning"]
    # The clock goes on for who is out of view, and while the camera gives nothing.
    assert [each.severity for each in came(graver, at(0, p1="lie"), at(6, p1=None), lasts_s=21)] == ["critical"]
    silent = replace(at(6), camera="stalled")
    assert [each.severity for each in came(graver, at(0, p1="lie"), silent, lasts_s=21)] == ["critical"]


def test_a_rule_of_events_escalates_too() -> None:
    graver = replace(FALL, escalate=(Step(30.0, "critical"),))

    (incident,) = came(graver, at(0, FALLS, p1="lie"), lasts_s=40)

    assert incident.severity == "critical"


def test_an_open_incident_of_another_rule_stands_before_it() -> None:
    lying = rule(LIES, name="lying", inhibited_by=("fall",))
    other = at(0, FALLS, p1="lie", p2="lie")

    both = came((FALL, lying), other, lasts_s=5)

    assert [(each.rule, each.person) for each in both] == [("fall", 1), ("lying", 2)]


def test_what_still_holds_after_the_other_ended_opens() -> None:
    lying = rule(LIES, name="lying", inhibited_by=("fall",))

    steps = [at(0, FALLS, p1="lie"), at(5, Happening("fall", "dismissed", 1))]

    assert lives(came((FALL, lying), *steps, lasts_s=10)) == [(0.0, 6.0), (6.0, None)]


def test_one_incident_for_each_person_zone_or_camera() -> None:
    steps = [
        at(0, p1=Shown("lie", at=(0.2, 0.5)), p2=Shown("lie", at=(0.3, 0.5))),
        at(1, p3=Shown("lie", at=(0.8, 0.5))),
    ]
    by_zone = rule(LIES, scope="zone", zones=("left", "right"))

    assert [each.person for each in came(rule(LIES), *steps)] == [1, 2, 3]
    assert [(each.zone, each.opened_s) for each in came(by_zone, *steps)] == [("left", 0.0), ("right", 1.0)]
    assert [(each.person, each.opened_s) for each in came(rule(LIES, scope="camera"), *steps)] == [(None, 0.0)]


def test_an_incident_of_the_camera_lasts_while_anyone_is_so() -> None:
    anyone = rule(LIES, scope="camera")

    steps = [at(0, p1="lie", p2="stand"), at(2, p1="stand", p2="lie"), at(4, p2="stand")]

    assert lives(came(anyone, *steps)) == [(0.0, 4.0)]


def test_only_those_in_the_zones_count() -> None:
    crowd = rule(people(at_least=2), scope="zone", zones=("left", "right"))
    left, right = Shown("stand", at=(0.2, 0.5)), Shown("stand", at=(0.8, 0.5))

    incidents = came(crowd, at(0, p1=left, p2=right), at(1, p3=right), at(2, p3=left))

    assert [(each.zone, *lives([each])) for each in incidents] == [("right", (1.0, 2.0)), ("left", (2.0, None))]


def test_a_rule_of_people_in_zones_opens_nothing_where_they_are_unknown() -> None:
    there = rule(LIES, zones=("left",))

    assert came(there, at(0, p1="lie")) == ()
    assert came(there, at(0, p1=Shown("lie", at=(0.8, 0.5)))) == ()
    assert len(came(there, at(0, p1=Shown("lie", at=(0.2, 0.5))))) == 1


def test_excluded_zones_open_nothing() -> None:
    outside = rule(LIES, excluded=(LEFT.corners,))

    assert came(outside, at(0, p1=Shown("lie", at=(0.2, 0.5)))) == ()
    assert len(came(outside, at(0, p1="lie"))) == 1


def test_zones_of_a_rule_of_events() -> None:
    there = replace(FALL, zones=("left",))

    def falls(**where: float) -> int:
        return len(came(there, at(0, Happening("fall", "confirmed", 1, evidence=where))))

    assert (falls(x=0.2, y=0.5), falls(x=0.8, y=0.5), falls()) == (1, 0, 0)


def test_a_zone_is_on_its_cameras_only() -> None:
    there = rule(LIES, zones=("left",))
    options = AlertOptions(rules=(there,), zones=(replace(LEFT, cameras=("ward",)),))
    script = Trial(name="t", steps=(at(0, p1=Shown("lie", at=(0.2, 0.5))),))

    assert [len(_play(replace(script, camera=name), options)) for name in ("ward", "gym")] == [1, 0]


def test_a_rule_is_for_its_cameras_only() -> None:
    for one in (rule(LIES, cameras=("ward",)), replace(FALL, cameras=("ward",))):
        steps = [at(0, FALLS, p1="lie")]
        assert [len(came(one, *steps, camera=name)) for name in ("ward", "gym")] == [1, 0]


def test_ids_are_made_of_what_it_is() -> None:
    script = Trial(name="t", steps=(at(0, p1="lie", p2="lie"), at(3, p1="stand"), at(5, p1="lie")))
    options = AlertOptions(rules=(rule(LIES),))

    steps = _play(script, options)

    assert steps == _play(script, options)
    assert len({step.incident_id for step in steps}) == 3
    assert [step.version for step in steps] == [1, 1, 2, 1]


def test_the_numbers_go_along() -> None:
    when = Condition(all=(FAST, people(at_least=1), event("rep", within_s=1)))
    script = Trial(name="t", steps=(at(0, Happening("rep", "squat", 1, evidence={"depth": 0.5}), p1=3.0),))

    (step,) = _play(script, AlertOptions(rules=(rule(when),)))

    assert dict(step.evidence) == {"speed": 3.0, "people": 1.0, "depth": 0.5}


MANY = AlertOptions(
    rules=(
        FALL,
        rule(LIES, name="lying", for_s=2.0, settle_s=1.0, cool_down_s=4.0, inhibited_by=("fall",)),
        rule(FAST, name="fast", resolve=Condition(posture=("lie",)), escalate=(Step(3.0, "critical"),)),
        rule(Condition(within=Within(FAST, LIES, 5.0)), name="ran-down", scope="camera"),
        rule(people(at_least=2), name="crowd", scope="zone", zones=("left", "right")),
        rule(event("fall", times=2, within_s=60), name="often"),
    ),
    zones=(LEFT, RIGHT),
)


def _script(seed: int) -> Trial:
    """Three people who do this and that."""
    random = np.random.default_rng(seed)
    steps: list[TrialStep] = []
    for i in range(120):
        shown: dict[str, Any] = {}
        for name in ("p1", "p2", "p3"):
            posture = str(random.choice(["lie", "stand", "unknown", "sit"]))
            place = (float(random.random()), 0.5) if random.random() < 0.8 else None
            measures = {"speed": float(random.normal(2.0, 1.0))} if random.random() < 0.8 else {}
            shown[name] = Shown(posture, place, measures) if random.random() < 0.9 else None
        label = str(random.choice(["suspected", "confirmed", "recovered", "dismissed"]))
        events = [Happening("fall", label, 1)] if random.random() < 0.1 else []
        steps.append(at(i * 0.7, *events, **shown))
    return Trial(name="t", steps=tuple(steps))


@pytest.mark.parametrize("seed", range(3))
def test_states_saved_and_loaded_after_each_record_change_nothing(seed: int) -> None:
    script = _script(seed)
    undisturbed = _play(script, MANY)

    assert len(undisturbed) > 20
    assert _play(script, MANY, saved=True) == undisturbed


def test_conditions_that_stay_remember_when_others_come_and_go() -> None:
    kept, more = rule(LIES, name="kept", for_s=5.0), rule(FAST, name="more", for_s=1.0)
    before = AlertStage(AlertOptions(rules=(more, kept)))
    after = AlertStage(AlertOptions(rules=(kept, replace(more, name="new"))))
    changed = AlertStage(AlertOptions(rules=(replace(kept, when=Condition(posture=("lie", "sit"))),)))
    script = Trial(name="t", steps=(at(0, p1=Shown("lie", measures={"speed": 3.0})),), lasts_s=6.0)

    def opened(then: AlertStage) -> list[tuple[str, float]]:
        state, out = AlertState(), []
        for record in records(script):
            stage = before if record.stamp.seq < 30 else then
            state, steps = _take(stage, state, record)
            start_us = record.stamp.captured_at_us - record.stamp.seq * 100_000
            out += [(step.rule, (step.at_us - start_us) / 1e6) for step in steps if step.state == "new"]
        return out

    assert opened(after) == [("more", 1.0), ("new", 4.0), ("kept", 5.0)]
    assert opened(changed) == [("more", 1.0)]


def test_the_state_is_bounded() -> None:
    stage, state = AlertStage(MANY), AlertState()
    codec = AvroStateCodec(SchemaBook(), "alert", AlertState)
    steps = tuple(at(0.2 * i, **{f"p{i + 1}": "stand", f"p{i}": None}) for i in range(1, 1500))

    for record in records(Trial(name="t", steps=steps, fps=5.0)):
        state, _ = _take(stage, state, record)

    assert len(state.people) <= MOST_PEOPLE + 1
    assert len(state.incidents) < 200
    assert len(codec.encode(state)) / len(state.people) < 1024


def test_who_was_long_out_of_view_is_forgotten() -> None:
    stage, state = AlertStage(AlertOptions(rules=(rule(LIES),))), AlertState()
    steps = (at(0, p1="stand"), at(1, p1=None), at(200, p2="stand"))

    for record in records(Trial(name="t", steps=steps, fps=5.0)):
        state, _ = _take(stage, state, record)

    assert len(state.people) == 2


def test_measures_of_older_history_have_fewer_columns() -> None:
    stage, state = AlertStage(AlertOptions(rules=(rule(Condition(not_=FAST)), rule(LIES, name="lying")))), AlertState()
    (first, *_) = [each for each in records(Trial(name="t", steps=(at(0, p1="lie"),))) if each.stamp.seq == 1]
    assert not isinstance(first.value, Tick)

    state, steps = stage.step(state, Record(first.stamp, replace(first.value, scalars=first.value.scalars[:, :2])))

    assert [step.rule for step in steps] == ["lying"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"kind": "fall"}, "are for rules of events"),
        ({"when": None}, "expected `when`, or `kind` and `opens`"),
        ({"scope": "room"}, "'room', allowed: person, zone, camera"),
        ({"scope": "zone"}, "`zones` names none"),
        ({"when": people(at_least=1), "scope": "person"}, "not about single people"),
        ({"name": ""}, "name is missing"),
    ],
)
def test_a_wrong_rule_is_told(change: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        Rule(**{"name": "r", "when": LIES, **change})


def test_rules_that_do_not_fit_together_are_told() -> None:
    with pytest.raises(ConfigError, match="did you mean left"):
        AlertStage(AlertOptions(rules=(rule(LIES, zones=("lefft",)),), zones=(LEFT,)))
    with pytest.raises(ConfigError, match="did you mean fall"):
        AlertOptions(rules=(FALL, rule(LIES, inhibited_by=("fal",))))


def test_rules_that_remember_too_much_are_refused() -> None:
    much = tuple(rule(event("rep", times=32, within_s=60), name=f"r{i}") for i in range(12))

    with pytest.raises(ConfigError, match="rules remember 408 numbers of each person, allowed: at most 400"):
        AlertStage(AlertOptions(rules=much))


def test_a_built_in_rule_may_be_changed_in_parts() -> None:
    assert Rule(like="fall") == replace(FALL, like="fall")
    assert Rule(like="fall", name="own", cool_down_s=60.0) == replace(FALL, like="fall", name="own", cool_down_s=60.0)
    with pytest.raises(ConfigError, match="did you mean fall"):
        Rule(like="falll")


def _take(stage: AlertStage, state: AlertState, record: Record[Any]) -> tuple[AlertState, list[Transition]]:
    step = stage.tick if isinstance(record.value, Tick) else stage.step
    state, steps = step(state, record)
    return state, list(steps)


def _play(script: Trial, options: AlertOptions, *, saved: bool = False) -> list[Transition]:
    stage, state, out = AlertStage(options), AlertState(), []
    codec = AvroStateCodec(SchemaBook(), "alert", AlertState)
    for record in records(script):
        state, steps = _take(stage, state, record)
        out += steps
        if saved:
            state = codec.decode(codec.encode(state))
    return out
