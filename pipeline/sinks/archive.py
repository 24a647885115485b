"""An archive of records as they came: Parquet files by topic, day and camera."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

from pipeline.core.errors import ConfigError, SinkUnavailable
from pipeline.core.ports import BusRecord, TopicPartition
from pipeline.core.records import Record


class Raw(NamedTuple):
    """A record as it lay on the bus, in place of its value."""

    raw: BusRecord


class ArchiveSink:
    """Writes records into `<folder>/<topic>/date=.../camera=.../<topic id>-<first offset>.parquet`, each once.

    A file is complete when it has its name. The next offsets lie in `offsets/`, a file for each partition, written
    last: what a crash left between the two is read again, begins at the same offset and so has the same name.

    Args:
        folder: Made if missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._marks = folder / "offsets"
        _arrow()
        try:
            self._marks.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"the archive in {folder} cannot be used: {error}", hint="name another folder") from error

    def claim(self, places: frozenset[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Where to read each on."""
        found = {}
        for place in places:
            mark = self._mark(place)
            if mark.exists():
                try:
                    found[place] = int(mark.read_text())
                except (OSError, ValueError) as error:
                    raise SinkUnavailable(f"{mark} cannot be read: {error}", hint="delete it to read anew") from error
        return found

    def write(self, records: Sequence[Record[Any]], offsets: Mapping[TopicPartition, int] | None = None) -> None:
        """Records whose values are `Raw`. Raises SinkUnavailable to be called again with the same records.

        Offsets are those of `<topic>@<topic id>`.
        """
        ids = dict(place.topic.split("@", 1) for place in offsets or {})
        groups: dict[tuple[str, date, str], list[Record[Raw]]] = defaultdict(list)
        for record in records:
            day = datetime.fromtimestamp(record.stamp.captured_at_us / 1e6, UTC).date()
            groups[record.value.raw.topic, day, record.stamp.camera].append(record)
        try:
            for (topic, day, camera), own in groups.items():
                folder = self._folder / topic / f"date={day.isoformat()}" / f"camera={quote(camera, safe='')}"
                folder.mkdir(parents=True, exist_ok=True)
                _write(folder / f"{quote(ids[topic], safe='')}-{own[0].value.raw.offset:020}.parquet", own)
            for place, offset in (offsets or {}).items():
                _replace(self._mark(place), b"%d" % offset)
        except OSError as error:
            raise SinkUnavailable(
                f"the archive in {self._folder} takes nothing: {error.strerror or error}",
                hint="free some space; it goes on by itself",
                retry_after_s=5.0,
            ) from error

    def close(self) -> None:
        """Nothing is open."""

    def _mark(self, place: TopicPartition) -> Path:
        return self._marks / f"{quote(place.topic, safe='@')}-{place.partition}"


def read_archive(folder: Path, topic: str, camera: str, first_us: int, last_us: int) -> Iterator[BusRecord]:
    """Records of a camera whose event time lies in [first_us, last_us), in the order of event time.

    Raises ConfigError for a folder without records of this topic.
    """
    _, parquet = _arrow()
    days = sorted((folder / topic).glob("date=*"))
    if not days:
        raise ConfigError(f"the archive in {folder} has no records of {topic}", hint="look at archive.folder")
    for day in days:
        at_us = datetime.fromisoformat(day.name.removeprefix("date=")).replace(tzinfo=UTC).timestamp() * 1e6
        if at_us + 86400e6 <= first_us or at_us >= last_us:
            continue
        files = list((day / f"camera={quote(camera, safe='')}").glob("*.parquet"))
        for path in sorted(files, key=lambda path: _first_us(parquet, path)):
            table = parquet.read_table(path, columns=["captured_at", "offset", "value"], partitioning=None)
            times = table["captured_at"].cast("int64").to_numpy()
            for i in ((times >= first_us) & (times < last_us)).nonzero()[0]:
                yield BusRecord(topic, 0, table["offset"][i].as_py(), camera.encode(), table["value"][i].as_py())


def _first_us(parquet: Any, path: Path) -> tuple[int, str]:
    times = parquet.read_table(path, columns=["captured_at"], partitioning=None)["captured_at"].cast("int64").to_numpy()
    return int(times.min()), path.name


def archived_cameras(folder: Path, topic: str) -> list[str]:
    """Names of the cameras with records of this topic."""
    return sorted({unquote(path.name.removeprefix("camera=")) for path in (folder / topic).glob("date=*/camera=*")})


def _write(path: Path, records: Sequence[Record[Raw]]) -> None:
    arrow, parquet = _arrow()
    stamps = [record.stamp for record in records]
    table = arrow.table(
        {
            "run": arrow.array([s.run for s in stamps], arrow.int32()),
            "camera_no": arrow.array([s.camera_no for s in stamps], arrow.int16()),
            "session": arrow.array([s.session for s in stamps], arrow.int64()),
            "n": arrow.array([s.n for s in stamps], arrow.int64()),
            "seq": arrow.array([s.seq for s in stamps], arrow.int64()),
            "captured_at": arrow.array([s.captured_at_us for s in stamps], arrow.timestamp("us", tz="UTC")),
            "offset": arrow.array([record.value.raw.offset for record in records], arrow.int64()),
            "value": arrow.array([record.value.raw.value for record in records], arrow.binary()),
        }
    )
    draft = path.with_suffix(".draft")
    parquet.write_table(table, draft, compression="zstd")
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.replace(path)


def _replace(path: Path, content: bytes) -> None:
    draft = path.with_suffix(".draft")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _mark(place: TopicPartition) -> str:
    return f"{place.topic}/{place.partition}"


def _arrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet as parquet
    except ImportError as error:
        raise ConfigError(
            "the archive needs a package that is not installed", hint="pip install 'posebus[parquet]'"
        ) from error
    return pyarrow, parquet
