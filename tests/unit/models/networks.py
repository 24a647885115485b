"""Networks for tests: one with known answers, and files of the ONNX format written by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pipeline.core.types import F32
from pipeline.models.network import Shape


@dataclass
class KnownNetwork:
    """Gives for each picture what `answer` says; keeps the pictures."""

    input: Shape
    outputs: Mapping[str, Shape]
    answer: Callable[[F32], tuple[F32, ...]] = lambda picture: ()
    name: str = "known"
    seen: list[F32] = field(default_factory=list)

    def run(self, pictures: F32) -> Sequence[tuple[F32, ...]]:
        self.seen += list(pictures)
        return [self.answer(picture) for picture in pictures]


def write_onnx(path: Path, shape: Sequence[int | str], outputs: Mapping[str, F32], *, elements: int = 1) -> Path:
    """A model that adds the mean of its picture to constants.

    The format is protobuf: a field is its number and kind, then a number or a length and bytes (onnx.proto).

    Args:
        path: Where to write it.
        shape: Of the input `images`; a word is an open axis.
        outputs: The constants by name.
        elements: Type of the numbers; 1 is float32, 10 float16.
    """
    nodes = [
        _text(1, "images")
        + _text(2, "mean")
        + _text(4, "ReduceMean")
        + _part(5, _text(1, "keepdims") + _int(3, 0) + _int(20, 2))
    ]
    constants = []
    for name, value in outputs.items():
        raw = _part(9, np.ascontiguousarray(value, dtype="<f2" if elements == 10 else "<f4").tobytes())
        constants.append(b"".join(_int(1, n) for n in value.shape) + _int(2, elements) + _text(8, f"{name}_0") + raw)
        nodes.append(_text(1, f"{name}_0") + _text(1, "mean") + _text(2, name) + _text(4, "Add"))
    graph = b"".join(_part(1, node) for node in nodes) + _text(2, "test")
    graph += b"".join(_part(5, constant) for constant in constants)
    graph += _part(11, _value("images", shape, elements))
    graph += b"".join(_part(12, _value(name, value.shape, elements)) for name, value in outputs.items())
    path.write_bytes(_int(1, 8) + _part(7, graph) + _part(8, _text(1, "") + _int(2, 17)))
    return path


def _value(name: str, shape: Sequence[int | str], elements: int) -> bytes:
    axes = b"".join(_part(1, _int(1, n) if isinstance(n, int) else _text(2, n)) for n in shape)
    return _text(1, name) + _part(2, _part(1, _int(1, elements) + _part(2, axes)))


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def _int(tag: int, number: int) -> bytes:
    return _varint(tag << 3) + _varint(number)


def _part(tag: int, content: bytes) -> bytes:
    return _varint(tag << 3 | 2) + _varint(len(content)) + content


def _text(tag: int, text: str) -> bytes:
    return _part(tag, text.encode())
