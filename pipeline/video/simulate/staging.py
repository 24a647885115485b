"""What a scene is made of: a camera, a background and the people with their scripts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from pipeline.video.simulate.body import Body, draw_body, of_build
from pipeline.video.simulate.camera import Camera
from pipeline.video.simulate.looks import Looks, draw_looks
from pipeline.video.simulate.room import Scenery
from pipeline.video.simulate.scene import SceneSpec
from pipeline.video.simulate.script import Script


@dataclass(frozen=True, slots=True, eq=False)
class Cast:
    """Who plays: a person that has no script yet."""

    body: Body
    looks: Looks

    def with_script(self, script: Script) -> Actor:
        """The person as an actor."""
        return Actor(self.body, self.looks, script)


@dataclass(frozen=True, slots=True, eq=False)
class Actor:
    """One person of a scene."""

    body: Body
    looks: Looks
    script: Script


@dataclass(frozen=True, slots=True, eq=False)
class Staging:
    """All that a scene is.

    Attributes:
        scenery: Painted when it is asked for: keypoints alone do not need it.
        furnished: Whether furniture may hide people.
    """

    camera: Camera
    scenery: Callable[[], Scenery]
    actors: tuple[Actor, ...]
    furnished: bool = False


def cast(spec: SceneSpec, random: np.random.Generator, *, dress: str, number: int, offset: int) -> Cast:
    """Body and looks of a person.

    Args:
        spec: May ask for a build, for clothes, and for people who look alike.
        random: Random numbers of this person.
        dress: What suits the scene.
        number: The person's number in the clip.
        offset: The same for all people of the clip: neighbours get shirts of different colours.
    """
    body = of_build(draw_body(random), spec.body)
    man = body.broad_shoulders > 0.5
    looks = draw_looks(random, man=man, dress=dress, number=number, offset=offset)
    # Other clothes are drawn from numbers of their own: whoever wears them moves as before.
    worn = dress if spec.dress == "own" else spec.dress
    if spec.alike:
        looks = draw_looks(spec.random("alike"), man=man, dress=worn, number=0, offset=offset)
        looks = replace(looks, hair_style="short", beard=False)
    elif spec.dress != "own":
        looks = draw_looks(spec.random("dress", number), man=man, dress=worn, number=number, offset=offset)
    return Cast(body, looks)


def wall_height_m(spec: SceneSpec, *, wide: bool = False) -> float:
    """Of a room: a camera that sees higher than the scene's own gets a hall."""
    own = spec.camera_m is None and spec.tilt_deg is None and not spec.k1 and not wide
    return 3.2 if own else 8.0


def aimed(spec: SceneSpec, focal_px: float, above_m: float, tilt: Callable[[float], float]) -> Camera:
    """The scene's camera where the address says no other.

    Args:
        spec: May say height and tilt, and says the lens.
        focal_px: Focal length.
        above_m: Height of the scene's own camera.
        tilt: How far it looks down (radians) from a height, to have the people in the middle.
    """
    above = above_m if spec.camera_m is None else spec.camera_m
    down = tilt(above) if spec.tilt_deg is None else float(np.deg2rad(spec.tilt_deg))
    return Camera(spec.width, spec.height, focal_px, above, down, spec.k1)
