"""Reading a configuration: file, then environment, then checks; all problems are told at once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pipeline.config.check import checked
from pipeline.config.places import home_folder
from pipeline.config.problems import ConfigProblems, Problem, did_you_mean
from pipeline.config.sections import Camera, Config, ModelChoice
from pipeline.config.shape import settings
from pipeline.config.tree import Tree, Value, parse
from pipeline.core.errors import ConfigError

PREFIX = "POSEBUS"


def load_config(path: Path | None, environment: Mapping[str, str]) -> Config:
    """The configuration of a file, or the defaults without one, with what the environment says before both.

    A setting `key` of a section is overridden by the variable POSEBUS_SECTION_KEY, and the home folder by POSEBUS_HOME;
    empty variables count as not set. Raises ConfigError with every problem of the file, each with its line.
    """
    if path is None:
        tree, folder, file = Tree(), Path.cwd(), "configuration"
    else:
        folder, file = path.absolute().parent, str(path)
        tree = parse(_read(path), folder=folder, environment=environment)
    problems = list(tree.problems)
    if not any(problem.breaks for problem in problems):
        value = _sections(tree, problems)
        _override(tree, value, environment)
        config, found = checked(tree, value)
        problems += [each for each in found if each.key not in {problem.key for problem in problems}]
        if config is not None and not problems:
            return _settled(config, folder, environment)
    problems.sort(key=lambda problem: problem.line or 0)
    raise ConfigProblems(file, problems, hint="every key is described in docs/configuration.md")


def variable(section: str, key: str) -> str:
    """The environment variable that overrides a setting."""
    return f"{PREFIX}_{section}_{key}".upper()


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        folder = path.absolute().parent
        near = [each.name for each in folder.iterdir() if each.is_file()] if folder.is_dir() else []
        raise ConfigError(
            f"{path}: there is no such file{did_you_mean(path.name, near)}", hint="name a YAML file with --config"
        ) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: the file is not a text in UTF-8", hint="save it as UTF-8") from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}", hint="name a YAML file with --config") from error


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
            found = value.setdefault(section, {}) if environment.get(name) else None
            if isinstance(found, dict):
                found[key] = environment[name]
                tree.variables[section, key] = name


def _settled(config: Config, folder: Path, environment: Mapping[str, str]) -> Config:
    """With absolute paths: those of the file are relative to its folder."""
    named = "home" in config.model_fields_set and not environment.get("POSEBUS_HOME")
    models = {
        name: choice.model_copy(update={"path": _in(folder, choice.path)})
        for name, choice in config.models
        if isinstance(choice, ModelChoice) and choice.path is not None
    }
    cameras = {name: _with_source(camera, folder) for name, camera in config.cameras.items()}
    return config.model_copy(
        update={
            "home": _in(folder, config.home) if named else home_folder(environment),
            "models": config.models.model_copy(update=models),
            "cameras": cameras,
        }
    )


def _with_source(camera: Camera, folder: Path) -> Camera:
    if "://" in camera.source:
        return camera
    return camera.model_copy(update={"source": str(_in(folder, Path(camera.source)))})


def _in(folder: Path, path: Path) -> Path:
    return folder / path.expanduser()
