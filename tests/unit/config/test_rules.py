from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.config import load_config
from pipeline.config.rules import is_rules_file, load_rules
from pipeline.core.errors import ConfigError
from stages.alert import FALL
from stages.alert.conditions import Condition

CORNERS = "{corners: [[0, 0], [1, 0], [1, 1]]}"
BED = f"zones: {{bed: {CORNERS}}}\n"
RULE = "rules:\n  - name: r\n    when: {posture: lie}\n"


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def file(text: str, name: str = "rules.yaml") -> Path:
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return file


@pytest.fixture
def said(write: Callable[..., Path], tmp_path: Path) -> Callable[[str], list[str]]:
    def problems(text: str) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            load_rules(write(text), {})
        assert caught.value.hint
        return str(caught.value).replace(f"{tmp_path}/", "").split("\n")

    return problems


def test_words_of_python_are_keys_and_a_word_is_a_list_of_one(write: Callable[..., Path]) -> None:
    text = BED + "rules:\n  - name: r\n    when: {not: {zone: bed}}\n    schedule: [{days: mon, from: '22:00'}]\n"

    (rule,) = load_rules(write(text), {}).rules

    assert rule.when == Condition(not_=Condition(zone=("bed",)))
    assert (rule.schedule[0].days, rule.schedule[0].from_) == (("mon",), "22:00")


def test_a_text_is_a_built_in_rule(write: Callable[..., Path]) -> None:
    rules = load_rules(write("rules: [fall, {like: fall, name: slow, cool_down_s: 99}]"), {}).rules

    assert [(rule.name, rule.texts, rule.cool_down_s) for rule in rules] == [
        ("fall", FALL.texts, FALL.cool_down_s),
        ("slow", FALL.texts, 99.0),
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("rules: [falll]", "1: rules[0]: found 'falll', allowed: fall, camera-silent; did you mean fall?"),
        ("rule: []", "1: rule: unknown key; allowed: zones, rules, tests; did you mean rules?"),
        ("- fall", "1: found no sections, allowed: a mapping with the keys zones, rules, tests"),
        (RULE + "    sevrity: info", "4: rules[0].sevrity: unknown key; allowed: name, kind, opens,"),
        (RULE + "    severity: grave", "4: rules[0].severity: found 'grave', allowed: info, warning, critical"),
        (RULE + "    for_s: -1", "4: rules[0].for_s: found -1, allowed: at least 0"),
        (RULE + "    gap_s: 99", "4: rules[0].gap_s: found 99, allowed: at least 0 and at most 60"),
        (RULE + "    kind: fall", "4: rules[0].kind: rule r: kind, opens and closes are for rules of events"),
        (RULE + "    scope: room", "4: rules[0].scope: rule r: scope is 'room', allowed: person, zone, camera"),
        (RULE + "    texts: {new: '{who}'}", "the sentence '{who}' cannot be filled in"),
        (RULE + "    escalate: [{after_s: 0, severity: info}]", "escalate[0].after_s: found 0, allowed: more than 0"),
        (RULE + "    schedule: [{from: 9:00}]", "4: rules[0].schedule[0].from: found '9:00', allowed: HH:MM"),
        (
            RULE + "    zones: bedd\n" + BED,
            "4: rules[0].zones: rule r: zone is 'bedd', allowed: bed; did you mean bed?",
        ),
        (RULE + "    inhibited_by: fal\n  - fall", "inhibited_by is 'fal', allowed: fall; did you mean fall?"),
        (RULE + "  - name: r\n    when: {posture: sit}", "2: rules[0].name: rules: the name 'r' is given twice"),
        (
            "rules:\n  - name: r\n    when: {postur: lie}",
            "3: rules[0].when.postur: unknown key; allowed: event, measure,",
        ),
        ("rules:\n  - name: r\n    when: {postur: lie}", "not, within, for_s; did you mean posture?"),
        ("rules:\n  - name: r\n    when: {posture: lying}", "3: rules[0].when.posture: found 'lying', allowed: stand,"),
        (
            "rules:\n  - name: r\n    when: lie",
            "3: rules[0].when: found 'lie', allowed: a section with the keys event,",
        ),
        (
            "rules:\n  - name: r\n    when:\n      not:\n        measure: {name: sped, above: 1}",
            "5: rules[0].when.not.measure.name: measure is 'sped', allowed: trunk_tilt,",
        ),
        ("rules:\n  - name: r\n    when: {event: {kind: fall, times: 40}}", "3: rules[0].when.event.times: found 40"),
        ("rules:\n  - name: r\n    when: {within: {first: {posture: lie}}}", "the key limit_s is missing: a number"),
        ("zones: {a: {corners: [[0, 0], [1, 0]]}}", "zones.a.corners: 2 corners, expected at least 3"),
        ("zones: {a: {corners: [[0, 0], [1, 0], [2, 1]]}}", "corners[2][0]: found 2, allowed: at least 0 and"),
        (RULE + "tests:\n  - name: t\n    steps: []", "tests[0].steps: test t: steps is empty"),
        (
            RULE + "tests:\n  - {name: t, steps: [{at_s: 0}], expect: [{rule: rr, opens_s: 1}]}",
            "5: tests[0].expect[0].rule: test t: rule is 'rr', allowed: r; did you mean r?",
        ),
        (
            RULE + "tests:\n  - {name: t, start: noon, steps: [{at_s: 0}]}",
            "start: found 'noon', allowed: a date and time",
        ),
        (
            RULE + "tests:\n  - {name: t, steps: [{at_s: 0, people: {a: {}}}]}",
            "people has the name 'a', allowed: a num",
        ),
        (
            RULE + "tests:\n  - {name: t, steps: [{at_s: 0, people: {1: {measures: {sped: 1}}}}]}",
            "measure is 'sped', allowed:",
        ),
    ],
)
def test_a_mistake_is_told_with_its_line_and_what_is_allowed(
    said: Callable[[str], list[str]], text: str, problem: str
) -> None:
    assert any(problem in line for line in said(text)), said(text)
    assert all(line.startswith("rules.yaml:") for line in said(text))


def test_all_mistakes_are_told_at_once(said: Callable[[str], list[str]]) -> None:
    text = "zones: {a: {corners: []}}\nrules:\n  - fal\n  - {name: r, when: {posture: li}}\ntests: [{nam: t}]"

    assert [line.split(":")[1] for line in said(text)] == ["1", "3", "4", "5", "5", "5"]


def test_a_configuration_names_a_file_of_rules(write: Callable[..., Path]) -> None:
    write(RULE, "night.yaml")

    alone = load_config(write("alert: {file: night.yaml}\n", "a.yaml"), {}).alert
    beside = load_config(write("alert: {file: night.yaml, rules: [fall]}\n", "b.yaml"), {}).alert

    assert [rule.name for rule in alone.rules] == ["r"]
    assert [rule.name for rule in beside.rules] == ["fall", "r"]


def test_rules_may_name_the_zones_of_cameras(write: Callable[..., Path]) -> None:
    cameras = "cameras: {ward: {source: 'sim://ward', zones: {bed: {corners: [[0, 0], [1, 0], [1, 1]]}}}}\n"
    write(RULE + "    zones: [bed]\n")

    config = load_config(write(cameras + "alert: {file: rules.yaml}\n", "a.yaml"), {})

    assert config.alert.rules[0].zones == ("bed",)
    assert list(config.scenes["ward"].zones) == ["bed"]
    with pytest.raises(
        ConfigError, match=r"a.yaml:2: alert.rules\[0\].zones: rule r: zone is 'bedd'.*did you mean bed"
    ):
        load_config(write(cameras + "alert: {rules: [{name: r, when: {posture: lie}, zones: bedd}]}\n", "a.yaml"), {})


def test_a_run_knows_no_zones_but_those_of_cameras(write: Callable[..., Path]) -> None:
    write(BED + RULE + "    excluded: bed\n")

    assert load_rules(write(BED + RULE + "    excluded: bed\n"), {}).rules[0].excluded == ("bed",)
    with pytest.raises(ConfigError, match=r"rules.yaml:5: rules\[0\].excluded: .*no camera has zones; draw it under"):
        load_config(write("alert: {file: rules.yaml}\n", "a.yaml"), {})
    with pytest.raises(ConfigError, match=r"a.yaml:1: alert.zones: unknown key; allowed: rules, file"):
        load_config(write("alert: {zones: []}\n", "a.yaml"), {})


def test_mistakes_of_a_named_file_stand_in_that_file(write: Callable[..., Path]) -> None:
    write(RULE + "    sevrity: info\n", "night.yaml")

    with pytest.raises(ConfigError, match=r"night.yaml:4: rules\[0\].sevrity"):
        load_config(write("alert: {file: night.yaml}\n", "a.yaml"), {})
    with pytest.raises(ConfigError, match=r"no.yaml: there is no such file"):
        load_config(write("alert: {file: no.yaml}\n", "a.yaml"), {})
    write("rules: [fall]", "twice.yaml")
    with pytest.raises(ConfigError, match=r"twice.yaml: with the rules of the configuration: .*'fall' is given twice"):
        load_config(write("alert: {file: twice.yaml, rules: [fall]}\n", "a.yaml"), {})


def test_rules_are_told_from_a_configuration(write: Callable[..., Path]) -> None:
    assert is_rules_file(write("rules: []"))
    assert is_rules_file(write("tests: []"))
    assert not is_rules_file(write("alert: {rules: []}"))
    assert not is_rules_file(write(""))
