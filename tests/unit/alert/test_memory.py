"""What a camera remembers for its rules, and what its incidents are called."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pipeline.codec.schemas import SchemaBook
from pipeline.codec.states import AvroStateCodec
from pipeline.core.errors import ConfigError
from pipeline.core.records import Record, Tick
from stages.alert import FALL, AlertOptions, AlertStage, AlertState
from stages.alert.conditions import Condition, Within
from stages.alert.look import MOST_PEOPLE
from stages.alert.rules import Step
from stages.alert.trial import Happening, Shown, Trial, TrialStep, records
from tests.unit.alert.scripts import CAMERA, FAST, LIES, at, event, people, played, rule, taken


def test_ids_are_made_of_what_it_is() -> None:
    script = Trial(name="t", steps=(at(0, p1="lie", p2="lie"), at(3, p1="stand"), at(5, p1="lie")))
    options = AlertOptions(rules=(rule(LIES),))

    steps = played(script, options)

    assert steps == played(script, options)
    assert len({step.incident_id for step in steps}) == 3
    assert [step.version for step in steps] == [1, 1, 2, 1]


MANY = AlertOptions(
    rules=(
        FALL,
        rule(LIES, name="lying", for_s=2.0, settle_s=1.0, cool_down_s=4.0, inhibited_by=("fall",)),
        rule(FAST, name="fast", resolve=Condition(posture=("lie",)), escalate=(Step(3.0, "critical"),)),
        rule(Condition(within=Within(FAST, LIES, 5.0)), name="ran-down", scope="camera"),
        rule(people(at_least=2), name="crowd", scope="zone", zones=("left", "right")),
        rule(event("fall", times=2, within_s=60), name="often"),
    ),
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
    undisturbed = played(script, MANY, CAMERA)

    assert len(undisturbed) > 20
    assert played(script, MANY, CAMERA, saved=True) == undisturbed


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
            state, steps = taken(stage, state, record)
            start_us = record.stamp.captured_at_us - record.stamp.seq * 100_000
            out += [(step.rule, (step.at_us - start_us) / 1e6) for step in steps if step.state == "new"]
        return out

    assert opened(after) == [("more", 1.0), ("new", 4.0), ("kept", 5.0)]
    assert opened(changed) == [("more", 1.0)]


def test_the_state_is_bounded() -> None:
    stage, state = AlertStage(MANY, CAMERA), AlertState()
    codec = AvroStateCodec(SchemaBook(), "alert", AlertState)
    steps = tuple(at(0.2 * i, **{f"p{i + 1}": "stand", f"p{i}": None}) for i in range(1, 1500))

    for record in records(Trial(name="t", steps=steps, fps=5.0)):
        state, _ = taken(stage, state, record)

    assert len(state.people) <= MOST_PEOPLE + 1
    assert len(state.incidents) < 200
    assert len(codec.encode(state)) / len(state.people) < 1024


def test_who_was_long_out_of_view_is_forgotten() -> None:
    stage, state = AlertStage(AlertOptions(rules=(rule(LIES),))), AlertState()
    steps = (at(0, p1="stand"), at(1, p1=None), at(200, p2="stand"))

    for record in records(Trial(name="t", steps=steps, fps=5.0)):
        state, _ = taken(stage, state, record)

    assert len(state.people) == 2


def test_measures_of_older_history_have_fewer_columns() -> None:
    stage, state = AlertStage(AlertOptions(rules=(rule(Condition(not_=FAST)), rule(LIES, name="lying")))), AlertState()
    (first, *_) = [each for each in records(Trial(name="t", steps=(at(0, p1="lie"),))) if each.stamp.seq == 1]
    assert not isinstance(first.value, Tick)

    state, steps = stage.step(state, Record(first.stamp, replace(first.value, scalars=first.value.scalars[:, :2])))

    assert [step.rule for step in steps] == ["lying"]


def test_rules_that_remember_too_much_are_refused() -> None:
    much = tuple(rule(event("rep", times=32, within_s=60), name=f"r{i}") for i in range(12))

    with pytest.raises(ConfigError, match="rules remember 408 numbers of each person, allowed: at most 400"):
        AlertStage(AlertOptions(rules=much))
