"""How near published models come to the truth of simulated people: `python -m tests.quality.models` shows it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pipeline.core.boxes import iou
from pipeline.core.perception import PersonDetector, PoseEstimator
from pipeline.core.regions import points_to_frame, regions_to_frame, to_frame_matrices
from pipeline.core.skeletons import SKELETONS
from pipeline.core.types import F32, F64, U8
from pipeline.models.boxes import regions_of_boxes
from pipeline.models.kinds import make_detector, make_estimator
from pipeline.video.simulate import SimulatedSource, Truth
from pipeline.video.simulate.scene import parse_scene
from stages.detect.windows import cut
from stages.pose.crops import crops
from tests.published import LITE, MOVENET, RTMDET, TINYPOSE, YOLOX

SCENES = (
    *(f"sim://gym?people={people}&seed={seed}" for people, seed in ((1, 1001), (2, 1002), (3, 1003))),
    *(f"sim://ward?people=1&seed={seed}" for seed in (1004, 1005)),
)
"""Seeds from 1000 on: nothing was ever tuned on them."""

DETECTORS = (("rtmdet", RTMDET, 320), ("rtmdet", RTMDET, 480), ("yolox", YOLOX, 416))
ESTIMATORS = (("heatmap", TINYPOSE), ("movenet", MOVENET), ("blazepose", LITE))

_BLAZEPOSE, _COCO = SKELETONS["blazepose33"], SKELETONS["coco17"]
_COMMON = _BLAZEPOSE.indices(*_COCO.keypoints)
_BODY = _COCO.indices(
    *(f"{side}_{part}" for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle") for side in ("left", "right"))
)
"""What is compared: where eyes and ears of a mannequin are is a matter of taste."""

_SAME_BOX = 0.5


@dataclass
class Boxes:
    """What a detector made of the frames.

    Attributes:
        people, found: To be found (four fifths of the body in sight), and found by a box of at least `_SAME_BOX`.
        given, false: Boxes, and those on nobody.
        overlaps: Of the found ones, intersection over union.
    """

    people: int = 0
    found: int = 0
    given: int = 0
    false: int = 0
    overlaps: list[float] = field(default_factory=list)


@dataclass
class Points:
    """What an estimator made of the frames.

    Attributes:
        errors: Mean distance of a person's keypoints, share of the body's height: looked at in the true box.
        followed: The same with each frame's region out of the frame before; the first is the true box.
        scores: Of the people.
    """

    errors: list[float] = field(default_factory=list)
    followed: list[float] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)


def frames(url: str, every: int, count: int) -> Iterator[tuple[U8, Truth, F64]]:
    """Every so many frames of a scene: pixels, truth, and (N,) standing heights in pixels."""
    source = SimulatedSource(parse_scene(url))
    for k in range(0, min(source.spec.frames, every * count), every):
        truth = source.scene.truth(k)
        flat = truth.keypoints - truth.keypoints.mean(axis=1, keepdims=True)
        metres = truth.world[:, :, :2] - truth.world[:, :, :2].mean(axis=1, keepdims=True)
        scale = np.sqrt((flat**2).sum(axis=(1, 2)) / np.maximum((metres**2).sum(axis=(1, 2)), 1e-6))
        tall = np.array([source.scene.actors[n].body.height_m for n in truth.person])
        yield source.scene.picture(k), truth, scale * tall


def boxes_of(detector: PersonDetector, urls: Sequence[str], every: int = 15, count: int = 20) -> Boxes:
    """The detector on the whole pictures, as squares."""
    result = Boxes()
    for url in urls:
        for pixels, truth, _ in frames(url, every, count):
            height, width = pixels.shape[:2]
            side = max(height, width)
            square = np.array([(width - side) / 2, (height - side) / 2, side], dtype=np.float32)
            (found,) = detector.detect(cut(pixels, square, detector.size)[None])
            xyxy = found.xyxy * np.float32(side / detector.size) + np.tile(square[:2], 2)
            overlap = iou(truth.xyxy, xyxy)
            best = overlap.max(axis=1, initial=0.0)[truth.visible[:, _COMMON].mean(axis=1) >= 0.8]
            result.people += len(best)
            result.found += int((best >= _SAME_BOX).sum())
            result.overlaps += best[best >= _SAME_BOX].tolist()
            result.given += len(xyxy)
            result.false += int((overlap.max(axis=0, initial=0.0) < 0.1).sum())
    return result


def points_of(estimator: PoseEstimator, urls: Sequence[str], every: int = 3, count: int = 60) -> Points:
    """The estimator on people who are in sight, ten frames a second."""
    result = Points()
    common = slice(None) if estimator.skeleton == "coco17" else _COMMON
    for url in urls:
        regions: dict[int, F32] = {}
        for pixels, truth, height in frames(url, every, count):
            rows = np.flatnonzero(truth.visible[:, _COMMON][:, _BODY].all(axis=1))
            if not len(rows):
                continue
            true = regions_of_boxes(truth.xyxy[rows])
            old = np.stack([regions.get(int(p), r) for p, r in zip(truth.person[rows], true, strict=True)])
            both = np.concatenate((true, old))
            estimated = estimator.estimate(crops(pixels, both, estimator.size))
            points = points_to_frame(estimated.keypoints[:, :, :2], to_frame_matrices(both, estimator.size))[:, common]
            off = points[:, _BODY] - np.tile(truth.keypoints[rows][:, _COMMON][:, _BODY], (2, 1, 1))
            error = np.hypot(off[..., 0], off[..., 1]).mean(axis=1) / np.tile(height[rows], 2)
            result.errors += error[: len(rows)].tolist()
            result.followed += error[len(rows) :].tolist()
            result.scores += estimated.score[: len(rows)].tolist()
            following = regions_to_frame(estimated.region, both, estimator.size)[len(rows) :]
            regions |= {int(person): region for person, region in zip(truth.person[rows], following, strict=True)}
    return result


def main(models: Path) -> None:
    """Write both tables."""
    out = sys.stdout.write
    out("| detector | people | found | mean IoU | boxes on nobody |\n|--|--|--|--|--|\n")
    for kind, file, size in DETECTORS:
        boxes = boxes_of(make_detector(kind, models / file, size=size, threads=2), SCENES)
        share, overlap = boxes.found / boxes.people, np.mean(boxes.overlaps)
        out(f"| {kind} {size} | {boxes.people} | {share:.1%} | {overlap:.2f} | {boxes.false} of {boxes.given} |\n")
    out("\n| estimator | people | mean | median | 95 % | followed: mean | lost (> 20 %) | score, least 5 % |\n")
    out("|--|--|--|--|--|--|--|--|\n")
    for kind, file in ESTIMATORS:
        points = points_of(make_estimator(kind, models / file, size=None, threads=2), SCENES)
        errors, followed = np.array(points.errors), np.array(points.followed)
        cells = (errors.mean(), np.median(errors), np.quantile(errors, 0.95), followed.mean(), (followed > 0.2).mean())
        shown = " | ".join(f"{cell:.2%}" for cell in cells)
        out(f"| {kind} | {len(errors)} | {shown} | {np.quantile(points.scores, 0.05):.2f} |\n")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/data/models"))
