"""Rules with a condition: the life of their incidents."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stages.alert import FALL, AlertOptions
from stages.alert.conditions import Condition
from stages.alert.rules import Step
from stages.alert.trial import Happening, Trial
from tests.unit.alert.scripts import FAST, LIES, at, came, event, lives, people, played, rule

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


def test_the_numbers_go_along() -> None:
    when = Condition(all=(FAST, people(at_least=1), event("rep", within_s=1)))
    script = Trial(name="t", steps=(at(0, Happening("rep", "squat", 1, evidence={"depth": 0.5}), p1=3.0),))

    (step,) = played(script, AlertOptions(rules=(rule(when),)))

    assert dict(step.evidence) == {"speed": 3.0, "people": 1.0, "depth": 0.5}
