"""What a scene is made of: a camera, a background and the people with their scripts."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.core.types import U8
from pipeline.video.simulate.body import Body
from pipeline.video.simulate.camera import Camera
from pipeline.video.simulate.looks import Looks
from pipeline.video.simulate.script import Script


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
        background: (H, W, 3) uint8, BGR, the room without people.
    """

    camera: Camera
    background: U8
    actors: tuple[Actor, ...]
