"""Every example of docs/rules.md is right, and does what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipeline.config import load_config
from pipeline.config.rules import RulesFile, load_rules
from stages.alert.explain import what_is_missing, what_it_does, what_it_reads
from stages.alert.trial import run_trial

PAGE = Path(__file__).parents[3] / "docs" / "rules.md"
BLOCKS = re.findall(r"^```yaml\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
EXAMPLES = [each for each in BLOCKS if "cameras:\n" not in each]


@pytest.fixture(params=range(len(EXAMPLES)), ids=lambda i: f"example{i}")
def example(request: pytest.FixtureRequest, tmp_path: Path) -> RulesFile:
    (tmp_path / "rules.yaml").write_text(EXAMPLES[request.param])
    return load_rules(tmp_path / "rules.yaml", {})


def test_its_tests_pass(example: RulesFile) -> None:
    for trial in example.tests:
        outcome = run_trial(trial, example.options, example.scenes({}))

        assert outcome.passed, (trial.name, outcome.missing, outcome.surplus)


def test_each_of_its_own_rules_is_seen_to_open(example: RulesFile) -> None:
    seen = {expected.rule for trial in example.tests for expected in trial.expect}

    assert {rule.name for rule in example.rules if rule.when is not None or rule.like != rule.name} <= seen


def test_it_can_be_explained_and_lacks_nothing(example: RulesFile) -> None:
    for rule in example.rules:
        assert what_it_does(rule)
        assert what_it_reads(rule)
        assert what_is_missing(rule, example.scenes({})) == []


def test_there_are_ten_and_one() -> None:
    assert len(EXAMPLES) == 11


def test_the_configuration_with_zones_is_right(tmp_path: Path) -> None:
    (text,) = (each for each in BLOCKS if each not in EXAMPLES)
    (tmp_path / "posebus.yaml").write_text(text)

    scenes = load_config(tmp_path / "posebus.yaml", {}).scenes

    assert scenes["ward"] == scenes["hall"]
