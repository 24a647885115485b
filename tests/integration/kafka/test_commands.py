"""`posebus topics` and `posebus lag` on a real broker."""

from __future__ import annotations

import json
from collections.abc import Iterator
from uuid import uuid4

import pytest
from typer.testing import CliRunner, Result

from pipeline.bus.kafka import KafkaBus
from pipeline.cli.main import app
from pipeline.core.errors import ConfigError
from pipeline.core.ports import Outgoing, TopicPartition
from pipeline.topics import PARTITIONS
from pipeline.topology import kafka_topics
from tests.broker import Cluster
from tests.integration.kafka.members import commit, poll_for


@pytest.fixture
def bus(kafka: Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[KafkaBus]:
    """The bus of the installation that the commands are asked for."""
    prefix = f"{uuid4().hex[:10]}."
    monkeypatch.setenv("POSEBUS_KAFKA_SERVERS", ",".join(kafka.servers))
    monkeypatch.setenv("POSEBUS_KAFKA_PREFIX", prefix)
    bus = KafkaBus(kafka.servers, prefix=prefix)
    yield bus
    bus.close()


def posebus(*words: str) -> Result:
    result = CliRunner().invoke(app, words)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_topics_are_made_described_and_deleted(bus: KafkaBus) -> None:
    with pytest.raises(ConfigError, match="are missing"):
        posebus("topics", "describe")

    made = posebus("topics", "ensure").stdout
    again = posebus("topics", "ensure").stdout

    names = [spec.name for spec in kafka_topics()]
    assert sum(" made " in line for line in made.splitlines()) == len(names)
    assert sum(" there " in line for line in again.splitlines()) == len(names)
    assert "disk of all copies: up to" in made
    found = {facts.name: facts for facts in bus.describe()}
    assert set(found) == set(names)
    assert {facts.partitions for facts in found.values()} == {PARTITIONS}
    assert {facts.settings["message.timestamp.type"] for facts in found.values()} == {"LogAppendTime"}
    assert found["frames"].settings["retention.ms"] == "300000"
    assert found["frames"].large
    assert found["cameras"].compacted
    assert not posebus("topics", "describe").stderr

    assert posebus("topics", "delete", "tracks", "motions", "--yes").stdout == "deleted: tracks, motions\n"
    with pytest.raises(ConfigError, match="2 of"):
        posebus("topics", "describe")
    with pytest.raises(ConfigError, match="no topic named tracks"):
        posebus("topics", "delete", "tracks", "--yes")
    with pytest.raises(ConfigError, match="no topic of posebus is named __consumer_offsets"):
        posebus("topics", "delete", "__consumer_offsets", "--yes")


def test_lag_by_topic_partition_and_camera(bus: KafkaBus) -> None:
    bus.ensure([spec for spec in kafka_topics() if spec.name in ("poses", "cameras")])
    producer = bus.producer("p")
    for name, partition in (("gym", 1), ("ward", 2), ("gone", 2)):
        producer.send(Outgoing("cameras", partition, name.encode(), b"spec"))
    producer.send(Outgoing("cameras", 2, b"gone", None))
    for i in range(30):
        producer.send(Outgoing("poses", 1 + i % 2, b"k", b"v"))
    producer.flush(30.0)
    consumer = bus.consumer("c", "posebus-track", ["poses"])
    poll_for(consumer, lambda records: len(records) == 30, 30.0)
    commit(consumer, {TopicPartition("poses", 1): 15, TopicPartition("poses", 2): 5})

    by_topic = json.loads(posebus("lag", "--format", "json").stdout)
    by_partition = json.loads(posebus("lag", "--by", "partition", "--format", "json").stdout)
    by_camera = posebus("lag", "--by", "camera", "--group", "posebus-track").stdout

    assert by_topic == [{"group": "posebus-track", "topic": "poses", "behind": 10, "most in a partition": 10}]
    assert [(row["partition"], row["committed"], row["behind"]) for row in by_partition] == [(1, 15, 0), (2, 5, 10)]
    assert [line.split() for line in by_camera.splitlines()[1:]] == [
        ["posebus-track", "poses", "gym", "1", "15", "15", "0"],
        ["posebus-track", "poses", "ward", "2", "5", "15", "10"],
    ]
    with pytest.raises(ConfigError, match="no group is named nobody"):
        posebus("lag", "--group", "nobody")


def test_lag_counts_partitions_of_which_nothing_was_ever_committed(bus: KafkaBus) -> None:
    bus.ensure([spec for spec in kafka_topics() if spec.name in ("poses", "events")])
    producer = bus.producer("p")
    for topic, partition, records in (("poses", 1, 4), ("poses", 2, 6), ("events", 3, 5)):
        for _ in range(records):
            producer.send(Outgoing(topic, partition, b"k", b"v"))
    producer.flush(30.0)
    consumer = bus.consumer("c", "posebus-track", ["poses"])
    poll_for(consumer, lambda records: len(records) == 10, 30.0)
    commit(consumer, {TopicPartition("poses", 1): 3})

    rows = json.loads(posebus("lag", "--by", "partition", "--format", "json").stdout)

    keys = ("group", "topic", "partition", "committed", "behind")
    assert [tuple(row[key] for key in keys) for row in rows] == [
        ("posebus-sink", "events", 3, None, 5),  # it has never run, and belongs to the layout
        ("posebus-track", "poses", 1, 3, 1),
        ("posebus-track", "poses", 2, None, 6),
    ]


def test_lag_of_an_installation_that_never_ran_says_so(bus: KafkaBus) -> None:
    assert posebus("lag").stdout == "no worker has taken anything in yet\n"
