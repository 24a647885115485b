"""Rows as PostgreSQL's binary COPY format, packed by numpy: one structured dtype a shape of row, no loop over rows.

https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-FILE-FORMATS: a row is the int16 number of fields, then
each field as an int32 length (-1 = NULL) and its bytes, big-endian. An array is its int32 number of dimensions, int32
has-NULL flag, int32 type of element, then length and lower bound of the dimension, then each element like a field.
psycopg's own dumper of Python lists costs several times as much.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

Column = npt.NDArray[Any] | str | None
"""One column of n rows.

An (n,) array of int16, int32, int64, float32 or float64: smallint, int, bigint, real or double precision. (n, K) int16
or float32: arrays smallint[] or real[]; K > 0. (n, K) uint8: bytea. A str: the same text in each row. None: NULL.
"""

HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
TRAILER = b"\xff\xff"
PG_EPOCH_US = 946_684_800_000_000
"""2000-01-01 in microseconds since 1970: a timestamptz is the int64 of microseconds since then."""

_OIDS = {"i2": 21, "f4": 700}
_Layout = tuple[tuple[str, int], ...]


def pack(columns: Sequence[Column], n: int) -> bytes:
    """`n` rows of these columns, without header and trailer, so that pieces can be joined."""
    dtype, head = _template(tuple(_kind(column) for column in columns))
    rows = np.empty(n, dtype)
    rows[:] = head
    for i, column in enumerate(columns):
        if isinstance(column, np.ndarray):
            field = rows[f"v{i}"]
            if column.ndim == 2 and column.dtype != np.uint8:
                field = field["v"]
            field[...] = column
    return rows.tobytes()


def _kind(column: Column) -> tuple[str, int]:
    """What a column looks like: the code of its element, and K of an array, 0 of a scalar, -1 of NULL."""
    if column is None:
        return "null", -1
    if isinstance(column, str):
        return f"text:{column}", 0
    code = column.dtype.str[1:]
    if column.ndim == 1 and code in ("i2", "i4", "i8", "f4", "f8"):
        return code, 0
    if column.ndim == 2 and column.shape[1] > 0 and code in ("i2", "f4", "u1"):
        return code, column.shape[1]
    raise TypeError(f"no column of {column.dtype} {column.shape}")


@lru_cache(maxsize=256)
def _template(layout: _Layout) -> tuple[np.dtype[np.void], npt.NDArray[np.void]]:
    """The dtype of a row of this layout, and one row with all that is the same in every row."""
    fields: list[tuple[Any, ...]] = [("fields", ">i2")]
    constants: dict[str, Any] = {"fields": len(layout)}
    for i, (code, k) in enumerate(layout):
        fields.append((f"n{i}", ">i4"))
        if code == "null":
            constants[f"n{i}"] = -1
        elif code.startswith("text:"):
            text = code.removeprefix("text:").encode()
            constants[f"n{i}"] = len(text)
            if text:
                fields.append((f"v{i}", f"V{len(text)}"))
                constants[f"v{i}"] = np.void(text)
        elif k == 0:
            fields.append((f"v{i}", f">{code}"))
            constants[f"n{i}"] = int(code[1])
        elif code == "u1":
            fields.append((f"v{i}", "u1", (k,)))
            constants[f"n{i}"] = k
        else:
            size = int(code[1])
            fields += [(f"h{i}", ">i4", (5,)), (f"v{i}", [("n", ">i4"), ("v", f">{code}")], (k,))]
            constants[f"n{i}"] = 20 + k * (4 + size)
            constants[f"h{i}"] = (1, 0, _OIDS[code], k, 1)
    dtype = np.dtype(fields)
    head = np.zeros((), dtype)
    for name, value in constants.items():
        head[name] = value
    for i, (code, k) in enumerate(layout):
        if k > 0 and code != "u1":
            head[f"v{i}"]["n"] = int(code[1])
    return dtype, head
