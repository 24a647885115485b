from __future__ import annotations

from dataclasses import replace

import numpy as np

from pipeline.config import Config
from pipeline.core.records import Dropped, Record
from pipeline.core.values import Captured, Frame, Tracks
from pipeline.topics import TOPICS, max_message_bytes
from pipeline.topology import Topology
from pipeline.workers import WorkerParts
from tests.fakes import TRACKS, driver, on_bus
from tests.samples import poses, stamp


def test_a_frame_that_no_topic_takes_lives_on_as_a_dropped_one() -> None:
    counts: list[str] = []
    under_test = driver(counts=counts)
    small = len(driver().feed([on_bus(poses(1), 0)])[0].value or b"")
    under_test._outputs[Tracks] = replace(under_test._outputs[Tracks], max_bytes=small)

    found = under_test.feed([on_bus(poses(people), n) for n, people in enumerate((1, 5, 1))])

    records = [TRACKS.decode(each.value or b"") for each in found]
    assert [type(record.value).__name__ for record in records] == ["Tracks", "Dropped", "Tracks"]
    assert records[1].value == Dropped("track", "too large")
    assert [record.stamp.n for record in records] == [0, 1, 2]
    assert counts == ["records_too_large"]


def test_a_picture_of_too_many_bytes_is_dropped_by_ingest_and_the_next_one_is_sent() -> None:
    config = Config()
    topology = Topology(config, WorkerParts(config), strict=True)
    ingest = topology.driver("ingest")
    noise = np.random.default_rng(0).integers(0, 255, (3000, 4000, 3)).astype(np.uint8)

    found = ingest.feed_values(
        [Record(stamp(n), Captured(pixels)) for n, pixels in enumerate((noise, noise[:100, :100].copy()))]
    )

    values = [topology.codec("frames").decode(each.value or b"").value for each in found]
    assert values[0] == Dropped("ingest", "too large")
    assert isinstance(values[1], Frame)
    assert all(len(each.value or b"") < max_message_bytes(TOPICS["frames"]) for each in found)
