"""Conditions as data: what a rule looks at. What they come to is said in `judges`.

A condition is true, false, or has no verdict: a measure or a posture that is unknown, a person who is out of view.
`any`, `all` and `not` combine the three as Kleene's strong logic does: what is not known decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from pipeline.core.vocabulary import EVENT_KINDS, POSTURES
from stages.alert.words import ANGLE_COLUMNS, CAMERA_STATES, MEASURE_COLUMNS, RuleError, require

MOST_TIMES = 32


@dataclass(frozen=True, slots=True)
class EventIs:
    """An event was decided: at this moment, or lately."""

    kind: str
    """Kind of event: rep, fall, posture, enter, leave ..."""

    label: tuple[str, ...] = ()
    """Labels that count, such as `confirmed`; without any: all."""

    min_value: float | None = None
    """Least value of the event that counts."""

    times: int = 1
    """How many such events, [1, 32]."""

    within_s: float = 0.0
    """Within how long, seconds, [0, 86400]; 0 = in this very frame."""

    until: tuple[str, ...] = ()
    """Labels of the same kind that undo it. With them, and without `within_s`, it counts until then."""

    def __post_init__(self) -> None:
        require("kind", (self.kind,), EVENT_KINDS)
        if not 1 <= self.times <= MOST_TIMES:
            raise RuleError(f"times is {self.times}, allowed: at least 1 and at most {MOST_TIMES}")
        if self.times > 1 and not self.within_s and not self.until:
            raise RuleError("times without within_s: say within how many seconds")
        both = set(self.label) & set(self.until)
        if both:
            raise RuleError(f"label {both.pop()!r} both counts and undoes it")

    def counts(self, kind: str, label: str, value: float | None) -> bool:
        """Whether an event counts."""
        if kind != self.kind or (self.label and label not in self.label) or label in self.until:
            return False
        return self.min_value is None or (value is not None and value >= self.min_value)


@dataclass(frozen=True, slots=True)
class MeasureIs:
    """A measure or joint angle of a person is above or below a limit; unknown = no verdict."""

    name: str
    """Which: trunk_tilt, speed, left_knee ... `posebus rules explain` tells the unit of each."""

    above: float | None = None
    """True when it is more than this, in the unit of the measure."""

    below: float | None = None
    """True when it is less than this. Exactly one of above and below."""

    clear: float | None = None
    """How far it must come back to be false again (hysteresis): at most `above`, or at least `below`. Without it: to
    the limit itself, so that noise there flickers."""

    def __post_init__(self) -> None:
        require("measure", (self.name,), (*MEASURE_COLUMNS, *ANGLE_COLUMNS))
        if (self.above is None) == (self.below is None):
            raise RuleError(f"measure {self.name!r}: exactly one of above and below")
        if self.clear is None:
            return
        if self.above is not None and self.clear > self.above:
            raise RuleError(f"clear is {self.clear:g}, allowed: at most above, {self.above:g}")
        if self.below is not None and self.clear < self.below:
            raise RuleError(f"clear is {self.clear:g}, allowed: at least below, {self.below:g}")


@dataclass(frozen=True, slots=True)
class Count:
    """How many people are in view, or fulfil a condition."""

    at_least: int | None = None
    """True when there are so many or more, [0, 1000]."""

    at_most: int | None = None
    """True when there are so many or fewer, [0, 1000]. Who may or may not belong to them leaves it without a verdict
    where it matters."""

    of: Condition | None = None
    """Whom to count; without it everyone in view."""

    def __post_init__(self) -> None:
        if self.at_least is None and self.at_most is None:
            raise RuleError("count needs at_least or at_most")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise RuleError(f"at_least is {self.at_least}, allowed: at most at_most, {self.at_most}")


@dataclass(frozen=True, slots=True)
class Within:
    """One thing, then another: true from the second's beginning for as long as it lasts."""

    first: Condition
    """What comes first."""

    then: Condition
    """What must begin afterwards, or in the same frame."""

    limit_s: float
    """At most so long after the first was last true, seconds, (0, 86400]."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What must be so: exactly one of the keys, and perhaps for how long."""

    KINDS: ClassVar[tuple[str, ...]] = (
        *("event", "measure", "posture", "zone", "count", "camera"),
        *("any", "all", "not_", "within"),
    )

    event: EventIs | None = None
    """An event of the person."""

    measure: MeasureIs | None = None
    """A measure or joint angle of the person against a limit."""

    posture: tuple[str, ...] = ()
    """The person is in one of these: stand, walk, run, sit, crouch, bend, kneel, lie."""

    zone: tuple[str, ...] = ()
    """The person stands in one of these zones, by name."""

    count: Count | None = None
    """How many people there are."""

    camera: tuple[str, ...] = ()
    """The camera is in one of these states: live, stalled, waiting, ended, connecting, unauthorized, failed, paused."""

    any: tuple[Condition, ...] = ()
    """At least one of these conditions is true."""

    all: tuple[Condition, ...] = ()
    """All of these conditions are true."""

    not_: Condition | None = None
    """This condition is false."""

    within: Within | None = None
    """One condition and then another, in at most so many seconds."""

    for_s: float = 0.0
    """It must hold for so long, seconds, [0, 86400]. Time without a verdict beyond the rule's `gap_s` does not
    count."""

    def __post_init__(self) -> None:
        given = [name for name in self.KINDS if getattr(self, name)]
        if len(given) != 1:
            names = ", ".join(name.rstrip("_") for name in self.KINDS)
            found = " and ".join(name.rstrip("_") for name in given) or "none"
            raise RuleError(f"{found} of the keys {names}: expected exactly one; combine several by any, all, not")
        require("posture", self.posture, POSTURES[1:])
        require("camera", self.camera, CAMERA_STATES)

    @property
    def kind(self) -> str:
        """Which key is given."""
        return next(name for name in self.KINDS if getattr(self, name))

    def below(self) -> tuple[Condition, ...]:
        """The conditions right under this one."""
        if self.within is not None:
            return self.within.first, self.within.then
        inner = (self.not_, self.count.of if self.count else None)
        return (*self.any, *self.all, *(each for each in inner if each is not None))

    def walk(self) -> Iterator[Condition]:
        """The condition and all under it, in the order of the file."""
        yield self
        for each in self.below():
            yield from each.walk()

    def of_person(self) -> bool:
        """Whether it is about each person by itself, and not about the camera or a number of people."""
        if self.event or self.measure or self.posture or self.zone:
            return True
        return self.count is None and any(each.of_person() for each in self.below())

    def needs_sight(self) -> bool:
        """Whether there is no verdict on a person who is out of view."""
        if self.measure or self.posture or self.zone:
            return True
        return self.count is None and any(each.needs_sight() for each in self.below())
