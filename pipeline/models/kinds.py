"""The kinds of models that can be run, and what makes an adapter of a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from pipeline.core.errors import ModelError
from pipeline.core.perception import PersonDetector, PoseEstimator
from pipeline.models.blazepose import BlazePoseDetector, BlazePoseEstimator
from pipeline.models.heatmap import HeatmapEstimator
from pipeline.models.movenet import MoveNetEstimator
from pipeline.models.onnx import OnnxModel
from pipeline.models.rtmdet import RtmDetDetector
from pipeline.models.simcc import SimccEstimator
from pipeline.models.yolo import YoloDetector
from pipeline.models.yolox import YoloxDetector

BLAZEPOSE = "blazepose"
"""The kind of a file whose kind is not named."""


def make_detector(kind: str, path: Path, *, size: int | None, threads: int) -> PersonDetector:
    """A detector of this kind. Raises ModelError.

    Args:
        kind: A key of `DETECTORS`.
        path: The file.
        size: Side of its pictures where the file leaves it open; None for the kind's own.
        threads: Threads of the runtime.
    """
    made: PersonDetector = _of(DETECTORS, kind, path, "detect")(path, size, threads)
    return made


def make_estimator(kind: str, path: Path, *, size: int | None, threads: int) -> PoseEstimator:
    """The same for an estimator, of `ESTIMATORS`."""
    made: PoseEstimator = _of(ESTIMATORS, kind, path, "pose")(path, size, threads)
    return made


def _of(makers: Mapping[str, Maker], kind: str, path: Path, task: str) -> Maker:
    if kind not in makers:
        raise ModelError(
            f"{path}: no model for {task} is of the kind {kind!r}, there is {', '.join(makers)}", hint="correct `kind`"
        )
    return makers[kind]


def _onnx(adapter: Callable[..., Any], path: Path, size: int | None, threads: int) -> Any:
    return adapter(OnnxModel(path, threads=threads), size=size)


def _onnx_pose(adapter: Callable[..., Any], path: Path, size: int | None, threads: int) -> Any:
    made = adapter(OnnxModel(path, threads=threads))
    return _sized(made, path, size)


def _blazepose_detector(path: Path, size: int | None, threads: int) -> Any:
    return _sized(BlazePoseDetector(path, threads=threads), path, size)


def _blazepose(path: Path, size: int | None, threads: int) -> Any:
    return _sized(BlazePoseEstimator(path, threads=threads), path, size)


def _movenet(path: Path, size: int | None, threads: int) -> Any:
    return MoveNetEstimator(path, size=size or MoveNetEstimator.lightning, threads=threads)


def _sized(made: Any, path: Path, size: int | None) -> Any:
    if size not in (None, made.size):
        raise ModelError(f"{path}: found size {size}, expected {made.size} or none", hint="leave `size` out")
    return made


Maker = Callable[[Path, int | None, int], Any]
"""Of the file, the side of its pictures and the threads."""

DETECTORS: Mapping[str, Maker] = {
    BLAZEPOSE: _blazepose_detector,
    "rtmdet": partial(_onnx, RtmDetDetector),
    "yolox": partial(_onnx, YoloxDetector),
    "yolo": partial(_onnx, YoloDetector),
}
"""By kind."""

ESTIMATORS: Mapping[str, Maker] = {
    BLAZEPOSE: _blazepose,
    "heatmap": partial(_onnx_pose, HeatmapEstimator),
    "simcc": partial(_onnx_pose, SimccEstimator),
    "movenet": _movenet,
}
"""By kind."""
