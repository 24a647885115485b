from __future__ import annotations

import os
from collections.abc import Callable
from itertools import count
from pathlib import Path

import duckdb
import pytest

from pipeline.bus.memory import MemoryBus
from pipeline.core.errors import ConfigError, SinkUnavailable
from pipeline.core.ports import BusRecord, Outgoing, TopicSpec
from pipeline.core.records import Record
from pipeline.runners.worker.sink import SinkWorker
from pipeline.sinks.archive import ArchiveSink, Raw, archived_cameras, read_archive
from tests.fakes import PARTITIONS, POSES, on_bus
from tests.samples import poses

HOUR_US = 3_600_000_000
START_US = 1_767_258_000_000_000 + 10 * HOUR_US  # 19:00 UTC: five hours later another day begins
ALWAYS = (0, 2**62)


@pytest.fixture
def bus() -> MemoryBus:
    return full(MemoryBus(), range(20))


def full(bus: MemoryBus, numbers: range) -> MemoryBus:
    bus.ensure([TopicSpec("poses", PARTITIONS)])
    producer = bus.producer("pose")
    for n in numbers:
        for camera, number in (("gym", 1), ("ward/3", 2)):
            raw = on_bus(poses(1, seed=n), n, camera=camera, camera_no=number, at_us=START_US + n * HOUR_US)
            producer.send(Outgoing(raw.topic, raw.partition, raw.key, raw.value))
    producer.flush(1)
    return bus


def keep(bus: MemoryBus, sink: ArchiveSink, *, client: str = "archive", most: int = 7) -> None:
    clock = count()
    worker = SinkWorker(
        {"poses": POSES},
        bus.consumer(client, "posebus-archive", ["poses"]),
        sink,
        topic_id=bus.topic_id,
        clock=lambda: float(next(clock)),
        linger_s=1e9,
        max_records=most,
        written=lambda record, raw: Record(record.stamp, Raw(raw)),
    )
    idle = 0
    while idle < 3:
        idle = 0 if worker.step(0) else idle + 1
    worker.close()


def found(folder: Path, camera: str, times: tuple[int, int] = ALWAYS) -> list[BusRecord]:
    return list(read_archive(folder, "poses", camera, *times))


def sent(bus: MemoryBus, camera: str) -> list[bytes | None]:
    return [r.value for r in bus.read("poses", frozenset(range(PARTITIONS))) if r.key == camera.encode()]


def test_what_is_kept_is_read_back_byte_by_byte_over_days(bus: MemoryBus, tmp_path: Path) -> None:
    keep(bus, ArchiveSink(tmp_path))

    assert archived_cameras(tmp_path, "poses") == ["gym", "ward/3"]
    for camera in ("gym", "ward/3"):
        assert [r.value for r in found(tmp_path, camera)] == sent(bus, camera)
    assert len(list((tmp_path / "poses").glob("date=*"))) == 2


def test_times_are_half_open(bus: MemoryBus, tmp_path: Path) -> None:
    keep(bus, ArchiveSink(tmp_path))

    some = found(tmp_path, "gym", (START_US + 3 * HOUR_US, START_US + 9 * HOUR_US))

    stamps = [POSES.decode(r.value or b"").stamp for r in some]
    assert [(s.captured_at_us - START_US) // HOUR_US for s in stamps] == [3, 4, 5, 6, 7, 8]


class Crash(BaseException):
    pass


@pytest.mark.parametrize("nth", range(1, 6))
def test_a_crash_between_files_and_offsets_leaves_each_record_once(
    nth: int, bus: MemoryBus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = count(1)
    replace: Callable[[Path, Path], Path] = Path.replace

    def dies(self: Path, target: Path) -> Path:
        if next(calls) == nth * 2:
            raise Crash
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", dies)
    with pytest.raises(Crash):
        keep(bus, ArchiveSink(tmp_path), client="first")
    monkeypatch.undo()
    bus.expire("first")

    keep(bus, ArchiveSink(tmp_path), client="second", most=11)

    for camera in ("gym", "ward/3"):
        assert [r.value for r in found(tmp_path, camera)] == sent(bus, camera)


def test_a_topic_made_anew_does_not_overwrite_what_is_kept(bus: MemoryBus, tmp_path: Path) -> None:
    keep(bus, ArchiveSink(tmp_path))
    before = sent(bus, "gym")
    bus.delete("poses")
    full(bus, range(20, 25))

    keep(bus, ArchiveSink(tmp_path))

    assert [r.value for r in found(tmp_path, "gym")] == before + sent(bus, "gym")


def test_another_program_reads_the_files(bus: MemoryBus, tmp_path: Path) -> None:
    keep(bus, ArchiveSink(tmp_path))

    rows = duckdb.sql(
        f"SELECT camera, count(*), min(seq), max(octet_length(value)) > 0 FROM "
        f"read_parquet('{tmp_path}/poses/**/*.parquet', hive_partitioning = true) GROUP BY 1 ORDER BY 1"
    ).fetchall()

    assert rows == [("gym", 20, 0, True), ("ward/3", 20, 0, True)]


def test_a_full_disk_is_waited_for(bus: MemoryBus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sink = ArchiveSink(tmp_path)

    def full_disk(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("pipeline.sinks.archive._write", full_disk)
    with pytest.raises(SinkUnavailable, match="No space left"):
        keep(bus, sink)


def test_a_folder_without_records_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has no records of poses"):
        found(tmp_path, "gym")
