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
        visible: (N, 33) bool: inside the picture and not behind another person or furniture. A keypoint behind the
            person's own body counts as visible.
        world: (N, 33, 3) float32, metres about the middle of the hips, x right, y down, z away from the camera.
        xyxy: (N, 4) float32, box around the person, also what furniture hides, cut off at the picture's edges, pixels.
        activity: N words: what each does (stand, walk, turn, squat, sit ...).
        phase: N words: of a repetition `out` (from the first posture to the effort), `effort` (held there) or `back`;
            empty for all else.
    """

    person: I64
    keypoints: F32
    visible: Bool
    world: F32
    xyxy: F32
    activity: tuple[str, ...]
    phase: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.person)


@dataclass(frozen=True, slots=True)
class Repetition:
    """One repetition of an exercise, from leaving the first posture until it is taken again, seconds of the clip.

    Attributes:
        exercise: One of `parameters.EXERCISES`.
        start_s, end_s: From leaving the first posture until it is taken again.
        deepest_s: When the effort is reached.
        depth: How far the movement goes: 1 = what the exercise asks for (thighs level, arms stretched ...).
        side: left or right of the body where sides take turns, else both.
    """

    exercise: str
    start_s: float
    end_s: float
    deepest_s: float
    depth: float
    side: str


@dataclass(frozen=True, slots=True)
class Fall:
    """One fall, seconds of the clip.

    Attributes:
        direction: forward, backward, left or right, of the person; down along a wall.
        start_s: Balance is lost.
        impact_s: The hips reach the floor.
        end_s: The person stands again; None where it does not within the clip.
        label: fall, or slide where it is slow, down along a wall.
    """

    direction: str
    start_s: float
    impact_s: float
    end_s: float | None
    label: str = "fall"


@dataclass(frozen=True, slots=True)
class Action:
    """A stretch of the clip in which a person does one thing, seconds of the clip; words as in `Truth`."""

    activity: str
    phase: str
    start_s: float
    end_s: float


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
        repetitions: Those that end within the clip and are to be counted.
        halves: Half repetitions that end within the clip, which are not.
        falls: Those whose impact lies within the clip.
        actions: All that the person does one after another, also outside the picture.
    """

    person: int
    height_m: float
    present: tuple[Interval, ...]
    repetitions: tuple[Repetition, ...]
    falls: tuple[Fall, ...]
    halves: tuple[Repetition, ...]
    actions: tuple[Action, ...]
