"""CSV with a row a keypoint, the columns of the view `keypoints`."""

from __future__ import annotations

import csv
import io
from functools import lru_cache
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from pipeline.core.skeletons import SKELETONS
from pipeline.core.tables import PoseTable
from pipeline.core.types import F32
from pipeline.exchange.writer import WriterOptions

HEADER = (
    *("ts", "camera", "track_id", "run", "session", "frame_no", "keypoint"),
    *("x", "y", "z", "score", "world_x", "world_y", "world_z", "flags"),
)


class KeypointCsv:
    """Empty = unknown. Numbers have the shortest decimals that give the same number again."""

    def __init__(self, out: BinaryIO, _: BinaryIO, __: WriterOptions) -> None:
        self._out = out
        self._rows = 0
        out.write((",".join(HEADER) + "\n").encode())

    def write(self, table: PoseTable) -> None:
        """Add these poses."""
        n, k = table.keypoint_score.shape
        if n == 0:
            return
        names = [f",{name}," for name in SKELETONS[table.skeleton].keypoints]
        camera = _quoted(table.camera)
        times = np.datetime_as_string(table.at_us.astype("datetime64[us]"), unit="us").tolist()
        ids = zip(*(column.tolist() for column in (table.track_id, table.run, table.session, table.seq)), strict=True)
        heads = [
            f"{at}Z,{camera},{track},{run},{session},{seq}"
            for at, (track, run, session, seq) in zip(times, ids, strict=True)
        ]
        lead = [head + name for head in heads for name in names]
        world = table.world if table.world.shape[1] else np.full((n, k, 3), np.nan, np.float32)
        columns = [
            *(_texts(table.keypoints[:, :, i], 8) for i in range(3)),
            _texts(table.keypoint_score, 1000),
            *(_texts(world[:, :, i], 1000) for i in range(3)),
            _BYTES[table.flags.ravel()].tolist(),
        ]
        columns[0] = list(map(str.__add__, lead, columns[0]))
        self._out.write(("\n".join(map(",".join, zip(*columns, strict=True))) + "\n").encode())
        self._rows += n * k

    def finish(self) -> int:
        """The number of rows."""
        return self._rows

    def abandon(self) -> None:
        """There is nothing to let go of."""


_BYTES = np.array([str(i) for i in range(256)], dtype=object)


def _texts(values: F32, units: int) -> list[str]:
    """Numbers as text. Those that are multiples of 1/units, as all of the history are, are looked up, not written."""
    flat = np.ascontiguousarray(values).ravel()
    scaled = flat * np.float32(units)
    number = np.rint(scaled)
    unknown = np.isnan(flat)
    number[unknown] = 0
    small = np.abs(number) <= _MOST
    index = np.where(small, number, 0).astype(np.int64)
    texts = _table_of(units)[index + _MOST]
    texts[unknown] = ""
    odd = ~unknown & (~small | (index.astype(np.float32) / np.float32(units) != flat))
    if odd.any():
        texts[odd] = [str(value) for value in flat[odd]]
    result: list[str] = texts.tolist()
    return result


_MOST = 32_768


@lru_cache(maxsize=4)
def _table_of(units: int) -> npt.NDArray[np.object_]:
    numbers = np.arange(-_MOST, _MOST + 1).astype(np.float32) / np.float32(units)
    return np.array([np.format_float_positional(number, trim="-") for number in numbers], dtype=object)


def _quoted(text: str) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow([text])
    return line.getvalue()
