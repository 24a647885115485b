"""Apache Parquet: one row a pose with arrays, or one row a keypoint; and our own files back as poses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from pipeline.core.errors import ConfigError, SourceError
from pipeline.core.skeletons import SKELETONS
from pipeline.core.tables import PoseTable
from pipeline.core.values import DOUBTFUL, FILLED
from pipeline.core.vocabulary import ANGLES, POSTURES
from pipeline.exchange.people import Read, unheard
from pipeline.exchange.writer import WriterOptions

VERSION = 1
_META = b"posebus"
_GROUP_POSES = 32_768
"""Poses of a row group: about 30 MB in memory."""

_INTS = ("track_id", "run", "session", "frame_no", "width", "height")
_POINTS = ("x", "y", "z", "keypoint_score", "world_x", "world_y", "world_z")


def pyarrow() -> Any:
    """The package, or a ConfigError that tells how to get it."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as _  # noqa: F401  a build without Parquet is of no use here
    except ImportError:
        raise ConfigError(
            "Parquet needs the package pyarrow, which is not installed", hint="pip install 'posebus[parquet]'"
        ) from None
    return pa


class ParquetPoses:
    """One row a pose. Keypoints are arrays in the order of the skeleton, which the metadata name; NaN = unknown."""

    def __init__(self, out: BinaryIO, _: BinaryIO, __: WriterOptions) -> None:
        self._pa = pyarrow()
        self._file = _Groups(self._pa, out, pose_schema(self._pa))

    def write(self, table: PoseTable) -> None:
        """Add these poses."""
        self._file.add(_pose_batch(self._pa, table), len(table))

    def finish(self) -> int:
        """Write what is left; the number of poses."""
        return self._file.finish()

    def abandon(self) -> None:
        """Let go of the file, which is not to be kept."""
        self._file.close()


class ParquetKeypoints:
    """One row a keypoint, the columns of the view `keypoints`; NULL = unknown."""

    def __init__(self, out: BinaryIO, _: BinaryIO, __: WriterOptions) -> None:
        self._pa = pyarrow()
        self._file = _Groups(self._pa, out, keypoint_schema(self._pa))

    def write(self, table: PoseTable) -> None:
        """Add these poses."""
        self._file.add(_keypoint_batch(self._pa, table), len(table))

    def finish(self) -> int:
        """Write what is left; the number of rows."""
        return self._file.finish()

    def abandon(self) -> None:
        """Let go of the file, which is not to be kept."""
        self._file.close()


class _Groups:
    """Batches gathered into row groups."""

    def __init__(self, pa: Any, out: BinaryIO, schema: Any) -> None:
        self._pa = pa
        self._schema = schema
        self._writer = pa.parquet.ParquetWriter(out, schema, compression="zstd")
        self._batches: list[Any] = []
        self._poses = 0
        self._rows = 0

    def add(self, batch: Any, poses: int) -> None:
        self._batches.append(batch)
        self._poses += poses
        self._rows += batch.num_rows
        if self._poses >= _GROUP_POSES:
            self._flush()

    def finish(self) -> int:
        self._flush()
        self._writer.close()
        return self._rows

    def close(self) -> None:
        # Otherwise the writer would end the file when it is collected, long after the file was closed.
        with suppress(OSError):
            self._writer.close()

    def _flush(self) -> None:
        if self._batches:
            table = self._pa.Table.from_batches(self._batches, self._schema).unify_dictionaries()
            self._writer.write_table(table, row_group_size=max(table.num_rows, 1))
        self._batches, self._poses = [], 0


def pose_schema(pa: Any) -> Any:
    """Columns of the form with a row a pose."""
    floats, word = pa.list_(pa.float32()), pa.dictionary(pa.int32(), pa.string())
    fields: list[tuple[str, Any]] = [
        ("ts", pa.timestamp("us", "UTC")),
        ("camera", word),
        *((name, pa.int64() if name == "track_id" else pa.int32()) for name in _INTS),
        ("skeleton", word),
        *((name, pa.float32()) for name in ("x1", "y1", "x2", "y2", "score")),
        *((name, floats) for name in _POINTS),
        ("flags", pa.list_(pa.uint8())),
        ("posture", word),
        ("angles", floats),
    ]
    about = {
        "version": VERSION,
        "units": "x, y, z and the box in pixels, world_* in metres, angles in degrees, scores in [0, 1]",
        "flags": {"filled": FILLED, "doubtful": DOUBTFUL},
        "keypoints": {name: skeleton.keypoints for name, skeleton in SKELETONS.items()},
        "angles": [angle.name for angle in ANGLES],
    }
    return pa.schema(fields, metadata={_META: json.dumps(about).encode()})


def keypoint_schema(pa: Any) -> Any:
    """Columns of the form with a row a keypoint."""
    word = pa.dictionary(pa.int32(), pa.string())
    return pa.schema(
        [
            ("ts", pa.timestamp("us", "UTC")),
            ("camera", word),
            *((name, pa.int64() if name == "track_id" else pa.int32()) for name in _INTS[:4]),
            ("keypoint", word),
            *((name, pa.float32()) for name in ("x", "y", "z", "score", "world_x", "world_y", "world_z")),
            ("flags", pa.uint8()),
        ]
    )


def _pose_batch(pa: Any, table: PoseTable) -> Any:
    n = len(table)
    world = [table.world[:, :, i] if table.world.shape[1] else None for i in range(3)]
    z = table.keypoints[:, :, 2]
    points = (table.keypoints[:, :, 0], table.keypoints[:, :, 1], z, table.keypoint_score, *world)
    columns = [
        pa.array(table.at_us, pa.timestamp("us", "UTC")),
        _word(pa, np.zeros(n, np.int32), (table.camera,)),
        *(pa.array(column, kind) for column, kind in zip(_ints(table), _int_types(pa, len(_INTS)), strict=True)),
        _word(pa, np.zeros(n, np.int32), (table.skeleton,)),
        *(pa.array(np.ascontiguousarray(table.xyxy[:, i])) for i in range(4)),
        pa.array(table.score),
        *(_lists(pa, values, n) for values in points),
        _lists(pa, table.flags, n),
        _word(pa, table.posture.astype(np.int32), POSTURES),
        _lists(pa, table.angles, n),
    ]
    return pa.record_batch(columns, schema=pose_schema(pa))


def _keypoint_batch(pa: Any, table: PoseTable) -> Any:
    n, k = table.keypoint_score.shape
    unknown = np.full((n, k, 3), np.nan, np.float32)
    world = table.world if table.world.shape[1] else unknown
    floats = (*np.moveaxis(table.keypoints, 2, 0), table.keypoint_score, *np.moveaxis(world, 2, 0))
    columns = [
        pa.array(np.repeat(table.at_us, k), pa.timestamp("us", "UTC")),
        _word(pa, np.zeros(n * k, np.int32), (table.camera,)),
        *(pa.array(np.repeat(c, k), kind) for c, kind in zip(_ints(table), _int_types(pa, 4), strict=False)),
        _word(pa, np.tile(np.arange(k, dtype=np.int32), n), SKELETONS[table.skeleton].keypoints),
        *(pa.array(values.ravel(), from_pandas=True) for values in floats),
        pa.array(table.flags.ravel()),
    ]
    return pa.record_batch(columns, schema=keypoint_schema(pa))


def _ints(table: PoseTable) -> tuple[npt.NDArray[Any], ...]:
    small = (column.astype(np.int32) for column in (table.run, table.session, table.seq, table.width, table.height))
    return (table.track_id, *small)


def _int_types(pa: Any, count: int) -> list[Any]:
    return [pa.int64(), *[pa.int32()] * (count - 1)]


def _word(pa: Any, numbers: npt.NDArray[Any], words: tuple[str, ...]) -> Any:
    return pa.DictionaryArray.from_arrays(pa.array(numbers), pa.array(words, pa.string()))


def _lists(pa: Any, values: npt.NDArray[Any] | None, n: int) -> Any:
    """(n, K) as a column of lists; None, or floats that are all unknown in a row, are NULL."""
    if values is None:
        return pa.nulls(n, pa.list_(pa.float32()))
    k = values.shape[1]
    offsets = pa.array(np.arange(n + 1, dtype=np.int32) * k)
    mask = None
    if values.dtype.kind == "f" and k:
        nothing = np.isnan(values).all(axis=1)
        mask = pa.array(nothing) if nothing.any() else None
    return pa.ListArray.from_arrays(offsets, pa.array(np.ascontiguousarray(values).ravel()), mask=mask)


def read_parquet(path: Path, read: Read = unheard) -> Iterator[PoseTable]:
    """The poses of a file that `ParquetPoses` wrote, a row group at a time, split by camera and skeleton.

    Args:
        path: Of the file.
        read: Told how many bytes of the file are behind them, as if all row groups were of one length.

    Raises:
        SourceError: It is not such a file.
    """
    pa = pyarrow()
    try:
        file = pa.parquet.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise SourceError(f"{path} cannot be read as Parquet: {_sentence(error)}") from error
    with file:
        missing = [name for name in pose_schema(pa).names if name not in file.schema_arrow.names]
        about = json.loads((file.schema_arrow.metadata or {}).get(_META, b"{}"))
        if missing or about.get("version") != VERSION:
            why = f"it has no column {missing[0]}" if missing else f"its version is {about.get('version')}"
            raise SourceError(
                f"{path} is no file of poses that posebus export wrote: {why}",
                hint="posebus export --format parquet, without --long, writes what can be read back",
            )
        try:
            for i in range(file.num_row_groups):
                yield from _tables(path, file.read_row_group(i), about)
                read(path.stat().st_size * (i + 1) // file.num_row_groups)
        except (pa.ArrowException, OSError) as error:
            raise SourceError(f"{path} breaks in row group {i}: {_sentence(error)}") from error


def _tables(path: Path, group: Any, about: dict[str, Any]) -> Iterator[PoseTable]:
    """Pieces of one camera and skeleton, in the order of the file."""
    camera = np.asarray(group["camera"].cast("string").to_pylist(), dtype=object)
    skeleton = np.asarray(group["skeleton"].cast("string").to_pylist(), dtype=object)
    no_world = np.asarray(group["world_x"].is_null())
    if not len(camera):
        return
    change = (camera[1:] != camera[:-1]) | (skeleton[1:] != skeleton[:-1]) | (no_world[1:] != no_world[:-1])
    edges = [0, *(np.flatnonzero(change) + 1).tolist(), len(camera)]
    for first, last in pairwise(edges):
        name = skeleton[first]
        if name not in SKELETONS or tuple(about["keypoints"].get(name, ())) != SKELETONS[name].keypoints:
            raise SourceError(f"{path}: this posebus does not know its skeleton {name}")
        yield _table(str(camera[first]), name, not no_world[first], group.slice(first, last - first), about)


def _table(camera: str, skeleton: str, has_world: bool, rows: Any, about: dict[str, Any]) -> PoseTable:
    k, n = len(SKELETONS[skeleton]), rows.num_rows
    points = {name: _matrix(rows[name], k) for name in _POINTS}
    ints = {name: rows[name].to_numpy().astype(np.int64) for name in _INTS}
    stored = _matrix(rows["angles"], len(about["angles"]))
    angles = np.full((n, len(ANGLES)), np.nan, np.float32)
    for i, angle in enumerate(ANGLES):
        if angle.name in about["angles"]:
            angles[:, i] = stored[:, about["angles"].index(angle.name)]
    postures = {word: i for i, word in enumerate(POSTURES)}
    world = np.stack([points[f"world_{axis}"] for axis in "xyz"], axis=2)
    return PoseTable(
        camera=camera,
        skeleton=skeleton,
        at_us=rows["ts"].cast("int64").to_numpy(),
        **{name: ints[name] for name in ("track_id", "run", "session", "width", "height")},
        seq=ints["frame_no"],
        xyxy=np.stack([rows[name].to_numpy() for name in ("x1", "y1", "x2", "y2")], axis=1),
        score=rows["score"].to_numpy(),
        keypoints=np.stack([points["x"], points["y"], points["z"]], axis=2),
        keypoint_score=points["keypoint_score"],
        world=world if has_world else np.zeros((n, 0, 3), np.float32),
        flags=_matrix(rows["flags"], k, np.uint8),
        posture=np.array([postures.get(word, 0) for word in rows["posture"].to_pylist()], np.uint8),
        angles=angles,
    )


def _matrix(column: Any, width: int, kind: type[np.generic] = np.float32) -> Any:
    """(n, width) of a column of lists; NULL is NaN."""
    column = column.combine_chunks()
    known = ~np.asarray(column.is_null())
    result = np.full((len(column), width), np.nan if kind is np.float32 else 0, kind)
    values = column.flatten().to_numpy(zero_copy_only=False)
    if values.size != int(known.sum()) * width:
        raise SourceError(f"lists of {values.size} numbers, expected {int(known.sum())} of {width}")
    result[known] = values.reshape(-1, width)
    return result


def _sentence(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
