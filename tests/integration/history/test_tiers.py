"""One story on every server: the embedded one, or that of POSEBUS_TEST_TIMESCALE_DSN, and the system's own 15."""

from __future__ import annotations

from pathlib import Path
from threading import Thread

import psycopg
import pytest

from benchmarks.months import Months
from pipeline.core.errors import DatabaseError, PosebusError
from pipeline.core.history import HistoryPolicy
from pipeline.core.ports import TopicPartition
from pipeline.database import Database, open_database
from pipeline.database.connect import Address
from pipeline.database.migrate import migrate, packaged
from tests.debian import debian_server
from tests.homes import Server, new_database
from tests.integration.database.test_sink import count, frames
from tests.integration.history.conftest import TODAY, filled_database
from tests.integration.history.older import columns_of_views, put_rows, rows_of_views
from tests.integration.history.test_rollups import all_rows

SHORT = Months(cameras=2, days=2, until=TODAY, hours=0.05, segment_s=60)
PLACE = TopicPartition("motions@1", 0)


@pytest.fixture(params=["server", "debian"])
def anywhere(request: pytest.FixtureRequest) -> Server:
    found: Server = request.getfixturevalue(request.param)
    return found


def test_a_life_of_a_history(anywhere: Server) -> None:
    with filled_database(anywhere, SHORT) as database:
        assert database.migrate() == ()
        rollups = all_rows(database)
        poses = count(database)
        done = database.maintain(HistoryPolicy(retention_s=30 * 86400.0, compress_after_s=60.0))
        assert done.refreshed
        assert bool(done.compressed) == (database.status().tier == "ts-full")
        assert (count(database), all_rows(database)) == (poses, rollups)
        track = database.query("SELECT track_id FROM tracks WHERE camera = 'gym1' LIMIT 1").rows[0][0]
        erased = database.erase(track_id=track).removed["poses"]
        assert count(database) == poses - erased < poses
        database.maintain(HistoryPolicy(retention_s=60.0))
        assert count(database) == 0
        assert all_rows(database)["people_hourly"]


@pytest.mark.parametrize("number", [migration.number for migration in packaged()])
def test_every_older_version_is_brought_up_with_data_in_it(server: Server, number: int) -> None:
    address = Address(new_database(server, "template0"))
    with address.connect("owner") as owner, Database(address) as database:
        migrate(owner, str(address), [each for each in packaged() if each.number <= number])
        compressed = put_rows(owner, number)
        columns = columns_of_views(owner)
        before = {run: rows_of_views(owner, columns, run) for run in (0, 3)}

        applied = database.migrate()

        assert len(applied) == sum(each.number > number for each in packaged())
        assert {run: rows_of_views(owner, columns, run) for run in (0, 3)} == before
        now = rows_of_views(owner, columns_of_views(owner), 0)
        assert now.keys() >= columns.keys()
        silent = {view for view, rows in now.items() if not rows}
        assert silent == {view for view in now if without_rows(view, number)}
        assert len(now["pose.keypoints"]) == 10 * 33
        assert database.query("SELECT posture, seconds FROM time_in_posture").rows == [("stand", 4.0)] * 2
        status = database.status()
        assert status.compressed_units == compressed
        assert bool(compressed) == (status.tier == "ts-full" and number >= 8)
        # And it is a history that goes on: late rows, upkeep, and another run removed.
        database.maintain(HistoryPolicy(compress_after_s=60))
        database.remove_run(3)
        after = rows_of_views(owner, columns, 0)
        of_runs = {view for view in after if "raw_" not in view}  # the others hold all runs
        assert {view: rows for view, rows in after.items() if view in of_runs and rows != before[0][view]} == {}


def without_rows(view: str, number: int) -> bool:
    """Whether this version had no table behind the view yet, or nobody was held to cameras."""
    since = {"deliveries": 3, "camera_status": 5}.get(view.rpartition(".")[2], 1)
    return number < (max(since, 10) if view.startswith("pose_held.") else since)


def test_a_server_killed_in_the_middle_of_a_batch_leaves_all_or_nothing(own_dsn: str) -> None:
    """As PostgreSQL sees it when the connection dies in COPY; the sink goes on where it was."""
    with open_database(own_dsn, Path("unused")) as database:
        sink = database.sink()
        sink.claim(frozenset({PLACE}))
        sink.write(frames(0, 10), {PLACE: 10})
        stop: list[bool] = []

        def terminate() -> None:
            with psycopg.connect(own_dsn, autocommit=True) as killer:
                while not stop:
                    killer.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                        " AND application_name LIKE 'posebus writer%%' AND query LIKE 'COPY%%'"
                    )

        killing = Thread(target=terminate)
        killing.start()
        at, failed = 10, 0
        try:
            for _ in range(2000):
                if at >= 60 and failed:
                    break
                try:
                    sink.write(frames(at, at + 10), {PLACE: at + 10})
                    at += 10
                except PosebusError:
                    failed += 1
                    # What was committed unheard is not lost: a repetition leaves it once.
                    assert sink.offsets(PLACE.topic)[PLACE] in (at, at + 10)
        finally:
            stop.append(True)
            killing.join()
        assert failed
        assert count(database) == 2 * at


def test_the_tier_follows_the_licence_of_the_server() -> None:
    with debian_server(timescale=True) as server:
        with open_database(server.dsn, Path("unused")) as database, database.address.connect("owner") as owner:
            assert put_rows(owner, packaged()[-1].number) > 0
            assert database.status().tier == "ts-full"
            rows = count(database)
        for licence, tier in (("apache", "ts-apache"), ("timescale", "ts-full")):
            server.stop()
            with (server.folder / "data" / "postgresql.conf").open("a") as conf:
                conf.write(f"timescaledb.license = '{licence}'\n")
            server.start()
            with open_database(server.dsn, Path("unused")) as database:
                assert database.status().tier == tier
                if licence == "apache":
                    with pytest.raises(DatabaseError, match="compressed data is not supported"):
                        count(database)
                    assert count(database, "events") > 0
                else:
                    assert count(database) == rows > 0
