"""What pose models of one person in an upright rectangle have in common, whatever they give for each keypoint."""

from __future__ import annotations

import numpy as np

from pipeline.core.errors import ModelError
from pipeline.core.perception import Estimated
from pipeline.core.skeletons import SKELETONS, Skeleton
from pipeline.core.types import F32, U8
from pipeline.models.follow import next_regions
from pipeline.models.network import Network, wrong
from pipeline.models.pixels import IMAGENET_MEAN_RGB, IMAGENET_STD_RGB, planes

COUNTS = np.float32(0.2)
"""Keypoints with a lower score say nothing of the person."""

EVEN, SLOPE = 0.45, 30.0
"""Mean at which a person is as likely as not, and how steep the logistic is. Fitted (most likely) to 217 people,
simulated ones of seeds below 100, whole and down to the hips, and such of real clips that a detector is sure of, and to
213 crops of background: 0.51 and 29 for PP-TinyPose, 0.44 and 42 for MoveNet."""

_BY_KEYPOINTS = {len(SKELETONS[name]): name for name in ("coco17", "halpe26", "coco133")}


def input_size(network: Network) -> tuple[int, int]:
    """Height and width of the pictures of a pose model, which no file leaves open."""
    if len(network.input) != 4 or network.input[1] != 3 or None in network.input[2:]:
        raise wrong(network, "its pictures have no fixed size", "the input 1x3xHEIGHTxWIDTH")
    height, width = network.input[2:]
    assert height is not None
    assert width is not None
    return height, width


def skeleton_of(network: Network, keypoints: int | None) -> str:
    """The skeleton with so many keypoints."""
    if keypoints not in _BY_KEYPOINTS:
        known = ", ".join(f"{count} ({name})" for count, name in _BY_KEYPOINTS.items())
        raise ModelError(f"{network.name}: found {keypoints} keypoints, expected {known}", hint="use another model")
    return _BY_KEYPOINTS[keypoints]


def middle(crops: U8, height: int, width: int) -> tuple[U8, F32]:
    """The (N, height, width, 3) middle of square crops with the longer of the two as side, and where it begins.

    A standing person needs no more: a region has 1.25 times the height of a body, and the model has learnt from boxes
    as much larger than the body.
    """
    size = crops.shape[1]
    top, left = (size - height) // 2, (size - width) // 2
    return crops[:, top : top + height, left : left + width], np.array([left, top], dtype=np.float32)


def normalised(pictures: U8) -> F32:
    """(N, 3, H, W) RGB with ImageNet's mean and spread."""
    return planes(pictures, rgb=True, mean=IMAGENET_MEAN_RGB, std=IMAGENET_STD_RGB)


def estimated(points: F32, score: F32, size: int, skeleton: Skeleton, *, aspect: float) -> Estimated:
    """What such a model says of N people.

    There is neither depth nor a place in the world.

    Args:
        points: (N, K, 2) pixels of the crop.
        score: (N, K).
        size: Side of the crop.
        skeleton: Names of the keypoints.
        aspect: Height of the model's picture over its width.
    """
    score = np.clip(score, 0.0, 1.0).astype(np.float32)
    depth = np.full((*points.shape[:2], 1), np.nan, dtype=np.float32)
    return Estimated(
        keypoints=np.concatenate((points.astype(np.float32), depth), axis=2),
        keypoint_score=score,
        world=np.zeros((len(points), 0, 3), dtype=np.float32),
        score=person_score(score),
        region=next_regions(points, score, size, skeleton, aspect=aspect),
    )


def person_score(keypoint_score: F32) -> F32:
    """(N,) how likely a crop with these (N, K) scores shows a person: a logistic of the mean of those that `COUNTS`.

    The mean of all would be a measure of how much of a person is in the picture: of simulated people who are seen down
    to the hips two in five reach 0.5 by it, and nine in ten by this mean (mmpose's rescoring for COCO, vis_thr). It is
    no probability either: people have 0.55 and more, background hardly 0.36, so what is sure would pass for doubtful.
    """
    counts = keypoint_score >= COUNTS
    total = np.where(counts, keypoint_score, np.float32(0.0)).sum(axis=1)
    mean = total / np.maximum(counts.sum(axis=1), 1)
    result: F32 = (1.0 / (1.0 + np.exp(-SLOPE * (mean - EVEN)))).astype(np.float32)
    return result
