"""What is true of a simulated clip: in one picture, and over its whole length."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.core.types import F32, I64, Bool


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """The N people of whom at least one keypoint lies in one picture.

    Attributes:
        person: (N,) int64, the person's number in the clip, from 0, growing.
        keypoints: (N, 33, 2) float32, pixels of the frame, x right, y down, in the order of the skeleton blazepose33;
            those outside the picture too.
        visible: (N, 33) bool: inside the picture and not behind another person. A keypoint behind the person's own
            body counts as visible.
        world: (N, 33, 3) float32, metres about the middle of the hips, x right, y down, z away from the camera.
        xyxy: (N, 4) float32, box around what is drawn of the person, cut off at the picture's edges, pixels.
        activity: N words: what each does (stand, walk, turn, squat, sit ...).
    """

    person: I64
    keypoints: F32
    visible: Bool
    world: F32
    xyxy: F32
    activity: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.person)


@dataclass(frozen=True, slots=True)
class Repetition:
    """One repetition of an exercise, from leaving the first posture until it is taken again, seconds of the clip."""

    exercise: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Fall:
    """One fall, seconds of the clip.

    Attributes:
        direction: forward, backward, left or right, of the person.
        start_s: Balance is lost.
        impact_s: The hips reach the floor.
        end_s: The person stands again; None where it does not within the clip.
    """

    direction: str
    start_s: float
    impact_s: float
    end_s: float | None


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch of time, seconds of the clip: from the first picture to the last."""

    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Biography:
    """What one person does in the clip.

    Attributes:
        person: The person's number, from 0.
        height_m: Standing height.
        present: When at least one keypoint of the person lies in the picture.
        repetitions: Those that end within the clip.
        falls: Those whose impact lies within the clip.
    """

    person: int
    height_m: float
    present: tuple[Interval, ...]
    repetitions: tuple[Repetition, ...]
    falls: tuple[Fall, ...]
