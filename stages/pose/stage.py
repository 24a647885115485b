"""The stage `pose`: detections in, skeletons out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipeline.core.errors import ConfigError
from pipeline.core.perception import Estimated, PoseEstimator
from pipeline.core.records import Record
from pipeline.core.skeletons import SKELETONS
from pipeline.core.types import F32, I64, U8
from pipeline.core.values import LIGHTER_MODEL, Detections, Image, Poses
from stages.pose.colour import clothes
from stages.pose.crops import crops
from stages.pose.following import candidates, following
from stages.pose.options import PoseOptions
from stages.pose.people import People, judge
from stages.pose.state import PoseState
from stages.pose.to_frame import InFrame, box_in_frame, gathered, to_frame
from stages.pose.turns import in_turn, moved_on


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    """A region to be looked at.

    Attributes:
        picture: (S, S, 3) uint8 BGR, the region turned upright.
        region: (4,) float32.
        number: Of the followed region that it is, -1 for a new one.
        lighter: Whether the lighter model is to look.
    """

    picture: U8
    region: F32
    number: int
    lighter: bool


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What was found in one crop: a row of a batch."""

    crop: Crop
    batch: Estimated
    row: int


class PoseStage:
    """Follows everyone from frame to frame by their last keypoints, and takes up whom the detector found.

    Args:
        options: Settings.
        estimator: Finds the keypoints in a crop.
        pixels: Unpacks an image: (H, W, 3) uint8 BGR. Called only for frames with someone to look at, once each.
        models: What tells these models from others. Whom others found is not followed.
        lighter: Takes the place of `estimator` for frames that say so; for crops of its size, and the same skeleton.
            None: nothing does.

    Raises ConfigError for a lighter one that cannot take its place.
    """

    def __init__(
        self,
        options: PoseOptions,
        estimator: PoseEstimator,
        pixels: Callable[[Image], U8],
        models: str = "",
        lighter: PoseEstimator | None = None,
    ) -> None:
        self._options, self._estimator, self._pixels, self._models = options, estimator, pixels, models
        self._skeleton = SKELETONS[estimator.skeleton]
        self._lighter = lighter
        if lighter is not None:
            there, wanted = (lighter.skeleton, lighter.size), (estimator.skeleton, estimator.size)
            if there != wanted:
                raise ConfigError(
                    f"models.lighter gives {there[0]} of crops of {there[1]} pixels, models.pose {wanted[0]} of"
                    f" {wanted[1]}: one cannot take the place of the other",
                    hint="name a lighter model of the same kind, such as blazepose-lite for blazepose-full",
                )

    def initial_state(self, camera: str) -> PoseState:
        """The state of a camera never seen before."""
        return PoseState.empty(len(self._skeleton), self._models)

    def plan(self, state: PoseState, record: Record[Detections]) -> Sequence[Crop]:
        """A crop for each region that is followed and each newly found one."""
        value = record.value
        state = self._fitting(state, value.image)
        regions, numbers = candidates(state, self._options, value.region, value.score, record.stamp.captured_at_us)
        turn = in_turn(state, self._options, numbers, record.stamp.captured_at_us)
        if not len(turn):
            return ()
        pictures = crops(self._pixels(value.image), regions[turn], self._estimator.size)
        lighter = self._lighter is not None and value.ease >= LIGHTER_MODEL
        return [Crop(*one, lighter) for one in zip(pictures, regions[turn], numbers[turn].tolist(), strict=True)]

    def infer(self, requests: Sequence[Crop]) -> Sequence[Seen]:
        """Each estimator on all of its crops at once."""
        seen: dict[int, Seen] = {}
        for estimator, lighter in ((self._estimator, False), (self._lighter, True)):
            rows = [row for row, crop in enumerate(requests) if crop.lighter == lighter]
            if estimator is None or not rows:
                continue
            pictures = [requests[row].picture for row in rows]
            batch = estimator.estimate(np.stack(pictures) if len(pictures) > 1 else pictures[0][None])
            seen |= {row: Seen(requests[row], batch, place) for place, row in enumerate(rows)}
        return [seen[row] for row in range(len(requests))]

    def fold(
        self, state: PoseState, record: Record[Detections], results: Sequence[Seen]
    ) -> tuple[PoseState, Sequence[Poses]]:
        """The skeletons of this frame, each person once, and the regions for the next."""
        image, now_us = record.value.image, record.stamp.captured_at_us
        state = self._fitting(state, image)
        looked = _looked_at(results)
        estimated = gathered([(seen.batch, seen.row) for seen in results], len(self._skeleton))
        found = to_frame(estimated, looked[0], self._estimator.size, image.width, image.height)
        people = judge(state, self._options, self._skeleton, looked, found, now_us)
        colour = self._colours(results, estimated, found, people)
        poses = self._poses(state, looked[1], found, people, colour, image, now_us)
        return following(state, looked, found, people, self._options, (image.width, image.height), now_us), (poses,)

    def _colours(self, results: Sequence[Seen], estimated: Estimated, found: InFrame, people: People) -> F32:
        """(P, 2, 6) colours of who was seen and is shown, (P, 0, 6) where none are wanted."""
        rows = people.rows[people.shown]
        if not self._options.colour:
            return np.empty((len(rows), 0, 6), dtype=np.float32)
        pictures = [results[row].crop.picture for row in rows.tolist()]
        return clothes(pictures, estimated.keypoints[rows], found.keypoint_score[rows], self._skeleton)

    def _poses(
        self, state: PoseState, numbers: I64, found: InFrame, people: People, colour: F32, image: Image, now_us: int
    ) -> Poses:
        """Who was seen and is shown, and behind them those whose turn it was not."""
        rows = people.rows[people.shown]
        seen = Poses(
            skeleton=self._skeleton.name,
            width=image.width,
            height=image.height,
            xyxy=found.xyxy[rows],
            score=found.score[rows],
            keypoints=found.keypoints[rows],
            keypoint_score=found.keypoint_score[rows],
            world=found.world[rows],
            colour=colour,
        )
        others, moved = moved_on(state, numbers, now_us)
        if not len(others):
            return seen
        unknown = np.full((*moved.shape[:2], 3), np.nan, dtype=np.float32)
        world = unknown[:, : seen.world.shape[1]]
        keypoints = np.concatenate((moved, unknown[:, :, 2:]), axis=2)
        return replace(
            seen,
            xyxy=np.concatenate((seen.xyxy, box_in_frame(moved, image.width, image.height))),
            score=np.concatenate((seen.score, state.score[others])),
            keypoints=np.concatenate((seen.keypoints, keypoints)),
            keypoint_score=np.concatenate((seen.keypoint_score, np.zeros(moved.shape[:2], dtype=np.float32))),
            world=np.concatenate((seen.world, world)),
            colour=np.concatenate((colour, np.full((len(others), *colour.shape[1:]), np.nan, dtype=np.float32))),
        )

    def _fitting(self, state: PoseState, image: Image) -> PoseState:
        """The state, unless the picture has another size, so that what was followed lies elsewhere, or the models are
        others, whose keypoints are not those of these.
        """
        if (state.width, state.height, state.models) == (image.width, image.height, self._models):
            return state
        return self.initial_state("")


def _looked_at(results: Sequence[Seen]) -> tuple[F32, I64]:
    """The (R, 4) regions of the crops and their (R,) numbers."""
    regions = np.array([seen.crop.region for seen in results], dtype=np.float32).reshape(-1, 4)
    return regions, np.array([seen.crop.number for seen in results], dtype=np.int64)
