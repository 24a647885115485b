"""A camera that goes on where its states are gone gives nobody the number of somebody else who is stored."""

from __future__ import annotations

import os
from pathlib import Path

import psycopg
import pytest

from pipeline.bus.memory import MemoryBus
from pipeline.cli.numbers import beyond, seed_numbers
from pipeline.codec.schemas import SchemaBook
from pipeline.codec.states import AvroStateCodec
from pipeline.core.cameras import CameraSpec
from pipeline.core.numbering import Progress
from pipeline.database import open_database
from pipeline.runners.worker.reading import Reading
from pipeline.state.changelog import ChangelogStore
from pipeline.topology import CHANGELOGS, kafka_topics
from stages.track import TrackState
from tests.e2e.conftest import Program
from tests.e2e.painted import CONFIG, painted
from tests.homes import Server, new_database

FRAMES = 50
EARLIER = ("--start-time", "2026-01-01T09:00:00Z")
LATER = ("--start-time", "2026-03-01T09:00:00Z")


@pytest.fixture(scope="module")
def gym(tmp_path_factory: pytest.TempPathFactory) -> str:
    return painted(tmp_path_factory.mktemp("painted") / "gym", FRAMES)


@pytest.fixture
def config(tmp_path: Path) -> str:
    (tmp_path / "c.yaml").write_text(CONFIG)
    return str(tmp_path / "c.yaml")


def people(dsn: str) -> list[tuple[int, int, int]]:
    """(number of the person, session, poses), in order."""
    with psycopg.connect(dsn) as connection:
        return connection.execute(
            "SELECT track_id & 65535, session, count(*) FROM pose_raw.poses GROUP BY 1, 2 ORDER BY 1, 2"
        ).fetchall()


def test_a_run_goes_on_behind_imported_people(
    program: Program, server: Server, gym: str, config: str, dsn: str
) -> None:
    program("run", gym, "--config", config, "--db", dsn, *EARLIER).done()
    program("export", "--db", dsn, "-o", "gym.parquet").done()
    other = new_database(server)
    program("import", "gym.parquet", "--db", other).done()

    program("run", gym, "--config", config, "--db", other, *LATER).done()

    ((_, _, poses),) = people(dsn)
    assert people(other) == [(1, 1, poses), (2, 2, poses)]
    program("import", "gym.parquet", "--db", other).done()
    assert people(other) == [(1, 1, poses), (2, 2, poses)]


def test_a_run_goes_on_behind_a_restored_backup(
    program: Program, server: Server, gym: str, config: str, own_dsn: str
) -> None:
    program("run", gym, "--config", config, "--db", own_dsn, *EARLIER).done()
    program("db", "backup", "b.zip", "--db", own_dsn).done()
    restored = new_database(server, "template0")
    program("db", "restore", "b.zip", "--db", restored).done()
    with psycopg.connect(restored) as connection:  # as one that workers over Kafka wrote
        connection.execute("TRUNCATE pose_raw.cuts, pose_raw.cut_snapshots")

    program("run", gym, "--config", config, "--db", restored, *LATER).done()

    ((_, _, poses),) = people(own_dsn)
    assert people(restored) == [(1, 1, poses), (2, 2, poses)]


def test_an_export_whose_numbers_others_have_is_refused(
    program: Program, server: Server, gym: str, config: str, dsn: str
) -> None:
    program("run", gym, "--config", config, "--db", dsn, *EARLIER).done()
    program("export", "--db", dsn, "-o", "gym.parquet").done()
    other = new_database(server)
    program("run", gym, "--config", config, "--db", other, *LATER).done()
    before = people(other)

    refused = program("import", "gym.parquet", "--db", other)

    refused.refused(2, r"track \d+ is another person in this database, seen \d+ s apart", "--camera")
    assert people(other) == before
    program("import", "gym.parquet", "--db", other, "--camera", "archive").done()
    program("import", "gym.parquet", "--db", other, "--run", "3").done()


def test_an_attached_camera_takes_no_people_whose_numbers_it_will_give(
    program: Program, server: Server, gym: str, config: str, dsn: str
) -> None:
    program("run", gym, "--config", config, "--db", dsn, *EARLIER).done()
    program("export", "--db", dsn, "-o", "gym.parquet").done()
    other = new_database(server)
    program("camera", "add", "gym", "sim://gym", "--db", other).done()

    program("import", "gym.parquet", "--db", other).refused(2, "camera gym is attached here", "before the camera")

    program("camera", "rm", "gym", "--db", other).done()
    program("import", "gym.parquet", "--db", other).done()


def test_workers_without_states_begin_behind_the_rows(
    program: Program, gym: str, config: str, dsn: str, tmp_path: Path
) -> None:
    program("run", gym, "--config", config, "--db", dsn, *EARLIER).done()
    bus = MemoryBus()
    bus.ensure(kafka_topics())
    with open_database(dsn, tmp_path, migrate=False) as database:
        number = database.registry().camera_no("gym")
        cameras = [CameraSpec("gym", number, "sim://gym"), CameraSpec("new", number + 1, "sim://gym")]

        assert seed_numbers(bus, database, cameras, f"init-{os.getpid()}") == ["gym"]
        assert seed_numbers(bus, database, cameras, f"init-{os.getpid()}") == []  # what is there is left alone

    store, book = ChangelogStore(bus, "worker", CHANGELOGS), SchemaBook()
    place = frozenset({number % 24})
    reading: Reading = AvroStateCodec(book, "reading", Reading).decode(store.load("ingest", place)["gym"].content)
    assert (reading.session, reading.finished) == (1, False)
    track = store.load("track", place)["gym"].content
    progress: Progress = AvroStateCodec(book, "progress", Progress).decode(track)
    state: TrackState = AvroStateCodec(book, "track", TrackState).decode(progress.state)
    assert state.counter == 1
    assert beyond({"track": track}, 1)["track"] == track
    assert beyond({"track": track}, 2)["track"] != track
