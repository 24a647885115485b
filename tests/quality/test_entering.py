"""Someone who comes into a room where nobody was for long, with the real models at 5 frames a second."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from pipeline.core.ports import Picture
from pipeline.video.simulate import Simulation, parse_scene
from tests.quality.chain import chain
from tests.quality.films import MAIN

FPS, FILMED_FPS = 5, 30
EMPTY_S, COMES_S = 30, 5
MOST_S = 0.5
IN_SIGHT = 0.9
"""Share of the main keypoints that show: who is all but wholly in the door."""


@dataclass(frozen=True)
class Entrance:
    """A room that is empty for long, then the beginning of a scene in which somebody comes in.

    Attributes:
        scene: Filmed at `FILMED_FPS`, with nobody in its first picture.
        phase: The picture of it that follows the empty ones, so that people come at any time between two pictures.
    """

    scene: Simulation
    phase: int

    def pictures(self) -> Iterator[Picture]:
        """At `FPS`."""
        for n, k in enumerate(self.numbers()):
            yield Picture(n, n * 1_000_000 // FPS, self.scene.picture(k))

    def numbers(self) -> list[int]:
        """Pictures of the scene, in the order in which they are shown."""
        return [0] * (EMPTY_S * FPS) + [self.phase + n * (FILMED_FPS // FPS) for n in range(COMES_S * FPS)]

    def in_sight(self) -> int:
        """Number of the first picture in which somebody is in sight."""
        for n, k in enumerate(self.numbers()):
            truth = self.scene.truth(k)
            if len(truth) and truth.visible[:, MAIN].mean() >= IN_SIGHT:
                return n
        raise AssertionError("nobody comes")


@pytest.mark.xdist_group("quality-entering")
@pytest.mark.parametrize("seed", [1000, 1001, 1002])
@pytest.mark.parametrize("phase", [0, 2, 4])
def test_who_comes_in_after_a_long_quiet_is_found_within_half_a_second(seed: int, phase: int) -> None:
    scene = Simulation(parse_scene(f"sim://ward?people=1&seed={seed}&seconds={COMES_S + 1}&fps={FILMED_FPS}"))
    entrance = Entrance(scene, phase)

    found = [seen.seq for seen in chain(entrance) if len(seen.motions.poses)]

    assert not np.any(np.array(found) < EMPTY_S * FPS)
    assert (found[0] - entrance.in_sight()) / FPS <= MOST_S
