"""PostgreSQL's binary COPY format as columns, by numpy: the other direction of `copy.pack`.

Rows of one shape (the same fields NULL, arrays of the same length) have the same bytes in the same places. The shape is
taken from the first row; as many rows as look like it are read at once. So the work is that of numpy as long as rows
of a shape stand together, and right also where they do not.
"""

from __future__ import annotations

import struct
from collections.abc import Generator, Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.core.errors import DatabaseError

Block = bytes | bytearray | memoryview
Columns = list[npt.NDArray[Any] | None]
"""Each (n,), or (n, L) of an array or of bytes; None where the rows of this piece are NULL."""

_SIGNATURE = b"PGCOPY\n\xff\r\n\x00"
_HEADER_BYTES = 19
_AHEAD = 64
"""The first look is at so many rows; it doubles while all of them have the same shape."""


def unpacked(blocks: Iterable[Block], kinds: str, at_least: int = 1 << 20) -> Iterator[Columns]:
    """The rows of a COPY ... TO STDOUT (FORMAT binary), in pieces of one shape, in their order.

    Args:
        blocks: The stream, cut anywhere.
        kinds: A letter a column: h, i, q, f, d, ? are int16, int32, int64, float32, float64 and bool; H and F are
            arrays of int16 and float32 (one dimension, no NULL within); s is bytes or text.
        at_least: Bytes that are gathered before they are read.

    Raises:
        DatabaseError: The stream is not of this form.
    """
    buffer, began = b"", False
    gathered: list[bytes] = []
    size = 0
    for block in blocks:
        gathered.append(bytes(block))
        size += len(gathered[-1])
        if size < max(at_least, _HEADER_BYTES):
            continue
        buffer, gathered, size = b"".join((buffer, *gathered)), [], 0
        if not began:
            buffer, began = _without_header(buffer), True
        position = yield from _pieces(buffer, kinds, last=False)
        buffer = buffer[position:]
    buffer = b"".join((buffer, *gathered))
    if not began:
        buffer = _without_header(buffer)
    yield from _pieces(buffer, kinds, last=True)


def _without_header(buffer: bytes) -> bytes:
    if buffer[: len(_SIGNATURE)] != _SIGNATURE:
        raise DatabaseError("the server's COPY does not begin as binary COPY does")
    (extension,) = struct.unpack_from(">i", buffer, 15)
    return buffer[_HEADER_BYTES + extension :]


def _pieces(buffer: bytes, kinds: str, *, last: bool) -> Generator[Columns, None, int]:
    """Whole rows of the buffer; returns how many bytes they took."""
    position = 0
    while (dtype := _shape(buffer, position, kinds)) is not None:
        head = np.frombuffer(buffer, dtype, 1, position)
        most = (len(buffer) - position) // dtype.itemsize
        count, look = 0, _AHEAD
        while count < most:
            rows = np.frombuffer(buffer, dtype, min(look, most - count), position + count * dtype.itemsize)
            same = _alike(rows, head)
            alike = len(rows) if same.all() else int(same.argmin())
            count += alike
            if alike < len(rows):
                break
            look *= 2
        rows = np.frombuffer(buffer, dtype, count, position)
        yield [_column(rows, i, kind) for i, kind in enumerate(kinds)]
        position += count * dtype.itemsize
    if last and buffer[position : position + 2] != b"\xff\xff":
        raise DatabaseError("the server's COPY ended in the middle of a row")
    return position


def _shape(buffer: bytes, position: int, kinds: str) -> np.dtype[np.void] | None:
    """The dtype of the row at this place, None where it is not there as a whole."""
    end = len(buffer)
    if position + 2 > end:
        return None
    (count,) = struct.unpack_from(">h", buffer, position)
    if count == -1:
        return None
    if count != len(kinds):
        raise DatabaseError(f"the server's COPY has {count} columns, expected {len(kinds)}")
    fields: list[tuple[Any, ...]] = [("fields", ">i2")]
    at = position + 2
    for i, kind in enumerate(kinds):
        if at + 4 > end:
            return None
        (length,) = struct.unpack_from(">i", buffer, at)
        fields.append((f"n{i}", ">i4"))
        at += 4
        if length < 0:
            continue
        if at + length > end:
            return None
        if kind == "s":
            fields.append((f"v{i}", "u1", (length,)))
        elif kind in _ARRAYS:
            fields += _array(buffer, at, i, kind, length)
        else:
            code = _SCALARS[kind]
            if length != np.dtype(code).itemsize:
                raise DatabaseError(f"the server's COPY has {length} bytes in column {i}, expected a {code}")
            fields.append((f"v{i}", code))
        at += length
    return np.dtype(fields)


_SCALARS = {"h": ">i2", "i": ">i4", "q": ">i8", "f": ">f4", "d": ">f8", "?": "?"}
_ARRAYS = {"H": (">i2", 2), "F": (">f4", 4)}


def _array(buffer: bytes, at: int, i: int, kind: str, length: int) -> list[tuple[Any, ...]]:
    code, size = _ARRAYS[kind]
    dimensions, has_null = struct.unpack_from(">ii", buffer, at)
    if dimensions == 0:
        return [(f"h{i}", ">i4", (3,))]
    (count,) = struct.unpack_from(">i", buffer, at + 12)
    if dimensions != 1 or has_null or length != 20 + count * (4 + size):
        raise DatabaseError(f"the server's COPY has an array of another form in column {i}")
    return [(f"h{i}", ">i4", (5,)), (f"a{i}", [("n", ">i4"), ("v", code)], (count,))]


def _alike(rows: npt.NDArray[np.void], head: npt.NDArray[np.void]) -> npt.NDArray[np.bool_]:
    """(n,) whether a row has everything but the values as the first row has it."""
    names = rows.dtype.names or ()
    same = np.ones(len(rows), np.bool_)
    for name in names:
        if name == "fields" or name[0] == "n":
            same &= rows[name] == head[name]
        elif name[0] == "h":
            same &= (rows[name] == head[name]).all(axis=1)
    return same


def _column(rows: npt.NDArray[np.void], i: int, kind: str) -> npt.NDArray[Any] | None:
    names = rows.dtype.names or ()
    if f"a{i}" in names:
        values = rows[f"a{i}"]["v"]
    elif f"v{i}" in names:
        values = rows[f"v{i}"]
    elif f"h{i}" in names:
        return np.zeros((len(rows), 0), _ARRAYS[kind][0][1:])
    else:
        return None
    return values.astype(values.dtype.newbyteorder("="))
