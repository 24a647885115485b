"""What nobody could use, in the middle of every stage's input: the stream goes on, and nothing after it is lost."""

from __future__ import annotations

import logging
import signal
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.bus.kafka import KafkaBus
from pipeline.bus.memory import MemoryBus
from pipeline.config import Config, load_config
from pipeline.core.ports import BusRecord, Outgoing, TopicPartition
from pipeline.core.records import Record, Stamp
from pipeline.core.values import Captured, DeadLetter
from pipeline.metrics import Metrics
from pipeline.models.fake import paint_person
from pipeline.runners.worker import Worker
from pipeline.topics import PARTITIONS
from pipeline.topology import STAGES, Topology, kafka_topics
from pipeline.workers import WorkerParts, Workers
from tests.broker.cluster import Cluster
from tests.e2e.processes import Posebus, ended
from tests.homes import NewHome
from tests.samples import records

CAMERAS = {"gym": 1, "ward": 2}
FRAMES = 110
LOOKED_AT = 40
"""Frames for the stages that look at pixels, which cost more."""
FPS = 25
START_US = 1_767_258_000_000_000
KEYED = [name for name in STAGES if name != "ingest"]
SENT_AGAIN = ["detect", "pose"]
"""What is missing of a recording on the topics that they read is sent again."""
AHEAD_US, OLD_US = 2 * 3600 * 10**6, -400 * 86400 * 10**6

Streams = Mapping[str, Sequence[Outgoing]]
"""What lies on each topic, in the order of sending."""


def pictures(camera: str) -> Iterator[Record[Captured]]:
    """Somebody walks, and falls after 3 s."""
    for number in range(FRAMES):
        t = number / FPS
        down = float(np.clip((t - 3.0) / 0.6, 0.0, 1.0))
        picture = np.full((240, 320, 3), 128, dtype=np.uint8)
        x, y, angle = 320 * (0.2 + 0.15 * min(t, 3.0)), 240 * (0.5 + 0.3 * down), down * np.pi / 2
        paint_person(picture, (x, y), (x + 55 * np.sin(angle), y - 55 * np.cos(angle)))
        at_us = START_US + number * 40_000
        stamp = Stamp(0, camera, CAMERAS[camera], 1, number, number, at_us, at_us, "file")
        yield Record(stamp, Captured(picture))


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    file = tmp_path_factory.mktemp("poison") / "c.yaml"
    file.write_text("models: {detector: fake, pose: fake}\n")
    return load_config(file, {"POSEBUS_HOME": "/dev/null/home"})


@pytest.fixture(scope="module")
def streams(config: Config) -> Streams:
    """Real records of every topic, out of the real stages."""
    topology = Topology(config, WorkerParts(config), strict=True)
    found: dict[str, list[Outgoing]] = defaultdict(list)
    drivers = [topology.driver(name) for name in STAGES]
    for both in zip(*map(pictures, CAMERAS), strict=True):
        sent = drivers[0].feed_values(both)
        for driver in drivers[1:]:
            for each in sent:
                found[each.topic].append(each)
            sent = driver.feed([lying(each, len(found[each.topic])) for each in sent if each.topic in driver.topics])
        found["alerts"] += sent
    assert found["events"]
    assert found["alerts"]
    assert not found["dead-letters"]
    return found


def lying(outgoing: Outgoing, offset: int) -> BusRecord:
    return BusRecord(outgoing.topic, outgoing.partition, offset, outgoing.key, outgoing.value)


def given(streams: Streams, stage: str) -> list[Outgoing]:
    """The input of a stage."""
    (topic,) = STAGES[stage].reads
    most = LOOKED_AT if stage in ("detect", "pose") else FRAMES
    return list(streams[topic][: most * len(CAMERAS)])


class Site:
    """A bus in memory, and a worker on it."""

    def __init__(self, config: Config) -> None:
        self.bus = MemoryBus()
        self.bus.ensure(kafka_topics())
        self.metrics = Metrics()
        self.workers = Workers(config, self.bus, "worker", self.metrics)

    def send(self, sent: Sequence[Outgoing]) -> None:
        producer = self.bus.producer("test")
        for outgoing in sent:
            producer.send(outgoing)
        producer.flush(5.0)
        producer.close()

    def work_off(self, stage: str) -> None:
        worker = self.workers.stages([stage])
        assert isinstance(worker, Worker)
        deadline = time.monotonic() + 60
        while not worker.assigned or any(worker.lag().values()):
            assert time.monotonic() < deadline
            worker.step(0.02)
        worker.close()

    def came_out(self, stage: str) -> dict[TopicPartition, list[bytes]]:
        """Value bytes on each partition that the stage writes."""
        found: dict[TopicPartition, list[bytes]] = defaultdict(list)
        for topic in STAGES[stage].writes:
            for raw in self.bus.read(topic, frozenset(range(PARTITIONS))):
                found[raw.place].append(raw.value or b"")
        return dict(found)

    def letters(self) -> list[DeadLetter]:
        codec = Topology(Config(), None).codec("dead-letters")
        raws = self.bus.read("dead-letters", frozenset(range(PARTITIONS)))
        return [codec.decode(raw.value or b"").value for raw in raws]


def outcome(config: Config, stage: str, sent: Sequence[Outgoing]) -> tuple[dict[TopicPartition, list[bytes]], Site]:
    site = Site(config)
    site.send(sent)
    site.work_off(stage)
    return site.came_out(stage), site


def poisons(good: Outgoing, foreign: Outgoing) -> dict[str, tuple[Outgoing, str]]:
    """Records that no stage can use, made of one that it could and one of another camera, and what is wrong."""
    value = good.value or b""
    letter = Topology(Config(), None).codec("dead-letters").encode(records("dead_letter")[0]).value
    return {
        "unknown fingerprint": (replace(good, value=value[:2] + bytes(range(8)) + value[10:]), "SchemaError"),
        "truncated": (replace(good, value=value[: len(value) // 2]), "DecodeError"),
        "cut in the header": (replace(good, value=value[:7]), "DecodeError"),
        "more behind it": (replace(good, value=value + b"more"), "DecodeError"),
        "nothing": (replace(good, value=b""), "DecodeError"),
        "no value": (replace(good, value=None), "InvalidRecord"),
        "of another topic": (replace(good, value=letter), "SchemaError"),
        "of a registry": (replace(good, value=b"\0" + value[6:]), "SchemaError"),
        "another's key": (replace(foreign, key=good.key, partition=good.partition), "InvalidRecord"),
        "another's partition": (replace(good, partition=foreign.partition), "InvalidRecord"),
        "no key": (replace(good, key=b""), "InvalidRecord"),
        "a key that is no text": (replace(good, key=b"\xff\xfe"), "InvalidRecord"),
        "a long key": (replace(good, key=b"k" * 700_000, value=value[:100]), "InvalidRecord"),
        "megabytes": (replace(good, value=value[:10] + b"\xff" * (2**20 - 200)), "DecodeError"),
    }


@pytest.mark.parametrize("stage", KEYED)
def test_what_cannot_be_used_becomes_a_dead_letter_and_nothing_else(
    stage: str, streams: Streams, config: Config
) -> None:
    good = given(streams, stage)
    wanted, _ = outcome(config, stage, good)
    sent, at = list(good), len(good) // 2
    (gym, ward) = (next(each for each in good[at:] if each.key == key) for key in (b"gym", b"ward"))
    expected = []
    for i, (outgoing, reason) in enumerate(poisons(gym, ward).values()):
        sent.insert(at + 3 * i, outgoing)
        expected.append((outgoing, reason))

    found, site = outcome(config, stage, sent)

    assert any(wanted.values())
    assert found == wanted
    offsets = {id(each): sum(e.partition == each.partition for e in sent[:i]) for i, each in enumerate(sent)}
    letters = {(each.partition, each.offset): each for each in site.letters()}
    assert len(letters) == len(expected)
    for outgoing, reason in expected:
        letter = letters[outgoing.partition, offsets[id(outgoing)]]
        assert (letter.stage, letter.reason, letter.topic) == (stage, reason, STAGES[stage].reads[0])
        assert letter.key == outgoing.key[:255]
    assert site.metrics.total("dead_letters", stage=stage) == len(expected)
    assert site.metrics.total("numbering_gaps") == 0


@pytest.mark.parametrize("stage", KEYED)
def test_records_that_come_twice_or_again_later_are_taken_once(stage: str, streams: Streams, config: Config) -> None:
    good = given(streams, stage)
    wanted, _ = outcome(config, stage, good)
    twice = [outgoing for each in good for outgoing in (each, each)]
    again = [*twice[: len(good)], *good[: len(good) // 3], *twice[len(good) :]]

    found, site = outcome(config, stage, again)

    assert found == wanted
    assert site.letters() == []
    assert site.metrics.total("records_skipped", stage=stage) == len(again) - len(good)


@pytest.mark.parametrize("stage", [stage for stage in KEYED if stage not in SENT_AGAIN])
def test_of_two_records_in_the_wrong_order_the_later_one_goes_on(
    stage: str, streams: Streams, config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    good = given(streams, stage)
    at, _, swapped = swapped_in(good)
    wanted, _ = outcome(config, stage, [*good[:at], *good[at + 1 :]])

    with caplog.at_level(logging.WARNING):
        found, site = outcome(config, stage, swapped)

    assert found == wanted
    assert site.metrics.total("numbering_gaps", stage=stage) == 1
    assert site.metrics.total("records_skipped", stage=stage) == 1
    assert f"{stage}: records are missing" in caplog.text


@pytest.mark.parametrize("stage", SENT_AGAIN)
def test_of_a_recording_in_the_wrong_order_what_comes_too_early_waits_to_be_sent_again(
    stage: str, streams: Streams, config: Config
) -> None:
    good = given(streams, stage)
    at, later, swapped = swapped_in(good)
    of_others = [outgoing for outgoing in good[later:] if outgoing.key != good[at].key]
    wanted, _ = outcome(config, stage, [*good[:later], *of_others])

    found, site = outcome(config, stage, swapped)

    assert found == wanted
    assert site.letters() == []
    assert site.metrics.total("records_skipped", stage=stage) == len(good) - later - len(of_others)


def swapped_in(good: Sequence[Outgoing]) -> tuple[int, int, list[Outgoing]]:
    """Two places of one camera in the middle, and the records with these two swapped."""
    at = len(good) // 2
    (later,) = (i for i in range(at + 1, at + 3) if good[i].key == good[at].key)
    swapped = list(good)
    swapped[at], swapped[later] = good[later], good[at]
    return at, later, swapped


@pytest.mark.parametrize("stage", ["track", "alert"])
def test_a_worker_that_retention_has_overtaken_goes_on_and_says_so(
    stage: str, streams: Streams, config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    good = given(streams, stage)
    half, gone = len(good) // 2, 20
    site = Site(config)
    site.send(good[:half])
    site.work_off(stage)
    site.send(good[half:])
    (topic,) = STAGES[stage].reads
    for number in CAMERAS.values():
        site.bus.truncate(TopicPartition(topic, number), half // len(CAMERAS) + gone)

    with caplog.at_level(logging.WARNING):
        site.work_off(stage)

    assert site.metrics.total("numbering_gaps", stage=stage) == len(CAMERAS)
    assert [each.message for each in caplog.records].count(
        f"{stage}: records are missing in what it reads, as where retention has overtaken a worker that was behind"
    ) == 1
    if stage == "track":
        codec = Topology(config, None).codec("tracks")
        for values in site.came_out(stage).values():
            stamps = [codec.decode(value).stamp for value in values]
            assert [stamp.n for stamp in stamps] == list(range(FRAMES - gone))
            assert stamps[-1].seq == FRAMES - 1


def shifted(config: Config, sent: Sequence[Outgoing], camera: str, number: int, by_us: int) -> list[Outgoing]:
    """The same poses by another camera at another time."""
    codec = Topology(config, None).codec("poses")
    found = []
    for each in sent:
        record: Record[Any] = codec.decode(each.value or b"")
        stamp = replace(
            record.stamp,
            camera=camera,
            camera_no=number,
            captured_at_us=record.stamp.captured_at_us + by_us,
            arrived_at_us=record.stamp.arrived_at_us + by_us,
        )
        value = codec.encode(Record(stamp, record.value)).value
        found.append(replace(each, partition=number % PARTITIONS, key=camera.encode(), value=value))
    return found


@pytest.mark.xdist_group("kafka")
def test_a_worker_on_a_broker_passes_poison_and_times_far_off(
    streams: Streams, config: Config, kafka: Cluster, kafka_bus: KafkaBus, new_home: NewHome, tmp_path: Path
) -> None:
    kafka_bus.ensure(kafka_topics())
    one = [each for each in given(streams, "track") if each.key == b"gym"]
    now_us = time.time_ns() // 1000 - START_US
    sent = list(one)
    poisoned = poisons(one[50], next(each for each in streams["poses"] if each.key == b"ward"))
    for outgoing, _ in poisoned.values():
        sent.insert(50, outgoing)
    sent += shifted(config, one, "ahead", 3, now_us + AHEAD_US)
    sent += shifted(config, one, "old", 4, now_us + OLD_US)
    producer = kafka_bus.producer("test")
    for outgoing in sent:
        producer.send(outgoing)
    producer.flush(30.0)
    file = tmp_path / "c.yaml"
    file.write_text(f"kafka: {{servers: '{kafka.servers[0]}', prefix: {kafka_bus.prefix!r}}}\n")
    frames: dict[bytes, int] = defaultdict(int)

    with Posebus(new_home()).started("worker", "track+smooth+analyze+alert", "--config", str(file)) as process:
        deadline = time.monotonic() + 90
        with closing(kafka_bus.follow("measures", frozenset(range(PARTITIONS)), last=10_000)) as followed:
            while sum(frames.values()) < 3 * FRAMES:
                assert process.poll() is None, ended(process)
                assert time.monotonic() < deadline, frames
                raw = next(followed)
                if raw is not None:
                    frames[raw.key] += 1
        process.send_signal(signal.SIGTERM)
        done = ended(process)

    assert done.code == 0, done
    assert dict(frames) == {b"gym": FRAMES, b"ahead": FRAMES, b"old": FRAMES}
    assert len(list(kafka_bus.read("dead-letters", frozenset(range(PARTITIONS))))) == len(poisoned)


@pytest.mark.xdist_group("kafka")
def test_a_worker_whose_topics_were_never_made_says_how_they_are(
    kafka: Cluster, new_home: NewHome, tmp_path: Path
) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(f"kafka: {{servers: '{kafka.servers[0]}', prefix: nobody.}}\n")

    done = Posebus(new_home()).run("worker", "track", "--config", str(file))

    done.refused(2, r"no topic named nobody\.\w+ in Kafka at localhost", "posebus topics ensure")


@pytest.mark.xdist_group("kafka")
def test_a_worker_whose_topics_take_less_than_it_sends_does_not_start(
    kafka: Cluster, kafka_bus: KafkaBus, new_home: NewHome, tmp_path: Path
) -> None:
    small = [replace(s, max_message_bytes=2**20) if s.name == "detections" else s for s in kafka_topics()]
    kafka_bus.ensure(small)
    file = tmp_path / "c.yaml"
    file.write_text(f"kafka: {{servers: '{kafka.servers[0]}', prefix: {kafka_bus.prefix!r}}}\n")

    done = Posebus(new_home()).run("worker", "track", "--config", str(file))

    done.refused(2, r"detections takes records of 1048576 bytes, posebus sends up to 5242880", "max.message.bytes to ")
