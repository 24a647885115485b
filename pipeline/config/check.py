"""Checks values against what can be set, and says what is wrong in sentences for people."""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from pipeline.config.problems import KeyPath, Problem, did_you_mean, show_path
from pipeline.config.shape import element, field_of, find, is_hidden, key_of, settings, type_text, without_none
from pipeline.config.tree import Tree, Value, plain
from pipeline.core.errors import ConfigError
from pipeline.core.redact import is_secret, redact

_UNKNOWN = {"extra_forbidden", "unexpected_keyword_argument"}
_MISSING = {"missing", "missing_argument"}
_LONGEST = 60

Document = TypeVar("Document", bound=BaseModel)


@dataclass(frozen=True)
class Reading(Generic[Document]):
    """A document that is being checked: its text as a tree, and the class that holds its settings."""

    tree: Tree
    kind: type[Document]


def checked(reading: Reading[Document], value: dict[str, Value]) -> tuple[Document | None, list[Problem]]:
    """The document's settings, or None and what is wrong with it."""
    tree, kind = reading.tree, reading.kind
    config, errors = _validated(kind, value)
    # A text out of the environment stands for a number where a number is wanted.
    texts = {path: _at(value, path) for path in (_place(value, error.loc) for error in errors)}
    for path, text in texts.items():
        if isinstance(text, str) and (path in tree.filled or path in tree.variables):
            _set(value, path, plain(text))
    if any(_at(value, path) is not text for path, text in texts.items()):
        config, errors = _validated(kind, value)
    problems = [_problem(reading, value, error) for error in errors]
    known = {problem.key for problem in problems}
    problems += [each for each in _out_of_range(reading, value) if each.key not in known]
    return (None if problems else config), list(dict.fromkeys(problems))


@dataclass(frozen=True)
class _Error:
    """What pydantic, or a class of options, says of a place in the document."""

    kind: str
    loc: KeyPath
    said: str


def _validated(kind: type[Document], value: dict[str, Value]) -> tuple[Document | None, list[_Error]]:
    """Each section by itself, for what the options of one stage refuse hides nothing of the others."""
    made: dict[str, Any] = {}
    errors: list[_Error] = []
    for name, section in _written_out(kind, value).items():
        try:
            # As JSON and strict: "12" and `yes` are no numbers, but a list is a tuple and a text is a path.
            made[name] = getattr(kind.model_validate_json(json.dumps({name: section}), strict=True), name)
        except ValidationError as error:
            errors += [_Error(each["type"], each["loc"], each["msg"]) for each in error.errors()]
        except ConfigError as error:
            errors.append(_Error("value_error", (name,), error.message))
    return (None if errors else kind(**made)), errors


def _written_out(kind: Any, value: Any) -> Any:
    """The value with a section wherever a text stands for one, a list where a text stands for a list of texts, and the
    names of fields for those of keys.
    """
    kind = without_none(kind)
    if isinstance(value, str) and getattr(kind, "SHORT", None):
        return {kind.SHORT: value}
    below, inner = settings(kind), element(kind)
    if isinstance(value, dict):
        kinds = {name: below[name].kind if name in below else inner for name in value}
        fields = {name: field_of(name) if name in below else name for name in value}
        return {fields[name]: _written_out(kinds[name], each) for name, each in value.items()}
    if isinstance(value, list):
        return [_written_out(inner, each) for each in value]
    return [value] if isinstance(value, str) and inner is str else value


def _problem(reading: Reading[Any], value: Value, error: _Error) -> Problem:
    tree, root = reading.tree, reading.kind
    kind, loc, said = error.kind, error.loc, error.said.removeprefix("Value error, ")
    path = _place(value, loc)
    setting = find(root, path)
    if kind in _UNKNOWN:
        above = find(root, path[:-1])
        known = list(settings(above.kind)) if above else []
        return _said(tree, path, f"unknown key; allowed: {', '.join(known)}{did_you_mean(str(path[-1]), known)}")
    if kind in _MISSING:
        wanted = find(root, (*path, loc[-1]))
        return _said(tree, path, f"the key {loc[-1]} is missing: {type_text(wanted.kind) if wanted else said}")
    if "[key]" in loc:
        return _said(tree, path, f"found the name {str(path[-1])!r}, allowed: {_allowed(error)}")
    found = _found(reading, path, _at(value, path))
    if kind == "value_error" and isinstance(_at(value, path), dict):
        return refused(tree, value, path, said)
    if setting is not None and (kind.endswith("_type") or kind == "literal_error"):
        words = type_text(setting.kind)
        guess = did_you_mean(found.strip("'"), words.split(", ")) if kind == "literal_error" else ""
        return _said(tree, path, f"found {found}, allowed: {words}{guess}")
    return _said(tree, path, f"found {found}, allowed: {_allowed(error)}")


def refused(tree: Tree, value: Value, path: KeyPath, said: str) -> Problem:
    """What a class's own check says of a section, at the text or the key that it names."""
    said = said.removeprefix(f"{show_path(path)}: ").removeprefix(f"{show_path(path)}.")
    words = {word.strip("`'\",:;()") for word in said.split()}
    below = {inner: _at(value, inner) for inner in tree.lines if inner[: len(path)] == path and inner != path}
    quoted = (inner for inner, found in below.items() if isinstance(found, str) and repr(found) in said)
    keys = (inner for inner in below if inner[-1] in words)
    named = (inner for inner, found in below.items() if isinstance(found, str) and found in words)
    place = next(itertools.chain(quoted, keys, named), path)
    start = f"{place[-1]} is "
    return _said(tree, place, f"found {said.removeprefix(start)}" if said.startswith(start) else said)


def _allowed(error: _Error) -> str:
    said = error.said
    for start in ("Input should be ", "Input should have ", "Value error, "):
        said = said.removeprefix(start)
    return said.partition(", allowed: ")[2] or said


def _out_of_range(reading: Reading[Any], value: dict[str, Value]) -> list[Problem]:
    tree, problems = reading.tree, []
    for path in [*tree.lines, *tree.variables]:
        setting, number = find(reading.kind, path), _at(value, path)
        if (
            setting is None
            or setting.bounds is None
            or isinstance(number, bool)
            or not isinstance(number, (int, float))
        ):
            continue
        if not math.isfinite(number) or not setting.bounds.hold(number):
            problems.append(_said(tree, path, f"found {_found(reading, path, number)}, allowed: {setting.bounds}"))
    return problems


def _said(tree: Tree, path: KeyPath, text: str) -> Problem:
    if path in tree.variables:
        return Problem(None, show_path(path), text, place=f"environment variable {tree.variables[path]}")
    line = next((tree.lines[path[:end]] for end in range(len(path), -1, -1) if path[:end] in tree.lines), None)
    return Problem(line, show_path(path), text)


def _found(reading: Reading[Any], path: KeyPath, value: Value) -> str:
    """A value as it is shown: never what may be a secret."""
    tree, setting = reading.tree, find(reading.kind, path)
    if path in tree.filled:
        return f"what {tree.filled[path]} stands for"
    if isinstance(value, str):
        if (setting is not None and _holds_secret(setting.kind)) or is_secret(str(path[-1])):
            return "a text that is not shown"
        text = redact(value)
        return repr(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}...")
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a section"
    return "a list" if isinstance(value, list) else str(value)


def _holds_secret(kind: Any, above: tuple[Any, ...] = ()) -> bool:
    if kind in above:  # a condition holds conditions
        return False
    inner, above = element(kind), (*above, kind)
    return (
        is_hidden(kind)
        or (inner is not None and _holds_secret(inner, above))
        or any(_holds_secret(each.kind, above) for each in settings(kind).values())
    )


def _place(value: Value, loc: tuple[str | int, ...]) -> KeyPath:
    """The path in the document of where pydantic found something: as far as the document goes."""
    path: KeyPath = ()
    for part in loc:
        if isinstance(value, dict) and part not in value and isinstance(part, str):
            part = key_of(part)
        if isinstance(value, dict) and part in value:
            value = value[str(part)]
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        else:
            break
        path = (*path, part)
    return path


def _at(value: Value, path: KeyPath) -> Value:
    for part in path:
        if isinstance(value, dict):
            value = value.get(str(part))
        elif isinstance(value, list) and isinstance(part, int):
            value = value[part]
        else:
            return None
    return value


def _set(value: Value, path: KeyPath, new: Value) -> None:
    above = _at(value, path[:-1])
    if isinstance(above, dict):
        above[str(path[-1])] = new
    elif isinstance(above, list) and isinstance(path[-1], int):
        above[path[-1]] = new
