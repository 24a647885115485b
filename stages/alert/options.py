"""What can be set about alerts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stages.alert.rules import BUILT_IN, Rule
from stages.alert.words import RuleError, require


@dataclass(frozen=True, slots=True)
class AlertOptions:
    """Rules that make incidents of events and measures; docs/rules.md tells how to write one."""

    rules: tuple[Rule, ...] = tuple(BUILT_IN.values())
    """Rules, each with a name of its own; a text stands for the built-in rule of that name. They are judged in this
    order."""

    file: Path | None = None
    """A file of rules (`posebus rules check`), relative to the configuration's folder. Its rules stand in
    place of the built-in ones, after those of `rules` if there are any."""

    def __post_init__(self) -> None:
        names = [rule.name for rule in self.rules]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise RuleError(f"rules: the name {twice[0]!r} is given twice")
        for rule in self.rules:
            require(f"rule {rule.name}: inhibited_by", rule.inhibited_by, [name for name in names if name != rule.name])

    def check_zones(self, known: Sequence[str]) -> None:
        """Raises RuleError for a rule that names a zone that no camera has."""
        for rule in self.rules:
            for name in rule.zone_names():
                if not known:
                    raise RuleError(
                        f"rule {rule.name}: zone is {name!r}, allowed: none, for no camera has zones;"
                        " draw it under `cameras.NAME.zones`"
                    )
                require(f"rule {rule.name}: zone", (name,), known)
