from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from psycopg import pq
from psycopg.adapt import PyFormat, Transformer

from pipeline.database.copy import Column, pack

OIDS = {"i2": 21, "i4": 23, "i8": 20, "f4": 700, "f8": 701}
ARRAY_OIDS = {"i2": 1005, "f4": 1021}
TEXT, BYTEA = 25, 17


def dumped(columns: Sequence[Column], n: int) -> bytes:
    """The rows as psycopg's own dumpers write them."""
    oids = [_oid(column) for column in columns]
    result = b""
    for i in range(n):
        transformer = Transformer()
        transformer.set_dumper_types(oids, pq.Format.BINARY)
        values = [_value(column, i) for column in columns]
        result += struct.pack(">h", len(values))
        for content in transformer.dump_sequence(values, [PyFormat.BINARY] * len(values)):
            result += struct.pack(">i", -1) if content is None else struct.pack(">i", len(content)) + bytes(content)
    return result


def _oid(column: Column) -> int:
    if column is None or isinstance(column, str):
        return TEXT
    if column.dtype == np.uint8:
        return BYTEA
    return (OIDS if column.ndim == 1 else ARRAY_OIDS)[column.dtype.str[1:]]


def _value(column: Column, i: int) -> Any:
    if column is None or isinstance(column, str):
        return column
    return column[i].tobytes() if column.dtype == np.uint8 else column[i].tolist()


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[Column], int]:
    n = draw(st.integers(0, 4))
    column = st.one_of(
        st.none(),
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8),
        st.sampled_from([np.int16, np.int32, np.int64, np.float32, np.float64]).flatmap(lambda d: arrays.arrays(d, n)),
        st.tuples(st.sampled_from([np.int16, np.float32, np.uint8]), st.integers(1, 5)).flatmap(
            lambda drawn: arrays.arrays(drawn[0], (n, drawn[1]))
        ),
    )
    return draw(st.lists(column, min_size=1, max_size=6)), n


@given(tables())
@settings(max_examples=150, deadline=None)
def test_packed_rows_are_what_psycopg_would_write(table: tuple[list[Column], int]) -> None:
    columns, n = table

    assert pack(columns, n) == dumped(columns, n)


def test_arrays_that_are_not_contiguous_are_packed_by_value() -> None:
    grid = np.arange(24, dtype=np.int16).reshape(4, 6)

    assert pack([grid[::2, ::3]], 2) == dumped([grid[::2, ::3].copy()], 2)


def test_a_column_without_a_type_of_the_database_is_refused() -> None:
    with pytest.raises(TypeError, match="no column of uint16"):
        pack([np.zeros(2, np.uint16)], 2)
