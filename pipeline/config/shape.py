"""What can be set: names, types, defaults and meanings, read from the classes that hold the settings.

A class of settings is a dataclass or a pydantic model with a docstring after each field. An interval in that docstring,
such as `(0, 1]`, is the field's range: it is checked when a configuration is loaded.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import itertools
import keyword
import math
import re
import sys
import types
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, SecretStr

from pipeline.config.problems import KeyPath

_NAMES: Mapping[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    Path: "a path",
}
_NUMBER = r"-?(?:\d+(?:\.\d+)?|inf)"
_INTERVAL = re.compile(rf"(?P<left>[\[(])(?P<low>{_NUMBER}), (?P<high>{_NUMBER})(?P<right>[\])])")


class Bounds(NamedTuple):
    """An interval, open or closed at each end."""

    low: float
    high: float
    low_included: bool
    high_included: bool

    def hold(self, value: float) -> bool:
        """Whether the value lies within."""
        above = value >= self.low if self.low_included else value > self.low
        below = value <= self.high if self.high_included else value < self.high
        return above and below

    def __str__(self) -> str:
        low = f"{'at least' if self.low_included else 'more than'} {self.low:g}"
        high = f"{'at most' if self.high_included else 'less than'} {self.high:g}"
        return " and ".join(each for each, end in ((low, self.low), (high, self.high)) if math.isfinite(end))


class Setting(NamedTuple):
    """One field of a class of settings.

    Attributes:
        kind: Its type.
        default: Its default; `dataclasses.MISSING` where it must be set.
        doc: What it means, one paragraph.
    """

    name: str
    kind: Any
    default: Any
    doc: str

    @property
    def bounds(self) -> Bounds | None:
        """The interval that the docstring states."""
        found = _INTERVAL.search(self.doc) if _numeric(self.kind) else None
        if found is None:
            return None
        return Bounds(float(found["low"]), float(found["high"]), found["left"] == "[", found["right"] == "]")


@cache
def settings(kind: Any) -> Mapping[str, Setting]:
    """The fields of a class of settings, in order; nothing for any other type.

    A field such as `not_`, whose name would be a word of Python, is the key `not`.
    """
    kind = without_none(kind)
    defaults: dict[str, Any] = {}
    if inspect.isclass(kind) and issubclass(kind, BaseModel):
        for name, info in kind.model_fields.items():
            defaults[name] = dataclasses.MISSING if info.is_required() else info.get_default(call_default_factory=True)
    elif inspect.isclass(kind) and dataclasses.is_dataclass(kind):
        for each in dataclasses.fields(kind):
            made = each.default_factory
            defaults[each.name] = each.default if made is dataclasses.MISSING else made()
    hints = get_type_hints(kind) if defaults else {}
    docs = field_docs(kind) if defaults else {}
    return {
        key_of(name): Setting(key_of(name), hints[name], default, docs.get(name, ""))
        for name, default in defaults.items()
    }


def key_of(field: str) -> str:
    """The key in a file of a field in a class."""
    return field.removesuffix("_") if keyword.iskeyword(field.removesuffix("_")) else field


def field_of(key: str) -> str:
    """The field in a class of a key in a file."""
    return f"{key}_" if keyword.iskeyword(key) else key


def field_docs(kind: type) -> dict[str, str]:
    """The docstring after each field of a class and its bases, each as one paragraph."""
    docs: dict[str, str] = {}
    for each in reversed(kind.__mro__):
        if each.__module__ in ("builtins", "pydantic.main"):
            continue
        body = _classes(each.__module__)[each.__qualname__].body
        for first, second in itertools.pairwise(body):
            if (
                isinstance(first, ast.AnnAssign)
                and isinstance(first.target, ast.Name)
                and isinstance(second, ast.Expr)
                and isinstance(second.value, ast.Constant)
                and isinstance(second.value.value, str)
            ):
                docs[first.target.id] = " ".join(second.value.value.split())
    return docs


@cache
def _classes(module: str) -> Mapping[str, ast.ClassDef]:
    """The classes of a module by their qualified names: it is parsed once, where `inspect` does so for each class."""
    found: dict[str, ast.ClassDef] = {}

    def look(body: Sequence[ast.stmt], prefix: str) -> None:
        for node in body:
            if isinstance(node, ast.ClassDef):
                found[prefix + node.name] = node
                look(node.body, f"{prefix}{node.name}.")
            elif isinstance(node, ast.FunctionDef):
                look(node.body, f"{prefix}{node.name}.<locals>.")

    look(ast.parse(inspect.getsource(sys.modules[module])).body, "")
    return found


def find(kind: Any, path: KeyPath) -> Setting | None:
    """The setting at a path below a type; what lies in a mapping or list has the name of its key."""
    found = Setting("", kind, dataclasses.MISSING, "")
    for part in path:
        below = settings(found.kind)
        if part in below:
            found = below[str(part)]
            continue
        inner = element(found.kind)
        if inner is None:
            return None
        found = Setting(str(part), inner, dataclasses.MISSING, found.doc)
    return found


def element(kind: Any) -> Any:
    """The type of what lies in a mapping or list; None for any other type."""
    kind = without_none(kind)
    origin, arguments = get_origin(kind), get_args(kind)
    if not (inspect.isclass(origin) and arguments):
        return None
    if issubclass(origin, Mapping):
        return arguments[1]
    return arguments[0] if issubclass(origin, (Sequence, frozenset, set)) else None


def type_text(kind: Any) -> str:
    """What may stand there, in words."""
    options = [each for each in _members(kind) if each is not type(None)]
    if len(options) > 1:
        return " or ".join(dict.fromkeys(type_text(each) for each in options))
    kind = options[0]
    if get_origin(kind) is Literal:
        return ", ".join(str(each) for each in get_args(kind))
    if settings(kind):
        return "a section with the keys " + ", ".join(settings(kind))
    inner = element(kind)
    if inner is not None:
        mapping = issubclass(get_origin(kind), Mapping)
        inside = "a section" if settings(inner) else type_text(inner)
        return f"names, each with {inside}" if mapping else f"a list of {_several(inside)}"
    return _NAMES.get(kind, "a text")


def _several(words: str) -> str:
    article, _, rest = words.partition(" ")
    if article != "a" or " or " in rest:
        return words
    noun, of, inside = rest.partition(" of ")
    return f"{noun}s{of}{inside}"


def is_hidden(kind: Any) -> bool:
    """Whether values of this type are never shown."""
    return SecretStr in _members(kind)


def _numeric(kind: Any) -> bool:
    return not {int, float}.isdisjoint({kind, element(kind), *_members(kind)})


def without_none(kind: Any) -> Any:
    """The type that a setting has where it is set."""
    members = [each for each in _members(kind) if each is not type(None)]
    return members[0] if len(members) == 1 else kind


def _members(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)
