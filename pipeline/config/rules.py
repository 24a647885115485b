"""Files of rules: zones, rules and the scripts that try them; all problems are told at once, each with its line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pipeline.config.check import Reading, checked, refused
from pipeline.config.files import read_text
from pipeline.config.problems import ConfigProblems, Problem
from pipeline.config.sections import Camera, Section
from pipeline.config.shape import settings
from pipeline.config.tree import Tree, Value, parse
from stages.alert.options import AlertOptions
from stages.alert.rules import Rule
from stages.alert.stage import AlertStage
from stages.alert.trial import Trial
from stages.alert.words import RuleError
from stages.alert.zones import Zone

_HINT = "every key is described in docs/rules.md"
_WHICH = "name a YAML file of rules"


class RulesFile(Section):
    """A file of rules. It may have its own tests: `posebus rules test FILE`."""

    zones: tuple[Zone, ...] = ()
    """Parts of the picture that rules name."""

    rules: tuple[Rule, ...] = ()
    """The rules; a text stands for the built-in rule of that name."""

    tests: tuple[Trial, ...] = ()
    """Scripts of what is seen and decided when, and the incidents that must come of each."""

    @property
    def options(self) -> AlertOptions:
        """Its rules as options of the stage."""
        return AlertOptions(rules=self.rules, zones=self.zones)


def load_rules(
    path: Path, environment: Mapping[str, str], zones: Sequence[Zone] = (), rules: Sequence[Rule] = ()
) -> RulesFile:
    """The rules and tests of a file, with the zones and rules that are given before its own.

    Raises ConfigError with every problem of the file, each with its line.
    """
    tree = parse(read_text(path, _WHICH), folder=path.absolute().parent, environment=environment)
    problems = list(tree.problems)
    if not any(problem.breaks for problem in problems):
        value = _sections(tree, problems)
        file, found = checked(Reading(tree, RulesFile), value)
        problems += [each for each in found if each.key not in {problem.key for problem in problems}]
        if file is not None and not problems:
            file = file.model_copy(update={"zones": (*zones, *file.zones), "rules": (*rules, *file.rules)})
            problem = between(tree, value, file)
            if problem is None:
                return file
            problems.append(problem)
    problems.sort(key=lambda problem: problem.line or 0)
    raise ConfigProblems(str(path), problems, hint=_HINT)


def zones_of(cameras: Mapping[str, Camera]) -> tuple[Zone, ...]:
    """What is drawn on the pictures of the cameras, as zones that rules may name."""
    return tuple(
        Zone(name, zone.corners, (camera,))
        for camera, section in cameras.items()
        for name, zone in section.zones.items()
    )


def is_rules_file(path: Path) -> bool:
    """Whether a YAML file has rules or tests at its top, and not the sections of a configuration."""
    value = parse(read_text(path, _WHICH), folder=path.absolute().parent, environment={}).value
    return isinstance(value, dict) and not {"rules", "tests", "zones"}.isdisjoint(value)


def with_rules_of(path: Path, alert: AlertOptions, environment: Mapping[str, str]) -> AlertOptions:
    """The section with the rules of a file, which may name its zones. Raises ConfigError."""
    file = load_rules(path, environment, alert.zones)
    own = () if alert.rules == AlertOptions().rules else alert.rules
    try:
        return replace(alert, rules=(*own, *file.rules), zones=file.zones, file=path)
    except RuleError as error:
        problem = Problem(None, "", f"with the rules of the configuration: {error.message}")
        raise ConfigProblems(str(path), [problem], hint=_HINT) from error


def between(tree: Tree, value: dict[str, Value], file: RulesFile) -> Problem | None:
    """What is wrong between rules, zones and tests that are right by themselves."""
    try:
        options = file.options
        AlertStage(options)
        for trial in file.tests:
            trial.check_rules(options)
    except RuleError as error:
        return refused(tree, value, (), error.message)
    return None


def _sections(tree: Tree, problems: list[Problem]) -> dict[str, Value]:
    if isinstance(tree.value, dict):
        return {name: value for name, value in tree.value.items() if value is not None}
    names = ", ".join(settings(RulesFile))
    if tree.value is not None:
        problems.append(Problem(tree.lines[()], "", f"found no sections, allowed: a mapping with the keys {names}"))
    return {}
