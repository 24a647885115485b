"""Between the arrays that are filtered and the records that are stored."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

import numpy as np

from pipeline.core.joined import joined
from pipeline.core.keypoints import box_of_keypoints
from pipeline.core.masks import all_of, any_of
from pipeline.core.types import F32, U8
from pipeline.core.units import INT16_MOST, SCORE_UNIT, WORLD_UNIT_M, rounded_to, units_in_one, units_per_pixel
from pipeline.core.values import DOUBTFUL, Motions, Poses, Tracks

_PER_SCORE = units_in_one(SCORE_UNIT)


def coordinates_of(poses: Poses, remembered: int) -> F32:
    """(N, K, C) x and y, then z if the model gives it, then world x, y, z if it gives them.

    A frame in which no keypoint has a z keeps it when the memory has it: `remembered` is its C.
    """
    has_z = (remembered > 0 and pixel_coordinates(remembered) == 3) or not all_of(np.isnan(poses.keypoints[:, :, 2]))
    flat = poses.keypoints if has_z else poses.keypoints[:, :, :2]
    return np.concatenate((flat, poses.world), axis=2) if poses.world.shape[1] else flat


def pixel_coordinates(coordinates: int) -> int:
    """How many of C coordinates are in pixels: 2 of 2 and 5, 3 of 3 and 6."""
    return 3 if coordinates % 3 == 0 else 2


class Smoothed(NamedTuple):
    """A frame on its way out.

    Attributes:
        tracks: What came in, of N people.
        coordinates: (N, K, C) smoothed.
        score: (N, K) of the keypoints.
        flags: (N, K) as in `Motions`.
    """

    tracks: Tracks
    coordinates: F32
    score: F32
    flags: U8


def as_stored(frames: Sequence[Smoothed]) -> list[Motions]:
    """What is smoothed as it reads back from the database, to the bit; frames of one kind are rounded together.

    The box is the one around the keypoints that are neither NaN nor doubtful; of a person without any, the old one.
    """
    return [motions for _, group in groupby(frames, _kind) for motions in _rounded(list(group))]


def _kind(frame: Smoothed) -> tuple[object, ...]:
    poses = frame.tracks.poses
    return poses.skeleton, poses.width, poses.height, poses.world.shape[1] > 0, frame.coordinates.shape[2]


def _rounded(frames: Sequence[Smoothed]) -> list[Motions]:
    poses = frames[0].tracks.poses
    coordinates = joined([frame.coordinates for frame in frames])
    flags = joined([frame.flags for frame in frames])
    flat = pixel_coordinates(coordinates.shape[2])
    pixel = 1 / units_per_pixel(poses.width, poses.height)
    stored = _in_range(coordinates, *_units(coordinates.shape[1:], flat, pixel))
    keypoints = stored[:, :, :3] if flat == 3 else _without_z(stored)
    shown = ~np.isnan(keypoints[:, :, 0])
    if np.count_nonzero(flags):
        shown &= (flags & DOUBTFUL) == 0
    xyxy = box_of_keypoints(keypoints, shown)
    boxless = np.isnan(xyxy[:, 0])
    if any_of(boxless):
        boxes = joined([frame.tracks.poses.xyxy for frame in frames])
        xyxy[boxless] = _in_range(boxes[boxless], *_units((4,), 4, pixel))
    of_poses = joined([frame.tracks.poses.score for frame in frames])
    scores = rounded_to(np.concatenate((joined([f.score for f in frames]), of_poses[:, None]), axis=1), _PER_SCORE)
    world = stored[:, :, flat:] if poses.world.shape[1] else None
    found, first = [], 0
    for frame in frames:
        old = frame.tracks.poses
        mine = slice(first, first + len(old))
        first = mine.stop
        new = Poses(
            skeleton=old.skeleton,
            width=old.width,
            height=old.height,
            xyxy=xyxy[mine],
            score=scores[mine, -1],
            keypoints=keypoints[mine],
            keypoint_score=scores[mine, :-1],
            world=old.world if world is None else world[mine],
        )
        found.append(Motions(poses=new, track_id=frame.tracks.track_id, flags=frame.flags))
    return found


def _without_z(coordinates: F32) -> F32:
    keypoints = np.full((*coordinates.shape[:2], 3), np.nan, np.float32)
    keypoints[:, :, :2] = coordinates[:, :, :2]
    return keypoints


@lru_cache(maxsize=64)
def _units(shape: tuple[int, ...], flat: int, pixel: float) -> tuple[F32, F32, F32]:
    """(..., C) how many units of storage are in one, the largest and the least value, of C coordinates of which `flat`
    are pixels. In the whole shape of what they are for: numpy is slow where it has to repeat a few numbers.
    """
    unit = np.full(shape, WORLD_UNIT_M)
    unit[..., :flat] = pixel
    most = (unit * INT16_MOST).astype(np.float32)
    return units_in_one(unit), most, -most


def _in_range(values: F32, units: F32, most: F32, least: F32) -> F32:
    cut = np.maximum(values, least)
    np.minimum(cut, most, out=cut)
    return rounded_to(cut, units)
