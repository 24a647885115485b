"""YAML text as plain values, with the line of each, and `${env:NAME}` and `${file:PATH}` filled in.

Plain words mean what YAML 1.2 says: only `true` and `false` are booleans, `12:30` is a text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from pipeline.config.problems import KeyPath, Problem, did_you_mean, show_path

Value = bool | None | int | float | str | list["Value"] | dict[str, "Value"]

MAX_NODES = 100_000

_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS: Mapping[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_REFERENCE = re.compile(r"\$(?P<escaped>\$\{)|\$\{(?P<kind>[^:}]*)(?::(?P<name>[^}]*))?\}")
_PLAIN_TAGS = {
    "tag:yaml.org,2002:str",
    "tag:yaml.org,2002:seq",
    "tag:yaml.org,2002:map",
}


@dataclass
class Tree:
    """A document.

    Attributes:
        value: All of it.
        lines: The line of each key and list item, from 1.
        filled: Where a `${...}` was, and the text around it: what it stands for may be a number, and may be a secret.
        variables: What an environment variable overrides, and its name.
        problems: What is wrong with it as a text, in the order of lines.
    """

    value: Value = None
    lines: dict[KeyPath, int] = field(default_factory=dict)
    filled: dict[KeyPath, str] = field(default_factory=dict)
    variables: dict[KeyPath, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def parse(text: str, *, folder: Path, environment: Mapping[str, str]) -> Tree:
    """Read a YAML text; files that it names lie relative to `folder`."""
    try:
        node = yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.MarkedYAMLError as error:
        return Tree(problems=[_broken(error, text)])
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        return Tree(
            problems=[Problem(line, "", f"character {chr(error.character)!r} is not allowed in YAML", breaks=True)]
        )
    tree = Tree()
    if node is not None:
        tree.value = _Builder(tree, folder, environment).value(node, ())
    tree.problems.sort(key=lambda problem: problem.line or 0)
    return tree


def plain(text: str) -> Value:
    """What a word without quotes means."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text, 0) if text.startswith(("0o", "0x")) else int(text)
    if _FLOAT.fullmatch(text):
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text


def _broken(error: yaml.MarkedYAMLError, text: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    what = error.problem or error.context or "not YAML"
    if "'\\t'" in what:
        what = "a tab stands where YAML wants spaces; indent with spaces"
    elif error.context and error.problem:
        what = f"{what} ({error.context})"
    if mark is None:
        return Problem(None, "", what, breaks=True)
    if any(sign in line for line in text.splitlines()[mark.line : mark.line + 1] for sign in ("${", "?")):
        what = f"{what}; a text with ${{ or ? in it needs quotes within {{ }} and [ ]"
    return Problem(mark.line + 1, f"column {mark.column + 1}", what, breaks=True)


class _Builder:
    def __init__(self, tree: Tree, folder: Path, environment: Mapping[str, str]) -> None:
        self._tree = tree
        self._folder = folder
        self._environment = environment
        self._open: list[yaml.Node] = []
        self._count = 0

    def value(self, node: yaml.Node, path: KeyPath) -> Value:
        self._tree.lines.setdefault(path, _line(node))
        self._count += 1
        if self._count > MAX_NODES:
            if self._count == MAX_NODES + 1:
                self._problem(node, path, f"more than {MAX_NODES} values, with what its aliases stand for")
            return None
        if any(node is each for each in self._open):
            self._problem(node, path, "an alias stands for something that contains it")
            return None
        if node.tag not in _PLAIN_TAGS:
            self._problem(node, path, f"found the tag {node.tag}; tags are not used here")
            return None
        self._open.append(node)
        try:
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, path)
            if isinstance(node, yaml.SequenceNode):
                return [self.value(each, (*path, index)) for index, each in enumerate(node.value)]
            return self._scalar(node, path) if isinstance(node, yaml.ScalarNode) else None
        finally:
            self._open.pop()

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Value]:
        values: dict[str, Value] = {}
        first: dict[str, int] = {}
        for key, each in self._pairs(node, path):
            name = key.value
            if name in first:
                self._problem(key, (*path, name), f"stands here again; the first is in line {first[name]}")
                continue
            first[name] = _line(key)
            self._tree.lines[*path, name] = _line(key)
            values[name] = self.value(each, (*path, name))
        return values

    def _pairs(self, node: yaml.MappingNode, path: KeyPath) -> Iterator[tuple[yaml.ScalarNode, yaml.Node]]:
        """Keys with their values, then those of merged mappings (`<<: *shared`) that are not among them."""
        own: set[str] = set()
        merged: list[yaml.Node] = []
        for key, each in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._problem(key, path, "found a list or mapping as a key, allowed are words")
            elif key.value == "<<" and key.style is None:
                merged.extend(each.value if isinstance(each, yaml.SequenceNode) else [each])
            else:
                own.add(key.value)
                yield key, each
        for mapping in merged:
            if not isinstance(mapping, yaml.MappingNode) or mapping is node:
                self._problem(mapping, path, "after `<<` stands what is no other mapping")
                continue
            for key, each in mapping.value:
                if isinstance(key, yaml.ScalarNode) and key.value not in own and key.value != "<<":
                    own.add(key.value)
                    yield key, each

    def _scalar(self, node: yaml.ScalarNode, path: KeyPath) -> Value:
        text: str = node.value
        if "${" not in text:
            return plain(text) if node.style is None else text
        self._tree.filled[path] = text

        def fill(match: re.Match[str]) -> str:
            if match["escaped"]:
                return "${"
            if match["kind"] == "env" and match["name"]:
                return self._variable(node, path, match["name"])
            if match["kind"] == "file" and match["name"]:
                return self._file(node, path, match["name"])
            self._problem(
                node, path, f"found {match[0]}, allowed: ${{env:NAME}}, ${{file:PATH}}, and $${{ for ${{ itself"
            )
            return ""

        return _REFERENCE.sub(fill, text)

    def _variable(self, node: yaml.Node, path: KeyPath, name: str) -> str:
        if name not in self._environment:
            guess = did_you_mean(name, self._environment)
            self._problem(node, path, f"the environment variable {name} is not set{guess}")
        return self._environment.get(name, "")

    def _file(self, node: yaml.Node, path: KeyPath, name: str) -> str:
        file = self._folder / Path(name).expanduser()
        try:
            return file.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not a text in UTF-8"
            self._problem(node, path, f"the file {file} cannot be read: {reason}")
            return ""

    def _problem(self, node: yaml.Node, path: KeyPath, text: str) -> None:
        self._tree.problems.append(Problem(_line(node), show_path(path), text))


def _line(node: yaml.Node) -> int:
    line: int = node.start_mark.line + 1
    return line
