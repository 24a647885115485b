"""LiteRT: loads a .tflite file and runs it on batches of pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import NamedTuple

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from pipeline.core.errors import ModelError
from pipeline.core.types import F32, U8
from pipeline.models.trim import keep_outputs

BATCHES = (4, 2, 1)
"""Fixed sizes that a batch is cut into on several threads. On one thread pictures go one by one: together they take
longer, as what is between the layers no longer fits into the cache (landmarks: 17 ms each in fours, 15 ms alone)."""


@dataclass(frozen=True, slots=True)
class Output:
    """One output of a model.

    Attributes:
        index: Its number among the model's outputs.
        shape: Of one picture, without the batch.
        pieces: Sizes along the first axis of the parts that the model joins; where it joins them over a whole batch,
            the parts of one picture lie apart and are put together again. Empty: the batch is the first axis.
    """

    index: int
    shape: tuple[int, ...]
    pieces: tuple[int, ...] = ()


class _Ready(NamedTuple):
    """An interpreter for batches of one size; the number of its input, and what gives views of its outputs."""

    interpreter: Interpreter
    pictures: int
    outputs: tuple[Callable[[], F32], ...]


class LiteRtModel:
    """A model file in memory, without what its chosen outputs do not need. Not for two threads at once.

    Results are the same to the bit whatever the batch and the number of threads (tests/unit/models/test_litert.py).

    Args:
        path: The .tflite file.
        size: Side of its square pictures.
        outputs: Which outputs `run` gives, in this order.
        threads: Threads of one inference.
        dtype: Of its pictures.
    """

    def __init__(
        self,
        path: Path,
        *,
        size: int,
        outputs: Sequence[Output],
        threads: int = 1,
        dtype: type[np.float32 | np.uint8] = np.float32,
    ) -> None:
        try:
            self._content = path.read_bytes()
        except OSError as error:
            raise ModelError(
                f"{path}: cannot be read ({error.strerror})", hint="posebus models check names the files"
            ) from error
        self._path, self._size, self._outputs, self._threads = path, size, tuple(outputs), threads
        self._dtype, self._batches = dtype, BATCHES if threads > 1 else (1,)
        self._by_batch: dict[int, _Ready] = {}
        self._check_shapes(self._new_interpreter())
        self._content = keep_outputs(self._content, [output.index for output in self._outputs])
        self._ready(1)

    def run(self, pictures: F32 | U8) -> tuple[F32, ...]:
        """The chosen outputs, each (N, *shape) float32, for (N, size, size, 3) pictures of the model's type."""
        total = len(pictures)
        results = tuple(np.empty((total, *output.shape), dtype=np.float32) for output in self._outputs)
        start = 0
        while start < total:
            batch = next(b for b in self._batches if b <= total - start)
            ready = self._ready(batch)
            ready.interpreter.set_tensor(ready.pictures, pictures[start : start + batch])
            ready.interpreter.invoke()
            for output, tensor, result in zip(self._outputs, ready.outputs, results, strict=True):
                # Views of the interpreter's memory, which must be gone when it runs again.
                result[start : start + batch] = _by_picture(tensor(), batch, output)
            start += batch
        return results

    def _ready(self, batch: int) -> _Ready:
        if batch not in self._by_batch:
            interpreter = self._new_interpreter()
            pictures = interpreter.get_input_details()[0]["index"]
            if batch > 1:
                interpreter.resize_tensor_input(pictures, [batch, self._size, self._size, 3])
            try:
                interpreter.allocate_tensors()
            except (ValueError, RuntimeError) as error:
                raise self._unusable(error) from error
            outputs = tuple(interpreter.tensor(detail["index"]) for detail in interpreter.get_output_details())
            self._by_batch[batch] = _Ready(interpreter, pictures, outputs)
        return self._by_batch[batch]

    def _new_interpreter(self) -> Interpreter:
        try:
            return Interpreter(model_content=self._content, num_threads=self._threads)
        except (ValueError, RuntimeError) as error:
            raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> ModelError:
        return ModelError(
            f"{self._path}: not a model that LiteRT can run ({error})",
            hint="posebus models pull puts the right file in its place",
        )

    def _check_shapes(self, interpreter: Interpreter) -> None:
        inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
        have = tuple(int(n) for n in inputs[0]["shape"])
        want = (1, self._size, self._size, 3)
        if len(inputs) != 1 or have != want or inputs[0]["dtype"] is not self._dtype:
            raise ModelError(
                f"{self._path}: input {have} {inputs[0]['dtype'].__name__}, expected {want} {self._dtype.__name__}",
                hint="this is another model: posebus models check compares the files with the zoo",
            )
        for output in self._outputs:
            shape = (1, *output.shape)
            found = tuple(int(n) for n in outputs[output.index]["shape"]) if output.index < len(outputs) else None
            if found != shape:
                raise ModelError(
                    f"{self._path}: output {output.index} is {found}, expected {shape}",
                    hint="this is another model: posebus models check compares the files with the zoo",
                )


def _by_picture(tensor: F32, batch: int, output: Output) -> F32:
    if batch == 1 or not output.pieces:
        return tensor.reshape(batch, *output.shape)
    rest = output.shape[1:]
    flat = tensor.reshape(-1, prod(rest))
    parts, at = [], 0
    for piece in output.pieces:
        parts.append(flat[at : at + piece * batch].reshape(batch, piece, *rest))
        at += piece * batch
    return np.concatenate(parts, axis=1)
