"""`posebus rules`: checks rules, tries them on scripts, and says in plain English what they do."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.terminal import OUT, cell, warn
from pipeline.config import load_config
from pipeline.config.problems import did_you_mean
from pipeline.config.rules import RulesFile, is_rules_file, load_rules
from pipeline.core.errors import ConfigError
from pipeline.core.zones import Scene
from stages.alert import AlertOptions
from stages.alert.explain import what_is_missing, what_it_does, what_it_reads
from stages.alert.rules import BUILT_IN, Rule
from stages.alert.trial import Expected, Outcome, Told, Trial, run_trial

app = typer.Typer(help="Rules that make incidents: check, test, explain.", no_args_is_help=True)

CHECK_EXAMPLES = """
Examples:

  posebus rules check rules.yaml

  posebus rules check rules.yaml --config posebus.yaml     whether its cameras have the zones

  posebus rules check posebus.yaml                         the rules of a configuration
"""

TEST_EXAMPLES = """
Examples:

  posebus rules test rules.yaml                            the tests in the file itself

  posebus rules test rules.yaml night-tests.yaml           and those of another file

  posebus rules test rules.yaml --verbose                  with all incidents that came
"""

EXPLAIN_EXAMPLES = """
Examples:

  posebus rules explain                                    the built-in rules

  posebus rules explain rules.yaml

  posebus rules explain posebus.yaml --rule fall
"""

_File = Annotated[Path, typer.Argument(help="File of rules, or a configuration (YAML).", show_default=False)]
_Config = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="Configuration whose cameras have the zones of the rules.", show_default=False),
]


@app.command(epilog=CHECK_EXAMPLES)
def check(file: _File, config: _Config = None) -> None:
    """Say everything that is wrong with rules, each with its line and what is allowed there."""
    rules, cameras = _load(file, config)
    scenes = rules.scenes(cameras)
    tests = f", {_count(len(rules.tests), 'test')}" if rules.tests else ""
    OUT.print(f"{cell(file)}: right, {_count(len(rules.rules), 'rule')}{tests}")
    for rule in rules.rules:
        for missing in what_is_missing(rule, scenes):
            warn(f"{file}: {rule.name}: {missing}")
    absent = [name for name in BUILT_IN if name not in {rule.name for rule in rules.rules}]
    if absent and rules.rules:
        warn(f"{file}: without the built-in {' and '.join(absent)}; to keep a built-in rule, name it among the rules")


@app.command("test", epilog=TEST_EXAMPLES)
def try_out(
    file: _File,
    tests: Annotated[
        list[Path] | None, typer.Argument(help="More files with tests of these rules.", show_default=False)
    ] = None,
    config: _Config = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show the incidents of each test.")] = False,
) -> None:
    """Try rules on scripts of what is seen when; ends with 1 if not exactly the expected incidents came."""
    rules, cameras = _load(file, config)
    scripts = [(file, trial, rules) for trial in rules.tests]
    for path in tests or ():
        more = load_rules(path, os.environ, cameras or None, rules)
        scripts += [(path, trial, more) for trial in more.tests]
    if not scripts:
        raise ConfigError(
            f"{file}: there are no tests",
            hint="write some under `tests:`, as docs/rules.md shows, or name a file of tests",
        )
    outcomes = [(path, trial, run_trial(trial, each.options, each.scenes(cameras))) for path, trial, each in scripts]
    failed = sum(not _tried(path, trial, outcome, verbose) for path, trial, outcome in outcomes)
    OUT.print(
        f"{_count(len(scripts), 'test')}, {failed} failed" if failed else f"{_count(len(scripts), 'test')} passed"
    )
    if failed:
        raise typer.Exit(1)


@app.command(epilog=EXPLAIN_EXAMPLES)
def explain(
    file: Annotated[
        Path | None, typer.Argument(help="File of rules, or a configuration (YAML).", show_default=False)
    ] = None,
    rule: Annotated[
        str | None, typer.Option("--rule", "-r", help="Only the rule of this name.", show_default=False)
    ] = None,
    config: _Config = None,
) -> None:
    """Say what rules do, what they read, and what is missing."""
    loaded, cameras = (None, {}) if file is None else _load(file, config)
    options = AlertOptions() if loaded is None else loaded.options
    scenes = {} if loaded is None else loaded.scenes(cameras)
    names = [each.name for each in options.rules]
    if rule is not None and rule not in names:
        known = ", ".join(names) or "none"
        raise ConfigError(
            f"no rule is named {rule}; there are: {known}{did_you_mean(rule, names)}", hint="leave --rule out for all"
        )
    for each in options.rules:
        if rule in (None, each.name):
            _explain(each, scenes)


def _load(file: Path, config: Path | None) -> tuple[RulesFile, Mapping[str, Scene]]:
    """The rules, and what is drawn on the pictures of the configuration's cameras."""
    if not is_rules_file(file):
        found = load_config(file, os.environ)
        return RulesFile(rules=found.alert.rules), found.scenes
    if config is not None:
        cameras = load_config(config, os.environ).scenes
        return load_rules(file, os.environ, cameras), cameras
    return load_rules(file, os.environ), {}


def _explain(rule: Rule, scenes: Mapping[str, Scene]) -> None:
    OUT.print(f"[bold]{cell(rule.name)}[/]")
    for said in what_it_does(rule):
        OUT.print(f"  {cell(said)}")
    OUT.print(f"  Reads: {cell('; '.join(what_it_reads(rule)))}.")
    for missing in what_is_missing(rule, scenes):
        OUT.print(f"  [yellow]Missing:[/] {cell(missing)}.")


def _tried(file: Path, trial: Trial, outcome: Outcome, verbose: bool) -> bool:
    word = "[green]ok[/]    " if outcome.passed else "[red]failed[/]"
    OUT.print(f"{word} {cell(file)}: {cell(trial.name)}")
    for expected in outcome.missing:
        OUT.print(f"       expected, did not come: {cell(_wanted(expected))}")
    for told in outcome.surplus:
        OUT.print(f"       came, not expected: {cell(_came(told))}")
    for told in outcome.incidents if verbose else ():
        OUT.print(f"       {cell(_came(told))}: {cell(told.text)}")
    return outcome.passed


def _wanted(expected: Expected) -> str:
    severity = f", {expected.severity}" if expected.severity else ""
    return _life(expected.rule, expected.person, expected.zone, expected.opens_s, expected.ends_s) + severity


def _came(told: Told) -> str:
    return f"{_life(told.rule, told.person, told.zone, told.opened_s, told.ended_s)}, {told.severity}"


def _life(rule: str, person: int | None, zone: str, opens_s: float, ends_s: float | None) -> str:
    whom = "" if person is None else f" of person {person}"
    where = f" in {zone}" if zone else ""
    end = "open at the end" if ends_s is None else f"ends at {ends_s:g} s"
    return f"{rule}{whom}{where}, opens at {opens_s:g} s, {end}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
