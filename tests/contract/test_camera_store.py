"""Registries of cameras: what the database and a compacted topic have to do alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from pipeline.bus.memory import MemoryBus
from pipeline.cameras import CameraStore
from pipeline.cameras.topic import CameraTopic
from pipeline.codec.schemas import SchemaBook
from pipeline.codec.states import AvroStateCodec
from pipeline.core.cameras import CameraSpec, CameraStatus
from pipeline.core.ports import TopicSpec
from pipeline.database import open_database

AT = 1_800_000_000_000_000


@pytest.fixture(params=["database", "topic"])
def store(request: pytest.FixtureRequest) -> Iterator[CameraStore]:
    if request.param == "database":
        with open_database(request.getfixturevalue("dsn"), Path("unused")) as database:
            yield database.cameras()
        return
    bus, numbers, known = MemoryBus(), count(1), dict[str, int]()
    bus.ensure([TopicSpec("cameras", 4, compacted=True), TopicSpec("camera-status", 4, compacted=True)])
    book = SchemaBook()

    def number(name: str) -> int:
        return known[name] if name in known else known.setdefault(name, next(numbers))

    yield CameraTopic(
        bus,
        AvroStateCodec(book, "camera", CameraSpec),
        AvroStateCodec(book, "camera_status", CameraStatus),
        topic="cameras",
        status_topic="camera-status",
        partitions=4,
        number=number,
    )
    bus.close()


def spec(store: CameraStore, name: str) -> CameraSpec:
    return CameraSpec(
        name,
        store.camera_no(name),
        "rtsp://host/x",
        mode="live",
        fps=12.5,
        transport="udp",
        user="viewer",
        password="${env:CAMERA}",
        deadline_ms=300,
        weight=2.0,
        zones="/z.yaml",
        rules="/r.yaml",
    )


def status(of: CameraSpec, state: str, at_s: float, reason: str = "", age_ms: int | None = None) -> CameraStatus:
    return CameraStatus(of.name, of.camera_no, AT + round(at_s * 1e6), state, reason, 12.5, age_ms, 1)


def test_cameras_are_as_they_were_last_put(store: CameraStore) -> None:
    hall, door = spec(store, "hall"), replace(spec(store, "door"), paused=True, password="")
    store.put(hall)
    store.put(door)
    assert list(store.cameras()) == [door, hall]

    store.put(replace(hall, fps=5.0, paused=True))
    assert list(store.cameras()) == [door, replace(hall, fps=5.0, paused=True)]


def test_a_removed_camera_keeps_its_number(store: CameraStore) -> None:
    hall = spec(store, "hall")
    store.put(hall)

    assert store.remove("hall")
    assert not store.remove("hall")
    assert list(store.cameras()) == []
    assert store.camera_no("hall") == hall.camera_no


def test_the_last_status_of_each_camera_is_kept(store: CameraStore) -> None:
    hall, door = spec(store, "hall"), spec(store, "door")
    last = status(hall, "waiting", 3, "gone", 2000)
    store.note([status(hall, "connecting", 0), status(hall, "live", 1, age_ms=5), status(door, "live", 2, age_ms=0)])
    store.note([last])

    with_error = replace(last, error="gone", error_us=last.at_us)
    assert list(store.statuses()) == [status(door, "live", 2, age_ms=0), with_error]


def test_a_camera_that_is_live_again_still_tells_what_was_wrong_last(store: CameraStore) -> None:
    hall = spec(store, "hall")
    for state, at_s, reason in (
        ("failed", 1, "no such path"),
        ("live", 2, ""),
        ("waiting", 3, "gone"),
        ("live", 5, ""),
    ):
        store.note([status(hall, state, at_s, reason)])
    store.note([status(hall, "live", 7)])

    (found,) = store.statuses()

    assert (found.state, found.reason) == ("live", "")
    assert (found.error, found.error_us) == ("gone", AT + 3_000_000)
