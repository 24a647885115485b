"""Words that rules may use, and what is said of one that they may not."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

from pipeline.core.errors import ConfigError
from pipeline.core.vocabulary import ANGLES, MEASURES

MEASURE_COLUMNS: Mapping[str, int] = {measure.name: i for i, measure in enumerate(MEASURES)}
"""Column of each measure in `Measures.scalars`."""

ANGLE_COLUMNS: Mapping[str, int] = {angle.name: i for i, angle in enumerate(ANGLES)}
"""Column of each joint angle in `Measures.angles`."""

FOOT: tuple[int, int] = (MEASURE_COLUMNS["foot_x"], MEASURE_COLUMNS["foot_y"])
"""Columns of where a person stands, as shares of the picture's width and height."""

CAMERA_STATES: tuple[str, ...] = (
    *("live", "stalled", "waiting", "ended"),
    *("connecting", "unauthorized", "failed", "paused"),
)
"""What a camera may be, by its ticks."""


class RuleError(ConfigError, ValueError):
    """A rule that cannot be carried out. Also a ValueError: so a reader of files can say in which line it stands."""


def require(what: str, words: Iterable[str], known: Iterable[str]) -> None:
    """Raises RuleError, with the nearest known word, for the first word that is not known."""
    known = list(known)
    for word in words:
        if word not in known:
            near = difflib.get_close_matches(word, known, n=1)
            guess = f"; did you mean {near[0]}?" if near else ""
            raise RuleError(f"{what} is {word!r}, allowed: {', '.join(known) or 'none'}{guess}")


def unit_of(measure: str) -> str:
    """Unit of a measure or angle, as people read it."""
    return "degrees" if measure in ANGLE_COLUMNS else MEASURES[MEASURE_COLUMNS[measure]].unit
