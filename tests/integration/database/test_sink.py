from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from pipeline.core.errors import DatabaseError, InvalidRecord, SinkUnavailable
from pipeline.core.ports import Cut, Position, TopicPartition
from pipeline.core.records import Record
from pipeline.core.values import Motions, Transition
from pipeline.database import Database, PostgresSink, open_database, write
from pipeline.database.connect import Address, Connection
from tests import samples
from tests.integration.database.test_sink_contract import content

MOTIONS = next(value for value in samples.values()["motions"] if isinstance(value, Motions))


def frames(start: int, stop: int) -> list[Record[Any]]:
    return [Record(samples.stamp(n), MOTIONS) for n in range(start, stop)]


def count(database: Database, view: str = "poses") -> int:
    return int(next(iter(database.query(f"SELECT count(*) FROM {view}").rows))[0])


@contextmanager
def failing(owner: Connection, table: str, state: str, message: str) -> Iterator[None]:
    """Every insertion into the table fails like this."""
    owner.execute(
        "CREATE FUNCTION public.fail() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN RAISE EXCEPTION '{message}' USING ERRCODE = '{state}'; END $$".encode()
    )
    owner.execute(f"CREATE TRIGGER fail BEFORE INSERT ON pose_raw.{table} EXECUTE FUNCTION public.fail()".encode())
    yield
    owner.execute("DROP FUNCTION public.fail CASCADE")


def test_rows_come_where_the_days_are_new_old_and_mixed(database: Database) -> None:
    times = [samples.stamp().captured_at_us, 0, 951_782_400_000_000, 86_399_999_999]
    database.sink().write([Record(samples.stamp(n, at_us=at), MOTIONS) for n, at in enumerate(times)])

    assert count(database) == 8


@pytest.mark.parametrize("at_us", [-1, 4_102_444_800_000_000])
def test_a_camera_with_a_wrong_clock_is_told(database: Database, at_us: int) -> None:
    with pytest.raises(InvalidRecord, match="lies before 1970 or more than a year ahead"):
        database.sink().write([Record(samples.stamp(at_us=at_us), MOTIONS)])


def test_a_replay_with_other_content_changes_nothing(database: Database, dsn: str) -> None:
    sink = database.sink()
    sink.write(frames(0, 5))
    before = content(dsn)

    other = Motions(samples.poses(seed=9), MOTIONS.track_id, MOTIONS.flags)
    sink.write([replace(record, value=other) for record in frames(0, 5)])

    assert content(dsn) == before


def test_of_a_long_replay_only_the_first_batch_is_refused_before_it_is_sorted_out(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    targets: list[str] = []

    def noting(connection: Connection, target: str, table: str, pieces: Sequence[bytes]) -> int:
        if table == "poses":
            targets.append(target)
        return copy_into(connection, target, table, pieces)

    copy_into = write._copy_into
    monkeypatch.setattr(write, "_copy_into", noting)
    straight, sorted_out = "pose_raw.poses", "pg_temp.poses_stage"
    sink = database.sink()
    sink.write(frames(0, 15))
    assert targets == [straight]

    for start in (0, 5, 10):
        sink.write(frames(start, start + 5))
    assert targets[1:] == [straight, sorted_out, sorted_out, sorted_out]

    sink.write(frames(12, 18))  # its end is new
    sink.write(frames(18, 20))  # all of it is
    sink.write(frames(20, 22))
    assert targets[5:] == [sorted_out, sorted_out, straight]
    assert count(database) == 22 * len(MOTIONS.track_id)


def test_the_metres_of_keypoints_can_be_left_out(dsn: str, tmp_path: Path) -> None:
    asked = "SELECT count(*), count(x), count(z), count(score), count(world_x), count(world_z) FROM keypoints"
    with open_database(dsn, tmp_path, migrate=False, world=False) as database:
        database.sink().write(frames(0, 2))
        database.cuts().commit(Cut(0, 1, 1, Position(1, 4, 0, ""), {}, frames(2, 4)))
        ((people, x, z, score, *world),) = database.query(asked).rows

    assert (people, x > 0, z > 0, score > 0) == (4 * 2 * 33, True, True, True)
    assert world == [0, 0]


def test_a_database_that_took_no_writes_for_a_while_is_written_to_again(database: Database, owner: Connection) -> None:
    setting = f"ALTER DATABASE {owner.info.dbname} SET default_transaction_read_only ="
    sink = database.sink()
    owner.execute(f"{setting} on".encode())
    try:
        # It connects only now, so that its connection has this for its default.
        with pytest.raises(SinkUnavailable, match="read-only"):
            sink.write(frames(0, 5))
    finally:
        owner.execute("SET default_transaction_read_only = off")
        owner.execute(f"{setting} off".encode())

    sink.write(frames(0, 5))

    assert count(database) == 10


def test_two_sinks_that_write_the_same_at_once_leave_it_once(database: Database) -> None:
    def write(_: int) -> None:
        sink = database.sink()
        for start in range(0, 40, 10):
            sink.write(frames(start, start + 10))

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(write, range(3)))

    assert count(database) == 80
    assert count(database, "tracks") == 2


def test_a_partition_that_was_dropped_meanwhile_is_made_again(database: Database, owner: Connection) -> None:
    sink = database.sink()
    sink.write(frames(0, 2))
    named = "SELECT unit::text FROM pose_raw.raw_units() WHERE parent = 'poses'"
    for (name,) in owner.execute(named).fetchall():
        owner.execute(f"DROP TABLE {name}".encode())

    sink.write(frames(2, 4))

    assert count(database) == 4


def test_incidents_show_their_latest_step_whatever_the_order(database: Database) -> None:
    def step(version: int, state: str, at_s: int) -> Record[Transition]:
        start = samples.stamp().captured_at_us
        opened = next(v for v in samples.values()["transition"] if isinstance(v, Transition))
        value = replace(
            opened,
            version=version,
            state=state,
            started_at_us=start,
            at_us=start + at_s * 1_000_000,
            text=f"v{version}",
        )
        return Record(samples.stamp(version), value)

    sink = database.sink()
    sink.write([step(2, "update", 1), step(1, "new", 0)])
    sink.write([step(3, "end", 5)])
    sink.write([step(2, "update", 1)])

    rows = database.query(
        "SELECT version, state, text, extract(epoch FROM ts - started), extract(epoch FROM ended - started)"
        " FROM incidents"
    ).rows
    assert rows == [(3, "end", "v3", 5, 5)]
    steps = database.query("SELECT version, state FROM incident_steps ORDER BY version").rows
    assert steps == [(1, "new"), (2, "update"), (3, "end")]


def test_offsets_rest_with_the_rows_and_never_go_back(database: Database, owner: Connection) -> None:
    sink = database.sink("facts")
    place, other = TopicPartition("motions", 3), TopicPartition("motions", 4)

    sink.write(frames(0, 2), {place: 20, other: 5})
    sink.write([], {place: 10})
    with failing(owner, "frame_outcomes", "23514", "no"), pytest.raises(DatabaseError):
        sink.write(frames(2, 4), {place: 40})

    assert sink.offsets("motions") == {place: 20, other: 5}
    assert database.sink("others").offsets("motions") == {}
    assert count(database) == 4


@pytest.mark.parametrize(
    ("state", "message", "hint"),
    [
        ("53100", "could not extend file: No space left on device", "disk of the database is full"),
        ("53200", "out of memory", "short of memory"),
        ("57P01", "terminating connection due to administrator command", "goes on by itself"),
        ("40001", "could not serialize access", ""),
    ],
)
def test_an_outage_passes_and_leaves_nothing_of_the_batch(
    database: Database, owner: Connection, state: str, message: str, hint: str
) -> None:
    sink = database.sink()
    # The last table of the batch: the others have their rows by then.
    with failing(owner, "frame_outcomes", state, message), pytest.raises(SinkUnavailable, match=message) as caught:
        sink.write(frames(0, 3))
    assert hint in str(caught.value.hint or "")
    assert caught.value.retry_after_s > 0
    assert count(database) == count(database, "tracks") == 0

    sink.write(frames(0, 3))

    assert count(database) == 6


def test_a_connection_ended_by_an_administrator_is_made_anew(database: Database, owner: Connection) -> None:
    sink = database.sink()
    sink.write(frames(0, 1))
    owner.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name LIKE 'posebus writer%'"
    )

    with pytest.raises(SinkUnavailable, match=r"terminating connection|connection lost"):
        sink.write(frames(1, 2))
    sink.write(frames(1, 2))

    assert count(database) == 4


def test_a_database_that_takes_no_writes_is_told(own_dsn: str) -> None:
    with psycopg.connect(own_dsn) as connection:
        name = connection.info.dbname
        connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on".encode())

    sink = PostgresSink(Address(own_dsn))
    with pytest.raises(SinkUnavailable, match="read-only transaction") as caught:
        sink.write(frames(0, 1))
    sink.close()

    assert "takes no writes now" in str(caught.value.hint)


def test_a_database_without_the_schema_says_what_to_do(empty_dsn: str) -> None:
    sink = PostgresSink(Address(empty_dsn))
    with pytest.raises(DatabaseError) as caught:
        sink.write(frames(0, 1))
    sink.close()

    assert caught.value.hint == "run `posebus db migrate`"


def test_a_reader_in_a_long_transaction_does_not_hold_up_a_new_day(database: Database, dsn: str) -> None:
    sink = database.sink()
    sink.write(frames(0, 1))
    with psycopg.connect(dsn) as reader:
        reader.execute("SELECT count(*) FROM pose.poses")  # its transaction stays open, with its locks

        sink.write([Record(samples.stamp(1, at_us=0), MOTIONS)])

    assert count(database) == 4
