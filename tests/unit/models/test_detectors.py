from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.core.errors import ModelError
from pipeline.core.types import F32, U8
from pipeline.models.boxes import found_of_boxes
from pipeline.models.onnx import OnnxModel
from pipeline.models.rtmdet import RtmDetDetector
from pipeline.models.yolo import YoloDetector
from pipeline.models.yolox import YoloxDetector
from tests.unit.models.networks import KnownNetwork, write_onnx

PICTURES: U8 = np.zeros((1, 64, 64, 3), dtype=np.uint8)
PICTURES[..., 0] = 255  # blue


def rtmdet(*dets: tuple[float, ...], labels: tuple[int, ...] = ()) -> KnownNetwork:
    answer = (
        np.array(dets, dtype=np.float32).reshape(-1, 5),
        np.array(labels or (0,) * len(dets), dtype=np.int64),
    )
    outputs = {"dets": (None, None, None), "labels": (None, None)}
    return KnownNetwork((None, 3, None, None), outputs, lambda _: answer)


def columns(*boxes: tuple[float, ...], classes: int = 80, count: int = 84) -> F32:
    """What a YOLO of 64 x 64 pixels gives: centre, size, score of a person, and of the last class."""
    result = np.zeros((4 + classes, count), dtype=np.float32)
    for i, (x, y, width, height, person, other) in enumerate(boxes):
        result[:5, 7 * i + 3] = x, y, width, height, person
        if classes > 1:
            result[-1, 7 * i + 3] = other
    return result


def yolo(output: F32) -> KnownNetwork:
    return KnownNetwork((1, 3, 64, 64), {"output0": (1, *output.shape)}, lambda _: (output,))


def test_region_of_a_box_is_about_its_middle_and_a_quarter_longer() -> None:
    boxes = np.array([[10, 20, 30, 100], [0, 0, 40, 20]], dtype=np.float32)

    found = found_of_boxes(boxes, np.array([0.9, 0.8], dtype=np.float32), min_score=0.3)

    assert found.region.tolist() == [[20, 60, 100, 0], [20, 10, 50, 0]]


def test_of_boxes_that_overlap_the_best_stays() -> None:
    # The second covers 0.6 of what it and the first cover together; the third has nothing to do with them.
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 6], [30, 0, 40, 10]], dtype=np.float32)
    score = np.array([0.6, 0.9, 0.7], dtype=np.float32)

    assert found_of_boxes(boxes, score, min_score=0.3, max_iou=0.5).score.tolist() == score[[1, 2]].tolist()
    assert found_of_boxes(boxes, score, min_score=0.3, max_iou=0.7).score.tolist() == score[[1, 2, 0]].tolist()
    assert found_of_boxes(boxes, score, min_score=0.8, max_iou=0.7).score.tolist() == score[[1]].tolist()


def test_boxes_without_area_or_place_are_nobody() -> None:
    boxes = np.array([[5, 5, 5, 9], [np.nan, 0, 4, 4], [0, 0, 4, 4]], dtype=np.float32)

    found = found_of_boxes(boxes, np.full(3, 0.9, dtype=np.float32), min_score=0.3, max_iou=0.5)

    assert found.xyxy.tolist() == [[0, 0, 4, 4]]


def test_rtmdet_gives_people_above_the_score_best_first() -> None:
    network = rtmdet(
        (1, 2, 11, 42, 0.4), (5, 5, 9, 30, 0.8), (0, 0, 9, 9, 0.2), (0, 0, 50, 50, 0.9), labels=(0, 0, 0, 2)
    )

    (found,) = RtmDetDetector(network, size=64).detect(PICTURES)

    assert found.xyxy.tolist() == [[5, 5, 9, 30], [1, 2, 11, 42]]
    assert found.score == pytest.approx([0.8, 0.4])


def test_rtmdet_sees_blue_first_with_imagenets_numbers() -> None:
    network = rtmdet()

    (found,) = RtmDetDetector(network, size=64).detect(PICTURES)

    assert found.xyxy.shape == found.region.shape == (0, 4)
    assert network.seen[0][:, 9, 9] == pytest.approx([(255 - 103.53) / 57.375, -116.28 / 57.12, -123.675 / 58.395])


def test_rtmdet_takes_the_size_that_is_asked_for_in_steps_of_32() -> None:
    assert RtmDetDetector(rtmdet()).size == 320
    assert RtmDetDetector(rtmdet(), size=480).size == 480
    with pytest.raises(ModelError, match="found size 500, expected a multiple of 32"):
        RtmDetDetector(rtmdet(), size=500)


def test_yolox_boxes_lie_relative_to_their_cells() -> None:
    # 64 cells of 8 pixels, 16 of 16, 4 of 32: number 64 + 6 is column 2, row 1 of the second grid.
    output = np.zeros((84, 85), dtype=np.float32)
    output[70, :6] = 0.5, 0.25, np.log(2), np.log(1.5), 0.9, 0.8
    output[83, :6] = 0, 0, 0, 0, 0.9, 0.2  # 0.18 in all
    network = KnownNetwork((1, 3, 64, 64), {"output": (1, 84, 85)}, lambda _: (output,))

    (found,) = YoloxDetector(network).detect(PICTURES)

    assert found.xyxy[0] == pytest.approx([40 - 16, 20 - 12, 40 + 16, 20 + 12])
    assert found.score == pytest.approx([0.72])
    assert network.seen[0][:, 0, 0].tolist() == [255, 0, 0]


def test_yolo_boxes_are_columns() -> None:
    network = yolo(columns((30, 40, 10, 20, 0.9, 0), (31, 40, 10, 20, 0.7, 0), (9, 9, 8, 8, 0.1, 0.95)))

    (found,) = YoloDetector(network).detect(PICTURES)

    assert found.xyxy.tolist() == [[25, 30, 35, 50]]
    assert found.score == pytest.approx([0.9])
    assert network.seen[0][:, 0, 0].tolist() == [0, 0, 1]


@pytest.mark.parametrize("classes", [1, 80])
def test_yolo_runs_as_an_onnx_file(tmp_path: Path, classes: int) -> None:
    output = columns((30, 40, 10, 20, 0.9, 0), (10, 20, 12, 24, 0.6, 0), classes=classes)
    file = write_onnx(tmp_path / "yolo.onnx", (1, 3, 64, 64), {"output0": output[None]})
    black = np.zeros((3, 64, 64, 3), dtype=np.uint8)

    found = YoloDetector(OnnxModel(file, threads=2)).detect(black)

    assert [one.xyxy.tolist() for one in found] == [[[25, 30, 35, 50], [4, 8, 16, 32]]] * 3


def test_models_of_another_kind_are_told_with_their_shapes() -> None:
    with pytest.raises(ModelError, match=r"not of the kind yolox; expected one output 1x84x\(5 \+ classes\).*1x84x80"):
        YoloxDetector(KnownNetwork((1, 3, 64, 64), {"output": (1, 84, 80, 2), "b": (1, 84, 80)}))
    with pytest.raises(ModelError, match=r"not of the kind yolo; expected one output 1x\(4 \+ classes\)x84.*1x300x6"):
        YoloDetector(KnownNetwork((1, 3, 64, 64), {"output0": (1, 300, 6)}))
    with pytest.raises(ModelError, match=r"not of the kind rtmdet; .* output 1x84x85"):
        RtmDetDetector(KnownNetwork((1, 3, 64, 64), {"output": (1, 84, 85)}))


def test_size_that_the_file_does_not_have_is_refused() -> None:
    with pytest.raises(ModelError, match="expected the input 1x3x96x96; it has the input 1x3x64x64"):
        YoloDetector(yolo(columns()), size=96)


def test_no_pictures_find_nobody() -> None:
    none = np.zeros((0, 64, 64, 3), dtype=np.uint8)

    assert list(YoloDetector(yolo(columns())).detect(none)) == []
    assert list(RtmDetDetector(rtmdet(), size=64).detect(none)) == []
