"""What looks at pixels: protocols of the person detector and the pose estimator, and what they give back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pipeline.core.types import F32, U8


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """People found in one picture, best first.

    Attributes:
        xyxy: (N, 4) float32, what the detector takes for the person (BlazePose: the face and upper body), in pixels of
            the picture, x right, y down. May reach out of the picture.
        score: (N,) float32 in [0, 1].
        region: (N, 4) float32, the square to look at for keypoints, as in `Detections.region`, in pixels of the
            picture.
    """

    xyxy: F32
    score: F32
    region: F32


@dataclass(frozen=True, slots=True, eq=False)
class Estimated:
    """One person in each of N crops, over K keypoints. Coordinates are continuous: pixel i reaches from i to i + 1.

    Attributes:
        keypoints: (N, K, 3) float32: x and y in pixels of the crop; z in the same unit about the hips, smaller =
            nearer, NaN where the model gives none.
        keypoint_score: (N, K) float32 in [0, 1]: that the keypoint is there to be seen.
        world: (N, K, 3) float32, metres about the middle of the hips, in the axes of the crop (x right, y down, z away
            from the camera); (N, 0, 3) where the model gives none.
        score: (N,) float32 in [0, 1]: that there is a person in the crop.
        region: (N, 4) float32, where this person is to be looked for in the next frame, as in `Detections.region`, in
            pixels of the crop and with the rotation relative to the crop's.
    """

    keypoints: F32
    keypoint_score: F32
    world: F32
    score: F32
    region: F32


class PersonDetector(Protocol):
    """Finds people in small square pictures. Not for two threads at once."""

    @property
    def size(self) -> int:
        """Side of its pictures in pixels."""
        ...

    def detect(self, pictures: U8) -> Sequence[Found]:
        """People in each of the (N, size, size, 3) uint8 BGR pictures; N may be 0.

        What is found in a picture does not depend on the other pictures, to the bit.
        """
        ...


class PoseEstimator(Protocol):
    """Finds the keypoints of the one person that each crop is centred on. Not for two threads at once."""

    @property
    def size(self) -> int:
        """Side of its crops in pixels."""
        ...

    @property
    def skeleton(self) -> str:
        """Name of the skeleton, a key of `skeletons.SKELETONS`."""
        ...

    def estimate(self, crops: U8) -> Estimated:
        """The person in each of the (N, size, size, 3) uint8 BGR crops; N may be 0.

        What is found in a crop does not depend on the other crops, to the bit.
        """
        ...
