"""Whom and where an incident concerns: people, zones, cameras."""

from __future__ import annotations

from dataclasses import replace

from stages.alert import FALL, AlertOptions, Rule
from stages.alert.trial import Happening, Shown, Trial
from tests.unit.alert.scripts import CAMERA, LIES, ZONES, at, came, lives, people, played, rule

FALLS = Happening("fall", "suspected", 1)


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
    outside = rule(LIES, excluded=("left",))

    assert came(outside, at(0, p1=Shown("lie", at=(0.2, 0.5)))) == ()
    assert len(came(outside, at(0, p1="lie"))) == 1


def test_zones_of_a_rule_of_events() -> None:
    there = replace(FALL, zones=("left",))

    def falls(**where: float) -> int:
        return len(came(there, at(0, Happening("fall", "confirmed", 1, evidence=where))))

    assert (falls(x=0.2, y=0.5), falls(x=0.8, y=0.5), falls()) == (1, 0, 0)


def test_an_event_that_does_not_say_where_happens_where_its_person_stands() -> None:
    there = Rule(name="r", kind="rep", opens={"squat": "info"}, zones=("left",))

    def squats(at_share: float | None) -> int:
        shown = Shown("crouch", at=None if at_share is None else (at_share, 0.5))
        return len(came(there, at(0, Happening("rep", "squat", 1), p1=shown)))

    assert (squats(0.2), squats(0.8), squats(None)) == (1, 0, 0)
    beside = replace(there, zones=(), excluded=("left",))
    assert [
        len(came(beside, at(0, Happening("rep", "squat", 1), p1=Shown("crouch", at=(x, 0.5))))) for x in (0.2, 0.8)
    ] == [0, 1]


def test_who_stands_below_the_picture_stands_at_its_rim() -> None:
    assert len(came(rule(LIES, zones=("left",)), at(0, p1=Shown("lie", at=(0.2, 1.1))))) == 1


def test_the_zone_goes_along() -> None:
    by_zone = rule(LIES, scope="zone", zones=("left", "right"))
    script = Trial(name="t", steps=(at(0, p1=Shown("lie", at=(0.8, 0.5))), at(2, p1="stand")))

    assert {step.zone for step in played(script, AlertOptions(rules=(by_zone,)), CAMERA)} == {"right"}
    assert {step.zone for step in played(script, AlertOptions(rules=(rule(LIES),)), CAMERA)} == {""}


def test_a_zone_is_on_its_cameras_only() -> None:
    there = rule(LIES, zones=("left",))
    script = Trial(name="t", steps=(at(0, p1=Shown("lie", at=(0.2, 0.5))),))

    assert [
        len(played(replace(script, camera=name), AlertOptions(rules=(there,)), {"ward": ZONES}))
        for name in ("ward", "gym")
    ] == [1, 0]


def test_a_rule_is_for_its_cameras_only() -> None:
    for one in (rule(LIES, cameras=("ward",)), replace(FALL, cameras=("ward",))):
        steps = [at(0, FALLS, p1="lie")]
        assert [len(came(one, *steps, camera=name)) for name in ("ward", "gym")] == [1, 0]
