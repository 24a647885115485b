"""Addresses of simulated cameras, such as `sim://gym?people=3&seed=7`."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from zlib import crc32

import numpy as np

from pipeline.core.errors import SourceError
from pipeline.video.simulate.parameters import SCENES, Value, did_you_mean

SCHEME = "sim"


@dataclass(frozen=True, slots=True)
class SceneSpec:
    """What one simulated camera shows: picture k is a function of this and k alone.

    What the words mean, and their bounds, is said once: in `parameters.SCENES`.

    Attributes:
        scene: Name of the scene, a key of `SCENES`.
        people: How many people take part.
        seed: Chooses bodies, clothes, room, camera and what people do.
        seconds: Length of the clip; a shorter clip is the beginning of a longer one.
        fps: Pictures a second.
        width, height: Size of the pictures in pixels.
        camera_m, tilt_deg: None where the seed chooses.
    """

    scene: str
    people: int
    seed: int
    seconds: float
    fps: float
    width: int
    height: int
    exercise: str = "squat"
    half: int = 0
    view: str = "own"
    act: str = "patient"
    alike: int = 0
    dress: str = "own"
    body: str = "any"
    camera_m: float | None = None
    tilt_deg: float | None = None
    k1: float = 0.0
    light: float = 1.0
    noise: float = 0.0
    blur: float = 0.0
    shake: float = 0.0
    jpeg: int = 100

    @property
    def frames(self) -> int:
        """Number of pictures, at least one."""
        return max(1, math.floor(self.seconds * self.fps + 1e-6))

    @property
    def url(self) -> str:
        """The address in the order of the alphabet: the parameters of every scene, and others where they are said."""
        said = {word: getattr(self, word) for word in _ALWAYS}
        for f in fields(self):
            if f.name not in said and f.name != "scene" and getattr(self, f.name) != f.default:
                said[f.name] = getattr(self, f.name)
        texts = {word: value if isinstance(value, str) else f"{value:.12g}" for word, value in said.items()}
        return f"{SCHEME}://{self.scene}?" + "&".join(f"{word}={texts[word]}" for word in sorted(texts))

    def time_s(self, k: int) -> float:
        """Time of picture k since the clip began."""
        return k / self.fps

    def random(self, purpose: str, number: int = 0) -> np.random.Generator:
        """Random numbers of one purpose: a function of scene, seed, purpose and number, whatever else was drawn."""
        return np.random.default_rng([crc32(self.scene.encode()), self.seed, crc32(purpose.encode()), number])


_ALWAYS = ("people", "seed", "seconds", "fps", "width", "height")


def parse_scene(url: str) -> SceneSpec:
    """What an address such as `sim://gym?people=3&seed=7` asks for. Raises SourceError naming the word at fault."""
    parts = urlsplit(url)
    if parts.scheme != SCHEME:
        raise SourceError(
            f"{url}: not a simulated camera", hint=f"an address looks like {SCHEME}://gym?people=2&seed=1"
        )
    name = parts.netloc
    if name not in SCENES:
        shown = name.rpartition("@")[2]  # what stands before may be a password
        raise SourceError(
            f"{url}: there is no scene {shown!r}; scenes are {', '.join(SCENES)}"
            if name == shown
            else f"{url}: a scene has no user: found something before {shown!r}",
            hint=did_you_mean(shown, tuple(SCENES)) or f"an address looks like {SCHEME}://gym?people=2&seed=1",
        )
    if parts.path.strip("/") or parts.fragment:
        raise SourceError(
            f"{url}: found {parts.path or '#' + parts.fragment!r} after the scene, expected parameters",
            hint=f"write {SCHEME}://{name}?people=1",
        )
    return _spec(url, name, parts.query)


def _spec(url: str, scene: str, query: str) -> SceneSpec:
    allowed = SCENES[scene].parameters
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True) if query else []
    except ValueError as error:
        raise SourceError(
            f"{url}: {query!r} does not read as parameters", hint="write name=value, joined by &"
        ) from error
    values: dict[str, Any] = {}
    for word, text in pairs:
        if word not in allowed:
            raise SourceError(
                f"{url}: the scene {scene} has no parameter {word!r}; it has {', '.join(allowed)}",
                hint=did_you_mean(word, tuple(allowed)),
            )
        if word in values:
            raise SourceError(f"{url}: {word} is said twice", hint="say it once")
        values[word] = allowed[word].read(url, word, text)
    common: dict[str, Value | None] = {word: allowed[word].default for word in _ALWAYS}
    return SceneSpec(scene=scene, **(common | values))
