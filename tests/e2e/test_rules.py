"""`posebus rules`: check, test, explain."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.conftest import Program

RULES = """
rules:
  - fall
  - name: lying
    when: {posture: lie}
    for_s: 5
tests:
  - name: long enough
    steps: [{at_s: 0, people: {1: {posture: lie}}}]
    lasts_s: 10
    expect: [{rule: lying, person: 1, opens_s: 5}]
"""


@pytest.fixture
def rules(tmp_path: Path) -> str:
    (tmp_path / "rules.yaml").write_text(RULES)
    return "rules.yaml"


def test_rules_that_are_right(program: Program, rules: str) -> None:
    done = program("rules", "check", rules)

    assert (done.code, done.out) == (0, "rules.yaml: right, 2 rules, 1 test\n")
    assert "without the built-in camera-silent" in done.err


def test_rules_that_are_wrong(program: Program, rules: str, tmp_path: Path) -> None:
    (tmp_path / "wrong.yaml").write_text(RULES.replace("for_s: 5", "for_s: soon"))

    for command in ("check", "test", "explain"):
        program("rules", command, "wrong.yaml").refused(
            2, r"wrong.yaml:6: rules\[1\].for_s: found 'soon', allowed: a number", "rules.md"
        )
    program("rules", "check", "rule.yaml").refused(2, "no such file; did you mean rules.yaml", "YAML file of rules")


def test_tests_pass_or_fail(program: Program, rules: str, tmp_path: Path) -> None:
    passed = program("rules", "test", rules, "--verbose")
    (tmp_path / "more.yaml").write_text(RULES[RULES.index("tests:") :].replace("opens_s: 5", "opens_s: 6, ends_s: 8"))

    failed = program("rules", "test", rules, "more.yaml")

    assert passed.code == 0
    assert passed.out.splitlines()[0].split() == ["ok", "rules.yaml:", "long", "enough"]
    assert "lying of person 1, opens at 5 s, open at the end, warning: camera: lying, person 1, since" in passed.out
    assert passed.out.splitlines()[-1] == "1 test passed"
    assert failed.code == 1
    assert "expected, did not come: lying of person 1, opens at 6 s, ends at 8 s" in failed.out
    assert "came, not expected: lying of person 1, opens at 5 s, open at the end, warning" in failed.out
    assert failed.out.splitlines()[-1] == "2 tests, 1 failed"


def test_a_file_without_tests_is_refused(program: Program, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text("rules: [fall]\n")

    program("rules", "test", "rules.yaml").refused(2, "there are no tests", "tests:")


def test_rules_are_explained(program: Program, rules: str) -> None:
    built_in, own = program("rules", "explain"), program("rules", "explain", rules, "--rule", "lying")

    assert [line for line in built_in.out.splitlines() if not line.startswith(" ")] == ["fall", "camera-silent"]
    assert own.out.startswith("lying\n  Opens a warning incident for each person when the posture is lie for 5 s.\n")
    assert "Reads: the posture of people." in own.out
    program("rules", "explain", rules, "--rule", "lyin").refused(
        2, "no rule is named lyin.*did you mean lying", "--rule"
    )


def test_the_rules_of_a_configuration(program: Program, rules: str, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(f"alert: {{file: {rules}}}\n")

    assert program("rules", "check", "c.yaml").out == "c.yaml: right, 2 rules\n"
    assert program("rules", "test", "c.yaml", rules).code == 2  # the same rules twice


def test_zones_of_the_cameras(program: Program, tmp_path: Path) -> None:
    zone = "{corners: [[0, 0], [1, 0], [1, 1]]}"
    (tmp_path / "c.yaml").write_text(f"cameras: {{ward: {{source: 'sim://ward', zones: {{bed: {zone}}}}}}}\n")
    (tmp_path / "r.yaml").write_text("rules:\n  - {name: r, when: {posture: lie}, zones: bed}\n")

    program("rules", "check", "r.yaml").refused(2, r"r.yaml:2: rules\[0\].zones: .*'bed', allowed: none", "rules.md")
    assert program("rules", "check", "r.yaml", "--config", "c.yaml").code == 0
