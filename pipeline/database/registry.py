"""Which number a camera has, who works on it, and when its files began."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from pipeline.core.errors import ConfigError
from pipeline.database import failures
from pipeline.database.connect import Address, Connection
from pipeline.database.rows import clean
from pipeline.database.session import Session

_HOLD_KEY = 0x706F7365
_HOLD_WAIT_S = 2.0
"""How long to wait for the server to notice that a killed run is gone."""

_HOLDER = """
SELECT coalesce(a.application_name, '?') FROM pg_locks l LEFT JOIN pg_stat_activity a USING (pid)
WHERE l.locktype = 'advisory' AND l.granted AND l.classid = %s::bigint::oid AND l.objid = %s::bigint::oid
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


class CameraRegistry:
    """Issues camera numbers, and lets one process at a time work on a camera."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._session = Session(address, "writer")

    def camera_no(self, name: str) -> int:
        """The number of the camera, 1..32767, issued once for each name. Raises ConfigError when none is left."""

        def work(connection: Connection) -> int:
            try:
                row = connection.execute("SELECT pose_raw.camera_number(%s)", (clean(name),)).fetchone()
            except psycopg.errors.NumericValueOutOfRange:
                raise ConfigError(
                    f"camera {name!r}: this database has issued all its 32767 camera numbers",
                    hint="numbers are never used again; use another database",
                ) from None
            assert row is not None
            return int(row[0])

        return self._session.run(work)

    @contextmanager
    def hold(self, camera_no: int, name: str | None = None, run: int = 0) -> Iterator[None]:
        """Be the only process that works on this camera and run, on this database, until the end of the block.

        The database gives it up by itself when this process dies.

        Args:
            camera_no: Which camera.
            name: What the user calls it, for the message.
            run: Which run; replays do not stand in the way of the live one.

        Raises:
            ConfigError: Another process has it.
        """
        connection = self._address.connect("writer")
        try:
            try:
                self._acquire(connection, camera_no, repr(name) if name else str(camera_no), run)
            except psycopg.Error as error:
                raise failures.meaning(error, str(self._address)) from error
            yield
        finally:
            connection.close()

    def close(self) -> None:
        """Close the connection; what is held stays held."""
        self._session.close()

    def _acquire(self, connection: Connection, camera_no: int, shown: str, run: int) -> None:
        if self._address.server is None:
            # A holder whose machine vanished: the server gives up its lock after half a minute, not two hours.
            connection.execute("SET tcp_keepalives_idle = 15")
            connection.execute("SET tcp_keepalives_interval = 5")
            connection.execute("SET tcp_keepalives_count = 3")
        key = _HOLD_KEY ^ run
        deadline = time.monotonic() + _HOLD_WAIT_S
        while True:
            row = connection.execute("SELECT pg_try_advisory_lock(%s::int, %s::int)", (key, camera_no)).fetchone()
            if row and row[0]:
                return
            if time.monotonic() > deadline:
                break
            time.sleep(0.05)
        holder = connection.execute(_HOLDER, (key, camera_no)).fetchone()
        raise ConfigError(
            f"camera {shown}: another process is working on it ({holder[0] if holder else 'just gone'})",
            hint="wait for it or end it, or give this source another name with --camera",
        )


class SourceTimes:
    """When each file began, so that a file read again has the same event times."""

    def __init__(self, address: Address) -> None:
        self._session = Session(address, "writer")

    def start_of(self, camera_no: int, fingerprint: str) -> int | None:
        """Event time of the first picture in microseconds, or None for a content not seen before."""
        return self._number(
            "SELECT start_us FROM pose_raw.sources WHERE camera_no = %s AND fingerprint = %s", (camera_no, fingerprint)
        )

    def remember(self, camera_no: int, fingerprint: str, start_us: int) -> None:
        """Keep the start of a content, in place of an earlier one."""
        self._session.run(
            lambda connection: connection.execute(
                "INSERT INTO pose_raw.sources (camera_no, fingerprint, start_us) VALUES (%s, %s, %s)"
                " ON CONFLICT (camera_no, fingerprint) DO UPDATE SET start_us = excluded.start_us",
                (camera_no, fingerprint, start_us),
            )
        )

    def last_captured(self, run: int, camera_no: int) -> int | None:
        """Event time of the last frame in any cut of this camera, in microseconds."""
        found = self._number(
            "SELECT last_captured_us FROM pose_raw.cuts WHERE run = %s AND camera_no = %s", (run, camera_no)
        )
        return found or None

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def _number(self, statement: str, parameters: tuple[int | str, ...]) -> int | None:
        row = self._session.run(lambda connection: connection.execute(statement.encode(), parameters).fetchone())
        return None if row is None else int(row[0])
