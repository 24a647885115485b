from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.errors import DatabaseError
from pipeline.database.copy import HEADER, TRAILER, pack
from pipeline.database.unpack import unpacked

KINDS = "qhHsFi"


def columns(n: int, k: int, with_h: bool, with_f: bool, seed: int) -> list[Any]:
    chance = np.random.default_rng(seed)
    return [
        chance.integers(-(1 << 62), 1 << 62, n),
        chance.integers(-32768, 32767, n).astype(np.int16),
        chance.integers(-32768, 32767, (n, k)).astype(np.int16) if with_h else None,
        chance.integers(0, 255, (n, k)).astype(np.uint8),
        chance.normal(size=(n, k + 1)).astype(np.float32) if with_f else None,
        chance.integers(-(1 << 31), 1 << 31, n).astype(np.int32),
    ]


def listed(pieces: list[list[Any]]) -> list[tuple[Any, ...]]:
    """All rows, each a tuple of plain values."""
    rows: list[tuple[Any, ...]] = []
    for piece in pieces:
        n = len(piece[0])
        rows += zip(*([None] * n if c is None else c.tolist() for c in piece), strict=True)
    return rows


@settings(deadline=None)
@given(
    groups=st.lists(
        st.tuples(st.integers(1, 90), st.integers(1, 5), st.booleans(), st.booleans()), min_size=0, max_size=8
    ),
    cut=st.integers(1, 3000),
    at_least=st.integers(1, 5000),
)
def test_what_was_packed_comes_out_however_shapes_change_and_the_stream_is_cut(
    groups: list[tuple[int, int, bool, bool]], cut: int, at_least: int
) -> None:
    written = [columns(n, k, h, f, seed) for seed, (n, k, h, f) in enumerate(groups)]
    stream = HEADER + b"".join(pack(piece, len(piece[0])) for piece in written) + TRAILER

    read = list(unpacked([stream[i : i + cut] for i in range(0, len(stream), cut)], KINDS, at_least))

    assert listed(read) == listed(written)


def test_rows_of_one_shape_come_as_one_piece() -> None:
    stream = HEADER + pack(columns(5000, 3, True, True, 0), 5000) + TRAILER

    assert [len(piece[0]) for piece in unpacked([stream], KINDS)] == [5000]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("stream", "said"),
    [
        (b"nothing of the kind" + TRAILER, "does not begin"),
        (HEADER + pack(columns(3, 2, True, True, 0), 3)[:-5], "ended in the middle"),
        (HEADER + pack(columns(3, 2, True, True, 0)[:4], 3) + TRAILER, "4 columns, expected 6"),
    ],
)
def test_another_stream_is_told(stream: bytes, said: str) -> None:
    with pytest.raises(DatabaseError, match=said):
        list(unpacked([stream], KINDS))
