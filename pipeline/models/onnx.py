"""ONNX Runtime: loads a .onnx file and runs it on pictures, several at once on threads of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.core.errors import ModelError
from pipeline.core.types import F32
from pipeline.models.network import Shape

_FATAL = 4


class OnnxModel:
    """A model in memory, with one input of pictures. Not for two threads at once.

    Each picture is a run of its own on one thread, and as many run at once as there are threads. So a result cannot
    depend on the batch, files made for one picture at a time serve batches too, and no thread waits within a layer: on
    two cores 8 pictures take half the time of one by one (tinypose: 59 ms, 121 ms on one thread, 95 ms with two threads
    within each picture, which burn 190 ms). A lone picture gains nothing from threads within the small models that run
    beside everything else: 16 ms on one, 16 ms on two that do not spin; spinning ones take the other stages' cores.

    Args:
        path: The .onnx file.
        threads: How many pictures run at once.
    """

    def __init__(self, path: Path, *, threads: int = 1) -> None:
        runtime = _runtime(path)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ModelError(
                f"{path}: cannot be read ({error.strerror})", hint="posebus models check names the files"
            ) from error
        options = runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        # What goes wrong is raised; nothing is written past the log.
        options.log_severity_level = _FATAL
        self._errors = _errors()
        try:
            self._session = runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except self._errors as error:
            raise ModelError(
                f"{path}: not a model that ONNX Runtime can run ({_first_line(error)})",
                hint="correct `path` or `kind` of the model in the configuration",
            ) from error
        inputs = self._session.get_inputs()
        if len(inputs) != 1 or inputs[0].type != "tensor(float)":
            found = ", ".join(f"{i.name} {i.type}" for i in inputs)
            raise ModelError(
                f"{path}: found the inputs {found}, expected one of tensor(float)",
                hint="models that take one float32 picture at a time are run",
            )
        self._name, self._input_name = str(path), inputs[0].name
        self._input = _shape(inputs[0].shape)
        self._outputs = {output.name: _shape(output.shape) for output in self._session.get_outputs()}
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="onnx") if threads > 1 else None

    @property
    def name(self) -> str:
        """The path."""
        return self._name

    @property
    def input(self) -> Shape:
        """See `Network.input`."""
        return self._input

    @property
    def outputs(self) -> Mapping[str, Shape]:
        """See `Network.outputs`."""
        return self._outputs

    def run(self, pictures: F32) -> Sequence[tuple[F32, ...]]:
        """See `Network.run`."""
        if self._pool is None or len(pictures) < 2:
            return [self._one(picture) for picture in pictures]
        return list(self._pool.map(self._one, pictures))

    def _one(self, picture: F32) -> tuple[F32, ...]:
        try:
            results = self._session.run(None, {self._input_name: picture[None]})
        except self._errors as error:
            raise ModelError(
                f"{self._name}: cannot run on a picture of {'x'.join(map(str, picture.shape))} ({_first_line(error)})",
                hint="correct `size` or `kind` of the model in the configuration",
            ) from error
        return tuple(np.asarray(result[0]) for result in results)


def _runtime(path: Path) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise ModelError(
            f"{path}: onnxruntime, which runs it, cannot be imported ({error})",
            hint="install it: pip install 'posebus[onnx]'",
        ) from error
    return onnxruntime


def _errors() -> tuple[type[Exception], ...]:
    """All that the runtime raises: its own errors have no base but Exception."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    own = (each for each in vars(state).values() if isinstance(each, type) and issubclass(each, Exception))
    return (*own, RuntimeError, ValueError)


def _shape(axes: Sequence[int | str | None]) -> Shape:
    return tuple(axis if isinstance(axis, int) else None for axis in axes)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
