"""What can be set about alerts."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.core.errors import ConfigError
from stages.alert.rules import CAMERA_SILENT, FALL, Rule


@dataclass(frozen=True, slots=True)
class AlertOptions:
    """Options of the stage alert."""

    rules: tuple[Rule, ...] = (FALL, CAMERA_SILENT)
    """Rules, each with a name of its own."""

    def __post_init__(self) -> None:
        names = [rule.name for rule in self.rules]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ConfigError(f"rules: the name {twice[0]!r} is given twice")
