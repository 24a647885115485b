"""Drawing on a picture what is known about the people in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import cv2
import numpy as np

from pipeline.core.skeletons import SKELETONS, Skeleton
from pipeline.core.types import F32, U8
from pipeline.core.values import DOUBTFUL, Measures, Motions
from pipeline.core.vocabulary import ANGLES, POSTURES
from pipeline.video.lettering import plate, plate_size, text_size, write
from pipeline.video.limbs import draw_skeleton
from pipeline.video.palette import ALARM, DARK, WHITE, person_colour, person_number
from pipeline.video.story import Story

_FADE_S = 0.4


@dataclass(frozen=True, slots=True)
class OverlayOptions:
    """What is drawn."""

    min_score: float = 0.3
    """Keypoints below this score are not drawn, nor are doubtful ones."""
    angles: tuple[str, ...] = ("left_elbow", "right_elbow", "left_knee", "right_knee")
    """Angles written at their keypoints, names of `vocabulary.ANGLES`."""
    labels: bool = True
    """Number, posture and last repetition above each person."""
    header: bool = True
    """Camera and time at the top."""
    caption_s: float = 1.5
    """How long an event is shown, in seconds; 0 shows none."""
    caption_kinds: tuple[str, ...] = ("rep", "fall", "enter", "leave")
    """Kinds of events that are shown as captions."""


@dataclass(frozen=True, slots=True, eq=False)
class _Person:
    """One person on the picture: keypoints (K, 2) in its pixels, NaN where they are not drawn; height of the box."""

    track_id: int
    skeleton: Skeleton
    keypoints: F32
    score: F32
    tall: float


class Overlay:
    """Draws the pictures of one camera in the order of time, and remembers what happened for as long as it is shown.

    Args:
        camera: Name shown at the top.
        options: What is drawn.
    """

    def __init__(self, camera: str = "", options: OverlayOptions | None = None) -> None:
        self.camera = camera
        self.options = options or OverlayOptions()
        self._story = Story(round(self.options.caption_s * 1e6), self.options.caption_kinds)

    def draw(self, pixels: U8, at_us: int, motions: Motions | None, measures: Measures | None = None) -> U8:
        """A copy of the picture with everything drawn on it.

        Args:
            pixels: (H, W, 3) uint8 BGR; larger or smaller than the frame that was looked at, but not of another shape.
            at_us: Event time of the frame, microseconds since the epoch.
            motions: The people in it, None where the frame was dropped.
            measures: What was measured on them and what happened.
        """
        drawn = np.array(pixels, order="C")
        for event in measures.events if measures is not None else ():
            self._story.add(event, at_us)
        people = [] if motions is None else list(_people(motions, drawn, self.options.min_score))
        for person in people:
            self._draw_body(drawn, person)
        rows = {} if measures is None else {int(track): row for row, track in enumerate(measures.track_id)}
        taken: list[tuple[int, int, int, int]] = []
        for person in people:
            row = rows.get(person.track_id)
            posture = 0
            if measures is not None and row is not None:
                posture = int(measures.posture[row])
                if person.tall > 14 * _letters(drawn):
                    self._draw_angles(drawn, person, measures.angles[row])
            if self.options.labels:
                taken.append(self._draw_label(drawn, person, posture, taken))
        self._draw_captions(drawn, at_us)
        if self.options.header:
            self._draw_header(drawn, at_us)
        return drawn

    def _draw_body(self, drawn: U8, person: _Person) -> None:
        width = max(min(_extent(drawn) / 190, person.tall / 45), 1.0)
        colour = person_colour(person.track_id)
        draw_skeleton(drawn, person.keypoints, person.score, person.skeleton, colour, width, self.options.min_score)
        if self._story.is_fallen(person.track_id):
            low = (np.nanmin(person.keypoints, axis=0) - 4 * width).astype(int).tolist()
            high = (np.nanmax(person.keypoints, axis=0) + 4 * width).astype(int).tolist()
            cv2.rectangle(drawn, low, high, ALARM, max(1, round(width)), cv2.LINE_AA)

    def _draw_label(
        self, drawn: U8, person: _Person, posture: int, taken: list[tuple[int, int, int, int]]
    ) -> tuple[int, int, int, int]:
        """Draw above the person, or above the labels that stand there; gives left, top, width and height."""
        words = [str(person_number(person.track_id)), POSTURES[posture] if posture else ""]
        text = "  ".join(filter(None, [*words, self._story.repetitions(person.track_id)]))
        height = _letters(drawn)
        wide, tall = plate_size(text, height)
        middle = float(np.nanmin(person.keypoints[:, 0]) + np.nanmax(person.keypoints[:, 0])) / 2
        left = round(middle - wide / 2)
        top = round(float(np.nanmin(person.keypoints[:, 1])) - 1.5 * height - person.tall * 0.04 - tall)
        for x, y, w, h in sorted(taken, key=lambda place: -place[1]):
            if left < x + w and x < left + wide and top < y + h and y < top + tall:
                top = y - tall - 2
        bar = ALARM if self._story.is_fallen(person.track_id) else person_colour(person.track_id)
        plate(drawn, text, left, top, height, WHITE, bar)
        return left, top, wide, tall

    def _draw_angles(self, drawn: U8, person: _Person, degrees: F32) -> None:
        height = _letters(drawn) * 0.8
        for angle, value in zip(ANGLES, degrees, strict=True):
            k = person.skeleton.index.get(angle.b)
            if k is None or angle.name not in self.options.angles or not np.isfinite(value):
                continue
            x, y = (float(v) for v in person.keypoints[k])
            if not np.isfinite(x):
                continue
            text = f"{value:.0f}°"
            wide, _ = text_size(text, height)
            # Away from the same keypoint of the other side, so that the two do not cover each other.
            left = x - height - wide if x < person.keypoints[person.skeleton.mirrored[k], 0] else x + height
            step = max(1.0, height / 12)
            for dx, dy in ((-step, 0.0), (step, 0.0), (0.0, -step), (0.0, step)):
                write(drawn, text, left + dx, y + height / 2 + dy, height, DARK)
            write(drawn, text, left, y + height / 2, height, WHITE)

    def _draw_captions(self, drawn: U8, at_us: int) -> None:
        height = _letters(drawn) * 1.35
        bottom = drawn.shape[0] - height
        for caption, left_s in reversed(self._story.captions(at_us)):
            _, tall = plate_size(caption.text, height)
            if bottom - tall < drawn.shape[0] / 2:
                break
            alpha = min(left_s / _FADE_S, 1.0)
            plate(drawn, caption.text, round(height), round(bottom - tall), height, WHITE, caption.colour, alpha)
            bottom -= tall + height * 0.4

    def _draw_header(self, drawn: U8, at_us: int) -> None:
        time = datetime.fromtimestamp(at_us // 100_000 / 10, UTC)
        text = f"{self.camera}   {time:%Y-%m-%d %H:%M:%S}.{time.microsecond // 100_000}".strip()
        height = _letters(drawn)
        plate(drawn, text, round(height), round(height), height, WHITE)


def _people(motions: Motions, drawn: U8, min_score: float) -> Iterator[_Person]:
    """Those of whom at least one keypoint is drawn."""
    poses = motions.poses
    scale = np.array((drawn.shape[1] / poses.width, drawn.shape[0] / poses.height), dtype=np.float32)
    for row, track_id in enumerate(motions.track_id.tolist()):
        score = poses.keypoint_score[row]
        drawable = (score >= min_score) & (motions.flags[row] & DOUBTFUL == 0)
        keypoints = np.where(drawable[:, None], poses.keypoints[row, :, :2] * scale, np.float32(np.nan))
        if np.isfinite(keypoints).any():
            tall = float((poses.xyxy[row, 3] - poses.xyxy[row, 1]) * scale[1])
            yield _Person(track_id, SKELETONS[poses.skeleton], keypoints, score, tall)


def _letters(drawn: U8) -> float:
    """Height of capital letters: 10 pixels at 640x480."""
    return max(_extent(drawn) / 48, 6.0)


def _extent(drawn: U8) -> float:
    """Height of the picture, or of one of 4:3 where it stands upright: what sizes of lines and letters follow."""
    height, width = drawn.shape[:2]
    return min(float(height), float(width) * 0.75)
