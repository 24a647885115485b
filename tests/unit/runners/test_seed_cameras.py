from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.bus.memory import MemoryBus
from pipeline.camera_registry import add_cameras, seed_cameras
from pipeline.cameras import SECRET_KEY, sealed
from pipeline.cameras.sealing import new_key
from pipeline.core.cameras import CameraSpec
from pipeline.topics import CAMERAS, PARTITIONS
from pipeline.topology import kafka_topics

GYM = CameraSpec("gym", 1, "rtsp://gym/1", mode="live", user="viewer")


@pytest.fixture
def bus() -> MemoryBus:
    bus = MemoryBus()
    bus.ensure(kafka_topics())
    return bus


def written(bus: MemoryBus) -> int:
    return len(list(bus.read(CAMERAS, frozenset(range(PARTITIONS)))))


def test_what_is_there_just_so_is_not_written_again(bus: MemoryBus, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = {SECRET_KEY: new_key()}
    monkeypatch.setenv(SECRET_KEY, environment[SECRET_KEY])
    for _ in range(3):
        seed_cameras(bus, [replace(GYM, password=sealed("secret", environment))], "up")
    assert written(bus) == 1

    seed_cameras(bus, [replace(GYM, password=sealed("another", environment))], "up")
    seed_cameras(bus, [replace(GYM, password=sealed("another", environment), fps=5.0)], "up")

    assert written(bus) == 3


def test_a_paused_camera_stays_paused(bus: MemoryBus) -> None:
    add_cameras(bus, [replace(GYM, paused=True)], "camera")

    seed_cameras(bus, [GYM], "up")

    assert written(bus) == 1
