"""Zones and lines of one camera in a document of their own, as `cameras.NAME` of the configuration has them."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from pipeline.config.check import Reading, checked, refused
from pipeline.config.problems import ConfigProblems, Problem
from pipeline.config.section import Section
from pipeline.config.sections import PlaceName
from pipeline.config.shape import settings
from pipeline.config.tree import parse
from pipeline.core.zones import Line, Scene, Zone, check_places

_HINT = "zones and lines are described in docs/zones.md"


class ZonesFile(Section):
    """What is drawn on the picture of a camera."""

    zones: dict[PlaceName, Zone] = Field(default_factory=dict)
    """Parts of its picture by name."""

    lines: dict[PlaceName, Line] = Field(default_factory=dict)
    """Lines on its picture by name."""


def zones_of(text: str, name: str) -> Scene:
    """What a document draws. Raises ConfigError with every problem, each with its line; they are told of `name`."""
    tree = parse(text, folder=Path(), environment={})
    problems = list(tree.problems)
    if not problems and tree.value is not None and not isinstance(tree.value, dict):
        names = ", ".join(settings(ZonesFile))
        problems.append(Problem(tree.lines[()], "", f"found no sections, allowed: a mapping with the keys {names}"))
    if not problems:
        value = tree.value if isinstance(tree.value, dict) else {}
        file, problems = checked(
            Reading(tree, ZonesFile), {key: each for key, each in value.items() if each is not None}
        )
        if file is not None:
            try:
                check_places(file.zones, file.lines)
            except ValueError as error:
                problems = [refused(tree, value, (), str(error))]
            else:
                return Scene(file.zones, file.lines)
    raise ConfigProblems(name, sorted(problems, key=lambda problem: problem.line or 0), hint=_HINT)
