"""Rules that are wrong, and built-in ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pipeline.core.errors import ConfigError
from stages.alert import FALL, AlertOptions, AlertStage, Rule
from tests.unit.alert.scripts import CAMERA, LIES, people, rule


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
        AlertStage(AlertOptions(rules=(rule(LIES, zones=("lefft",)),)), CAMERA)
    with pytest.raises(ConfigError, match="did you mean fall"):
        AlertOptions(rules=(FALL, rule(LIES, inhibited_by=("fal",))))


def test_a_built_in_rule_may_be_changed_in_parts() -> None:
    assert Rule(like="fall") == replace(FALL, like="fall")
    assert Rule(like="fall", name="own", cool_down_s=60.0) == replace(FALL, like="fall", name="own", cool_down_s=60.0)
    with pytest.raises(ConfigError, match="did you mean fall"):
        Rule(like="falll")
