"""Zones and rules of single cameras, as the registry says, in the stages that use them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.config import Config
from pipeline.config.exercises import load_exercises
from pipeline.config.rules import rules_of
from pipeline.config.tree import parse
from pipeline.config.zones import zones_of
from pipeline.core.cameras import CameraSpec
from pipeline.core.errors import ConfigError, PosebusError
from pipeline.core.records import Record
from pipeline.core.stage import StretchStage
from pipeline.core.zones import Scene
from stages.alert import AlertStage
from stages.analyze import AnalyzeStage

log = logging.getLogger(__name__)

SpecOf = Callable[[str], CameraSpec | None]
"""What the registry says of a camera, by its name; called before each record."""


class OwnStage:
    """A `KeyedStage` that gives each record to the stage of its camera.

    Which one that is, is asked before each record: a change takes effect between two records of the camera, whose state
    goes on. A stage makes its state fit to other zones and rules by itself.

    Args:
        general: For all cameras without one of their own.
        own: The stage of a camera, or None.
    """

    def __init__(self, general: Any, own: Callable[[str], Any | None]) -> None:
        self._general = general
        self._own = own

    def initial_state(self, key: str) -> Any:
        """As the stage inside."""
        return self._general.initial_state(key)

    def step(self, state: Any, record: Record[Any]) -> tuple[Any, Sequence[Any]]:
        """As the stage of this camera."""
        found: tuple[Any, Sequence[Any]] = self._of(record).step(state, record)
        return found

    def tick(self, state: Any, record: Record[Any]) -> tuple[Any, Sequence[Any]]:
        """As the stage of this camera."""
        found: tuple[Any, Sequence[Any]] = self._of(record).tick(state, record)
        return found

    def _of(self, record: Record[Any]) -> Any:
        return self._own(record.stamp.camera) or self._general


class OwnStretchStage(OwnStage):
    """The same around `StretchStage`s. Which one is the camera's, is asked once for all frames taken together."""

    def steps(self, state: Any, records: Sequence[Record[Any]]) -> tuple[Any, Sequence[Sequence[Any]]]:
        """As the stage of this camera."""
        found: tuple[Any, Sequence[Sequence[Any]]] = self._of(records[0]).steps(state, records)
        return found


class OwnStages:
    """Makes the stages of cameras that have zones or rules of their own.

    A camera of the configuration has those of the configuration. What cannot be used is told once, and the camera is
    treated as one without any.
    """

    def __init__(self, config: Config, spec_of: SpecOf) -> None:
        self._config = config
        self._spec_of = spec_of

    def around(self, name: str, stage: Any) -> Any:
        """The stage of this name, with those of single cameras around it where it has any."""
        build = {"analyze": own_analyze, "alert": own_alert}.get(name)
        if build is None:
            return stage
        made: dict[str, tuple[tuple[str, str], Any | None]] = {}

        def own(camera: str) -> Any | None:
            spec = self._spec_of(camera)
            texts = ("", "") if spec is None or camera in self._config.cameras else (spec.zones, spec.rules)
            known = made.get(camera, (("", ""), None))
            if known[0] != texts:
                known = made[camera] = texts, self._built(build, name, camera, *texts)
            return known[1]

        return OwnStretchStage(stage, own) if isinstance(stage, StretchStage) else OwnStage(stage, own)

    def _built(self, build: Callable[..., Any | None], name: str, camera: str, zones: str, rules: str) -> Any | None:
        try:
            stage = build(self._config, camera, zones, rules)
        except PosebusError as error:
            log.error("camera %s: its zones and rules are left out: %s", camera, error.message)
            return None
        log.info("camera %s: other zones or rules from here on", camera, extra={"stage": name})
        return stage


def own_analyze(config: Config, camera: str, zones: str, rules: str) -> AnalyzeStage | None:
    """Analyze with the zones of a camera; None where it has none. Raises ConfigError."""
    if not zones:
        return None
    return AnalyzeStage(config.analyze, load_exercises(config.analyze.exercises), {camera: _scene(camera, zones)})


def own_alert(config: Config, camera: str, zones: str, rules: str) -> AlertStage | None:
    """Alert with the zones and the rules of a camera beside those of all; None where it has none of either.

    A rule of its own stands in place of a general one of the same name. Raises ConfigError.
    """
    if not (zones or rules):
        return None
    scenes = {**config.scenes, **({camera: _scene(camera, zones)} if zones else {})}
    options = config.alert
    if rules:
        tree = parse(rules, folder=Path(), environment={})
        own = rules_of(tree, f"rules of camera {camera}", scenes).rules
        names = {rule.name for rule in own}
        options = replace(options, rules=(*(rule for rule in options.rules if rule.name not in names), *own))
    return AlertStage(options, scenes)


def check_own(config: Config, spec: CameraSpec) -> None:
    """Raises ConfigError for zones and rules of a camera that stages could not use."""
    for build in (own_analyze, own_alert):
        try:
            build(config, spec.name, spec.zones, spec.rules)
        except ConfigError as error:
            if hasattr(error, "problems"):
                raise
            raise ConfigError(f"rules of camera {spec.name}: {error.message}", hint=error.hint) from error


def _scene(camera: str, zones: str) -> Scene:
    return zones_of(zones, f"zones of camera {camera}")
