"""`posebus top` on a real broker and a terminal."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.bus.kafka import KafkaBus
from pipeline.codec.records import AvroCodec
from pipeline.codec.schemas import SchemaBook
from pipeline.core.errors import BusUnavailable
from pipeline.core.ports import Outgoing, TopicPartition
from pipeline.core.records import Dropped, Record, Tick
from pipeline.topics import PARTITIONS
from pipeline.topology import kafka_topics
from tests.broker.cluster import Cluster
from tests.broker.fixtures import NewCluster, bus_on
from tests.e2e.processes import Posebus, ended
from tests.e2e.screen import Screen, motions
from tests.samples import stamp

pytestmark = pytest.mark.xdist_group("kafka-commands")

MOTIONS = AvroCodec(SchemaBook(), "motions")


@pytest.fixture
def site(kafka: Cluster) -> Iterator[KafkaBus]:
    """A camera that has stalled."""
    bus = bus_on(kafka)
    bus.ensure(kafka_topics())
    producer = bus.producer("test")
    for n, value in enumerate((motions(2), Dropped("pose", "late"), Tick("stalled"))):
        producer.send(Outgoing("motions", 1, b"gym", MOTIONS.encode(Record(stamp(n), value)).value))
    producer.flush(30.0)
    yield bus
    bus.close()


@pytest.fixture
def config(kafka: Cluster, site: KafkaBus, tmp_path: Path) -> str:
    file = tmp_path / "site.yaml"
    file.write_text(f"kafka: {{servers: '{kafka.servers[0]}', prefix: {site.prefix!r}}}\n")
    return str(file)


class Sending:
    """A live camera whose frames come out of the stages, 20 a second, and a group that is behind."""

    def __init__(self, bus: KafkaBus) -> None:
        self._bus = bus
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Sending:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        producer = self._bus.producer("test-live")
        n = 0
        while not self._stop.wait(0.05):
            n += 1
            now_us = time.time_ns() // 1000
            mark = replace(stamp(n, camera="live", camera_no=5), clock="arrival", arrived_at_us=now_us)
            values = [motions(3)] + [Tick("live")] * (n % 20 == 0) + [Dropped("detect", "late")] * (n % 10 == 0)
            for value in values:
                content = MOTIONS.encode(Record(mark, value)).value
                producer.send(Outgoing("motions", 5 % PARTITIONS, b"live", content))
        with suppress(BusUnavailable):
            producer.flush(5.0)
        producer.close()


def test_top_shows_workers_and_cameras_once(site: KafkaBus, config: str, tmp_path: Path) -> None:
    consumer = site.consumer("worker", "posebus-analyze", ["motions"])
    records = []
    deadline = time.monotonic() + 30
    while len(records) < 3 and time.monotonic() < deadline:
        records += consumer.poll(0.2).records
    consumer.commit({records[0].place: records[0].offset + 1, TopicPartition("motions", 5): 0})
    posebus = Posebus(tmp_path)

    with Sending(site), posebus.started("top", "--config", config) as other:  # its output is no terminal
        shown = json.loads(posebus.run("top", "--once", "--format", "json", "--config", config).done().out)
        table = ended(other).done().out
    consumer.close()

    cameras = {each["camera"]: each for each in shown["cameras"]}
    assert shown["problem"] is None
    live, gym = cameras["live"], cameras["gym"]
    assert live["state"] == "live"
    assert live["people"] == 3
    assert 5 < live["fps"] < 22
    assert live["age_s"] < 5
    assert live["dropped"]["detect: late"] >= 3
    assert (gym["state"], gym["people"], gym["fps"], gym["age_s"]) == ("stalled", 2, 0, None)
    (analyze,) = (each for each in shown["workers"] if each["group"] == "posebus-analyze")
    assert analyze["topic"] == "motions"
    assert analyze["members"] == 1
    assert analyze["behind"] > 2
    assert analyze["taken"] == 0
    assert analyze["coming"] > 5
    assert "posebus-analyze" in table
    assert "detect: late" in table
    assert "\x1b" not in table


def test_top_draws_itself_until_q_is_pressed(site: KafkaBus, config: str, tmp_path: Path) -> None:
    with Sending(site), Screen("top", "--config", config, home=tmp_path) as screen:
        screen.until("live")
        screen.until("detect: late")
        screen.press("q")
        code = screen.ended()

    assert code == 0
    assert "\x1b[?1049h" in screen.text  # a screen of its own, and back
    assert "\x1b[?1049l" in screen.text
    assert "Traceback" not in screen.text


def test_top_outlives_a_broker_and_says_that_it_is_away(new_cluster: NewCluster, tmp_path: Path) -> None:
    cluster = new_cluster()
    bus = bus_on(cluster)
    bus.ensure(kafka_topics())
    file = tmp_path / "site.yaml"
    file.write_text(f"kafka: {{servers: '{cluster.servers[0]}', prefix: {bus.prefix!r}}}\n")
    with Sending(bus), Screen("top", "--config", str(file), home=tmp_path) as screen:
        screen.until("live")

        cluster[0].kill()
        screen.until("(for ")
        cluster[0].start()
        screen.forget()
        screen.until("live")
        screen.until_without("(for ")
        screen.interrupt()

        assert screen.ended() == 130
    bus.close()
