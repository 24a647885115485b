"""Exercises as data: what a repetition looks like, said in joint angles and seconds."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.core.errors import ConfigError
from pipeline.core.vocabulary import ANGLES, POSTURES

JOINTS: tuple[str, ...] = tuple(angle.name.removeprefix("left_") for angle in ANGLES[::2])
"""Joints in the order of `vocabulary.ANGLES`, each the mean of the sides that are seen."""


@dataclass(frozen=True, slots=True)
class Band:
    """A range of one joint's flexion."""

    joint: str
    """Which joint: elbow, shoulder, hip or knee."""

    low: float = 0.0
    """Least flexion, degrees, [0, 180]."""

    high: float = 180.0
    """Greatest flexion, degrees, [0, 180]."""

    def __post_init__(self) -> None:
        if self.joint not in JOINTS:
            raise ConfigError(f"exercise: joint {self.joint!r} is none of {', '.join(JOINTS)}")
        if not 0.0 <= self.low < self.high <= 180.0:
            raise ConfigError(f"exercise: {self.joint} from {self.low} to {self.high}, expected 0 <= low < high <= 180")


@dataclass(frozen=True, slots=True)
class Exercise:
    """A repetition: out of the rest pose, through the effort pose, back to the rest pose.

    The gap between the bands of rest and effort is the hysteresis: jitter at one threshold never makes a repetition.
    """

    name: str
    """Label of its events."""

    rest: tuple[Band, ...]
    """The pose it begins and ends in."""

    effort: tuple[Band, ...]
    """The pose that must be reached; a movement that does not is a half repetition and is not counted."""

    ready_s: float = 0.3
    """Rest that must come first, seconds, [0, 60]: getting into position is no repetition."""

    min_effort_s: float = 0.08
    """Time in the effort pose, seconds, [0, 60]; less is a keypoint that jumped."""

    max_effort_s: float = 3.0
    """Longest stay in the effort pose, seconds, (0, 600]; more is a person who does something else down there."""

    min_s: float = 0.5
    """Shortest repetition, seconds, [0, 60]."""

    max_s: float = 10.0
    """Longest repetition, seconds, (0, 600]."""

    max_tilt: float = 65.0
    """Greatest trunk tilt, degrees against the vertical, (0, 180]."""

    max_travel: float = 0.25
    """How far the feet may stand from where they began, body heights, (0, 10]; more is walking."""

    not_in: tuple[str, ...] = ()
    """Postures that it never passes through (`vocabulary.POSTURES`)."""

    slack_s: float = 0.3
    """How long tilt and postures may be out of bounds, or a needed joint unseen, seconds, [0, 60]."""

    def __post_init__(self) -> None:
        unknown = sorted(set(self.not_in) - set(POSTURES))
        if unknown:
            raise ConfigError(f"exercise {self.name}: posture {unknown[0]!r} is none of {', '.join(POSTURES)}")
        if not self.rest or not self.effort:
            raise ConfigError(f"exercise {self.name}: needs at least one band of rest and one of effort")


SQUAT = Exercise(
    name="squat",
    rest=(Band("knee", high=35.0), Band("hip", high=45.0)),
    effort=(Band("knee", low=80.0), Band("hip", low=60.0)),
    not_in=("sit", "kneel", "lie", "walk", "run"),
)
"""Half squats bend the knee by 70-100 degrees (Schoenfeld, 2010): 80 counts them and leaves partial ones out."""
