"""The registry of cameras on a bus: a compacted topic."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace

from pipeline.cameras import reveal
from pipeline.cameras.topic import CameraTopic
from pipeline.codec.schemas import SchemaBook
from pipeline.codec.states import AvroStateCodec
from pipeline.core.cameras import CameraSpec, CameraStatus
from pipeline.core.errors import ConfigError
from pipeline.core.ports import Bus, Outgoing
from pipeline.topics import CAMERA_STATUS, CAMERAS, PARTITIONS

_FLUSH_S = 30.0


def camera_topic(bus: Bus, client: str, number: Callable[[str], int] = lambda _: 0) -> CameraTopic:
    """The registry of cameras on a bus; `number` issues the numbers of new ones."""
    book = SchemaBook()
    return CameraTopic(
        bus,
        AvroStateCodec(book, "camera", CameraSpec),
        AvroStateCodec(book, "camera_status", CameraStatus),
        topic=CAMERAS,
        status_topic=CAMERA_STATUS,
        partitions=PARTITIONS,
        number=number,
        client=client,
    )


def add_cameras(bus: Bus, specs: Sequence[CameraSpec], client: str) -> None:
    """Put cameras into the registry's topic, in place of what it said of them. Raises BusUnavailable."""
    codec = AvroStateCodec(SchemaBook(), "camera", CameraSpec)
    producer = bus.producer(client)
    for spec in specs:
        producer.send(Outgoing(CAMERAS, spec.camera_no % PARTITIONS, spec.name.encode(), codec.encode(spec)))
    producer.flush(_FLUSH_S)
    producer.close()


def seed_cameras(bus: Bus, specs: Sequence[CameraSpec], client: str) -> None:
    """Put the cameras of a configuration into the registry's topic. Raises BusUnavailable, StateError.

    A camera that is there just so stays untouched, so that its reader goes on; one that was paused stays paused.
    """
    codec = AvroStateCodec(SchemaBook(), "camera", CameraSpec)
    known: dict[bytes, CameraSpec | None] = {}
    for raw in bus.read(CAMERAS, frozenset(spec.camera_no % PARTITIONS for spec in specs)):
        known[raw.key] = None if raw.value is None else codec.decode(raw.value)
    new = []
    for spec in specs:
        before = known.get(spec.name.encode())
        wanted = spec if before is None else replace(spec, paused=before.paused)
        if before is None or not _alike(before, wanted):
            new.append(wanted)
    add_cameras(bus, new, client)


def _alike(one: CameraSpec, other: CameraSpec) -> bool:
    """Whether they mean the same: a password that is sealed again looks otherwise each time."""
    if replace(one, password="") != replace(other, password=""):
        return False
    try:
        return reveal(one.password, os.environ) == reveal(other.password, os.environ)
    except ConfigError:
        return one.password == other.password
