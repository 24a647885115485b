"""Zones and rules of single cameras: whose they are, when they take effect, and what cannot be used."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from pipeline.config import Config
from pipeline.config.zones import zones_of
from pipeline.core.cameras import CameraSpec
from pipeline.core.errors import ConfigError
from pipeline.core.values import Event
from pipeline.own_stages import OwnStages, check_own
from stages.alert import AlertStage
from stages.analyze import AnalyzeStage
from tests.unit.analyze.actors import clip
from tests.unit.analyze.test_zones import MIDDLE, THERE_AND_BACK

ZONES = f"zones: {{till: {{corners: [[{MIDDLE}, 0.2], [1, 0.2], [1, 1], [{MIDDLE}, 1]]}}}}\n"
DOOR = "lines: {door: {ends: [[0.1, 0.2], [0.1, 0.9]]}}\n"
RULES = "rules: [{name: at the till, when: {zone: till}, scope: camera}]\n"
HALL = CameraSpec("hall", 1, "rtsp://h/x", mode="live")
WARD = replace(HALL, name="ward")


def told(stage: object, known: dict[str, CameraSpec], changes: dict[int, CameraSpec]) -> list[str]:
    """What is told of who comes and goes, while what is known changes before the records of these numbers."""
    stage = OwnStages(Config(), known.get).around("analyze", stage)
    state, labels = stage.initial_state("ward"), []
    for number, record in enumerate(clip([THERE_AND_BACK], 9, fps=10)):
        if number in changes:
            known["ward"] = changes[number]
        state, out = stage.step(state, record)
        labels += [each.label for each in out if isinstance(each, Event) and each.kind in ("zone", "line")]
    return labels


def test_zones_of_a_camera_are_its_own() -> None:
    others = {"hall": replace(HALL, zones=ZONES)}

    assert told(AnalyzeStage(), others, {}) == []
    assert told(AnalyzeStage(), {"ward": replace(WARD, zones=ZONES)}, {})[:2] == ["till:enter", "till:count"]


def test_a_change_takes_effect_between_two_records() -> None:
    drawn, erased = {0: replace(WARD, zones=ZONES)}, {40: WARD}

    assert "till:leave" in told(AnalyzeStage(), {}, drawn)
    assert told(AnalyzeStage(), {}, drawn | erased) == ["till:enter", "till:count"]
    late = told(AnalyzeStage(), {"ward": WARD}, {40: replace(WARD, zones=ZONES)})
    assert [label for label in late if label != "till:count"] == ["till:enter", "till:leave"]


def test_what_did_not_change_is_not_built_anew() -> None:
    spec = replace(WARD, zones=ZONES)
    stage = OwnStages(Config(), {"ward": spec}.get).around("analyze", AnalyzeStage())
    records = clip([THERE_AND_BACK], 1, fps=10)

    used = [stage._of(record) for record in records]

    assert all(one is other for one, other in pairwise(used))


def test_rules_of_a_camera_stand_beside_those_of_all_and_before_one_of_their_name() -> None:
    spec = replace(WARD, zones=ZONES, rules="rules: [{name: fall, when: {posture: lie}}, {like: fall, name: other}]\n")
    stage = OwnStages(Config(), {"ward": spec}.get).around("alert", AlertStage())
    own = stage._own("ward")

    assert stage._own("hall") is None
    assert sorted(own._rules) == ["camera-silent", "fall", "other"]
    assert own._rules["fall"].when is not None


def test_a_camera_of_the_configuration_has_what_stands_there() -> None:
    config = Config(cameras={"ward": {"source": "rtsp://h/x"}})  # type: ignore[dict-item]
    stage = OwnStages(config, {"ward": replace(WARD, zones=ZONES)}.get).around("analyze", AnalyzeStage())

    assert stage._own("ward") is None


def test_what_cannot_be_used_is_told_once_and_the_camera_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    assert told(AnalyzeStage(), {"ward": replace(WARD, zones="zones: {till: {corners: [[0, 0]]}}")}, {}) == []
    assert caplog.text.count("camera ward: its zones and rules are left out") == 1


@pytest.mark.parametrize(
    ("zones", "rules", "said"),
    [
        ("zones: {till: {corners: [[0, 0], [1, 1]]}}", "", "zones of camera ward:1: zones.till.corners: .*at least 3"),
        ("zones: [1]", "", "zones"),
        ("till: {}", "", "till"),
        ("just words", "", "allowed: a mapping with the keys zones, lines"),
        (f"{ZONES}lines: {{till: {{ends: [[0, 0], [1, 1]]}}}}", "", "the name 'till' is that of a zone too"),
        ("", RULES, "zone"),
        (ZONES, RULES.replace("till}", "tull}"), "'tull', allowed: till; did you mean till"),
        ("", "rules: [{name: x, when: {posture: lie}, inhibited_by: nobody}]", "nobody"),
    ],
)
def test_what_stages_could_not_use_is_refused(zones: str, rules: str, said: str) -> None:
    with pytest.raises(ConfigError, match=f"(?s){said}"):
        check_own(Config(), replace(WARD, zones=zones, rules=rules))


def test_what_stages_can_use_is_taken() -> None:
    check_own(Config(), WARD)
    check_own(Config(), replace(WARD, zones=ZONES + DOOR, rules=RULES))
    assert list(zones_of(ZONES + DOOR, "x").lines) == ["door"]
    assert not zones_of("# nothing\n", "x")
