"""Files of rules, with the scripts that try them; all problems are told at once, each with its line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from pydantic import Field

from pipeline.config.check import Reading, checked, refused
from pipeline.config.files import read_text
from pipeline.config.problems import ConfigProblems, Problem
from pipeline.config.section import Section
from pipeline.config.sections import PlaceName
from pipeline.config.shape import settings
from pipeline.config.tree import Tree, Value, parse
from pipeline.core.zones import Scene, Zone
from stages.alert.options import AlertOptions
from stages.alert.rules import Rule
from stages.alert.stage import AlertStage
from stages.alert.trial import Trial
from stages.alert.words import RuleError

_HINT = "every key is described in docs/rules.md"
_WHICH = "name a YAML file of rules"


class RulesFile(Section):
    """A file of rules. It may have its own tests: `posebus rules test FILE`."""

    zones: dict[PlaceName, Zone] = Field(default_factory=dict)
    """Zones of the cameras in its tests, as those of real ones under `cameras.NAME.zones` of the configuration: there
    alone a run looks for them. Cameras of the configuration (`--config`) have their own in tests too."""

    rules: tuple[Rule, ...] = ()
    """The rules; a text stands for the built-in rule of that name."""

    tests: tuple[Trial, ...] = ()
    """Scripts of what is seen and decided when, and the incidents that must come of each."""

    @property
    def options(self) -> AlertOptions:
        """Its rules as options of the stage."""
        return AlertOptions(rules=self.rules)

    def scenes(self, cameras: Mapping[str, Scene]) -> dict[str, Scene]:
        """What is drawn in its tests, where these are the cameras of the configuration."""
        return {trial.camera: Scene(self.zones) for trial in self.tests} | dict(cameras)


def load_rules(
    path: Path,
    environment: Mapping[str, str],
    cameras: Mapping[str, Scene] | None = None,
    before: RulesFile | None = None,
) -> RulesFile:
    """The rules and tests of a file.

    Args:
        path: The file.
        environment: What `${env:NAME}` stands for.
        cameras: The cameras whose zones its rules may name; without them they may name those of its tests.
        before: Its rules and zones stand before those of the file.

    Raises ConfigError with every problem of the file, each with its line.
    """
    tree = parse(read_text(path, _WHICH), folder=path.absolute().parent, environment=environment)
    return rules_of(tree, str(path), cameras, before)


def rules_of(
    tree: Tree, name: str, cameras: Mapping[str, Scene] | None = None, before: RulesFile | None = None
) -> RulesFile:
    """The same of a document; `name` is what its problems are told of."""
    problems = list(tree.problems)
    if not any(problem.breaks for problem in problems):
        value = _sections(tree, problems)
        file, found = checked(Reading(tree, RulesFile), value)
        problems += [each for each in found if each.key not in {problem.key for problem in problems}]
        if file is not None and not problems:
            if before is not None:
                rules, zones = (*before.rules, *file.rules), before.zones | file.zones
                file = file.model_copy(update={"rules": rules, "zones": zones})
            problem = between(tree, value, file, {"": Scene(file.zones)} if cameras is None else cameras)
            if problem is None:
                return file
            problems.append(problem)
    problems.sort(key=lambda problem: problem.line or 0)
    raise ConfigProblems(name, problems, hint=_HINT)


def is_rules_file(path: Path) -> bool:
    """Whether a YAML file has rules or tests at its top, and not the sections of a configuration."""
    value = parse(read_text(path, _WHICH), folder=path.absolute().parent, environment={}).value
    return isinstance(value, dict) and not {"rules", "tests", "zones"}.isdisjoint(value)


def with_rules_of(
    path: Path, alert: AlertOptions, cameras: Mapping[str, Scene], environment: Mapping[str, str]
) -> AlertOptions:
    """The section with the rules of a file, which may name the zones of the cameras. Raises ConfigError."""
    file = load_rules(path, environment, cameras)
    own = () if alert.rules == AlertOptions().rules else alert.rules
    try:
        return replace(alert, rules=(*own, *file.rules), file=path)
    except RuleError as error:
        problem = Problem(None, "", f"with the rules of the configuration: {error.message}")
        raise ConfigProblems(str(path), [problem], hint=_HINT) from error


def between(tree: Tree, value: dict[str, Value], file: RulesFile, cameras: Mapping[str, Scene]) -> Problem | None:
    """What is wrong between rules, zones and tests that are right by themselves."""
    try:
        options = file.options
        AlertStage(options, cameras)
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
