from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from pipeline.core.errors import ModelError
from pipeline.models.onnx import OnnxModel
from tests.published import RTMDET, TINYPOSE, YOLOX
from tests.unit.models.networks import write_onnx

CONSTANT = np.arange(6, dtype=np.float32).reshape(1, 2, 3)


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    return write_onnx(tmp_path / "mean.onnx", (1, 3, 4, "width"), {"one": CONSTANT, "two": -CONSTANT})


def test_names_and_shapes_are_those_of_the_file(model_file: Path) -> None:
    model = OnnxModel(model_file)

    assert model.input == (1, 3, 4, None)
    assert model.outputs == {"one": (1, 2, 3), "two": (1, 2, 3)}


@pytest.mark.parametrize("threads", [1, 3])
def test_every_picture_has_its_own_outputs(model_file: Path, threads: int) -> None:
    pictures = np.stack([np.full((3, 4, 5), i, dtype=np.float32) for i in range(7)])

    results = OnnxModel(model_file, threads=threads).run(pictures)

    assert len(results) == 7
    for i, (one, two) in enumerate(results):
        assert one.tolist() == (CONSTANT[0] + i).tolist()
        assert two.tolist() == (i - CONSTANT[0]).tolist()


def test_no_pictures_have_no_outputs(model_file: Path) -> None:
    assert list(OnnxModel(model_file).run(np.zeros((0, 3, 4, 5), dtype=np.float32))) == []


@pytest.mark.parametrize(
    ("file", "shape"), [(RTMDET, (3, 320, 320)), (YOLOX, (3, 416, 416)), (TINYPOSE, (3, 256, 192))]
)
def test_published_models_give_the_same_bytes_alone_and_at_once(
    published_models: Path, file: str, shape: tuple[int, ...]
) -> None:
    pictures = np.random.default_rng(3).standard_normal((5, *shape), dtype=np.float32)

    together = OnnxModel(published_models / file, threads=2).run(pictures)

    alone = OnnxModel(published_models / file)
    for picture, outputs in zip(pictures, together, strict=True):
        (expected,) = alone.run(picture[None])
        assert [one.tobytes() for one in outputs] == [one.tobytes() for one in expected]


def test_absent_file_is_a_model_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"absent\.onnx: cannot be read \(No such file"):
        OnnxModel(tmp_path / "absent.onnx")


def test_file_that_is_no_model_is_a_model_error(tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("not a model")

    with pytest.raises(ModelError, match=r"text\.onnx: not a model that ONNX Runtime can run \("):
        OnnxModel(tmp_path / "text.onnx")


def test_model_of_other_pictures_is_a_model_error(tmp_path: Path) -> None:
    path = write_onnx(tmp_path / "half.onnx", (1, 3, 4, 4), {"one": CONSTANT}, elements=10)

    with pytest.raises(ModelError, match=r"images tensor\(float16\), expected one of tensor\(float\)"):
        OnnxModel(path)


def test_picture_of_another_size_is_a_model_error(model_file: Path) -> None:
    with pytest.raises(ModelError, match="cannot run on a picture of 3x9x5"):
        OnnxModel(model_file).run(np.zeros((1, 3, 9, 5), dtype=np.float32))


def test_absent_runtime_says_what_to_install(model_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)

    with pytest.raises(ModelError, match="onnxruntime, which runs it, cannot be imported") as caught:
        OnnxModel(model_file)

    assert caught.value.hint == "install it: pip install 'posebus[onnx]'"
