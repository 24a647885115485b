"""`posebus init` against a real broker and a real database."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psycopg

from pipeline.bus.kafka import KafkaBus
from pipeline.codec.schemas import SchemaBook
from pipeline.codec.states import AvroStateCodec
from pipeline.core.cameras import CameraSpec
from pipeline.topics import CAMERAS, PARTITIONS
from pipeline.topology import kafka_topics
from tests.broker.cluster import Cluster

CONFIG = """
cameras:
  hall: sim://street?people=1&seconds=1
  gym: {source: "sim://gym?people=1&seconds=1", mode: live}
"""


def init(*words: str, dsn: str, servers: str, prefix: str = "") -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "POSEBUS_DATABASE_DSN": dsn,
        "POSEBUS_KAFKA_SERVERS": servers,
        "POSEBUS_KAFKA_PREFIX": prefix,
    }
    command = [sys.executable, "-m", "pipeline.cli", "init", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_the_second_time_nothing_changes(kafka: Cluster, empty_dsn: str, tmp_path: Path) -> None:
    prefix = f"init{os.getpid()}."
    servers = ",".join(kafka.servers)
    file = tmp_path / "site.yaml"
    file.write_text(CONFIG)

    first = init("--config", str(file), dsn=empty_dsn, servers=servers, prefix=prefix)
    again = init("--config", str(file), dsn=empty_dsn, servers=servers, prefix=prefix)

    assert first.returncode == 0, first.stderr
    assert first.stdout.splitlines()[-2:] == ["camera hall: number 1", "camera gym: number 2"]
    assert again.stdout == first.stdout
    bus = KafkaBus(kafka.servers, prefix=prefix)
    try:
        assert {facts.name for facts in bus.describe()} == {spec.name for spec in kafka_topics()}
        codec = AvroStateCodec(SchemaBook(), "camera", CameraSpec)
        records = bus.read(CAMERAS, frozenset(range(PARTITIONS)))
        found = {record.key.decode(): codec.decode(record.value) for record in records if record.value is not None}
        assert {name: spec.mode for name, spec in found.items()} == {"hall": "archive", "gym": "live"}
    finally:
        bus.close()
    with psycopg.connect(empty_dsn) as connection:
        assert connection.execute("SELECT count(*) FROM pose.cameras").fetchone() == (2,)


def test_a_broker_that_never_comes_is_waited_for_so_long(own_dsn: str) -> None:
    began = time.monotonic()

    done = init("--patience", "1", dsn=own_dsn, servers="127.0.0.1:9")

    assert done.returncode != 0
    assert "127.0.0.1:9" in done.stderr
    assert "Traceback" not in done.stderr
    assert time.monotonic() - began < 40


def test_a_database_that_never_comes_is_waited_for_so_long() -> None:
    done = init("--patience", "1", dsn="postgresql://owner:secret@127.0.0.1:9/posebus", servers="127.0.0.1:9")

    assert done.returncode == 4
    assert "127.0.0.1:9" in done.stderr
    assert "secret" not in done.stderr
    assert "Traceback" not in done.stderr
