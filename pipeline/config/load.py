"""Reading a configuration: file, then environment, then checks; all problems are told at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from pipeline.config.check import Reading, checked, refused
from pipeline.config.exercises import UnknownExercise, load_exercises, placed
from pipeline.config.files import read_text
from pipeline.config.places import home_folder
from pipeline.config.problems import ConfigProblems, Problem
from pipeline.config.rules import with_rules_of
from pipeline.config.sections import Camera, Config, ModelChoice
from pipeline.config.shape import settings
from pipeline.config.tree import Tree, Value, parse
from stages.alert.words import RuleError
from stages.alert.zones import zone_names

PREFIX = "POSEBUS"

_FILE = re.compile(r"\$\{file:([^}]+)\}")


def load_config(path: Path | None, environment: Mapping[str, str]) -> Config:
    """The configuration of a file, or the defaults without one, with what the environment says before both.

    A setting `key` of a section is overridden by the variable POSEBUS_SECTION_KEY, and the home folder by POSEBUS_HOME;
    empty variables count as not set. Raises ConfigError with every problem of the file, each with its line.
    """
    if path is None:
        tree, folder, file = Tree(), Path.cwd(), "configuration"
    else:
        folder, file = path.absolute().parent, str(path)
        tree = parse(read_text(path), folder=folder, environment=environment)
    problems = list(tree.problems)
    if not any(problem.breaks for problem in problems):
        value = _sections(tree, problems)
        _override(tree, value, environment)
        config, found = checked(Reading(tree, Config), value)
        problems += [each for each in found if each.key not in {problem.key for problem in problems}]
        if config is not None and not problems:
            config = _settled(config, tree, folder, environment)
            try:
                config.alert.check_zones(zone_names(config.scenes))
                load_exercises(config.analyze.exercises)
            except (RuleError, UnknownExercise) as error:
                problems.append(refused(tree, value, (), error.message))
            else:
                return config
    problems.sort(key=lambda problem: problem.line or 0)
    raise ConfigProblems(file, problems, hint="every key is described in docs/configuration.md")


def variable(section: str, key: str) -> str:
    """The environment variable that overrides a setting."""
    return f"{PREFIX}_{section}_{key}".upper()


def _sections(tree: Tree, problems: list[Problem]) -> dict[str, Value]:
    """The document as sections; one whose content is commented out has its defaults."""
    if tree.value is None:
        return {}
    if isinstance(tree.value, dict):
        return {name: value for name, value in tree.value.items() if value is not None or name not in settings(Config)}
    names = ", ".join(settings(Config))
    problems.append(Problem(tree.lines[()], "", f"found no sections, allowed: a mapping with the keys {names}"))
    return {}


def _override(tree: Tree, value: dict[str, Value], environment: Mapping[str, str]) -> None:
    for section, outer in settings(Config).items():
        for key in settings(outer.kind):
            name = variable(section, key)
            if not environment.get(name):
                continue
            found = value.setdefault(section, {})
            if isinstance(found, str) and (short := getattr(outer.kind, "SHORT", None)):
                found = value[section] = {short: found}  # a text that stands for the section
                if (section,) in tree.lines:
                    tree.lines[section, short] = tree.lines[section,]
                if (section,) in tree.filled:
                    tree.filled[section, short] = tree.filled[section,]
            if isinstance(found, dict):
                found[key] = environment[name]
                tree.variables[section, key] = name


def _settled(config: Config, tree: Tree, folder: Path, environment: Mapping[str, str]) -> Config:
    """With absolute paths: those of the file are relative to its folder."""
    named = "home" in config.model_fields_set and not environment.get("POSEBUS_HOME")
    models = {
        name: choice.model_copy(update={"path": _in(folder, choice.path)})
        for name, choice in config.models
        if isinstance(choice, ModelChoice) and choice.path is not None
    }
    cameras = {
        name: _with_password(_with_source(camera, folder), tree.filled.get(("cameras", name, "password"), ""), folder)
        for name, camera in config.cameras.items()
    }
    alert = config.alert
    if alert.file is not None:
        alert = with_rules_of(_in(folder, alert.file), alert, config.scenes, environment)
    return config.model_copy(
        update={
            "alert": alert,
            "analyze": replace(config.analyze, exercises=placed(config.analyze.exercises, folder)),
            "archive": config.archive.placed(folder),
            "kafka": config.kafka.placed(folder),
            "rtsp": config.rtsp.placed(folder),
            "home": _in(folder, config.home) if named else home_folder(environment),
            "models": config.models.model_copy(update=models),
            "cameras": cameras,
        }
    )


def _with_source(camera: Camera, folder: Path) -> Camera:
    if "://" in camera.source:
        return camera
    return camera.model_copy(update={"source": str(_in(folder, Path(camera.source)))})


def _with_password(camera: Camera, written: str, folder: Path) -> Camera:
    found = _FILE.fullmatch(written)
    return camera if found is None else camera.password_in(_in(folder, Path(found[1])))


def _in(folder: Path, path: Path) -> Path:
    return folder / path.expanduser()
