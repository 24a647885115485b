"""Every fact that a database holds, as text, to compare two histories byte by byte."""

from __future__ import annotations

from pathlib import Path

from pipeline.database import open_database

TABLES = {
    "cameras": "camera_no",
    "poses": "camera_no, ts, track_id",
    "measures": "camera_no, ts, track_id",
    "frame_outcomes": "camera_no, session, frame_no",
    "events": "camera_no, ts, event_id",
    "incidents": "incident_id",
    "incident_steps": "incident_id, version",
    "tracks": "track_id",
    "dead_letters": "letter_id",
}


def dump(database: Path | str) -> dict[str, list[bytes]]:
    """The rows of each table, as COPY writes them, of a home or of an address."""
    found = {}
    dsn, home = (None, database) if isinstance(database, Path) else (database, Path("unused"))
    with open_database(dsn, home, migrate=False) as opened:
        connection = opened.address.connect("owner")
        try:
            for table, order in TABLES.items():
                statement = f"COPY (SELECT * FROM pose_raw.{table} ORDER BY {order}) TO STDOUT"
                with connection.cursor().copy(statement.encode()) as copy:
                    found[table] = b"".join(copy).splitlines()
        finally:
            connection.close()
    return found
