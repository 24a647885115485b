"""Files of exercises, one exercise each: those of the library, and one's own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from pipeline.config.check import Reading, checked
from pipeline.config.files import read_text
from pipeline.config.problems import ConfigProblems, KeyPath, Problem, did_you_mean, show_path
from pipeline.config.section import Section
from pipeline.config.shape import settings
from pipeline.config.tree import Tree, parse
from pipeline.core.errors import ConfigError
from stages import analyze
from stages.analyze.exercises import Exercise

ALL = "library"
"""The word for all exercises of the library."""

_HINT = "every key is described in docs/exercises.md"
_ENDS = (".yaml", ".yml")
_TOP = "exercise"


class UnknownExercise(ConfigError):
    """A name that no exercise of the library has."""


class ExerciseFile(Section):
    """A file that is one exercise."""

    exercise: Exercise | None = None
    """The exercise."""


def library() -> Path:
    """The folder of the exercises that posebus knows."""
    return Path(next(iter(analyze.__path__))) / "library"


def load_exercises(names: Iterable[str]) -> tuple[Exercise, ...]:
    """The exercises of these names, files and folders, or of the word `library`. Raises ConfigError with every problem
    of a file, each with its line.
    """
    found = [exercise for name in names for exercise in _named(name)]
    first: dict[str, Exercise] = {}
    for exercise in found:
        if first.setdefault(exercise.name, exercise) != exercise:
            raise ConfigError(f"two exercises are named {exercise.name}", hint="give one of them another name")
    return tuple(first.values())


def placed(names: Sequence[str], folder: Path) -> tuple[str, ...]:
    """The same, with files and folders of them relative to `folder`."""
    return tuple(str(folder / Path(name).expanduser()) if _is_path(name) else name for name in names)


def load_exercise(path: Path) -> Exercise:
    """The exercise of a file. Raises ConfigError with every problem, each with its line."""
    text = parse(read_text(path, _HINT), folder=path.absolute().parent, environment={})
    # The file is a section without a heading of its own.
    lines = {(_TOP, *place): line for place, line in text.lines.items()}
    tree = Tree({_TOP: text.value}, {(): 1, (_TOP,): 1} | lines, {(_TOP, *k): v for k, v in text.filled.items()})
    problems = list(text.problems)
    exercise = None
    if not isinstance(text.value, dict):
        if not problems:
            problems.append(Problem(1, "", f"found no exercise, allowed: the keys {', '.join(settings(Exercise))}"))
    elif not any(problem.breaks for problem in problems):
        file, found = checked(Reading(tree, ExerciseFile), {_TOP: text.value})
        problems += [replace(each, key=each.key.removeprefix(f"{_TOP}.").removeprefix(_TOP)) for each in found]
        exercise = file.exercise if file is not None else None
        if exercise is not None:
            problems += [Problem(_line(tree, place), show_path(place), said) for place, said in exercise.flaws()]
    if problems or exercise is None:
        problems.sort(key=lambda problem: problem.line or 0)
        raise ConfigProblems(str(path), problems, hint=_HINT)
    return exercise


def _named(name: str) -> list[Exercise]:
    if name == ALL:
        return [_shipped(each) for each in _shipped_names()]
    if not _is_path(name):
        known = _shipped_names()
        if name not in known:
            guess = did_you_mean(name, known)
            raise UnknownExercise(
                f"found {name!r}, allowed: {ALL}, {', '.join(known)}, or a YAML file or folder{guess}",
                hint="a file ends in .yaml, and a folder has a / in its name",
            )
        return [_shipped(name)]
    path = Path(name)
    if path.is_dir():
        files = sorted(each for each in path.iterdir() if each.suffix in _ENDS)
        if not files:
            raise ConfigError(f"{path}: the folder has no YAML file", hint=_HINT)
        return [load_exercise(each) for each in files]
    return [load_exercise(path)]


def _is_path(name: str) -> bool:
    return "/" in name or name.endswith(_ENDS)


@cache
def _shipped_names() -> tuple[str, ...]:
    return tuple(sorted(each.stem for each in library().iterdir() if each.suffix in _ENDS))


@cache
def _shipped(name: str) -> Exercise:
    return load_exercise(library() / f"{name}.yaml")


def _line(tree: Tree, place: KeyPath) -> int | None:
    return next(
        tree.lines[_TOP, *place[:end]] for end in range(len(place), -1, -1) if (_TOP, *place[:end]) in tree.lines
    )
