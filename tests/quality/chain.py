"""The seven stages one after another on one thread, with no database: what a source's frames become."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import cv2

from pipeline.config import Config
from pipeline.core.ports import BusRecord, Outgoing, Picture, Source
from pipeline.core.records import Record, Stamp, Tick
from pipeline.core.values import Captured, Event, Measures, Motions, Transition
from pipeline.models import load_models
from pipeline.topology import STAGES, Parts, Topology

START_US = 1_700_000_000_000_000
CAMERA = "quality"
CAMERA_NO = 1
_OFFSETS = count()


@dataclass(frozen=True, eq=False)
class Seen:
    """What the stages made of one frame.

    Attributes:
        seq: Number of the frame.
        at_s: Time in the clip, seconds.
        motions, measures: Of its people.
        events, transitions: Decided in it, or by the clock since the frame before.
    """

    seq: int
    at_s: float
    motions: Motions
    measures: Measures
    events: tuple[Event, ...] = ()
    transitions: tuple[Transition, ...] = ()


def chain(source: Source, *, limit_s: float | None = None) -> Iterator[Seen]:
    """Every frame of `source`, up to `limit_s` seconds, through all stages with the bundled models."""
    for _, seen in pictured(source, limit_s=limit_s):
        yield seen


def pictured(source: Source, *, limit_s: float | None = None) -> Iterator[tuple[Picture, Seen]]:
    """The same, with the pictures."""
    for picture, made in records(source, limit_s=limit_s):
        yield (
            picture,
            Seen(
                seq=picture.seq,
                at_s=picture.pts_us / 1e6,
                motions=made["motions"][-1],
                measures=made["measures"][-1],
                events=tuple(made.get("events", ())),
                transitions=tuple(made.get("alerts", ())),
            ),
        )


def records(source: Source, *, limit_s: float | None = None) -> Iterator[tuple[Picture, dict[str, list[Any]]]]:
    """Every picture, and what was made of it: the values of each topic, pixels too."""
    cv2.setNumThreads(1)  # as an embedded run has it
    topology = Topology(Config(), _parts())
    drivers = {name: topology.driver(name) for name in STAGES}
    second = 0
    for picture in source.pictures():
        if limit_s is not None and picture.pts_us >= limit_s * 1e6:
            return
        at_us = START_US + picture.pts_us
        by_clock: dict[str, list[Any]] = {}
        if picture.pts_us // 1_000_000 > second:
            second = picture.pts_us // 1_000_000
            by_clock = _through(topology, drivers, Record(_stamp(picture.seq, at_us), Tick("live")))
        made = _through(topology, drivers, Record(_stamp(picture.seq, at_us), Captured(picture.pixels)))
        yield picture, {topic: by_clock.get(topic, []) + made.get(topic, []) for topic in by_clock | made}


@cache
def _parts() -> Parts:
    config = Config()
    return Parts(*load_models(config.models, Path("no-folder-of-models")))


def _stamp(seq: int, at_us: int) -> Stamp:
    return Stamp(0, CAMERA, CAMERA_NO, 1, 0, seq, at_us, at_us, "file")


def _through(topology: Topology, drivers: dict[str, Any], record: Record[Any]) -> dict[str, list[Any]]:
    """All values that become of one record, by topic."""
    made: dict[str, list[Any]] = {}
    waiting = drivers["ingest"].feed_values([record])
    while waiting:
        out: Outgoing = waiting.pop(0)
        assert out.value is not None
        made.setdefault(out.topic, []).append(topology.codec(out.topic).decode(out.value, out.attachment).value)
        for name, row in STAGES.items():
            if out.topic in row.reads:
                waiting += drivers[name].feed([_on_bus(out)])
    return made


def _on_bus(out: Outgoing) -> BusRecord:
    return BusRecord(out.topic, out.partition, next(_OFFSETS), out.key, out.value, out.headers, out.attachment)
