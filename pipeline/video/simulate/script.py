"""Scripts: a person's posture as a smooth function of time, made of sections one after another."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from pipeline.core.types import F64
from pipeline.video.simulate.posture import FIELDS, INDEX
from pipeline.video.simulate.truth import Action, Fall, Repetition


def minimum_jerk(share: float) -> float:
    """Progress 0..1 of a movement from rest to rest at `share` 0..1 of its time (Flash & Hogan, 1985)."""
    share = min(max(share, 0.0), 1.0)
    return min(share**3 * (10 + share * (6 * share - 15)), 1.0)


class Section(Protocol):
    """A stretch of a script."""

    @property
    def start_s(self) -> float:
        """When it begins."""
        ...

    @property
    def activity(self) -> str:
        """What the person does, in one word."""
        ...

    @property
    def phase(self) -> str:
        """Where in a repetition it is: out, effort, back, or empty."""
        ...

    def posture(self, t: float) -> F64:
        """(P,) at time t; after the section's end as at its end."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Movement:
    """Through key postures at given times, from rest to rest, with continuous speed.

    Between keys runs the quintic with no acceleration at either key; with two keys that is the minimum-jerk movement.

    Attributes:
        times_s: (K,) times of the keys, seconds, growing.
        keys: (K, P) postures.
    """

    activity: str
    times_s: F64
    keys: F64
    phase: str = ""
    _slopes: F64 = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_slopes", monotone_slopes(self.times_s, self.keys))

    @property
    def start_s(self) -> float:
        """When it begins."""
        return float(self.times_s[0])

    def posture(self, t: float) -> F64:
        """(P,) at time t."""
        return quintic(self.times_s, self.keys, self._slopes, t)


@dataclass(frozen=True, slots=True, eq=False)
class Drop:
    """Through key postures ever faster, as under gravity: the distance gone grows with the square of the time.

    Attributes:
        start_s, end_s: Loss of balance and impact.
        shares: (K,) how far along each key lies, from 0 to 1.
        keys: (K, P) postures.
    """

    activity: str
    start_s: float
    end_s: float
    shares: F64
    keys: F64
    phase: str = ""
    _slopes: F64 = field(init=False, repr=False)

    def __post_init__(self) -> None:
        slopes = monotone_slopes(self.shares, self.keys)
        # No rest at the end: the floor stops the fall.
        slopes[0] = (self.keys[1] - self.keys[0]) / (self.shares[1] - self.shares[0])
        slopes[-1] = (self.keys[-1] - self.keys[-2]) / (self.shares[-1] - self.shares[-2])
        object.__setattr__(self, "_slopes", slopes)

    def posture(self, t: float) -> F64:
        """(P,) at time t."""
        share = min(max((t - self.start_s) / (self.end_s - self.start_s), 0.0), 1.0)
        return quintic(self.shares, self.keys, self._slopes, share * share)


class Script:
    """All that one person does.

    Attributes:
        repetitions: Repetitions of exercises, in order.
        halves: Those that do not go far enough to count.
        falls: Falls, in order.
    """

    def __init__(
        self,
        sections: Sequence[Section],
        repetitions: Sequence[Repetition],
        falls: Sequence[Fall],
        sway: Sway,
        halves: Sequence[Repetition] = (),
    ) -> None:
        self.repetitions = tuple(repetitions)
        self.halves = tuple(halves)
        self.falls = tuple(falls)
        self._sections = tuple(sections)
        self._starts = [section.start_s for section in sections]
        self._sway = sway

    def posture(self, t: float) -> F64:
        """(P,) at t seconds since the clip began."""
        posture = self._section(t).posture(t)
        posture += self._sway.at(t) * posture[INDEX["sway"]]
        return posture

    def activity(self, t: float) -> str:
        """What the person does at t seconds, in one word."""
        return self._section(t).activity

    def phase(self, t: float) -> str:
        """Where in a repetition the person is at t seconds: out, effort, back, or empty."""
        return self._section(t).phase

    def actions(self, until_s: float) -> tuple[Action, ...]:
        """What the person does up to `until_s`, neighbours of the same words joined."""
        ends = [*self._starts[1:], max(until_s, self._starts[-1])]
        joined: list[Action] = []
        for section, end in zip(self._sections, ends, strict=True):
            if section.start_s > until_s:
                break
            last = joined[-1] if joined else None
            start = section.start_s
            if last and (last.activity, last.phase) == (section.activity, section.phase) and not section.phase:
                start = joined.pop().start_s
            joined.append(Action(section.activity, section.phase, start, min(end, until_s)))
        return tuple(joined)

    def _section(self, t: float) -> Section:
        return self._sections[max(bisect_right(self._starts, t) - 1, 0)]


# Standing still the centre of mass wanders by some 5 mm at a few tenths of a hertz (Winter, 1995); the rest is
# chosen so that nothing in the picture is frozen. Lengths in metres, angles in degrees.
_SWAY = {"x": 0.005, "y": 0.005, "z": 0.0, "pitch": 0.4, "roll": 0.3, "spine_pitch": 0.9, "spine_roll": 0.6,
         "spine_twist": 1.0, "neck_yaw": 4.0, "neck_pitch": 1.5, "neck_roll": 1.0, "left_arm_flex": 1.2,
         "right_arm_flex": 1.2, "left_arm_abd": 0.8, "right_arm_abd": 0.8, "left_elbow": 1.8,
         "right_elbow": 1.8}  # fmt: skip


class Sway:
    """The small movements of a body at rest: two sines a number, of its own slow frequencies and phases."""

    def __init__(self, random: np.random.Generator) -> None:
        self._columns = np.array([INDEX[name] for name in _SWAY])
        sizes = np.array([size if name in "xyz" else np.deg2rad(size) for name, size in _SWAY.items()])
        self._size = sizes[:, None] * (0.6, 0.4)
        self._angular = 2 * np.pi * random.uniform((0.12, 0.28), (0.28, 0.55), size=(len(_SWAY), 2))
        self._phase = random.uniform(0, 2 * np.pi, size=(len(_SWAY), 2))

    def at(self, t: float) -> F64:
        """(P,) what to add to the posture at time t."""
        sway = np.zeros(len(FIELDS))
        sway[self._columns] = np.sum(self._size * np.sin(self._angular * t + self._phase), axis=1)
        return sway


def monotone_slopes(at: F64, keys: F64) -> F64:
    """(K, P) slopes at the keys that make no overshoot (Fritsch & Carlson, 1980); 0 at both ends."""
    rises = np.diff(keys, axis=0) / np.diff(at)[:, None]
    slopes = np.zeros_like(keys)
    before, after = rises[:-1], rises[1:]
    same = before * after > 0
    both = np.where(same, before + after, 1.0)
    slopes[1:-1] = np.where(same, 2 * before * after / both, 0.0)
    return slopes


def quintic(at: F64, keys: F64, slopes: F64, where: float) -> F64:
    """(P,) the curve through `keys` with `slopes` and no second derivative at the keys, clamped at its ends."""
    i = int(np.clip(np.searchsorted(at, where, side="right") - 1, 0, len(at) - 2))
    width = float(at[i + 1] - at[i])
    u = min(max((where - float(at[i])) / width, 0.0), 1.0)
    leaving = u - u**3 * (6 - u * (8 - 3 * u))
    arriving = -(u**3) * (4 - u * (7 - 3 * u))
    curve: F64 = keys[i] + (keys[i + 1] - keys[i]) * minimum_jerk(u)
    curve += (slopes[i] * leaving + slopes[i + 1] * arriving) * width
    return curve
