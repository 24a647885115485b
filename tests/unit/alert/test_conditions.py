from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pipeline.core.errors import ConfigError
from stages.alert.conditions import Condition, Count, EventIs, MeasureIs, Within
from stages.alert.trial import Happening, Shown
from tests.unit.alert.scripts import FAST, LIES, at, came, event, lives, people, rule

NOT_FAST = Condition(not_=FAST)


def test_a_measure_has_hysteresis() -> None:
    incidents = came(rule(FAST), at(0, p1=1.0), at(1, p1=1.8), at(2, p1=2.1), at(3, p1=1.8), at(4, p1=1.4))

    assert lives(incidents) == [(2.0, 4.0)]


def test_a_measure_may_be_below() -> None:
    slow = Condition(measure=MeasureIs("speed", below=0.5, clear=0.7))

    assert lives(came(rule(slow), at(0, p1=1.0), at(1, p1=0.4), at(2, p1=0.6), at(3, p1=0.8))) == [(1.0, 3.0)]


def test_a_joint_angle_is_a_measure() -> None:
    bent = Condition(measure=MeasureIs("left_knee", above=90.0))

    incidents = came(rule(bent), at(0, p1=Shown("stand", measures={"left_knee": 100.0})))

    assert lives(incidents) == [(0.0, None)]


def test_an_unknown_measure_neither_opens_nor_ends() -> None:
    unknown = Shown("stand")

    assert came(rule(NOT_FAST), at(0, p1=unknown), lasts_s=5) == ()
    assert lives(came(rule(FAST), at(0, p1=3.0), at(1, p1=unknown), at(4, p1=1.0))) == [(0.0, 4.0)]


def test_an_unknown_posture_neither_opens_nor_ends() -> None:
    upright = rule(Condition(not_=LIES))

    assert came(upright, at(0, p1="unknown"), lasts_s=5) == ()
    assert lives(came(rule(LIES), at(0, p1="lie"), at(1, p1="unknown"), at(4, p1="stand"))) == [(0.0, 4.0)]


def test_who_is_out_of_view_has_no_verdict() -> None:
    assert lives(came(rule(LIES), at(0, p1="lie"), at(1, p1=None), lasts_s=60)) == [(0.0, None)]


@pytest.mark.parametrize(
    ("when", "opens"),
    [
        (Condition(all=(LIES, FAST)), False),
        (Condition(any=(LIES, FAST)), True),
        (Condition(all=(Condition(not_=LIES), FAST)), False),
        (Condition(any=(Condition(not_=LIES), FAST)), False),
        (Condition(not_=Condition(any=(LIES, FAST))), False),
        (Condition(not_=Condition(all=(LIES, FAST))), False),
        (Condition(not_=Condition(all=(Condition(not_=LIES), FAST))), True),
    ],
)
def test_what_is_not_known_decides_nothing(when: Condition, opens: bool) -> None:
    assert bool(came(rule(when), at(0, p1="lie"), lasts_s=2)) is opens


def test_it_must_hold_for_long_enough() -> None:
    patient = rule(LIES, for_s=3.0)

    assert came(patient, at(0, p1="lie"), at(2.9, p1="stand")) == ()
    assert lives(came(patient, at(1, p1="lie"), lasts_s=6)) == [(4.0, None)]


def test_the_incident_began_when_the_condition_became_true() -> None:
    (incident,) = came(rule(LIES, for_s=3.0), at(1, p1="lie"), lasts_s=6)

    assert incident.text == "camera: r, person 1, since 12:00:01"


def test_short_gaps_count_and_long_ones_do_not() -> None:
    patient = rule(LIES, for_s=4.0)
    short = [at(0, p1="lie"), at(1, p1="unknown"), at(2, p1="lie")]
    long = [at(0, p1="lie"), at(1, p1="unknown"), at(11, p1="lie")]

    assert lives(came(patient, *short, lasts_s=20)) == [(4.0, None)]
    # 11 s passed, of which 10.1 s without a verdict, of which 2 s count.
    (incident,) = came(patient, *long, lasts_s=20)
    assert incident.opened_s == pytest.approx(12.1, abs=0.11)


def test_lost_frames_are_a_gap() -> None:
    patient = rule(LIES, for_s=4.0)

    (incident,) = came(patient, at(0, p1="lie"), at(1, p1=None), at(31, p1="lie"), lasts_s=40)

    assert incident.opened_s == pytest.approx(32.1, abs=0.11)


def test_a_part_of_a_condition_may_have_to_hold() -> None:
    when = Condition(all=(Condition(posture=("lie",), for_s=2.0), FAST))
    fast_and_down = Shown("lie", measures={"speed": 3.0})

    assert lives(came(rule(when), at(1, p1=fast_and_down), lasts_s=6)) == [(3.0, None)]


def test_an_event_counts_for_a_while() -> None:
    rep = Happening("rep", "squat", 1, 1.0)

    assert lives(came(rule(event("rep")), at(0, p1="stand"), at(1, rep), lasts_s=5)) == [(1.0, 1.1)]
    assert lives(came(rule(event("rep", within_s=2)), at(0, p1="stand"), at(1, rep), lasts_s=5)) == [(1.0, 3.1)]
    assert came(rule(event("rep", "press")), at(1, rep), lasts_s=5) == ()
    assert came(rule(event("rep", min_value=2)), at(1, rep), lasts_s=5) == ()


def test_an_event_may_count_until_another() -> None:
    down = event("fall", "confirmed", until=("recovered",))
    steps = [at(0, p1="lie"), at(1, Happening("fall", "confirmed", 1)), at(9, Happening("fall", "recovered", 1))]

    assert lives(came(rule(down, for_s=5.0), *steps)) == [(6.0, 9.0)]


def test_an_event_that_counts_on_opens_nothing_for_who_is_out_of_view() -> None:
    down = rule(event("fall", "confirmed", until=("recovered",)), for_s=5.0)
    steps = [at(0, p1="lie"), at(1, Happening("fall", "confirmed", 1)), at(2, p1=None)]

    assert came(down, *steps, lasts_s=20) == ()
    assert lives(came(down, *steps, at(4, p1="lie"), lasts_s=20)) == [(pytest.approx(6.1, abs=0.11), None)]


def test_several_events_within_a_time() -> None:
    often = rule(event("rep", times=3, within_s=10))
    rep = Happening("rep", "squat", 1)

    assert came(often, at(0, rep, times=10, every_s=6), lasts_s=70) == ()
    assert lives(came(often, at(0, rep, times=3, every_s=4), lasts_s=10)) == [(8.0, None)]


def test_events_of_the_camera_count_for_everyone() -> None:
    both = Condition(all=(LIES, event("leave", within_s=1)))

    incidents = came(rule(both), at(0, p1="lie", p2="stand"), at(1, Happening("leave", "leave")))

    assert [each.person for each in incidents] == [1]


def test_who_is_out_of_view_is_judged_by_their_own_events() -> None:
    (incident,) = came(rule(event("leave")), at(0, p1="stand"), at(1, p1=None), at(3, Happening("leave", "leave", 1)))

    assert (incident.person, incident.opened_s) == (1, 3.0)


@pytest.mark.parametrize(("pause_s", "opens"), [(4.0, True), (6.0, False)])
def test_one_thing_then_another(pause_s: float, opens: bool) -> None:
    then = Condition(within=Within(first=FAST, then=LIES, limit_s=5.0))
    steps = [at(0, p1=3.0), at(1, p1=0.0), at(1 + pause_s, p1="lie"), at(12, p1="stand")]

    assert bool(came(rule(then), *steps)) is opens


def test_the_second_thing_must_begin_afterwards() -> None:
    then = rule(Condition(within=Within(first=event("rep"), then=LIES, limit_s=5.0)))

    assert came(then, at(0, p1="lie"), at(2, Happening("rep", "squat", 1)), lasts_s=5) == ()
    steps = [at(0, Happening("rep", "squat", 1), p1="stand"), at(2, p1="lie"), at(20, p1="stand")]
    assert lives(came(then, *steps)) == [(2.0, 20.0)]


def test_people_are_counted() -> None:
    crowd = rule(people(at_least=3))

    assert lives(came(crowd, at(0, p1="sit", p2="sit"), at(1, p3="sit"), at(2, p1=None))) == [(1.0, 2.0)]
    assert lives(came(rule(people(at_most=0), for_s=2.0), at(0, p1="sit"), at(1, p1=None), lasts_s=5)) == [(3.0, None)]


def test_who_may_be_counted_or_not_leaves_it_open() -> None:
    lying = rule(Condition(count=Count(at_least=2, of=LIES)))

    assert came(lying, at(0, p1="lie", p2="unknown"), lasts_s=3) == ()
    assert lives(came(lying, at(0, p1="lie", p2="lie"), at(1, p2="unknown"), at(3, p2="stand"))) == [(0.0, 3.0)]


def test_people_who_leave_by_the_clock_do_not_make_it_empty() -> None:
    # They are told by measures of nobody, while the camera gives no frames.
    silent = replace(at(1, Happening("leave", "leave", 2)), camera="stalled")

    assert came(rule(people(at_most=0)), at(0, p1="sit", p2="sit"), silent, lasts_s=5) == ()


def test_where_people_stand() -> None:
    left = rule(Condition(zone=("left",)))
    steps = [at(0, p1=Shown("stand", at=(0.7, 0.5))), at(1, p1=Shown("stand", at=(0.3, 0.5))), at(2, p1="stand")]

    assert lives(came(left, *steps, at(3, p1=Shown("stand", at=(0.6, 0.5))))) == [(1.0, 3.0)]


def test_the_state_of_the_camera() -> None:
    gone = rule(Condition(camera=("stalled",), for_s=5.0))
    stalled, live = replace(at(3), camera="stalled"), replace(at(20), camera="live")

    # Its state is told once a second.
    assert lives(came(gone, at(0, p1="stand"), stalled, live)) == [(9.0, 21.0)]


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Condition(), "none of the keys"),
        (lambda: Condition(posture=("lie",), zone=("a",)), "posture and zone of the keys"),
        (lambda: Condition(posture=("lying",)), "'lying', allowed: stand"),
        (lambda: Condition(camera=("lve",)), "did you mean live"),
        (lambda: MeasureIs("sped", above=1.0), "did you mean speed"),
        (lambda: MeasureIs("speed"), "exactly one of above and below"),
        (lambda: MeasureIs("speed", above=1.0, below=0.0), "exactly one of above and below"),
        (lambda: MeasureIs("speed", above=1.0, clear=2.0), "clear is 2, allowed: at most above, 1"),
        (lambda: MeasureIs("speed", below=1.0, clear=0.5), "clear is 0.5, allowed: at least below, 1"),
        (lambda: EventIs("fal"), "did you mean fall"),
        (lambda: EventIs("fall", times=2), "within how many seconds"),
        (lambda: EventIs("fall", times=99, within_s=1.0), "times is 99"),
        (lambda: EventIs("fall", ("confirmed",), until=("confirmed",)), "both counts and undoes"),
        (lambda: Count(), "at_least or at_most"),
        (lambda: Count(at_least=3, at_most=2), "at_least is 3"),
    ],
)
def test_a_wrong_condition_is_told(make: Any, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        make()
