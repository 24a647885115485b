"""Exercises as data: the phases of a repetition, said in angles, lengths and seconds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Literal

from pipeline.core.errors import ConfigError
from pipeline.core.vocabulary import POSTURES
from stages.analyze.features import DEGREES, FEATURES, SIDED

OTHER = "other_"
"""Before the name of a sided measure: that of the other side."""

WHOLE = "movement"
"""In a check: the whole movement, from leaving the first phase until coming back to it."""

REPETITION = "repetition"
"""In a check: the movement and the first phase before it."""

_GAP = {True: 10.0, False: 0.03}  # least hysteresis, degrees and lengths: about twice the noise of a smoothed keypoint


class ExerciseError(ConfigError, ValueError):
    """An exercise that cannot be carried out. Also a ValueError: so a reader of files can say in which line."""


Flaw = tuple[tuple[str, ...], str]
"""Where in an exercise something is wrong, and what."""


@dataclass(frozen=True, slots=True)
class Band:
    """A range of one measure. Joints: 0 = straight, grows with flexion; see docs/exercises.md for the others."""

    above: float = float("-inf")
    """Least value."""

    below: float = float("inf")
    """Greatest value."""

    def __post_init__(self) -> None:
        if not self.above < self.below:
            raise ExerciseError(f"above is {self.above:g}, allowed: less than {self.below:g}, which is `below`")
        if self.above == float("-inf") and self.below == float("inf"):
            raise ExerciseError("neither `above` nor `below` is said")


@dataclass(frozen=True, slots=True)
class Phase:
    """A pose that a repetition passes through, and for how long."""

    pose: Mapping[str, Band]
    """The bands of all measures that make the pose, by name."""

    min_s: float = 0.08
    """Least time in the pose, seconds, [0, 60]; less is a keypoint that jumped. Of the first phase: how long it must
    hold before the first repetition, for getting into position is none."""

    max_s: float = 60.0
    """Longest time in the pose, seconds, (0, 600]; more is something else. The first phase may last."""


@dataclass(frozen=True, slots=True)
class Check:
    """A number that is taken of each repetition, and when it is a fault."""

    measure: str
    """Of which measure."""

    take: Literal["greatest", "least", "range", "asymmetry"] = "greatest"
    """The greatest or least value, the range from least to greatest, or how far the greatest values of left and right
    lie apart."""

    phase: str = WHOLE
    """In which phase; `movement` for all between leaving the first phase and coming back, `repetition` for that and the
    first phase before it. Of the first phase alone: before the movement."""

    above: float | None = None
    """A value above this is a fault."""

    below: float | None = None
    """A value below this is a fault."""

    fault: str = ""
    """What the fault is called; without it, as the check."""

    def is_fault(self, value: float) -> bool:
        """Whether this value is a fault; NaN, what was not seen, is none."""
        return (self.above is not None and value > self.above) or (self.below is not None and value < self.below)


@dataclass(frozen=True, slots=True)
class Exercise:
    """A repetition: out of the first phase, through all others in their order, back to the first."""

    name: str
    """Label of its events: letters, digits, `-` and `_`."""

    phases: Mapping[str, Phase]
    """At least two, by name, in their order. A movement that does not get through all is a half repetition and is not
    counted."""

    sides: Literal["both", "either"] = "both"
    """Whether both sides do the same, each measure being the mean of the sides that are seen; or one does it, each time
    any: then a measure is that of the side which does it, and `other_` before its name means the other side."""

    max_difference: float = 40.0
    """With sides both: how far the joints of left and right may be apart in a pose, degrees, (0, 180]."""

    throughout: Mapping[str, Band] = field(default_factory=dict)
    """Bands that hold in all phases and between them. A measure that only they name may be out of sight: what is not
    seen breaks nothing."""

    not_in: tuple[str, ...] = ()
    """Postures that it never passes through (stand, walk, run, sit, crouch, bend, kneel, lie)."""

    min_s: float = 0.5
    """Shortest repetition, seconds, [0, 60]."""

    max_s: float = 10.0
    """Longest repetition, seconds, (0, 600]."""

    max_travel: float = 0.25
    """How far the feet may come to stand from where they began, body heights, (0, 10]; more is walking."""

    slack_s: float = 0.3
    """How long it may be out of bounds (`throughout`, `not_in`), seconds, [0, 60]."""

    unseen_s: float = 2.0
    """How long a measure that a phase names may be unseen, seconds, [0, 60], while one that tells the phases apart is
    seen at times. With the errors of the bundled model 999 of 1,000 such gaps last up to 1.1 s and the longest of 5,000
    1.8 s (keypoint scripts of the seeds 0 to 59)."""

    checks: Mapping[str, Check] = field(default_factory=dict)
    """What is measured of each repetition, by name: evidence of its event, and `fault_` with the name of the fault
    where it is one."""

    def measures(self) -> list[str]:
        """Names that its bands may have."""
        others = [OTHER + name for name in SIDED] if self.sides == "either" else []
        return [*FEATURES, *others]

    def flaws(self) -> Iterator[Flaw]:
        """All that is wrong with it, and where."""
        if not self.name or not all(letter.isalnum() or letter in "-_" for letter in self.name):
            yield ("name",), f"found {self.name!r}, allowed: letters, digits, `-` and `_`"
        names = list(self.phases)
        if len(names) < 2:
            yield ("phases",), f"found {len(names)} of them, allowed: at least 2"
        for name, phase in self.phases.items():
            if not phase.pose:
                yield ("phases", name, "pose"), "found no band, allowed: at least 1"
            yield from _unknown(("phases", name, "pose"), phase.pose, self.measures())
        yield from _unknown(("throughout",), self.throughout, self.measures())
        for posture in sorted(set(self.not_in) - set(POSTURES)):
            yield ("not_in",), f"found {posture!r}, allowed: {', '.join(POSTURES)}{_near(posture, POSTURES)}"
        for name, check in self.checks.items():
            known = list(SIDED) if check.take == "asymmetry" else self.measures()
            for key, word, words in (
                ("measure", check.measure, known),
                ("phase", check.phase, [WHOLE, REPETITION, *names]),
            ):
                if word not in words:
                    yield ("checks", name, key), f"found {word!r}, allowed: {', '.join(words)}{_near(word, words)}"
        for first, second in zip(names, [*names[1:], *names[:1]], strict=True):
            if len(names) > 1 and not self.telling(first, second):
                yield (
                    ("phases", second),
                    f"no measure has bands that lie apart from those of {first}, by 10 degrees or 0.03 lengths: "
                    "jitter would count",
                )

    def telling(self, first: str, second: str) -> set[str]:
        """Measures that tell one phase from another: jitter at one threshold never leads from one band to the other."""
        a, b = self.phases[first].pose, self.phases[second].pose
        return {
            name
            for name in a.keys() & b.keys()
            if max(b[name].above - a[name].below, a[name].above - b[name].below)
            >= _GAP[name.removeprefix(OTHER) in DEGREES]
        }


def _unknown(where: tuple[str, ...], names: Iterable[str], known: list[str]) -> Iterator[Flaw]:
    for name in names:
        if name not in known:
            yield (*where, name), f"unknown measure; allowed: {', '.join(known)}{_near(name, known)}"


def _near(word: str, known: Iterable[str]) -> str:
    near = get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""
