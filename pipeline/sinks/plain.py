"""Records as plain dicts, lists and numbers, fit for JSON."""

from __future__ import annotations

import math
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any
from uuid import UUID

import numpy as np

from pipeline.core.records import Record
from pipeline.core.values import Image

_DECIMALS = 4  # more than the units of storage need
_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")


def kind_of(value: object) -> str:
    """Name of the value's class in lower case, such as `motions` or `dead_letter`."""
    return _CAPITAL.sub("_", type(value).__name__).lower()


def plain_record(record: Record[Any]) -> dict[str, Any]:
    """Kind, stamp and value; unknown numbers are null, bytes are base64, pixels are left out."""
    return {"kind": kind_of(record.value), **plain(record.stamp), "value": plain(record.value)}


def plain(value: Any) -> Any:
    """The value as JSON has it. Float32 numbers keep their shortest decimals: reading them gives the same float32."""
    if isinstance(value, np.ndarray):
        return _plain_array(value)
    if isinstance(value, Image):
        return {"width": value.width, "height": value.height, "encoding": value.encoding, "nbytes": value.nbytes}
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(content) for key, content in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, UUID):
        return str(value)
    return value


def _plain_array(array: np.ndarray[Any, np.dtype[Any]]) -> Any:
    if array.dtype.kind != "f":
        return array.tolist()
    known = np.isfinite(array)
    decimal = np.round(array.astype(np.float64), _DECIMALS)
    exact = decimal.astype(array.dtype) == array
    if not (exact | ~known).all():
        # numpy writes the shortest decimals that a number of its type needs
        decimal = np.array([float(str(number)) for number in array.ravel()]).reshape(array.shape)
    numbers = decimal.astype(object)
    numbers[~known] = None
    return numbers.tolist()
