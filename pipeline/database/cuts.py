"""Consistent cuts of embedded runs: rows, states and positions of the sources in one transaction."""

from __future__ import annotations

from dataclasses import astuple
from datetime import date

from pipeline.core.errors import StateError
from pipeline.core.ports import Cut, Position
from pipeline.database.connect import Address, Connection
from pipeline.database.rows import Rows, rows_of
from pipeline.database.session import Session
from pipeline.database.sink import retry_without_partition
from pipeline.database.write import ensure_days, write_rows

_LOAD = """
SELECT number, session, next_seq, last_captured_us, fingerprint, finished FROM pose_raw.cuts
WHERE run = %s AND camera_no = %s
"""
_LOCK = "SELECT number FROM pose_raw.cuts WHERE run = %s AND camera_no = %s FOR UPDATE"
_SAVE = """
INSERT INTO pose_raw.cuts (run, camera_no, number, session, next_seq, last_captured_us, fingerprint, finished)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (run, camera_no) DO UPDATE
SET number = excluded.number, session = excluded.session, next_seq = excluded.next_seq,
    last_captured_us = excluded.last_captured_us, fingerprint = excluded.fingerprint, finished = excluded.finished
"""
_SAVE_STATE = """
INSERT INTO pose_raw.cut_snapshots (run, camera_no, stage, content) VALUES (%s, %s, %s, %s)
ON CONFLICT (run, camera_no, stage) DO UPDATE SET content = excluded.content
WHERE cut_snapshots.content <> excluded.content
"""
_FORGET_STATES = "DELETE FROM pose_raw.cut_snapshots WHERE run = %s AND camera_no = %s AND stage <> ALL(%s)"


class PostgresCuts:
    """Keeps the latest cut of each camera and run; implements `ports.CutStore`.

    A cut that was committed is taken again in silence (its commit may have succeeded without our hearing of it);
    an older one is refused: some other process has gone on from there.

    Args:
        address: Where.
        world: Whether the metres of keypoints rest too.
    """

    def __init__(self, address: Address, *, world: bool = True) -> None:
        self._world = world
        self._days: set[date] = set()
        self._repeated: set[str] = set()
        self._session = Session(address, "writer", on_connect=lambda _: self._days.clear())

    def load(self, run: int, camera_no: int) -> Cut | None:
        """The last cut of this camera, without its records."""

        def work(connection: Connection) -> Cut | None:
            with connection.transaction():
                found = connection.execute(_LOAD, (run, camera_no)).fetchone()
                if found is None:
                    return None
                states = connection.execute(
                    "SELECT stage, content FROM pose_raw.cut_snapshots WHERE run = %s AND camera_no = %s",
                    (run, camera_no),
                ).fetchall()
            number, *position = found
            return Cut(
                run, camera_no, number, Position(*position), {stage: bytes(content) for stage, content in states}
            )

        return self._session.run(work)

    def commit(self, cut: Cut) -> None:
        """All or nothing.

        Raises:
            SinkUnavailable: Call again with the same cut.
            StateError: The database has a later cut of this camera and run.
            InvalidRecord, DatabaseError: See `PostgresSink.write`.
        """
        rows = rows_of(cut.records, world=self._world)
        self._session.run(lambda connection: self._commit(connection, cut, rows))

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def _commit(self, connection: Connection, cut: Cut, rows: Rows) -> None:
        key = (cut.run, cut.camera_no)

        def once() -> None:
            ensure_days(connection, rows, self._days)
            with connection.transaction():
                found = connection.execute(_LOCK, key).fetchone()
                if found is not None and found[0] >= cut.number:
                    if found[0] == cut.number:
                        return
                    raise StateError(
                        f"camera {cut.camera_no}, run {cut.run}: cut {cut.number} comes after cut {found[0]}",
                        hint="another posebus process works on this camera: end one of them",
                    )
                write_rows(connection, rows, self._repeated)
                connection.execute(_SAVE, (*key, cut.number, *astuple(cut.position)))
                if cut.snapshots:
                    states = [(*key, stage, content) for stage, content in sorted(cut.snapshots.items())]
                    connection.cursor().executemany(_SAVE_STATE, states)
                connection.execute(_FORGET_STATES, (*key, list(cut.snapshots)))

        retry_without_partition(once, self._days)
