"""Addresses of simulated cameras, such as `sim://gym?people=3&seed=7`, and what they may say."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from types import MappingProxyType
from urllib.parse import parse_qsl, urlsplit
from zlib import crc32

import numpy as np

from pipeline.core.errors import SourceError

SCHEME = "sim"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A word that an address may say, with its bounds, both included."""

    default: int | float
    low: int | float
    high: int | float
    meaning: str

    @property
    def kind(self) -> type[int] | type[float]:
        """The type of its values."""
        return type(self.default)

    def describe(self) -> str:
        """Its kind and bounds in words."""
        noun = "a whole number" if self.kind is int else "a number"
        return f"{noun} from {self.low:g} to {self.high:g}"


@dataclass(frozen=True, slots=True)
class SceneSpec:
    """What one simulated camera shows: picture k is a function of this and k alone.

    Attributes:
        scene: Name of the scene, a key of `SCENES`.
        people: How many people take part.
        seed: Chooses bodies, clothes, room, camera and what people do.
        seconds: Length of the clip; a shorter clip is the beginning of a longer one.
        fps: Pictures a second.
        width, height: Size of the pictures in pixels.
    """

    scene: str
    people: int
    seed: int
    seconds: float
    fps: float
    width: int
    height: int

    @property
    def frames(self) -> int:
        """Number of pictures, at least one."""
        return max(1, math.floor(self.seconds * self.fps + 1e-6))

    @property
    def url(self) -> str:
        """The address with every parameter said, in the order of the alphabet."""
        words = sorted(f.name for f in fields(self) if f.name != "scene")
        return f"{SCHEME}://{self.scene}?" + "&".join(f"{word}={getattr(self, word):.12g}" for word in words)

    def time_s(self, k: int) -> float:
        """Time of picture k since the clip began."""
        return k / self.fps

    def random(self, purpose: str, number: int = 0) -> np.random.Generator:
        """Random numbers of one purpose: a function of scene, seed, purpose and number, whatever else was drawn."""
        return np.random.default_rng([crc32(self.scene.encode()), self.seed, crc32(purpose.encode()), number])


def _parameters(people: int, most: int, who: str) -> Mapping[str, Parameter]:
    return MappingProxyType(
        {
            "people": Parameter(people, 1, most, who),
            "seed": Parameter(0, 0, 2**31 - 1, "chooses bodies, clothes, room, camera and what people do"),
            "seconds": Parameter(40.0, 0.1, 86400.0, "length of the clip"),
            "fps": Parameter(15.0, 1.0, 120.0, "pictures a second"),
            "width": Parameter(640, 64, 3840, "pixels"),
            "height": Parameter(480, 64, 2160, "pixels"),
        }
    )


SCENES: Mapping[str, Mapping[str, Parameter]] = MappingProxyType(
    {
        "gym": _parameters(2, 8, "people who walk to their mats and squat in sets"),
        "ward": _parameters(1, 3, "the first walks in, sits, gets up and falls; others walk and sit"),
    }
)
"""Scenes and their parameters."""


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
            hint=_did_you_mean(shown, SCENES) or f"an address looks like {SCHEME}://gym?people=2&seed=1",
        )
    if parts.path.strip("/") or parts.fragment:
        raise SourceError(
            f"{url}: found {parts.path or '#' + parts.fragment!r} after the scene, expected parameters",
            hint=f"write {SCHEME}://{name}?people=1",
        )
    return _spec(url, name, parts.query)


def _spec(url: str, scene: str, query: str) -> SceneSpec:
    allowed = SCENES[scene]
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True) if query else []
    except ValueError as error:
        raise SourceError(
            f"{url}: {query!r} does not read as parameters", hint="write name=value, joined by &"
        ) from error
    values: dict[str, int | float] = {}
    for word, text in pairs:
        if word not in allowed:
            raise SourceError(
                f"{url}: the scene {scene} has no parameter {word!r}; it has {', '.join(allowed)}",
                hint=_did_you_mean(word, allowed),
            )
        if word in values:
            raise SourceError(f"{url}: {word} is said twice", hint="say it once")
        values[word] = _value(url, word, text, allowed[word])
    said = {word: values.get(word, parameter.default) for word, parameter in allowed.items()}
    return SceneSpec(
        scene=scene,
        people=int(said["people"]),
        seed=int(said["seed"]),
        seconds=float(said["seconds"]),
        fps=float(said["fps"]),
        width=int(said["width"]),
        height=int(said["height"]),
    )


def _value(url: str, word: str, text: str, parameter: Parameter) -> int | float:
    hint = f"{word}: {parameter.meaning}; the default is {parameter.default:g}"
    try:
        value = parameter.kind(text)
    except ValueError as error:
        raise SourceError(f"{url}: {word} is {text!r}, expected {parameter.describe()}", hint=hint) from error
    if not parameter.low <= value <= parameter.high:
        raise SourceError(f"{url}: {word} is {text}, expected {parameter.describe()}", hint=hint)
    return value


def _did_you_mean(word: str, allowed: Mapping[str, object]) -> str | None:
    near = get_close_matches(word.lower(), allowed, n=1, cutoff=0.5)
    return f"did you mean {near[0]}?" if near else None
