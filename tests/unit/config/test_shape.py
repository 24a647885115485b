from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from pipeline.config.rules import RulesFile
from pipeline.config.sections import Config
from pipeline.config.shape import Setting, element, find, settings, type_text


@dataclass(frozen=True, slots=True)
class Inner:
    """Some settings."""

    share: float = 0.5
    """A share, (0, 1], of
    something."""

    limit_s: float | None = None
    """At least so long, [2, inf)."""

    words: tuple[str, ...] = ()
    """Any words, such as [0, 1]."""


@dataclass(frozen=True, slots=True)
class Outer:
    """More settings."""

    name: Literal["a", "b"]
    """Which."""

    inner: Inner = Inner()
    many: dict[str, Inner] = dataclasses.field(default_factory=dict)


def all_settings(kind: Any, path: str = "", above: tuple[Any, ...] = ()) -> Iterator[tuple[str, Setting]]:
    below = settings(kind)
    if below in above:  # a condition holds conditions
        return
    for name, each in below.items():
        yield f"{path}.{name}".removeprefix("."), each
        yield from all_settings(each.kind, f"{path}.{name}", (*above, below))
        yield from all_settings(element(each.kind), f"{path}.{name}[]", (*above, below))


def test_fields_have_the_docstring_that_follows_them() -> None:
    assert {name: each.doc for name, each in settings(Inner).items()} == {
        "share": "A share, (0, 1], of something.",
        "limit_s": "At least so long, [2, inf).",
        "words": "Any words, such as [0, 1].",
    }
    assert settings(Outer)["inner"].doc == ""
    assert settings(float) == {}


def test_an_interval_of_the_docstring_is_the_range_of_a_number() -> None:
    share, limit = settings(Inner)["share"].bounds, settings(Inner)["limit_s"].bounds
    assert share is not None
    assert limit is not None
    assert (share.hold(0.0), share.hold(0.1), share.hold(1.0), share.hold(1.1)) == (False, True, True, False)
    assert (str(share), str(limit)) == ("more than 0 and at most 1", "at least 2")
    assert settings(Inner)["words"].bounds is None


def test_settings_are_found_by_path() -> None:
    found = find(Outer, ("many", "any name", "share"))

    assert found is not None
    assert found.kind is float
    assert find(Outer, ("inner", "nothing")) is None
    assert find(Outer, ("inner", "words", 3)) == Setting("3", str, dataclasses.MISSING, "Any words, such as [0, 1].")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (float, "a number"),
        (int | None, "a whole number"),
        (Literal["a", "b"] | None, "a, b"),
        (str | float, "a text or a number"),
        (Inner, "a section with the keys share, limit_s, words"),
        (tuple[Inner, ...], "a list of sections"),
        (list[int], "a list of whole numbers"),
        (tuple[tuple[float, float], ...], "a list of lists of numbers"),
        (list[Literal["a", "b"]], "a list of a, b"),
        (dict[str, Inner], "names, each with a section"),
    ],
)
def test_types_in_words(kind: Any, words: str) -> None:
    assert type_text(kind) == words


@pytest.mark.parametrize("kind", [Config, RulesFile])
def test_every_setting_says_what_it_means(kind: type) -> None:
    assert [path for path, each in all_settings(kind) if not each.doc] == []


@pytest.mark.parametrize("kind", [Config, RulesFile])
def test_every_default_lies_in_its_range(kind: type) -> None:
    wrong = [
        path
        for path, each in all_settings(kind)
        if each.bounds and isinstance(each.default, (int, float)) and not each.bounds.hold(each.default)
    ]
    assert wrong == []
