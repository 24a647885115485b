from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from pipeline.core.errors import ModelError
from pipeline.models import find
from pipeline.models.blazepose import BlazePoseDetector, BlazePoseEstimator
from pipeline.models.litert import BATCHES, LiteRtModel, Output
from pipeline.models.trim import keep_outputs

NOWHERE = Path("no-folder-of-models")
DETECTOR_OUTPUTS = (Output(0, (2254, 12), (1568, 392, 294)), Output(1, (2254, 1), (1568, 392, 294)))
POSE_OUTPUTS = (Output(0, (195,)), Output(1, (1,)), Output(3, (64, 64, 39)), Output(4, (117,)))


@pytest.mark.parametrize(
    ("name", "size", "outputs"),
    [("blazepose-detector", 224, DETECTOR_OUTPUTS), ("blazepose-full", 256, POSE_OUTPUTS)],
)
def test_model_gives_the_same_bytes_alone_and_in_a_batch_on_two_threads(
    name: str, size: int, outputs: tuple[Output, ...]
) -> None:
    pictures = np.random.default_rng(3).random((sum(BATCHES), size, size, 3), dtype=np.float32)
    model = LiteRtModel(find(name, NOWHERE), size=size, outputs=outputs)
    two_threads = LiteRtModel(find(name, NOWHERE), size=size, outputs=outputs, threads=2)

    together = two_threads.run(pictures)

    for i in range(len(pictures)):
        alone = model.run(pictures[i : i + 1])
        for one, all_ in zip(alone, together, strict=True):
            assert one[0].tobytes() == all_[i].tobytes()


def test_absent_file_is_a_model_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"absent\.tflite: cannot be read \(No such file") as caught:
        BlazePoseDetector(tmp_path / "absent.tflite")

    assert caught.value.hint is not None


def test_file_that_is_no_model_is_a_model_error(tmp_path: Path) -> None:
    file = tmp_path / "text.tflite"
    file.write_text("not a model")

    with pytest.raises(ModelError, match=r"text\.tflite: not a model that LiteRT can run") as caught:
        BlazePoseEstimator(file)

    assert "posebus models pull" in str(caught.value.hint)


def test_cut_off_model_is_a_model_error(tmp_path: Path) -> None:
    file = tmp_path / "cut.tflite"
    file.write_bytes(find("blazepose-detector", NOWHERE).read_bytes()[:100_000])

    with pytest.raises(ModelError, match=r"cut\.tflite"):
        BlazePoseDetector(file)


def test_another_model_is_a_model_error_with_both_shapes() -> None:
    with pytest.raises(ModelError, match=r"input \(1, 224, 224, 3\) float32, expected \(1, 256, 256, 3\) float32"):
        BlazePoseEstimator(find("blazepose-detector", NOWHERE))


def test_model_with_other_outputs_is_a_model_error() -> None:
    with pytest.raises(ModelError, match=r"output 0 is \(1, 2254, 12\), expected \(1, 7, 7\)"):
        LiteRtModel(find("blazepose-detector", NOWHERE), size=224, outputs=(Output(0, (7, 7)),))


@pytest.mark.parametrize("name", ["blazepose-detector", "blazepose-full"])
def test_outputs_that_are_kept_are_the_same_to_the_bit(name: str) -> None:
    whole = find(name, NOWHERE).read_bytes()
    before = Interpreter(model_content=whole)
    kept = list(range(len(before.get_output_details())))[::-2]
    after = Interpreter(model_content=keep_outputs(whole, kept))
    picture = np.random.default_rng(5).random(before.get_input_details()[0]["shape"], dtype=np.float32)
    for interpreter in (before, after):
        interpreter.allocate_tensors()
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], picture)
        interpreter.invoke()

    new = [after.get_tensor(output["index"]) for output in after.get_output_details()]

    old = [before.get_tensor(before.get_output_details()[number]["index"]) for number in kept]
    assert [one.tobytes() for one in new] == [one.tobytes() for one in old]


def test_landmark_model_is_smaller_without_its_mask() -> None:
    whole = find("blazepose-full", NOWHERE).read_bytes()

    def operators(content: bytes) -> int:
        return len(schema.ModelT.InitFromPackedBuf(content, 0).subgraphs[0].operators)

    assert operators(keep_outputs(whole, [0, 1, 3, 4])) < operators(whole) == operators(keep_outputs(whole, range(5)))
