"""Files of published models beside the project (../shared/data/models): what runs on them skips where they are not."""

from __future__ import annotations

from pathlib import Path

import pytest

LITE = "mediapipe_pose_landmark_lite_54e217be.tflite"
MOVENET = "movenet_singlepose_lightning_int8_4.tflite"
RTMDET = "rtmdet_nano_person_320_end2end.onnx"
TINYPOSE = "tinypose_256x192.onnx"
YOLOX = "yolox_nano_416x416.onnx"


@pytest.fixture(scope="session")
def published_models(shared_data: Path) -> Path:
    """The folder of these files."""
    folder = shared_data / "models"
    absent = [name for name in (LITE, MOVENET, RTMDET, TINYPOSE, YOLOX) if not (folder / name).is_file()]
    if absent:
        pytest.skip(f"shared data: models/{absent[0]} is not there")
    return folder
