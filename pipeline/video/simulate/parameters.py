"""What the address of a simulated camera may say, scene by scene, and how a word of it reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType

from pipeline.core.errors import SourceError

Value = int | float | str


@dataclass(frozen=True, slots=True)
class Number:
    """A word that is a number, with its bounds, both included. Without a default the scene chooses."""

    kind: type[int] | type[float]
    default: int | float | None
    low: int | float
    high: int | float
    meaning: str

    def read(self, url: str, word: str, text: str) -> Value:
        """The number that `text` says. Raises SourceError."""
        default = "chosen by the seed" if self.default is None else f"{self.default:g}"
        hint = f"{word}: {self.meaning}; the default is {default}"
        noun = "a whole number" if self.kind is int else "a number"
        expected = f"expected {noun} from {self.low:g} to {self.high:g}"
        try:
            value = self.kind(text)
        except ValueError as error:
            raise SourceError(f"{url}: {word} is {text!r}, {expected}", hint=hint) from error
        if not self.low <= value <= self.high:
            raise SourceError(f"{url}: {word} is {text}, {expected}", hint=hint)
        return value


@dataclass(frozen=True, slots=True)
class Choice:
    """A word that is one of a few others."""

    default: str
    values: tuple[str, ...]
    meaning: str

    def read(self, url: str, word: str, text: str) -> Value:
        """The value that `text` names. Raises SourceError."""
        if text in self.values:
            return text
        hint = did_you_mean(text, self.values) or f"{word}: {self.meaning}; the default is {self.default}"
        raise SourceError(f"{url}: {word} is {text!r}, expected one of {', '.join(self.values)}", hint=hint)


Parameter = Number | Choice


@dataclass(frozen=True, slots=True)
class Scene:
    """A scene: what it shows and what its address may say."""

    meaning: str
    parameters: Mapping[str, Parameter]


EXERCISES = ("squat", "curl", "press", "lunge", "push-up", "jumping-jack", "deadlift", "sit-up")
"""Exercises of the gym, by the names that its repetitions carry."""

FALLS = ("fall-forward", "fall-backward", "fall-left", "fall-right", "slide")
"""Acts of the ward that end on the floor against one's will."""

LOOK_ALIKES = ("walk", "sit", "bend", "tie-shoes", "kneel", "lie")
"""Acts of the ward that are no falls."""

DRESSES = ("own", "sport", "everyday", "patient")
BODIES = ("any", "short", "tall", "slim", "stout")


def _scene(meaning: str, people: int, most: int, who: str, **own: Parameter) -> Scene:
    return Scene(
        meaning,
        MappingProxyType(
            {
                "people": Number(int, people, 1, most, who),
                "seed": Number(int, 0, 0, 2**31 - 1, "chooses bodies, clothes, room, camera and what people do"),
                "seconds": Number(float, 40.0, 0.1, 86400.0, "length of the clip"),
                "fps": Number(float, 15.0, 1.0, 120.0, "pictures a second"),
                "width": Number(int, 640, 64, 3840, "pixels"),
                "height": Number(int, 480, 64, 2160, "pixels"),
                **own,
                "alike": Number(int, 0, 0, 1, "1 = all people wear the same and have the same hair and skin"),
                "dress": Choice("own", DRESSES, "what all people wear; own = what suits the scene"),
                "body": Choice("any", BODIES, "build of all people"),
                "camera_m": Number(float, None, 0.4, 8.0, "height of the camera above the floor, metres"),
                "tilt_deg": Number(float, None, -10.0, 60.0, "how far the camera looks down, degrees"),
                "k1": Number(float, 0.0, -0.25, 0.25, "radial distortion of the lens; negative = barrel"),
                "light": Number(float, 1.0, 0.1, 2.0, "brightness, 1 = as painted"),
                "noise": Number(float, 0.0, 0.0, 40.0, "deviation of the sensor's noise, grey levels of 255"),
                "blur": Number(float, 0.0, 0.0, 8.0, "deviation of a Gaussian blur, pixels"),
                "shake": Number(float, 0.0, 0.0, 20.0, "deviation of the camera's shake, pixels"),
                "jpeg": Number(int, 100, 5, 100, "quality that pictures are compressed with; 100 = not compressed"),
            }
        ),
    )


SCENES: Mapping[str, Scene] = MappingProxyType(
    {
        "gym": _scene(
            "People walk to their mats, find their stance and exercise in sets with rests between.",
            2,
            8,
            "people who exercise",
            exercise=Choice("squat", (*EXERCISES, "mixed"), "what they do; mixed = each person another exercise"),
            half=Number(int, 0, 0, 10, "half repetitions in each set, which do not count"),
            view=Choice("own", ("own", "front", "side", "oblique"), "how they stand to the camera"),
        ),
        "ward": _scene(
            "The first person walks in, sits on the bed, gets up and falls; the others walk in and sit.",
            1,
            3,
            "the patient, and visitors who walk and sit",
            act=Choice(
                "patient",
                ("patient", *LOOK_ALIKES, *FALLS, "daily", "random"),
                "what the patient does; daily = all but falls in random order, random = falls too",
            ),
        ),
        "street": _scene(
            "People walk and run past each other, behind a kiosk, cars and pillars; some stop to wave or point.",
            4,
            20,
            "people who walk, run, stop, wave and point",
        ),
    }
)
"""Scenes and their parameters."""


def did_you_mean(word: str, allowed: tuple[str, ...]) -> str | None:
    """A question with the nearest of the allowed words, if one is near."""
    near = get_close_matches(word.lower(), allowed, n=1, cutoff=0.5)
    return f"did you mean {near[0]}?" if near else None
