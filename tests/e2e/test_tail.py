"""`posebus tail` on a real broker: what lies there, and what comes."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.bus.kafka import KafkaBus
from pipeline.camera_registry import add_cameras, camera_topic
from pipeline.codec.records import AvroCodec
from pipeline.codec.schemas import SchemaBook
from pipeline.core.cameras import CameraSpec, CameraStatus
from pipeline.core.ports import Outgoing
from pipeline.core.records import Dropped, Record, Tick
from pipeline.topology import kafka_topics
from tests.broker.cluster import Cluster
from tests.broker.fixtures import bus_on
from tests.e2e.conftest import Program
from tests.e2e.processes import Posebus, ended
from tests.e2e.screen import motions
from tests.samples import event, records, stamp

pytestmark = pytest.mark.xdist_group("kafka-commands")

BOOK = SchemaBook()
EVENTS, MOTIONS = AvroCodec(BOOK, "event"), AvroCodec(BOOK, "motions")
CAMERAS = {"gym": 1, "ward": 2}


@pytest.fixture(scope="module")
def site(kafka: Cluster) -> Iterator[KafkaBus]:
    """Events of two cameras, 5 of each, one record that nobody can read, cameras and how they are."""
    bus = bus_on(kafka)
    bus.ensure(kafka_topics())
    producer = bus.producer("test")
    for n in range(5):
        for camera, number in CAMERAS.items():
            value = EVENTS.encode(Record(stamp(n, camera=camera, camera_no=number), event(number=n))).value
            producer.send(Outgoing("events", number, camera.encode(), value))
    producer.send(Outgoing("events", 1, b"gym", b"\xc3\x01nonsense"))
    for n, value in enumerate((motions(2), Dropped("pose", "late"), Tick("stalled"))):
        content = MOTIONS.encode(Record(stamp(n), value)).value
        producer.send(Outgoing("motions", 1, b"gym", content))
    producer.flush(30.0)
    sealed = CameraSpec("ward", 2, "rtsp://ward.local/1", mode="live", user="ann", password="sealed:hunter2-xyzzy")
    add_cameras(bus, [CameraSpec("gym", 1, "gym.mp4"), sealed, CameraSpec("old", 3, "old.mp4")], "test")
    cameras = camera_topic(bus, "test")
    cameras.remove("old")
    cameras.note([CameraStatus("ward", 2, 1_700_000_000_000_000, "stalled", "no picture for 5 s", 0.0, 5000, 3)])
    yield bus
    bus.close()


@pytest.fixture
def config(kafka: Cluster, site: KafkaBus, tmp_path: Path) -> str:
    file = tmp_path / "site.yaml"
    file.write_text(f"kafka: {{servers: '{kafka.servers[0]}', prefix: {site.prefix!r}}}\n")
    return str(file)


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_what_lies_there_is_shown_decoded(program: Program, config: str) -> None:
    shown = lines(program("tail", "events", "--no-follow", "-f", "json", "--config", config).done().out)

    good = [each for each in shown if "error" not in each]
    assert len(good) == 10
    assert {(each["camera"], each["n"]) for each in good} == {(name, n) for name in CAMERAS for n in range(5)}
    assert {each["kind"] for each in good} == {"event"}
    assert {each["topic"] for each in shown} == {"events"}


def test_only_the_last_of_one_camera(program: Program, config: str) -> None:
    words = ("--no-follow", "--last", "2", "--camera", "ward", "--format", "json", "--config", config)
    shown = lines(program("tail", "events", *words).done().out)

    assert [(each["camera"], each["n"], each["offset"]) for each in shown] == [("ward", 3, 3), ("ward", 4, 4)]
    assert program("tail", "events", "--no-follow", "--last", "0", "--config", config).done().out == ""


def test_a_record_that_cannot_be_read_is_shown_too(program: Program, config: str) -> None:
    words = ("--no-follow", "--last", "1", "--camera", "gym", "--config", config)
    (shown,) = lines(program("tail", "events", *words, "--format", "json").done().out)

    assert (shown["partition"], shown["offset"], shown["key"], shown["nbytes"]) == (1, 5, "gym", 10)
    assert "no schema with the fingerprint" in shown["error"]
    assert "1/5 gym cannot be read: event: no schema" in program("tail", "events", *words).done().out


def test_a_line_tells_what_a_record_is(program: Program, config: str) -> None:
    words = ("--no-follow", "--config", config)
    told = program("tail", "events", *words).done().out.splitlines()
    frames = program("tail", "motions", *words).done().out.splitlines()
    with_ticks = program("tail", "motions", *words, "--ticks").done().out.splitlines()

    assert "2/0 ward 1:0 frame 0 1700000000.000 event rep squat" in told
    assert frames[0].endswith("motions people=2")
    assert frames[1].endswith("dropped by pose: late")
    assert len(frames) == 2
    assert with_ticks[2].endswith("tick stalled")


def test_cameras_are_shown_without_what_is_sealed(program: Program, config: str) -> None:
    shown = lines(program("tail", "cameras", "--no-follow", "-f", "json", "--config", config).done().out)
    text = program("tail", "cameras", "--no-follow", "--config", config).done().out

    by_kind = {(each["kind"], each.get("camera") or each["value"]["name"]): each for each in shown}
    assert by_kind["camera_spec", "ward"]["value"]["password"] == "***"
    assert by_kind["camera_spec", "gym"]["value"]["password"] == ""
    assert ("removed", "old") in by_kind
    assert "2/0 ward camera 2 live rtsp://ward.local/1" in text


def test_how_cameras_are_is_shown(program: Program, config: str) -> None:
    text = program("tail", "camera-status", "--no-follow", "--config", config).done().out

    assert text == "2/0 ward camera 2 1700000000.000 stalled: no picture for 5 s 0.0 fps age 5000 ms\n"


def test_an_unknown_topic_is_refused_with_those_that_there_are(program: Program, config: str) -> None:
    program("tail", "event", "--config", config).refused(
        2, "no topic of records is named event; did you mean events", "there are: frames, .*, cameras, camera-status"
    )


def test_what_comes_is_shown_until_ctrl_c(site: KafkaBus, config: str, tmp_path: Path) -> None:
    topic, value = "alerts", AvroCodec(BOOK, "transition")
    with Posebus(tmp_path).started("tail", topic, "--last", "0", "-f", "json", "--config", config) as process:
        stop = threading.Event()
        producer = site.producer("test")

        def keep_sending() -> None:
            record = records("transition")[0]
            n = 0
            while not stop.wait(0.1):
                n += 1
                content = value.encode(Record(replace(record.stamp, n=n), record.value)).value
                producer.send(Outgoing(topic, 1, b"gym", content))

        thread = threading.Thread(target=keep_sending)
        thread.start()
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        stop.set()
        thread.join()
        producer.close()
        process.send_signal(signal.SIGINT)
        done = ended(process, 30)

    assert first["value"]["rule"] == "fall"
    assert done.code == 130
    assert done.err == ""
