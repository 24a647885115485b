"""How far the bundled model's keypoints lie from the truth of simulated people, for the noise of keypoint scripts.

    python -m benchmarks.pose_noise [--seeds 0-19] [--segment 40]

Each person is followed as the stage pose does: the region of a frame comes out of the frame before, the first one out
of the truth. Errors are shares of the person's standing height. Prints one table for people who stand, walk, sit and
exercise upright, one for those who are bent, low or on the floor, and the rates of swaps and losses.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from zlib import crc32

import cv2
import numpy as np

from pipeline.config import Config
from pipeline.core.regions import points_to_frame, regions_of_axes, regions_to_frame, to_frame_matrices
from pipeline.core.skeletons import SKELETONS
from pipeline.core.types import F32, F64, I64, Bool
from pipeline.models import load_models
from pipeline.video.simulate import Simulation, parse_scene
from pipeline.video.simulate.noise import GROUPS
from stages.pose.crops import crops

SKELETON = SKELETONS["blazepose33"]
HIPS = SKELETON.indices("left_hip", "right_hip")
SHOULDERS = SKELETON.indices("left_shoulder", "right_shoulder")
MAIN = SKELETON.indices(
    *(f"{side}_{part}" for part in ("shoulder", "hip", "knee", "ankle") for side in ("left", "right"))
)
FPS = 15
UPRIGHT_DEGREES = 35.0
"""Trunk tilt up to which a person counts as upright; a deep squat leans more."""

FOUND = 0.5
"""Score from which the model has found a person."""

ASTRAY = 0.12
"""Mean error from which the model looks at another person or at nothing, body heights; 99.5 % of frames lie below."""

EXERCISES = ("squat", "curl", "press", "lunge", "jumping-jack", "deadlift", "push-up", "sit-up")


@dataclass
class Seen:
    """Person-frames of one scene: arrays grow by one row for each.

    Attributes:
        chain: Which run of frames of one person a row belongs to.
        upright, standing: Trunk tilt below the limit; and what truth calls standing or walking.
        score: Of the model, that there is a person; below 0.5 = lost.
        error: (33, 2) pixels over body height in pixels, the mirrored one where left and right are swapped.
        depth_error: (33,) world z, metres over body height.
        swapped: Whether left and right are taken for each other.
        visible, keypoint_score: (33,).
    """

    chain: list[int] = field(default_factory=list)
    upright: list[bool] = field(default_factory=list)
    standing: list[bool] = field(default_factory=list)
    score: list[float] = field(default_factory=list)
    error: list[F64] = field(default_factory=list)
    depth_error: list[F64] = field(default_factory=list)
    swapped: list[bool] = field(default_factory=list)
    visible: list[F64] = field(default_factory=list)
    keypoint_score: list[F64] = field(default_factory=list)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pose_noise", description=__doc__)
    parser.add_argument("--seeds", default="0-19")
    parser.add_argument("--segment", type=int, default=40, help="frames of one person in a row")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--save", type=Path, help="also write all rows to this npz file")
    options = parser.parse_args()
    first, last = (int(word) for word in options.seeds.split("-"))
    scenes = [url for seed in range(first, last + 1) for url in scenes_of(seed)]
    with ProcessPoolExecutor(options.workers) as pool:
        rows = list(pool.map(watch, scenes, [options.segment] * len(scenes)))
    table = joined(rows)
    if options.save:
        np.savez_compressed(options.save, **table)
    for line in report(table):
        print(line)


def scenes_of(seed: int) -> tuple[str, ...]:
    """The scenes of one seed: all exercises take turns, and so do the acts of the ward."""
    pictures = "noise=3&jpeg=80"
    exercise = EXERCISES[seed % len(EXERCISES)]
    return (
        f"sim://gym?people=2&seed={seed}&exercise={exercise}&seconds=60&fps={FPS}&{pictures}",
        f"sim://street?people=4&seed={seed}&seconds=60&fps={FPS}&{pictures}",
        f"sim://ward?act=random&seed={seed}&seconds=60&fps={FPS}&{pictures}",
    )


def watch(url: str, segment: int) -> Seen:
    """Follow every person of a scene through two runs of frames."""
    cv2.setNumThreads(1)
    _, estimator = load_models(Config().models, Path("no-folder-of-models"))
    clip = Simulation(parse_scene(url))
    seen = Seen()
    for part in (0.35, 0.7):
        regions: dict[int, F32] = {}
        runs: dict[int, int] = {}
        begin = int(part * clip.spec.frames)
        for k in range(begin, begin + segment):
            picture, truth = clip.picture(k), clip.truth(k)
            depth = (clip.bodies(k).points[truth.person] - clip.camera.centre) @ clip.camera.axes[2]
            for row, person in enumerate(truth.person.tolist()):
                if truth.visible[row, MAIN].mean() < 0.8:
                    regions.pop(person, None)
                    continue
                metres = clip.actors[person].body.height_m
                height = metres * clip.camera.focal_px / float(depth[row, HIPS].mean())
                keypoints = truth.keypoints[row]
                region = regions.pop(person, None)
                if region is None:
                    region = _region(keypoints)
                    runs[person] = runs.get(person, 0) + 1
                found = estimator.estimate(crops(picture, region, estimator.size))
                matrices = to_frame_matrices(region, estimator.size)
                points = points_to_frame(found.keypoints[:, :, :2], matrices)[0]
                error, swapped = _error(points, keypoints, truth.visible[row])
                world = found.world[0][SKELETON.mirrored] if swapped else found.world[0]
                trunk = truth.world[row, SHOULDERS].mean(axis=0) - truth.world[row, HIPS].mean(axis=0)
                seen.chain.append(crc32(f"{url} {person} {begin} {runs[person]}".encode()))
                seen.upright.append(bool(-trunk[1] > np.cos(np.deg2rad(UPRIGHT_DEGREES)) * np.linalg.norm(trunk)))
                seen.standing.append(truth.activity[row] in ("stand", "walk", "turn", "wave", "point", "rest"))
                seen.score.append(float(found.score[0]))
                seen.error.append(error / height)
                seen.depth_error.append((world[:, 2] - truth.world[row, :, 2]) / metres)
                seen.swapped.append(swapped)
                seen.visible.append(truth.visible[row].astype(np.float64))
                seen.keypoint_score.append(found.keypoint_score[0].astype(np.float64))
                if found.score[0] >= FOUND:
                    regions[person] = regions_to_frame(found.region, region, estimator.size)
    return seen


def joined(rows: list[Seen]) -> dict[str, F64]:
    """All scenes under each other, the rows of each run of frames in a row."""
    table = {
        name: np.concatenate([np.asarray(getattr(row, name)) for row in rows if row.chain])
        for name in Seen.__dataclass_fields__
    }
    order = np.argsort(table["chain"], kind="stable")
    return {name: column[order] for name, column in table.items()}


def report(table: dict[str, F64]) -> Iterator[str]:
    """Lines of the tables."""
    standing = table["standing"].astype(bool)
    found = table["score"] >= FOUND
    off = np.array([
        np.linalg.norm(error[visible > 0.5], axis=1).mean()
        for error, visible in zip(table["error"], table["visible"], strict=True)
    ])  # fmt: skip
    astray = found & (off > ASTRAY)
    yield f"person-frames {len(found)}; found: standing {found[standing].mean():.4f}, all {found.mean():.4f}"
    yield f"mean error, body heights: median {np.median(off[found]):.4f}; astray {astray.mean():.4f}"
    swapped, upright = table["swapped"].astype(bool), table["upright"].astype(bool)
    for name, which in (("upright", upright), ("low", ~upright)):
        chosen = found & which & ~astray
        run = _mean_run(swapped, table["chain"], chosen)
        yield ""
        yield f"{name}: {chosen.sum()} person-frames, swapped {swapped[chosen].mean():.4f} in runs of {run:.1f} frames"
        yield "| keypoints | rms | steady | slow | white | depth | seen | hidden | outliers | logits |"
        yield "|---|---|---|---|---|---|---|---|---|---|"
        for group, columns in GROUPS.items():
            numbers = _group(table, chosen & ~swapped, columns)
            yield f"| {group} | " + " | ".join(f"{number:.4f}" for number in numbers) + " |"


def _group(table: dict[str, F64], chosen: Bool, columns: I64) -> list[float]:
    """Of one group of keypoints, over visible ones, as the columns of the table.

    Outliers are farther off than three times the rms of all; the other numbers leave them out. Rms is that of one
    coordinate; steady, slow and white are its parts. Scores are medians.
    """
    error = table["error"][chosen][:, columns]
    seen = table["visible"][chosen][:, columns] > 0.5
    far = np.linalg.norm(error, axis=2) > 3 * np.sqrt(2 * np.mean(error[seen] ** 2))
    outliers = float(far[seen].mean())
    clean = seen & ~far
    _, chain = np.unique(table["chain"][chosen], return_inverse=True)
    rest, steady = np.zeros_like(error), np.zeros_like(error)
    for run in range(chain.max() + 1):
        mine = chain == run
        weight = clean[mine][..., None]
        steady[mine] = (error[mine] * weight).sum(axis=0) / np.maximum(weight.sum(axis=0), 1)
        rest[mine] = error[mine] - steady[mine]
    # What is white changes by twice its variance however near two frames are; a drift changes less, the nearer.
    one, two = (_change(rest, clean, chain, apart) for apart in (1, 2))
    white = max(2 * one - two, 0.0) / 2
    slow = max(float(np.mean(rest[clean] ** 2)) - white, 0.0)
    scores = table["keypoint_score"][chosen][:, columns]
    inner = np.clip(scores[seen], 1e-3, 1 - 1e-3)
    return [
        float(np.sqrt(np.mean(error[clean] ** 2))),
        float(np.sqrt(np.mean(steady[clean] ** 2))),
        float(np.sqrt(slow)),
        float(np.sqrt(white)),
        float(np.sqrt(np.mean(table["depth_error"][chosen][:, columns][clean] ** 2))),
        float(np.median(scores[seen])),
        float(np.median(scores[~seen])) if (~seen).any() else float("nan"),
        outliers,
        float(np.std(np.log(inner / (1 - inner)))),
    ]


def _change(rest: F64, clean: Bool, chain: I64, apart: int) -> float:
    """Mean square of the change over so many frames."""
    pair = (chain[apart:] == chain[:-apart])[:, None] & clean[apart:] & clean[:-apart]
    return float(np.mean((rest[apart:] - rest[:-apart])[pair] ** 2))


def _mean_run(swapped: Bool, chain: I64, chosen: Bool) -> float:
    """Mean number of frames in a row that are swapped."""
    on = swapped & chosen
    starts = on & ~np.concatenate([[False], on[:-1] & (chain[1:] == chain[:-1])])
    return float(on.sum() / max(starts.sum(), 1))


def _region(keypoints: F32) -> F32:
    """As the detector would give: the square about the hips, upright along the trunk."""
    hips, shoulders = keypoints[HIPS].mean(axis=0), keypoints[SHOULDERS].mean(axis=0)
    axis = (shoulders - hips) / max(float(np.linalg.norm(shoulders - hips)), 1e-6)
    reach = float(np.linalg.norm(keypoints - hips, axis=1).max())
    return regions_of_axes(hips[None], (hips + axis * reach)[None], 1.25)


def _error(points: F32, keypoints: F32, visible: Bool) -> tuple[F64, bool]:
    """Error of each keypoint, and whether left and right are taken for each other."""
    straight, mirrored = points - keypoints, points[SKELETON.mirrored] - keypoints
    far, near = (np.linalg.norm(error[visible], axis=1).mean() for error in (straight, mirrored))
    swapped = bool(near < 0.5 * far)
    return (mirrored if swapped else straight).astype(np.float64), swapped


if __name__ == "__main__":
    main()
