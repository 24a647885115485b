"""What can be set about gestures; every threshold says where it comes from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GestureOptions:
    """When an arm waves, points or is held up. Lengths are shares of an arm, shoulder to wrist, a third of the stature
    (0.332: Drillis and Contini, 1966).
    """

    raised: float = 0.15
    """A hand is raised when it is at least this far above its elbow and at most this far below its shoulder, arms, [0,
    1]: with a forearm (0.44 of an arm) that points up by 20 degrees or more, arms folded before the chest are no
    wave."""

    swing: float = 0.2
    """Least way from turn to turn of a waving hand, sideways on the picture, arms, (0, 2]: 0.11 m, or a forearm that
    swings by 13 degrees to either side."""

    swings: int = 4
    """Swings in a row that are a wave, [2, 100]: two to and fro."""

    slowest_hz: float = 0.5
    """Least waves to and fro a second, (0, 10]; slower ones are shifts of weight."""

    fastest_hz: float = 4.0
    """Most waves to and fro a second, (0, 30]; what is faster is tremor (essential tremor: 4 to 12 Hz) or noise. Of a
    camera with few pictures a second, those above 0.4 of its rate cannot be told from slower ones."""

    above_head: float = 0.1
    """How far above the nose both wrists are when the hands are up, arms, [0, 1]: level with the eyes (0.936 of the
    stature) and the hands above the head."""

    up_s: float = 0.5
    """How long the hands must be up, seconds, [0, 60]."""

    straight: float = 25.0
    """Most flexion of the elbow of an arm that points, degrees, (0, 180]: straight arms of models that see depth read
    up to 20."""

    away: float = 40.0
    """Least angle between a pointing arm and the trunk, degrees, (0, 180]; arms that swing in walking stay below
    (they swing through an arc of some 25 to 35)."""

    away_most: float = 150.0
    """Greatest angle between a pointing arm and the trunk, degrees, (0, 180]; more is an arm held up."""

    point_s: float = 0.7
    """How long the arm must be held so, seconds, [0, 60]: a pointing arm is held between going out and coming back,
    one that reaches or swings is not."""

    still: float = 0.2
    """How far its hand may move meanwhile, arms, (0, 2]."""

    slack_s: float = 0.3
    """How long a gesture may be unseen and goes on, seconds, [0, 10]."""
