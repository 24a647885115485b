"""What the smooth stage remembers of a camera: 2.3 kB for each person of 33 keypoints with world metres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.core.types import F32, I64, Bool


@dataclass(slots=True)
class SmoothState:
    """State of one camera, or of some of its people. Arrays over P people, K keypoints and C coordinates.

    C is x and y, then z where the model gives it, then the world's x, y and z where it gives them.

    Attributes:
        skeleton: Name of the skeleton of these arrays; empty before the first people.
        width, height: Size of the last frame in pixels.
        track_id: (P,) int64.
        at_us: (P,) int64, event time when last in sight.
        stature: (P,) float32, learned standing height in pixels; NaN = unknown yet.
        value: (P, K, C) float32, smoothed; NaN = unknown.
        rate: (P, K, C) float32, its change per second.
        age_s: (P, K) float32, at `at_us` the time since the keypoint was last seen and trusted; infinite = never.
        score: (P, K) float32, score when last seen.
        course: (P, 12, 2) float32, the keypoints of `sides.JUDGED` as last measured; NaN = not seen.
        course_rate: (P, 12, 2) float32, pixels/s.
        swapped_s: (P, 3) float32, for how long each group of `sides.JUDGED` has been swapped left for right.
    """

    skeleton: str
    width: int
    height: int
    track_id: I64
    at_us: I64
    stature: F32
    value: F32
    rate: F32
    age_s: F32
    score: F32
    course: F32
    course_rate: F32
    swapped_s: F32

    def of(self, track_id: I64) -> SmoothState:
        """The people with these numbers, in this order; new ones have no memory. The state itself if that is all."""
        if track_id.tobytes() == self.track_id.tobytes():
            return self
        same = track_id[:, None] == self.track_id[None, :]
        new = ~same.any(axis=1)
        # A new person takes any row and then forgets all of it; with nobody here, all begin blank.
        people = self._picked(same.argmax(axis=1)) if len(self.track_id) else self._blank(len(track_id))
        people.track_id = track_id
        if new.any():
            people.forget(new)
        return people

    def recent(self, since_us: int) -> SmoothState:
        """Those who were in sight since then."""
        rows = np.flatnonzero(self.at_us >= since_us)
        return self if len(rows) == len(self.track_id) else self._picked(rows)

    def with_absent(self, before: SmoothState, since_us: int) -> SmoothState:
        """These people, then those of the state before who are not among them and were in sight since then."""
        absent = ~(before.track_id[:, None] == self.track_id[None, :]).any(axis=1) & (before.at_us >= since_us)
        if not absent.any():
            return self
        others = before._picked(np.flatnonzero(absent))
        both = {name: np.concatenate((getattr(self, name), getattr(others, name))) for name in _ARRAYS}
        return SmoothState(skeleton=self.skeleton, width=self.width, height=self.height, **both)

    def forget(self, chosen: Bool) -> None:
        """Clear the memory of the chosen people."""
        self.stature[chosen] = np.nan
        self.value[chosen] = np.nan
        self.rate[chosen] = 0.0
        self.age_s[chosen] = np.inf
        self.score[chosen] = 0.0
        self.course[chosen] = np.nan
        self.course_rate[chosen] = 0.0
        self.swapped_s[chosen] = 0.0

    def resize(self, width: int, height: int) -> None:
        """Take the frame's size; when a camera comes back with another one, everyone is where they were in the view."""
        if self.width and (width, height) != (self.width, self.height):
            x, y = width / self.width, height / self.height
            for name in ("value", "rate", "course", "course_rate"):
                array = getattr(self, name).copy()  # the last frame's may yet be on its way out
                array[..., 0] *= x
                array[..., 1] *= y
                setattr(self, name, array)
            self.stature = self.stature * np.float32(y)
        self.width, self.height = width, height

    def _picked(self, rows: I64) -> SmoothState:
        return SmoothState(
            skeleton=self.skeleton,
            width=self.width,
            height=self.height,
            track_id=self.track_id[rows],
            at_us=self.at_us[rows],
            stature=self.stature[rows],
            value=self.value[rows],
            rate=self.rate[rows],
            age_s=self.age_s[rows],
            score=self.score[rows],
            course=self.course[rows],
            course_rate=self.course_rate[rows],
            swapped_s=self.swapped_s[rows],
        )

    def _blank(self, people: int) -> SmoothState:
        keypoints, coordinates = self.value.shape[1:]
        return nobody(self.skeleton, self.width, self.height, keypoints, coordinates, people)


_ARRAYS = tuple(name for name in SmoothState.__slots__ if name not in ("skeleton", "width", "height"))


def nobody(
    skeleton: str = "", width: int = 0, height: int = 0, keypoints: int = 0, coordinates: int = 0, people: int = 0
) -> SmoothState:
    """State with no memory, of nobody or of `people` whose numbers are yet to be set."""
    return SmoothState(
        skeleton=skeleton,
        width=width,
        height=height,
        track_id=np.zeros(people, np.int64),
        at_us=np.zeros(people, np.int64),
        stature=np.full(people, np.nan, np.float32),
        value=np.full((people, keypoints, coordinates), np.nan, np.float32),
        rate=np.zeros((people, keypoints, coordinates), np.float32),
        age_s=np.full((people, keypoints), np.inf, np.float32),
        score=np.zeros((people, keypoints), np.float32),
        course=np.full((people, 12, 2), np.nan, np.float32),
        course_rate=np.zeros((people, 12, 2), np.float32),
        swapped_s=np.zeros((people, 3), np.float32),
    )
